"""Texts of DuckDB's dialect, run on a connection; the rows that they give."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import duckdb

from edgeonnx._errors import InvalidState
from edgeonnx.sql._errors import of_duckdb
from edgeonnx.sql._interrupt import interruptible

__all__ = ["Database", "Rows"]

_FETCHED_AHEAD = 1024


@contextmanager
def _errors() -> Iterator[None]:
    """Turns what edgeonnx's functions say inside DuckDB into edgeonnx's exceptions."""
    try:
        yield
    except duckdb.Error as error:
        found = of_duckdb(error)
        if found is None:
            raise
        raise found from None


class Rows:
    """The rows of a query, computed once, when they are first asked for."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, text: str, values: Any, *, is_query: bool) -> None:
        self._connection = connection
        self._text, self._values = text, values
        self._state = "waiting" if is_query else "running"
        self._n_fetched = 0
        self._ahead: list[tuple[Any, ...]] = []  # the next row last
        self.description: list[tuple[Any, ...]] = list(connection.description or [])
        if is_query:  # described, it is bound: what is wrong with it is said now
            described = connection.execute(f"DESCRIBE {text}", values).fetchall()
            self.description = [(name, _type(connection, kind), *[None] * 5) for name, kind, *_ in described]

    def one(self) -> tuple[Any, ...] | None:
        """The next row, or None."""
        if not self._ahead:
            self._ahead = self._fetch(_FETCHED_AHEAD)[::-1]
        return self._ahead.pop() if self._ahead else None

    def some(self, n_rows: int | None) -> list[tuple[Any, ...]]:
        """The next rows, as many as there are where `n_rows` is None."""
        n_ahead = len(self._ahead) if n_rows is None else min(n_rows, len(self._ahead))
        ahead = [self._ahead.pop() for _ in range(n_ahead)]
        return ahead if n_rows == n_ahead else ahead + self._fetch(None if n_rows is None else n_rows - n_ahead)

    def table(self, method: str, *arguments: Any) -> Any:
        """All rows by a method of DuckDB's that makes a table of them."""
        if self._state == "done" or self._ahead or self._n_fetched:
            raise InvalidState("rows were fetched already, which a table would lack: run the query again")
        is_query = self._state == "waiting"
        self._state = "done"

        def make() -> Any:
            # A relation's tables need one copy less than the connection's.
            source: Any = self._connection.sql(self._text, params=self._values) if is_query else self._connection
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Arrow output on a DB-API result")
                return getattr(source, method)(*arguments)

        with _errors():
            return interruptible(self._connection, make)

    def finish(self) -> None:
        """Compute what nobody fetched, since it may fail, or have effects."""
        if self._state != "done":
            while self._fetch(_FETCHED_AHEAD):
                pass

    def abandon(self) -> None:
        """Leave the connection free for other work."""
        if self._state == "running":
            self._connection.abort()
        self._state = "done"

    def _fetch(self, n_rows: int | None) -> list[tuple[Any, ...]]:
        if self._state == "done":
            return []

        def fetch() -> list[tuple[Any, ...]]:
            if self._state == "waiting":
                self._connection.execute(self._text, self._values)
            rows: list[tuple[Any, ...]] = self._connection.fetchall() if n_rows is None else self._connection.fetchmany(n_rows)
            return rows

        with _errors():
            rows = interruptible(self._connection, fetch)
        self._n_fetched += len(rows)
        self._state = "running" if n_rows is not None and len(rows) == n_rows else "done"
        return rows


def _type(connection: duckdb.DuckDBPyConnection, name: str) -> Any:
    """DuckDB's object for a type, or its name where it has none."""
    try:
        return connection.sqltype(name)
    except duckdb.Error:
        return name


class Database:
    """A DuckDB connection."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection

    def query(self, text: str, values: Any = None) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        return self._run(text, values, self.connection.fetchall)

    def open(self, text: str, values: Any) -> Rows:
        """The rows of a query, not yet computed."""
        with _errors():
            return Rows(self.connection, text, values, is_query=True)

    def execute(self, text: str, values: Any = None) -> Rows | int:
        """Run any statement: the rows that it gives, or how many it changed, 0 where that means nothing."""
        with _errors():
            (statement,) = self.connection.extract_statements(text) or [None]
        self._run(text, values, lambda: [])
        described = self.connection.description or []
        expected = [] if statement is None else statement.expected_result_type
        if duckdb.ExpectedResultType.QUERY_RESULT not in expected or not described:
            return 0
        if duckdb.ExpectedResultType.CHANGED_ROWS in expected and [each[0] for each in described] == ["Count"]:
            rows = self._run(None, None, self.connection.fetchall)
            return int(rows[0][0]) if rows else 0
        return Rows(self.connection, text, values, is_query=False)

    def _run(self, text: str | None, values: Any, then: Callable[[], list[tuple[Any, ...]]]) -> list[tuple[Any, ...]]:
        def run() -> list[tuple[Any, ...]]:
            if text is not None:
                self.connection.execute(text, values)
            return then()

        with _errors():
            return interruptible(self.connection, run)
