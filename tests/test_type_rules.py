"""Every cell of T-SQL's conversion matrix at the limits of its types, through NumPy and through Arrow, against an exact model."""

from __future__ import annotations

import itertools
import pathlib
from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import edgeonnx as eo
import models
import type_rules as rules
from models import Array
from support import assert_column, refused, run_python
from type_rules import BFLOAT16, BIT, DECIMAL_SOURCES, FLOAT, FLOAT16, INTEGERS, MONEY, REAL, Binary, Type, Value, decimal
from typed_columns import MoneyColumn, as_arrow, as_numpy, bfloat16_input, cast, is_sql, routes, table_of


def assert_values(actual: Any, expected: Sequence[Value], target: Type) -> None:
    """The dtype, the bits of every value, and NULL exactly where None is expected."""
    missing = np.array([value is None for value in expected], bool)
    assert np.ma.isMaskedArray(actual) == missing.any()
    np.testing.assert_array_equal(np.ma.getmaskarray(actual), missing)
    wanted = as_numpy(target, expected)[~missing]
    found = np.ma.getdata(actual)[~missing]
    assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
    if target.dtype == "object":
        assert [value.as_tuple() for value in found] == [value.as_tuple() for value in wanted]
    else:
        assert_column(found, wanted)


def tells(text: str, value: Value, source: Type) -> bool:
    """Whether the text is that of the value; of a float it may be the six decimals that SQL Server prints."""
    if not isinstance(value, Fraction):
        return rules.same(float(text), value)
    if isinstance(source, Binary):
        return source.nearest(Fraction(text)) == value or abs(Fraction(text) - value) <= Fraction(1, 2 * 10**6)
    return Fraction(text) == value


def assert_overflow(error: eo.Overflow, source: Type, target: Type, row: int, value: Value) -> None:
    assert type(error) is eo.Overflow, repr(error)
    sentence = rules.sentence(source, target, value)
    assert str(error).startswith(sentence), f"{error}\nshould begin with\n{sentence}"
    assert error.sql_number == rules.rule(source, target)[1]
    assert error.row == row, str(error)
    assert str(row) in str(error)[len(sentence) :]
    assert error.value is not None
    assert tells(error.value, value, source), f"{error.value} is not {value}"


def overflow_of(column: Any, source: Type, target: Type) -> eo.Overflow:
    with pytest.raises(eo.Overflow) as info:
        cast(column, source, target)
    return info.value


# --------------------------------------------------------------------------------------------------------------------------------- the walk


def is_reachable(source: Type, target: Type) -> bool:
    """A result of bfloat16 has a place in the WITH list only, which names SQL's types."""
    return source is not BFLOAT16 or is_sql(target)


CASES = [(source, target) for source in rules.SOURCES for target in rules.TARGETS if is_reachable(source, target)]
IDS = [f"{source.name} to {target.name}" for source, target in CASES]


def some(values: list[Value]) -> list[Value]:
    """Of the values that do not fit, in ascending order: those next to the ones that do, the outermost, and what is no number."""
    below = [value for value in values if isinstance(value, Fraction) and value < 0]
    above = [value for value in values if isinstance(value, Fraction) and value >= 0]
    return [*below[:1], *below[1:][-4:], *above[:4], *above[4:][-1:], *(value for value in values if isinstance(value, float))]


def fitting_values(source: Type, target: Type) -> tuple[list[Value], list[Value]]:
    """The limits that fit, and some of those that do not."""
    values, expected = rules.limits(source), rules.converted(source, target)
    fit = [value for value, result in zip(values, expected, strict=True) if result is not None]
    return fit, some([value for value, result in zip(values, expected, strict=True) if result is None])


