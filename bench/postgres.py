"""Scoring a table where it lies, by edgeonnx.predict_rows, beside fetching it into Python, scoring it there and writing the answers back.

`python bench/postgres.py`: 1 M rows of float8 columns in a server of its own; both sides end in a table of ids and answers, which are
compared. Needs what tests/postgres_server.py needs. Exit code 1 where we are not five times as fast.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
sys.path.append(str(Path(__file__).parent.parent / "tests"))  # behind: both have a models.py

import numpy as np
import onnxruntime

from machine import require_installed_wheel
from models import column_names, model_bytes
from postgres_server import Server

#: case -> columns of the table that the model takes, output, its SQL type, our answer as one number
CASES = {"logit": (20, "probabilities", "real[]", "p.probabilities[2]"), "lgbm": (30, "variable", "real", "p.variable")}
TARGET = 5.0
ROUNDS = 3


def timed(action: Callable[[], None], rounds: int) -> float:
    best = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        action()
        best = min(best, time.perf_counter() - start)
    return best


def in_place(connection: Any, case: str) -> None:
    n_columns, output, sql_type, answer = CASES[case]
    connection.execute("DROP TABLE IF EXISTS ours")
    connection.execute(
        f"CREATE TABLE ours AS SELECT p.id, {answer} AS answer FROM edgeonnx.predict_rows('{case}', "
        f"'SELECT id, {', '.join(column_names(n_columns))} FROM data') AS p(id int, {output} {sql_type})"
    )


def copied(connection: Any) -> None:
    """A table of the same size without any scoring: what the server itself needs."""
    connection.execute("DROP TABLE IF EXISTS ours")
    connection.execute("CREATE TABLE ours AS SELECT id, x00::real AS answer FROM data")


def by_row(connection: Any, case: str) -> None:
    """The scalar function, for models of one output."""
    connection.execute(f"SELECT sum(edgeonnx.predict('{case}', {', '.join(column_names(CASES[case][0]))})) FROM data")


def through_python(connection: Any, case: str, session: onnxruntime.InferenceSession) -> None:
    """As a careful user would: binary rows by a server-side cursor, a batch at a time, and COPY back."""
    n_columns, output, _, _ = CASES[case]
    connection.execute("DROP TABLE IF EXISTS theirs")
    connection.execute("CREATE TABLE theirs (id int, answer real)")
    with connection.transaction(), connection.cursor(name="rows", binary=True) as rows:
        rows.execute(f"SELECT id, {', '.join(column_names(n_columns))} FROM data")
        while batch := rows.fetchmany(50_000):
            matrix = np.array(batch, np.float64)
            (answers,) = session.run([output], {"features": matrix[:, 1:].astype(np.float32)})
            with connection.cursor().copy("COPY theirs FROM STDIN") as copy:
                for identity, answer in zip(matrix[:, 0].astype(int).tolist(), answers[:, -1].tolist(), strict=True):
                    copy.write_row((identity, answer))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    n_rows = parser.parse_args().rows
    require_installed_wheel()
    server = Server()
    try:
        connection = server.connect()
        connection.execute("CREATE EXTENSION edgeonnx")
        connection.execute("SELECT setseed(0.5)")
        columns = ", ".join(f"random() * 4 - 2 AS {name}" for name in column_names(30))
        connection.execute(f"CREATE TABLE data AS SELECT id, {columns} FROM generate_series(1, {n_rows}) AS id")
        connection.execute("VACUUM ANALYZE data")
        print(f"the table alone, without scoring: {timed(lambda: copied(connection), ROUNDS):.2f} s")
        slow = []
        for case in CASES:
            model = model_bytes(case)
            connection.execute("SELECT edgeonnx.load_model(%s, '1', %s)", [case, model])
            session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
            first = timed(lambda case=case: in_place(connection, case), 1)
            ours = timed(lambda case=case: in_place(connection, case), ROUNDS)
            theirs = timed(lambda case=case, session=session: through_python(connection, case, session), 1)
            (apart,) = connection.execute("SELECT max(abs(o.answer - t.answer)) FROM ours o FULL JOIN theirs t USING (id)").fetchone()
            assert apart is not None
            assert apart < 1e-3, apart
            print(f"{case}: ours {ours:.2f} s (first {first:.2f} s), through Python {theirs:.2f} s: {theirs / ours:.1f}x", flush=True)
            if theirs < TARGET * ours:
                slow.append(case)
        print(f"lgbm, one row a call: {timed(lambda: by_row(connection, 'lgbm'), 1) / n_rows * 1e6:.2f} us a row")
        start = time.perf_counter()
        for i in range(1000):
            connection.execute(f"SELECT edgeonnx.predict('lgbm', {', '.join(column_names(30))}) FROM data WHERE ctid = '(0,{i % 10 + 1})'")
        print(f"one statement a row: {(time.perf_counter() - start) * 1e3:.0f} us each")
        return 1 if slow else 0
    finally:
        server.close()


if __name__ == "__main__":
    sys.exit(main())
