# ruff: noqa: E501 - a statement stands on a line
"""T-SQL around PREDICT: variables, identity columns, temporary tables, numbers, batches; and the manners of Python's DB-API."""

from __future__ import annotations

import datetime
import os
import re
import signal
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

import edgeonnx as eo
import edgeonnx.sql
import models
from sql_database import connect, tutorial


@pytest.fixture
def con() -> Iterator[edgeonnx.sql.Connection]:
    with connect() as connection:
        yield connection


# ------------------------------------------------------------------------------------------------------------------------- numbers

NUMBERS: list[tuple[str, Any]] = [
    ("7 / 2", 3),
    ("-7 / 2", -3),
    ("7 / 2.0", 3.5),
    ("CAST(7 AS float) / 2", 3.5),
    ("7 % 3", 1),
    ("CAST(10.6496 AS int)", 10),
    ("CAST(-10.6496 AS int)", -10),
    ("CAST(10.6496 AS numeric)", Decimal(11)),
    ("CAST(-10.6496 AS numeric)", Decimal(-11)),
    ("CAST(2.5 AS decimal)", Decimal(3)),
    ("CAST(CAST(2.345 AS float) AS decimal(9,2))", Decimal("2.35")),
    ("CONVERT(int, 3.99)", 3),
    ("CONVERT(decimal(5,1), 2.25)", Decimal("2.3")),
    ("CAST(0.4 AS bit)", True),
    ("CAST('TRUE' AS bit)", True),
    ("CAST(16777217 AS real)", 16777216.0),
    ("CAST(16777217 AS float(24))", 16777216.0),
    ("CAST(16777217 AS float(25))", 16777217.0),
    ("CAST(1.23456 AS money)", Decimal("1.2346")),
    ("CAST(CAST(1.5 AS money) AS int)", 1),  # money is decimal here, which is cut
    ("CAST(' 12 ' AS int)", 12),
    ("CAST('' AS int)", 0),
    ("CAST('1e3' AS float)", 1000.0),
    ("CAST('12.345' AS decimal(9,2))", Decimal("12.35")),
    ("CAST(255.9 AS tinyint)", 255),
    ("TRY_CAST('x' AS int)", None),
    ("TRY_CAST(300 AS tinyint)", None),
    ("TRY_CONVERT(real, 1e39)", None),
    ("CAST(NULL AS int)", None),
    ("CAST(5 AS varchar(10)) + 'a'", "5a"),
    ("'a' + 'b' + 'c'", "abc"),
    ("1 + '2'", 3),
    ("'2.5' + 1", 3.5),
    ("'1' + '2'", "12"),
    ("ISNULL(NULL, 5)", 5),
    ("LEN('abcd')", 4),
    ("IIF(1 < 2, 'yes', 'no')", "yes"),
    ("CHARINDEX('c', 'abcd')", 3),
    ("0x0801", b"\x08\x01"),
    ("CAST('2024-02-29' AS datetime2)", datetime.datetime(2024, 2, 29)),
    ("DATEADD(day, 1, CAST('2024-02-28' AS date))", datetime.datetime(2024, 2, 29)),
]


@pytest.mark.parametrize(("expression", "expected"), NUMBERS, ids=[each[0] for each in NUMBERS])
def test_expression_has_the_value_of_tsql(con: edgeonnx.sql.Connection, expression: str, expected: Any) -> None:
    ((value,),) = con.execute(f"SELECT {expression}").fetchall()
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        value = datetime.datetime(value.year, value.month, value.day)
    assert value == expected
    assert isinstance(value, bool) == isinstance(expected, bool)


def test_columns_take_values_as_tsql_assigns_them(con: edgeonnx.sql.Connection) -> None:
    con.execute("CREATE TABLE t (i int, d decimal(5,1), b bit, f float, s varchar(5)); CREATE TABLE u (x float, i int)")
    con.execute("INSERT INTO t VALUES (2.9, 2.25, 0.5, 7, 'abc'), (-2.9, -2.25, 0, 8.5, NULL)")
    con.execute("INSERT INTO u VALUES (3.99, 1); INSERT INTO t (i, f) SELECT x, i FROM u; INSERT t (i) VALUES (?)", [9.99])
    assert con.execute("SELECT i, d, b, f, s FROM t").fetchall() == [
        (2, Decimal("2.3"), True, 7.0, "abc"),
        (-2, Decimal("-2.3"), False, 8.5, None),
        (3, None, None, 1.0, None),
        (9, None, None, None, None),
    ]
    con.execute("UPDATE t SET i = f + 0.99 WHERE f IS NOT NULL")
    assert [row[0] for row in con.execute("SELECT i FROM t WHERE f IS NOT NULL").fetchall()] == [7, 9, 1]
    with pytest.raises(eo.Overflow) as caught:
        con.execute("INSERT INTO t (i) VALUES (3e10)")
    assert caught.value.sql_number == 232


