"""Every pair of types, at its edges and anywhere: what edgeonnx makes of a column is what exact arithmetic makes of each value."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

import edgeonnx as eo
import exact_model
import models
from exact_model import DTYPES, FLOATS, INTEGERS, ONNX, SQL, STORAGES, Outcome, SqlType, Value
from support import assert_column

# There are some five hundred pairs; each gets its share of the profile's examples, besides all of its boundaries.
SHARE = settings(max_examples=max(4, settings().max_examples // 4))

SOURCES = (*DTYPES, "decimal")
TARGETS = tuple(dict.fromkeys((*SQL, *DTYPES)))
SOURCE_DECIMALS = tuple(
    SqlType("decimal", *digits) for digits in ((1, 0), (9, 2), (18, 18), (19, 4), (25, -5), (38, 0), (38, 19), (76, 38))
)
TARGET_DECIMALS = tuple(SqlType("decimal", *digits) for digits in ((1, 0), (1, 1), (9, 2), (18, 0), (25, 17), (38, 0), (38, 38)))


def spellings(target: SqlType) -> list[str]:
    """The names that `cast` takes for a type."""
    names = [str(target)] if target.name in SQL else []
    return [*names, f"tensor({ONNX[target.name]})"] if target.name in ONNX else names


def types(name: str, decimals: tuple[SqlType, ...]) -> tuple[SqlType, ...]:
    return decimals if name == "decimal" else (SqlType(name),)


class Column(NamedTuple):
    """Values of a type, and where they are NULL; `data` holds them."""

    kind: SqlType
    values: Sequence[Value]
    nulls: Sequence[bool]
    data: Any

    def outcomes(self, target: SqlType) -> list[Outcome]:
        """Value by value; NULL where the column is."""
        return [
            Outcome(None) if null else exact_model.cast(value, self.kind, target)
            for value, null in zip(self.values, self.nulls, strict=True)
        ]


# --------------------------------------------------------------------------------------------------------------------------- strategies

digits_beyond = [(1, 0), (1, 1), (9, 9), (10, 2), (18, 0), (18, 18), (19, 4), (19, 19), (25, 17), (38, 0), (38, 37), (38, 38)]


@st.composite
def target_type(draw: st.DrawFn, name: str) -> SqlType:
    if name != "decimal":
        return SqlType(name)
    precision, scale = draw(st.sampled_from(digits_beyond) | st.integers(1, 38).flatmap(lambda p: st.tuples(st.just(p), st.integers(0, p))))
    return SqlType("decimal", precision, scale)


@st.composite
def source_type(draw: st.DrawFn, name: str) -> tuple[SqlType, str]:
    """A type, and Arrow's storage for it."""
    if name != "decimal":
        return SqlType(name), ""
    storage = draw(st.sampled_from(list(STORAGES)))
    precision = draw(st.sampled_from([1, STORAGES[storage]]) | st.integers(1, STORAGES[storage]))
    return SqlType("decimal", precision, draw(st.sampled_from([0, precision]) | st.integers(-5, precision))), storage


def anything(kind: SqlType) -> st.SearchStrategy[Value]:
    """Any value of a type, with no eye on its edges."""
    if kind.name in FLOATS:
        return st.floats(width=np.dtype(DTYPES[kind.name]).itemsize * 8)
    return st.integers(*exact_model.limits(kind)).map(lambda unscaled: exact_model.value_of(unscaled, kind))


def powers(kind: SqlType) -> list[Value]:
    """Neighbours of the powers of two and ten, of either sign."""
    return [value for base in (2, 10) for n in range(64) for sign in (-1, 1) for value in exact_model.around(sign * base**n, kind)]


@functools.cache
def near(kind: SqlType, target: SqlType) -> st.SearchStrategy[Value]:
    return st.sampled_from(exact_model.boundaries(kind, target)) | st.sampled_from(powers(kind) or [0]) | anything(kind)