def walk(source: Type, target: Type) -> int:
    """One cell at all limits, over all routes; gives the number of values that were told not to fit."""
    values, expected = rules.limits(source), rules.converted(source, target)
    fitting, strays = fitting_values(source, target)
    # Blocks of values that fit, of some lengths, each with one at its end that does not; read from the start of a block.
    supply = itertools.cycle(fitting)
    blocks = [[*itertools.islice(supply, length), stray] for length, stray in zip(itertools.cycle((0, 3, 8, 17, 40)), strays, strict=False)]
    for make in routes(source).values():
        assert_values(cast(make(values), source, target, "null"), expected, target)
        assert_values(cast(make(fitting), source, target), [result for result in expected if result is not None], target)
        column, start = make([value for block in blocks for value in block]), 0
        for block in blocks:
            error = overflow_of(column[start : start + len(block) + 50], source, target)
            assert_overflow(error, source, target, len(block) - 1, block[-1])
            start += len(block)
    return len(strays)


@pytest.mark.parametrize(("source", "target"), CASES, ids=IDS)
def test_cast_cell_follows_the_matrix_at_the_limits(source: Type, target: Type) -> None:
    walk(source, target)


# ------------------------------------------------------------------------------------------------------------------------------- the model


@pytest.mark.parametrize(
    ("value", "source", "target", "result"),
    [
        ("10.6496", FLOAT, "int", "10"),
        ("-10.6496", FLOAT, "int", "-10"),
        ("10.6496", FLOAT, "decimal(18,0)", "11"),
        ("-10.6496", decimal(9, 2), "decimal(18,0)", "-11"),
        ("1.5", MONEY, "int", "2"),
        ("-0.5", MONEY, "int", "-1"),
        ("-0.5", decimal(9, 2), "int", "0"),
        ("0.4", FLOAT, "bit", "1"),
        ("16777217", INTEGERS[2], "real", "16777216"),
        ("9007199254740993", INTEGERS[3], "float", "9007199254740992"),
        ("2147483647.9", FLOAT, "int", "2147483647"),
        ("2147483648", FLOAT, "int", None),
        ("-2147483648.9", FLOAT, "int", "-2147483648"),
        ("-0.9", FLOAT, "tinyint", "0"),
        ("256", FLOAT, "tinyint", None),
        ("9223372036854775808", FLOAT, "bigint", None),
        ("2.675", FLOAT, "decimal(38,10)", "2.675"),
        ("0.125", FLOAT, "decimal(5,2)", "0.13"),
        ("999.995", decimal(38, 10), "decimal(5,2)", None),
        ("922337203685477.58074", decimal(38, 10), "money", "922337203685477.5807"),
        ("922337203685477.58075", decimal(38, 10), "money", None),
        ("65519", INTEGERS[2], "float16", "65504"),
        ("65520", INTEGERS[2], "float16", None),
        ("257", INTEGERS[2], "bfloat16", "256"),
    ],
)
def test_model_gives_what_is_known_of_the_rules(value: str, source: Type, target: str, result: str | None) -> None:
    assert rules.convert(Fraction(value), source, rules.BY_NAME[target]) == (None if result is None else Fraction(result))


def test_model_real_ends_between_two_floats() -> None:
    assert rules.convert(Fraction(3.4028235677973362e38), FLOAT, REAL) == REAL.largest
    assert rules.convert(Fraction(3.4028235677973366e38), FLOAT, REAL) is None


@pytest.mark.parametrize(
    ("source", "target", "value", "sentence"),
    [
        ("smallint", "tinyint", "300", "Arithmetic overflow error for data type tinyint, value = 300."),
        ("float", "int", "3568120942.000003", "Arithmetic overflow error for type int, value = 3568120942.000003."),
        ("real", "smallint", "-1e10", "Arithmetic overflow error for type smallint, value = -10000000000.000000."),
        ("float", "real", "1e300", "Arithmetic overflow error for type real, value = 1e+300."),
        ("money", "int", "3e9", "There is insufficient result space to convert a money value to int."),
        ("bigint", "int", "3e9", "Arithmetic overflow error converting expression to data type int."),
        ("float", "decimal(5,2)", "1000", "Arithmetic overflow error converting float to data type numeric."),
        ("decimal(38,0)", "decimal(5,2)", "1000", "Arithmetic overflow error converting numeric to data type numeric."),
        ("decimal(38,0)", "money", "1e15", "Arithmetic overflow error converting numeric to data type money."),
    ],
)
def test_model_sentence_is_that_of_sql_server(source: str, target: str, value: str, sentence: str) -> None:
    kind = rules.BY_NAME[source]
    exact = Fraction(float(value)) if kind is FLOAT else Fraction(value)
    assert rules.sentence(kind, rules.BY_NAME[target], exact) == sentence


