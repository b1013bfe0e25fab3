"""``edgeonnx score``: formats, options, streams, memory."""

import io
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pyarrow as pa
import pyarrow.csv
import pyarrow.ipc
import pyarrow.parquet
import pytest
from click.testing import CliRunner
from onnx import TensorProto, helper

import edgeonnx as eo
from _command import EXECUTABLE, Running, add_model, edgeonnx, failed_with_one_line
from edgeonnx.cli._app import app


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Y = a + b of an int and a real column."""
    return add_model(tmp_path / "add.onnx", {"a": TensorProto.INT32, "b": TensorProto.FLOAT})


@pytest.fixture
def table() -> pa.Table:
    return pa.table(
        {
            "id": pa.array(["x", "y, z", 'say "hi"']),
            "a": pa.array([1, 2, -3], pa.int32()),
            "b": pa.array([0.5, float("nan"), 1e6], pa.float32()),
        }
    )


def write(table: pa.Table, path: Path) -> Path:
    if path.suffix == ".parquet":
        pa.parquet.write_table(table, path)
    elif path.suffix == ".csv":
        pa.csv.write_csv(table, path)
    else:
        with (pa.ipc.new_file if path.suffix == ".arrow" else pa.ipc.new_stream)(path, table.schema) as writer:
            writer.write_table(table)
    return path


def read(path: Path) -> pa.Table:
    if path.suffix == ".parquet":
        return pa.parquet.read_table(path)
    if path.suffix == ".csv":
        convert = pa.csv.ConvertOptions(null_values=[""], column_types={"a": pa.int32(), "b": pa.float32(), "y": pa.float32()})
        return pa.csv.read_csv(path, convert_options=convert)
    with (pa.ipc.open_file if path.suffix == ".arrow" else pa.ipc.open_stream)(path) as reader:
        return reader.read_all()


# Runs a command and prints the KiB of memory that it held at most.
PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def stream_bytes(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


# ------------------------------------------------------------------------------------------------------------------------- score


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("in.parquet", "out.parquet"),
        ("in.parquet", "out.csv"),
        ("in.csv", "out.csv"),
        ("in.csv", "out.arrow"),
        ("in.arrow", "out.arrows"),
        ("in.arrows", "out.parquet"),
    ],
)
def test_score_between_formats_keeps_columns_and_adds_outputs(
    tmp_path: Path, model: Path, table: pa.Table, source: str, target: str
) -> None:
    run = edgeonnx("score", model, write(table, tmp_path / source), "-o", tmp_path / target)
    assert (run.returncode, run.stdout, run.stderr) == (0, b"", b"")
    scored = read(tmp_path / target)
    assert scored.column_names == ["id", "a", "b", "y"]
    if source == "in.csv" and target != "out.csv":  # text becomes the widest numbers of its kind
        table = table.set_column(1, "a", table["a"].cast(pa.int64())).set_column(2, "b", table["b"].cast(pa.float64()))
    assert str(scored.drop_columns("y")) == str(table)  # NaN is not equal to itself
    np.testing.assert_array_equal(scored["y"].to_numpy(), np.float32([1.5, np.nan, 999997.0]))
    assert scored["y"].null_count == 0


def test_score_in_batches_equals_onnxruntime_on_the_whole(tmp_path: Path) -> None:
    model = add_model(tmp_path / "m.onnx", {"a": TensorProto.INT64, "b": TensorProto.FLOAT})
    rng = np.random.default_rng(1)
    a, b = rng.integers(-9, 9, 1000), rng.normal(size=1000).astype(np.float32)
    data = write(pa.table({"a": a, "b": b}), tmp_path / "in.parquet")
    assert edgeonnx("score", model, data, "-o", tmp_path / "out.parquet", "--batch-rows", "300").returncode == 0
    expected = onnxruntime.InferenceSession(model).run(None, {"a": a.reshape(-1, 1), "b": b.reshape(-1, 1)})[0].ravel()
    scored = pa.parquet.ParquetFile(tmp_path / "out.parquet")
    assert [scored.metadata.row_group(i).num_rows for i in range(scored.num_row_groups)] == [300, 300, 300, 100]
    np.testing.assert_array_equal(scored.read()["y"].to_numpy(), expected)


def test_score_no_keep_writes_the_outputs_alone(tmp_path: Path, model: Path, table: pa.Table) -> None:
    for name in ("in.parquet", "in.csv"):
        out = tmp_path / "out.parquet"
        assert edgeonnx("score", model, write(table, tmp_path / name), "-o", out, "--no-keep").returncode == 0
        assert read(out).column_names == ["y"]


def test_score_with_list_chooses_type(tmp_path: Path, model: Path, table: pa.Table) -> None:
    out = tmp_path / "out.parquet"
    assert edgeonnx("score", model, write(table, tmp_path / "in.parquet"), "-o", out, "--with", "[y] float").returncode == 0
    assert read(out).schema.field("y").type == pa.float64()


def test_score_outputs_are_chosen_by_name(tmp_path: Path) -> None:
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 1]) for name in "xpq"]
    nodes = [helper.make_node("Neg", ["x"], ["p"]), helper.make_node("Abs", ["x"], ["q"])]
    path = tmp_path / "m.onnx"
    opsets = [helper.make_opsetid("", 17)]
    path.write_bytes(
        helper.make_model(helper.make_graph(nodes, "two", ports[:1], ports[1:]), opset_imports=opsets, ir_version=8).SerializeToString()
    )
    data = write(pa.table({"x": np.float32([-2])}), tmp_path / "in.parquet")
    for names, columns in ((["q"], ["x", "q"]), (["q", "p"], ["x", "q", "p"])):
        options = [part for name in names for part in ("--outputs", name)]
        assert edgeonnx("score", path, data, "-o", tmp_path / "out.parquet", *options).returncode == 0
        assert read(tmp_path / "out.parquet").column_names == columns
    assert failed_with_one_line(edgeonnx("score", path, data, "-o", tmp_path / "out.parquet", "--outputs", "r"), "'r'", "'p'", "'q'")


def test_score_plan_options_reach_the_scorer(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = {}

    class Spy(eo.Scorer):
        def __init__(self, model: str, **options: Any) -> None:
            seen.update({name: options[name] for name in ("native", "selfcheck", "deterministic")})
            super().__init__(model, **options)

    monkeypatch.setattr("edgeonnx.cli.score.Scorer", Spy)
    (tmp_path / "in.csv").write_text("a,b\n1,2\n")
    command = ["score", str(model), str(tmp_path / "in.csv"), "-o", str(tmp_path / "out.csv")]
    assert CliRunner().invoke(app, command).exit_code == 0
    assert seen == {"native": True, "selfcheck": True, "deterministic": False}
    assert CliRunner().invoke(app, [*command, "--no-native", "--no-selfcheck", "--deterministic"]).exit_code == 0
    assert seen == {"native": False, "selfcheck": False, "deterministic": True}
    assert (tmp_path / "out.csv").read_text() == "a,b,y\n1,2,3\n"


@pytest.mark.parametrize("link", [None, "symlink_to", "hardlink_to"])
def test_score_output_that_is_a_file_being_read_is_refused(tmp_path: Path, model: Path, link: str | None) -> None:
    data = tmp_path / "in.csv"
    data.write_text("a,b\n1,2\n")
    for name, path in (("in.csv", data), ("add.onnx", model)):
        before = path.read_bytes()
        out = path
        if link:
            out = tmp_path / f"link to {name}"
            getattr(out, link)(path)
        run = edgeonnx("score", model, data, "-o", out, "--to", "csv")
        assert run.returncode == 2
        assert b"another name" in run.stderr
        assert path.read_bytes() == before


def test_score_rename_feeds_input_of_another_name(tmp_path: Path, model: Path, table: pa.Table) -> None:
    for name in ("in.parquet", "in.csv"):
        data = write(table.rename_columns(["id", "age=", "b"]), tmp_path / name)
        assert failed_with_one_line(edgeonnx("score", model, data, "-o", tmp_path / "out.parquet"), "'a'")
        data = write(table.rename_columns(["id", "age", "b"]), tmp_path / name)
        assert edgeonnx("score", model, data, "-o", tmp_path / "out.parquet", "--rename", "age=a", "--no-keep").returncode == 0
        assert read(tmp_path / "out.parquet")["y"][0].as_py() == 1.5


@pytest.mark.parametrize("name", ["in.parquet", "in.csv", "in.arrows"])
def test_score_without_rows_writes_typed_columns(tmp_path: Path, model: Path, table: pa.Table, name: str) -> None:
    out = tmp_path / "out.parquet"
    run = edgeonnx("score", model, write(table.drop_columns("id").slice(0, 0), tmp_path / name), "-o", out)
    assert run.returncode == 0, run.stderr
    assert read(out).num_rows == 0
    columns = [pa.int64(), pa.float64()] if name == "in.csv" else [pa.int32(), pa.float32()]
    assert read(out).schema.types == [*columns, pa.float32()]


@pytest.mark.parametrize(
    ("rules", "answers"),
    [
        pytest.param(["propagate"], [None, None, 3.0], id="propagate"),
        pytest.param(["7"], [8.0, 9.0, 3.0], id="constant"),
        pytest.param(["a=7", "b=0.5"], [1.5, 9.0, 3.0], id="by input"),
        pytest.param(["propagate", "b=0.5"], [1.5, None, 3.0], id="one input apart"),
    ],
)
def test_score_null_policy_applies_to_empty_csv_fields(tmp_path: Path, model: Path, rules: list[str], answers: list[float | None]) -> None:
    (tmp_path / "in.csv").write_text("a,b\n1,\nNULL,2\n1,2\n")
    options = [part for rule in rules for part in ("--nulls", rule)]
    run = edgeonnx("score", model, tmp_path / "in.csv", "-o", tmp_path / "out.parquet", *options)
    assert run.returncode == 0, run.stderr
    assert read(tmp_path / "out.parquet")["y"].to_pylist() == answers


def test_score_csv_keeps_nan_and_null_apart(tmp_path: Path, model: Path) -> None:
    (tmp_path / "in.csv").write_text("a,b\n1,nan\n1,\n")
    assert edgeonnx("score", model, tmp_path / "in.csv", "-o", tmp_path / "out.csv", "--nulls", "b=propagate").returncode == 0
    assert (tmp_path / "out.csv").read_text().splitlines()[1:] == ["1,nan,nan", "1,,"]


def test_score_csv_fraction_for_an_int_input_truncates_as_tsql(tmp_path: Path, model: Path) -> None:
    (tmp_path / "in.csv").write_text("a,b\n2.9,0\n-2.9,0\n")
    assert edgeonnx("score", model, tmp_path / "in.csv", "-o", tmp_path / "out.parquet").returncode == 0
    assert read(tmp_path / "out.parquet")["y"].to_pylist() == [2.0, -2.0]


def test_score_csv_text_in_a_number_column_names_it(tmp_path: Path, model: Path) -> None:
    (tmp_path / "in.csv").write_text("a,b\n1,2\n1,much\n")
    assert failed_with_one_line(edgeonnx("score", model, tmp_path / "in.csv", "-o", tmp_path / "out.parquet"), "in.csv", "'b'", "much")


def test_score_csv_columns_feed_a_matrix_input_in_order(tmp_path: Path) -> None:
    shape = ["N", 2]
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("x", "p")]
    graph = helper.make_graph([helper.make_node("Neg", ["x"], ["p"])], "neg", ports[:1], ports[1:])
    model = tmp_path / "neg.onnx"
    model.write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString())
    (tmp_path / "in.csv").write_text("name,u,v\nk,1,2.5\n")
    run = edgeonnx("score", model, tmp_path / "in.csv", "-o", tmp_path / "out.csv")
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "out.csv").read_text().splitlines() == ["name,u,v,p_0,p_1", "k,1,2.5,-1,-2.5"]


@pytest.mark.parametrize("content", [pytest.param(b"", id="empty"), pytest.param(b"PAR1....PAR1", id="broken")])
def test_score_unreadable_data_fails_with_one_line(tmp_path: Path, model: Path, content: bytes) -> None:
    for name in ("in.parquet", "in.arrow"):
        (tmp_path / name).write_bytes(content)
        assert failed_with_one_line(edgeonnx("score", model, tmp_path / name, "-o", tmp_path / "out.parquet"), name)


def test_score_missing_data_fails_with_one_line(tmp_path: Path, model: Path) -> None:
    run = edgeonnx("score", model, tmp_path / "gone.csv", "-o", tmp_path / "out.parquet")
    assert failed_with_one_line(run, "gone.csv", "No such file")


# ----------------------------------------------------------------------------------------------------------------------- streams


def test_score_arrow_stream_from_stdin_to_stdout(model: Path, table: pa.Table) -> None:
    run = edgeonnx("score", model, "-", "-o", "-", input=stream_bytes(table))
    assert run.returncode == 0
    assert run.stderr == b""
    assert pa.ipc.open_stream(run.stdout).read_all()["y"][0].as_py() == 1.5


def test_score_csv_stream_from_stdin_to_stdout(model: Path) -> None:
    run = edgeonnx("score", model, "-", "-o", "-", "--format", "csv", "--to", "csv", input=b"a,b\n1,2\n")
    assert (run.returncode, run.stdout, run.stderr) == (0, b"a,b,y\n1,2,3\n", b"")


def test_score_stream_answers_a_batch_before_the_next_comes(model: Path, table: pa.Table) -> None:
    batch = table.to_batches()[0]
    with Running("score", model, "-", "-o", "-", stderr=None) as process:
        answers = None
        with pa.ipc.new_stream(process.stdin, batch.schema) as writer:
            for _ in range(3):
                writer.write_batch(batch)
                process.stdin.flush()
                answers = answers or pa.ipc.open_stream(process.stdout)
                assert answers.read_next_batch().num_rows == 3
        process.stdin.close()
        assert process.stdout.read(9) == b"\xff\xff\xff\xff\0\0\0\0"  # the end of an Arrow stream, and no more
        assert process.wait(60) == 0


def test_score_reader_that_leaves_ends_the_run_quietly(tmp_path: Path, model: Path) -> None:
    data = write(pa.table({"a": np.arange(300_000, dtype=np.int32), "b": np.zeros(300_000, np.float32)}), tmp_path / "in.parquet")
    with Running("score", model, data, "-o", "-", "--to", "csv") as process:
        assert process.stdout.readline() == b"a,b,y\n"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 141


def on_terminal(stream: str, *arguments: str | Path) -> tuple[int, bytes]:
    """Run the command with `stream` on a terminal; its exit code and what the terminal got."""
    master, slave = pty.openpty()
    with subprocess.Popen([EXECUTABLE, *map(str, arguments)], env=os.environ | {"TERM": "xterm"}, **{stream: slave}) as run:
        os.close(slave)
        shown = b""
        try:
            while part := os.read(master, 4096):
                shown += part
        except OSError:  # the other end is closed
            os.close(master)
    return run.returncode, shown


@pytest.mark.parametrize("name", ["in.parquet", "in.csv"])
def test_score_shows_rows_per_second_on_a_terminal(tmp_path: Path, model: Path, table: pa.Table, name: str) -> None:
    code, shown = on_terminal("stderr", "score", model, write(table, tmp_path / name), "-o", tmp_path / "out.parquet")
    assert code == 0
    assert b"3 rows scored into" in shown
    assert b"rows/s" in shown


def test_score_arrow_to_a_terminal_is_refused(tmp_path: Path, model: Path, table: pa.Table) -> None:
    code, shown = on_terminal("stdout", "score", model, write(table, tmp_path / "in.csv"), "-o", "-")
    assert (code, shown) == (2, b"")


def test_score_memory_does_not_grow_with_the_table(tmp_path: Path, model: Path) -> None:
    peaks = []
    for n_rows in (400_000, 8_000_000):
        data = tmp_path / f"{n_rows}.parquet"
        numbers = np.random.default_rng(3).integers(0, 1 << 30, n_rows, np.int32)
        table = pa.table({"a": numbers, "b": numbers.astype(np.float32)})
        pa.parquet.write_table(table, data, row_group_size=n_rows, use_dictionary=False)
        command = [EXECUTABLE, "score", model, data, "-o", tmp_path / "out.parquet", "--no-keep", "--threads", "1"]
        run = subprocess.run([sys.executable, "-c", PEAK, *command], capture_output=True, check=True, timeout=120)
        peaks.append(int(run.stdout))
        assert pa.parquet.read_metadata(tmp_path / "out.parquet").num_rows == n_rows
    assert peaks[1] - peaks[0] < 32 * 1024  # the columns of the larger table are 61 MiB in memory and in the file