@st.composite
def column(draw: st.DrawFn, kind: SqlType, storage: str, target: SqlType) -> Column:
    """Values at the edges of both types, NULLs over garbage, in NumPy or Arrow of some layout."""
    values = draw(st.lists(near(kind, target), min_size=1, max_size=30))
    bits = draw(st.just(0) | st.integers(0, 2 ** len(values) - 1))
    nulls = [bool(bits >> row & 1) for row in range(len(values))]
    layouts = ["arrow", "chunked"] if kind.name in ("decimal", "money") else ["numpy", "strided", "swapped", "arrow", "chunked"]
    layout = draw(st.sampled_from(layouts))
    garbage = draw(st.sampled_from([b"\x00", b"\x7f", b"\x80", b"\xff"]))
    if layout in ("arrow", "chunked"):
        options: Any = {"garbage": garbage, "lead": draw(st.integers(0, 20)), **({"storage": storage} if storage else {})}
        data = exact_model.arrow_column(values, kind, nulls, **options)
        if layout == "chunked":
            cut = draw(st.integers(0, len(values)))
            data = pa.chunked_array([data[:cut], data[cut:]])
        return Column(kind, values, nulls, data)
    # The values stand in the array under the mask: those that do not fit are the garbage.
    data = exact_model.numpy_column(values, kind, nulls)
    if layout == "strided":
        data = np.repeat(data, 3)[::3] if not any(nulls) else np.ma.repeat(data, 2)[::-2][::-1]
    elif layout == "swapped":
        data = data.astype(data.dtype.newbyteorder())
    return Column(kind, values, nulls, data)


# --------------------------------------------------------------------------------------------------------------------------- comparison


def assert_outcomes(actual: Any, outcomes: Sequence[Outcome], target: SqlType) -> None:
    """The values of a result, its NULLs and its dtype."""
    nulls = [outcome.value is None for outcome in outcomes]
    assert isinstance(actual, np.ma.MaskedArray) == any(nulls), f"masked: {np.ma.getmaskarray(actual).tolist()}, expected {nulls}"
    np.testing.assert_array_equal(np.ma.getmaskarray(actual), nulls)
    dense = np.ma.getdata(actual)[~np.array(nulls, bool)]
    expected = [outcome.value for outcome in outcomes if outcome.value is not None]
    if target.name in DTYPES:
        assert_column(dense, np.array(expected, DTYPES[target.name]))
        return
    assert dense.dtype == object
    assert all(type(value) is Decimal for value in dense)
    assert [value.as_tuple() for value in dense] == [value.as_tuple() for value in expected if isinstance(value, Decimal)]


def assert_overflow(error: eo.Overflow, row: int, value: Value, outcome: Outcome) -> None:
    """The first value that does not fit, told as SQL Server tells it."""
    assert (error.row, error.sql_number) == (row, outcome.sql_number), str(error)
    assert str(error).startswith(outcome.sentence), f"{error}\nexpected {outcome.sentence}"
    assert error.value is not None
    if isinstance(value, float):
        assert math.isclose(float(error.value), value, rel_tol=1e-15, abs_tol=1e-6) or (
            math.isnan(value) and math.isnan(float(error.value))
        )
    else:
        assert exact_model.Fraction(error.value) == value


def first_overflow(outcomes: Sequence[Outcome]) -> int | None:
    return next((row for row, outcome in enumerate(outcomes) if outcome.sql_number is not None), None)


def assert_cast(columns: Column, target: SqlType, spelling: str) -> None:
    outcomes = columns.outcomes(target)
    bad = first_overflow(outcomes)
    if bad is None:
        assert_outcomes(eo.cast(columns.data, spelling), outcomes, target)
        return
    with pytest.raises(eo.Overflow) as info:
        eo.cast(columns.data, spelling)
    assert_overflow(info.value, bad, columns.values[bad], outcomes[bad])
    assert_outcomes(eo.cast(columns.data, spelling, on_overflow="null"), outcomes, target)


