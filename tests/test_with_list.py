"""PREDICT's WITH list: how types may be spelled, what results of fixed point look like everywhere, and what NOT NULL means."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
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
from support import assert_column, refused

pytestmark = pytest.mark.usefixtures("no_leak")

VALUES = np.array([1.25, -0.5, 100.0, 0.125])


def scored(sql_type: Any, values: Any = VALUES, **options: Any) -> eo.Scores:
    """One column through `y = x` of doubles, with y declared."""
    return eo.Scorer(models.identity("float64"), **options).score({"x": values}, with_={"y": sql_type})


# ---------------------------------------------------------------------------------------------------------------------------- spellings

SPELLINGS: dict[str, pa.DataType] = {
    "bit": pa.bool_(),
    "tinyint": pa.uint8(),
    "smallint": pa.int16(),
    "int": pa.int32(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "real": pa.float32(),
    "float": pa.float64(),
    "double precision": pa.float64(),
    "float(1)": pa.float32(),
    "float(24)": pa.float32(),
    "float(25)": pa.float64(),
    "float(53)": pa.float64(),
    "decimal": pa.decimal128(18, 0),
    "dec": pa.decimal128(18, 0),
    "numeric": pa.decimal128(18, 0),
    "decimal(5)": pa.decimal128(5, 0),
    "dec(38)": pa.decimal128(38, 0),
    "numeric(4,1)": pa.decimal128(4, 1),
    "decimal(38,35)": pa.decimal128(38, 35),
    "dec(9,2)": pa.decimal128(9, 2),
    "numeric(25,17)": pa.decimal128(25, 17),
    "money": pa.decimal128(19, 4),
}


def spread(text: str) -> str:
    """The same with blanks wherever T-SQL takes them."""
    for mark in "(,)":
        text = text.replace(mark, f" {mark}\t")
    return f"\n {text.replace('double ', 'double  ')} "


@pytest.mark.parametrize("nullability", ["", " NULL", " NOT NULL", "  not\tnull ", " Null"], ids=repr)
@pytest.mark.parametrize("sql_type", SPELLINGS)
def test_with_type_may_be_spelled_as_in_t_sql(sql_type: str, nullability: str) -> None:
    scorer = eo.Scorer(models.identity("float64"))
    for spelling in (sql_type, sql_type.upper(), sql_type.title(), spread(sql_type)):
        scores = scorer.score({"x": VALUES}, with_={"y": spelling + nullability})
        assert pa.table(scores).schema.field("y").type == SPELLINGS[sql_type]
        assert float(scores["y"][2]) == (1.0 if sql_type == "bit" else 100.0)


@pytest.mark.parametrize("sql_type", SPELLINGS)
def test_cast_takes_the_same_spellings(sql_type: str) -> None:
    expected = scored(sql_type)["y"]
    for spelling in (sql_type, sql_type.upper(), spread(sql_type)):
        assert_column(eo.cast(VALUES, spelling), expected)


WRONG = {
    "no type": ["", " ", "\n", "null", "not null", "(", "()", "5", "y int", "'int'", "[int]", "sys.int", "null int", "not int"],
    "another name": [
        *(
            "int4",
            "int32",
            "float64",
            "double",
            "precision",
            "doubleprecision",
            "in t",
            "intnull",
            "deci",
            "dec imal(5,2)",
            "decimal128(5,2)",
        ),
        *("smallmoney", "varchar(10)", "nvarchar(max)", "date", "datetime2(7)", "string", "unsigned int", "real[]"),
        *("\N{FULLWIDTH LATIN SMALL LETTER I}nt", "b\N{LATIN SMALL LETTER DOTLESS I}t", "\N{LATIN SMALL LETTER LONG S}mallint"),
    ],
    "size where none goes": ["int(4)", "bit(1)", "bigint()", "real(24)", "money(4)", "money(19,4)", "tinyint(255)", "double precision(53)"],
    "float": [
        *(
            "float(0)",
            "float(54)",
            "float()",
            "float(-1)",
            "float(+24)",
            "float(24.0)",
            "float(2 4)",
            "float(24",
            "float 24",
            "float(24,0)",
        ),
        *("float((24))", "float(n)", "float(0x18)", "float(1_0)", "float(2\N{SUPERSCRIPT TWO})", "float(4294967320)"),
        "float(\N{ARABIC-INDIC DIGIT TWO}\N{ARABIC-INDIC DIGIT FOUR})",
    ],
    "decimal": [
        *("decimal(0)", "decimal(39)", "decimal(39,0)", "decimal(5,6)", "decimal(5,-1)", "decimal(-5,1)", "decimal()", "decimal(,2)"),
        *("decimal(5,)", "decimal(5,2,1)", "decimal(5;2)", "decimal(5 2)", "decimal 5,2", "decimal(5.2)", "decimal(5,2", "decimal(5,2))"),
        *("decimal(p,s)", "decimal(18446744073709551621,2)", "decimal(5,4294967298)", "numeric(99999999999999999999999)"),
    ],
    "nullability": [
        *("int not", "int nul", "int not nulls", "int null null", "int not null null", "int null not null", "int not null not null"),
        *("int is not null", "int notnull"),
    ],
    "trailing": ["int;", "int --", "int, real", "int\0", "int\N{ZERO WIDTH SPACE}", "int null default 0", "int not null primary key"],
}


@pytest.mark.parametrize("sql_type", [sql_type for group in WRONG.values() for sql_type in group], ids=ascii)
def test_with_type_spelled_wrongly_is_refused(sql_type: str) -> None:
    shown = sql_type.partition("\0")[0]
    with refused(eo.InvalidArgument, f"'{shown}"):
        scored(sql_type)
    with refused(eo.InvalidArgument, f"'{shown}"):
        eo.cast(VALUES, sql_type)


@pytest.mark.parametrize("sql_type", [None, 5, b"int", ["int"], np.int32, ("int", "NULL"), int], ids=repr)
def test_with_type_that_is_no_text_is_refused(sql_type: Any) -> None:
    with refused(eo.InvalidArgument, "SQL type"):
        scored(sql_type)
    with refused(eo.InvalidArgument):
        eo.cast(VALUES, sql_type)


@pytest.mark.parametrize("sql_type", ["int", "decimal(5,2)", "tensor(int8)"])
def test_cast_not_null_makes_a_null_an_error_at_its_row(sql_type: str) -> None:
    column = pa.array([1.0, 2.0, None, None])
    assert eo.cast(column, f"{sql_type} NULL").tolist() == [1, 2, None, None]
    with refused(eo.NullError, "2") as info:
        eo.cast(column, f"{sql_type} NOT NULL")
    assert info.value.row == 2
    assert eo.cast(column[:2], f"{sql_type} not null").tolist() == [1, 2]


@pytest.mark.parametrize(("name", "dtype"), [("int8", np.int8), ("uint64", np.uint64), ("float16", np.float16), ("float", np.float32)])
def test_with_type_may_be_an_element_type_of_onnx(name: str, dtype: type) -> None:
    assert_column(scored(f"tensor({name})", np.array([1.0, 100.0]))["y"], np.array([1, 100], dtype))


@pytest.mark.parametrize("name", ["string", "complex64", "int5", "", "double precision", "real"])
def test_with_type_of_onnx_that_holds_no_number_is_refused(name: str) -> None:
    with pytest.raises(eo.Error) as info:
        scored(f"tensor({name})")
    assert isinstance(info.value, (eo.InvalidArgument, eo.Unsupported, eo.CoercionError)), repr(info.value)
    assert name in str(info.value)


# --------------------------------------------------------------------------------------------------------------- results of fixed point


@pytest.mark.parametrize(("sql_type", "digits"), [("decimal(25,17)", 17), ("numeric(5,2)", 2), ("decimal(7)", 0), ("money", 4)])
def test_score_result_of_fixed_point_has_all_its_digits(sql_type: str, digits: int) -> None:
    y = scored(sql_type, np.array([0.0, -0.0, 1.5, -0.125, 0.001]))["y"]
    assert y.dtype == object
    assert not isinstance(y, np.ma.MaskedArray)
    assert [value.as_tuple().exponent for value in y] == [-digits] * 5
    assert f"{y[0]:f}" == f"{y[1]:f}" == f"{0:.{digits}f}"
    assert str(y[2]) == (f"{1.5:.{digits}f}" if digits else "2")
    assert str(y[3]) == {17: "-0.12500000000000000", 2: "-0.13", 0: "0", 4: "-0.1250"}[digits]


def test_score_result_decimal_is_the_exact_binary_value_rounded() -> None:
    assert scored("decimal(38,37)", np.array([0.1]))["y"][0] == Decimal("0.1000000000000000055511151231257827021")
    reals = eo.Scorer(models.identity()).score({"x": np.array([0.1], np.float32)}, with_={"y": "decimal(28,27)"})
    assert str(reals["y"][0]) == "0.100000001490116119384765625"
    with refused(eo.Overflow, "converting float to data type numeric", "'y'") as info:
        scored("decimal(5,3)", np.array([99.9994999, 99.9996]))
    assert (info.value.row, info.value.column, info.value.sql_number) == (1, "y", 8115)
    with refused(eo.Overflow, "for type money") as info:
        scored("money", np.array([922337203685477.5, 922337203685477.9]))
    assert (info.value.row, info.value.sql_number) == (1, 232)


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"])
def test_score_result_decimal_of_an_integer_keeps_every_digit(dtype: str) -> None:
    limits = np.iinfo(dtype)
    x = np.array([limits.min, 0, limits.max], dtype)
    y = eo.Scorer(models.identity(dtype)).score({"x": x}, with_={"y": "decimal(22,2)"})["y"]
    assert [str(value) for value in y] == [f"{value}.00" for value in x.tolist()]


def test_score_result_money_stays_money_in_arrow() -> None:
    table = pa.table(scored("money", np.array([1.5, 2.5])))
    assert table.schema.field("y").metadata == {b"ARROW:FLIGHT:SQL:TYPE_NAME": b"money"}
    rounded = eo.Scorer(models.identity("int32")).score(table.rename_columns(["x"]))
    assert rounded["y"].tolist() == [2, 3]  # a decimal would have been cut


@pytest.mark.parametrize(("sql_type", "kind"), [("decimal(5,2)", pa.decimal128(5, 2)), ("money", pa.decimal128(19, 4))])
def test_scores_of_fixed_point_are_arrow_decimals(sql_type: str, kind: pa.DataType) -> None:
    column = pa.array([1.25, None, -0.5, None, 100.0])
    expected = [Decimal("1.25"), None, Decimal("-0.50"), None, Decimal("100.00")]
    scores = scored(sql_type, column, nulls="propagate", morsel_rows=2)
    assert isinstance(scores["y"], np.ma.MaskedArray)
    assert scores["y"].tolist() == expected
    table = pa.table(scores)
    table.validate(full=True)
    assert table.schema.field("y").type == kind
    assert table["y"].to_pylist() == expected
    assert polars.DataFrame(scores)["y"].to_list() == expected
    assert duckdb.from_arrow(table).fetchall() == [(value,) for value in expected]
    empty = pa.table(scored(sql_type, np.empty(0)))
    assert (empty.num_rows, empty.schema.field("y").type) == (0, kind)


def test_scores_of_38_digits_are_whole_in_arrow() -> None:
    x = np.array([2.0**100, -(2.0**100), 0.0, 2.0**-60])
    scores = scored("decimal(38,6)", x)
    assert [str(value) for value in scores["y"]] == [f"{2**100}.000000", f"-{2**100}.000000", "0.000000", "0.000000"]
    assert pa.table(scores)["y"].to_pylist() == scores["y"].tolist()


def test_score_result_decimal_of_vectors_is_a_decimal_each() -> None:
    rows = np.array([[0.5, 1.25, -2], [3, 4, 5]], np.float32)
    scores = eo.Scorer(models.row_vectors()).score(rows, with_={"doubled": "decimal(4,1)", "total": "bigint"})
    expected = [[Decimal("1.0"), Decimal("2.5"), Decimal("-4.0")], [Decimal("6.0"), Decimal("8.0"), Decimal("10.0")]]
    assert scores["doubled"].tolist() == expected
    assert scores["total"].tolist() == [0, 12]
    assert pa.table(scores)["doubled"].to_pylist() == expected


def test_score_result_decimal_of_a_zipmap_is_a_column_per_class() -> None:
    rows = np.zeros((3, 4), np.float32)
    scorer = eo.Scorer(trained.logistic(3, True).model)
    plain = scorer.score(rows)
    scores = scorer.score(rows, with_={"output_probability_2": "decimal(9,8)", "output_label": "decimal(3,1) NOT NULL"})
    assert set(scores) == {"output_probability_2", "output_label"}
    for name, digits in (("output_probability_2", "1.00000000"), ("output_label", "1.0")):
        expected = [Decimal(value.item()).quantize(Decimal(digits), "ROUND_HALF_UP") for value in plain[name]]
        assert scores[name].tolist() == expected


PREDICTED: dict[str, Callable[[pa.Table], Any]] = {
    "mapping": lambda table: {"x": table["x"]},
    "pandas": lambda table: table.to_pandas(types_mapper=pandas.ArrowDtype),
    "polars": polars.DataFrame,
    "arrow table": lambda table: table,
    "arrow batch": lambda table: table.combine_chunks().to_batches()[0],
    "duckdb": lambda table: duckdb.connect().from_arrow(table),
}


@pytest.mark.parametrize("sql_type", ["decimal(5,2)", "money"])
@pytest.mark.parametrize("nulls", [False, True], ids=["full", "with NULLs"])
@pytest.mark.parametrize("kind", PREDICTED)
def test_predict_result_of_fixed_point_is_in_the_table(kind: str, nulls: bool, sql_type: str) -> None:
    data = PREDICTED[kind](pa.table({"x": pa.array([1.25, None if nulls else 7.5, 0.125])}))
    result = eo.Scorer(models.identity("float64"), nulls="propagate").predict(data, with_={"y": sql_type})
    last = "0.13" if sql_type == "decimal(5,2)" else "0.1250"
    expected = [Decimal("1.25"), None if nulls else Decimal("7.50"), Decimal(last)]
    if kind == "mapping":
        assert result["y"].dtype == object
        assert result["y"].tolist() == expected
        return
    if kind == "pandas":
        assert type(result) is pandas.DataFrame
        assert [None if pandas.isna(value) else value for value in result["y"]] == expected
    table = pa.table(result)
    assert table.column_names == ["x", "y"]
    assert table["y"].to_pylist() == expected
    assert pa.types.is_decimal(table["y"].type)
    if kind != "pandas":
        assert table.schema.field("y").type == (pa.decimal128(5, 2) if sql_type != "money" else pa.decimal128(19, 4))


@pytest.mark.parametrize("dtype", [object, np.float64, np.int64, "V16"], ids=str)
def test_score_out_of_a_decimal_result_is_refused(dtype: Any) -> None:
    with pytest.raises(eo.Error, match="decimal") as info:
        eo.Scorer(models.identity("float64")).score({"x": VALUES}, with_={"y": "decimal(5,2)"}, out={"y": np.empty(4, dtype)})
    assert isinstance(info.value, (eo.InvalidArgument, eo.CoercionError, eo.Unsupported)), repr(info.value)
    assert "'y'" in str(info.value)
    with pytest.raises(eo.Error, match="decimal") as info:
        eo.cast(VALUES, "decimal(5,2)", out=np.empty(4, dtype))
    assert isinstance(info.value, (eo.InvalidArgument, eo.CoercionError, eo.Unsupported)), repr(info.value)


@pytest.mark.parametrize(("sql_type", "dtype"), [("bit", bool), ("tinyint", np.uint8), ("smallint", np.int16), ("float(24)", np.float32)])
def test_score_out_takes_the_dtype_of_the_declared_type(sql_type: str, dtype: type) -> None:
    out = np.empty(3, dtype)
    scores = eo.Scorer(models.identity("float64")).score({"x": np.array([1.75, 0.0, 200.0])}, with_={"y": sql_type}, out={"y": out})
    assert np.shares_memory(scores["y"], out)
    expected = [1.75, 0, 200] if dtype is np.float32 else [1, 0, 200]
    assert_column(out, np.array(expected, dtype))


# -------------------------------------------------------------------------------------------------------------------------------- NULLs


@pytest.mark.parametrize("sql_type", ["float", "int", "bit", "decimal(5,2)", "money"])
def test_score_null_in_a_not_null_result_is_an_error_at_its_row(sql_type: str) -> None:
    column = pa.array([1.0, 2.0, None, 4.0])
    for nullable in (sql_type, f"{sql_type} NULL"):
        assert np.ma.getmaskarray(scored(nullable, column, nulls="propagate")["y"]).tolist() == [False, False, True, False]
    with refused(eo.NullError, "'y'", "NOT NULL", "2") as info:
        scored(f"{sql_type} NOT NULL", column, nulls="propagate")
    assert (info.value.row, info.value.column) == (2, "y")
    with refused(eo.NullError, "'y'"):
        eo.Scorer(models.identity("float64"), nulls="propagate").predict(pa.table({"x": column}), with_={"y": f"{sql_type} not null"})
    full = scored(f"{sql_type} NOT NULL", column.drop_null(), nulls="propagate")
    assert not isinstance(full["y"], np.ma.MaskedArray)
    assert full["y"].tolist() == scored(sql_type, column.drop_null())["y"].tolist()


def test_score_constant_for_null_satisfies_not_null() -> None:
    assert scored("int NOT NULL", pa.array([1.0, None]), nulls=7)["y"].tolist() == [1, 7]


def test_score_nan_satisfies_not_null() -> None:
    assert_column(scored("real NOT NULL", np.array([np.nan, 1]))["y"], np.array([np.nan, 1], np.float32))


def test_score_overflow_made_null_violates_not_null() -> None:
    with refused(eo.NullError, "'y'") as info:
        scored("tinyint NOT NULL", np.array([1.0, 2.0, 256.0]), on_overflow="null")
    assert (info.value.row, info.value.column) == (2, "y")


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_score_first_bad_row_of_a_result_is_reported_whatever_the_threads(threads: int) -> None:
    rows = np.ones(100_000)
    scorer = eo.Scorer(models.identity("float64"), nulls="propagate", threads=threads, morsel_rows=500)
    null_first, overflow_first = np.ma.MaskedArray(rows.copy(), mask=False), np.ma.MaskedArray(rows.copy(), mask=False)
    null_first[[1234, 60_000, 99_999]] = np.ma.masked
    null_first[[1235, 70_000]] = 1e30
    overflow_first[[1234, 60_000]] = 1e30
    overflow_first[[1235, 1300, 99_999]] = np.ma.masked
    for _ in range(5):
        for sql_type in ("int NOT NULL", "decimal(9,2) NOT NULL"):
            with refused(eo.NullError, "'y'") as null:
                scorer.score({"x": null_first}, with_={"y": sql_type})
            assert (null.value.row, null.value.column) == (1234, "y")
            with refused(eo.Overflow, "'y'") as overflow:
                scorer.score({"x": overflow_first}, with_={"y": sql_type})
            assert (overflow.value.row, overflow.value.column) == (1234, "y")


def test_score_row_of_a_null_result_counts_over_all_batches() -> None:
    batches = [pa.record_batch({"x": np.zeros(1000)}) for _ in range(5)]
    batches[3] = pa.record_batch({"x": pa.array([0.0] * 17 + [None] + [0.0] * 982)})
    with refused(eo.NullError) as info:
        eo.Scorer(models.identity("float64"), nulls="propagate", threads=4, morsel_rows=100).score(
            pa.Table.from_batches(batches), with_={"y": "money NOT NULL"}
        )
    assert info.value.row == 3017


# ------------------------------------------------------------------------------------------------------------------------------- report


@pytest.mark.parametrize(
    ("sql_type", "spelled", "rule", "n_changed"),
    [
        ("int", "int", "truncate", 3),
        ("bit", "bit", "nonzero", 4),
        ("float(24)", "real", "nearest", 1),
        ("dec(5,1)", "decimal(5,1)", "round", 2),
        ("NUMERIC NOT NULL", "decimal(18,0)", "round", 3),
        ("money", "money", "round", 1),
    ],
)
@pytest.mark.parametrize("threads", [1, 4])
def test_report_counts_the_values_that_a_result_type_altered(sql_type: str, spelled: str, rule: str, n_changed: int, threads: int) -> None:
    column = np.tile([0.0, -0.0, 1.0, 10.0, 10.5, 0.1, -3.25], 1000)
    (done,) = scored(sql_type, column, threads=threads, morsel_rows=100).report.casts
    assert done == eo.Cast("y", "float", spelled, False, rule, n_changed * 1000)


def test_report_of_a_result_of_its_own_type_has_no_cast() -> None:
    assert scored("double precision NOT NULL").report.casts == ()


def test_report_counts_inputs_and_results_apart() -> None:
    data = {"x": np.array([16777217, 2**24, 3], np.int32)}
    scores = eo.Scorer(models.identity()).score(data, with_={"y": "decimal(9,1)"})
    assert [(done.column, done.rule, done.n_changed) for done in scores.report.casts] == [("x", "nearest", 1), ("y", "round", 0)]
