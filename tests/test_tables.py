"""The table room: what reading a table copies, what `predict` makes of each kind, and what is refused with which words."""

from __future__ import annotations

import sys
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

import edgeonnx as eo
import models
from edgeonnx._tables import materialize, read_table
from support import refused, run_python

pytestmark = pytest.mark.usefixtures("no_leak")

A, B, C = [1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [0.0, 0.5, 1.0]
DATA = {"a": A, "b": B, "c": C}
TOTAL = [9.0, 14.0, 19.0]  # a + 2 b + 4 c
ROWS = np.arange(12, dtype=np.float32).reshape(4, 3)


def columns() -> eo.Scorer:
    """Inputs a, b, c, one value a row each; output total."""
    return eo.Scorer(models.affine(), nulls="propagate")


def vectors() -> eo.Scorer:
    """Input x, three values a row; outputs total, and doubled with three values a row."""
    return eo.Scorer(models.row_vectors(), nulls="propagate")


def structured(**others: str) -> Any:
    array = np.zeros(3, dtype=[("a", "f4"), ("b", "f8"), ("c", "f4"), *others.items()])
    for name, values in DATA.items():
        array[name] = values
    return array


def frame(**others: Any) -> pandas.DataFrame:
    return pandas.DataFrame({**DATA, **others}, index=[7, 7, 9])


def arrow() -> pa.Table:
    return pa.table(DATA)


def named_by_type(data: Any) -> str:
    return type(data).__name__


# --------------------------------------------------------------------------------------------------------------------------- reading


@pytest.mark.parametrize(
    ("data", "names", "n_bytes_copied"),
    [
        pytest.param(ROWS, ["x"], 0, id="rows together"),
        pytest.param(np.pad(ROWS, 2)[2:-2, 2:-2], ["x"], 0, id="slice"),
        pytest.param(np.asfortranarray(ROWS), ["x[0]", "x[1]", "x[2]"], 0, id="columns together"),
        pytest.param(ROWS[:, ::-1], ["x[0]", "x[1]", "x[2]"], 0, id="reversed columns"),
        pytest.param(ROWS.astype(">f4"), ["x"], ROWS.nbytes, id="byte-swapped"),
        pytest.param(ROWS[:1], ["x"], 0, id="one row"),
        pytest.param(ROWS[:0], ["x"], 0, id="no rows"),
        pytest.param(np.ma.masked_equal(ROWS, 4), ["x[0]", "x[1]", "x[2]"], 0, id="masked"),
        pytest.param(torch.from_numpy(ROWS), ["x"], 0, id="tensor"),
    ],
)
def test_read_table_matrix_copies_only_other_byte_orders(data: Any, names: list[str], n_bytes_copied: int) -> None:
    source = read_table(data, vectors().inputs)
    assert (source.by_position, source.n_bytes_copied) == (True, n_bytes_copied)
    assert (source.table.n_rows, source.table.names) == (len(data), names)


def test_read_table_matrix_names_columns_after_one_value_inputs() -> None:
    assert read_table(np.zeros((2, 3)), columns().inputs).table.names == ["a", "b", "c"]
    assert read_table(np.zeros((2, 5)), columns().inputs).table.names == ["a", "b", "c", "column 3", "column 4"]


@pytest.mark.parametrize(
    ("data", "n_bytes_copied"),
    [
        pytest.param({"a": np.array(A), "b": np.array(B)[::-1]}, 0, id="arrays"),
        pytest.param({"a": A, "b": np.array(B)}, 24, id="list"),
        pytest.param({"a": np.array(A, ">f4")}, 12, id="byte-swapped"),
        pytest.param({"x": np.asfortranarray(ROWS)}, ROWS.nbytes, id="columns together"),
        pytest.param({"a": torch.tensor(A), "b": memoryview(np.array(B))}, 0, id="tensor and buffer"),
        pytest.param({"a": polars.Series(A), "b": pa.array(B), "c": pandas.Series(C)}, 0, id="series"),
        pytest.param(
            {"a": pandas.array([1, 2, 3], dtype="Int64"), "b": pandas.array(A, dtype="float64[pyarrow]")}, 0, id="extension arrays"
        ),
        pytest.param({"a": polars.Series([1.0, None, 3.0]), "b": pa.array([1.0, None, 3.0])}, 0, id="series with NULLs"),
        pytest.param({"a": pa.chunked_array([A[:1], A[1:]])}, 24, id="two chunks"),
        pytest.param({"a": pa.array([True, False]), "b": polars.Series([True, False])}, 0, id="bits"),
        pytest.param({"a": pandas.arrays.SparseArray(A)}, 24, id="sparse"),
        pytest.param({"a": pa.array(["x", "y"]), "b": polars.Series(["x", "y"]), "c": pandas.Categorical(["x", "y"])}, 0, id="text"),
        pytest.param(structured(), 0, id="structured"),
        pytest.param(frame(), 0, id="pandas"),
        pytest.param(pandas.concat([frame(c=A), frame()[["a"]].rename(columns={"a": "d"})], axis=1), 96, id="pandas, two blocks"),
        pytest.param(frame(text="x", when=pandas.Timestamp("2020-01-01")), 0, id="pandas, text beside"),
        pytest.param(frame(n=pandas.array([1, None, 3], dtype="Int64")), 24, id="pandas, NULLs"),
        pytest.param(pandas.DataFrame(np.zeros((2000, 3))), 0, id="pandas, many rows"),
        pytest.param(polars.DataFrame(DATA), 0, id="polars"),
    ],
)
def test_read_table_counts_the_bytes_it_copies(data: Any, n_bytes_copied: int) -> None:
    source = read_table(data, columns().inputs)
    assert (source.by_position, source.n_bytes_copied) == (False, n_bytes_copied)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(lambda a: {**DATA, "a": np.ma.masked_invalid(np.array(a, float))}, id="masked array"),
        pytest.param(lambda a: np.ma.masked_invalid(np.array([a, B, C], float)).T, id="masked matrix"),
        pytest.param(lambda a: {**DATA, "a": pandas.Series(a, dtype="Float32")}, id="pandas series"),
        pytest.param(lambda a: {**DATA, "a": polars.Series(a)}, id="polars series"),
        pytest.param(lambda a: {**DATA, "a": pa.chunked_array([a[:1], a[1:]])}, id="chunked array"),
        pytest.param(lambda a: pandas.DataFrame({**DATA, "a": pandas.array(a, dtype="Float64")}), id="pandas"),
        pytest.param(lambda a: pandas.DataFrame({**DATA, "a": pandas.array(a, dtype="float64[pyarrow]")}), id="pandas, arrow-backed"),
    ],
)
def test_score_null_of_every_numpy_and_pandas_kind_stays_null(data: Callable[[list[float | None]], Any]) -> None:
    assert columns().score(data([1.0, None, 3.0]))["total"].tolist() == [TOTAL[0], None, TOTAL[2]]


