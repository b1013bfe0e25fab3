"""PREDICT as a plan inside DuckDB: what is pushed through it, what is read, how often a row is scored, how much memory it takes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

import edgeonnx.sql
import models
from sql_database import connect
from support import run_python

MODEL = models.affine(("a", "b"))
SCORED = "PREDICT(MODEL = @m, DATA = t AS d, RUNTIME = ONNX) WITH (total FLOAT) AS p"
N = 100_000


@pytest.fixture(scope="module")
def con() -> Iterator[edgeonnx.sql.Connection]:
    with connect() as connection:
        connection.execute(
            f"CREATE TABLE t AS SELECT range AS id, (range % 97)::FLOAT AS a, 1::FLOAT AS b, 'x' || range AS words FROM range({N})"
        )
        yield connection


def plan(con: edgeonnx.sql.Connection, query: str) -> str:
    rows = con.execute(f"EXPLAIN {query}", {"m": MODEL}).fetchall()
    return "\n".join(str(row[-1]) for row in rows)


def scan(plan: str) -> str:
    """The lines of the table scan, which is the lowest operator."""
    return plan[plan.index("Seq Scan") :]


def test_plan_scores_in_a_projection_over_the_scan(con: edgeonnx.sql.Connection) -> None:
    text = plan(con, f"SELECT d.id, p.total FROM {SCORED}")
    assert "Join" not in text
    assert text.count("Projection") >= 2


def test_filter_on_an_input_is_applied_in_the_scan(con: edgeonnx.sql.Connection) -> None:
    text = plan(con, f"SELECT d.id, p.total FROM {SCORED} WHERE d.a < 3 AND p.total > 4")
    assert "a < 3" in scan(text)
    assert "total" not in scan(text)
    assert "Filter" in text[: text.index("Seq Scan")]


def test_columns_that_nobody_reads_are_not_scanned(con: edgeonnx.sql.Connection) -> None:
    assert "words" not in scan(plan(con, f"SELECT d.id, p.total FROM {SCORED}"))
    assert "words" in scan(plan(con, f"SELECT d.words, p.total FROM {SCORED}"))
    unscored = scan(plan(con, f"SELECT d.id FROM {SCORED}"))
    assert "Projections: id\n" in "".join(line.strip("│ ") + "\n" for line in unscored.splitlines())


@pytest.mark.parametrize(
    ("query", "n_scored"),
    [
        ("SELECT SUM(p.total) FROM {}", N),
        ("SELECT p.total, p.total + 1, ABS(p.total) FROM {}", N),
        ("SELECT d.id, p.total FROM {} WHERE p.total > 5", N),
        ("SELECT d.id, p.total FROM {} WHERE d.id < 5000", 5000),
        ("SELECT d.id, p.total FROM {} WHERE d.id < 5000 AND p.total > 50 AND p.total < 90 ORDER BY p.total", 5000),
        ("SELECT d.id FROM {}", 0),
        ("SELECT COUNT(*) FROM {} WHERE d.id >= 5000", 0),
    ],
)
def test_each_row_is_scored_once_and_only_where_it_is_asked_for(con: edgeonnx.sql.Connection, query: str, n_scored: int) -> None:
    con.execute("SET threads = 1")
    before = uses(con)
    con.execute(query.format(SCORED), {"m": MODEL}).fetchall()
    pieces = uses(con) - before
    con.execute("SET threads = 2")
    asked = 2  # by who makes the plan
    assert n_scored // 2048 <= pieces <= 1.2 * n_scored / 2048 + asked + 3


def uses(con: edgeonnx.sql.Connection) -> int:
    return sum(row[0] for row in con.execute("SELECT uses FROM edgeonnx_models()").fetchall())


def test_rows_that_a_filter_takes_away_raise_no_errors(con: edgeonnx.sql.Connection) -> None:
    con.execute("CREATE TABLE some_null AS SELECT id, CASE WHEN id % 2 = 0 THEN a END AS a, b FROM t")
    query = "SELECT COUNT(*), SUM(p.total) FROM PREDICT(MODEL = @m, DATA = some_null AS d) WITH (total FLOAT) AS p WHERE d.a IS NOT NULL"
    assert con.execute(query, {"m": MODEL}).fetchone()[0] == N // 2  # type: ignore[index]


def test_view_in_a_file_works_in_the_next_process_and_sees_a_new_model(tmp_path: Path) -> None:
    path = tmp_path / "shop.duckdb"
    with connect(path) as con:
        con.execute("CREATE TABLE models (id int, data varbinary(max)); INSERT INTO models VALUES (1, ?)", [MODEL])
        con.execute("CREATE TABLE t (a real, b real); INSERT INTO t VALUES (1, 2), (2, 5)")
        con.execute(
            "CREATE VIEW scored AS SELECT d.a, p.total FROM PREDICT(MODEL = (SELECT data FROM models WHERE id = 1), DATA = t AS d, "
            "RUNTIME = ONNX) WITH (total FLOAT) AS p"
        )
    script = (
        f"import edgeonnx.sql; con = edgeonnx.sql.connect({str(path)!r})\n"
        "print(con.execute('SELECT * FROM scored ORDER BY a').fetchall())\n"
        f"con.execute('UPDATE models SET data = ?', [open({str(tmp_path / 'ba.onnx')!r}, 'rb').read()])\n"
        "print(con.execute('SELECT * FROM scored WHERE a < 2').fetchall())"
    )
    (tmp_path / "ba.onnx").write_bytes(models.affine(("b", "a")))
    assert run_python(script).stdout.split("\n")[:2] == ["[(1.0, 5.0), (2.0, 12.0)]", "[(1.0, 4.0)]"]


def test_larger_than_memory(tmp_path: Path) -> None:
    """12 M rows on disk, 400 MB of them, under a limit of 100 MB: neither DuckDB nor what scores goes beyond."""
    with connect(tmp_path / "large.duckdb", config={"memory_limit": "100MB", "threads": 2, "preserve_insertion_order": False}) as con:
        con.execute("CREATE TABLE t AS SELECT range AS id, random() * 100 AS a, random() AS b, hash(range) AS other FROM range(12000000)")
        con.execute("CHECKPOINT")
        before = psutil.Process().memory_info().rss
        found = con.execute(f"SELECT COUNT(*), SUM(p.total), SUM(d.a + 2 * d.b) FROM {SCORED}", {"m": MODEL}).fetchone()
        assert found is not None
        assert found[0] == 12_000_000
        assert found[1] == pytest.approx(found[2], rel=1e-6)
        assert psutil.Process().memory_info().rss - before < 250 << 20
