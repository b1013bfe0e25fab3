"""What the queries of the SQLite extension may read: tables that are written meanwhile, themselves, columns of every declared type."""

from __future__ import annotations

from typing import Any

import apsw
import pytest

import models
from sqlite_support import db, load, rows

__all__ = ["db"]

IDENTITY = models.identity("float32")
N_ROWS = 1500


@pytest.fixture
def t(db: Any) -> Any:
    """The connection, with a table t of some batches of rows and the model m."""
    load(db, "m", IDENTITY)
    db.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, x REAL, note TEXT)")
    db.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT ?) INSERT INTO t SELECT i, i / 2.0, 'n' || i FROM n",
        (N_ROWS,),
    )
    return db


# ----------------------------------------------------------------------------------------------------- what is written while it is read


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM t",
        "SELECT * FROM t;",
        "SELECT * FROM t -- all",
        "SELECT * FROM t ORDER BY id",
        "SELECT * FROM t LIMIT -1",
        "WITH u AS (SELECT * FROM t) SELECT * FROM u",
        "SELECT key AS id, value AS x FROM edgeonnx_score('m', 'SELECT * FROM t')",
    ],
)
def test_insert_into_the_table_that_is_scored_reads_the_rows_it_had(t: Any, query: str) -> None:
    t.execute("INSERT INTO t(x) SELECT value + 10000 FROM edgeonnx_score('m', ?)", (query,))
    assert rows(t, "SELECT count(*), max(x) FROM t") == [(2 * N_ROWS, 10000 + N_ROWS / 2)]
    assert rows(t, "SELECT count(*) FROM t old JOIN t new ON new.id = old.id + ? AND new.x = old.x + 10000", N_ROWS) == [(N_ROWS,)]


def test_insert_from_a_virtual_table_over_the_table_reads_the_rows_it_had(t: Any) -> None:
    t.execute("CREATE VIRTUAL TABLE temp.v USING edgeonnx('m', 'SELECT * FROM t')")
    t.execute("INSERT INTO t(x, note) SELECT y, note FROM v")
    assert rows(t, "SELECT count(*), count(DISTINCT note) FROM t") == [(2 * N_ROWS, N_ROWS)]


def test_update_and_delete_by_scores_read_the_rows_they_had(t: Any) -> None:
    t.execute("UPDATE t SET x = -s.value FROM edgeonnx_score('m', 'SELECT * FROM t') s WHERE s.key = t.id")
    assert rows(t, "SELECT count(*), min(x), max(x) FROM t") == [(N_ROWS, -N_ROWS / 2, -0.5)]
    t.execute("DELETE FROM t WHERE id IN (SELECT key FROM edgeonnx_score('m', 'SELECT * FROM t') WHERE value < -100)")
    assert rows(t, "SELECT count(*) FROM t") == [(200,)]


def test_table_made_of_scores_has_those_of_another_of_its_name(t: Any) -> None:
    t.execute("CREATE TEMP TABLE t AS SELECT key AS id, value + 10000 AS x FROM edgeonnx_score('m', 'SELECT * FROM main.t')")
    assert rows(t, "SELECT count(*), max(x) FROM temp.t") == [(N_ROWS, 10000 + N_ROWS / 2)]
    t.execute("CREATE TABLE IF NOT EXISTS main.t AS SELECT value FROM edgeonnx_score('m', 'SELECT * FROM t')")
    assert rows(t, "SELECT count(*) FROM main.t") == [(N_ROWS,)]


def test_trigger_that_scores_the_table_it_stands_at_ends(t: Any) -> None:
    t.execute(
        """CREATE TEMP TRIGGER twice AFTER INSERT ON main.t WHEN new.note = 'twice' BEGIN
             INSERT INTO t(x) SELECT value FROM edgeonnx_score('m', 'SELECT * FROM t'); END"""
    )
    t.execute("INSERT INTO t VALUES(NULL, 1, 'twice')")
    assert rows(t, "SELECT count(*) FROM t") == [(2 * (N_ROWS + 1),)]