def test_types_of_tables(con: edgeonnx.sql.Connection) -> None:
    con.execute(
        "CREATE TABLE dbo.types (a bit, b tinyint, c smallint, d int, e bigint, f real, g float, h float(24), i numeric(9,2), j decimal, k money, "
        "l varchar(max), m nvarchar(50), n varbinary(max), o datetime2(7), p date, q uniqueidentifier, r smallmoney, s char(3), t datetimeoffset)"
    )
    assert [row[1] for row in con.execute("DESCRIBE types").fetchall()] == [
        "BOOLEAN", "UTINYINT", "SMALLINT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE", "FLOAT", "DECIMAL(9,2)", "DECIMAL(18,0)", "DECIMAL(19,4)",
        "VARCHAR", "VARCHAR", "BLOB", "TIMESTAMP", "DATE", "UUID", "DECIMAL(10,4)", "VARCHAR", "TIMESTAMP WITH TIME ZONE",
    ]  # fmt: skip


# ----------------------------------------------------------------------------------------------------- variables, batches, identities


def test_variables_are_declared_set_and_assigned(con: edgeonnx.sql.Connection) -> None:
    rows = con.execute(
        "DECLARE @a INT = 3.7, @b real\nDECLARE @c varchar(10) = 'x' SET @a = @a + 1\nSET @b = @a / 3\n"
        "SELECT @c = name FROM (VALUES ('first'), ('last')) AS v(name)\nSELECT @a, @b, @c, @a * 2"
    ).fetchall()
    assert rows == [(4, 1.0, "last", 8)]


def test_assignment_without_rows_keeps_the_value(con: edgeonnx.sql.Connection) -> None:
    assert con.execute("DECLARE @a int = 5; SELECT @a = x FROM (SELECT 1 AS x) t WHERE x = 2; SELECT @a").fetchall() == [(5,)]


def test_go_ends_a_batch_and_repeats_it(con: edgeonnx.sql.Connection) -> None:
    con.execute("CREATE TABLE t (x int)\nGO\nDECLARE @x int = 1\nINSERT INTO t VALUES (@x)\nGO 3\ngo\n")
    assert con.execute("SELECT COUNT(*), '\nGO\n' FROM t").fetchall() == [(3, "\nGO\n")]


def test_identity_numbers_rows(con: edgeonnx.sql.Connection) -> None:
    con.execute(
        "CREATE TABLE t (id int IDENTITY(10, 5) PRIMARY KEY, x float)\nINSERT INTO t VALUES (1.5), (2.5)\nINSERT t (x) VALUES (3.5)"
    )
    assert con.execute("SELECT * FROM t").fetchall() == [(10, 1.5), (15, 2.5), (20, 3.5)]
    assert con.execute("SELECT SCOPE_IDENTITY(), @@IDENTITY").fetchall() == [(20, 20)]
    con.execute("SET IDENTITY_INSERT dbo.t ON; INSERT INTO t (id, x) VALUES (7, 0); SET IDENTITY_INSERT t OFF")
    assert con.execute("SELECT COUNT(*) FROM t WHERE id = 7").fetchall() == [(1,)]
    con.execute("DROP TABLE t; CREATE TABLE t (id int IDENTITY NOT NULL, x float); INSERT INTO t (x) VALUES (1)")
    assert con.execute("SELECT id FROM t").fetchall() == [(1,)]


def test_identity_table_that_exists_leaves_nothing_behind(con: edgeonnx.sql.Connection) -> None:
    con.execute("CREATE TABLE t (id int)")
    with pytest.raises(duckdb.Error):
        con.execute("CREATE TABLE t (id int IDENTITY(1,1))")
    assert con.execute("SELECT COUNT(*) FROM duckdb_sequences()").fetchall() == [(0,)]


