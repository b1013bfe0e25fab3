"""Decimals of every make, columns empty, all NULL, masked, nullable, big-endian or of half precision: right, or a clear error."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas
import polars
import pyarrow as pa
import pytest

import edgeonnx as eo
import exact_model
import models
from exact_model import DTYPES, SQL, STORAGES, SqlType
from support import assert_column, assert_columns, refused

pytestmark = pytest.mark.usefixtures("no_leak")

PRICES = [Decimal("1.25"), None, Decimal("-3.50"), Decimal("1234567.89")]


def listed(column: Any) -> list[Any]:
    """Values, None where the result is NULL."""
    return np.ma.MaskedArray(column).tolist()


def sql_types() -> list[str]:
    return [f"{name}(9,2)" if name == "decimal" else name for name in SQL]


def dtype_of(sql_type: str) -> np.dtype[Any]:
    return np.dtype(DTYPES.get(sql_type, "object"))


# ----------------------------------------------------------------------------------------------------------------------------- decimals

DECIMALS: dict[str, Callable[[list[Any]], Any]] = {
    "list": list,
    "tuple": tuple,
    "object array": lambda values: np.array(values, object),
    "object array, every other": lambda values: np.repeat(np.array(values, object), 2)[::2],
    "pandas": lambda values: pandas.Series(values, dtype=object),
    "pandas, another index": lambda values: pandas.Series(values, dtype=object, index=range(10, 10 + len(values))),
    "pandas, arrow-backed": lambda values: pandas.Series(values, dtype=pandas.ArrowDtype(pa.decimal128(12, 2))),
    "polars": lambda values: polars.Series(values, dtype=polars.Decimal(12, 2)),
    "polars, several chunks": lambda values: polars.concat(
        [polars.Series([v], dtype=polars.Decimal(12, 2)) for v in values], rechunk=False
    ),
    "arrow, sliced": lambda values: pa.array([None, *values, Decimal("99.99")], pa.decimal128(12, 2)).slice(1, len(values)),
    "arrow, chunked": lambda values: pa.chunked_array([[v] for v in values] + [[]], pa.decimal128(12, 2)),
} | {f"arrow, {name}": lambda values, name=name: pa.array(values, getattr(pa, name)(9, 2)) for name in STORAGES}


@pytest.mark.parametrize("kind", DECIMALS)
def test_cast_decimals_of_any_make_are_exact(kind: str) -> None:
    column = DECIMALS[kind](PRICES)
    assert listed(eo.cast(column, "decimal(12,2)")) == PRICES
    assert listed(eo.cast(column, "decimal(8,1)")) == [Decimal("1.3"), None, Decimal("-3.5"), Decimal("1234567.9")]
    assert listed(eo.cast(column, "money")) == PRICES
    assert listed(eo.cast(column, "float")) == [1.25, None, -3.5, 1234567.89]
    assert listed(eo.cast(column, "real")) == [1.25, None, -3.5, float(np.float32(1234567.89))]
    assert listed(eo.cast(column, "int")) == [1, None, -3, 1234567]
    assert listed(eo.cast(column, "bit")) == [True, None, True, True]
    with refused(eo.Overflow, "1234567.89") as info:
        eo.cast(column, "smallint")
    assert (info.value.row, info.value.sql_number, info.value.value) == (3, 8115, "1234567.89")


@pytest.mark.parametrize("kind", DECIMALS)
def test_score_decimals_inside_a_mapping_are_converted_and_reported(kind: str) -> None:
    scores = eo.Scorer(models.identity("float32"), nulls="propagate").score({"x": DECIMALS[kind](PRICES)})
    assert listed(scores["y"]) == [1.25, None, -3.5, float(np.float32(1234567.89))]
    (done,) = scores.report.casts
    assert (done.column, done.to_type, done.exact, done.rule, done.n_changed) == ("x", "real", False, "nearest", 1)
    assert done.from_type.startswith("decimal(")
    assert done.from_type.endswith(",2)")


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: pandas.DataFrame({"n": range(4), "x": PRICES}), id="pandas, objects"),
        pytest.param(lambda: pandas.DataFrame({"n": range(4), "x": DECIMALS["pandas, arrow-backed"](PRICES)}), id="pandas, arrow-backed"),
        pytest.param(lambda: polars.DataFrame({"n": range(4), "x": DECIMALS["polars"](PRICES)}), id="polars"),
        pytest.param(lambda: pa.table({"n": range(4), "x": pa.array(PRICES)}), id="arrow"),
        pytest.param(lambda: pa.record_batch({"n": range(4), "x": pa.array(PRICES, pa.decimal256(40, 2))}), id="arrow batch"),
    ],
)
def test_predict_decimals_inside_a_table_stay_and_are_scored(make: Callable[[], Any]) -> None:
    table = pa.table(eo.Scorer(models.identity("float64"), nulls="propagate").predict(make()))
    assert table.column_names == ["n", "x", "y"]
    assert table["x"].to_pylist() == PRICES
    assert table["y"].to_pylist() == [1.25, None, -3.5, 1234567.89]


@pytest.mark.parametrize("scale", [0, 1, 19, 37, 38])
def test_cast_38_digits_keeps_them_all(scale: int) -> None:
    unscaled = [10**38 - 1, 1 - 10**38, 12345678901234567890123456789012345678, -1, 0]
    values = [exact_model.decimal(number, scale) for number in unscaled]
    for column in (pa.array(values, pa.decimal128(38, scale)), pa.array(values, pa.decimal256(38, scale)), values):
        result = eo.cast(column, f"decimal(38,{scale})")
        assert [value.as_tuple() for value in result] == [value.as_tuple() for value in values]
        assert eo.cast(column, "float").tolist() == [float(value) for value in values]
        assert_column(eo.cast(column, "bit"), np.array([True, True, True, True, False]))


def test_cast_38_digits_into_a_bigint_truncates_or_overflows() -> None:
    column = pa.array([Decimal("9223372036854775807." + "9" * 19), Decimal("-9223372036854775808." + "9" * 19)], pa.decimal128(38, 19))
    assert eo.cast(column, "bigint").tolist() == [2**63 - 1, -(2**63)]
    beyond = pa.array([Decimal(0), Decimal(2**63)], pa.decimal128(38, 19))
    with refused(eo.Overflow, "converting expression to data type bigint") as info:
        eo.cast(beyond, "bigint")
    assert (info.value.row, info.value.sql_number) == (1, 8115)


def test_cast_more_than_38_digits_go_where_they_fit() -> None:
    huge = pa.array([Decimal(7), Decimal("9" * 76)], pa.decimal256(76, 0))
    assert eo.cast(huge, "float").tolist() == [7.0, 1e76]
    for target in ("decimal(38,0)", "bigint", "real", "money"):
        assert listed(eo.cast(huge, target, on_overflow="null")) == [7, None]
        with refused(eo.Overflow, "9" * 76) as info:
            eo.cast(huge, target)
        assert (info.value.row, info.value.sql_number) == (1, 8115)
    tiny = pa.array([Decimal("0." + "4" * 38 + "5" * 38), Decimal("-0." + "0" * 37 + "15" + "0" * 37)], pa.decimal256(76, 76))
    assert listed(eo.cast(tiny, "decimal(38,38)")) == [Decimal("0." + "4" * 37 + "5"), Decimal("-0." + "0" * 37 + "2")]


def test_cast_more_than_76_digits_is_refused() -> None:
    with refused(eo.InvalidArgument, "76"):
        eo.cast([Decimal("9" * 77)], "float")


@pytest.mark.parametrize("storage", STORAGES)
def test_cast_negative_scale_is_multiplied_out(storage: str) -> None:
    kind = SqlType("decimal", 5, -2)
    column = exact_model.arrow_column([Fraction(12300), Fraction(0), Fraction(-9999900)], kind, [False, False, False], storage=storage)
    assert eo.cast(column, "int").tolist() == [12300, 0, -9999900]
    assert eo.cast(column, "float").tolist() == [12300.0, 0.0, -9999900.0]
    assert eo.cast(column, "decimal(9,2)").tolist() == [Decimal("12300.00"), Decimal("0.00"), Decimal("-9999900.00")]
    with refused(eo.CoercionError, "decimal(5,-2)", "smallint"):
        eo.cast(column, "smallint", coercion="safe")


@pytest.mark.parametrize("columns", [None, {"x": ["r", "p", "q"]}], ids=["all columns", "columns named"])
def test_score_decimals_from_k_columns_fill_one_input(columns: dict[str, list[str]] | None) -> None:
    data = {
        "p": pa.array([Decimal("0.1"), Decimal("2.5"), Decimal("-1.7")], pa.decimal128(3, 1)),
        "q": pa.array([Decimal("16777217"), Decimal(3), Decimal(4)], pa.decimal256(50, 0)),
        "r": pa.array([Decimal("0.00001"), Decimal("99.99999"), Decimal(0)], pa.decimal64(7, 5)),
    }
    names = columns["x"] if columns else list(data)
    rows = np.array([[np.float32(float(value)) for value in data[name].to_pylist()] for name in names], np.float32).T
    frames: list[Any] = [data, pa.table(data), polars.DataFrame({name: values.to_pylist() for name, values in data.items()})]
    for frame in frames:
        scores = eo.Scorer(models.row_vectors()).score(frame, columns=columns)
        assert_columns(scores, models.run(models.row_vectors(), {"x": np.ascontiguousarray(rows)}))
        assert {done.column: done.n_changed for done in scores.report.casts} == {"p": 2, "q": 1, "r": 2}


# ------------------------------------------------------------------------------------------------------- empty, all NULL, masked, nullable


@pytest.mark.parametrize("target", sql_types())
def test_cast_empty_columns_stay_empty_and_typed(target: str) -> None:
    columns: list[Any] = [np.empty(0, dtype) for dtype in DTYPES.values()]
    columns += [pa.array([], kind) for kind in exact_model.ARROW.values()]
    columns += [pa.array([], pa.decimal128(5, 2)), pa.chunked_array([], pa.decimal256(50, 2)), pandas.Series([], dtype="Int64")]
    columns += [polars.Series([], dtype=polars.Decimal(5, 2)), polars.Series([], dtype=polars.Boolean), np.ma.empty(0, np.int64)]
    for column in columns:
        assert_column(eo.cast(column, target), np.empty(0, dtype_of(target)))


@pytest.mark.parametrize("target", sql_types())
def test_cast_columns_of_nulls_are_nulls_of_the_type(target: str) -> None:
    columns: list[Any] = [np.ma.MaskedArray(np.full(3, 77).astype(dtype), mask=True) for dtype in DTYPES.values()]
    columns += [pa.nulls(3, kind) for kind in exact_model.ARROW.values()]
    columns += [pa.nulls(3, pa.decimal128(38, 0)), pa.nulls(3, pa.decimal256(76, 5)), pa.chunked_array([pa.nulls(1, pa.int8())] * 3)]
    columns += [pandas.Series([None] * 3, dtype=kind) for kind in ("Int8", "UInt64", "Float64", "boolean")]
    columns += [polars.Series([None] * 3, dtype=kind) for kind in (polars.Int16, polars.Float32, polars.Boolean, polars.Decimal(5, 2))]
    columns += [[None] * 3, pandas.Series([None, pandas.NA, None], dtype=object), pa.nulls(3), polars.Series([None] * 3)]
    columns += [np.ma.MaskedArray(["x", "y", "z"], mask=True, dtype=object)]
    for column in columns:
        result = eo.cast(column, target)
        assert result.dtype == dtype_of(target)
        assert listed(result) == [None, None, None]


def test_cast_masked_arrays_keep_nan_apart_from_null() -> None:
    column = np.ma.MaskedArray([1.5, 1e300, math.nan, -0.5], mask=[False, True, False, False])
    result = eo.cast(column, "real")
    assert result.mask.tolist() == [False, True, False, False]
    assert_column(result.data[[0, 2, 3]], np.array([1.5, math.nan, -0.5], np.float32))
    assert column.tolist()[1] is None
    with refused(eo.Overflow, "for type int") as info:
        eo.cast(column, "int")
    assert (info.value.row, info.value.sql_number) == (2, 232)
    assert listed(eo.cast(column, "int", on_overflow="null")) == [1, None, None, 0]
    unmasked = eo.cast(np.ma.MaskedArray([1, 2], mask=[False, False]), "bigint")
    assert not isinstance(unmasked, np.ma.MaskedArray)
    assert eo.cast(np.ma.MaskedArray([True, False, True], mask=[False, False, True]), "tinyint").tolist() == [1, 0, None]


NULLABLE = {
    **{f"{sign}{bits}": int for sign in ("Int", "UInt") for bits in (8, 16, 32, 64)},
    **{"Float32": float, "Float64": float, "boolean": bool},
}


@pytest.mark.parametrize("missing", [False, True], ids=["full", "with NA"])
@pytest.mark.parametrize("dtype", NULLABLE)
def test_cast_pandas_nullable_dtypes_are_read(dtype: str, missing: bool) -> None:
    expected: list[Any] = [1, None if missing else 0, 1]
    series = pandas.Series(expected, dtype=dtype)
    for target in ("float", "tinyint", "bit", "decimal(3,1)", f"tensor({'bool' if dtype == 'boolean' else 'uint16'})"):
        assert listed(eo.cast(series, target)) == expected
        assert listed(eo.cast(series.array, target)) == expected
    scores = eo.Scorer(models.identity("int16"), nulls="propagate").score(pandas.DataFrame({"x": series}))
    assert listed(scores["y"]) == expected


@pytest.mark.parametrize("dtype", [polars.Boolean, polars.Int8, polars.UInt64, polars.Float32, polars.Decimal(9, 4)], ids=str)
def test_cast_polars_series_are_read(dtype: Any) -> None:
    for column in (polars.Series([1, None, 0]).cast(dtype), polars.Series([0, 1, None, 0]).cast(dtype)[1:]):
        assert listed(eo.cast(column, "int")) == [1, None, 0]
        assert listed(eo.cast(column, "decimal(5,1)")) == [Decimal("1.0"), None, Decimal("0.0")]


@pytest.mark.parametrize(
    ("column", "number"),
    [
        pytest.param(np.array([255, 256], np.int16), 220, id="smallint"),
        pytest.param(np.array([0, -1], np.int32), 220, id="int"),
        pytest.param(pa.array([255, 256], pa.int64()), 8115, id="bigint"),
        pytest.param([255, 256], 8115, id="list"),
        pytest.param(np.array([255, 256], np.uint16), 220, id="uint16"),
        pytest.param(pa.array([Decimal("255.99"), Decimal("256.00")], pa.decimal32(5, 2)), 8115, id="decimal"),
        pytest.param(np.array([255.99, 256], np.float32), 232, id="real"),
        pytest.param(np.array([-0.99, -1], np.float16), 232, id="float16"),
    ],
)
def test_cast_value_beyond_a_tinyint_is_an_overflow(column: Any, number: int) -> None:
    with refused(eo.Overflow, "tinyint") as info:
        eo.cast(column, "tinyint")
    assert (info.value.row, info.value.sql_number) == (1, number)
    first, second = listed(eo.cast(column, "tinyint", on_overflow="null"))
    assert first in (0, 255)
    assert second is None


# ---------------------------------------------------------------------------------------------------- byte orders, half precision, slices

SWAPPED = [f">{kind}{size}" for kind, sizes in (("i", (2, 4, 8)), ("u", (2, 4, 8)), ("f", (2, 4, 8))) for size in sizes]


@pytest.mark.parametrize("dtype", [*SWAPPED, ">i1", ">u1", "?"])
def test_cast_big_endian_numbers_are_read_wherever_they_lie(dtype: str) -> None:
    values = np.array([0, 1, 100, 7], dtype)
    records = np.zeros(4, [("pad", "u1"), ("x", dtype), ("tail", ">i2")])
    records["x"] = values
    masked = np.ma.MaskedArray(values, mask=[False, True, False, False])
    for target in ("int", "float", "decimal(5,1)", "bit", "tensor(float16)"):
        expected = eo.cast(values.astype(values.dtype.newbyteorder("=")), target)
        for column in (values, records["x"], values[::-1][::-1]):
            assert_column(eo.cast(column, target), expected)
        assert listed(eo.cast(masked, target)) == [value if row != 1 else None for row, value in enumerate(expected.tolist())]
    assert_column(eo.cast(values, "int"), values.astype(np.int32))
    data: list[Any] = [records, {"x": values}, {"x": records["x"]}]
    for table in data:
        assert_columns(eo.Scorer(models.identity("float32")).score(table), {"y": values.astype(np.float32)})


def test_cast_float16_columns_are_exact_reals() -> None:
    column = np.array([0.1, -65504, 6e-8, -0.0, math.inf, math.nan], np.float16)
    assert_column(eo.cast(column, "real"), column.astype(np.float32))
    assert_column(eo.cast(column, "float"), column.astype(np.float64))
    assert_column(eo.cast(column, "tensor(float16)"), column)
    assert_column(eo.cast(pa.array(column), "float"), column.astype(np.float64))
    assert eo.cast(column[:1], "decimal(20,18)").tolist() == [Decimal("0.099975585937500000")]
    assert eo.cast(column[:4], "int").tolist() == [0, -65504, 0, 0]
    for target, number in (("int", 232), ("money", 232), ("decimal(38,0)", 8115), ("bigint", 8115)):
        with refused(eo.Overflow) as info:
            eo.cast(column, target)
        assert (info.value.row, info.value.sql_number) == (4, number)
    # 65519.99 is nearer to 65504; rounding to a real first would make it 65520, which does not fit.
    assert_column(eo.cast(np.array([65519.999999]), "tensor(float16)"), np.array([65504], np.float16))
    with refused(eo.Overflow, "float16", "65520") as info:
        eo.cast(np.array([1, 65520.0]), "tensor(float16)")
    assert (info.value.row, info.value.sql_number) == (1, 232)


@pytest.mark.parametrize("lead", [1, 7, 8, 9, 64])
def test_cast_arrow_slices_begin_where_they_say(lead: int) -> None:
    for name, kind in exact_model.ARROW.items():
        values = [1, None, 0, 1]
        column = pa.array([None] * lead + values + [None] * 3, pa.int8()).cast(kind).slice(lead, 4)
        assert listed(eo.cast(column, "int")) == values, name
        assert listed(eo.cast(pa.chunked_array([column, column[:0], column[1:]]), "decimal(9,2)")) == [*values, *values[1:]], name


# -------------------------------------------------------------------------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("column", "name"),
    [
        pytest.param(lambda: np.zeros(2, np.longdouble), "float128", id="longdouble"),
        pytest.param(lambda: np.zeros(2, np.complex64), "complex64", id="complex64"),
        pytest.param(lambda: np.zeros(2, ">c16"), "c16", id="complex128"),
        pytest.param(lambda: np.zeros(2, "M8[s]"), "datetime64[s]", id="datetime"),
        pytest.param(lambda: np.zeros(2, "m8[ms]"), "timedelta64[ms]", id="timedelta"),
        pytest.param(lambda: np.array(["1", "2"]), "U1", id="str"),
        pytest.param(lambda: np.array([b"1", b"2"]), "S1", id="bytes"),
        pytest.param(lambda: ["1", "2"], "U1", id="list of str"),
        pytest.param(lambda: np.array(["1", None], object), "object", id="objects, str"),
        pytest.param(lambda: np.array([Decimal(1), "2"], object), "ecimal", id="objects, mixed"),
        pytest.param(lambda: [Decimal("NaN"), Decimal(1)], "ecimal", id="Decimal NaN"),
        pytest.param(lambda: np.array([Decimal("Infinity")]), "ecimal", id="Decimal Infinity"),
        pytest.param(lambda: pa.array(["1", None]), "string", id="arrow string"),
        pytest.param(lambda: pa.array([1, 2], pa.timestamp("s")), "timestamp", id="arrow timestamp"),
        pytest.param(lambda: pa.array([[1], [2]]), "list", id="arrow list"),
        pytest.param(lambda: pa.array([1, 2]).dictionary_encode(), "dictionary", id="arrow dictionary"),
        pytest.param(lambda: pandas.Series(["1", "2"], dtype="category"), "category", id="pandas category"),
        pytest.param(lambda: pandas.Series(["1", "2"], dtype="string"), "str", id="pandas string"),
        pytest.param(lambda: polars.Series(["1", "2"]), "String", id="polars String"),
        pytest.param(lambda: polars.Series([1, 2], dtype=polars.Int128), "Int128", id="polars Int128"),
    ],
)
def test_column_of_a_type_without_conversion_is_refused_by_name(column: Callable[[], Any], name: str) -> None:
    for target in ("real", "decimal(5,2)", "tensor(int8)"):
        with pytest.raises(eo.Error) as info:
            eo.cast(column(), target)
        assert isinstance(info.value, (eo.CoercionError, eo.InvalidArgument)), repr(info.value)
        assert name in str(info.value)
    with pytest.raises(eo.Error, match="'x'") as info:
        eo.Scorer(models.identity()).score({"x": column()})
    assert isinstance(info.value, (eo.CoercionError, eo.InvalidArgument)), repr(info.value)
    assert name in str(info.value)


@pytest.mark.parametrize(
    "column", [np.zeros((2, 2)), np.float64(3), 5, "int", None, {"x": [1]}], ids=["matrix", "scalar", "number", "text", "None", "mapping"]
)
def test_cast_what_is_no_column_is_refused(column: Any) -> None:
    with pytest.raises(eo.Error) as info:
        eo.cast(column, "int")
    assert isinstance(info.value, (eo.InvalidArgument, eo.CoercionError, eo.ShapeError)), repr(info.value)
