"""Every kind of data that `score` and `predict` take: read in place where type and layout allow, and answered in kind."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import duckdb
import nanoarrow
import numpy as np
import pandas
import polars
import pyarrow as pa
import pytest
import torch
from numpy.lib import recfunctions

import edgeonnx as eo
import models
from edgeonnx._tables import read_table
from models import Feed
from support import assert_columns
from tables import NAMES, N, chunked, floats, frozen, matrix, structured, totals

pytestmark = pytest.mark.usefixtures("no_leak")


class ArrowArrayOnly:
    """A producer with `__arrow_c_array__` and nothing else."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        self.batch = batch

    def __arrow_c_array__(self, requested_schema: Any = None) -> Any:
        return self.batch.__arrow_c_array__(requested_schema)


class ArrowStreamOnly:
    """A producer with `__arrow_c_stream__` and nothing else; readable once, as a stream may be."""

    def __init__(self, table: pa.Table) -> None:
        self.table: pa.Table | None = table

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        assert self.table is not None, "the stream was read twice"
        table, self.table = self.table, None
        return table.__arrow_c_stream__(requested_schema)


KINDS: dict[str, Callable[[Feed], Any]] = {
    "mapping of arrays": dict,
    "mapping, other order": lambda d: dict(reversed(d.items())),
    "mapping of [N, 1] arrays": lambda d: {name: column[:, None] for name, column in d.items()},
    "mapping of lists": lambda d: {name: column.tolist() for name, column in d.items()},
    "mapping of tensors": lambda d: {name: torch.from_numpy(column) for name, column in d.items()},
    "mapping of arrow arrays": lambda d: {name: pa.array(column) for name, column in d.items()},
    "mapping of series": lambda d: {name: pandas.Series(column) for name, column in d.items()},
    "matrix, rows together": matrix,
    "matrix, columns together": lambda d: np.asfortranarray(matrix(d)),
    "matrix, every other row": lambda d: np.repeat(matrix(d), 2, axis=0)[::2],
    "matrix, reversed": lambda d: matrix(d)[::-1, ::-1].copy()[::-1, ::-1],
    "matrix, read-only": lambda d: frozen(matrix(d)),
    "structured array": structured,
    "structured array, wide": lambda d: recfunctions.append_fields(structured(d), "other", np.zeros(len(d["a"])), usemask=False),
    "structured array, records": lambda d: structured(d).view(np.recarray),
    "pandas": pandas.DataFrame,
    "pandas, one block, sliced": lambda d: pandas.DataFrame(np.repeat(matrix(d), 2, axis=0), columns=list(d))[::2],
    "pandas, nullable": lambda d: pandas.DataFrame(d).astype("Float32"),
    "pandas, arrow-backed": lambda d: pandas.DataFrame(d).astype("float32[pyarrow]"),
    "pandas, text beside": lambda d: pandas.DataFrame(d).assign(note="x", when=pandas.Timestamp("2020-01-01")),
    "polars": polars.DataFrame,
    "polars, several chunks": lambda d: polars.concat([polars.DataFrame(d)[:300], polars.DataFrame(d)[300:]], rechunk=False),
    "polars, text beside": lambda d: polars.DataFrame(d).with_columns(note=polars.lit("x")),
    "arrow table": lambda d: pa.table(d),
    "arrow table, several chunks": lambda d: chunked(d, 300, 0, 13, 687),
    "arrow table, chunks that differ by column": lambda d: pa.table(
        {name: pa.chunked_array([column[: 100 * i], column[100 * i :]]) for i, (name, column) in enumerate(d.items())}
    ),
    "arrow table, text beside": lambda d: pa.table({"note": ["x"] * len(d["a"]), **d, "tags": [["x"]] * len(d["a"])}),
    "arrow batch": lambda d: pa.record_batch(d),
    "arrow batch, sliced": lambda d: pa.record_batch({k: np.concatenate([np.zeros(13, np.float32), v]) for k, v in d.items()}).slice(13),
    "arrow reader": lambda d: chunked(d, 300, 700).to_reader(),
    "arrow struct array": lambda d: pa.record_batch(d).to_struct_array(),
    "arrow array protocol": lambda d: ArrowArrayOnly(pa.record_batch(d)),
    "arrow stream protocol": lambda d: ArrowStreamOnly(chunked(d, 300, 700)),
    "nanoarrow": lambda d: nanoarrow.Array(pa.record_batch(d)),
    "nanoarrow stream": lambda d: nanoarrow.ArrayStream(chunked(d, 300, 700)),
    "duckdb relation": lambda d: duckdb.connect().from_arrow(pa.table(d)),
    "dlpack tensor": lambda d: torch.from_numpy(matrix(d)),
    "dlpack tensor, transposed": lambda d: torch.from_numpy(np.ascontiguousarray(matrix(d).T)).T,
}