def test_score_masked_values_of_a_vector_are_null_one_by_one() -> None:
    scorer = eo.Scorer(models.row_vectors(), nulls=0)
    for data in (np.ma.masked_equal(ROWS, 4), {"x": np.ma.masked_equal(ROWS, 4)}):
        np.testing.assert_array_equal(scorer.score(data)["doubled"], np.where(ROWS == 4, 0, 2 * ROWS))


def test_score_arrow_lists_in_a_mapping_feed_a_vector_input() -> None:
    expected = vectors().score({"x": ROWS})["total"].tolist()
    for values in (
        polars.Series(ROWS.tolist(), dtype=polars.Array(polars.Float32, 3)),
        pa.FixedSizeListArray.from_arrays(pa.array(np.pad(ROWS.ravel(), (3, 0))), 3)[1:],
    ):
        assert vectors().score({"x": values})["total"].tolist() == expected


def test_score_polars_arrays_of_arrays_in_a_mapping_feed_a_matrix_input() -> None:
    x = np.arange(24, dtype=np.float32).reshape(4, 2, 3)
    np.testing.assert_array_equal(eo.Scorer(models.row_matrices()).score({"x": polars.Series(x)})["doubled"], 2 * x)
    with refused(eo.ShapeError, "'x'", "3", "6"):
        vectors().score({"x": polars.Series(x)})