def test_query_that_stands_in_no_other_is_refused_where_a_statement_writes(t: Any) -> None:
    assert rows(t, "SELECT count(*) FROM edgeonnx_score('m', 'PRAGMA index_info(t)')") == [(0,)]
    with pytest.raises(apsw.SQLError, match=r"where a statement writes, its query must .*SELECT \* FROM pragma_table_info"):
        t.execute("INSERT INTO t(x) SELECT value FROM edgeonnx_score('m', 'PRAGMA index_info(t)')")
    with pytest.raises(apsw.SQLError, match="where a statement writes, its query must"):
        t.execute("INSERT INTO t(x) SELECT value FROM edgeonnx_score('m', 'SELECT * FROM t /* all')")
    assert rows(t, "SELECT count(*) FROM t") == [(N_ROWS,)]


# --------------------------------------------------------------------------------------------------------------------- reads itself


@pytest.mark.parametrize(
    "schema",
    [
        """CREATE VIRTUAL TABLE temp.v USING edgeonnx('m', 'SELECT id, x FROM r');
           DROP TABLE r; CREATE TEMP VIEW r AS SELECT id, x FROM v""",
        """CREATE VIRTUAL TABLE temp.w USING edgeonnx('m', 'SELECT id, x FROM r');
           CREATE VIRTUAL TABLE temp.v USING edgeonnx('m', 'SELECT id, x FROM w');
           DROP TABLE r; CREATE TEMP VIEW r AS SELECT id, x FROM v""",
        "CREATE TEMP VIEW v AS SELECT key AS id, value AS x FROM edgeonnx_score('m', 'SELECT * FROM v')",
        """CREATE VIRTUAL TABLE temp.w USING edgeonnx('m', 'SELECT id, x FROM r');
           CREATE TEMP VIEW v AS SELECT key AS id, value AS x FROM edgeonnx_score('m', 'SELECT * FROM w');
           DROP TABLE r; CREATE TEMP VIEW r AS SELECT id, x FROM v""",
    ],
    ids=["table", "two tables", "function", "table and function"],
)
@pytest.mark.parametrize("statement", ["SELECT * FROM v", "CREATE TABLE kept AS SELECT * FROM v"])
def test_scores_of_a_query_that_reads_them_are_refused(db: Any, schema: str, statement: str) -> None:
    load(db, "m", IDENTITY)
    db.execute(f"CREATE TEMP TABLE r(id, x); {schema}")
    for _ in range(2):
        with pytest.raises(apsw.SQLError, match=r"^INVALID_ARGUMENT: scores are read by queries for scores, 8 deep; a query may not read"):
            rows(db, statement)
    assert rows(db, "SELECT value FROM edgeonnx_score('m', 'SELECT 4 AS x')") == [(4.0,)]


def test_scores_of_scores_go_some_levels_deep(db: Any) -> None:
    load(db, "m", IDENTITY)
    query = "SELECT 4 AS x"
    for _ in range(8):
        query = "SELECT value AS x FROM edgeonnx_score('m', '{}')".format(query.replace("'", "''"))
    assert rows(db, query) == [(4.0,)]


def test_mistake_of_an_inner_score_keeps_its_status(t: Any) -> None:
    with pytest.raises(apsw.SQLError, match=r"^NULL_VALUE: "):
        rows(t, "SELECT * FROM edgeonnx_score('m', 'SELECT value AS x FROM edgeonnx_score(''m'', ''SELECT NULL AS x'')')")


# ----------------------------------------------------------------------------------------------------------- which columns are numbers

PAIR = models.identity("float32", ("N", 2))


@pytest.mark.parametrize("order", ["id", "id DESC"])
def test_text_in_a_column_of_numbers_is_refused_whatever_row_it_stands_in(db: Any, order: str) -> None:
    load(db, "pair", PAIR)
    db.execute("CREATE TABLE csv(id int, a real, b real)")
    db.execute("INSERT INTO csv VALUES(1, '', 10), (2, 5, 20), (3, 6, 30)")
    row = 0 if order == "id" else 2
    with pytest.raises(
        apsw.SQLError, match=rf"^TYPE_MISMATCH: model 'pair': row {row}, column 'a': .* the text ''; make it a NULL .* leave the column out"
    ):
        rows(db, f"SELECT * FROM edgeonnx_score('pair', 'SELECT * FROM csv ORDER BY {order}')")


