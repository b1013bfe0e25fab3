"""`predict` answers with the kind of table that it got; `out` writes where the caller says; `stream` goes batch by batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb
import numpy as np
import pandas
import polars
import pyarrow as pa
import pytest

import edgeonnx as eo
import models
import trained
from models import Feed
from support import assert_column, assert_columns, refused
from tables import NAMES, N, chunked, floats, frozen, structured, totals

pytestmark = pytest.mark.usefixtures("no_leak")


# -------------------------------------------------------------------------------------------------------------------------------- predict


def test_predict_mapping_returns_a_dict_with_the_columns_and_the_outputs() -> None:
    data = floats()
    result = eo.Scorer(models.affine()).predict(data)
    assert type(result) is dict
    assert list(result) == [*NAMES, "total"]
    assert result["a"] is data["a"]
    assert_column(result["total"], totals(data)["total"])


def test_predict_pandas_returns_pandas_with_its_index() -> None:
    data = floats()
    frame = pandas.DataFrame(data, index=np.arange(N) * 2 + 5).assign(note="x")
    result = eo.Scorer(models.affine()).predict(frame)
    assert type(result) is pandas.DataFrame
    assert list(result.columns) == [*NAMES, "note", "total"]
    pandas.testing.assert_frame_equal(result.drop(columns="total"), frame)
    assert_column(result["total"].to_numpy(), totals(data)["total"])
    assert list(frame.columns) == [*NAMES, "note"]


def test_predict_polars_returns_polars() -> None:
    data = floats()
    frame = polars.DataFrame(data).with_columns(note=polars.lit("x"))
    result = eo.Scorer(models.affine()).predict(frame)
    assert type(result) is polars.DataFrame
    assert result.columns == [*NAMES, "note", "total"]
    assert result.drop("total").equals(frame)
    assert_column(result["total"].to_numpy(), totals(data)["total"])


def test_predict_arrow_table_returns_an_arrow_table() -> None:
    data = floats()
    table = chunked(data, 300, 13, 687).append_column("note", [["x"] * N])
    result = eo.Scorer(models.affine()).predict(table)
    assert type(result) is pa.Table
    assert result.column_names == [*NAMES, "note", "total"]
    assert result.drop_columns("total").equals(table)
    assert_column(result["total"].to_numpy(), totals(data)["total"])


def test_predict_record_batch_returns_a_record_batch() -> None:
    data = floats()
    result = eo.Scorer(models.affine()).predict(pa.record_batch(data))
    assert type(result) is pa.RecordBatch
    assert result.schema.names == [*NAMES, "total"]
    assert_column(result["total"].to_numpy(), totals(data)["total"])


def test_predict_structured_array_returns_a_structured_array() -> None:
    data = floats()
    result = eo.Scorer(models.affine()).predict(structured(data))
    assert result.dtype.names == (*NAMES, "total")
    assert_column(np.ascontiguousarray(result["total"]), totals(data)["total"])
    assert_column(np.ascontiguousarray(result["a"]), data["a"])


def test_predict_duckdb_relation_keeps_rows_columns_and_order() -> None:
    data = floats()
    connection = duckdb.connect()
    relation = connection.from_arrow(pa.table({"id": np.arange(N), **data}))
    result = eo.Scorer(models.affine()).predict(relation)
    table = pa.table(result)
    assert table.column_names == ["id", *NAMES, "total"]
    assert_column(table["id"].to_numpy(), np.arange(N))
    assert_column(table["total"].to_numpy(), totals(data)["total"])


@pytest.mark.parametrize("make", [dict, pandas.DataFrame, polars.DataFrame, pa.table], ids=["mapping", "pandas", "polars", "arrow"])
def test_predict_without_keep_returns_the_outputs_only(make: Callable[[Feed], Any]) -> None:
    data = floats()
    result = eo.Scorer(models.affine()).predict(make(data), keep=False)
    assert type(result) is type(make(data))
    names = result.column_names if isinstance(result, pa.Table) else list(result)
    assert names == ["total"] if not isinstance(result, polars.DataFrame) else result.columns == ["total"]


@pytest.mark.parametrize("make", [pandas.DataFrame, polars.DataFrame, pa.table], ids=["pandas", "polars", "arrow"])
def test_predict_with_declares_types_and_chooses_outputs(make: Callable[[Feed], Any]) -> None:
    data = floats(names=("a", "b", "c", "d"))
    result = eo.Scorer(trained.logistic(3, True).model).predict(make(data), with_={"output_label": "int", "output_probability_2": "float"})
    table = pa.table(result)
    assert table.column_names == ["a", "b", "c", "d", "output_label", "output_probability_2"]
    assert table.schema.field("output_label").type == pa.int32()
    assert table.schema.field("output_probability_2").type == pa.float64()


@pytest.mark.parametrize("make", [pandas.DataFrame, polars.DataFrame, pa.table], ids=["pandas", "polars", "arrow"])
def test_predict_null_results_are_null_in_the_table(make: Callable[[Any], Any]) -> None:
    table = pa.table({"x": pa.array([1, None, 3], pa.int64())})
    frame = {pandas.DataFrame: lambda: table.to_pandas(types_mapper=pandas.ArrowDtype), polars.DataFrame: lambda: polars.DataFrame(table)}
    result = eo.Scorer(models.identity("int64"), nulls="propagate").predict(frame.get(make, lambda: table)())
    assert pa.table(result)["y"].to_pylist() == [1, None, 3]
    assert pa.table(result).schema.field("y").type == pa.int64()


@pytest.mark.parametrize("make", [pandas.DataFrame, polars.DataFrame, pa.table], ids=["pandas", "polars", "arrow"])
def test_predict_zero_rows_keeps_columns_and_types(make: Callable[[Feed], Any]) -> None:
    table = pa.table(eo.Scorer(models.affine()).predict(make(floats(0))))
    assert table.schema.names == [*NAMES, "total"]
    assert table.schema.field("total").type == pa.float32()
    assert table.num_rows == 0


# -------------------------------------------------------------------------------------------------------------------- the caller's memory


def test_score_out_writes_into_the_callers_array() -> None:
    data = floats()
    out = np.full(N, np.nan, np.float32)
    scores = eo.Scorer(models.affine()).score(data, out={"total": out})
    assert_column(out, totals(data)["total"])
    assert np.shares_memory(scores["total"], out)


def test_score_out_strided_leaves_what_lies_between_alone() -> None:
    data = floats()
    memory = np.full((N, 3), -7, np.float32)
    eo.Scorer(models.affine(), morsel_rows=100).score(data, out={"total": memory[::-1, 1]})
    assert_column(memory[::-1, 1].copy(), totals(data)["total"])
    assert (memory[:, [0, 2]] == -7).all()


def test_score_out_of_another_type_converts_when_with_declares_it() -> None:
    data = floats()
    out = np.empty(N, np.float64)
    eo.Scorer(models.affine()).score(data, with_={"total": "float"}, out={"total": out})
    assert_column(out, totals(data)["total"].astype(np.float64))


def test_score_out_of_vectors_is_written() -> None:
    x = np.random.default_rng(1).normal(0, 1, (N, 3)).astype(np.float32)
    out = np.empty((N, 3), np.float32)
    scores = eo.Scorer(models.row_vectors()).score(x, out={"doubled": out})
    assert_column(out, 2 * x)
    assert_columns(scores, models.run(models.row_vectors(), {"x": x}))


@pytest.mark.parametrize(
    ("out", "kind", "words"),
    [
        pytest.param(lambda: {"total": np.empty(N, np.float64)}, eo.CoercionError, ("total", "float32", "float64"), id="dtype"),
        pytest.param(lambda: {"total": np.empty(N - 1, np.float32)}, eo.ShapeError, ("total", str(N), str(N - 1)), id="rows"),
        pytest.param(lambda: {"total": np.empty((N, 2), np.float32)}, eo.ShapeError, ("total",), id="width"),
        pytest.param(lambda: {"nothing": np.empty(N, np.float32)}, eo.NotFound, ("nothing", "total"), id="name"),
        pytest.param(lambda: {"total": frozen(np.empty(N, np.float32))}, eo.InvalidArgument, ("total",), id="read-only"),
        pytest.param(lambda: {"total": np.ma.zeros(N, np.float32)}, eo.InvalidArgument, ("total", "masked"), id="masked"),
    ],
)
def test_score_out_that_does_not_fit_is_refused(out: Callable[[], Any], kind: type[eo.Error], words: tuple[str, ...]) -> None:
    scorer = eo.Scorer(models.affine())
    with refused(kind, *words):
        scorer.score(floats(), out=out())
    assert_columns(scorer.score(floats()), totals(floats()))


# --------------------------------------------------------------------------------------------------------------------------------- stream


@pytest.mark.parametrize(
    "batches",
    [
        pytest.param(lambda d: pa.table(d).to_batches(max_chunksize=300), id="list of batches"),
        pytest.param(lambda d: chunked(d, 300, 13, 687).to_reader(), id="reader"),
        pytest.param(lambda d: iter(pa.table(d).to_batches(max_chunksize=300)), id="iterator"),
    ],
)
def test_stream_scores_batch_by_batch(batches: Callable[[Feed], Any]) -> None:
    data = floats()
    results = [pa.record_batch(batch) for batch in eo.Scorer(models.affine()).stream(batches(data))]
    table = pa.Table.from_batches(results)
    assert len(results) > 1
    assert table.column_names[-1] == "total"
    assert_column(table["total"].to_numpy(), totals(data)["total"])


def test_stream_reads_one_batch_ahead_at_most() -> None:
    taken = 0

    def batches() -> Any:
        nonlocal taken
        for _ in range(10):
            taken += 1
            yield pa.record_batch(floats(10))

    stream = iter(eo.Scorer(models.affine()).stream(batches()))
    next(stream)
    assert taken <= 2


def test_stream_without_batches_ends() -> None:
    assert list(eo.Scorer(models.affine()).stream([])) == []
