"""One type to another: T-SQL's matrix, its safe part, and none at all; what does not fit is the first bad row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import edgeonnx as eo
import models
from support import assert_columns, refused

pytestmark = pytest.mark.usefixtures("no_leak")


@pytest.mark.parametrize("source", ["int32", "int64", "float32", "float64"])
@pytest.mark.parametrize("target", ["int32", "int64", "float32", "float64"])
def test_score_strict_takes_equal_types_only_and_spells_the_cast(source: str, target: str) -> None:
    scorer = eo.Scorer(models.identity(target), coercion="strict")
    data = {"x": np.zeros(3, source)}
    if source == target:
        assert_columns(scorer.score(data), {"y": data["x"]})
        return
    with refused(eo.CoercionError, "'x'", f"expected {models.SQL_TYPES[target]}", models.SQL_TYPES[source], "CAST") as info:
        scorer.score(data)
    assert f"AS {models.SQL_TYPES[target]}" in str(info.value)


@pytest.mark.parametrize("source", ["int32", "int64", "float32", "float64"])
@pytest.mark.parametrize("target", ["int32", "int64", "float32", "float64"])
def test_score_safe_takes_conversions_that_keep_every_value(source: str, target: str) -> None:
    scorer = eo.Scorer(models.identity(target), coercion="safe")
    data = {"x": np.arange(3).astype(source)}
    if np.can_cast(source, target, "safe") and (source, target) != ("int64", "float64"):
        assert_columns(scorer.score(data), {"y": data["x"].astype(target)})
        return
    with refused(eo.CoercionError, "'x'", models.SQL_TYPES[source], models.SQL_TYPES[target]):
        scorer.score(data)


#: source, target, value, what it becomes; None: an overflow with the number behind it
CONVERSIONS: list[tuple[str, str, Any, Any, int]] = [
    ("float64", "int32", 10.6496, 10, 0),
    ("float64", "int32", -10.6496, -10, 0),
    ("float64", "int32", 2147483647.9, 2147483647, 0),
    ("float64", "int32", -2147483648.9, -2147483648, 0),
    ("float64", "int32", 2147483648.0, None, 232),
    ("float64", "int32", -2147483649.0, None, 232),
    ("float64", "int32", np.nan, None, 232),
    ("float64", "int32", np.inf, None, 232),
    ("float64", "int32", 5e-324, 0, 0),
    ("float32", "int32", 2147483520.0, 2147483520, 0),
    ("float32", "int32", 2147483648.0, None, 232),
    ("float32", "int32", -2147483648.0, -2147483648, 0),
    ("float64", "int64", 9223372036854774784.0, 9223372036854774784, 0),
    ("float64", "int64", 9223372036854775808.0, None, 8115),
    ("float64", "int64", -9223372036854775808.0, -9223372036854775808, 0),
    ("float64", "int64", -9223372036854777856.0, None, 8115),
    ("float32", "int64", 9.223372e18, None, 8115),
    ("float64", "int64", np.nan, None, 8115),
    ("int64", "int32", 2147483647, 2147483647, 0),
    ("int64", "int32", 2147483648, None, 8115),
    ("int64", "int32", -2147483649, None, 8115),
    ("int32", "float32", 16777217, 16777216.0, 0),
    ("int64", "float32", 2**53 + 1, float(np.float32(2**53 + 1)), 0),
    ("int64", "float64", 2**53 + 1, float(2**53), 0),
    ("float64", "float32", 3.4028235e38, float(np.float32(3.4028235e38)), 0),
    ("float64", "float32", 3.4028235677973362e38, float(np.finfo(np.float32).max), 0),
    ("float64", "float32", 3.4028235677973366e38, None, 232),
    ("float64", "float32", -1e300, None, 232),
    ("float64", "float32", 1e-300, 0.0, 0),
    ("float64", "float32", 0.1, float(np.float32(0.1)), 0),
    ("float64", "float32", np.nan, np.nan, 0),
    ("float64", "float32", np.inf, np.inf, 0),
    ("float64", "float32", -np.inf, -np.inf, 0),
    ("float32", "float64", 0.1, float(np.float32(0.1)), 0),
]


@pytest.mark.parametrize("row", [0, 77])
@pytest.mark.parametrize(("source", "target", "value", "expected", "number"), CONVERSIONS)
def test_score_tsql_conversion_follows_the_matrix(source: str, target: str, value: Any, expected: Any, number: int, row: int) -> None:
    column = np.ones(100, source)
    column[row] = value
    scorer = eo.Scorer(models.identity(target), morsel_rows=32)
    if expected is None:
        with refused(eo.Overflow, "'x'", str(row), models.SQL_TYPES[target]) as info:
            scorer.score({"x": column})
        assert (info.value.row, info.value.column, info.value.sql_number) == (row, "x", number)
        assert str(info.value.value)
        nulled = eo.Scorer(models.identity(target), on_overflow="null", nulls="propagate").score({"x": column})
        assert np.ma.getmaskarray(nulled["y"]).tolist() == [i == row for i in range(100)]
    else:
        y = np.ones(100, target)
        y[row] = expected
        assert_columns(scorer.score({"x": column}), {"y": y})


def test_score_overflow_carries_the_value() -> None:
    with refused(eo.Overflow, "3000000000") as info:
        eo.Scorer(models.identity("int32")).score({"x": np.array([1, 3_000_000_000])})
    assert str(info.value.value) == "3000000000"


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_score_first_bad_row_is_reported_whatever_the_threads(threads: int) -> None:
    column = np.zeros(100_000)
    column[[1234, 1300, 60_000, 99_999]] = 1e300
    scorer = eo.Scorer(models.identity("int32"), threads=threads, morsel_rows=500)
    for _ in range(10):
        with refused(eo.Overflow) as info:
            scorer.score({"x": column})
        assert info.value.row == 1234


def test_score_first_bad_row_counts_over_all_batches() -> None:
    batches = [pa.record_batch({"x": np.zeros(1000)}) for _ in range(5)]
    batches[3] = pa.record_batch({"x": np.array([0.0] * 17 + [1e300] + [0.0] * 982)})
    with refused(eo.Overflow) as info:
        eo.Scorer(models.identity("int32"), threads=4, morsel_rows=100).score(pa.Table.from_batches(batches))
    assert info.value.row == 3017
