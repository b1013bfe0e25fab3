"""`safe` takes the pairs of types that keep every value and no other; `strict` takes equal types and spells the CAST for the rest."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

import edgeonnx as eo
import exact_model
import models
from exact_model import DTYPES, ONNX, SQL, STORAGES, SqlType, Value
from support import refused


def decimals(*digits: tuple[int, int]) -> tuple[SqlType, ...]:
    return tuple(SqlType("decimal", precision, scale) for precision, scale in digits)


NUMBERS = tuple(SqlType(name) for name in DTYPES)
MONEY = SqlType("money")
# On either side of what the integers, the binary formats and money hold, and of each other.
SOURCE_DECIMALS = decimals(
    (1, 0), (1, 1), (2, 0), (3, 0), (4, 0), (5, 0), (7, 0), (8, 0), (9, 0), (10, 0), (15, 0), (16, 0), (18, 0), (19, 0), (20, 0), (38, 0),
    (5, 2), (18, 4), (19, 4), (38, 19), (38, 38), (2, -1), (3, -2), (5, -2), (15, -1), (17, -1), (36, -3), (39, 0), (50, 20), (76, 0),
    (76, 38)
)  # fmt: skip
TARGET_DECIMALS = decimals((1, 0), (1, 1), (3, 0), (5, 0), (7, 2), (10, 0), (18, 0), (19, 0), (19, 4), (20, 0), (38, 0), (38, 19), (38, 38))
SOURCES = (*NUMBERS, *SOURCE_DECIMALS)
TARGETS = (*NUMBERS, *TARGET_DECIMALS, MONEY)


def spelling(kind: SqlType) -> str:
    return str(kind) if kind.name in SQL else f"tensor({ONNX[kind.name]})"


def column_of(kind: SqlType, values: Sequence[Value]) -> pa.Array:
    storage = next((name for name, most in STORAGES.items() if kind.precision <= most), "")
    return exact_model.arrow_column(values, kind, storage=storage)


def as_value(result: Any) -> Value | None:
    """A result as exact as it is, None for NULL."""
    if result is None or result is np.ma.masked:
        return None
    number = result.item() if isinstance(result, np.generic) else result
    return number if isinstance(number, float) and not math.isfinite(number) else Fraction(number)


def survivors(values: Sequence[Value], results: Any) -> int:
    """How many values came through as they were."""
    pairs = zip(values, (as_value(result) for result in results), strict=True)
    return sum(result is not None and (result == value or (result != result and value != value)) for value, result in pairs)


# --------------------------------------------------------------------------------------------------------------------------------- safe


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_cast_safe_takes_exactly_the_pairs_that_keep_every_value(source: SqlType) -> None:
    for target in TARGETS:
        values = exact_model.boundaries(source, target)
        data = column_of(source, values)
        if not exact_model.survives(source, target):
            for innocent in (data[:0], column_of(source, [0])):
                with refused(eo.CoercionError, str(source), str(target), "safe"):
                    eo.cast(innocent, spelling(target), coercion="safe")
            lossy = eo.cast(data, spelling(target), on_overflow="null")
            assert survivors(values, lossy) < len(values), f"{source} -> {target} is refused and loses nothing"
            continue
        there = eo.cast(data, spelling(target), coercion="safe")
        assert survivors(values, there) == len(values), f"{source} -> {target} is accepted and loses values"
        if source.precision <= 38 and source.scale >= 0:
            back = eo.cast(there, spelling(source))
            assert survivors(values, back) == len(values), f"{source} -> {target} is accepted and does not come back"


@given(
    source=st.integers(1, 76).flatmap(lambda p: st.tuples(st.just(p), st.integers(-5, p))),
    target=st.integers(1, 38).flatmap(lambda p: st.tuples(st.just(p), st.integers(0, p))),
)
def test_cast_safe_of_any_two_decimals_goes_by_their_digits(source: tuple[int, int], target: tuple[int, int]) -> None:
    wide, narrow = SqlType("decimal", *source), SqlType("decimal", *target)
    keeps = target[1] >= source[1] and target[0] - target[1] >= source[0] - source[1]
    assert keeps == exact_model.survives(wide, narrow)
    if keeps:
        eo.cast(column_of(wide, []), str(narrow), coercion="safe")
    else:
        with refused(eo.CoercionError, str(wide), str(narrow)):
            eo.cast(column_of(wide, []), str(narrow), coercion="safe")


@pytest.fixture(scope="module", autouse=True)
def _scorers() -> Iterator[None]:
    """Scorers are shared by the tests of this file and gone after the last: others count the live objects."""
    yield
    scorer.cache_clear()


@functools.cache
def scorer(target: str, coercion: str) -> eo.Scorer:
    """Gives y = x; a bfloat16 comes out as the real that it is."""
    if target == "bfloat16":
        node = helper.make_node("Cast", ["x"], ["y"], to=TensorProto.FLOAT)
        model = models.graph([node], [models.tensor("x", TensorProto.BFLOAT16)], [models.tensor("y", TensorProto.FLOAT)])
    else:
        model = models.identity(DTYPES[target])
    return eo.Scorer(model, coercion=coercion)


def table(kind: SqlType, values: Sequence[Value]) -> pa.Table:
    data = column_of(kind, values)
    return pa.table([data], schema=pa.schema([pa.field("x", data.type, metadata=exact_model.MONEY_FIELD if kind == MONEY else None)]))


@pytest.mark.parametrize("source", [*SOURCES, MONEY], ids=str)
def test_score_safe_takes_exactly_the_inputs_that_keep_every_value(source: SqlType) -> None:
    for target in (*NUMBERS, SqlType("bfloat16")):
        values = exact_model.boundaries(source, target)
        if exact_model.survives(source, target):
            scores = scorer(target.name, "safe").score(table(source, values))
            assert survivors(values, scores["y"]) == len(values), f"{source} -> {target} is accepted and loses values"
            assert all(done.exact and done.n_changed == 0 for done in scores.report.casts)
            assert len(scores.report.casts) == (source != target)
            continue
        for innocent in (values[:0], [0]):
            with refused(eo.CoercionError, "'x'", str(source), str(target), "safe"):
                scorer(target.name, "safe").score(table(source, innocent))


@pytest.mark.parametrize("source", NUMBERS, ids=str)
def test_score_safe_takes_exactly_the_results_that_keep_every_value(source: SqlType) -> None:
    for target in (kind for kind in TARGETS if kind.name in SQL):
        values = exact_model.boundaries(source, target)
        data = {"x": exact_model.numpy_column(values, source)}
        if exact_model.survives(source, target):
            scores = scorer(source.name, "safe").score(data, with_={"y": str(target)})
            assert survivors(values, scores["y"]) == len(values), f"{source} -> {target} is accepted and loses values"
        else:
            with refused(eo.CoercionError, "'y'", str(source), str(target), "safe"):
                scorer(source.name, "safe").score({"x": data["x"][:1]}, with_={"y": str(target)})


# ------------------------------------------------------------------------------------------------------------------------------- strict


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_cast_strict_takes_equal_types_and_spells_the_cast_for_others(source: SqlType) -> None:
    for target in TARGETS:
        if source == target:
            values = exact_model.boundaries(source)
            assert survivors(values, eo.cast(column_of(source, values), spelling(target), coercion="strict")) == len(values)
            continue
        words = [f"AS {target})", "CAST("] if target.name in SQL else [str(target)]
        with refused(eo.CoercionError, str(source), "strict", *words):
            eo.cast(column_of(source, [0]), spelling(target), coercion="strict")


@pytest.mark.parametrize("source", [*SOURCES, MONEY], ids=str)
def test_score_strict_takes_equal_inputs_and_spells_the_cast_for_others(source: SqlType) -> None:
    for target in (*NUMBERS, SqlType("bfloat16")):
        data = table(source, [0])
        if source == target:
            scores = scorer(target.name, "strict").score(data)
            assert scores["y"].tolist() == [0]
            assert scores.report.casts == ()
            continue
        words = [f"CAST(x AS {target})"] if target.name in SQL else []
        with refused(eo.CoercionError, f"expected {target}", f"column 'x' is {source}", "strict", *words):
            scorer(target.name, "strict").score(data)


@pytest.mark.parametrize("target", [kind for kind in TARGETS if kind.name in SQL], ids=str)
def test_score_strict_is_a_demand_on_inputs_and_the_with_list_still_converts(target: SqlType) -> None:
    """A float output is read WITH (y FLOAT) in Microsoft's own examples, whose inputs must match to the type."""
    scores = scorer("real", "strict").score({"x": np.zeros(2, np.float32)}, with_={"y": str(target)})
    assert [as_value(result) for result in scores["y"]] == [0, 0]


