"""One suite for every way into edgeonnx: the same models and rows, the same answers, the same refusals.

What a face does otherwise is among its quirks; a test that meets one checks what is done instead, and skips nothing in silence.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

import models
import trained_linear
import trained_trees
from face_duckdb import DuckDB
from face_postgres import Postgres
from face_sqlite import SQLite
from faces import Column, Face, FaceError, Python, Table

FACES: dict[str, type[Face]] = {"python": Python, "duckdb": DuckDB, "postgres": Postgres, "sqlite": SQLite}


@pytest.fixture(scope="module", params=FACES)
def face(request: pytest.FixtureRequest) -> Iterator[Face]:
    made = FACES[request.param]()
    yield made
    made.close()


def refusal(call: Any) -> str:
    with pytest.raises(FaceError) as caught:
        call()
    return caught.value.code


def features(x: Any, sql_type: str = "real") -> Table:
    return {f"f{i}": Column(sql_type, [v.item() for v in x[:, i]]) for i in range(x.shape[1])}


def assert_near(ours: list[Any], theirs: Any) -> None:
    theirs = np.asarray(theirs)
    assert len(ours) == len(theirs)
    if theirs.dtype.kind in "iub":
        assert ours == theirs.tolist()
    else:
        np.testing.assert_allclose(np.asarray(ours, np.float64), theirs, rtol=1e-5, atol=1e-6)


TRAINED = {
    "logit": lambda: trained_linear.LINEAR["logistic-3-zipmap"](),
    "mlp": lambda: trained_linear.NETWORKS["mlp-regressor"](),
    "forest": lambda: trained_trees.BARE["forest-2"](),
}


@pytest.mark.parametrize("name", TRAINED)
@pytest.mark.parametrize("n_rows", [1, 3, 5000])
def test_trained_model_by_name_gives_all_outputs(face: Face, name: str, n_rows: int) -> None:
    case = TRAINED[name]()
    feed = case.feed(n_rows)
    face.load(name, case.model)
    answers = face.by_name(name, features(feed["X"]))
    expected = models.run(case.model, feed, zipmaps=case.zipmaps)
    assert list(answers) == list(expected)
    for output, values in expected.items():
        assert_near(answers[output], values)
    face.drop(name)


def test_columns_by_name_may_stand_in_any_order(face: Face) -> None:
    face.load("affine", models.affine(("a", "b", "c")))
    table = {
        "C": Column("real", [3.0, 30.0]),
        "a": Column("real", [1.0, 10.0]),
        "other": Column("int", [0, 0]),
        "B": Column("real", [2.0, 20.0]),
    }
    feed = {name: np.array([[v], [10 * v]], np.float32) for name, v in (("a", 1), ("b", 2), ("c", 3))}
    (expected,) = models.run(models.affine(("a", "b", "c")), feed).values()
    (found,) = face.by_name("affine", table).values()
    assert_near(found, expected)
    assert_near(face.by_position("affine", {"x": table["a"], "y": table["B"], "z": table["C"]}), expected)


NUMBERS = {
    "bit": [True, False, True],
    "tinyint": [0, 7, 255],
    "smallint": [-32768, 0, 5],
    "int": [-(2**31), 0, 2**31 - 1],
    "bigint": [-(2**53), 0, 2**40],
    "real": [1.5, -0.25, 3e38],
    "float": [0.1, -2.5, 1e30],
    "decimal(9,2)": [Decimal("12.34"), Decimal("-0.01"), Decimal("1234567.89")],
}


@pytest.mark.parametrize("sql_type", NUMBERS)
def test_column_of_any_number_feeds_a_real_input(face: Face, sql_type: str) -> None:
    face.load("identity", models.identity("float32"))
    values = NUMBERS[sql_type]
    expected = np.array([float(v) for v in values]).astype(np.float32)
    assert_near(face.by_position("identity", {"x": Column(sql_type, values)}), expected)


@pytest.mark.parametrize("sql_type", ["tinyint", "smallint", "int", "bigint", "float"])
def test_whole_input_cuts_towards_zero(face: Face, sql_type: str) -> None:
    face.load("whole", models.identity("int64"))
    values: list[Any] = [2.9, 0.0, 77.5] if sql_type == "float" else [2, 0, 77]
    assert face.by_position("whole", {"x": Column(sql_type, values)}) == [2, 0, 77]


def test_null_is_an_error_unless_it_is_given_a_meaning(face: Face) -> None:
    table = {"x": Column("real", [1.0, None, 3.0])}
    for settings, expected in (("nulls=propagate", [1.0, None, 3.0]), ("nulls=-2", [1.0, -2.0, 3.0])):
        face.load("nulls", models.identity("float32"), settings)
        assert face.by_position("nulls", table) == expected
    face.load("nulls", models.identity("float32"), "nulls=nan")
    answers = face.by_position("nulls", table)
    assert answers[1] is None if "NaN is NULL" in face.quirks else np.isnan(answers[1])
    face.load("nulls", models.identity("float32"))
    assert refusal(lambda: face.by_position("nulls", table)) == "NULL_VALUE"


def test_value_that_does_not_fit_is_an_error_or_null(face: Face) -> None:
    table = {"x": Column("float", [1.0, 3e10, 3.0])}
    face.load("narrow", models.identity("int32"))
    assert refusal(lambda: face.by_position("narrow", table)) == "OVERFLOW"
    face.load("narrow", models.identity("int32"), "on_overflow=null, nulls=propagate")
    assert face.by_position("narrow", table) == [1, None, 3]


def test_column_that_is_missing_or_of_text_is_named(face: Face) -> None:
    face.load("affine", models.affine(("a", "b", "c")))
    one = Column("real", [1.0])
    assert refusal(lambda: face.by_name("affine", {"a": one, "b": one})) == "NOT_FOUND"
    assert refusal(lambda: face.by_name("affine", {"a": one, "b": one, "c": Column("text", ["x"])})) == "TYPE_MISMATCH"


def test_model_that_is_unknown_dropped_or_none_is_refused(face: Face) -> None:
    one = {"x": Column("real", [1.0])}
    assert refusal(lambda: face.by_position("nobody", one)) == "NOT_FOUND"
    assert refusal(lambda: face.load("bad", b"this is no model")) == "INVALID_MODEL"
    face.load("gone", models.identity("float32"))
    face.drop("gone")
    assert refusal(lambda: face.by_position("gone", one)) == "NOT_FOUND"


def test_model_is_replaced_under_its_name(face: Face) -> None:
    table = {"a": Column("real", [1.0, 2.0]), "b": Column("real", [1.0, 2.0]), "c": Column("real", [0.0, 0.0])}
    face.load("changing", models.affine(("a", "b", "c")))
    first = face.by_position("changing", table)
    face.load("changing", models.identity("float32"))
    assert face.by_position("changing", {"x": Column("real", [1.0, 2.0])}) == [1.0, 2.0] != first


def test_no_rows_give_no_answers(face: Face) -> None:
    face.load("identity", models.identity("float32"))
    assert face.by_position("identity", {"x": Column("real", [])}) == []


def test_two_hundred_features_are_no_limit(face: Face) -> None:
    names = tuple(f"feature_{i}" for i in range(200))
    face.load("wide", models.summed(names))
    rng = np.random.default_rng(5)
    feed = {name: rng.normal(size=(17, 1)).astype(np.float32) for name in names}
    table = {name: Column("real", [float(v) for v in values.ravel()]) for name, values in feed.items()}
    (expected,) = models.run(models.summed(names), feed).values()
    (found,) = face.by_name("wide", table).values()
    assert_near(found, expected)
    assert_near(face.by_position("wide", table), expected)


def test_rows_of_several_models_keep_their_order(face: Face) -> None:
    face.load("same", models.identity("float32"))
    face.load("negated", models.negated())
    values = [float(i) for i in range(3000)]
    which = [(None, "same", "negated")[i % 3] for i in range(3000)]
    table = {"x": Column("real", values)}
    if "one model a call" in face.quirks:
        with pytest.raises(NotImplementedError):
            face.by_row(which, table)
        return
    expected = [None if name is None else value if name == "same" else -value for name, value in zip(which, values, strict=True)]
    assert face.by_row(which, table) == expected