def test_matrix_each_letter_and_number_is_met_at_the_limits() -> None:
    """A cell that says exact alters nothing, one with a number overflows, one that may lose digits does."""
    cells = dict.fromkeys(rules.MATRIX, (False, False))
    for source, target in itertools.product(rules.SOURCES, rules.TARGETS):
        for value, result in zip(rules.limits(source), rules.converted(source, target), strict=True):
            overflows, alters = cells[source.family, target.family]
            altered = result is not None and not rules.same(value, result)
            cells[source.family, target.family] = (overflows or result is None, alters or altered)
    assert cells == {cell: (number is not None, letter in "PTRB") for cell, (letter, number) in rules.MATRIX.items()}


# --------------------------------------------------------------------------------------------------------------------------------- layouts

LENGTHS = (0, 1, 7, 64, 1000)
PLAIN = (BIT, *INTEGERS, REAL, FLOAT, FLOAT16)
PAIRS = [(source, target) for source in PLAIN for target in PLAIN]
PAIR_IDS = [f"{source.name} to {target.name}" for source, target in PAIRS]


def shuffled(values: Sequence[Value], length: int) -> list[Value]:
    rng = np.random.default_rng(length)
    return [values[i] for i in rng.integers(0, len(values), length)]


def layouts(column: Array) -> Iterator[tuple[str, Array]]:
    """The same values, lying otherwise."""
    n_rows, item = len(column), column.dtype.itemsize
    for offset in (1, 3):
        yield f"offset {offset}", np.concatenate([column[:1].repeat(offset), column])[-n_rows or offset :]
    for step in (2, 3, -1, -2):
        wide = np.zeros(n_rows * abs(step), column.dtype)
        view = wide[::step]
        view[...] = column
        yield f"step {step}", view
    matrix = np.zeros((n_rows, 5), column.dtype)
    matrix[:, 3] = column
    yield "column of a matrix", matrix[:, 3]
    crooked = np.zeros(n_rows * item + 1, np.uint8)[1:].view(column.dtype)
    crooked[...] = column
    yield "crooked", crooked
    yield "big-endian", column.astype(column.dtype.newbyteorder(">"))
    frozen = column.copy()
    frozen.flags.writeable = False
    yield "read-only", frozen


def arrow_layouts(column: pa.Array) -> Iterator[tuple[str, Any]]:
    for offset in (1, 3, 13):
        padded = pa.concat_arrays([pa.nulls(offset, column.type), column, pa.nulls(2, column.type)])
        yield f"slice {offset}", padded.slice(offset, len(column))
    third = len(column) // 3
    yield "chunks", pa.chunked_array([column[:third], column[:0], column[third : third + 5], column[third + 5 :]], column.type)


def walk_layouts(source: Type, target: Type, lengths: Sequence[int]) -> None:
    fitting, strays = fitting_values(source, target)
    for length in lengths:
        values = shuffled(fitting, length)
        wanted = as_numpy(target, [rules.convert(value, source, target) for value in values])
        for name, column in layouts(as_numpy(source, values)):
            assert_column(cast(column, source, target), wanted, name=f"{name}, {length} rows")
        if strays and length:
            for name, column in layouts(as_numpy(source, [*values[:-1], strays[0]])):
                assert overflow_of(column, source, target).row == length - 1, f"{name}, {length} rows"


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=PAIR_IDS)
def test_cast_numpy_layouts_agree(source: Type, target: Type) -> None:
    walk_layouts(source, target, LENGTHS)