@pytest.mark.parametrize("declared", ["TEXT", "varchar(20)", "clob", "BLOB"])
@pytest.mark.parametrize("note", ["NULL", "'a note'", "iif(i > 1000, 'late', NULL)"])
def test_column_declared_as_text_is_left_out_whatever_it_holds(db: Any, declared: str, note: str) -> None:
    load(db, "pair", PAIR)
    db.execute(f"CREATE TABLE notes(id int, note {declared}, a real, b double precision)")
    db.execute(
        f"WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n LIMIT 1500) INSERT INTO notes SELECT i, {note}, i, 2 FROM n"
    )
    assert rows(db, "SELECT value FROM edgeonnx_score('pair', 'SELECT * FROM notes')") == [(f"[{i}.0,2.0]",) for i in range(1500)]


@pytest.mark.parametrize("declared", ["real", "INTEGER", "decimal(10, 2)", "bool"])
def test_column_declared_as_number_is_fed_though_all_its_values_are_null(db: Any, declared: str) -> None:
    load(db, "pair", PAIR, "nulls=7")
    db.execute(f"CREATE TABLE n(id, a {declared}, b real)")
    db.execute("INSERT INTO n VALUES(1, NULL, 2)")
    assert rows(db, "SELECT value FROM edgeonnx_score('pair', 'SELECT * FROM n')") == [("[7.0,2.0]",)]


@pytest.mark.parametrize("column", ["x", "x ANY"])
def test_first_value_decides_for_a_column_without_a_type_and_others_are_refused(db: Any, column: str) -> None:
    load(db, "pair", PAIR, "nulls=7")
    db.execute(f"CREATE TABLE loose(id, {column}, a, b)")
    db.execute("INSERT INTO loose VALUES(1, NULL, 5, 6), (2, 'text', 7, 8)")
    query = "SELECT value FROM edgeonnx_score('pair', 'SELECT * FROM loose ORDER BY id')"
    assert rows(db, query) == [("[5.0,6.0]",), ("[7.0,8.0]",)]
    db.execute("INSERT INTO loose VALUES(3, 4.5, 9, 9)")
    with pytest.raises(
        apsw.SQLError, match=r"row 2, column 'x': its first value was no number, so the column feeds nothing, and now comes 4\.5"
    ):
        rows(db, query)
    with pytest.raises(apsw.SQLError, match="row 1, column 'x': expected a number, the value is the text 'text'"):
        rows(db, query.replace("id')", "id DESC')"))


def test_column_that_fed_scores_that_were_given_takes_no_text(db: Any) -> None:
    """A model of any width: the text would take the column out, and its neighbours would feed other features."""
    load(db, "any", models.identity("float32", ("N", None)), "nulls=7")
    numbers = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n LIMIT 500)"
    query = f"{numbers} SELECT i, iif(i < 400, NULL, ''text'') AS late, 1, 2 FROM n"
    with pytest.raises(apsw.SQLError, match="row 400, column 'late': expected a number, the value is the text 'text'"):
        rows(db, f"SELECT value FROM edgeonnx_score('any', '{query}')")


def test_columns_left_out_are_named_where_too_few_are_left(db: Any) -> None:
    load(db, "pair", PAIR)
    db.execute("CREATE TABLE imported(id TEXT, a TEXT, b TEXT)")
    db.execute("INSERT INTO imported VALUES('1', '2', '3')")
    with pytest.raises(apsw.SQLError, match=r"Not numbers, so left out: 'a', 'b'; CAST AS REAL makes texts numbers\."):
        rows(db, "SELECT * FROM edgeonnx_score('pair', 'SELECT * FROM imported')")
    cast = "SELECT id, CAST(a AS REAL), CAST(b AS REAL) FROM imported"
    assert rows(db, f"SELECT key, value FROM edgeonnx_score('pair', '{cast}')") == [("1", "[2.0,3.0]")]


# ------------------------------------------------------------------------------------------------------------------------ parameters