def test_temporary_tables_keep_their_names(con: edgeonnx.sql.Connection) -> None:
    con.execute("CREATE TABLE t (x int)\nCREATE TABLE #t (x int)\nINSERT #t SELECT 5\nSELECT x + 1 AS y INTO #u FROM #t")
    assert con.execute("SELECT t.x, u.y FROM #t AS t JOIN #u u ON u.y = t.x + 1").fetchall() == [(5, 6)]
    assert con.execute("SELECT * FROM t").fetchall() == []
    con.execute("DROP TABLE #t; DROP TABLE IF EXISTS #t")
    with pytest.raises(duckdb.CatalogException):
        con.execute("SELECT * FROM #t")


def test_rowcount_is_told(con: edgeonnx.sql.Connection) -> None:
    assert con.execute("CREATE TABLE t (x int); INSERT INTO t VALUES (1), (2), (3)").rowcount == 3
    assert con.execute("UPDATE t SET x = 0 WHERE x > 1; SELECT @@ROWCOUNT").fetchall() == [(2,)]
    assert con.execute("DELETE FROM t").rowcount == 3


def test_print_and_settings_that_mean_nothing(con: edgeonnx.sql.Connection, capsys: pytest.CaptureFixture[str]) -> None:
    con.execute("SET NOCOUNT ON\nSET ANSI_NULLS, QUOTED_IDENTIFIER ON\nPRINT 'hello ' + CAST(5 AS varchar)")
    assert capsys.readouterr().out == "hello 5\n"


@pytest.mark.parametrize(
    ("script", "rows"),
    [
        ("SELECT 1 SELECT 2", [(2,)]),
        ("SELECT 1;;SELECT 2;", [(2,)]),
        ("SELECT TOP 2 x FROM (VALUES (1), (2), (3)) AS v(x) ORDER BY x DESC", [(3,), (2,)]),
        ("SELECT x FROM (VALUES (1), (2)) AS v(x) ORDER BY x OFFSET 1 ROWS", [(2,)]),
        ("CREATE TABLE a (x int) INSERT INTO a SELECT 1 UNION ALL\nSELECT 2 SELECT COUNT(*) FROM a", [(2,)]),
        ("CREATE VIEW v AS\nSELECT 1 AS x\nSELECT * FROM v", [(1,)]),
        ("BEGIN TRANSACTION CREATE TABLE a (x int) ROLLBACK SELECT COUNT(*) FROM duckdb_tables()", [(0,)]),
        ("IF 1 = 2 SELECT 1 ELSE SELECT 2", [(2,)]),
        ("IF 1 = 1 SELECT 1; ELSE SELECT 2;", [(1,)]),
        ("DECLARE @x int = 3 IF @x > 2 BEGIN SET @x = CASE WHEN @x = 3 THEN 5 ELSE 6 END; SET @x = @x + 1 END SELECT @x", [(6,)]),
        ("IF OBJECT_ID('dbo.t', 'U') IS NOT NULL DROP TABLE t\nCREATE TABLE t (x int)\nSELECT COUNT(*) FROM t", [(0,)]),
        ("CREATE TABLE t (x int); IF OBJECT_ID(N'[dbo].[t]') IS NOT NULL DROP TABLE t; IF OBJECT_ID('t') IS NULL SELECT 7", [(7,)]),
        ("CREATE TABLE t (x int) IF NOT EXISTS (SELECT * FROM t WHERE x = 1) INSERT INTO t VALUES (1)\nSELECT x FROM t", [(1,)]),
        ("FROM range(3) SELECT sum(range)", [(3,)]),  # DuckDB's own dialect, here and below
        ("SELECT [1, 2][1]::VARCHAR || 'x'", [("1x",)]),
        ("SELECT list_sort([2, 1])", [([1, 2],)]),
        ("PRAGMA enable_object_cache; SELECT 5", [(5,)]),
        ("SELECT {'a': 1}.a", [(1,)]),
        ("SELECT * EXCLUDE (b) FROM (SELECT 1 AS a, 2 AS b)", [(1,)]),
        ("SET threads = 2; SELECT current_setting('threads')", [(2,)]),
    ],
)
def test_script_runs(con: edgeonnx.sql.Connection, script: str, rows: list[tuple[Any, ...]]) -> None:
    assert con.execute(script).fetchall() == rows