ARROW_PAIRS = [
    *((kind, kind) for kind in (BIT, MONEY, REAL, FLOAT16)),
    *((BIT, kind) for kind in (INTEGERS[2], FLOAT16, decimal(5, 2))),
    *((kind, BIT) for kind in (INTEGERS[0], FLOAT, FLOAT16, MONEY, decimal(38, 10))),
    *((FLOAT, kind) for kind in (REAL, FLOAT16, INTEGERS[2], INTEGERS[3], MONEY, decimal(38, 10), decimal(5, 2))),
    *((INTEGERS[3], kind) for kind in (INTEGERS[2], FLOAT, REAL, MONEY, decimal(18, 0))),
    *((kind, INTEGERS[2]) for kind in (MONEY, *DECIMAL_SOURCES)),
    *((kind, FLOAT) for kind in (MONEY, *DECIMAL_SOURCES)),
    *((kind, decimal(38, 10)) for kind in (MONEY, *DECIMAL_SOURCES)),
]


@pytest.mark.parametrize(("source", "target"), ARROW_PAIRS, ids=[f"{source.name} to {target.name}" for source, target in ARROW_PAIRS])
def test_cast_arrow_layouts_agree(source: Type, target: Type) -> None:
    fitting, strays = fitting_values(source, target)
    for length in LENGTHS:
        values = [None if i % 5 == 3 else value for i, value in enumerate(shuffled(fitting, length))]
        wanted = [rules.convert(value, source, target) for value in values]
        for _, column in arrow_layouts(as_arrow(source, values)):
            assert_values(cast(column, source, target), wanted, target)
        if strays and length:
            for name, column in arrow_layouts(as_arrow(source, [*values[:-1], strays[0]])):
                assert overflow_of(column, source, target).row == length - 1, f"{name}, {length} rows"


# ----------------------------------------------------------------------------------------------------------------------------- processors


def walk_all() -> int:
    """Every cell, and layouts, for a process of its own; gives the number of values that were told not to fit."""
    for source, target in PAIRS:
        walk_layouts(source, target, (1, 71))
    return sum(walk(source, target) for source, target in CASES)


@pytest.mark.parametrize("cpu", ["scalar", "avx2", "avx512"])
def test_cast_every_cell_follows_the_matrix_on_every_processor(cpu: str) -> None:
    here = str(pathlib.Path(__file__).parent)
    done = run_python("import test_type_rules as t; print(t.walk_all())", env={"EDGEONNX_CPU": cpu, "PYTHONPATH": here})
    assert int(done.stdout) > len(CASES)


def test_cpu_unknown_name_is_refused_with_the_names_to_use() -> None:
    code = """
import edgeonnx as eo
try:
    eo.cast([1.5], "int")
except eo.InvalidArgument as error:
    print(error)
"""
    said = run_python(code, env={"EDGEONNX_CPU": "sse2"}).stdout
    assert all(word in said for word in ("EDGEONNX_CPU", "sse2", "scalar", "avx2", "avx512")), said


# -------------------------------------------------------------------------------------------------------------------------------- reports


def n_changed(values: Sequence[Value], source: Type, target: Type) -> int:
    """How many the conversion alters; a NULL is none."""
    return sum(value is not None and not rules.same(value, rules.convert(value, source, target)) for value in values)


