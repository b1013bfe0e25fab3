"""PostgreSQL: edgeonnx.predict and edgeonnx.predict_rows of the extension, in a server of the tests' own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import psycopg
from psycopg import sql

from faces import STATUSES, Answers, Column, Face, FaceError, Table
from postgres_server import Server

TYPES = {"bit": "boolean", "tinyint": "smallint", "int": "integer", "float": "double precision"}
MOST_ARGUMENTS = 99  # of the server's 100 one is the model


def type_of(column: Column) -> str:
    return TYPES.get(column.sql_type, column.sql_type.replace("decimal", "numeric"))


@contextmanager
def refusals() -> Iterator[None]:
    """Errors of the server by the status that their DETAIL begins with."""
    try:
        yield
    except psycopg.Error as error:
        status = (error.diag.message_detail or "").split(",")[0]
        if status not in STATUSES:
            raise
        raise FaceError(status, str(error)) from error


class Postgres(Face):
    """The extension, through psycopg."""

    name = "postgres"
    quirks: ClassVar[Mapping[str, str]] = {
        "no tinyint": "the server has none; a smallint stands in",
        "100 arguments": "a function of the server takes no more; more features are passed as VARIADIC ARRAY[...]",
        "float by position": "edgeonnx.predict returns double precision whatever the output",
    }

    def __init__(self) -> None:
        self.server = Server()
        self.connection = self.server.connect()
        self.connection.execute("CREATE EXTENSION edgeonnx")

    def load(self, name: str, model: bytes, settings: str = "") -> None:
        with refusals():
            self.connection.execute("SELECT edgeonnx.load_model(%s, '1', %s, %s)", [name, model, settings])

    def drop(self, name: str) -> None:
        with refusals():
            self.connection.execute("SELECT edgeonnx.drop_model(%s)", [name])

    def _create(self, table: Mapping[str, Column]) -> list[sql.Identifier]:
        names = [sql.Identifier(name) for name in table]
        columns = [sql.SQL("{} {}").format(name, sql.SQL(type_of(column))) for name, column in zip(names, table.values(), strict=True)]
        self.connection.execute("DROP TABLE IF EXISTS pg_temp.data")
        self.connection.execute(
            sql.SQL("CREATE TEMP TABLE data (row_number bigint, {})").format(sql.SQL(", ").join(columns)),
        )
        with self.connection.cursor().copy("COPY pg_temp.data FROM STDIN") as copy:
            for row, values in enumerate(zip(*(column.values for column in table.values()), strict=True)):
                copy.write_row((row, *values))
        return names

    def by_name(self, model: str, table: Table) -> Answers:
        self._create(table)
        with refusals():
            ports = self.connection.execute(
                "SELECT name, type FROM edgeonnx.ports(%s) WHERE kind = 'output' AND type IS NOT NULL ORDER BY position", [model]
            ).fetchall()
            wanted = sql.SQL(", ").join(sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(type_)) for name, type_ in ports)
            query = sql.SQL("SELECT {} FROM edgeonnx.predict_rows({}, {}) AS p(row_number bigint, {}) ORDER BY row_number").format(
                sql.SQL(", ").join(sql.Identifier(name) for name, _ in ports), model, "SELECT * FROM pg_temp.data", wanted
            )
            rows = self.connection.execute(query).fetchall()
        return {name: [row[i] for row in rows] for i, (name, _) in enumerate(ports)}

    def _predict(self, model: sql.Composable, names: Sequence[sql.Composable]) -> list[Any]:
        features = sql.SQL(", ").join(names)
        if len(names) > MOST_ARGUMENTS:
            features = sql.SQL("VARIADIC ARRAY[{}]").format(features)
        query = sql.SQL("SELECT edgeonnx.predict({}, {}) FROM pg_temp.data ORDER BY row_number").format(model, features)
        with refusals():
            return [answer for (answer,) in self.connection.execute(query)]

    def by_position(self, model: str, table: Table) -> list[Any]:
        return self._predict(sql.Literal(model), self._create(table))

    def by_row(self, models: Sequence[str | None], table: Table) -> list[Any]:
        names = self._create({**table, "which model": Column("text", models)})
        return self._predict(names[-1], names[:-1])

    def close(self) -> None:
        if hasattr(self, "connection"):
            self.connection.close()
        self.server.close()
