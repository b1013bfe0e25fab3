"""DuckDB as a face: the extension's SQL functions over a table of DuckDB's."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar

import duckdb

import edgeonnx.duckdb
from faces import STATUSES, Answers, Column, Face, FaceError, Table, lacking

TYPES = {
    "bit": "BOOLEAN",
    "tinyint": "UTINYINT",
    "smallint": "SMALLINT",
    "int": "INTEGER",
    "bigint": "BIGINT",
    "real": "FLOAT",
    "float": "DOUBLE",
    "text": "VARCHAR",
}


def connect(path: str = ":memory:", **config: str) -> duckdb.DuckDBPyConnection:
    try:
        edgeonnx.duckdb.extension_path()
    except edgeonnx.FileError as error:
        lacking(str(error))
    return edgeonnx.duckdb.load(duckdb.connect(path, config={"allow_unsigned_extensions": "true", **config}))


def status_of(error: duckdb.Error) -> tuple[str, str]:
    """The status and the message of "Invalid Input Error: NULL_VALUE: ...", and of "OVERFLOW 232: ..."."""
    for part in str(error).split(": ")[:3]:
        status = part.rstrip(" 0123456789")
        if status in STATUSES:
            return status, str(error).split(f"{part}: ", 1)[1]
    raise error


def literal(value: Any, sql_type: str) -> str:
    """The value as SQL has it, to the bit."""
    if value is None:
        return "NULL"
    if isinstance(value, float):
        return f"'{value!r}'" if math.isfinite(value) else f"'{value}'"
    if isinstance(value, bool | int | Decimal):
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"


class DuckDB(Face):
    """`edgeonnx_predict`, and `query(edgeonnx_predict_sql(...))` for all outputs."""

    name = "duckdb"
    quirks: ClassVar[Mapping[str, str]] = {
        "one value is a double": "the type that a scalar function returns is fixed before the model is known"
    }

    def __init__(self) -> None:
        self.connection = connect()

    def _run(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        try:
            return self.connection.execute(sql, list(parameters)).fetchall()
        except duckdb.Error as error:
            code, message = status_of(error)
            raise FaceError(code, message) from error

    def _fill(self, table: Table) -> None:
        """The table as `data`; DuckDB gives rows back in the order in which they came."""
        types = {name: TYPES.get(column.sql_type, column.sql_type) for name, column in table.items()}
        columns = ", ".join(f'"{name}" {kind}' for name, kind in types.items())
        self.connection.execute(f"CREATE OR REPLACE TABLE data ({columns})")
        rows = list(zip(*(column.values for column in table.values()), strict=True))
        if rows:
            fields = [f"CAST({{}} AS {kind})" for kind in types.values()]
            sources = [column.sql_type for column in table.values()]
            for start in range(0, len(rows), 500):
                lines = (
                    "(" + ", ".join(f.format(literal(v, s)) for f, v, s in zip(fields, row, sources, strict=True)) + ")"
                    for row in rows[start : start + 500]
                )
                self.connection.execute("INSERT INTO data VALUES " + ", ".join(lines))

    def load(self, name: str, model: bytes, settings: str = "") -> None:
        self._run("SELECT edgeonnx_load(?, ?::BLOB, ?)", [name, model, settings])

    def drop(self, name: str) -> None:
        self._run("SELECT edgeonnx_drop(?)", [name])

    def by_name(self, model: str, table: Table) -> Answers:
        self._fill(table)
        try:
            found = self.connection.execute(f"FROM query(edgeonnx_predict_sql('{model}', 'data'))")
            names = [column[0] for column in found.description or []][len(table) :]
            rows = found.fetchall()
        except duckdb.Error as error:
            code, message = status_of(error)
            raise FaceError(code, message) from error
        return {name: [row[len(table) + i] for row in rows] for i, name in enumerate(names)}

    def by_position(self, model: str, table: Table) -> list[Any]:
        self._fill(table)
        columns = ", ".join(f'"{name}"' for name in table)
        return [row[0] for row in self._run(f"SELECT edgeonnx_predict('{model}', {columns}) FROM data")]

    def by_row(self, models: Sequence[str | None], table: Table) -> list[Any]:
        self._fill({"which model": Column("text", models), **table})
        columns = ", ".join(f'"{name}"' for name in table)
        return [row[0] for row in self._run(f'SELECT edgeonnx_predict("which model", {columns}) FROM data')]

    def close(self) -> None:
        self.connection.close()