# --------------------------------------------------------------------------------------------------------------------------------- cast


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("source", SOURCES)
def test_cast_boundaries_of_a_pair_are_exact(source: str, target: str) -> None:
    for kind in types(source, SOURCE_DECIMALS):
        for to in types(target, TARGET_DECIMALS):
            values = exact_model.boundaries(kind, to)
            outcomes = [exact_model.cast(value, kind, to) for value in values]
            storage = next((name for name, most in STORAGES.items() if kind.precision <= most), "")
            columns = [exact_model.arrow_column(values, kind, storage=storage)]
            columns += [exact_model.numpy_column(values, kind)] if source != "decimal" else []
            for data in columns:
                assert_outcomes(eo.cast(data, spellings(to)[0], on_overflow="null"), outcomes, to)
            for row in (row for row, outcome in enumerate(outcomes) if outcome.sql_number is not None):
                with pytest.raises(eo.Overflow) as info:
                    eo.cast(columns[0][row : row + 1], spellings(to)[-1])
                assert_overflow(info.value, 0, values[row], outcomes[row])


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("source", SOURCES)
@SHARE
@given(data=st.data())
def test_cast_any_column_of_a_pair_is_exact(source: str, target: str, data: st.DataObject) -> None:
    to = data.draw(target_type(target), "target")
    columns = data.draw(source_type(source).flatmap(lambda drawn: column(*drawn, to)), "column")
    assert_cast(columns, to, data.draw(st.sampled_from(spellings(to)), "spelling"))


# ------------------------------------------------------------------------------------------------------------------------------- scorer


@pytest.fixture(scope="module", autouse=True)
def _scorers() -> Iterator[None]:
    """Scorers are shared by the tests of this file and gone after the last: others count the live objects."""
    yield
    scorer.cache_clear()


@functools.cache
def scorer(target: str) -> eo.Scorer:
    """Gives y = x, in pieces of three rows; a bfloat16 comes out as the real that it is."""
    if target == "bfloat16":
        node = helper.make_node("Cast", ["x"], ["y"], to=TensorProto.FLOAT)
        model = models.graph([node], [models.tensor("x", TensorProto.BFLOAT16)], [models.tensor("y", TensorProto.FLOAT)])
    else:
        model = models.identity(DTYPES[target])
    return eo.Scorer(model, nulls="propagate", morsel_rows=3, threads=2)


def fields(columns: Column) -> pa.Schema:
    metadata = exact_model.MONEY_FIELD if columns.kind.name == "money" else None
    return pa.schema([pa.field("x", columns.data.type, metadata=metadata)])


def as_data(columns: Column) -> Any:
    if isinstance(columns.data, np.ndarray):
        return {"x": columns.data}
    return pa.table([columns.data], schema=fields(columns))


def without_overflows(columns: Column, outcomes: Sequence[Outcome], storage: str) -> Column:
    """The same column with NULL where a value would not fit, over that value or other garbage."""
    nulls = [outcome.value is None for outcome in outcomes]
    if isinstance(columns.data, np.ndarray):
        return columns._replace(nulls=nulls, data=np.ma.MaskedArray(np.ma.getdata(columns.data), mask=nulls))
    options = {"storage": storage} if storage else {}
    return columns._replace(nulls=nulls, data=exact_model.arrow_column(columns.values, columns.kind, nulls, garbage=b"\x7f", **options))


def assert_report(casts: tuple[eo.Cast, ...], name: str, kind: SqlType, to: SqlType, outcomes: Sequence[Outcome]) -> None:
    """One cast, counted and named; a pair that keeps every value may call its rule so."""
    if kind == to:
        assert casts == ()
        return
    (done,) = casts
    assert (done.column, done.from_type, done.to_type, done.exact) == (name, str(kind), str(to), exact_model.survives(kind, to))
    assert done.rule == exact_model.rule(kind, to) or (done.exact and done.rule == "exact"), done
    assert done.n_changed == sum(outcome.changed for outcome in outcomes)


