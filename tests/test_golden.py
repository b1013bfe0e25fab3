"""Golden rows: what `eo.seal` writes, and what becomes of a sealed model that is loaded, changed or damaged."""

from __future__ import annotations

import base64
import json
import os
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

import edgeonnx as eo
import models
import trained
from edgeonnx._golden import _cache
from models import Array, Feed
from support import assert_columns, run_python
from trained_trees import BARE

KEY = "edgeonnx.golden"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of what has been checked, empty, and nothing known in this process."""
    monkeypatch.setenv("EDGEONNX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(_cache, "_known", set())
    return tmp_path / "cache" / "golden"


def golden_line(scorer: eo.Scorer) -> str:
    [line] = [line for line in scorer.explain().splitlines() if line.startswith("golden rows: ")]
    return line


def seal_of(model: bytes) -> dict[str, Any]:
    [entry] = [entry for entry in onnx.load_from_string(model).metadata_props if entry.key == KEY]
    found: dict[str, Any] = json.loads(entry.value)
    return found


def with_seal(model: bytes, text: str) -> bytes:
    proto = onnx.load_from_string(model)
    [entry] = [entry for entry in proto.metadata_props if entry.key == KEY]
    entry.value = text
    return proto.SerializeToString()


def array_of(packed: dict[str, Any]) -> Array:
    return np.frombuffer(base64.b64decode(packed["data"]), packed["dtype"]).reshape(packed["shape"])


def small_types(n_rows: int) -> Feed:
    rng = np.random.default_rng(5)
    return {"x0": rng.normal(0, 1, n_rows).astype(np.float16), "x1": rng.integers(0, 256, n_rows).astype(np.uint8)}


def of(case: trained.Case) -> tuple[bytes, Callable[[int], Feed]]:
    return case.model, lambda n_rows: trained.columns_of(case.feed(n_rows))


KINDS: dict[str, Callable[[], tuple[bytes, Callable[[int], Feed]]]] = {
    "tree": lambda: of(BARE["forest"]()),
    "tree, two classes": lambda: of(BARE["forest-2"]()),
    "linear": lambda: of(trained.linear()),
    "network": lambda: of(trained.TRAINED["mlp"]()),
    "ZipMap": lambda: of(trained.TRAINED["logistic-3-zipmap"]()),
    "ZipMap behind trees": lambda: of(trained.TRAINED["forest-zipmap"]()),
    "four types": lambda: (models.four_types(), lambda n: trained.columns_of(models.four_types_feed(n))),
    "float16 and uint8": lambda: (models.identities("float16", "uint8"), small_types),
    "fixed batch": lambda: of(trained.TRAINED["linear-fixed-batch"]()),
    "support vectors": lambda: of(trained.TRAINED["svc"]()),
}


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> tuple[bytes, Feed, bytes]:
    """A model, 500 rows of its inputs, and the model sealed with them."""
    model, feed = KINDS[request.param]()
    data = feed(500)
    return model, data, eo.seal(model, data)


@pytest.fixture(scope="module")
def forest() -> bytes:
    """A sealed forest of two classes."""
    model, feed = KINDS["tree, two classes"]()
    return eo.seal(model, feed(300))


# ------------------------------------------------------------------------------------------------------------------------------- sealing


def test_seal_holds_rows_of_the_table_and_their_answers(kind: tuple[bytes, Feed, bytes]) -> None:
    model, data, sealed = kind
    seal = seal_of(sealed)
    inputs = {name: array_of(packed) for name, packed in seal["inputs"].items()}
    outputs = {name: array_of(packed) for name, packed in seal["outputs"].items()}
    assert {len(array) for array in (*inputs.values(), *outputs.values())} == {32}
    assert_columns(eo.Scorer(model).score(inputs), outputs)
    table = {name: [row.tobytes() for row in np.ascontiguousarray(column)] for name, column in data.items()}
    rows = list(zip(*table.values(), strict=True))
    sealed_rows = list(zip(*([row.tobytes() for row in inputs[name]] for name in data), strict=True))
    assert len(set(sealed_rows)) == 32
    assert set(sealed_rows) <= set(rows)


def test_sealed_model_is_read_by_others_and_scores_as_before(kind: tuple[bytes, Feed, bytes]) -> None:
    model, data, sealed = kind
    onnx.checker.check_model(sealed)
    onnxruntime.InferenceSession(sealed, providers=["CPUExecutionProvider"])
    assert_columns(eo.Scorer(sealed).score(data), dict(eo.Scorer(model).score(data)))


def test_sealed_model_is_checked_once(kind: tuple[bytes, Feed, bytes], cache: Path) -> None:
    sealed = kind[2]
    line = golden_line(eo.Scorer(sealed))
    assert line.startswith("golden rows: 32 rows re-scored, worst difference 0 of the largest value; 32 rows sealed by edgeonnx ")
    assert len(list(cache.iterdir())) == 1
    assert golden_line(eo.Scorer(sealed)).startswith("golden rows: checked before with this runtime, 32 rows sealed by edgeonnx ")
    assert len(list(cache.iterdir())) == 1


def test_first_and_last_row_are_sealed_and_the_others_spread() -> None:
    sealed = eo.seal(models.affine(("a",)), {"a": np.arange(1000, dtype=np.float32)}, rows=5)
    values = array_of(seal_of(sealed)["inputs"]["a"]).ravel()
    assert values.tolist() == sorted(values.tolist())
    assert (values[0], values[-1]) == (0, 999)
    assert np.diff(values).min() > 150


def test_seal_of_equal_rows_has_each_once() -> None:
    sealed = eo.seal(models.affine(("a",)), {"a": np.repeat(np.float32([1, 2, 3]), 100)})
    assert array_of(seal_of(sealed)["inputs"]["a"]).ravel().tolist() == [1, 2, 3]


def test_seal_leaves_out_rows_whose_scores_tie() -> None:
    scores = np.float32([[0.5, 0.5], [0.2, 0.8], [0.9, 0.1], [0.5, 0.5 + 1e-6]])
    model = models.graph(
        [
            models.helper.make_node("ArgMax", ["x"], ["label"], axis=1, keepdims=0),
            models.helper.make_node("Identity", ["x"], ["scores"]),
        ],
        [models.tensor("x", models.TensorProto.FLOAT, ("N", 2))],
        [models.tensor("label", models.TensorProto.INT64, ("N",)), models.tensor("scores", models.TensorProto.FLOAT, ("N", 2))],
    )
    assert array_of(seal_of(eo.seal(model, {"x": scores}))["inputs"]["x"]).tolist() == scores[[1, 2]].tolist()


def test_seal_keeps_what_inputs_are_fed_so_that_loading_needs_no_rule() -> None:
    table = {"colour": np.ma.masked_array(np.arange(8, dtype=np.int64), mask=[0, 0, 1, 0, 0, 0, 0, 0]), "b": np.ones(8), "c": np.ones(8)}
    sealed = eo.seal(models.affine(), table, rename={"colour": "a"}, nulls={"a": -7, None: "error"})
    packed = seal_of(sealed)["inputs"]["a"]
    assert packed["dtype"] == "<f4"
    assert sorted(array_of(packed).ravel().tolist()) == [-7, 0, 1, 3, 4, 5, 6, 7]
    assert "re-scored" in golden_line(eo.Scorer(sealed, coercion="strict"))


def test_seal_leaves_out_rows_with_nulls_that_propagate() -> None:
    values = np.ma.masked_array(np.arange(6, dtype=np.float32), mask=[1, 0, 0, 1, 0, 0])
    sealed = eo.seal(models.affine(("a",)), {"a": values}, nulls="propagate")
    assert array_of(seal_of(sealed)["inputs"]["a"]).ravel().tolist() == [1, 2, 4, 5]
    with pytest.raises(eo.InvalidArgument, match="each has a NULL"):
        eo.seal(models.affine(("a",)), {"a": values[:1]}, nulls="propagate")


def test_columns_make_up_a_matrix() -> None:
    table = {name: np.arange(6, dtype=np.float64) + i for i, name in enumerate("abcd")}
    sealed = eo.seal(*of(trained.TRAINED["logistic"]())[:1], table, columns={"X": list("abcd")})
    assert array_of(seal_of(sealed)["inputs"]["X"]).shape == (6, 4)


def test_sealing_again_replaces_the_seal(forest: bytes) -> None:
    _, feed = KINDS["tree, two classes"]()
    again = eo.seal(forest, feed(40), rows=7)
    assert len(array_of(seal_of(again)["inputs"]["X"])) == 7
    assert seal_of(again)["model"] == seal_of(forest)["model"]
    assert eo.seal(again, feed(300)) == forest


def test_model_of_a_file_with_weights_in_others_is_checked_at_every_load(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "m.onnx"
    weights = onnx.numpy_helper.from_array(np.full((3, 1), 2, np.float32), "w")
    proto = onnx.load_from_string(
        models.graph(
            [models.helper.make_node("MatMul", ["x", "w"], ["y"])],
            [models.tensor("x", models.TensorProto.FLOAT, ("N", 3))],
            [models.tensor("y", models.TensorProto.FLOAT)],
            [weights],
        )
    )
    onnx.save(proto, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    path.write_bytes(eo.seal(path, {"x": np.eye(3, dtype=np.float32)}, external_data=True))
    for _ in range(2):
        assert "re-scored" in golden_line(eo.Scorer(path, external_data=True))
    assert not cache.exists()
    (tmp_path / "weights.bin").write_bytes(np.full(3, 3, np.float32).tobytes())
    with pytest.raises(eo.ModelError, match=r"row 0: expected 2\.0, got 3\.0"):
        eo.Scorer(path, external_data=True)


@pytest.mark.parametrize("rows", [0, -1, 1.5, 5000], ids=str)
def test_seal_refuses_a_number_of_rows_that_is_none(rows: Any) -> None:
    with pytest.raises(eo.InvalidArgument, match="rows="):
        eo.seal(models.affine(("a",)), {"a": np.ones(3)}, rows=rows)


def test_seal_of_no_rows_is_refused() -> None:
    with pytest.raises(eo.InvalidArgument, match="data has no row to seal"):
        eo.seal(models.affine(("a",)), {"a": np.ones(0)})


# ------------------------------------------------------------------------------------------------------------------- damage and difference


def changed(packed: dict[str, Any], bit: int) -> dict[str, Any]:
    raw = bytearray(base64.b64decode(packed["data"]))
    raw[bit // 8] ^= 1 << bit % 8
    return {**packed, "data": base64.b64encode(raw).decode()}


@pytest.mark.parametrize(("side", "name"), [("inputs", "X"), ("outputs", "label"), ("outputs", "probabilities")], ids=str)
def test_a_bit_of_the_seal_is_refused_also_when_the_model_was_checked_before(forest: bytes, side: str, name: str) -> None:
    eo.Scorer(forest)
    seal = seal_of(forest)
    for bit in (0, 77, 8 * len(array_of(seal[side][name]).tobytes()) - 1):
        seal[side][name] = changed(seal_of(forest)[side][name], bit)
        with pytest.raises(eo.ModelError, match="golden rows can't be relied on: they are damaged"):
            eo.Scorer(with_seal(forest, json.dumps(seal, separators=(",", ":"))))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: "",
        lambda text: text[:-30],
        lambda text: text + " ",
        lambda text: text.replace('"format":1', '"format":2'),
        lambda text: text.replace('"rows"', '"row"').replace('"inputs"', '"input"'),
        lambda text: "[" * 100_000,
        lambda text: "null",
        lambda text: text.replace("<f4", "|O"),
        lambda text: text.replace("<f4", "<f8", 1),
    ],
    ids=["empty", "cut", "longer", "format", "no inputs", "deep", "null", "objects", "dtype"],
)
def test_a_damaged_seal_is_refused(forest: bytes, spoil: Callable[[str], str]) -> None:
    [entry] = [entry for entry in onnx.load_from_string(forest).metadata_props if entry.key == KEY]
    spoilt = spoil(entry.value)
    assert spoilt != entry.value
    with pytest.raises(eo.ModelError, match="the model: its golden rows can't be relied on: they"):
        eo.Scorer(with_seal(forest, spoilt))


def test_two_seals_are_refused(forest: bytes) -> None:
    proto = onnx.load_from_string(forest)
    proto.metadata_props.append(proto.metadata_props[-1])
    with pytest.raises(eo.ModelError, match="the model has 2 seals"):
        eo.Scorer(proto)


def test_a_changed_model_is_refused(forest: bytes, tmp_path: Path) -> None:
    eo.Scorer(forest)
    proto = onnx.load_from_string(forest)
    proto.doc_string = "other"
    path = tmp_path / "m.onnx"
    path.write_bytes(proto.SerializeToString())
    with pytest.raises(
        eo.ModelError, match=r"m\.onnx was changed after it was sealed: without its seal its SHA-256 is [0-9a-f]{64}, and was"
    ):
        eo.Scorer(path)


def resealed(model: bytes, alter: Callable[[dict[str, Array]], object]) -> bytes:
    """The model with other answers in a seal that is whole: what a release that computes otherwise finds."""
    from dataclasses import replace

    from edgeonnx._golden._file import bare, with_entry
    from edgeonnx._golden._record import read_record

    [entry] = [entry for entry in onnx.load_from_string(model).metadata_props if entry.key == KEY]
    record = read_record(entry.value)
    outputs = {name: array.copy() for name, array in record.outputs.items()}
    alter(outputs)
    return with_entry(bare(model).pieces, replace(record, outputs=outputs).text())


def test_another_label_is_an_error_that_says_all(forest: bytes, cache: Path) -> None:
    def flip(outputs: dict[str, Array]) -> None:
        outputs["label"][5] = 9

    other = resealed(forest, flip)
    for _ in range(2):  # what fails is not remembered
        with pytest.raises(eo.ModelError) as caught:
            eo.Scorer(other)
        message = str(caught.value)
        assert "output 'label', row 5: expected 9, got " in message
        version = eo.build_info()["onnxruntime_version"]
        for part in (
            f"sealed by edgeonnx {eo.__version__} with ONNX Runtime {version} (plan native, ",
            "now edgeonnx ",
            "go back to",
            "seal",
        ):
            assert part in message
    assert not cache.exists()


def test_real_numbers_may_differ_by_what_summation_makes(forest: bytes) -> None:
    def alter(by: float) -> Callable[[dict[str, Array]], object]:
        return lambda outputs: outputs["probabilities"].__iadd__(np.float32(by))

    assert "worst difference" in golden_line(eo.Scorer(resealed(forest, alter(3e-6))))
    with pytest.raises(eo.ModelError, match=r"output 'probabilities', row 0, value 0: expected .* \(64 values differ\)"):
        eo.Scorer(resealed(forest, alter(3e-5)))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf], ids=str)
def test_a_number_that_was_none_is_a_difference(forest: bytes, value: float) -> None:
    with pytest.raises(eo.ModelError, match="row 2, value 1: expected"):
        eo.Scorer(resealed(forest, lambda outputs: outputs["probabilities"].__setitem__((2, 1), value)))


# ------------------------------------------------------------------------------------------------------------------------------- options


def test_warn_loads_and_tells(forest: bytes, cache: Path) -> None:
    other = resealed(forest, lambda outputs: outputs["label"].__iadd__(1))
    with pytest.warns(eo.GoldenWarning, match="does not give its golden answers here") as caught:
        scorer = eo.Scorer(other, golden="warn")
    assert caught[0].filename == __file__
    assert "does not give its golden answers here" in golden_line(scorer)
    assert len(scorer.score({"X": np.zeros((3, 6), np.float32)})["label"]) == 3
    assert not cache.exists()


def test_off_does_not_look(forest: bytes, cache: Path) -> None:
    scorer = eo.Scorer(with_seal(forest, "nonsense"), golden="off")
    assert golden_line(scorer) == "golden rows: not checked, golden='off'"
    assert not cache.exists()


@pytest.mark.parametrize("golden", [None, True, "strict"], ids=str)
def test_golden_has_three_values(golden: Any) -> None:
    with pytest.raises(eo.InvalidArgument, match="use one of 'error', 'warn', 'off'"):
        eo.Scorer(models.affine(), golden=golden)


def test_model_without_a_seal_has_no_line_and_its_own_metadata() -> None:
    proto = onnx.load_from_string(models.affine())
    entry = proto.metadata_props.add()
    entry.key, entry.value = "author", "ü"
    scorer = eo.Scorer(proto)
    assert "golden" not in scorer.explain()
    assert dict(scorer.metadata) == {"author": "ü"}
    with pytest.raises(TypeError):
        scorer.metadata["author"] = "b"  # type: ignore[index]


@pytest.mark.parametrize(
    "options",
    [{"native": False}, {"deterministic": True, "native": False}, {"selfcheck": False}],
    ids=["runtime", "deterministic", "unchecked"],
)
def test_every_plan_is_checked_for_itself(forest: bytes, cache: Path, options: dict[str, Any]) -> None:
    eo.Scorer(forest)
    assert "re-scored" in golden_line(eo.Scorer(forest, **options))
    assert "checked before" in golden_line(eo.Scorer(forest, **options))
    assert len(list(cache.iterdir())) == 2


# --------------------------------------------------------------------------------------------------------------------------------- memory


def test_a_file_of_the_cache_that_says_something_else_does_not_count(forest: bytes, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    eo.Scorer(forest)
    [file] = cache.iterdir()
    good = file.read_text()
    for text in ("", "{}", good + "\n", good.replace('"native": true', '"native": false')):
        file.write_text(text)
        monkeypatch.setattr(_cache, "_known", set())
        assert "re-scored" in golden_line(eo.Scorer(forest))
        assert file.read_text() == good
    assert len(list(cache.iterdir())) == 1


def test_a_cache_that_cannot_be_written_is_no_error(forest: bytes, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.parent.write_text("a file where the folder would be")
    assert "re-scored" in golden_line(eo.Scorer(forest))
    assert "checked before" in golden_line(eo.Scorer(forest))  # by this process
    monkeypatch.setattr(_cache, "_known", set())
    assert "re-scored" in golden_line(eo.Scorer(forest))


def test_cache_lies_where_xdg_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("EDGEONNX_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert _cache.folder() == str(tmp_path / "edgeonnx" / "golden")
    for relative in ("", "here"):
        monkeypatch.setenv("XDG_CACHE_HOME", relative)
        assert _cache.folder() == os.path.expanduser("~/.cache/edgeonnx/golden")


def test_pickle_and_fork_do_not_check_again(forest: bytes, cache: Path) -> None:
    cache.parent.write_text("a file where the folder would be")
    scorer = eo.Scorer(forest)
    assert "checked before" in golden_line(pickle.loads(pickle.dumps(scorer)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of fork in a process with threads
        child = os.fork()
    if child == 0:
        os._exit(0 if "checked before" in golden_line(scorer) else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_another_process_finds_what_was_checked(forest: bytes, tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(forest)
    code = "import edgeonnx as eo, sys; print(eo.Scorer(sys.argv[1]).explain())"
    assert "rows re-scored" in run_python(code, str(path)).stdout
    assert "checked before" in run_python(code, str(path)).stdout
    assert "rows re-scored" in run_python(code, str(path), env={"EDGEONNX_CPU": "scalar"}).stdout
    assert len(list(cache.iterdir())) == 2


def test_sealing_does_without_the_onnx_package(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(models.affine(("a",)))
    code = """
import sys
sys.modules["onnx"] = sys.modules["onnxruntime"] = None
import edgeonnx as eo
sealed = eo.seal(sys.argv[1], {"a": [1.0, 2.0]})
print(len(eo.Scorer(sealed).metadata))
"""
    library = {"EDGEONNX_ORT_LIBRARY": str(eo.build_info()["onnxruntime_library"])}
    assert run_python(code, str(path), env=library).stdout.strip() == "1"


def test_a_model_that_is_made_of_a_sealed_one_has_no_seal() -> None:
    case = trained.TRAINED["logistic"]()
    rows = case.feed(50)["X"]
    like = {name: rows[:, i] for i, name in enumerate("abcd")}
    scorer = eo.Scorer(eo.convert(eo.seal(case.model, {"X": rows}), like))
    assert [port.name for port in scorer.inputs] == list("abcd")
    assert KEY not in scorer.metadata