def test_model_knows_pairs_decided_by_hand() -> None:
    """The binary formats hold whole numbers of so many bits, a decimal of so many digits."""
    kept = [
        ("int", "float"), ("uint32", "float"), ("tinyint", "bfloat16"), ("int8", "float16"), ("uint16", "real"), ("float16", "real"),
        ("uint32", "bigint"), ("uint32", "money"), ("bit", "tinyint"), ("real", "float"), ("bfloat16", "real"),
    ]  # fmt: skip
    lost = [
        ("int", "real"), ("bigint", "float"), ("bigint", "money"), ("smallint", "bfloat16"), ("float16", "bfloat16"), ("uint64", "bigint"),
        ("bfloat16", "float16"), ("int8", "tinyint"), ("tinyint", "bit"), ("float", "real"), ("money", "float"), ("real", "money"),
    ]  # fmt: skip
    for pairs, expected in ((kept, True), (lost, False)):
        assert [exact_model.survives(SqlType(a), SqlType(b)) for a, b in pairs] == [expected] * len(pairs)
    digits = {
        ((15, 0), "float"): True, ((16, 0), "float"): False, ((7, 0), "real"): True, ((8, 0), "real"): False, ((5, 2), "float"): False,
        ((3, 0), "float16"): True, ((2, 0), "bfloat16"): True, ((3, 0), "bfloat16"): False, ((9, 0), "int"): True, ((10, 0), "int"): False,
        ((18, 4), "money"): True, ((19, 4), "money"): False, ((2, -1), "smallint"): True, ((2, 0), "tinyint"): False,
    }  # fmt: skip
    for (pair, target), expected in digits.items():
        assert exact_model.survives(SqlType("decimal", *pair), SqlType(target)) == expected, (pair, target)