# --------------------------------------------------------------------------------------------------------------------------- DB-API


def test_rows_are_fetched_as_the_db_api_says(con: edgeonnx.sql.Connection) -> None:
    con.execute("SELECT range AS x, range * 2 AS y FROM range(10)")
    assert [each[0] for each in con.description or []] == ["x", "y"]
    assert con.fetchone() == (0, 0)
    assert con.fetchmany(2) == [(1, 2), (2, 4)]
    assert len(con.fetchall()) == 7
    assert con.fetchone() is None
    assert list(con.execute("SELECT 1 AS a UNION ALL SELECT 2")) == [(1,), (2,)]
    assert con.execute("CREATE TABLE t (x int)").description is None
    assert con.fetchall() == []


def test_results_are_tables(con: edgeonnx.sql.Connection) -> None:
    query = "SELECT range AS x, range / 2 AS y FROM range(4)"
    assert con.execute(query).arrow().equals(pa.table({"x": [0, 1, 2, 3], "y": [0, 0, 1, 1]}))
    assert con.execute(query).df().equals(pd.DataFrame({"x": [0, 1, 2, 3], "y": [0, 0, 1, 1]}))
    assert con.execute(query).pl().equals(pl.DataFrame({"x": [0, 1, 2, 3], "y": [0, 0, 1, 1]}))
    assert sum(batch.num_rows for batch in con.execute(query).reader()) == 4


def test_parameters_by_place_and_by_name(con: edgeonnx.sql.Connection) -> None:
    con.execute("CREATE TABLE t (x int, b varbinary(max)); INSERT INTO t VALUES (?, ?); INSERT INTO t VALUES (?, NULL)", [1, b"ab", 2])
    assert con.execute("SELECT TOP (?) x FROM t WHERE x >= ? ORDER BY x", [5, 1]).fetchall() == [(1,), (2,)]
    assert con.execute("SELECT b FROM t WHERE x = @x AND @x = @y", {"x": 1, "@y": 1}).fetchall() == [(b"ab",)]


def test_executemany_is_one_transaction(con: edgeonnx.sql.Connection) -> None:
    con.execute("CREATE TABLE t (x tinyint)")
    con.executemany("INSERT INTO t VALUES (?)", [[1], [2]])
    with pytest.raises(eo.Overflow):
        con.executemany("INSERT INTO t VALUES (?)", [[3], [300]])
    assert con.execute("SELECT * FROM t").fetchall() == [(1,), (2,)]


def test_cursors_share_the_database(con: edgeonnx.sql.Connection) -> None:
    con.execute("CREATE TABLE t (x int)")
    other = con.cursor()
    other.execute("INSERT INTO t VALUES (7)")
    assert con.execute("SELECT * FROM t").fetchall() == [(7,)]
    con.execute("BEGIN TRANSACTION; DELETE FROM t")
    assert other.execute("SELECT * FROM t").fetchall() == [(7,)]
    con.rollback()
    assert con.execute("SELECT * FROM t").fetchall() == [(7,)]


def test_file_is_closed_with_the_connection(tmp_path: Path) -> None:
    with connect(tmp_path / "a.duckdb") as con:
        con.execute("CREATE TABLE t (id int IDENTITY(1,1), x int); INSERT INTO t VALUES (5)")
    with connect(str(tmp_path / "a.duckdb")) as con:
        con.execute("INSERT INTO t VALUES (6)")
        assert con.execute("SELECT id, x FROM t").fetchall() == [(1, 5), (2, 6)]
    with pytest.raises(duckdb.Error), connect(tmp_path / "a.duckdb", read_only=True) as con:
        con.execute("INSERT INTO t VALUES (7)")


def test_tables_of_every_kind_are_scored(con: edgeonnx.sql.Connection, tmp_path: Path) -> None:
    table = pa.table({"x": pa.array([1.5, 2.5], pa.float32())})
    pa.parquet.write_table(table, tmp_path / "t.parquet")
    pa.csv.write_csv(table, tmp_path / "t.csv")
    con.register("arrow_table", table).register("frame", table.to_pandas()).register("frame2", pl.from_arrow(table))
    for source in (
        "arrow_table",
        "frame",
        "frame2",
        f"'{tmp_path}/t.parquet'",
        f"read_parquet('{tmp_path}/*.parquet')",
        f"'{tmp_path}/t.csv'",
    ):
        rows = con.execute(
            f"SELECT p.y FROM PREDICT(MODEL = @m, DATA = {source} AS d) WITH (y float) AS p", {"m": models.identity("float32")}
        ).fetchall()
        assert rows == [(1.5,), (2.5,)], source


