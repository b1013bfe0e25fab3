"""Every kind of data that `score` and `predict` take: read in place where type and layout allow, and answered in kind."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import duckdb
import edgeonnx as eo
import models
import nanoarrow
import numpy as np
import pandas
import polars
import pyarrow as pa
import pytest
import torch
from edgeonnx._tables import read_table
from models import Array, Feed
from numpy.lib import recfunctions
from support import assert_column, assert_columns, refused

pytestmark = pytest.mark.usefixtures("no_leak")

N = 1000
NAMES = ("a", "b", "c")


def floats(n_rows: int = N, names: tuple[str, ...] = NAMES) -> Feed:
    rng = np.random.default_rng(9)
    return {name: rng.normal(0, 1, n_rows).astype(np.float32) for name in names}


def totals(data: Feed) -> Feed:
    """What `models.affine` says, by onnxruntime."""
    return models.run(models.affine(tuple(data)), {name: column[:, None] for name, column in data.items()})


def chunked(data: Feed, *sizes: int) -> pa.Table:
    """A table in batches that begin at odd offsets of larger arrays."""
    batches, at = [], 0
    for size in sizes:
        arrays = [pa.concat_arrays([pa.nulls(3 + i, pa.float32()), pa.array(column[at : at + size])]).slice(3 + i)
                  for i, column in enumerate(data.values())]  # fmt: skip
        batches.append(pa.record_batch(arrays, names=list(data)))
        at += size
    assert at == len(next(iter(data.values())))
    return pa.Table.from_batches(batches)


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


def structured(data: Feed) -> Array:
    array = np.empty(len(next(iter(data.values()))), dtype=[(name, np.float32) for name in data])
    for name, column in data.items():
        array[name] = column
    return array


def matrix(data: Feed) -> Array:
    return np.column_stack(list(data.values()))


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


def frozen(array: Array) -> Array:
    array.flags.writeable = False
    return array


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


# ------------------------------------------------------------------------------------------------------------------------- no copies


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
    report = eo.Scorer(models.affine(), morsel_rows=128).score(KINDS[kind](floats())).report
    assert report.bytes_copied == copied
    assert report.bytes_borrowed == N * 3 * 4 - copied


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


# --------------------------------------------------------------------------------------------------------------- layouts of one array


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


# -------------------------------------------------------------------------------------------------------------------- arrow in detail


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
    x = np.ma.array(np.ones((4, 3), np.float32), mask=np.zeros((4, 3)))
    x[2, 1] = np.ma.masked
    assert eo.Scorer(models.row_vectors(), nulls="propagate").score({"x": x})["total"].tolist() == [3.0, 3.0, None, 3.0]


# --------------------------------------------------------------------------------------------------------------------------- binding


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


# --------------------------------------------------------------------------------------------------------------------------- predict


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
    result = eo.Scorer(models.logistic(3, True).model).predict(make(data), with_={"output_label": "int", "output_probability_2": "float"})
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


# --------------------------------------------------------------------------------------------------------------- the caller's memory


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
    ],
)
def test_score_out_that_does_not_fit_is_refused(out: Callable[[], Any], kind: type[eo.Error], words: tuple[str, ...]) -> None:
    scorer = eo.Scorer(models.affine())
    with refused(kind, *words):
        scorer.score(floats(), out=out())
    assert_columns(scorer.score(floats()), totals(floats()))


def test_score_out_with_nulls_marks_them_in_the_callers_masked_array() -> None:
    out = np.ma.masked_all(3, np.float32)
    data = pa.table({"x": pa.array([1, None, 3], pa.float32())})
    eo.Scorer(models.identity(), nulls="propagate").score(data, out={"y": out})
    assert out.tolist() == [1.0, None, 3.0]


# ---------------------------------------------------------------------------------------------------------------------------- stream


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