def test_score_scores_of_another_model_are_a_table() -> None:
    first = vectors().score({"x": ROWS})
    second = vectors().score(first, rename={"doubled": "x"})
    np.testing.assert_array_equal(second["doubled"], 4 * ROWS)


class OnDevice:
    """A tensor on a graphics card, as DLPack tells it."""

    def __dlpack_device__(self) -> tuple[int, int]:
        return 2, 0

    def __dlpack__(self, **_: Any) -> Any:
        raise AssertionError("memory that the CPU cannot read was asked for")


@pytest.mark.parametrize(
    ("data", "kind", "words"),
    [
        pytest.param([A, B], eo.InvalidArgument, ("a list", "mapping of names to columns", "numpy.array(rows)"), id="list"),
        pytest.param([{"a": 1.0, "b": 2.0}], eo.InvalidArgument, ("a list", "pandas.DataFrame(rows)"), id="list of rows"),
        pytest.param("text", eo.InvalidArgument, ("type str", "a mapping of names to arrays", "__arrow_c_stream__"), id="text"),
        pytest.param(np.array(1.0), eo.InvalidArgument, ("single value", "(n_rows, n_columns)"), id="scalar array"),
        pytest.param({**DATA, "a": 1.0}, eo.InvalidArgument, ("'a'", "single value", "numpy.full"), id="scalar column"),
        pytest.param({**DATA, "a": "text"}, eo.InvalidArgument, ("'a'", "single value"), id="text column"),
        pytest.param({**DATA, "a": [[1], [1, 2]]}, eo.InvalidArgument, ("'a'", "list", "inhomogeneous"), id="ragged"),
        pytest.param({1: A}, eo.InvalidArgument, ("1", "int", "strings"), id="name"),
        pytest.param(structured()[None], eo.InvalidArgument, ("(1, 3)", "data.ravel()"), id="structured matrix"),
        pytest.param(frame()["a"], eo.InvalidArgument, ("pandas Series", "series.to_frame()", "series.to_dict()"), id="series"),
        pytest.param(frame().iloc[0], eo.InvalidArgument, ("row", "series.to_dict() or frame.iloc[[i]]"), id="series, a row"),
        pytest.param(
            pandas.DataFrame({("a", "b"): A}), eo.InvalidArgument, ("MultiIndex of 2 levels", "frame.columns.map"), id="multi-index"
        ),
        pytest.param(polars.LazyFrame(DATA), eo.InvalidArgument, ("LazyFrame", "frame.collect()"), id="lazy"),
        pytest.param({"a": torch.ones(1, requires_grad=True)}, eo.InvalidArgument, ("'a'", "tensor.detach()"), id="gradient"),
        pytest.param({"a": torch.ones(1, device="meta")}, eo.InvalidArgument, ("'a'", "meta"), id="device without memory"),
        pytest.param({"a": OnDevice()}, eo.Unsupported, ("'a'", "OnDevice", "CPU"), id="device"),
        pytest.param({**DATA, "a": pa.array(["x"] * 3)}, eo.CoercionError, ("'a'", "string"), id="arrow text"),
        pytest.param({**DATA, "a": polars.Series(["x"] * 3)}, eo.CoercionError, ("'a'", "String"), id="polars text"),
        pytest.param(frame().assign(a=pandas.Categorical([1, 2, 1])), eo.CoercionError, ("'a'", "category"), id="categories"),
        pytest.param(frame().assign(a=["1", "2", "3"]), eo.CoercionError, ("'a'", "str"), id="pandas text"),
    ],
)
def test_score_what_no_input_takes_is_refused_and_named(data: Any, kind: type[eo.Error], words: tuple[str, ...]) -> None:
    with refused(kind, *words):
        columns().score(data)