@pytest.mark.parametrize("kind", KINDS)
def test_score_kind_of_data_equals_onnxruntime(kind: str) -> None:
    data = floats()
    assert_columns(eo.Scorer(models.affine(), morsel_rows=128).score(KINDS[kind](data)), totals(data))


@pytest.mark.parametrize("kind", KINDS)
def test_score_kind_of_data_without_rows_is_empty_and_typed(kind: str) -> None:
    if kind == "mapping of lists":
        pytest.skip("an empty list has no type")
    makers = {"arrow table, several chunks": pa.table, "arrow reader": lambda d: pa.table(d).to_reader()}
    makers["arrow stream protocol"] = lambda d: ArrowStreamOnly(pa.table(d))
    makers["nanoarrow stream"] = lambda d: nanoarrow.ArrayStream(pa.table(d))
    scores = eo.Scorer(models.affine()).score(makers.get(kind, KINDS[kind])(floats(0)))
    assert_columns(scores, {"total": np.empty(0, np.float32)})


# ------------------------------------------------------------------------------------------------------------------------------ no copies


def addresses(scorer: eo.Scorer, data: Any) -> list[list[int]]:
    """Where the core will read, batch by batch and column by column."""
    return read_table(data, scorer.inputs).table.addresses()


def wide_model() -> tuple[bytes, tuple[str, ...]]:
    names = tuple(f"feature_{i}" for i in range(28))
    return models.affine(names), names


def test_score_28_real_columns_into_28_inputs_copies_nothing_and_reads_the_callers_addresses() -> None:
    model, names = wide_model()
    data = floats(50_000, names)
    scorer = eo.Scorer(model)
    assert addresses(scorer, data) == [[column.__array_interface__["data"][0] for column in data.values()]]
    scores = scorer.score(data)
    assert scores.report.bytes_copied == 0
    assert scores.report.bytes_borrowed == 50_000 * 28 * 4
    assert_columns(scores, totals(data))


@pytest.mark.parametrize(
    ("make", "address"),
    [
        pytest.param(pa.table, lambda t, name: t[name].chunk(0).buffers()[1].address, id="arrow"),
        pytest.param(lambda d: pa.table(d).slice(13), lambda t, name: t[name].chunk(0).buffers()[1].address + 13 * 4, id="arrow, sliced"),
        pytest.param(polars.DataFrame, lambda t, name: t[name].to_numpy(allow_copy=False).__array_interface__["data"][0], id="polars"),
        pytest.param(lambda d: pandas.DataFrame(d), lambda t, name: t[name].to_numpy().__array_interface__["data"][0], id="pandas"),
        pytest.param(structured, lambda t, name: t[name].__array_interface__["data"][0], id="structured"),
        pytest.param(lambda d: dict.fromkeys(d, 0) | d, lambda t, name: t[name].__array_interface__["data"][0], id="mapping"),
        pytest.param(
            lambda d: np.asfortranarray(matrix(d)),
            lambda t, name: t[:, NAMES.index(name)].__array_interface__["data"][0],
            id="matrix, columns together",
        ),
    ],
)
def test_table_reads_the_addresses_of_the_owner(make: Callable[[Feed], Any], address: Callable[[Any, str], int]) -> None:
    data = make(floats())
    assert addresses(eo.Scorer(models.affine()), data) == [[address(data, name) for name in NAMES]]


