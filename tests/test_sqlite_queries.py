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
