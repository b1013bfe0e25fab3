"""`edgeonnx bench`: what it measures, prints, writes and draws, and when it refuses to."""

from __future__ import annotations

import json
import pickle
import signal
import struct
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pandas
import psutil
import pyarrow as pa
import pyarrow.parquet
import pytest
from onnx import TensorProto, helper
from sklearn.linear_model import LogisticRegression

import edgeonnx as eo
import models
import networks
import trained
from _command import Running, add_model, edgeonnx, failed_with_one_line
from edgeonnx._bench import spreads_of
from edgeonnx._bench._agreement import Disagreement, compare
from edgeonnx._bench._workload import feeds_of, generated
from models import graph, tensor
from old_graphs import CASES

QUICK = ("--seconds", "1.5", "--batch-sizes", "1,50")
NAMES = ["edgeonnx", "onnxruntime, columns stacked", "onnxruntime, run alone"]


def measured(*arguments: str | Path) -> dict[str, Any]:
    """What a run of `bench` prints as JSON."""
    done = edgeonnx("bench", *arguments, "--to", "json")
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr == b""
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def saved(path: Path, model: bytes) -> Path:
    path.write_bytes(model)
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Y = a + b of an int and a real column."""
    return add_model(tmp_path / "add.onnx", {"a": TensorProto.INT32, "b": TensorProto.FLOAT})


def check_figures(result: dict[str, Any], sizes: list[int], names: list[str] = NAMES) -> None:
    """Every figure is there, and those that belong together fit."""
    assert [each["name"] for each in result["contenders"]] == names
    for each in result["contenders"]:
        assert 0 < each["load_s"] < 60
        assert 0 <= each["peak_growth_bytes"] < 1 << 30
        assert (each["agreement"] is None) == (each["name"] == "edgeonnx")
    assert [batch["rows"] for batch in result["batches"]] == sizes
    for batch in result["batches"]:
        assert batch["rounds"] >= 3
        assert [each["contender"] for each in batch["results"]] == names
        for each in batch["results"]:
            assert 0 < each["p50_s"] <= each["p90_s"] <= each["p99_s"]
            assert each["rows_per_s"] == pytest.approx(batch["rows"] / each["median_s"])
            assert each["calls"] >= batch["rounds"]
        assert batch["results"][0]["times_as_long_as_edgeonnx"] == 1


# --------------------------------------------------------------------------------------------------------------------------- what it prints


def test_bench_as_json_holds_every_figure(model: Path) -> None:
    result = measured(model, *QUICK)
    check_figures(result, [1, 50])
    assert result["edgeonnx"] == eo.__version__
    assert result["contenders"][1]["version"] == onnxruntime.__version__
    assert result["machine"]["processor"]
    assert result["machine"]["n_cores"] >= 1
    assert result["model"] == {"path": str(model), "bytes": model.stat().st_size, "plan": result["model"]["plan"]}
    assert result["data"] == {"path": None, "rows": 50, "rows_left_out": 0, "columns": {"a": "int32", "b": "float32"}}
    assert result["left_out"] == []


def test_bench_as_a_table_names_model_machine_versions_and_sizes(model: Path) -> None:
    done = edgeonnx("bench", model, *QUICK)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr == b""
    text = done.stdout.decode()
    for words in (
        "add.onnx, 2 columns, made up",
        "rows a second, median round",
        f"edgeonnx {eo.__version__}",
        f"onnxruntime {onnxruntime.__version__}, columns stacked",
        f"onnxruntime {onnxruntime.__version__}, run alone",
        "p50",
        "p99",
        "memory, 50 rows",
        "worst difference",
    ):
        assert words in text
    assert "Traceback" not in text


def test_bench_leaves_out_what_there_is_no_time_for(tmp_path: Path) -> None:
    slow = saved(tmp_path / "deep.onnx", models.deep_network(512, 12))
    began = time.perf_counter()
    result = measured(slow, "--seconds", "4", "--batch-sizes", "1,1e7")
    assert time.perf_counter() - began < 30
    assert [batch["rows"] for batch in result["batches"]] == [1]
    ((left),) = result["left_out"]
    assert left["rows"] == 10_000_000
    assert "--seconds" in left["why"]


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_bench_draws_a_chart(model: Path, tmp_path: Path, suffix: str) -> None:
    chart = tmp_path / f"chart{suffix}"
    assert edgeonnx("bench", model, *QUICK, "--chart", chart).returncode == 0
    content = chart.read_bytes()
    if suffix == ".svg":
        text = content.decode()
        assert text.count("<path") > 10
        assert "rows a second" in text or text.count("<use") > 20  # letters are shapes
        return
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", content[16:24])
    pixels = zlib.decompress(b"".join(data for kind, data in chunks_of(content) if kind == b"IDAT"))
    assert width > 600
    assert height > 400
    assert len(set(pixels[len(pixels) // 4 : len(pixels) // 2])) > 20  # no blank sheet


def chunks_of(png: bytes) -> list[tuple[bytes, bytes]]:
    chunks, at = [], 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        chunks.append((png[at + 4 : at + 8], png[at + 8 : at + 8 + length]))
        at += length + 12
    return chunks


# ------------------------------------------------------------------------------------------------------------------------ models and tables


def zipmap_classifier() -> bytes:
    from skl2onnx import to_onnx

    x = np.random.default_rng(2).normal(0, 1, (200, 3)).astype(np.float32)
    labels = np.array(["no", "yes"])[(x.sum(axis=1) > 0).astype(int)]
    return bytes(to_onnx(LogisticRegression().fit(x, labels), x[:1], target_opset=17).SerializeToString())


MODELS = {
    "one input of three": models.row_vectors,
    "several inputs": lambda: models.affine(("a", "b", "c")),
    "inputs of three and of one": models.two_inputs_mixed,
    "classes of text in a ZipMap": zipmap_classifier,
    "rows of matrices": models.row_matrices,
    "images": networks.digit_model,
    "halves": networks.half_digit_model,
    "a batch of 1 that depends on it": models.mean_over_batch,
    "doubles": lambda: models.identity("float64"),
}


@pytest.mark.parametrize("kind", MODELS)
def test_bench_of_every_kind_of_model(kind: str, tmp_path: Path) -> None:
    check_figures(measured(saved(tmp_path / "model.onnx", MODELS[kind]()), *QUICK), [1, 50])


def test_bench_of_a_model_that_fixes_several_rows_takes_multiples(tmp_path: Path) -> None:
    result = measured(saved(tmp_path / "four.onnx", models.mean_over_batch(4)), "--seconds", "2", "--batch-sizes", "1,4,40,50")
    check_figures(result, [4, 40])
    assert [each["rows"] for each in result["left_out"]] == [1, 50]
    assert "exactly 4 rows" in result["left_out"][0]["why"]


@pytest.mark.parametrize("suffix", ["parquet", "csv", "arrow"])
def test_bench_repeats_the_rows_of_a_table(model: Path, tmp_path: Path, suffix: str) -> None:
    table = pa.table({"B": np.arange(7.0), "a": np.arange(7), "note": ["x"] * 7})
    data = tmp_path / f"data.{suffix}"
    if suffix == "parquet":
        pa.parquet.write_table(table, data)
    elif suffix == "csv":
        table.to_pandas().to_csv(data, index=False)
    else:
        with pa.ipc.new_file(data, table.schema) as writer:
            writer.write_table(table)
    result = measured(model, data, *QUICK)
    check_figures(result, [1, 50])
    assert result["data"] == {"path": str(data), "rows": 7, "rows_left_out": 0, "columns": {"a": "int64", "B": "float64"}}


def test_bench_leaves_rows_with_nulls_out(model: Path, tmp_path: Path) -> None:
    pa.parquet.write_table(pa.table({"a": [1, None, 3], "b": [0.5, 0.5, None], "c": [None, 1, 1]}), tmp_path / "some.parquet")
    about = measured(model, tmp_path / "some.parquet", *QUICK)["data"]
    assert (about["rows"], about["rows_left_out"]) == (1, 2)
    pa.parquet.write_table(pa.table({"a": pa.array([1, None], pa.int64()), "b": [None, 0.5]}), tmp_path / "all.parquet")
    assert failed_with_one_line(edgeonnx("bench", model, tmp_path / "all.parquet", *QUICK), "every row", "NULL")


def test_bench_times_the_estimator_that_became_the_model(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    frame = pandas.DataFrame({name: rng.normal(0, 1, 300) for name in ("p", "q", "r")})
    classifier = LogisticRegression().fit(frame, frame.sum(axis=1) > 0)
    (tmp_path / "estimator.pkl").write_bytes(pickle.dumps(classifier))
    frame.to_parquet(tmp_path / "data.parquet")
    model = saved(tmp_path / "model.onnx", eo.convert(classifier, like=frame))
    arguments = (tmp_path / "data.parquet", "--estimator", tmp_path / "estimator.pkl", *QUICK)
    result = measured(model, *arguments)
    check_figures(result, [1, 50], [*NAMES, "estimator"])
    version = result["contenders"][3]["version"]
    assert version.startswith("scikit-learn ")
    assert version.endswith(", predict_proba")
    other = LogisticRegression().fit(frame, frame["p"] > 0)
    (tmp_path / "estimator.pkl").write_bytes(pickle.dumps(other))
    assert failed_with_one_line(edgeonnx("bench", model, *arguments), "edgeonnx and estimator disagree", "of 300 rows")


def test_bench_options_go_to_both(model: Path) -> None:
    result = measured(model, *QUICK, "--threads", "1", "--no-native", "--provider", "CPU")
    assert result["options"]["threads"] == 1
    assert "ONNX Runtime" in result["model"]["plan"]
    check_figures(result, [1, 50])


# ------------------------------------------------------------------------------------------------------------------------------- refusals


def test_bench_of_answers_that_differ_says_where_and_by_how_much(tmp_path: Path) -> None:
    """A model that draws numbers gives everyone his own."""
    noise = helper.make_node("RandomUniformLike", ["x"], ["noise"], low=0.0, high=1.0)
    random = graph(
        [noise, helper.make_node("Add", ["x", "noise"], ["y"])], [tensor("x", TensorProto.FLOAT)], [tensor("y", TensorProto.FLOAT)]
    )
    done = edgeonnx("bench", saved(tmp_path / "random.onnx", random), *QUICK)
    assert failed_with_one_line(done, "disagree in output 'y'", "rows differ by more than", "at the most; row ", "by edgeonnx")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["nowhere.onnx"], ["nowhere.onnx"], id="no model"),
        pytest.param(["add.onnx", "nowhere.csv"], ["nowhere.csv"], id="no data"),
        pytest.param(["add.onnx", "other.csv"], ["'a'", "'b'"], id="no such columns"),
        pytest.param(["add.onnx", "empty.csv"], ["no rows"], id="no rows"),
        pytest.param(["add.onnx", "data.csv", "--estimator", "nowhere.pkl"], ["nowhere.pkl"], id="no estimator"),
        pytest.param(["tokens.onnx"], ["'ids'", "leaves free", "give DATA"], id="free sizes"),
    ],
)
def test_bench_of_wrong_input_exits_1(model: Path, tmp_path: Path, arguments: list[str], words: list[str]) -> None:
    saved(tmp_path / "tokens.onnx", models.token_sum())
    (tmp_path / "data.csv").write_text("a,b\n1,2\n")
    (tmp_path / "other.csv").write_text("c,d\n1,2\n")
    (tmp_path / "empty.csv").write_text("a,b\n")
    paths = [argument if argument.startswith("--") else str(tmp_path / argument) for argument in arguments]
    assert failed_with_one_line(edgeonnx("bench", *paths, *QUICK), *words)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--batch-sizes", "0"], "1,100,1e6"),
        (["--batch-sizes", "many"], "1,100,1e6"),
        (["--chart", "chart.gif"], ".png"),
        (["--chart", "nowhere/chart.png"], "no such folder"),
        (["--seconds", "0"], "--seconds"),
        (["--estimator", "e.pkl"], "needs DATA"),
        (["--threads", "0"], "--threads"),
    ],
)
def test_bench_of_wrong_usage_exits_2(model: Path, arguments: list[str], word: str) -> None:
    done = edgeonnx("bench", model, *arguments)
    assert done.returncode == 2
    assert word in done.stderr.decode()


def test_bench_stops_at_ctrl_c_and_takes_its_processes_with_it(tmp_path: Path) -> None:

    slow = saved(tmp_path / "deep.onnx", models.deep_network(512, 12))
    with Running("bench", slow, "--seconds", "60") as command:
        children: list[Any] = []
        end = time.monotonic() + 60
        while len(children) < 3 and time.monotonic() < end:
            time.sleep(0.1)
            children = psutil.Process(command.pid).children(recursive=True)
        assert len(children) >= 3
        command.send_signal(signal.SIGINT)
        _, errors = command.communicate(timeout=20)
        assert command.returncode == 130
        assert errors.decode() == "edgeonnx: interrupted\n"
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive


# ----------------------------------------------------------------------------------------------------------------------- parts of the whole


def test_compare_tells_labels_that_tie_from_those_that_differ() -> None:
    ours = {"label": np.arange(5000), "score": np.ones(5000, np.float32)}
    theirs = {"label": np.arange(5000), "score": np.ones(5000, np.float32) * (1 + 1e-6)}
    theirs["label"][17] = -1
    assert compare("other", ours, theirs).n_rows_beyond == 1
    theirs["label"][:6] = -1
    with pytest.raises(Disagreement, match=r"'label': 7 of 5000 rows .* row 0 is 0 by edgeonnx, -1 by other"):
        compare("other", ours, theirs)


def test_compare_takes_nan_for_nan_and_nothing_else() -> None:
    ours = {"y": np.array([np.nan, np.inf, 1.0])}
    assert compare("other", ours, {"y": np.array([np.nan, np.inf, 1.0])}).worst_difference == 0
    for wrong in ([0.0, np.inf, 1.0], [np.nan, -np.inf, 1.0], [np.nan, np.inf, np.nan], [np.nan, np.inf, 1.001]):
        with pytest.raises(Disagreement, match="1 of 3 rows"):
            compare("other", ours, {"y": np.array(wrong)})


def test_feeds_are_what_a_user_puts_together() -> None:
    columns, feeds = generated(eo.Scorer(models.two_inputs_mixed()).inputs, 10)
    assert list(columns) == ["features_0", "features_1", "features_2", "bias"]
    expected = np.column_stack([columns[f"features_{k}"] for k in range(3)])
    np.testing.assert_array_equal(feeds[0].tensor(columns), expected)
    assert feeds[1].tensor(columns).shape == (10, 1)
    table = {"u": np.arange(4), "v": np.arange(4.0), "note": np.array(["x"] * 4, object), "w": np.ones(4)}
    (feed,) = feeds_of(eo.Scorer(models.row_vectors()).inputs, table)
    assert feed.columns == ("u", "v", "w")
    assert feed.tensor(table).dtype == np.float32
    np.testing.assert_array_equal(feed.row({"u": 1, "v": 2.0, "w": 3.0}), np.float32([[1, 2, 3]]))


def test_made_up_rows_lie_around_the_thresholds_of_trees(tmp_path: Path) -> None:
    case = CASES["TreeEnsembleRegressor"]
    path = saved(tmp_path / "tree.onnx", case.model(12, "N", 6))
    assert spreads_of(str(path)) == {("x", 1): (0.25, 0.25)}
    forest = saved(tmp_path / "forest.onnx", trained.TRAINED["lightgbm"]().model)
    inputs = eo.Scorer(forest).inputs
    columns, _ = generated(inputs, 2000, spreads_of(str(forest)))
    assert len(np.unique(eo.Scorer(forest).score(columns)["variable"].round(6))) > 200