@pytest.mark.parametrize(
    ("kind", "copied"),
    [
        ("mapping of arrays", 0),
        ("pandas", 0),
        ("polars", 0),
        ("arrow table", 0),
        ("arrow batch, sliced", 0),
        ("mapping of tensors", 0),
        ("matrix, columns together", 0),
        ("matrix, rows together", N * 3 * 4),
        ("structured array", N * 3 * 4),
    ],
)
def test_score_copies_only_what_the_layout_demands(kind: str, copied: int) -> None:
    report = eo.Scorer(models.affine(), morsel_rows=128, native=False).score(KINDS[kind](floats())).report
    assert report.bytes_copied == copied
    assert report.bytes_borrowed == N * 3 * 4 - copied


@pytest.mark.parametrize("kind", ["mapping of arrays", "matrix, rows together", "structured array"])
def test_score_native_kernels_borrow_any_layout(kind: str) -> None:
    report = eo.Scorer(models.affine(), morsel_rows=128).score(KINDS[kind](floats())).report
    assert report.bytes_copied == 0
    assert report.bytes_borrowed == N * 3 * 4


@pytest.mark.parametrize(("order", "copied"), [("C", 0), ("F", N * 3 * 4)])
def test_score_matrix_input_borrows_rows_that_lie_together(order: Any, copied: int) -> None:
    x = np.asarray(np.random.default_rng(1).normal(0, 1, (N, 3)), np.float32, order=order)
    scores = eo.Scorer(models.row_vectors()).score(x)
    assert scores.report.bytes_copied == copied
    assert_columns(scores, models.run(models.row_vectors(), {"x": x}))


def test_score_keeps_the_owner_alive_and_lets_it_go() -> None:
    class Owned(np.ndarray):
        pass

    data = {name: column.view(Owned) for name, column in floats().items()}
    watch = [weakref.ref(column) for column in data.values()]
    table = read_table(data, ()).table
    del data
    gc.collect()
    assert all(ref() is not None for ref in watch)
    del table
    gc.collect()
    assert all(ref() is None for ref in watch)


# -------------------------------------------------------------------------------------------------------------------------------- binding


def test_score_columns_bind_without_case_when_unique() -> None:
    data = floats()
    assert_columns(eo.Scorer(models.affine()).score({name.upper(): column for name, column in data.items()}), totals(data))


def test_score_exact_name_goes_before_another_case() -> None:
    data = floats()
    assert_columns(eo.Scorer(models.affine()).score({"A": np.zeros(N, np.float32), **data}), totals(data))


def test_score_rename_overrides_names() -> None:
    data = floats()
    renamed = {"first": data["a"], "a": np.zeros(N, np.float32), "b": data["b"], "c": data["c"]}
    assert_columns(eo.Scorer(models.affine()).score(renamed, rename={"first": "a"}), totals(data))


def test_score_columns_option_fills_a_vector_input() -> None:
    data = floats()
    feed = {"features": matrix({name: data[name] for name in "cab"}), "bias": data["b"][:, None]}
    scores = eo.Scorer(models.two_inputs_mixed()).score({**data, "bias": data["b"]}, columns={"features": ["c", "a", "b"]})
    assert_columns(scores, models.run(models.two_inputs_mixed(), feed))


def test_score_single_vector_input_takes_all_numeric_columns_in_order() -> None:
    data = floats()
    frame = pandas.DataFrame(data).assign(note="x")
    assert_columns(eo.Scorer(models.row_vectors()).score(frame), models.run(models.row_vectors(), {"x": matrix(data)}))


def test_score_matrix_feeds_one_column_inputs_in_order() -> None:
    data = floats()
    assert_columns(eo.Scorer(models.affine()).score(matrix(data)), totals(data))


def test_score_one_dimensional_array_feeds_a_single_input() -> None:
    x = np.arange(10, dtype=np.float32)
    assert_columns(eo.Scorer(models.identity()).score({"x": x}), {"y": x})
