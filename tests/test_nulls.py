"""What a NULL does: an error, NaN, a constant, or a row without results."""

from __future__ import annotations

import pathlib
import tempfile
from typing import Any

import numpy as np
import pandas
import polars
import pyarrow as pa
import pytest

import edgeonnx as eo
import models
import trained
from support import assert_column, assert_columns, refused, run_python

pytestmark = pytest.mark.usefixtures("no_leak")


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


def test_scores_mask_of_a_wide_output_belongs_to_the_caller() -> None:
    rows = np.ma.MaskedArray(np.ones((3, 3), np.float32), mask=[[False] * 3, [False, True, False], [False] * 3])
    doubled = eo.Scorer(models.row_vectors(), nulls="propagate").score(rows)["doubled"]
    doubled[0, 1] = np.ma.masked
    assert np.ma.getmaskarray(doubled).tolist() == [[False, True, False], [True] * 3, [False] * 3]


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


def test_score_null_row_is_not_fed_a_value_that_the_model_cannot_take() -> None:
    """An integer division by zero would end the process."""
    code = """
import sys, pathlib
import edgeonnx as eo
import pyarrow as pa
table = pa.table({"x": pa.array([None, 5, None, 2, None], pa.int32())})
print(eo.Scorer(pathlib.Path(sys.argv[1]), nulls="propagate").score(table)["y"].tolist())
print(eo.Scorer(sys.argv[1], nulls="propagate").score(table.slice(0, 1))["y"].tolist())
"""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "model.onnx"
        path.write_bytes(models.ten_divided_by())
        assert run_python(code, str(path)).stdout == "[None, 2, None, 5, None]\n[None]\n"


def test_score_all_rows_null_propagates() -> None:
    table = pa.table({name: pa.nulls(300, pa.float32()) for name in "abc"})
    scores = eo.Scorer(models.affine(), nulls="propagate", morsel_rows=64).score(table)
    assert np.ma.getmaskarray(scores["total"]).all()


def test_score_overflow_null_on_an_input_follows_the_null_policy() -> None:
    data = {"x": np.array([1.0, 3e9, 3.0])}
    assert eo.Scorer(models.identity("int32"), on_overflow="null", nulls=-1).score(data)["y"].tolist() == [1, -1, 3]
    assert eo.Scorer(models.identity("int32"), on_overflow="null").score(data)["y"].tolist() == [1, None, 3]


# ------------------------------------------------------------------------------------------------------------- columns of NULLs alone

B, C = np.float32([1, 2]), np.float64([3, 4])
ALL_NULL: dict[str, Any] = {
    "list": {"a": [None, None], "b": B, "c": C},
    "objects": {"a": np.array([None, None]), "b": B, "c": C},
    "pandas": pandas.DataFrame({"a": pandas.Series([None, pandas.NA], dtype=object), "b": B, "c": C}),
    "pandas, arrow-backed": pandas.DataFrame({"a": pandas.Series([None, None], dtype=pandas.ArrowDtype(pa.null())), "b": B, "c": C}),
    "polars": polars.DataFrame({"b": B, "c": C}).with_columns(a=polars.lit(None)),
    "arrow": pa.table({"a": pa.nulls(2), "b": B, "c": C}),
    "arrow, batches": pa.Table.from_batches([pa.record_batch({"a": pa.nulls(1), "b": B[i:][:1], "c": C[i:][:1]}) for i in range(2)]),
    "arrow array": {"a": pa.nulls(5).slice(3), "b": B, "c": C},
}
each_all_null = pytest.mark.parametrize("data", ALL_NULL.values(), ids=ALL_NULL.keys())


@each_all_null
@pytest.mark.parametrize("native", [True, False], ids=["kernels", "runtime"])
def test_score_column_of_nulls_alone_is_null_to_any_input(data: Any, native: bool) -> None:
    assert np.isnan(eo.Scorer(models.affine(), nulls="nan", native=native).score(data)["total"]).all()
    assert eo.Scorer(models.affine(), nulls="propagate", native=native).score(data)["total"].tolist() == [None, None]
    assert eo.Scorer(models.affine(), nulls=5, native=native).score(data)["total"].tolist() == [5 + 2 + 12, 5 + 4 + 16]
    with refused(eo.NullError, "row 0", "'a'", "NULL"):
        eo.Scorer(models.affine(), native=native).score(data)


@each_all_null
def test_predict_column_of_nulls_alone_stays_as_it_was(data: Any) -> None:
    result = eo.Scorer(models.affine(), nulls="nan").predict(data)
    assert list(result["a"]) == list(data["a"])
    assert np.isnan(np.asarray(result["total"])).all()


@pytest.mark.parametrize("coercion", ["tsql", "strict"])
@pytest.mark.parametrize("dtype", models.SQL_TYPES)
def test_score_column_of_nulls_alone_is_of_every_type(dtype: str, coercion: str) -> None:
    scorer = eo.Scorer(models.identity(dtype), nulls="propagate", morsel_rows=64, coercion=coercion)
    scores = scorer.score(pa.table({"x": pa.nulls(300)}))
    assert scores["y"].dtype == dtype
    assert np.ma.getmaskarray(scores["y"]).all()
    assert scores.report.casts == ()


def test_score_columns_of_nulls_alone_in_a_stream() -> None:
    batches = [pa.record_batch({"x": values}) for values in (pa.nulls(2), pa.array([1.0, None]), pa.nulls(0))]
    answers = list(eo.Scorer(models.identity(), nulls="nan").stream(batches))
    np.testing.assert_array_equal(np.concatenate([answer["y"].to_numpy() for answer in answers]), [np.nan, np.nan, 1, np.nan])
    with refused(eo.NullError, "'x'") as info:
        list(eo.Scorer(models.identity()).stream([pa.record_batch({"x": B}), pa.record_batch({"x": pa.nulls(1)})]))
    assert (info.value.row, info.value.column) == (2, "x")


def test_score_matrix_input_takes_columns_of_nulls_only_where_they_are_needed() -> None:
    scorer = eo.Scorer(models.row_vectors(), nulls=7)
    three = {"p": B, "q": [None, None], "r": B}
    np.testing.assert_array_equal(scorer.score(three)["doubled"], [[2, 14, 2], [4, 14, 4]])
    np.testing.assert_array_equal(scorer.score({**three, "s": B})["doubled"], [[2, 2, 2], [4, 4, 4]])


def test_score_empty_frame_of_objects_has_no_rows() -> None:
    frame = pandas.DataFrame({name: [] for name in "abc"}, dtype=object)
    assert eo.Scorer(models.affine()).score(frame)["total"].shape == (0,)


def test_score_branches_are_not_counted_where_all_is_null() -> None:
    scorer = eo.Scorer(trained.forest().model, report="branches", nulls=0)
    data = {"p": [None] * 4, "q": np.zeros(4), "r": np.zeros(4), "s": np.zeros(4)}
    assert scorer.score(data).report.n_branch_changes == 0


def test_score_row_with_a_none_first_is_scored_like_the_rows_behind_it() -> None:
    scorer = eo.Scorer(models.affine(), nulls=1)
    for a in (None, None, 1.0, None, np.float32(1), None):
        assert scorer.score({"a": a, "b": 0.0, "c": 0.0})["total"].tolist() == [1]