# -------------------------------------------------------------------------------------------------------------------------- predict


def test_predict_matrix_has_the_dtype_that_holds_everything() -> None:
    result = columns().predict(np.array([[1, 4, 0], [2, 5, 1]]))
    assert result.dtype == np.float64
    assert result.tolist() == [[1, 4, 0, 9], [2, 5, 1, 16]]
    assert vectors().predict(ROWS).dtype == np.float32
    assert vectors().predict(ROWS).shape == (4, 3 + 4)
    assert vectors().predict(ROWS, keep=False).shape == (4, 4)
    assert vectors().predict(ROWS[:0]).shape == (0, 7)


def test_predict_vector_becomes_a_matrix() -> None:
    assert eo.Scorer(models.identity()).predict(np.array(A)).tolist() == [[1, 1], [2, 2], [3, 3]]


def test_predict_cube_keeps_its_outputs_only() -> None:
    cube = np.zeros((4, 2, 3), np.float32)
    with refused(eo.InvalidArgument, "(4, 2, 3)", "keep=False"):
        eo.Scorer(models.row_matrices()).predict(cube)
    assert len(eo.Scorer(models.row_matrices()).predict(cube, keep=False)) == 4


def test_predict_tensor_returns_a_tensor() -> None:
    result = vectors().predict(torch.from_numpy(ROWS))
    assert isinstance(result, torch.Tensor)
    np.testing.assert_array_equal(result.numpy(), vectors().predict(ROWS))


def test_predict_structured_array_keeps_its_class_and_gets_fields() -> None:
    result = columns().predict(structured(tag="S1").view(np.recarray))
    assert isinstance(result, np.recarray)
    assert result.dtype.names == ("a", "b", "c", "tag", "total")
    assert result.total.tolist() == TOTAL
    wide = vectors().predict(np.array([((1, 2, 3),)], dtype=[("x", "f4", 3)]))
    assert wide["doubled"].tolist() == [[2, 4, 6]]


def test_predict_null_is_masked_in_arrays() -> None:
    masked = np.ma.masked_invalid(np.array([[1, np.nan, 3], B, C]).T)
    for result in (
        columns().predict(masked)[:, 3],
        columns().predict(np.ma.array(structured(), mask=[(0, 0, 0), (1, 0, 0), (0, 0, 0)]))["total"],
    ):
        assert result.tolist() == [TOTAL[0], None, TOTAL[2]]


def test_predict_pandas_spreads_wide_outputs_and_keeps_the_index() -> None:
    data = pandas.DataFrame({"x0": A, "x1": B, "x2": C, 5: ["x", "y", None]}, index=[7, 7, 9])
    result = vectors().predict(data, keep=True)
    assert set(result.columns) == {"x0", "x1", "x2", 5, "total", "doubled_0", "doubled_1", "doubled_2"}
    assert result.index.equals(data.index)
    assert result["doubled_1"].tolist() == [8, 10, 12]


@pytest.mark.parametrize("dtype", ["int32", "uint8", "float32", "float64", "bool"])
def test_predict_pandas_null_results_are_nullable_columns(dtype: str) -> None:
    values = [1, None, 0]
    data = pandas.DataFrame({"x": pandas.array(values, dtype="Int64")})
    result = eo.Scorer(models.identity(dtype), nulls="propagate").predict(data)["y"]
    assert result.isna().tolist() == [False, True, False]
    assert result.dtype.kind == np.dtype(dtype).kind
    assert [bool(value) for value in result.dropna()] == [True, False]


