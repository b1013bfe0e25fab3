"""One row, and few: calls like the one before them, and rows given as plain values."""

from __future__ import annotations

import copy
import datetime
import decimal
import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas
import pytest

import edgeonnx as eo
import models
from support import assert_columns, refused

pytestmark = pytest.mark.usefixtures("no_leak")

NAMES = ("a", "b", "c")  # total = a + 2 b + 4 c


def reals(*values: float) -> dict[str, Any]:
    return {name: np.float32([value]) for name, value in zip(NAMES, values, strict=True)}


def total(scores: Any) -> Any:
    return scores["total"].tolist()


# ------------------------------------------------------------------------------------------------------- tables like the one before them
def other(column: Any) -> Callable[[], dict[str, Any]]:
    """The usual table with another first column."""
    return lambda: {**reals(1, 2, 3), "a": column}


UNLIKE: dict[str, Callable[[], Any]] = {
    "alike": lambda: reals(1, 2, 3),
    "columns of one": lambda: {name: values[:, None] for name, values in reals(1, 2, 3).items()},
    "another order": lambda: dict(reversed(reals(1, 2, 3).items())),
    "equal names": lambda: {"".join(["", name]): values for name, values in reals(1, 2, 3).items()},
    "another case": lambda: {name.upper(): values for name, values in reals(1, 2, 3).items()},
    "one more": lambda: {**reals(1, 2, 3), "d": np.float32([9])},
    "three rows": lambda: {name: np.repeat(values, 3) for name, values in reals(1, 2, 3).items()},
    "no rows": lambda: {name: values[:0] for name, values in reals(1, 2, 3).items()},
    "strided": lambda: {name: np.repeat(values, 6)[::-2] for name, values in reals(1, 2, 3).items()},
    "double": other(np.float64([1])),
    "integer": other(np.int32([1])),
    "long long": other(np.array([1], np.longlong)),
    "swapped bytes": other(np.array([1], ">f4")),
    "list": other([1.0]),
    "masked": other(np.ma.MaskedArray(np.float32([1]), [False])),
    "series": other(pandas.Series(np.float32([1]))),
    "plain values": lambda: {"a": 1.0, "b": 2.0, "c": 3.0},
    "matrix": lambda: np.float32([[1, 2, 3]]),
}


@pytest.mark.parametrize("first", UNLIKE)
@pytest.mark.parametrize("second", UNLIKE)
def test_score_table_after_another_scores_as_if_it_came_first(first: str, second: str) -> None:
    scorer = eo.Scorer(models.affine())
    scorer.score(UNLIKE[first]())
    for _ in range(2):
        data = UNLIKE[second]()
        n_rows = len(data) if isinstance(data, np.ndarray) else np.size(next(iter(data.values())))
        scores = scorer.score(data)
        assert_columns(scores, {"total": np.full(n_rows, 17, np.float32)})
        assert scores.report.n_rows == n_rows
        for name in scores:
            assert scores[name].flags.owndata


def test_score_after_another_of_other_lengths_names_the_columns() -> None:
    scorer = eo.Scorer(models.affine())
    scorer.score(reals(1, 2, 3))
    with refused(eo.ShapeError, "'a' has 2", "'b' has 1"):
        scorer.score({**reals(1, 2, 3), "a": np.float32([1, 2])})


def test_score_alike_tells_the_row_that_does_not_fit() -> None:
    scorer = eo.Scorer(models.identity("int32"))
    scorer.score({"x": np.float64([1.0])})
    with refused(eo.Overflow, "row 1", "'x'") as info:
        scorer.score({"x": np.float64([1.0, 1e300])})
    assert (info.value.row, info.value.column) == (1, "x")


def test_score_alike_reports_casts_and_their_counts() -> None:
    scorer = eo.Scorer(models.affine())
    data = {name: np.float64([0.1, 1.0]) for name in NAMES}
    first, second = scorer.score(data).report, scorer.score(data).report
    assert [cast.n_changed for cast in second.casts] == [1, 1, 1]
    assert second._replace(seconds={}) == first._replace(seconds={})


