"""Minutes of loading, replacing, scoring, cancelling and dropping at once, in DuckDB and PostgreSQL: python tests/soak.py [MINUTES].

Every row must be what one of the two models of its name says, and memory must stay flat: what the process, or the oldest session of the
server, has at the end is compared with what it had after a fifth of the time. Ends with 1 where that is not so.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence

import duckdb
import numpy as np
import psutil
from onnx import TensorProto, helper

import models
from face_duckdb import connect
from postgres_server import Server

MODELS = ("a", "b", "c", "d")
N_ROWS = 50_000
MOST_GROWTH = 64 << 20

Step = Callable[[random.Random], str]


def scaled(factor: int) -> bytes:
    """Gives x + factor * y."""
    return models.graph(
        [helper.make_node("Mul", ["y", "factor"], ["product"]), helper.make_node("Add", ["x", "product"], ["total"])],
        [models.tensor(name, TensorProto.FLOAT) for name in "xy"],
        [models.tensor("total", TensorProto.FLOAT)],
        [models.constant("factor", factor)],
    )


#: Two models a name.
VERSIONS = {name: (scaled(2 * i + 2), scaled(2 * i + 3)) for i, name in enumerate(MODELS)}
X = np.arange(N_ROWS) % 1000.0
Y = np.arange(N_ROWS) % 77.0


def check(name: str, found: Sequence[float], *, whole: bool) -> None:
    """Rows of one statement; `whole`: by one of the versions, all of them."""
    i = MODELS.index(name)
    values = np.asarray(found)
    is_first, is_second = values == X + (2 * i + 2) * Y, values == X + (2 * i + 3) * Y
    right = (is_first.all() or is_second.all()) if whole else (is_first | is_second).all()
    if len(values) != N_ROWS or not right:
        raise AssertionError(f"wrong rows of {name}: {values[~(is_first | is_second)][:5]}")


def soak(steps: Sequence[Step], seconds: float, memory: Callable[[], int]) -> tuple[Counter[str], int, int]:
    """Each step in a thread of its own, over and over; what happened how often, and memory early and late."""
    happened: Counter[str] = Counter()
    failures: list[BaseException] = []
    end = time.monotonic() + seconds

    def work(step: Step, seed: int) -> None:
        rng = random.Random(seed)
        try:
            while time.monotonic() < end and not failures:
                happened[step(rng)] += 1
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(step, seed)) for seed, step in enumerate(steps)]
    for thread in threads:
        thread.start()
    time.sleep(seconds / 5)
    early = memory()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return happened, early, memory()


def in_duckdb(seconds: float) -> tuple[Counter[str], int, int]:
    database = connect()
    database.execute(f"CREATE TABLE t AS SELECT (i % 1000)::FLOAT AS x, (i % 77)::FLOAT AS y FROM range({N_ROWS}) r(i)")
    scoring: list[duckdb.DuckDBPyConnection] = []

    def load(cursor: duckdb.DuckDBPyConnection) -> Step:
        def step(rng: random.Random) -> str:
            name = rng.choice(MODELS)
            if rng.random() < 0.2:
                with contextlib.suppress(duckdb.Error):
                    cursor.execute("SELECT edgeonnx_drop(?)", [name]).fetchall()
                return "dropped"
            cursor.execute("SELECT edgeonnx_load(?, ?::BLOB)", [name, rng.choice(VERSIONS[name])]).fetchall()
            return "loaded"

        return step

    def score(cursor: duckdb.DuckDBPyConnection) -> Step:
        scoring.append(cursor)

        def step(rng: random.Random) -> str:
            name = rng.choice(MODELS)
            try:
                found = cursor.execute(f"SELECT edgeonnx_predict('{name}', x, y) FROM t").fetchnumpy()
            except duckdb.InterruptException:
                return "cancelled"
            except duckdb.InvalidInputException as error:
                if "NOT_FOUND" in str(error):
                    return "not found"
                raise
            check(name, next(iter(found.values())), whole=False)
            return "scored"

        return step

    def cancel(rng: random.Random) -> str:
        time.sleep(rng.random() / 10)
        rng.choice(scoring).interrupt()
        return "interrupts"

    steps = [load(database.cursor()), load(database.cursor()), *(score(database.cursor()) for _ in range(3)), cancel]
    return soak(steps, seconds, lambda: psutil.Process().memory_info().rss)


def in_postgres(seconds: float) -> tuple[Counter[str], int, int]:
    import psycopg

    server = Server()
    try:
        with server.connect() as admin:
            admin.execute("CREATE EXTENSION edgeonnx")
            admin.execute(f"CREATE TABLE t AS SELECT (i % 1000)::real AS x, (i % 77)::real AS y FROM generate_series(0, {N_ROWS - 1}) i")
        sessions = [server.connect() for _ in range(5)]
        pids = [session.execute("SELECT pg_backend_pid()").fetchone()[0] for session in sessions]  # type: ignore[index]

        def load(session: psycopg.Connection) -> Step:
            def step(rng: random.Random) -> str:
                name = rng.choice(MODELS)
                if rng.random() < 0.2:
                    with contextlib.suppress(psycopg.errors.UndefinedObject):
                        session.execute("SELECT edgeonnx.drop_model(%s)", [name])
                    return "dropped"
                session.execute("SELECT edgeonnx.load_model(%s, '1', %s)", [name, rng.choice(VERSIONS[name])])
                return "loaded"

            return step

        def score(session: psycopg.Connection) -> Step:
            def step(rng: random.Random) -> str:
                name = rng.choice(MODELS)
                try:
                    rows = session.execute(
                        "SELECT total FROM edgeonnx.predict_rows(%s, 'SELECT x, y FROM t') AS p(total real)", [name]
                    ).fetchall()
                except psycopg.errors.QueryCanceled:
                    return "cancelled"
                except psycopg.errors.UndefinedObject:
                    return "not found"
                check(name, [value for (value,) in rows], whole=True)
                return "scored"

            return step

        canceller = server.connect()

        def cancel(rng: random.Random) -> str:
            time.sleep(rng.random() / 10)
            canceller.execute("SELECT pg_cancel_backend(%s)", [rng.choice(pids[2:])])
            return "interrupts"

        steps = [load(sessions[0]), load(sessions[1]), *(score(session) for session in sessions[2:]), cancel]
        return soak(steps, seconds, lambda: max(psutil.Process(pid).memory_info().rss for pid in pids))
    finally:
        server.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("minutes", type=float, nargs="?", default=10)
    seconds = parser.parse_args().minutes * 60
    is_flat = True
    for name, run in (("DuckDB", in_duckdb), ("PostgreSQL", in_postgres)):
        happened, early, late = run(seconds)
        print(f"{name}: {dict(happened)}; memory {early / 2**20:.1f} MiB, at the end {late / 2**20:.1f} MiB", flush=True)
        is_flat = is_flat and late - early < MOST_GROWTH
    return 0 if is_flat else 1


if __name__ == "__main__":
    sys.exit(main())