def test_tutorial_database_has_its_models() -> None:
    with tutorial() as con:
        assert con.execute("SELECT id, description FROM models").fetchall() == [(1, "diabetes"), (2, "logit")]


@pytest.mark.parametrize("fetch", ["fetchall", "fetchone", "arrow", "df"])
def test_ctrl_c_ends_a_query(con: edgeonnx.sql.Connection, fetch: str) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # which who runs the tests may have set aside
    query = "SELECT COUNT(*) FROM range(100000) a, range(100000) b, range(1000) c WHERE hash(a.range + b.range + c.range) = 5"
    timer = threading.Timer(1, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            getattr(con.execute(query), fetch)()
    finally:
        signal.signal(signal.SIGINT, before)
    assert con.execute("SELECT 1 AS a").fetchall() == [(1,)]


# ------------------------------------------------------------------------------------------------------------ targets, names, effects


@pytest.mark.parametrize(
    ("statement", "rows"),
    [
        ("UPDATE sc SET y = t.b FROM sc JOIN t ON t.id = sc.id", [(1, 2.0), (2, 4.0), (3, 6.0)]),
        ("UPDATE s SET s.y = t.b + s.y FROM sc AS s INNER JOIN t ON t.id = s.id WHERE s.id = 2", [(1, 0.0), (2, 4.0), (3, 0.0)]),
        ("UPDATE s SET y = 7 FROM sc s LEFT JOIN t ON t.id = s.id + 1 WHERE t.id IS NULL", [(1, 0.0), (2, 0.0), (3, 7.0)]),
        ("UPDATE sc SET y = t.b FROM t WHERE t.id = sc.id AND t.id > 1", [(1, 0.0), (2, 4.0), (3, 6.0)]),
        ("UPDATE sc SET y = p.total FROM sc JOIN PREDICT(MODEL = @m, DATA = t AS d) WITH (total FLOAT) AS p ON d.id = sc.id", [(1, 5.0), (2, 11.0), (3, 17.0)]),
        ("DELETE FROM sc WHERE id = 2", [(1, 0.0), (3, 0.0)]),
        ("DELETE s FROM sc s JOIN t ON t.id = s.id WHERE t.a > 1", [(1, 0.0)]),
        ("WITH x AS (SELECT id, b FROM t) INSERT INTO sc (id, y) SELECT id + 10, b FROM x WHERE b > 5", [(1, 0.0), (2, 0.0), (3, 0.0), (13, 6.0)]),
    ],
)  # fmt: skip
def test_statement_changes_the_rows_that_tsql_would(con: edgeonnx.sql.Connection, statement: str, rows: list[tuple[int, float]]) -> None:
    con.execute("CREATE TABLE t (id int, a real, b real); INSERT INTO t VALUES (1, 1, 2), (2, 3, 4), (3, 5, 6)")
    con.execute("CREATE TABLE sc (id int, y float); INSERT INTO sc SELECT id, 0 FROM t")
    con.execute(statement, {"m": models.affine(("a", "b"))} if "@m" in statement else {})
    assert con.execute("SELECT * FROM sc ORDER BY id").fetchall() == rows


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("SELECT t.id, (SELECT COUNT(*) FROM PREDICT(MODEL=@m, DATA=t) WITH (total FLOAT) AS q WHERE q.total < p.total) FROM PREDICT(MODEL=@m, DATA=t) WITH (total FLOAT) AS p", [(1, 0), (2, 1)]),
        ("SELECT d.id FROM PREDICT(MODEL=@m, DATA=t AS d) WITH (total FLOAT) AS p WHERE EXISTS (SELECT 1 FROM s AS d WHERE d.total = p.total)", [(2,)]),
        ("WITH r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT d.id, p.total FROM PREDICT(MODEL=@m, DATA=(SELECT n AS id, n AS a, 1 AS b FROM r) AS d) WITH (total FLOAT) AS p", [(1, 3.0), (2, 4.0), (3, 5.0)]),
        ("SELECT dbo.t.id FROM dbo.t", [(1,), (2,)]),
        ("SELECT t.id, x.c FROM t CROSS APPLY (SELECT t.a + 1 AS c) x", [(1, 2.0), (2, 4.0)]),
        ("SELECT COUNT(*) AS Count FROM t", [(2,)]),
        ("SELECT 'x' AS Count", [("x",)]),
        ("SELECT id INTO both_ids FROM t UNION ALL SELECT id FROM t SELECT COUNT(*) FROM both_ids", [(4,)]),
        ("DECLARE @_1 int = 5, @a_1 int = 1, @a#1 int = 2 SELECT @_1, @a_1, @a#1", [(5, 1, 2)]),
        ("IF 1 = 1 SET threads = 3; SELECT current_setting('threads')", [(3,)]),
        ("SELECT CONVERT(varbinary(max), '0x0AFF', 1), CONVERT(varbinary(max), '0aff', 2)", [(b"\n\xff", b"\n\xff")]),
        ("SELECT CONVERT(varchar(10), CAST('2024-02-29' AS date), 103), CONVERT(date, '29/02/2024', 103)", [("29/02/2024", datetime.date(2024, 2, 29))]),
        ("USE onnx SELECT 1", [(1,)]),
        ("CREATE TABLE k (id int IDENTITY(1,1) PRIMARY KEY CLUSTERED, c varchar(5) COLLATE Latin1_General_CI_AS NULL) INSERT k (c) VALUES ('a') SELECT id FROM k", [(1,)]),
    ],
)  # fmt: skip
def test_names_and_words_mean_what_they_mean_in_tsql(con: edgeonnx.sql.Connection, query: str, rows: list[Any]) -> None:
    con.execute(
        "CREATE TABLE t (id int, a real, b real); INSERT INTO t VALUES (1, 1, 2), (2, 3, 4); CREATE TABLE s (total float); INSERT INTO s VALUES (11)"
    )
    assert sorted(con.execute(query, {"m": models.affine(("a", "b"))} if "@m" in query else {}).fetchall()) == rows


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("EXEC sp_rename 't', 'u'", "EXEC is not supported here"),
        ("WHILE 1 = 0 DELETE FROM t", "WHILE is not supported here"),
        ("SELECT x FROM t FOR JSON AUTO", "FOR XML or JSON is not supported here"),
        ("UPDATE t SET x += 1", "+= and its like are to be written out"),
        ("SELECT x, @@ROWCOUNT FROM t", "@@ROWCOUNT is known after a statement that changed rows"),
        ("SELECT CONVERT(varbinary(8), x, 7) FROM t", "with style 7 is not supported here"),
    ],
)
def test_what_is_not_supported_is_refused_and_does_nothing(con: edgeonnx.sql.Connection, statement: str, words: str) -> None:
    con.execute("CREATE TABLE t (x int); INSERT INTO t VALUES (1)")
    con.execute("SELECT x FROM t").fetchall()
    with pytest.raises(eo.Unsupported, match=re.escape(words)):
        con.execute(statement).fetchall()
    assert con.execute("SELECT x FROM t").fetchall() == [(1,)]