def test_score_vectors_alike_keep_their_width() -> None:
    scorer = eo.Scorer(models.row_vectors())
    for n_rows in (2, 1, 5):
        x = np.arange(n_rows * 3, dtype=np.float32).reshape(n_rows, 3)
        for data in (x, x.copy(order="F"), x[::-1]):
            assert_columns(scorer.score({"x": data}), dict(eo.Scorer(models.row_vectors()).score({"x": data.copy()})))
    with refused(eo.ShapeError, "3", "4"):
        scorer.score({"x": np.ones((1, 4), np.float32)})


def test_scorer_options_hold_for_tables_alike() -> None:
    scorer = eo.Scorer(models.affine(), rename={"first": "a"})
    for value in (1, 2):
        assert total(scorer.score({"first": np.float32([value]), "b": np.float32([0]), "c": np.float32([0])})) == [value]


def test_options_of_a_call_are_not_those_of_the_next_one() -> None:
    scorer = eo.Scorer(models.affine())
    usual = scorer.score(reals(1, 2, 3))
    assert scorer.score(reals(1, 2, 3), with_={"total": "int"})["total"].dtype == np.int32
    assert scorer.score(reals(1, 2, 3))["total"].dtype == usual["total"].dtype


def test_score_more_columns_than_fit_on_the_stack() -> None:
    names = tuple(f"c{i}" for i in range(100))
    scorer = eo.Scorer(models.affine(names))
    data = {name: np.float32([i % 2]) for i, name in enumerate(names)}
    plain = {name: float(i % 2) for i, name in enumerate(names)}
    first = total(scorer.score(data))
    assert total(scorer.score(data)) == total(scorer.score(plain)) == total(scorer.score(plain)) == first


def test_scores_alike_hold_neither_data_nor_scorer() -> None:
    scorer = eo.Scorer(models.affine())
    columns = reals(1, 2, 3)
    kept = weakref.ref(columns["a"])
    for _ in range(2):
        scores = scorer.score(columns)
    del columns
    assert kept() is None
    gone = weakref.ref(scorer)
    del scorer
    gc.collect()
    assert gone() is None
    assert total(copy.copy(scores)) == [17.0]


def test_score_alike_while_another_thread_replaces_the_columns() -> None:
    scorer = eo.Scorer(models.affine())
    data = {name: np.full(2000, 1, np.float32) for name in NAMES}
    done = threading.Event()

    def replace() -> None:
        while not done.is_set():
            data["a"] = np.full(2000, 1, np.float32)

    thread = threading.Thread(target=replace)
    thread.start()
    try:
        assert all((scorer.score(data)["total"] == 7).all() for _ in range(300))
    finally:
        done.set()
        thread.join()


# ------------------------------------------------------------------------------------------------------------------------ plain values
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(2.5, 2.5, id="float"),
        pytest.param(41, 41.0, id="int"),
        pytest.param(True, 1.0, id="bool"),
        pytest.param(0.1, float(np.float32(0.1)), id="float that is rounded"),
        pytest.param(2**24 + 1, 2.0**24, id="int that is rounded"),
        pytest.param(float("inf"), float("inf"), id="infinity"),
        *[
            pytest.param(np.dtype(kind).type(3), 3.0, id=kind)
            for kind in ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")
        ],
        pytest.param(np.longlong(3), 3.0, id="long long"),
        pytest.param(np.bool_(True), 1.0, id="bool_"),
        pytest.param(decimal.Decimal("2.25"), 2.25, id="decimal"),
    ],
)
def test_score_plain_value_is_read_as_its_sql_type(value: Any, expected: float) -> None:
    scorer = eo.Scorer(models.affine())
    row = {"a": value, "b": 0.0, "c": np.float32(0)}
    for scores in (scorer.score(row), scorer.score(row)):
        assert scores["total"].shape == (1,)
        assert total(scores) == [expected]
        assert scores.report.n_rows == 1


def test_score_plain_values_of_ever_other_types_score_alike() -> None:
    scorer = eo.Scorer(models.affine())
    for a in (1, 1.0, True, np.int8(1), 1.0, 1):
        assert total(scorer.score({"a": a, "b": 2, "c": 3})) == [17.0]


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 10**40])
@pytest.mark.parametrize("before", [False, True], ids=["at first", "after another row"])
def test_score_whole_number_beyond_bigint_is_an_overflow(value: int, before: bool) -> None:
    scorer = eo.Scorer(models.affine())
    if before:
        scorer.score({"a": 1, "b": 2, "c": 3})
    with refused(eo.Overflow, "'b'", str(value), "bigint") as info:
        scorer.score({"a": 1, "b": value, "c": 3})
    assert (info.value.row, info.value.column, info.value.value, info.value.sql_number) == (0, "b", str(value), 8115)


