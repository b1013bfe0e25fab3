"""edgeonnx as an extension of SQLite: tables and rows of values by edgeonnx_score, values by edgeonnx_predict."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import edgeonnx as eo
from faces import Answers, Face, FaceError, Table, lacking

#: How SQLite stores columns of a SQL type. A decimal is a number like any other there.
DECLARED = {"bit": "INTEGER", "tinyint": "INTEGER", "smallint": "INTEGER", "int": "INTEGER", "bigint": "INTEGER", "text": "TEXT"}


def can_load_extensions() -> bool:
    """Whether this Python's own sqlite3 can; some are built without."""
    return hasattr(sqlite3.Connection, "enable_load_extension")


def connect(path: str = ":memory:", *, extension: str | None = None) -> Any:
    """A connection with the extension: of apsw, which brings its own SQLite."""
    import apsw

    try:
        extension = extension or eo.sqlite_extension()
    except eo.Unsupported as error:
        lacking(str(error))
    connection = apsw.Connection(path)
    connection.enable_load_extension(True)
    connection.load_extension(extension)
    return connection


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def refusal_of(error: Exception) -> FaceError | None:
    """The extension's messages begin with the name of the status."""
    found = re.match(r"([A-Z_]+): (.*)", str(error), re.DOTALL)
    return FaceError(found[1], found[2]) if found else None


class SQLite(Face):
    """`edgeonnx_load`, `edgeonnx_score` and `edgeonnx_predict` in one connection."""

    name = "sqlite"
    quirks: ClassVar[Mapping[str, str]] = {"NaN is NULL": "SQLite has no NaN: it stores and gives NULL"}

    def __init__(self) -> None:
        self._connection = connect()

    def _rows(self, sql: str, *values: Any) -> list[Any]:
        try:
            return list(self._connection.execute(sql, values))
        except Exception as error:
            raise refusal_of(error) or error from error

    def load(self, name: str, model: bytes, settings: str = "") -> None:
        self._rows("SELECT edgeonnx_load(?, ?, ?)", name, model, settings)

    def drop(self, name: str) -> None:
        self._rows("SELECT edgeonnx_drop(?)", name)

    def _fill(self, table: Table) -> None:
        """Makes the table `data`, with a key in front."""
        columns = "".join(f", {quoted(name)} {DECLARED.get(column.sql_type, 'REAL')}" for name, column in table.items())
        self._rows("DROP TABLE IF EXISTS data")
        self._rows(f"CREATE TABLE data(_key INTEGER PRIMARY KEY{columns})")
        values = [
            [None if v is None else v if column.sql_type == "text" or DECLARED.get(column.sql_type) else float(v) for v in column.values]
            for column in table.values()
        ]
        marks = ", ?" * len(values)
        with self._connection:
            self._connection.executemany(f"INSERT INTO data VALUES(NULL{marks})", zip(*values, strict=True))

    def by_name(self, model: str, table: Table) -> Answers:
        self._fill(table)
        rows = [json.loads(row[0]) for row in self._rows("SELECT outputs FROM edgeonnx_score(?, 'SELECT * FROM data')", model)]
        return {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}

    def by_position(self, model: str, table: Table) -> list[Any]:
        self._fill(table)
        return [row[0] for row in self._rows(f"SELECT edgeonnx_predict(?, {', '.join(map(quoted, table))}) FROM data", model)]

    def by_row(self, models: Sequence[str | None], table: Table) -> list[Any]:
        self._fill(table)
        self._rows("DROP TABLE IF EXISTS choices")
        self._rows("CREATE TABLE choices(_key INTEGER PRIMARY KEY, model TEXT)")
        with self._connection:
            self._connection.executemany("INSERT INTO choices VALUES(NULL, ?)", [(name,) for name in models])
        columns = ", ".join(map(quoted, table))
        sql = f"SELECT edgeonnx_predict(model, {columns}) FROM data JOIN choices USING (_key) ORDER BY _key"
        return [row[0] for row in self._rows(sql)]

    def close(self) -> None:
        self._connection.close()
