"""Bad models, bad data and awkward values get a clear error, or the answer that a policy asks for, and nothing is lost by it."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pandas
import pyarrow as pa
import pytest

import edgeonnx as eo
import models
import trained
from support import STATUS, assert_columns, refused

pytestmark = pytest.mark.usefixtures("no_leak")


def good() -> models.Feed:
    return {name: np.arange(10, dtype=np.float32) for name in "abc"}


@pytest.fixture
def scorer(request: pytest.FixtureRequest) -> Iterator[eo.Scorer]:
    """A scorer that must still work when the test is over: nothing is lost by a bad call."""
    scorer = eo.Scorer(models.affine())
    yield scorer
    np.testing.assert_array_equal(scorer.score(good())["total"], 7 * np.arange(10))
    del request.node.funcargs["scorer"]  # else pytest keeps it alive until after `no_leak` has counted


@pytest.mark.parametrize("kind", STATUS, ids=lambda kind: kind.__name__)
def test_error_class_derives_from_the_documented_builtin(kind: type[eo.Error]) -> None:
    code, builtin = STATUS[kind]
    assert issubclass(kind, eo.Error)
    assert issubclass(kind, builtin)
    assert kind.code == code


def test_error_tree_has_cancelled_and_internal() -> None:
    assert issubclass(eo.Cancelled, eo.Error)
    assert eo.Cancelled.code == 12
    assert issubclass(eo.InternalError, eo.Error)
    assert eo.InternalError.code == 15
    assert not issubclass(eo.Error, (ValueError, OSError, RuntimeError))


# --------------------------------------------------------------------------------------------------------------------------------- models


def test_scorer_empty_model_says_empty() -> None:
    with refused(eo.ModelError, "empty"):
        eo.Scorer(b"")


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(b"this is a text and not a model at all", id="text"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + bytes(200), id="picture"),
        pytest.param(b"PK\x03\x04" + bytes(200), id="zip"),
        pytest.param(bytes(4096), id="zeros"),
        pytest.param(b"\xff" * 4096, id="ones"),
        pytest.param(np.random.default_rng(0).bytes(4096), id="noise"),
        pytest.param(onnx.TensorProto(name="t", dims=[1], data_type=1, raw_data=bytes(4)).SerializeToString(), id="another message"),
    ],
)
def test_scorer_not_a_model_is_refused(model: bytes) -> None:
    with refused(eo.ModelError):
        eo.Scorer(model)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.5, 0.9, 0.999])
def test_scorer_truncated_model_is_refused(share: float) -> None:
    model = trained.forest().model
    with refused(eo.ModelError):
        eo.Scorer(model[: int(len(model) * share)])


def test_scorer_every_truncation_of_a_small_model_is_refused_or_scores() -> None:
    model = models.affine()
    for n_bytes in range(len(model)):
        try:
            eo.Scorer(model[:n_bytes])
        except eo.ModelError:
            continue


def test_scorer_damaged_bytes_never_crash() -> None:
    rng = np.random.default_rng(0)
    model = np.frombuffer(trained.pipeline().model, np.uint8)
    refusals = 0
    for _ in range(200):
        damaged = model.copy()
        damaged[rng.integers(0, len(model), 3)] = rng.integers(0, 256, 3)
        try:
            eo.Scorer(damaged.tobytes())
        except eo.Error:
            refusals += 1
    assert refusals > 50


def test_scorer_opset_newer_than_the_runtime_names_both_numbers() -> None:
    newest = max(schema.since_version for schema in onnx.defs.get_all_schemas_with_history() if schema.domain == "")
    with refused(eo.ModelError, "9999", "opset") as info:
        eo.Scorer(models.future_opset())
    text = str(info.value)
    numbers = {int(word) for word in text.replace("(", " ").replace(")", " ").replace(",", " ").replace(".", " ").split() if word.isdigit()}
    assert any(newest - 5 <= number <= newest + 5 for number in numbers - {9999}), f"the runtime's newest opset is not in: {text}"
    assert onnxruntime.__version__  # the number comes from the runtime that is installed here


def test_scorer_unknown_operator_is_named() -> None:
    with pytest.raises(eo.Error, match="NoSuchOperator") as info:
        eo.Scorer(models.unknown_operator())
    assert isinstance(info.value, (eo.ModelError, eo.Unsupported))


@pytest.mark.parametrize(
    ("model", "words"),
    [
        pytest.param(models.string_input, ("'x'", "string"), id="string"),
        pytest.param(models.sequence_input, ("'s'", "seq"), id="sequence"),
        pytest.param(lambda: models.identities("float32", shape=("N", 0)), ("'x0'", "dimension of 0"), id="no values"),
    ],
)
def test_scorer_input_that_no_column_can_feed_is_unsupported(model: Callable[[], bytes], words: tuple[str, ...]) -> None:
    with refused(eo.Unsupported, *words):
        eo.Scorer(model()).score({"x": np.zeros(2, np.float32), "s": np.zeros(2, np.float32)})


def test_score_sequence_output_is_unsupported_and_named() -> None:
    scorer = eo.Scorer(models.sequence_output())
    with refused(eo.Unsupported, "parts"):
        scorer.score({"x": np.zeros(2, np.float32)}, outputs=["parts"])


@pytest.mark.parametrize("model", [models.not_per_row, models.rows_dropped], ids=["sum over rows", "rows dropped"])
def test_score_output_that_is_not_per_row_is_refused(model: Callable[[], bytes]) -> None:
    x = np.random.default_rng(0).normal(0, 1, (50, 3)).astype(np.float32)
    data = {"x": x if model is models.not_per_row else x[:, 0]}
    with pytest.raises(eo.Error, match="'y'") as info:
        eo.Scorer(model()).score(data)
    assert isinstance(info.value, (eo.ShapeError, eo.Unsupported, eo.InferenceError))


def test_scorer_missing_file_names_the_path(tmp_path: pathlib.Path) -> None:
    with refused(eo.FileError, "nothing.onnx"):
        eo.Scorer(tmp_path / "nothing.onnx")


def test_scorer_folder_instead_of_a_file_is_refused(tmp_path: pathlib.Path) -> None:
    with refused(eo.FileError, str(tmp_path)):
        eo.Scorer(tmp_path)


def test_scorer_file_that_is_no_model_names_the_path(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "notes.onnx"
    path.write_text("not a model")
    with refused(eo.ModelError, "notes.onnx"):
        eo.Scorer(path)


def test_scorer_keeps_working_when_its_file_vanishes(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(models.affine())
    scorer = eo.Scorer(path)
    path.unlink()
    np.testing.assert_array_equal(scorer.score(good())["total"], 7 * np.arange(10))


def test_scorer_model_over_the_byte_limit_names_both_sizes(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(models.affine())
    for model in (path, models.affine()):
        with refused(eo.ModelError, str(len(models.affine())), "100", "max_model_bytes"):
            eo.Scorer(model, max_model_bytes=100)


def test_scorer_external_data_needs_leave(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(models.external_data())
    (tmp_path / "bias.bin").write_bytes(np.float32(0.5).tobytes())
    with refused(eo.Unsupported, "external_data", "bias"):
        eo.Scorer(path)
    scores = eo.Scorer(path, external_data=True).score({"x": np.arange(3, dtype=np.float32)})
    assert_columns(scores, {"y": np.array([0.5, 1.5, 2.5], np.float32)})


def test_scorer_external_data_outside_the_models_folder_is_refused(tmp_path: pathlib.Path) -> None:
    proto = onnx.load_from_string(models.external_data())
    proto.graph.initializer[0].external_data[0].value = "../bias.bin"
    folder = tmp_path / "models"
    folder.mkdir()
    (tmp_path / "bias.bin").write_bytes(np.float32(0.5).tobytes())
    (folder / "model.onnx").write_bytes(proto.SerializeToString())
    with pytest.raises(eo.Error, match=r"bias"):
        eo.Scorer(folder / "model.onnx", external_data=True)


def test_scorer_thing_that_is_no_model_is_a_type_error() -> None:
    with pytest.raises((TypeError, eo.InvalidArgument), match=r"int|model"):
        eo.Scorer(12345)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "options",
    [
        {"coercion": "loose"},
        {"nulls": "ignore"},
        {"nulls": {"nothing": "nan"}},
        {"on_overflow": "wrap"},
        {"threads": 0},
        {"threads": -1},
        {"morsel_rows": 0},
        {"native": "yes"},
        {"selfcheck": 1},
        {"deterministic": None},
        {"external_data": "no"},
    ],
    ids=str,
)
def test_scorer_option_out_of_range_is_refused_and_named(options: dict[str, Any]) -> None:
    name, value = next(iter(options.items()))
    word = "nothing" if isinstance(value, dict) else name
    with pytest.raises(eo.Error, match=word):
        eo.Scorer(models.affine(), **options).score(good())


def test_score_that_fails_inside_the_runtime_keeps_its_text() -> None:
    scorer = eo.Scorer(models.out_of_range_gather())
    with refused(eo.InferenceError, "Gather"):
        scorer.score({"x": np.array([0, 1, 77])})
    assert scorer.score({"x": np.array([2, 1])})["y"].tolist() == [30, 20]


# -------------------------------------------------------------------------------------------------------------------------------- columns


def test_score_missing_columns_are_all_named_with_their_types(scorer: eo.Scorer) -> None:
    with refused(eo.NotFound, "'a'", "'c'", "real", "other"):
        scorer.score({"b": np.zeros(3, np.float32), "other": np.zeros(3, np.float32)})


def test_score_ambiguous_column_names_all_candidates(scorer: eo.Scorer) -> None:
    data = {"A": good()["a"], "B": good()["b"], "c": good()["c"], "C": good()["c"]}
    np.testing.assert_array_equal(scorer.score(data)["total"], 7 * np.arange(10))
    other = eo.Scorer(models.affine(("ab",)))
    with refused(eo.NotFound, "'ab'", "'AB'", "'Ab'", "rename={column: input}"):
        other.score({"AB": np.zeros(3, np.float32), "Ab": np.zeros(3, np.float32)})


def test_score_name_that_goes_on_after_a_zero_character_is_another_name(scorer: eo.Scorer) -> None:
    with pytest.raises(eo.Error, match=r"'a'|NUL"):
        scorer.score({"a\0b": good()["a"], "b": good()["b"], "c": good()["c"]})


def test_score_single_column_of_another_name_does_not_feed_a_one_column_input() -> None:
    with refused(eo.NotFound, "'x'", "'other'"):
        eo.Scorer(models.identity()).score({"other": np.zeros(3, np.float32)})


def test_score_same_name_twice_is_refused(scorer: eo.Scorer) -> None:
    column = pa.array(np.zeros(3, np.float32))
    with pytest.raises(eo.Error, match="'a'"):
        scorer.score(pa.Table.from_arrays([column] * 4, names=["a", "a", "b", "c"]))


def test_score_every_mistake_is_in_the_one_error(scorer: eo.Scorer) -> None:
    strict = eo.Scorer(models.affine(), coercion="strict")
    with pytest.raises(eo.Error) as info:
        strict.score({"a": np.zeros(3), "b": np.array(["x", "y", "z"])})
    for word in ("'a'", "'b'", "'c'", "float", "real"):
        assert word in str(info.value)


def test_score_columns_of_different_length_names_both_lengths(scorer: eo.Scorer) -> None:
    with refused(eo.ShapeError, "'b'", "10", "9"):
        scorer.score({**good(), "b": np.zeros(9, np.float32)})


def test_score_rename_of_a_column_or_to_an_input_that_is_not_there_is_refused(scorer: eo.Scorer) -> None:
    with refused(eo.NotFound, "nothing"):
        scorer.score(good(), rename={"nothing": "a"})
    with refused(eo.NotFound, "nothing"):
        scorer.score(good(), rename={"a": "nothing"})


def test_score_rename_to_no_input_lists_the_inputs_and_suggests_nothing_else() -> None:
    with refused(eo.NotFound, "rename gives column 'hue' to 'nope', which is no input; the inputs are 'hue', 'size'") as info:
        eo.Scorer(models.affine(("hue", "size"))).score({"hue": np.zeros(2), "size": np.zeros(2)}, rename={"hue": "nope"})
    assert "is meant" not in str(info.value)
    assert info.value.column == "hue"


def test_score_columns_of_one_name_are_not_to_be_told_apart_by_rename() -> None:
    column = pa.array(np.zeros(3, np.float32))
    with refused(eo.NotFound, "'x', 'x'", "give them different names") as info:
        eo.Scorer(models.identity()).score(pa.Table.from_arrays([column] * 2, names=["x", "x"]))
    assert "rename=" not in str(info.value)


def test_score_two_columns_renamed_to_one_input_are_ambiguous(scorer: eo.Scorer) -> None:
    data = good()
    with refused(eo.NotFound, "'a'", "'d'", "'e'"):
        scorer.score({"d": data["a"], "e": data["a"], "b": data["b"], "c": data["c"]}, rename={"d": "a", "e": "a"})


def test_score_rename_wins_over_the_column_of_that_name_whatever_its_case(scorer: eo.Scorer) -> None:
    total = scorer.score({**good(), "other": np.zeros(10, np.float32)}, rename={"other": "A"})["total"]
    np.testing.assert_array_equal(total, scorer.score({**good(), "a": np.zeros(10, np.float32)})["total"])


def test_score_columns_option_with_wrong_number_of_columns_is_refused() -> None:
    scorer = eo.Scorer(models.two_inputs_mixed())
    with refused(eo.ShapeError, "features", "3", "2"):
        scorer.score({**good(), "bias": good()["a"]}, columns={"features": ["a", "b"]})
    with refused(eo.NotFound, "nothing"):
        scorer.score({**good(), "bias": good()["a"]}, columns={"features": ["a", "b", "nothing"]})


@pytest.mark.parametrize("width", [2, 4])
def test_score_matrix_of_wrong_width_names_both_widths(scorer: eo.Scorer, width: int) -> None:
    with refused(eo.ShapeError, "3", str(width)):
        scorer.score(np.zeros((5, width), np.float32))
    with refused(eo.ShapeError, "3", str(width)):
        eo.Scorer(models.row_vectors()).score(np.zeros((5, width), np.float32))


@pytest.mark.parametrize("model", [models.affine, models.row_vectors], ids=["columns", "matrix"])
def test_score_one_row_as_a_vector_is_told_how_to_become_one(model: Callable[[], bytes]) -> None:
    scorer, row = eo.Scorer(model()), np.float32([1, 2, 3])
    with refused(eo.ShapeError, "data.reshape(1, -1)"):
        scorer.score(row)
    assert len(scorer.score(row.reshape(1, -1))["total"]) == 1
    with refused(eo.ShapeError, "3") as info:
        scorer.score(np.zeros(4, np.float32))
    assert "reshape" not in str(info.value)


@pytest.mark.parametrize("shape", [(), (2, 3, 4, 5)], ids=str)
def test_score_array_of_wrong_rank_is_refused(scorer: eo.Scorer, shape: tuple[int, ...]) -> None:
    with pytest.raises(eo.Error):
        scorer.score(np.zeros(shape, np.float32))
    with pytest.raises(eo.Error):
        eo.Scorer(models.row_vectors()).score({"x": np.zeros(shape, np.float32)})


@pytest.mark.parametrize(
    ("column", "words"),
    [
        pytest.param(np.array(["1", "2", "3"]), ("'a'", "real"), id="text"),
        pytest.param(np.array([1, "2", None], dtype=object), ("'a'", "object"), id="objects"),
        pytest.param(np.zeros(3, "datetime64[s]"), ("'a'", "datetime64"), id="dates"),
        pytest.param(np.zeros(3, np.complex64), ("'a'", "complex64"), id="complex"),
        pytest.param(pa.array(["1", "2", "3"]), ("'a'", "string"), id="arrow text"),
        pytest.param(pa.array([[1.0], [2.0], [3.0]]), ("'a'", "list"), id="arrow lists"),
        pytest.param(pa.array([1, 2, 3]).cast(pa.timestamp("us")), ("'a'", "timestamp"), id="arrow timestamps"),
    ],
)
def test_score_column_of_a_type_that_no_input_takes_is_refused(scorer: eo.Scorer, column: Any, words: tuple[str, ...]) -> None:
    with refused(eo.CoercionError, *words, "CAST", "pandas.to_numeric"):
        scorer.score({"a": column, "b": np.zeros(3, np.float32), "c": np.zeros(3, np.float32)})


def test_score_pandas_object_column_is_refused_and_named(scorer: eo.Scorer) -> None:
    frame = pandas.DataFrame({"a": pandas.Series([1.0, None, "x"], dtype=object), "b": [0.0] * 3, "c": [0.0] * 3})
    with refused(eo.CoercionError, "'a'", "object"):
        scorer.score(frame)


@pytest.mark.parametrize("data", [None, 3, "text", object()], ids=["None", "number", "text", "object"])
def test_score_thing_that_is_no_table_is_refused(scorer: eo.Scorer, data: Any) -> None:
    with pytest.raises((TypeError, eo.Error), match=type(data).__name__):
        scorer.score(data)


def test_score_mapping_without_columns_is_refused(scorer: eo.Scorer) -> None:
    with refused(eo.NotFound, "'a'", "'b'", "'c'"):
        scorer.score({})


def test_score_outputs_or_with_that_name_no_output_are_all_named(scorer: eo.Scorer) -> None:
    with refused(eo.NotFound, "nothing", "neither", "total"):
        scorer.score(good(), outputs=["nothing", "neither"])
    with refused(eo.NotFound, "nothing", "total"):
        scorer.score(good(), with_={"nothing": "real"})


@pytest.mark.parametrize("outputs", [["total", "total"], ["total", "TOTAL"]], ids=["same", "other case"])
def test_score_output_chosen_twice_is_refused(scorer: eo.Scorer, outputs: list[str]) -> None:
    with refused(eo.InvalidArgument, "'total'", "twice"):
        scorer.score(good(), outputs=outputs)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        pytest.param({"outputs": [7]}, "7", id="output"),
        pytest.param({"with_": {"total": 7}}, "7", id="SQL type"),
        pytest.param({"rename": {"a": 7}}, "7", id="rename"),
        pytest.param({"columns": {"a": [7]}}, "7", id="columns"),
        pytest.param({"columns": {"a": "abc"}}, "'abc'", id="columns as text"),
    ],
)
def test_score_option_of_another_type_is_refused_and_named(scorer: eo.Scorer, options: dict[str, Any], word: str) -> None:
    with refused(eo.InvalidArgument, word):
        scorer.score(good(), **options)


def test_score_many_missing_columns_are_all_named() -> None:
    names = tuple(f"feature_{index}" for index in range(100))
    with refused(eo.NotFound, *(f"'{name}'" for name in names)):
        eo.Scorer(models.affine(names)).score({"nothing": np.zeros(2, np.float32)})


def test_score_with_unknown_sql_type_is_refused(scorer: eo.Scorer) -> None:
    with pytest.raises(eo.Error, match="hierarchyid"):
        scorer.score(good(), with_={"total": "hierarchyid"})


def test_score_unused_column_may_hold_anything(scorer: eo.Scorer) -> None:
    data = {**good(), "text": np.array(["x"] * 10), "big": np.full(10, 1e300), "objects": np.array([None] * 10, dtype=object)}
    np.testing.assert_array_equal(scorer.score(data)["total"], 7 * np.arange(10))


def test_score_arrow_producer_that_fails_keeps_its_text(scorer: eo.Scorer) -> None:
    def batches() -> Any:
        yield pa.record_batch(good())
        raise OSError("the disk is on fire")

    reader = pa.RecordBatchReader.from_batches(pa.record_batch(good()).schema, batches())
    with pytest.raises(Exception, match="the disk is on fire"):
        scorer.score(reader)


def test_stream_batch_of_another_schema_is_refused(scorer: eo.Scorer) -> None:
    stream = scorer.stream([pa.record_batch(good()), pa.record_batch({"a": np.zeros(2, np.float32)})])
    next(stream)
    with refused(eo.NotFound, "'b'", "'c'"):
        next(stream)


def test_score_column_whose_name_a_converter_would_change_is_suggested() -> None:
    scorer = eo.Scorer(models.affine(names=("a", "b_kg")))
    with refused(eo.NotFound, "'b_kg'", "rename={'B (kg)': 'b_kg'}"):
        scorer.score({"a": np.ones(2, np.float32), "B (kg)": np.ones(2, np.float32)})