def test_score_plain_values_at_the_limits_of_bigint() -> None:
    scorer = eo.Scorer(models.identity("int64"))
    for value in (2**63 - 1, -(2**63), 0):
        assert scorer.score({"x": value})["y"].tolist() == [value]


@pytest.mark.parametrize("missing", [None, pandas.NA], ids=repr)
@pytest.mark.parametrize("coercion", ["tsql", "strict"])
def test_score_plain_value_none_is_null(missing: Any, coercion: str) -> None:
    scorer = eo.Scorer(models.affine(), nulls="propagate", coercion=coercion)
    one = np.float32(1)
    for a in (one, missing, one, missing):
        scores = scorer.score({"a": a, "b": one, "c": one})
        assert total(scores) == [None if a is missing else 7.0]
    with refused(eo.NullError, "'a'", "row 0"):
        eo.Scorer(models.affine()).score({"a": missing, "b": 1.0, "c": 1.0})


def test_score_plain_values_fit_strict_where_types_are_equal() -> None:
    scorer = eo.Scorer(models.identities("int64", "float64", "bool"), coercion="strict")
    row = dict(zip([port.name for port in scorer.inputs], (7, 0.5, True), strict=True))
    for _ in range(2):
        assert [values.tolist() for values in scorer.score(row).values()] == [[7], [0.5], [True]]
    with refused(eo.CoercionError):
        eo.Scorer(models.affine(), coercion="strict").score({"a": 1.0, "b": 1.0, "c": 1.0})


def test_score_text_beside_plain_values_is_left_alone_unless_an_input_wants_it() -> None:
    scorer = eo.Scorer(models.affine())
    for key in ("x17", "another"):
        assert total(scorer.score({"id": key, "a": 1.0, "b": 2.0, "c": 3.0, "day": datetime.date(2024, 1, 1)})) == [17.0]
    with refused(eo.CoercionError, "'a'", "str"):
        scorer.score({"a": "1", "b": 2.0, "c": 3.0})


@pytest.mark.parametrize("before", [False, True], ids=["at first", "after a row"])
def test_score_plain_values_beside_arrays_are_named(before: bool) -> None:
    scorer = eo.Scorer(models.affine())
    if before:
        scorer.score({"a": 1.0, "b": 2.0, "c": 3.0})
    with refused(eo.InvalidArgument, "'b'", "single value", "one row"):
        scorer.score({"a": np.float64([1.0]), "b": 2.0, "c": np.float64([1.0])})
    with refused(eo.InvalidArgument, "'a'", "single value"):
        scorer.score({"a": 1.0, "b": np.float64([1.0]), "c": np.float64([1.0])})


def test_score_plain_values_missing_an_input_names_it() -> None:
    with refused(eo.NotFound, "'c'"):
        eo.Scorer(models.affine()).score({"a": 1.0, "b": 2.0})


def test_predict_plain_values_returns_plain_values() -> None:
    scorer = eo.Scorer(models.affine(), nulls="propagate")
    row = {"a": 1.5, "b": 2, "c": True}
    answer = scorer.predict(row)
    assert answer == {**row, "total": 9.5}
    assert type(answer["total"]) is float
    assert scorer.predict(row, keep=False, with_={"total": "int"}) == {"total": 9}
    assert scorer.predict(row, with_={"total": "decimal(5,2)"})["total"] == decimal.Decimal("9.50")
    assert scorer.predict({**row, "a": None}) == {**row, "a": None, "total": None}
    with refused(eo.InvalidArgument, "'total'"):
        scorer.predict({**row, "total": 1.0})


def test_stream_of_plain_rows_yields_plain_rows() -> None:
    rows = [{"a": float(i), "b": 0.0, "c": 0.0} for i in range(3)]
    assert [row["total"] for row in eo.Scorer(models.affine()).stream(rows)] == [0.0, 1.0, 2.0]
    rows[2]["a"] = None  # type: ignore[assignment]
    with refused(eo.NullError, "row 2"):
        list(eo.Scorer(models.affine()).stream(rows))
