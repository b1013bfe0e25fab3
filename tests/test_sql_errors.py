# ruff: noqa: E501 - a statement stands on a line
"""Bad statements: each with the number of SQL Server's, and a text that names the culprit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

import edgeonnx as eo
import edgeonnx.sql
import models
from sql_database import MODEL, connect, tutorial


@pytest.fixture(scope="module")
def con() -> Iterator[edgeonnx.sql.Connection]:
    with tutorial() as connection:
        connection.execute(
            "CREATE TABLE texts (id int, age varchar(9), d date, x real); INSERT INTO texts VALUES (1, '59', '2024-02-29', 1.5)"
        )
        connection.execute("CREATE TABLE nulls (x real); INSERT INTO nulls VALUES (1), (NULL)")
        connection.execute("CREATE TABLE large (x float); INSERT INTO large VALUES (1), (1e300)")
        yield connection


P = "SELECT * FROM PREDICT"
W = "WITH (variable1 FLOAT) AS p"
M = "MODEL = (SELECT data FROM models WHERE id = 1)"
SAME = models.identity("float32")
PARTS = {
    "same": SAME,
    "future": models.future_opset(),
    "cut": MODEL[:200],
    "words": b"none",
    "empty": b"",
    "text": models.string_input(),
    "whole": models.identity("int32"),
}

#: statement, number, class, words of its message
BAD: list[tuple[str, int, type[eo.Error], str]] = [
    # the grammar of PREDICT
    (f"{P}(MODEL, DATA = features) {W}", 39032, eo.InvalidArgument, "PREDICT takes its arguments as name = value, MODEL = @m for instance; 'MODEL' is none"),
    (f"{P}(@same, features) {W}", 39032, eo.InvalidArgument, "takes its arguments as name = value"),
    (f"{P}({M} DATA = features) {W}", 39032, eo.InvalidArgument, "'DATA' is unexpected"),
    (f"{P}({M}, MODEL = @same, DATA = features) {W}", 39033, eo.InvalidArgument, "given MODEL twice"),
    (f"{P}({M}, DATA = features, DATA = texts) {W}", 39033, eo.InvalidArgument, "given DATA twice"),
    (f"{P}({M}, DATA = features, SPEED = 3) {W}", 39035, eo.InvalidArgument, "no argument 'SPEED'; it has MODEL, DATA and RUNTIME"),
    (f"{P}({M}, DATA = features, PARAMETERS = 'x') {W}", 39035, eo.InvalidArgument, "no argument 'PARAMETERS'"),
    (f"{P}(DATA = features) {W}", 39036, eo.InvalidArgument, "needs MODEL"),
    (f"{P}({M}) {W}", 39036, eo.InvalidArgument, "needs DATA"),
    (f"{P}(RUNTIME = ONNX) {W}", 39036, eo.InvalidArgument, "needs MODEL and DATA"),
    (f"{P}({M}, DATA = features, RUNTIME = CAFFE) {W}", 39054, eo.InvalidArgument, "RUNTIME is ONNX; 'CAFFE' is not known"),
    (f"{P}({M}, DATA = features, RUNTIME = 'tensorflow') {W}", 39054, eo.InvalidArgument, "'tensorflow' is not known"),
    (f"{P}({M}, DATA = features, RUNTIME = 5) {W}", 39053, eo.InvalidArgument, "RUNTIME is a word"),
    (f"{P}({M}, DATA = features)", 39031, eo.InvalidArgument, "needs a list of its output columns behind it"),
    (f"{P}({M}, DATA = features) WITH ()", 39031, eo.InvalidArgument, "can't be read at ')'"),
    (f"{P}({M}, DATA = features) WITH (variable1)", 39031, eo.InvalidArgument, "can't be read at ')'"),
    (f"{P}({M}, DATA = features) WITH (variable1 float variable2 real) AS p", 39031, eo.InvalidArgument, "can't be read at 'variable2'"),
    (f"{P}({M}, DATA = features) WITH (variable1 float, Variable1 real) AS p", 39031, eo.InvalidArgument, "has 'variable1' more than once"),
    (f"{P}({M}, DATA = features) WITH (variable1 date) AS p", 39031, eo.InvalidArgument, "column 'variable1' of the WITH list: 'date' is not a SQL type that a value can have"),
    (f"{P}({M}, DATA = features) WITH (variable1 numeric(50,3)) AS p", 39031, eo.InvalidArgument, "column 'variable1' of the WITH list"),
    # MODEL
    (f"{P}(MODEL = @nowhere, DATA = features) {W}", 137, eo.NotFound, 'the variable "@nowhere" is not declared'),
    (f"{P}(MODEL = 5, DATA = features) {W}", 39037, eo.InvalidArgument, "MODEL must be a varbinary(max) with the model's bytes; it is 5"),
    (f"{P}(MODEL = 'tutorial.onnx', DATA = features) {W}", 39037, eo.InvalidArgument, "it is 'tutorial.onnx'"),
    (f"{P}(MODEL = (SELECT id FROM models WHERE id = 1), DATA = features) {W}", 39037, eo.InvalidArgument, "it is of another type"),
    (f"{P}(MODEL = (SELECT data FROM models WHERE id = 99), DATA = features) {W}", 39051, eo.ModelError, "the model is NULL; the query that was to find it found no row"),
    (f"{P}(MODEL = NULL, DATA = features) {W}", 39051, eo.ModelError, "the model is NULL"),
    (f"DECLARE @m varbinary(max); {P}(MODEL = @m, DATA = features) {W}", 39051, eo.ModelError, "the model is NULL"),
    (f"{P}(MODEL = @empty, DATA = features) {W}", 39051, eo.ModelError, "empty"),
    (f"{P}(MODEL = @words, DATA = features) {W}", 39051, eo.ModelError, "not an ONNX model"),
    (f"{P}(MODEL = @cut, DATA = features) {W}", 39051, eo.ModelError, "the model"),
    (f"{P}(MODEL = @future, DATA = features) {W}", 39051, eo.ModelError, "9999"),
    # the WITH list beside the model
    (f"{P}({M}, DATA = features) WITH (variable2 FLOAT) AS p", 39096, eo.NotFound, "the model returns no 'variable2'. It returns: variable1 real"),
    (f"{P}({M}, DATA = features) WITH (variable1 FLOAT, a FLOAT, b INT) AS p", 39096, eo.NotFound, "the model returns no 'a'; the model returns no 'b'"),
    (f"{P}(MODEL = (SELECT data FROM models WHERE id = 2), DATA = features) WITH (score FLOAT) AS p", 39096, eo.NotFound, "It returns: output_label bigint, output_probability_0 real, output_probability_1 real"),
    # DATA beside the model
    (f"{P}({M}, DATA = (SELECT id, age, sex FROM features) AS d) {W}", 207, eo.NotFound, "input 'bmi' real: there is no column of that name"),
    (f"{P}({M}, DATA = (SELECT *, 'a' AS s7 FROM (SELECT id, 'x' AS age, sex, bmi, bp, s1, s2, s3, s4, s5, s6 FROM features) f) AS d) {W}", 39097, eo.CoercionError, "input 'age': expected real, column 'age' is VARCHAR"),
    (f"{P}(MODEL = @same, DATA = (SELECT d AS x FROM texts) AS d) WITH (y float) AS p", 39097, eo.CoercionError, "column 'x' is DATE"),
    (f"{P}(MODEL = @same, DATA = nulls) WITH (y float) AS p", 0, eo.NullError, "column 'x'"),
    (f"{P}(MODEL = @same, DATA = large) WITH (y float) AS p", 232, eo.Overflow, "Arithmetic overflow error for type real, value = 1e+300"),
    (f"{P}(MODEL = @same, DATA = (SELECT 300 AS x) AS d) WITH (y tinyint) AS p", 232, eo.Overflow, "Arithmetic overflow error for type tinyint, value = 300.000000"),
    (f"{P}(MODEL = @whole, DATA = (SELECT 3000000000 AS x) AS d) WITH (y int) AS p", 8115, eo.Overflow, "Arithmetic overflow error converting expression to data type int"),
    (f"{P}(MODEL = @whole, DATA = (SELECT 70000 AS x) AS d) WITH (y smallint) AS p", 220, eo.Overflow, "Arithmetic overflow error for data type smallint, value = 70000"),
    # conversions and variables beside PREDICT
    ("SELECT CAST(300 AS tinyint)", 220, eo.Overflow, "data type tinyint, value = 300"),
    ("SELECT CAST(3e10 AS int)", 232, eo.Overflow, "type int, value = 30000000000.000000"),
    ("SELECT CAST(1e39 AS real)", 232, eo.Overflow, "type real"),
    ("SELECT CAST(CAST(1e30 AS float) AS bigint)", 8115, eo.Overflow, "data type bigint"),
    ("SELECT CAST(1000 AS decimal(3,1))", 8115, eo.Overflow, "numeric"),
    ("SELECT CONVERT(int, '1.5')", 0, eo.CoercionError, "converting the value '1.5' to data type int"),
    ("SET @a = 5", 137, eo.NotFound, 'the variable "@a" is not declared'),
    ("SELECT @a", 137, eo.NotFound, '"@a"'),
    ("DECLARE @a int = 5\nGO\nSELECT @a", 137, eo.NotFound, '"@a"'),
    ("DECLARE @a int; SELECT @a = 1, 2", 141, eo.InvalidArgument, "can't return columns too"),
    ("INSERT INTO models (id, data) VALUES (7, NULL)", 544, eo.InvalidArgument, "column 'id' of 'models' numbers its rows by itself"),
    ("DECLARE @t TABLE (x int)", 0, eo.Unsupported, "CREATE TABLE #t makes a temporary table"),
    ("SELECT @@SPID", 0, eo.Unsupported, "@@SPID is not known here"),
    (f"CREATE VIEW v AS {P}(MODEL = @same, DATA = nulls) WITH (y float) AS p", 0, eo.InvalidArgument, 'a view can\'t refer to the variable "@same"'),
    (f"SELECT FROM WHERE {P}({M}, DATA = features) {W}", 102, eo.InvalidArgument, "syntax error"),
    ("SELECT 'abc", 105, eo.InvalidArgument, "the script can't be read"),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "number", "kind", "words"), BAD, ids=[f"{i}-{case[1]}" for i, case in enumerate(BAD)])
def test_bad_statement_has_its_number_and_names_the_culprit(
    con: edgeonnx.sql.Connection, statement: str, number: int, kind: type[eo.Error], words: str
) -> None:
    parameters = {name: value for name, value in PARTS.items() if f"@{name}" in statement}
    with pytest.raises(kind) as caught:
        con.execute(statement, parameters).fetchall()
    assert words in str(caught.value)
    assert (caught.value.sql_number or 0) == number
    assert "edgeonnx_load" not in str(caught.value)  # nothing that is not T-SQL
    assert "rows are counted" not in str(caught.value)


def test_connection_goes_on_after_an_error(con: edgeonnx.sql.Connection) -> None:
    with pytest.raises(eo.Overflow):
        con.execute("SELECT CAST(300 AS tinyint)").fetchall()
    assert con.execute("SELECT COUNT(*) FROM features").fetchall() == [(442,)]


@pytest.mark.parametrize("statement", ["SELECT * FROM nosuch", "SELECT nosuch FROM features", "SELEC 1", "SELECT 1/0"])
def test_what_duckdb_finds_wrong_is_its_own_error(con: edgeonnx.sql.Connection, statement: str) -> None:
    with pytest.raises(duckdb.Error):
        con.execute(statement).fetchall()


@pytest.mark.parametrize(
    ("options", "words"),
    [({"coercion": "loose"}, "coercion='loose'"), ({"nulls": "maybe"}, "nulls='maybe'"), ({"nulls": True}, "nulls=True"), ({"on_overflow": "wrap"}, "on_overflow='wrap'")],
)  # fmt: skip
def test_bad_option_is_named(options: dict[str, Any], words: str) -> None:
    with pytest.raises(eo.InvalidArgument, match=words):
        connect(**options)


@pytest.mark.parametrize(
    ("parameters", "words"), [([], "1 question marks, and 0 parameters"), ([1, 2], "1 question marks, and 2 parameters")]
)
def test_number_of_parameters_is_checked(con: edgeonnx.sql.Connection, parameters: list[int], words: str) -> None:
    with pytest.raises(eo.InvalidArgument, match=words):
        con.execute("SELECT ?", parameters)