def reported(column: Any, source: Type, target: Type) -> tuple[eo.Cast, ...]:
    """`casts` of a model that takes the target's type."""
    model = bfloat16_input() if target is BFLOAT16 else models.identity(target.dtype)
    return eo.Scorer(model, nulls="propagate").score(table_of(column, source)).report.casts


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (BIT, INTEGERS[2]),
        (INTEGERS[2], FLOAT),
        (FLOAT16, REAL),
        (INTEGERS[2], REAL),
        (INTEGERS[3], REAL),
        (INTEGERS[3], FLOAT),
        (INTEGERS[3], INTEGERS[2]),
        (INTEGERS[7], INTEGERS[6]),
        (INTEGERS[1], INTEGERS[4]),
        (INTEGERS[3], BIT),
        (FLOAT, BIT),
        (FLOAT, INTEGERS[2]),
        (FLOAT, INTEGERS[3]),
        (REAL, INTEGERS[0]),
        (FLOAT, REAL),
        (FLOAT, FLOAT16),
        (FLOAT, BFLOAT16),
        (decimal(38, 10), INTEGERS[3]),
        (decimal(38, 10), FLOAT),
        (decimal(38, 10), BIT),
        (MONEY, INTEGERS[2]),
        (MONEY, FLOAT),
        (MONEY, BIT),
    ],
    ids=lambda kind: kind.name,
)
def test_report_cast_of_a_column_has_the_rule_and_counts_what_it_alters(source: Type, target: Type) -> None:
    fitting, _ = fitting_values(source, target)
    values: list[Value] = [*fitting, None, *fitting]
    letter = rules.rule(source, target)[0]
    (made,) = reported(as_arrow(source, values), source, target)
    assert (made.column, made.from_type, made.to_type, made.rule) == ("x", source.name, target.name, rules.RULE_NAMES[letter])
    assert made.exact == (letter == "E")
    assert made.n_changed == n_changed(values, source, target)
    assert (made.n_changed > 0) == (letter in "PTRB")


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (FLOAT, REAL),
        (FLOAT, INTEGERS[2]),
        (FLOAT, BIT),
        (FLOAT, decimal(5, 2)),
        (REAL, MONEY),
        (INTEGERS[3], INTEGERS[1]),
        (INTEGERS[3], decimal(5, 2)),
        (INTEGERS[2], INTEGERS[3]),
        (INTEGERS[2], REAL),
    ],
    ids=lambda kind: kind.name,
)
def test_report_cast_of_a_result_has_the_rule_and_counts_what_it_alters(source: Type, target: Type) -> None:
    values, _ = fitting_values(source, target)
    letter = rules.rule(source, target)[0]
    scores = eo.Scorer(models.identity(source.dtype)).score({"x": as_numpy(source, values)}, with_={"y": target.name})
    assert_values(scores["y"], [rules.convert(value, source, target) for value in values], target)
    (made,) = scores.report.casts
    assert (made.column, made.from_type, made.to_type, made.rule) == ("y", source.name, target.name, rules.RULE_NAMES[letter])
    assert made.n_changed == n_changed(values, source, target)


def test_report_counts_over_all_threads_and_morsels() -> None:
    column = np.full(100_000, 2**24 + 1, np.int32)
    column[::10] = 2**24
    (made,) = eo.Scorer(models.identity(), threads=4, morsel_rows=999).score({"x": column}).report.casts
    assert made.n_changed == 90_000


@pytest.mark.parametrize("name", ["money", "MONEY", "Money"])
def test_score_money_rounds_where_a_plain_decimal_truncates(name: str) -> None:
    column = pa.array([Decimal("1.5000"), Decimal("-0.5000")], pa.decimal128(19, 4))
    field = pa.field("x", column.type, metadata={"ARROW:FLIGHT:SQL:TYPE_NAME": name})
    scorer = eo.Scorer(models.identity("int32"))
    assert scorer.score(pa.table([column], schema=pa.schema([field])))["y"].tolist() == [2, -1]
    assert scorer.score(pa.table({"x": column}))["y"].tolist() == [1, 0]


def test_cast_money_of_an_arrow_field_stays_money() -> None:
    column = pa.array([Decimal("1.5000"), Decimal("-0.5000")], pa.decimal128(19, 4))
    assert eo.cast(MoneyColumn(column), "int").tolist() == [2, -1]
    assert eo.cast(column, "int").tolist() == [1, 0]


@pytest.mark.parametrize(("onnx_type", "sql_type"), [("float", "real"), ("double", "float"), ("int16", "smallint"), ("bool", "bit")])
def test_cast_onnx_name_is_the_sql_type_of_its_own(onnx_type: str, sql_type: str) -> None:
    column = np.array([0.0, 1.5, -2.5])
    assert_column(eo.cast(column, f"tensor({onnx_type})"), eo.cast(column, sql_type))


def test_cast_bfloat16_has_no_numpy_type() -> None:
    with refused(eo.Unsupported, "bfloat16"):
        eo.cast([1.0], "tensor(bfloat16)")
