"""Whatever the layout of an array or the form of Arrow data, the values that the model sees are the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas
import pyarrow as pa
import pytest

import edgeonnx as eo
import models
from models import Array
from support import assert_columns, refused
from tables import NAMES, N, floats, frozen, totals

pytestmark = pytest.mark.usefixtures("no_leak")


# ------------------------------------------------------------------------------------------------------------------- layouts of one array


def layouts(values: Array) -> dict[str, Array]:
    """The same values in every layout that NumPy can make of them."""
    n_rows = len(values)
    record = np.empty(n_rows, dtype=[("pad", "u1"), ("x", values.dtype)])
    record["x"] = values
    unaligned = np.empty(values.nbytes + 1, np.uint8)[1:].view(values.dtype)
    unaligned[:] = values
    return {
        "contiguous": values,
        "strided": np.repeat(values, 3)[::3],
        "reversed": values[::-1].copy()[::-1],
        "read-only": frozen(values.copy()),
        "byte-swapped": values.astype(values.dtype.newbyteorder()),
        "byte-swapped and strided": np.repeat(values, 2).astype(values.dtype.newbyteorder())[::2],
        "unaligned": unaligned,
        "inside records": record["x"],
    }


LAYOUTS = list(layouts(np.zeros(1)))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", models.ELEMENT_TYPES)
def test_score_layout_of_any_type_gives_the_same_values(dtype: str, layout: str) -> None:
    values = np.random.default_rng(3).integers(0, 100, 500).astype(dtype)
    scores = eo.Scorer(models.identity(dtype), morsel_rows=64).score({"x": layouts(values)[layout]})
    assert_columns(scores, {"y": values})


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("source", ["int32", "int64", "float32", "float64"])
@pytest.mark.parametrize("target", ["int32", "int64", "float32", "float64"])
def test_score_layout_that_is_converted_gives_the_same_values(source: str, target: str, layout: str) -> None:
    values = np.random.default_rng(3).uniform(-1e6, 1e6, 500).astype(source)
    scores = eo.Scorer(models.identity(target), morsel_rows=64).score({"x": layouts(values)[layout]})
    assert_columns(scores, {"y": values.astype(target)})


def test_score_one_value_broadcast_over_all_rows() -> None:
    data = {"x": np.broadcast_to(np.float32(2.5), 100)}
    assert_columns(eo.Scorer(models.identity()).score(data), {"y": np.full(100, 2.5, np.float32)})


@pytest.mark.parametrize(
    "view",
    [
        pytest.param(lambda x: x, id="rows together"),
        pytest.param(np.asfortranarray, id="columns together"),
        pytest.param(lambda x: np.repeat(x, 2, axis=1)[:, ::2], id="strided columns"),
        pytest.param(lambda x: x[::-1].copy()[::-1], id="reversed rows"),
        pytest.param(lambda x: x.astype(x.dtype.newbyteorder()), id="byte-swapped"),
        pytest.param(lambda x: x.astype(np.float64), id="converted"),
        pytest.param(lambda x: np.asfortranarray(x.astype(np.int64)), id="converted, columns together"),
    ],
)
@pytest.mark.parametrize("shape", [(100, 3), (100, 2, 3)], ids=str)
def test_score_layout_of_rows_of_values_gives_the_same_values(view: Callable[[Array], Array], shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(3).integers(-100, 100, shape).astype(np.float32)
    model = models.row_vectors() if len(shape) == 2 else models.row_matrices()
    assert_columns(eo.Scorer(model, morsel_rows=32).score({"x": view(x)}), models.run(model, {"x": x}))


# ------------------------------------------------------------------------------------------------------------------------ arrow in detail


@pytest.mark.parametrize("offset", [0, 1, 3, 8, 13])
@pytest.mark.parametrize(
    "arrow_type", [pa.float32(), pa.float64(), pa.float16(), pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.bool_()], ids=str
)
def test_score_arrow_type_at_an_offset_with_nulls(arrow_type: pa.DataType, offset: int) -> None:
    dtype = str(np.dtype(arrow_type.to_pandas_dtype()))
    values: list[Any] = [None if i % 5 == 2 else i % 2 == 1 if dtype == "bool" else i for i in range(60)]
    array = pa.array(np.array([0 if v is None else v for v in values], dtype), arrow_type, mask=np.array([v is None for v in values]))
    scores = eo.Scorer(models.identity(dtype), nulls="propagate", morsel_rows=16).score(pa.table({"x": array}).slice(offset))
    assert scores["y"].tolist() == values[offset:]
    assert scores["y"].dtype == np.dtype(dtype)


def test_score_arrow_boolean_into_other_types_becomes_zero_and_one() -> None:
    table = pa.table({"x": pa.array([True, False, True] * 7)}).slice(5)
    expected = np.array(([True, False, True] * 7)[5:])
    for dtype in ("int32", "int64", "float32", "float64"):
        assert_columns(eo.Scorer(models.identity(dtype)).score(table), {"y": expected.astype(dtype)})


@pytest.mark.parametrize("offset", [0, 3, 13])
def test_score_fixed_size_list_feeds_a_vector_input(offset: int) -> None:
    x = np.arange(180, dtype=np.float32).reshape(60, 3)
    table = pa.table({"x": pa.FixedSizeListArray.from_arrays(pa.array(x.ravel()), 3)}).slice(offset)
    scores = eo.Scorer(models.row_vectors(), morsel_rows=16).score(table)
    assert scores.report.bytes_copied == 0
    assert_columns(scores, models.run(models.row_vectors(), {"x": x[offset:]}))


def test_score_fixed_size_list_of_six_feeds_an_input_of_two_by_three() -> None:
    x = np.arange(120, dtype=np.float32).reshape(20, 2, 3)
    table = pa.table({"x": pa.FixedSizeListArray.from_arrays(pa.array(x.ravel()), 6)})
    assert_columns(eo.Scorer(models.row_matrices()).score(table), models.run(models.row_matrices(), {"x": x}))


def test_score_fixed_size_list_with_nulls_propagates_whole_rows() -> None:
    values = pa.array([1, 2, 3, 4, None, 6, 7, 8, 9, 10, 11, 12], pa.float32())
    lists = pa.FixedSizeListArray.from_arrays(values, 3, mask=pa.array([False, False, True, False]))
    scores = eo.Scorer(models.row_vectors(), nulls="propagate").score(pa.table({"x": lists}))
    assert scores["total"].tolist() == [6.0, None, None, 33.0]
    assert pa.table(scores)["doubled"].to_pylist() == [[2, 4, 6], None, None, [20, 22, 24]]


def test_score_several_batches_with_validity_equal_one_batch() -> None:
    values = [None if i % 7 == 3 else float(i) for i in range(200)]
    whole = pa.table({name: pa.array(values, pa.float32()) for name in NAMES})
    parts = pa.concat_tables([whole.slice(0, 13), whole.slice(13, 0), whole.slice(13, 100), whole.slice(113)])
    scorer = eo.Scorer(models.affine(), nulls="propagate", morsel_rows=32)
    assert scorer.score(parts)["total"].tolist() == scorer.score(whole)["total"].tolist() == [None if v is None else 7 * v for v in values]


def test_score_arrow_dictionary_column_that_no_input_needs_is_left_alone() -> None:
    data = floats()
    table = pa.table({**data, "kind": pa.array(["x", "y"] * (N // 2)).dictionary_encode(), "when": pa.array([0] * N, pa.timestamp("us"))})
    assert_columns(eo.Scorer(models.affine()).score(table), totals(data))


def test_score_pandas_nullable_columns_keep_null_and_nan_apart() -> None:
    frame = pandas.DataFrame({"x": pandas.array([1, None, 3], "Int64")})
    assert eo.Scorer(models.identity("int64"), nulls="propagate").score(frame)["y"].tolist() == [1, None, 3]
    plain = pandas.DataFrame({"x": np.array([1, np.nan, 3])})
    scores = eo.Scorer(models.identity("float64")).score(plain)
    assert_columns(scores, {"y": np.array([1, np.nan, 3])})


def test_score_masked_array_is_null_where_masked() -> None:
    data = {"x": np.ma.array([1.0, 2.0, 3.0], mask=[False, True, False], dtype=np.float32)}
    assert eo.Scorer(models.identity(), nulls="propagate").score(data)["y"].tolist() == [1.0, None, 3.0]
    assert_columns(eo.Scorer(models.identity(), nulls=9).score(data), {"y": np.array([1, 9, 3], np.float32)})
    with refused(eo.NullError, "x") as info:
        eo.Scorer(models.identity()).score(data)
    assert info.value.row == 1


def test_score_masked_matrix_is_null_where_masked() -> None:
    x = np.ma.array(np.ones((4, 3), np.float32), mask=np.zeros((4, 3), dtype=bool))
    x[2, 1] = np.ma.masked
    assert eo.Scorer(models.row_vectors(), nulls="propagate").score({"x": x})["total"].tolist() == [3.0, 3.0, None, 3.0]