def test_predict_arrow_and_polars_wide_outputs_are_fixed_size_lists() -> None:
    table = pa.table({"x": pa.FixedSizeListArray.from_arrays(pa.array(ROWS.ravel()), 3)}).replace_schema_metadata({"origin": "test"})
    result = vectors().predict(table)
    assert result.schema.field("doubled").type == pa.list_(pa.float32(), 3)
    assert result.schema.metadata == {b"origin": b"test"}
    assert vectors().predict(polars.DataFrame(table)).schema["doubled"] == polars.Array(polars.Float32, 3)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(lambda: arrow().to_reader(), id="reader"),
        pytest.param(lambda: duckdb.connect().from_arrow(arrow()), id="relation"),
        pytest.param(lambda: nanoarrow.Array(pa.record_batch(DATA)), id="nanoarrow array"),
        pytest.param(lambda: nanoarrow.ArrayStream(arrow()), id="nanoarrow stream"),
    ],
)
def test_predict_other_arrow_objects_become_tables(data: Callable[[], Any]) -> None:
    result = columns().predict(data())
    assert isinstance(result, pa.Table)
    assert result.to_pydict() == {**DATA, "total": TOTAL}
    assert columns().predict(data(), keep=False).to_pydict() == {"total": TOTAL}


def test_predict_relation_runs_its_query_once() -> None:
    result = columns().predict(duckdb.connect().sql("SELECT random() AS a, random() AS b, random() AS c FROM range(5000)"))
    a, b, c = (result[name].to_numpy().astype(np.float32) for name in "abc")
    np.testing.assert_allclose(result["total"].to_numpy(), a + 2 * b + 4 * c, rtol=1e-6)


@pytest.mark.parametrize(
    "data",
    [DATA, ROWS, structured(), frame(), polars.DataFrame(DATA), pa.table(DATA), pa.record_batch(DATA)],
    ids=named_by_type,
)
def test_materialize_table_in_memory_is_left_as_it_is(data: Any) -> None:
    assert materialize(data) is data


@pytest.mark.parametrize(
    "data",
    [{**DATA, "total": A}, structured(total="f4"), frame(total=A), polars.DataFrame({**DATA, "total": A}), pa.table({**DATA, "total": A})],
    ids=named_by_type,
)
def test_predict_column_with_the_name_of_an_output_is_refused(data: Any) -> None:
    with refused(eo.InvalidArgument, "'total'", "rename", "keep=False"):
        columns().predict(data)
    assert np.asarray(columns().predict(data, keep=False)["total"]).tolist() == TOTAL


# ---------------------------------------------------------------------------------------------------------- packages that are not there


def test_import_brings_in_no_table_library() -> None:
    run_python(
        "import edgeonnx, sys; found = {'pandas', 'polars', 'pyarrow', 'duckdb', 'torch'} & set(sys.modules); assert not found, found"
    )


WITHOUT_PYARROW = f"import sys; sys.modules['pyarrow'] = None; import models, edgeonnx as eo; data, total = {DATA!r}, {TOTAL!r}\n"


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_predict_data_frames_need_no_pyarrow(library: str) -> None:
    code = (
        f"import {library}\nresult = eo.Scorer(models.affine()).predict({library}.DataFrame(data))\nassert list(result['total']) == total"
    )
    run_python(WITHOUT_PYARROW + code, env={"PYTHONPATH": ":".join(sys.path)})


def test_predict_relation_without_pyarrow_says_what_to_do() -> None:
    code = """if True:
        import duckdb
        relation = duckdb.sql("SELECT 1.0 AS a, 4.0 AS b, 0.0 AS c").project("a::FLOAT AS a, b::FLOAT AS b, c::FLOAT AS c")
        assert list(eo.Scorer(models.affine()).score(relation)["total"]) == total[:1]
        try:
            eo.Scorer(models.affine()).predict(relation)
        except eo.Unsupported as error:
            assert "install pyarrow" in str(error), error
        else:
            raise SystemExit("predicted")
    """
    run_python(WITHOUT_PYARROW + code, env={"PYTHONPATH": ":".join(sys.path)})