@pytest.mark.parametrize("order", ["", " ORDER BY id"], ids=["gathered", "in order"])
def test_query_takes_parameters(t: Any, order: str) -> None:
    sql = f"SELECT key FROM edgeonnx_score('m', 'SELECT * FROM t WHERE note IN (?, ?) OR x > ?{order}', ?, ?, ?)"
    assert rows(t, sql, "n3", "n7", 749) == [(3,), (7,), (1499,), (1500,)]
    named = f"SELECT key FROM edgeonnx_score('m', 'SELECT * FROM t WHERE id BETWEEN :from AND :to AND id <> :from{order}', 3, 5)"
    assert rows(t, named) == [(4,), (5,)]
    t.execute(f"INSERT INTO t(x) SELECT value FROM edgeonnx_score('m', 'SELECT * FROM t WHERE note = ?{order}', 'n3')")
    assert rows(t, "SELECT count(*), sum(x) FROM t WHERE note IS NULL") == [(1, 1.5)]


def test_parameters_may_come_from_a_row(t: Any) -> None:
    sql = "SELECT c.column1, s.value FROM (VALUES('n2'), ('n9')) c, edgeonnx_score('m', 'SELECT * FROM t WHERE note = ?', c.column1) s"
    assert rows(t, sql) == [("n2", 1.0), ("n9", 4.5)]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("'SELECT * FROM t WHERE id = ?'", "the query has 1 parameters, and 0 values come for them"),
        ("'SELECT * FROM t WHERE id = ?', 1, 2", "the query has 1 parameters, and 2 values come for them"),
        ("'SELECT * FROM t', 1", "the query has 0 parameters, and 1 values come for them"),
        ("'SELECT 1', 1, 2, 3, 4, 5, 6, 7, 8, 9", "too many arguments"),
        ("'SELECT 1 AS x') WHERE p2 = 4 AND ('1'", "edgeonnx_score takes a model, a query and the values of its parameters"),
    ],
)
def test_wrong_number_of_parameters_is_told(t: Any, call: str, message: str) -> None:
    with pytest.raises(apsw.SQLError, match=message):
        rows(t, f"SELECT * FROM edgeonnx_score('m', {call})")
    with pytest.raises(apsw.SQLError, match="1 parameters, and 0 values"):
        t.execute("CREATE VIRTUAL TABLE temp.v USING edgeonnx('m', 'SELECT * FROM t WHERE id = ?')")


# ----------------------------------------------------------------------------------------------------------------------------- joins


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(s.value) FROM t LEFT JOIN s ON s.key = t.id",
        "SELECT count((SELECT value FROM s WHERE s.key = t.id)) FROM t",
        "SELECT count(*) FROM s a JOIN s b ON a.key = b.key",
    ],
)
def test_scores_made_a_table_first_are_made_once(t: Any, sql: str) -> None:
    """The README's way to join with scores."""
    scores = "SELECT CAST(key AS INTEGER) AS key, value FROM edgeonnx_score('m', 'SELECT * FROM t')"
    assert rows(t, f"WITH s AS MATERIALIZED ({scores}) {sql}") == [(N_ROWS,)]
    assert rows(t, "SELECT n_uses FROM edgeonnx_models WHERE name = 'm'") == [(1,)]


@pytest.mark.parametrize("analyzed", [False, True])
@pytest.mark.parametrize("where", ["t.city = 'c1'", "t.city IN ('c1', 'c2') AND t.x > 2", "t.id BETWEEN 7 AND 900", "t.x > 2"])
def test_inner_join_scores_once_whatever_narrows_the_other_table(t: Any, where: str, analyzed: bool) -> None:
    """An index of which SQLite guesses that it leaves ten rows is no reason to score ten times."""
    t.execute("ALTER TABLE t ADD COLUMN city TEXT; UPDATE t SET city = 'c' || (id % 3); CREATE INDEX by_city ON t(city)")
    if analyzed:
        t.execute("ANALYZE")
    joined = rows(
        t, f"SELECT t.id, s.value FROM t JOIN edgeonnx_score('m', 'SELECT id, x FROM t') s ON s.key = t.id WHERE {where} ORDER BY 1"
    )
    assert joined == rows(t, f"SELECT id, x FROM t WHERE {where} ORDER BY 1")
    assert rows(t, "SELECT n_uses FROM edgeonnx_models WHERE name = 'm'") == [(1,)]
