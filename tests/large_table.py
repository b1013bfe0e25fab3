"""A table on disk, larger than the memory that DuckDB may use, through PREDICT and an aggregate: tests/large_table.py [MILLIONS] [FOLDER].

100 M rows by default, 2 GB, under a limit of 1 GB. Prints what the query took, beside the same one without PREDICT, each in a process of
its own. Fails where an answer is wrong, or where PREDICT takes more than 64 MiB on top of what DuckDB takes by itself.
"""

from __future__ import annotations

import math
import multiprocessing
import sys
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import psutil

import models
from sql_database import connect

LIMIT = 1 << 30
ON_TOP = 64 << 20
PLAIN = "SELECT d.id % 5, COUNT(*), AVG(d.a + 2 * d.b + 4 * d.c), AVG(d.a + 2 * d.b + 4 * d.c) FROM t AS d GROUP BY d.id % 5"
SCORED = (
    "SELECT d.id % 5, COUNT(*), AVG(p.total), AVG(d.a + 2 * d.b + 4 * d.c) "
    "FROM PREDICT(MODEL = @m, DATA = t AS d, RUNTIME = ONNX) WITH (total REAL) AS p GROUP BY d.id % 5"
)


class Peak(threading.Thread):
    """The most memory that the process held since it started."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.before = self.n_bytes = psutil.Process().memory_info().rss

    def run(self) -> None:
        while True:
            self.n_bytes = max(self.n_bytes, psutil.Process().memory_info().rss)
            time.sleep(0.02)


def config(database: Path) -> dict[str, Any]:
    return {"memory_limit": f"{LIMIT >> 20}MiB", "temp_directory": str(database.parent), "preserve_insertion_order": False}


def make(database: Path, n_rows: int) -> None:
    columns = "range AS id, random() * 100 AS a, random() * 10 AS b, random() AS c"
    with connect(database, config=config(database)) as con:
        con.execute(f"CREATE TABLE t AS SELECT {columns} FROM range({n_rows}); CHECKPOINT")


def measure(database: Path, query: str) -> tuple[list[tuple[Any, ...]], float, int]:
    """Rows, seconds, and bytes that the query took."""
    with connect(database, config=config(database)) as con:
        peak = Peak()
        peak.start()
        start = time.perf_counter()
        rows = con.execute(query, {"m": models.affine()} if "@m" in query else {}).fetchall()
        return rows, time.perf_counter() - start, peak.n_bytes - peak.before


def main() -> int:
    n_rows = int(float(sys.argv[1] if len(sys.argv) > 1 else 100) * 1_000_000)
    spawn = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory(dir=sys.argv[2] if len(sys.argv) > 2 else None) as folder,
        ProcessPoolExecutor(1, mp_context=spawn, max_tasks_per_child=1) as processes,
    ):
        database = Path(folder) / "large.duckdb"
        processes.submit(make, database, n_rows).result()
        size = database.stat().st_size
        print(f"{n_rows / 1e6:g} M rows, {size / 1e9:.2f} GB on disk, limit {LIMIT / 1e9:.2f} GB", flush=True)
        _, plain_s, plain_bytes = processes.submit(measure, database, PLAIN).result()
        print(f"AVG alone: {plain_s:.1f} s, {plain_bytes / 1e9:.3f} GB", flush=True)
        rows, seconds, n_bytes = processes.submit(measure, database, SCORED).result()
    right = sum(row[1] for row in rows) == n_rows and all(math.isclose(row[2], row[3], rel_tol=1e-6) for row in rows)
    print(f"PREDICT and AVG: {seconds:.1f} s, {n_bytes / 1e9:.3f} GB; answers {'right' if right else 'WRONG'}")
    return 0 if right and n_bytes <= plain_bytes + ON_TOP and size > LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
