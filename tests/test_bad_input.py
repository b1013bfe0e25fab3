"""Bad models, bad data and awkward values get a clear error, or the answer that a policy asks for, and nothing is lost by it."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import edgeonnx as eo
import models
import numpy as np
import onnx
import onnxruntime
import pandas
import pyarrow as pa
import pytest
from support import STATUS, assert_column, assert_columns, refused

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


# ---------------------------------------------------------------------------------------------------------------------------- models


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
    model = models.forest().model
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
    model = np.frombuffer(models.pipeline().model, np.uint8)
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
    assert isinstance(info.value, (eo.ShapeError, eo.Unsupported, eo.ModelError))


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
    ],
    ids=str,
)
def test_scorer_option_out_of_range_is_refused_and_named(options: dict[str, Any]) -> None:
    name, value = next(iter(options.items()))
    word = "nothing" if isinstance(value, dict) else name
    with pytest.raises(eo.Error, match=word):
        eo.Scorer(models.affine(), **options).score(good())


def test_scorer_provider_that_cannot_be_used_carries_the_loaders_reason() -> None:
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has CUDA")
    with refused(eo.Unsupported, "CUDAExecutionProvider", "not enabled in this build"):
        eo.Scorer(models.affine(), providers=("CUDAExecutionProvider",))
    with refused(eo.Unsupported, "NoSuchExecutionProvider"):
        eo.Scorer(models.affine(), providers=("NoSuchExecutionProvider", "CPUExecutionProvider"))


def test_score_that_fails_inside_the_runtime_keeps_its_text() -> None:
    scorer = eo.Scorer(models.out_of_range_gather())
    with refused(eo.InferenceError, "Gather"):
        scorer.score({"x": np.array([0, 1, 77])})
    assert scorer.score({"x": np.array([2, 1])})["y"].tolist() == [30, 20]


# --------------------------------------------------------------------------------------------------------------------------- columns


def test_score_missing_columns_are_all_named_with_their_types(scorer: eo.Scorer) -> None:
    with refused(eo.NotFound, "'a'", "'c'", "real", "other"):
        scorer.score({"b": np.zeros(3, np.float32), "other": np.zeros(3, np.float32)})


def test_score_ambiguous_column_names_all_candidates(scorer: eo.Scorer) -> None:
    data = {"A": good()["a"], "B": good()["b"], "c": good()["c"], "C": good()["c"]}
    np.testing.assert_array_equal(scorer.score(data)["total"], 7 * np.arange(10))
    other = eo.Scorer(models.affine(("ab",)))
    with refused(eo.NotFound, "'ab'", "'AB'", "'Ab'"):
        other.score({"AB": np.zeros(3, np.float32), "Ab": np.zeros(3, np.float32)})


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
    with refused(eo.CoercionError, *words):
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


def test_score_with_unknown_sql_type_is_refused(scorer: eo.Scorer) -> None:
    with pytest.raises(eo.Error, match="hierarchyid"):
        scorer.score(good(), with_={"total": "hierarchyid"})


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


# -------------------------------------------------------------------------------------------------------------------------- coercion


@pytest.mark.parametrize("source", ["int32", "int64", "float32", "float64"])
@pytest.mark.parametrize("target", ["int32", "int64", "float32", "float64"])
def test_score_strict_takes_equal_types_only_and_spells_the_cast(source: str, target: str) -> None:
    scorer = eo.Scorer(models.identity(target), coercion="strict")
    data = {"x": np.zeros(3, source)}
    if source == target:
        assert_columns(scorer.score(data), {"y": data["x"]})
        return
    with refused(eo.CoercionError, "'x'", f"expected {models.SQL_TYPES[target]}", models.SQL_TYPES[source], "CAST") as info:
        scorer.score(data)
    assert f"AS {models.SQL_TYPES[target]}" in str(info.value)


@pytest.mark.parametrize("source", ["int32", "int64", "float32", "float64"])
@pytest.mark.parametrize("target", ["int32", "int64", "float32", "float64"])
def test_score_safe_takes_conversions_that_keep_every_value(source: str, target: str) -> None:
    scorer = eo.Scorer(models.identity(target), coercion="safe")
    data = {"x": np.arange(3).astype(source)}
    if np.can_cast(source, target, "safe") and (source, target) != ("int64", "float64"):
        assert_columns(scorer.score(data), {"y": data["x"].astype(target)})
        return
    with refused(eo.CoercionError, "'x'", models.SQL_TYPES[source], models.SQL_TYPES[target]):
        scorer.score(data)


#: source, target, value, what it becomes; None: an overflow with the number behind it
CONVERSIONS: list[tuple[str, str, Any, Any, int]] = [
    ("float64", "int32", 10.6496, 10, 0),
    ("float64", "int32", -10.6496, -10, 0),
    ("float64", "int32", 2147483647.9, 2147483647, 0),
    ("float64", "int32", -2147483648.9, -2147483648, 0),
    ("float64", "int32", 2147483648.0, None, 232),
    ("float64", "int32", -2147483649.0, None, 232),
    ("float64", "int32", np.nan, None, 232),
    ("float64", "int32", np.inf, None, 232),
    ("float64", "int32", 5e-324, 0, 0),
    ("float32", "int32", 2147483520.0, 2147483520, 0),
    ("float32", "int32", 2147483648.0, None, 232),
    ("float32", "int32", -2147483648.0, -2147483648, 0),
    ("float64", "int64", 9223372036854774784.0, 9223372036854774784, 0),
    ("float64", "int64", 9223372036854775808.0, None, 8115),
    ("float64", "int64", -9223372036854775808.0, -9223372036854775808, 0),
    ("float64", "int64", -9223372036854777856.0, None, 8115),
    ("float32", "int64", 9.223372e18, None, 8115),
    ("float64", "int64", np.nan, None, 8115),
    ("int64", "int32", 2147483647, 2147483647, 0),
    ("int64", "int32", 2147483648, None, 8115),
    ("int64", "int32", -2147483649, None, 8115),
    ("int32", "float32", 16777217, 16777216.0, 0),
    ("int64", "float32", 2**53 + 1, float(np.float32(2**53 + 1)), 0),
    ("int64", "float64", 2**53 + 1, float(2**53), 0),
    ("float64", "float32", 3.4028235e38, float(np.float32(3.4028235e38)), 0),
    ("float64", "float32", 3.4028235677973362e38, float(np.finfo(np.float32).max), 0),
    ("float64", "float32", 3.4028235677973366e38, None, 232),
    ("float64", "float32", -1e300, None, 232),
    ("float64", "float32", 1e-300, 0.0, 0),
    ("float64", "float32", 0.1, float(np.float32(0.1)), 0),
    ("float64", "float32", np.nan, np.nan, 0),
    ("float64", "float32", np.inf, np.inf, 0),
    ("float64", "float32", -np.inf, -np.inf, 0),
    ("float32", "float64", 0.1, float(np.float32(0.1)), 0),
]


@pytest.mark.parametrize("row", [0, 77])
@pytest.mark.parametrize(("source", "target", "value", "expected", "number"), CONVERSIONS)
def test_score_tsql_conversion_follows_the_matrix(source: str, target: str, value: Any, expected: Any, number: int, row: int) -> None:
    column = np.ones(100, source)
    column[row] = value
    scorer = eo.Scorer(models.identity(target), morsel_rows=32)
    if expected is None:
        with refused(eo.Overflow, "'x'", str(row), models.SQL_TYPES[target]) as info:
            scorer.score({"x": column})
        assert (info.value.row, info.value.column, info.value.sql_number) == (row, "x", number)
        assert str(info.value.value)
        nulled = eo.Scorer(models.identity(target), on_overflow="null", nulls="propagate").score({"x": column})
        assert np.ma.getmaskarray(nulled["y"]).tolist() == [i == row for i in range(100)]
    else:
        y = np.ones(100, target)
        y[row] = expected
        assert_columns(scorer.score({"x": column}), {"y": y})


def test_score_overflow_carries_the_value() -> None:
    with refused(eo.Overflow, "3000000000") as info:
        eo.Scorer(models.identity("int32")).score({"x": np.array([1, 3_000_000_000])})
    assert str(info.value.value) == "3000000000"


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_score_first_bad_row_is_reported_whatever_the_threads(threads: int) -> None:
    column = np.zeros(100_000)
    column[[1234, 1300, 60_000, 99_999]] = 1e300
    scorer = eo.Scorer(models.identity("int32"), threads=threads, morsel_rows=500)
    for _ in range(10):
        with refused(eo.Overflow) as info:
            scorer.score({"x": column})
        assert info.value.row == 1234


def test_score_first_bad_row_counts_over_all_batches() -> None:
    batches = [pa.record_batch({"x": np.zeros(1000)}) for _ in range(5)]
    batches[3] = pa.record_batch({"x": np.array([0.0] * 17 + [1e300] + [0.0] * 982)})
    with refused(eo.Overflow) as info:
        eo.Scorer(models.identity("int32"), threads=4, morsel_rows=100).score(pa.Table.from_batches(batches))
    assert info.value.row == 3017


def test_score_unused_column_may_hold_anything(scorer: eo.Scorer) -> None:
    data = {**good(), "text": np.array(["x"] * 10), "big": np.full(10, 1e300), "objects": np.array([None] * 10, dtype=object)}
    np.testing.assert_array_equal(scorer.score(data)["total"], 7 * np.arange(10))


# ----------------------------------------------------------------------------------------------------------------------------- nulls


def with_nulls(kind: pa.DataType) -> pa.Table:
    return pa.table({"x": pa.array([1, None, 3, None], kind)})


def test_score_null_is_an_error_by_default_and_names_its_row() -> None:
    for threads in (1, 4):
        table = pa.table({"x": pa.array([1.0] * 5000 + [None] + [1.0] * 5000 + [None], pa.float32())})
        with refused(eo.NullError, "'x'", "5000") as info:
            eo.Scorer(models.identity(), threads=threads, morsel_rows=100).score(table)
        assert (info.value.row, info.value.column) == (5000, "x")


def test_score_validity_bitmap_without_nulls_is_no_error() -> None:
    sliced = pa.table({"x": pa.array([None, 1, 2, 3, None], pa.float32())}).slice(1, 3)
    assert eo.Scorer(models.identity()).score(sliced)["y"].tolist() == [1, 2, 3]


def test_score_nulls_nan_becomes_nan_and_is_no_null() -> None:
    for kind, dtype in ((pa.float32(), "float32"), (pa.float64(), "float64"), (pa.int32(), "float32")):
        scores = eo.Scorer(models.identity(dtype), nulls="nan").score(with_nulls(kind))
        assert_columns(scores, {"y": np.array([1, np.nan, 3, np.nan], dtype)})


def test_score_nulls_nan_for_an_integer_input_is_refused() -> None:
    with pytest.raises(eo.Error, match="'x'") as info:
        eo.Scorer(models.identity("int64"), nulls="nan").score(with_nulls(pa.int64()))
    assert isinstance(info.value, (eo.NullError, eo.InvalidArgument, eo.CoercionError))


def test_score_nulls_propagate_masks_all_outputs_of_the_row() -> None:
    scores = eo.Scorer(models.row_vectors(), nulls="propagate").score(
        pa.table(
            {
                "p": pa.array([1, None, 3], pa.float32()),
                "q": pa.array([1, 1, 1], pa.float32()),
                "r": pa.array([1, None, None], pa.float32()),
            }
        )
    )
    assert scores["total"].tolist() == [3.0, None, None]
    assert np.ma.getmaskarray(scores["doubled"]).tolist() == [[False] * 3, [True] * 3, [True] * 3]


@pytest.mark.parametrize("kind", [pa.int32(), pa.int64(), pa.float32(), pa.float64()], ids=str)
@pytest.mark.parametrize("constant", [-5, 2.0])
def test_score_nulls_constant_stands_in(kind: pa.DataType, constant: float) -> None:
    dtype = str(kind.to_pandas_dtype()().dtype)
    scores = eo.Scorer(models.identity(dtype), nulls=constant).score(with_nulls(kind))
    assert_columns(scores, {"y": np.array([1, constant, 3, constant], dtype)})


def test_score_nulls_constant_keeps_all_digits_of_a_bigint() -> None:
    value = 2**53 + 1
    scores = eo.Scorer(models.identity("int64"), nulls=value).score(with_nulls(pa.int64()))
    assert scores["y"].tolist() == [1, value, 3, value]


def test_score_nulls_constant_that_does_not_fit_is_refused() -> None:
    with pytest.raises(eo.Error, match="3000000000"):
        eo.Scorer(models.identity("int32"), nulls=3_000_000_000).score(with_nulls(pa.int32()))


def test_score_nulls_mapping_chooses_by_input() -> None:
    table = pa.table(
        {name: pa.array([1, None if name == missing else 1, 1], pa.float32()) for name, missing in zip("abc", "abx", strict=True)}
    )
    scorer = eo.Scorer(models.affine(), nulls={"a": 10, "b": "nan"})
    assert_column(scorer.score(table)["total"], np.array([7, np.nan, 7], np.float32))
    with refused(eo.NullError, "'c'"):
        scorer.score(table.set_column(2, "c", [[1.0, None, None]]))


def test_score_nulls_propagate_only_for_the_named_input() -> None:
    table = pa.table({"a": pa.array([1, None], pa.float32()), "b": pa.array([1, 1], pa.float32()), "c": pa.array([1, 1], pa.float32())})
    scorer = eo.Scorer(models.affine(), nulls={"a": "propagate"})
    assert scorer.score(table)["total"].tolist() == [7.0, None]


def test_score_nan_is_not_null() -> None:
    x = np.array([1, np.nan], np.float32)
    for nulls in ("error", "propagate", 5.0):
        assert_columns(eo.Scorer(models.identity(), nulls=nulls).score({"x": x}), {"y": x})


def test_score_null_row_that_would_overflow_does_not() -> None:
    """What lies under a NULL is nobody's value: it is neither checked nor converted."""
    garbage = pa.Array.from_buffers(pa.float64(), 3, [pa.py_buffer(b"\x05"), pa.py_buffer(np.array([1.0, 1e300, 2.0]).tobytes())])
    scores = eo.Scorer(models.identity("int32"), nulls="propagate").score(pa.table({"x": garbage}))
    assert scores["y"].tolist() == [1, None, 2]


def test_score_all_rows_null_propagates() -> None:
    table = pa.table({name: pa.nulls(300, pa.float32()) for name in "abc"})
    scores = eo.Scorer(models.affine(), nulls="propagate", morsel_rows=64).score(table)
    assert np.ma.getmaskarray(scores["total"]).all()


def test_score_overflow_null_on_an_input_follows_the_null_policy() -> None:
    data = {"x": np.array([1.0, 3e9, 3.0])}
    assert eo.Scorer(models.identity("int32"), on_overflow="null", nulls=-1).score(data)["y"].tolist() == [1, -1, 3]
    assert eo.Scorer(models.identity("int32"), on_overflow="null").score(data)["y"].tolist() == [1, None, 3]