def test_explain_changes_nothing(con: edgeonnx.sql.Connection) -> None:
    con.execute("CREATE TABLE t (x int)")
    assert "INSERT" in str(con.execute("EXPLAIN INSERT INTO t VALUES (1)").fetchall()).upper()
    con.execute("INSERT INTO t VALUES (1); EXPLAIN DELETE FROM t; EXPLAIN UPDATE t SET x = 2").fetchall()
    assert con.execute("SELECT x FROM t").fetchall() == [(1,)]


def test_query_is_computed_once_whatever_fetches_it(con: edgeonnx.sql.Connection) -> None:
    con.execute("CREATE SEQUENCE s")
    assert con.execute("SELECT nextval('s') AS n").arrow().to_pydict() == {"n": [1]}
    assert con.execute("SELECT nextval('s') AS n").fetchall() == [(2,)]
    assert con.execute("SELECT nextval('s') AS n; SELECT nextval('s') AS n").fetchone() == (4,)  # the first is computed too
    con.execute("SELECT range AS n FROM range(3000)").fetchone()
    with pytest.raises(eo.InvalidState, match="rows were fetched already, which a table would lack"):
        con.arrow()
    assert len(con.fetchall()) == 2999
    assert con.fetchall() == []
    with pytest.raises(eo.InvalidState, match="there are no rows"):
        con.execute("CREATE TABLE t (x int)").df()