@pytest.mark.parametrize("target", [*DTYPES, "bfloat16"])
@pytest.mark.parametrize("source", [*SOURCES, "money"])
@SHARE
@given(data=st.data())
def test_score_any_column_into_an_input_is_exact_and_counted(source: str, target: str, data: st.DataObject) -> None:
    to = SqlType(target)
    kind, storage = data.draw(source_type(source), "source")
    columns = data.draw(column(kind, storage, to), "column")
    outcomes = columns.outcomes(to)
    bad = first_overflow(outcomes)
    if bad is not None:
        with pytest.raises(eo.Overflow) as info:
            scorer(target).score(as_data(columns))
        assert info.value.column == "x"
        assert_overflow(info.value, bad, columns.values[bad], outcomes[bad])
        columns = without_overflows(columns, outcomes, storage)
    scores = scorer(target).score(as_data(columns))
    assert_outcomes(scores["y"], outcomes, SqlType("real") if target == "bfloat16" else to)
    assert_report(scores.report.casts, "x", columns.kind, to, outcomes)


@pytest.mark.parametrize("target", SQL)
@pytest.mark.parametrize("source", DTYPES)
@SHARE
@given(data=st.data())
def test_score_any_result_by_the_with_list_is_exact_and_counted(source: str, target: str, data: st.DataObject) -> None:
    to = data.draw(target_type(target), "target")
    columns = data.draw(column(SqlType(source), "", to), "column")
    outcomes = columns.outcomes(to)
    bad = first_overflow(outcomes)
    if bad is not None:
        with pytest.raises(eo.Overflow) as info:
            scorer(source).score(as_data(columns), with_={"y": str(to)})
        assert info.value.column == "y"
        assert_overflow(info.value, bad, columns.values[bad], outcomes[bad])
        columns = without_overflows(columns, outcomes, "")
    scores = scorer(source).score(as_data(columns), with_={"y": str(to)})
    assert_outcomes(scores["y"], outcomes, to)
    assert_report(scores.report.casts, "y", columns.kind, to, outcomes)


def test_cast_into_bfloat16_has_no_dtype_and_says_so() -> None:
    with pytest.raises(eo.Unsupported, match="bfloat16"):
        eo.cast(np.ones(3), "tensor(bfloat16)")


def test_model_agrees_with_facts_computed_by_hand() -> None:
    """The model is a program too: these are from the page that it follows."""
    kinds = {name: SqlType(name) for name in (*INTEGERS, *FLOATS, "money")}
    facts: list[tuple[Any, str, SqlType, Any]] = [
        (10.6496, "float", kinds["int"], 10),
        (-10.6496, "float", kinds["int"], -10),
        (10.6496, "float", SqlType("decimal", 18, 0), Decimal(11)),
        (-10.6496, "float", SqlType("decimal", 18, 0), Decimal(-11)),
        (exact_model.Fraction("1.5"), "money", kinds["int"], 2),
        (exact_model.Fraction("-0.5"), "money", kinds["int"], -1),
        (0.4, "float", kinds["bit"], 1),
        (16777217, "int", kinds["real"], 16777216.0),
        (2**53 + 1, "bigint", kinds["float"], 2.0**53),
        (2147483647.9, "float", kinds["int"], 2147483647),
        (255.9, "float", kinds["tinyint"], 255),
        (-0.9, "float", kinds["tinyint"], 0),
        (65519.0, "real", kinds["float16"], 65504.0),
        (3.4028235677973362e38, "float", kinds["real"], 3.4028234663852886e38),
        (0.1, "float", SqlType("decimal", 38, 38), Decimal("0.10000000000000000555111512312578270212")),
    ]
    for value, source, target, expected in facts:
        assert exact_model.cast(value, kinds[source], target).value == expected, (value, source, target)
    numbers: list[tuple[Any, str, SqlType, int]] = [
        (300, "smallint", kinds["tinyint"], 220),
        (300, "bigint", kinds["tinyint"], 8115),
        (3e9, "float", kinds["int"], 232),
        (1e19, "float", kinds["bigint"], 8115),
        (math.nan, "float", SqlType("decimal", 18, 0), 8115),
        (65520.0, "real", kinds["float16"], 232),
        (3.4028235677973366e38, "float", kinds["real"], 232),
        (exact_model.Fraction(10**10), "money", kinds["int"], 237),
        (1e15, "float", kinds["money"], 232),
    ]
    for value, source, target, number in numbers:
        assert exact_model.cast(value, kinds[source], target).sql_number == number, (value, source, target)
