"""Sides of the bench `sqlite`: a query scored in batches by edgeonnx_score, and the same rows by edgeonnx_predict, one by one.

Both read the same table of a database in memory through one connection, and add the answers up inside SQLite: what is timed is scoring, not
the making of a million Python objects.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from contenders import Array, Call, Contender, Table

MODEL = "m"


@dataclass(frozen=True)
class Answers:
    """One statement's sum, and how to get all that it added up."""

    connection: Any
    each: str

    def arrays(self) -> list[Array]:
        return [np.array([row[0] for row in self.connection.execute(self.each)], np.float32)]


def load_connection(model: bytes, threads: int | None) -> Any:
    import apsw

    import edgeonnx

    if threads is not None:
        os.environ["EDGEONNX_THREADS"] = str(threads)
    connection = apsw.Connection(":memory:")
    connection.enable_load_extension(True)
    connection.load_extension(edgeonnx.sqlite_extension())
    connection.execute("SELECT edgeonnx_load(?, ?)", (MODEL, model))
    return connection


def fill(connection: Any, table: Table) -> str:
    """Makes the table `t` with a key in front; gives its columns."""
    columns = ", ".join(table)
    connection.execute(f"CREATE TABLE t(id INTEGER PRIMARY KEY, {', '.join(f'{name} REAL' for name in table)})")
    rows = zip(*(column.tolist() for column in table.values()), strict=True)
    with connection:
        connection.executemany(f"INSERT INTO t VALUES(NULL{', ?' * len(table)})", rows)
    return columns


def wanted_of(connection: Any) -> str:
    """The last output that is a number: of a classifier the probability of its last class."""
    ports = connection.execute("SELECT name, width FROM edgeonnx_ports(?) WHERE kind = 'output'", (MODEL,))
    name, width = list(ports)[-1]
    return f"{MODEL}.{name}" if width == 1 else f"{MODEL}.{name}[{width - 1}]"


def calling(connection: Any, each: str, answer: str) -> Call:
    total = each.replace(answer, f"sum({answer})", 1)

    def call() -> Answers:
        connection.execute(total).fetchall()
        return Answers(connection, each)

    return call


def bind_score(connection: Any, table: Table) -> Call:
    columns = fill(connection, table)
    query = f"SELECT id, {columns} FROM t"
    return calling(connection, f"SELECT value FROM edgeonnx_score('{wanted_of(connection)}', '{query}')", "value")


def bind_predict(connection: Any, table: Table) -> Call:
    columns = fill(connection, table)
    answer = f"edgeonnx_predict('{wanted_of(connection)}', {columns})"
    return calling(connection, f"SELECT {answer} FROM t", answer)


score = Contender(load_connection, bind_score, Answers.arrays)
predict = Contender(load_connection, bind_predict, Answers.arrays)