def test_executemany_joins_the_transaction_that_is_open(con: edgeonnx.sql.Connection) -> None:
    con.execute("CREATE TABLE t (x int); BEGIN TRANSACTION; INSERT INTO t VALUES (1)")
    con.executemany("INSERT INTO t VALUES (?)", [[2], [3]])
    con.rollback()
    con.rollback()
    con.commit()
    assert con.execute("SELECT * FROM t").fetchall() == []


def test_text_in_columns_of_numbers_is_read_as_tsql_does(con: edgeonnx.sql.Connection) -> None:
    con.execute("CREATE TABLE t (i int DEFAULT 7, b bit, f float)")
    con.execute(
        "INSERT INTO t VALUES (' 5 ', 'true', '1e2'), (DEFAULT, 0, 2.7); INSERT INTO t (i) VALUES (DEFAULT), (2.9); INSERT INTO t (i) SELECT ''"
    )
    assert con.execute("SELECT * FROM t").fetchall() == [
        (5, True, 100.0),
        (7, False, 2.7),
        (7, None, None),
        (2, None, None),
        (0, None, None),
    ]
    with pytest.raises(eo.CoercionError, match=r"converting the value '2\.9' to data type int"):
        con.execute("INSERT INTO t (i) VALUES ('2.9')")
    with pytest.raises(eo.InvalidArgument, match=r"INSERT has 2 values a row for 3 columns: i, b, f \(error 213\)"):
        con.execute("INSERT INTO t VALUES (1, 2)")
    for text in ("nan", "-nan", "+inf", "0x10"):
        assert con.execute("SELECT TRY_CAST(? AS float), TRY_CAST(? AS int)", text, text).fetchall() == [(None, None)]
    with pytest.raises(eo.CoercionError, match="é"):
        con.execute("SELECT CAST(? AS int)", "x" + "é" * 40).fetchall()


def test_identities_belong_to_their_tables(con: edgeonnx.sql.Connection) -> None:
    con.execute("CREATE SCHEMA s2; CREATE TABLE s2.o (id int, x int); CREATE TABLE o (k int IDENTITY(1000, 1), x int)")
    con.execute("INSERT INTO s2.o (id, x) VALUES (1, 2); INSERT INTO s2.o VALUES (3, 4); INSERT INTO o VALUES (9)")
    assert con.execute("SELECT SCOPE_IDENTITY()").fetchall() == [(1000,)]
    con.execute("CREATE TABLE d (k int IDENTITY(-1, -1), x int); INSERT INTO d SELECT x FROM o WHERE 1 = 0; INSERT INTO d VALUES (1), (2)")
    assert con.execute("SELECT k FROM d").fetchall() == [(-1,), (-2,)]
    con.execute(
        "CREATE TABLE [my it] (k int IDENTITY(1,1), x int); SET IDENTITY_INSERT [my it] ON; INSERT INTO [my it] (k, x) VALUES (5, 5)"
    )
    con.execute("CREATE TABLE #i (k int IDENTITY(1,1), x int); INSERT #i VALUES (1); DROP TABLE #i; DROP TABLE s2.o; DROP TABLE o")
    assert con.execute("SELECT sequence_name FROM duckdb_sequences() ORDER BY ALL").fetchall() == [("d k identity",), ("my it k identity",)]


def test_errors_are_those_of_the_extension_alone(con: edgeonnx.sql.Connection) -> None:
    with pytest.raises(duckdb.Error):
        con.execute("SELECT CAST('foo: NOT_FOUND: bar' AS date)").fetchall()
    with pytest.raises(duckdb.CatalogException):
        con.execute("SELECT * FROM [a: NOT_FOUND: b]")


def test_long_script_without_semicolons_takes_time_that_grows_with_it(con: edgeonnx.sql.Connection) -> None:
    con.execute("CREATE TABLE t (x int)\n" + "\n".join(f"INSERT INTO t VALUES ({i})" for i in range(400)))
    assert con.execute("SELECT COUNT(*) FROM t").fetchall() == [(400,)]
