# ruff: noqa: E501 - a query stands on a line
"""PREDICT queries as SQL Edge, Managed Instance and Synapse document them, beside Scorer.predict on the same rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pandas as pd
import pytest

import edgeonnx as eo
import edgeonnx.sql
import models
import trained_linear
from edgeonnx import _tutorial
from sql_database import FEATURES, IDS, MODEL, TARGET, connect, tutorial

ANSWERS = eo.Scorer(MODEL).predict(FEATURES)[_tutorial.OUTPUT].to_numpy()  # real, in the order of id
COLUMNS = ", ".join(FEATURES.columns)


@pytest.fixture(scope="module")
def con() -> Iterator[edgeonnx.sql.Connection]:
    with tutorial() as connection:
        yield connection


def expected(condition: Callable[[pd.DataFrame], Any] | None = None) -> list[tuple[int, float]]:
    table = FEATURES.assign(id=IDS, y=ANSWERS.astype(float))
    if condition is not None:
        table = table[condition(table)]
    return list(zip(table["id"].tolist(), table["y"].tolist(), strict=True))


EVERY = expected()
DECLARED = "DECLARE @model VARBINARY(MAX) = (SELECT data FROM models WHERE id = 1);\n"
PREDICTED = "PREDICT(MODEL = @model, DATA = features AS d, RUNTIME = ONNX) WITH (variable1 FLOAT) AS p"
SUBQUERY = "(SELECT data FROM models WHERE id = 1)"

#: each gives (id, answer), whatever the order: text -> the rows
QUERIES: dict[str, tuple[str, list[tuple[int, float]]]] = {
    "edge: the tutorial": (
        """DECLARE @model VARBINARY(max) = (
            SELECT DATA
            FROM dbo.models
            WHERE id = 1
            );
        WITH predict_input
        AS (
            SELECT TOP (1000) [id]
                , age, sex, bmi, bp, s1, s2, s3, s4, s5, s6
            FROM [dbo].[features]
            )
        SELECT predict_input.id
            , p.variable1 AS MEDV
        FROM PREDICT(MODEL = @model, DATA = predict_input, RUNTIME=ONNX) WITH (variable1 FLOAT) AS p""",
        EVERY,
    ),
    "edge: cast in the cte": (
        DECLARED + "WITH predict_input AS (SELECT id, " + ", ".join(f"CAST({c} AS real) AS {c}" for c in FEATURES) + " FROM features)\n"
        "SELECT predict_input.id, p.variable1 FROM PREDICT(MODEL = @model, DATA = predict_input) WITH (variable1 numeric(25,17)) AS p",
        EVERY,
    ),
    "edge: azure data studio's form": (
        "DECLARE @model VARBINARY(max) = (SELECT data FROM models WHERE id = 1)\n"
        f";WITH predict_input AS (SELECT TOP (1000) id, {COLUMNS} FROM [features])\n"
        "SELECT predict_input.id, p.variable1 FROM PREDICT(MODEL = @model, DATA = predict_input, runtime=onnx) WITH (variable1 real) AS p",
        EVERY,
    ),
    "instance: data with an alias": (
        f"{DECLARED} SELECT d.id, p.variable1 FROM PREDICT(MODEL = @model, DATA = dbo.features AS d) WITH (variable1 float) AS p;",
        EVERY,
    ),
    "instance: all of data, and the score": (f"{DECLARED} SELECT id, variable1 FROM (SELECT d.*, p.variable1 FROM {PREDICTED}) x", EVERY),
    "instance: stored parameter": (f"SELECT d.id, p.variable1 FROM {PREDICTED}", EVERY),
    "synapse: model by subquery": (
        f"SELECT d.id, p.variable1 FROM PREDICT(MODEL = {SUBQUERY}, DATA = dbo.features AS d, RUNTIME = ONNX) WITH (variable1 float) AS p",
        EVERY,
    ),
    "synapse: view": (
        f"CREATE VIEW dbo.scored AS SELECT d.*, p.variable1 FROM PREDICT(MODEL = {SUBQUERY}, DATA = dbo.features AS d, RUNTIME = ONNX) "
        "WITH (variable1 real) AS p\nGO\nSELECT id, variable1 FROM scored",
        EVERY,
    ),
    "synapse: select into": (
        f"SELECT d.id, p.variable1 INTO scored_once FROM PREDICT(MODEL = {SUBQUERY}, DATA = features AS d, RUNTIME = ONNX) "
        "WITH (variable1 real) AS p; SELECT * FROM scored_once",
        EVERY,
    ),
    "no alias behind WITH": (
        f"{DECLARED} SELECT id, variable1 FROM PREDICT(MODEL = @model, DATA = features, RUNTIME = ONNX) WITH (variable1 FLOAT)", EVERY
    ),
    "alias without AS": (
        f"{DECLARED} SELECT d.id, q.variable1 FROM PREDICT(MODEL = @model, DATA = features d, RUNTIME = ONNX) WITH (variable1 FLOAT) q", EVERY
    ),
    "arguments in another order, any case": (
        f"{DECLARED} select d.ID, P.VARIABLE1 from predict(runtime = Onnx, data = FEATURES as D, model = @MODEL) with (VARIABLE1 float) as p",
        EVERY,
    ),
    "names in brackets": (
        f"{DECLARED} SELECT [d].[id], [p].[variable1] FROM PREDICT(MODEL = @model, DATA = [dbo].[features] AS [d]) WITH ([variable1] [float]) AS [p]",
        EVERY,
    ),
    "comments": (
        f"{DECLARED} -- the models' table\nSELECT d.id, /* the score */ p.variable1 FROM {PREDICTED} -- done",
        EVERY,
    ),
    "star": (f"{DECLARED} SELECT id, variable1 FROM (SELECT * FROM {PREDICTED}) AS x", EVERY),
    "outputs' star": (f"{DECLARED} SELECT d.id, p.* FROM {PREDICTED}", EVERY),
    "unqualified": (f"{DECLARED} SELECT id, variable1 FROM {PREDICTED}", EVERY),
    "temporary table": (
        f"{DECLARED} SELECT * INTO #part FROM features WHERE age > 50;\n"
        "SELECT d.id, p.variable1 FROM PREDICT(MODEL = @model, DATA = #part AS d, RUNTIME = ONNX) WITH (variable1 FLOAT) AS p; ",
        expected(lambda t: t.age > 50),
    ),
    "derived table": (
        f"{DECLARED} SELECT d.id, p.variable1 FROM PREDICT(MODEL = @model, DATA = (SELECT * FROM features WHERE sex = 1) AS d, RUNTIME = ONNX) "
        "WITH (variable1 FLOAT) AS p",
        expected(lambda t: t.sex == 1),
    ),
    "derived table without alias": (
        f"{DECLARED} SELECT id, variable1 FROM PREDICT(MODEL = @model, DATA = (SELECT * FROM features WHERE sex = 1)) WITH (variable1 FLOAT)",
        expected(lambda t: t.sex == 1),
    ),
    "filter on an input": (f"{DECLARED} SELECT d.id, p.variable1 FROM {PREDICTED} WHERE d.bmi >= 30", expected(lambda t: t.bmi >= 30)),
    "filter on the output": (f"{DECLARED} SELECT d.id, p.variable1 FROM {PREDICTED} WHERE p.variable1 > 200", expected(lambda t: t.y > 200)),
    "filters on both": (
        f"{DECLARED} SELECT d.id, p.variable1 FROM {PREDICTED} WHERE p.variable1 > 200 AND d.age < 40 OR d.id = 5",
        expected(lambda t: (t.y > 200) & (t.age < 40) | (t.id == 5)),
    ),
    "inner join": (
        f"{DECLARED} SELECT d.id, p.variable1 FROM {PREDICTED} INNER JOIN target ON target.id = d.id WHERE target.progress > 300",
        expected(lambda t: TARGET.to_numpy() > 300),
    ),
    "left join onto PREDICT": (
        f"{DECLARED} SELECT target.id, p.variable1 FROM target LEFT JOIN {PREDICTED} ON target.id = d.id WHERE target.id <= 9",
        expected(lambda t: t.id <= 9),
    ),
    "join of two PREDICTs": (
        f"{DECLARED} SELECT d.id, q.variable1 FROM {PREDICTED} JOIN PREDICT(MODEL = @model, DATA = features AS e) WITH (variable1 real) AS q "
        "ON e.id = d.id WHERE p.variable1 = q.variable1",
        EVERY,
    ),
    "two PREDICTs in a union": (
        f"{DECLARED} SELECT d.id, p.variable1 FROM {PREDICTED} WHERE d.id <= 3 UNION ALL SELECT d.id, p.variable1 FROM {PREDICTED} WHERE d.id = 7",
        expected(lambda t: (t.id <= 3) | (t.id == 7)),
    ),
    "in a cte": (
        f"{DECLARED} WITH scored AS (SELECT d.id, p.variable1 AS y FROM {PREDICTED}), top5 AS (SELECT * FROM scored WHERE id <= 5) SELECT * FROM top5",
        expected(lambda t: t.id <= 5),
    ),
    "over a cte of a PREDICT": (
        f"{DECLARED} WITH first AS (SELECT d.*, p.variable1 AS before FROM {PREDICTED}) SELECT first.id, q.variable1 FROM "
        "PREDICT(MODEL = @model, DATA = first) WITH (variable1 FLOAT) AS q WHERE first.before = q.variable1",
        EVERY,
    ),
    "nested": (
        f"{DECLARED} SELECT x.id, q.variable1 FROM PREDICT(MODEL = @model, DATA = (SELECT d.* FROM {PREDICTED} WHERE p.variable1 > 150) AS x) "
        "WITH (variable1 FLOAT) AS q",
        expected(lambda t: t.y > 150),
    ),
    "over a view": (
        f"CREATE VIEW young AS SELECT * FROM features WHERE age < 30\nGO\n{DECLARED} SELECT d.id, p.variable1 FROM "
        "PREDICT(MODEL = @model, DATA = young AS d) WITH (variable1 FLOAT) AS p",
        expected(lambda t: t.age < 30),
    ),
    "over a table function": (
        f"{DECLARED} SELECT d.id, p.variable1 FROM PREDICT(MODEL = @model, DATA = query('FROM features') AS d) WITH (variable1 FLOAT) AS p",
        EVERY,
    ),
    "in a subquery of WHERE": (
        f"{DECLARED} SELECT f.id, (SELECT p.variable1 FROM {PREDICTED} WHERE d.id = f.id) AS y FROM features f "
        f"WHERE f.id IN (SELECT d.id FROM {PREDICTED} WHERE p.variable1 > 250)",
        expected(lambda t: t.y > 250),
    ),
    "exists, correlated": (
        f"{DECLARED} SELECT d.id, p.variable1 FROM {PREDICTED} WHERE EXISTS (SELECT 1 FROM target WHERE target.id = d.id AND p.variable1 > progress + 100)",
        expected(lambda t: t.y > TARGET.to_numpy() + 100),
    ),
    "grouped": (
        f"{DECLARED} SELECT d.id, MAX(p.variable1) FROM {PREDICTED} GROUP BY d.id HAVING MAX(p.variable1) > 200", expected(lambda t: t.y > 200)
    ),
    "ordered": (f"{DECLARED} SELECT TOP (3) d.id, p.variable1 FROM {PREDICTED} ORDER BY p.variable1 DESC", sorted(EVERY, key=lambda r: -r[1])[:3]),
    "offset": (
        f"{DECLARED} SELECT d.id, p.variable1 FROM {PREDICTED} ORDER BY d.id OFFSET 10 ROWS FETCH NEXT 5 ROWS ONLY", EVERY[10:15]
    ),
    "insert select": (
        f"{DECLARED} CREATE TABLE kept (id int, y real); INSERT INTO kept SELECT d.id, p.variable1 FROM {PREDICTED}; SELECT * FROM kept", EVERY
    ),
    "insert into an identity table": (
        f"{DECLARED} CREATE TABLE numbered (n int IDENTITY(5, 5), id int, y float); INSERT INTO numbered (id, y) "
        f"SELECT d.id, p.variable1 FROM {PREDICTED}; SELECT id, y FROM numbered WHERE n % 5 = 0",
        EVERY,
    ),
    "update from": (
        f"{DECLARED} CREATE TABLE told (id int, y float); INSERT INTO told SELECT id, 0 FROM features; UPDATE told SET y = p.variable1 "
        f"FROM {PREDICTED} WHERE told.id = d.id; SELECT * FROM told",
        EVERY,
    ),
    "delete where": (
        f"{DECLARED} CREATE TABLE thinned (id int, y float); INSERT INTO thinned SELECT d.id, p.variable1 FROM {PREDICTED}; DELETE FROM thinned "
        f"WHERE id IN (SELECT d.id FROM {PREDICTED} WHERE p.variable1 < 200); SELECT * FROM thinned",
        expected(lambda t: t.y >= 200),
    ),
    "model in a variable set later": (
        f"DECLARE @m varbinary(max), @least float = 200.0\nSET @m = {SUBQUERY}\nSELECT d.id, p.variable1 FROM "
        "PREDICT(MODEL = @m, DATA = features AS d, RUNTIME = ONNX) WITH (variable1 float NOT NULL) AS p WHERE p.variable1 > @least",
        expected(lambda t: t.y > 200),
    ),
    "model assigned by a select": (
        "DECLARE @m varbinary(max)\nSELECT @m = data FROM models WHERE description = 'diabetes'\n"
        "SELECT d.id, p.variable1 FROM PREDICT(MODEL = @m, DATA = features AS d) WITH (variable1 float NULL) AS p",
        EVERY,
    ),
    "model from a cte": (
        "WITH m AS (SELECT data FROM models WHERE id = 1) SELECT d.id, p.variable1 FROM "
        "PREDICT(MODEL = (SELECT data FROM m), DATA = features AS d) WITH (variable1 float) AS p",
        EVERY,
    ),
    "model as a literal": (
        f"SELECT d.id, p.variable1 FROM PREDICT(MODEL = 0x{MODEL.hex()}, DATA = features AS d) WITH (variable1 float) AS p", EVERY
    ),
    "model by an expression": (
        f"SELECT d.id, p.variable1 FROM PREDICT(MODEL = COALESCE(NULL, {SUBQUERY}), DATA = features AS d) WITH (variable1 float) AS p", EVERY
    ),
    "if nothing is left": (f"{DECLARED} SELECT d.id, p.variable1 FROM {PREDICTED} WHERE 1 = 0", []),
}  # fmt: skip


@pytest.mark.parametrize("name", list(QUERIES))
def test_query_gives_the_answers_of_the_scorer(con: edgeonnx.sql.Connection, name: str) -> None:
    script, rows = QUERIES[name]
    parameters = {"model": MODEL} if name == "instance: stored parameter" else {}
    found = [(identity, float(answer)) for identity, answer in con.execute(script, parameters).fetchall()]
    assert sorted(found) == sorted(rows)


@pytest.mark.parametrize(
    ("declared", "convert"),
    [
        ("float", float),
        ("real", float),
        ("int", int),
        ("bigint", int),
        ("smallint NOT NULL", int),
        ("bit", lambda y: y != 0),
        ("numeric(25,17)", lambda y: Decimal(float(y)).quantize(Decimal(1).scaleb(-17), ROUND_HALF_UP)),
        ("decimal(9,2)", lambda y: Decimal(float(y)).quantize(Decimal("0.01"), ROUND_HALF_UP)),
        ("decimal", lambda y: Decimal(float(y)).quantize(Decimal(1), ROUND_HALF_UP)),
        ("money", lambda y: Decimal(float(y)).quantize(Decimal("0.0001"), ROUND_HALF_UP)),
    ],
)
def test_with_list_converts_outputs(con: edgeonnx.sql.Connection, declared: str, convert: Callable[[float], Any]) -> None:
    rows = con.execute(
        f"SELECT p.variable1 FROM PREDICT(MODEL = @m, DATA = features AS d) WITH (variable1 {declared}) AS p ORDER BY d.id", {"m": MODEL}
    ).fetchall()
    assert [row[0] for row in rows] == [convert(y) for y in ANSWERS]


def test_classifier_with_a_column_for_each_class(con: edgeonnx.sql.Connection) -> None:
    case = trained_linear.LINEAR["logistic-3-zipmap"]()
    x = case.feed(300)["X"]
    con.register("iris", pd.DataFrame(x, columns=[f"f{i}" for i in range(x.shape[1])]))
    rows = con.execute(
        "SELECT p.output_label, p.output_probability_0, p.output_probability_2 FROM PREDICT(MODEL = (SELECT data FROM models WHERE id = 2), "
        "DATA = iris, RUNTIME = ONNX) WITH (output_probability_2 float, output_label bigint, output_probability_0 real) AS p"
    ).fetchall()
    scores = eo.Scorer(case.model).score(x)
    expected = zip(scores["output_label"], scores["output_probability_0"], scores["output_probability_2"], strict=True)
    assert rows == [(int(label), float(a), float(b)) for label, a, b in expected]


def test_values_of_a_wide_output_are_columns(con: edgeonnx.sql.Connection) -> None:
    con.execute("CREATE TABLE wide (x1 real, x2 real, x3 real); INSERT INTO wide VALUES (1, 2, 3), (4, 5, 6)")
    rows = con.execute(
        "SELECT p.y_2, p.y_0 FROM PREDICT(MODEL = @m, DATA = wide) WITH (y_0 int, y_2 int) AS p",
        {"m": models.identity("float32", ("N", 3))},
    ).fetchall()
    assert rows == [(3, 1), (6, 4)]


def test_output_named_like_a_column_is_told_apart(con: edgeonnx.sql.Connection) -> None:
    con.execute("CREATE TABLE clash (x real, y varchar(5)); INSERT INTO clash VALUES (1.5, 'one')")
    model = {"m": models.identity("float32")}
    source = "FROM PREDICT(MODEL = @m, DATA = clash AS d) WITH (y float) AS p"
    assert con.execute(f"SELECT d.y, p.y, p.y * 2 {source}", model).fetchall() == [("one", 1.5, 3.0)]
    assert [each[0] for each in con.execute(f"SELECT p.y, d.y {source}", model).description or []] == ["y", "y"]
    assert con.execute(f"SELECT d.*, p.* {source}", model).fetchall() == [(1.5, "one", 1.5)]
    with pytest.raises(eo.InvalidArgument, match=r"column 'y' is both in DATA and in the WITH list: write d\.y or p\.y") as caught:
        con.execute(f"SELECT y {source}", model)
    assert caught.value.sql_number == 209


def test_four_types_are_read_as_they_are(con: edgeonnx.sql.Connection) -> None:
    feed = models.four_types_feed(500)
    con.register("four", pd.DataFrame({name: values.ravel() for name, values in feed.items()}))
    rows = con.execute(
        "SELECT p.variable1 FROM PREDICT(MODEL = @m, DATA = four) WITH (variable1 real) AS p", {"m": models.four_types()}
    ).fetchall()
    expected = eo.Scorer(models.four_types()).score(pd.DataFrame({name: values.ravel() for name, values in feed.items()}))["variable1"]
    assert [row[0] for row in rows] == expected.tolist()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"nulls": "nan"}, [(1, 2.5), (2, float("nan"))]),
        ({"nulls": "propagate"}, [(1, 2.5), (2, None)]),
        ({"nulls": 7}, [(1, 2.5), (2, 7.0)]),
    ],
)
def test_nulls_follow_the_option(options: dict[str, Any], expected: list[tuple[int, float | None]]) -> None:
    with connect(**options) as con:
        con.execute("CREATE TABLE t (id int, x real); INSERT INTO t VALUES (1, 2.5), (2, NULL)")
        rows = con.execute(
            "SELECT d.id, p.y FROM PREDICT(MODEL = @m, DATA = t AS d) WITH (y float) AS p ORDER BY d.id", {"m": models.identity("float32")}
        ).fetchall()
    assert str(rows) == str(expected)


def test_strict_refuses_other_types_and_writes_the_cast() -> None:
    with connect(coercion="strict") as con:
        con.execute("CREATE TABLE t (x float, z real); INSERT INTO t VALUES (2.5, 2.5)")
        query = "SELECT p.y FROM PREDICT(MODEL = @m, DATA = {}) WITH (y float) AS p"
        with pytest.raises(eo.CoercionError, match=r"input 'x': expected real, column 'x' is DOUBLE.*CAST\(x AS real\)") as caught:
            con.execute(query.format("t"), {"m": models.identity("float32")})
        assert caught.value.sql_number == 39049
        assert con.execute(query.format("(SELECT CAST(x AS real) AS x FROM t) AS d"), {"m": models.identity("float32")}).fetchall() == [
            (2.5,)
        ]


def test_overflow_becomes_null_on_request() -> None:
    with connect(on_overflow="null") as con:
        con.execute("CREATE TABLE t (x real); INSERT INTO t VALUES (2.5), (300)")
        query = "SELECT p.y FROM PREDICT(MODEL = @m, DATA = t) WITH (y tinyint) AS p"
        assert con.execute(query, {"m": models.identity("float32")}).fetchall() == [(2,), (None,)]
