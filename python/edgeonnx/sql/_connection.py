"""Connections with the manners of Python's DB-API (PEP 249)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

import duckdb

import edgeonnx.duckdb
from edgeonnx._errors import InvalidArgument, InvalidState
from edgeonnx.sql._interrupt import interruptible
from edgeonnx.sql._session import Session, duckdb_errors

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

__all__ = ["Connection", "connect"]

Parameters = Sequence[Any] | Mapping[str, Any]

_FETCHED_AHEAD = 1024


def connect(
    database: str | os.PathLike[str] = ":memory:",
    *,
    coercion: str = "tsql",
    nulls: str | float = "error",
    on_overflow: str = "error",
    read_only: bool = False,
    config: Mapping[str, Any] | None = None,
) -> Connection:
    """A DuckDB database that understands T-SQL, PREDICT included.

    Parameters
    ----------
    database
        Path of a database file, which is made where there is none, or ":memory:".
    coercion, nulls, on_overflow
        How PREDICT converts columns to inputs, what a NULL in one does, and a value that does not fit; as in `edgeonnx.Scorer`.
        `coercion="strict"` refuses columns of other types than the model's, as the PREDICT of SQL Server did.
    read_only, config
        As in `duckdb.connect`, `config={"memory_limit": "2GB", "threads": 4}` for instance.

    Raises
    ------
    InvalidArgument
        An option has no such value.
    FileError
        This edgeonnx was built without its DuckDB extension.
    """
    settings = _settings(coercion, nulls, on_overflow)
    opened = duckdb.connect(os.fspath(database), read_only=read_only, config={"allow_unsigned_extensions": "true", **(config or {})})
    for setting in (
        "python_enable_replacements = false",  # a table's name never means a variable of Python's
        "enable_progress_bar = true",  # counted, for who asks query_progress()
        "enable_progress_bar_print = false",  # but not printed by a library
    ):
        opened.execute(f"SET {setting}").fetchall()
    return Connection(edgeonnx.duckdb.load(opened), settings)


def _settings(coercion: str, nulls: str | float, on_overflow: str) -> str:
    """In words, as edgeonnx_load takes them; "" for the defaults."""
    if coercion not in ("tsql", "safe", "strict"):
        raise InvalidArgument(f"coercion={coercion!r} is none of 'tsql', 'safe' and 'strict'")
    if on_overflow not in ("error", "null"):
        raise InvalidArgument(f"on_overflow={on_overflow!r} is neither 'error' nor 'null'")
    if isinstance(nulls, bool) or not (nulls in ("error", "nan", "propagate") or isinstance(nulls, int | float)):
        raise InvalidArgument(f"nulls={nulls!r} is neither a number nor one of 'error', 'nan' and 'propagate'")
    chosen = {"coercion": coercion, "nulls": nulls, "on_overflow": on_overflow}
    defaults = {"coercion": "tsql", "nulls": "error", "on_overflow": "error"}
    return ", ".join(f"{name}={value}" for name, value in chosen.items() if value != defaults[name])


class Connection:
    """Runs scripts of T-SQL; DuckDB's own dialect runs too. Made by `connect`.

    One thread uses a connection at a time; `cursor` makes another one to the same database.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, settings: str) -> None:
        self._duckdb = connection
        self._session = Session(connection, settings)
        self._has_rows = False
        self._ahead: list[tuple[Any, ...]] = []  # rows that fetchone took along, the next one last

    @property
    def duckdb(self) -> duckdb.DuckDBPyConnection:
        """The DuckDB connection itself, for what DuckDB alone can do."""
        return self._duckdb

    def execute(self, script: str, parameters: Parameters = ()) -> Connection:
        """Run a script; the rows of its last statement can then be fetched.

        Parameters
        ----------
        script
            Statements of T-SQL, with semicolons between them or without; a line of GO ends a batch, and with it its variables.
        parameters
            Values for the script's question marks in their order, or a mapping: values of its variables, {"id": 7} for @id.

        Returns
        -------
        Connection
            This one.

        Raises
        ------
        Error
            `.sql_number` is SQL Server's number of it.
        duckdb.Error
            What DuckDB itself finds wrong, a table that is not there for instance.
        """
        for _ in self.steps(script, parameters):
            pass
        return self

    def steps(self, script: str, parameters: Parameters = (), *, keep: bool = False) -> Iterator[bool]:
        """Run a script as `execute` does, statement by statement: True after each that gave rows, which can be fetched then.

        `keep` keeps the variables of the scripts before.
        """
        if not keep:
            self._session.variables = {}
        self._has_rows = False
        self._ahead = []
        for has_rows in self._session.run_script(script, parameters):
            self._has_rows = has_rows
            yield has_rows

    def executemany(self, script: str, parameters: Iterable[Parameters]) -> Connection:
        """Run a script once for each set of parameters, all in one transaction."""
        self._duckdb.begin()
        try:
            for each in parameters:
                self.execute(script, each)
        except BaseException:
            self._duckdb.rollback()
            raise
        self._duckdb.commit()
        return self

    def _rows(self) -> Any:
        """What makes tables of the rows: where none was fetched yet a relation, which needs one copy less than the connection."""
        if not self._has_rows:
            raise InvalidState("there are no rows: the last statement gave none, or they were fetched")
        pending, self._session.pending = self._session.pending, None
        if pending is None:
            return self._duckdb
        self._has_rows = False
        self._duckdb.abort()
        return self._duckdb.sql(pending[0], params=pending[1])

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row, or None."""
        if not self._ahead:
            self._ahead = self._fetch(lambda: self._duckdb.fetchmany(_FETCHED_AHEAD))[::-1]
        return self._ahead.pop() if self._ahead else None

    def fetchmany(self, size: int = 1) -> list[tuple[Any, ...]]:
        """The next `size` rows, or as many as there are."""
        ahead = [self._ahead.pop() for _ in range(min(size, len(self._ahead)))]
        return ahead + self._fetch(lambda: self._duckdb.fetchmany(size - len(ahead))) if len(ahead) < size else ahead

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All rows that are left."""
        ahead, self._ahead = self._ahead[::-1], []
        return ahead + self._fetch(self._duckdb.fetchall)

    def _fetch(self, call: Callable[[], list[tuple[Any, ...]]]) -> list[tuple[Any, ...]]:
        if not self._has_rows:
            return []
        self._session.pending = None
        with duckdb_errors():
            return interruptible(self._duckdb, call)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        while rows := self.fetchmany(_FETCHED_AHEAD):
            yield from rows

    def arrow(self) -> pa.Table:
        """All rows that are left, as a pyarrow Table."""
        with duckdb_errors():
            table: pa.Table = interruptible(self._duckdb, self._rows().to_arrow_table)
        return table

    def reader(self, batch_rows: int = 1_000_000) -> pa.RecordBatchReader:
        """All rows that are left, as record batches that are made as they are read."""
        with duckdb_errors():
            reader: pa.RecordBatchReader = self._rows().to_arrow_reader(batch_rows)
        return reader

    def df(self) -> pd.DataFrame:
        """All rows that are left, as a pandas DataFrame."""
        with duckdb_errors():
            frame: pd.DataFrame = interruptible(self._duckdb, self._rows().df)
        return frame

    def pl(self) -> pl.DataFrame:
        """All rows that are left, as a polars DataFrame."""
        import polars

        frame = polars.from_arrow(self.arrow())
        assert isinstance(frame, polars.DataFrame)
        return frame

    @property
    def description(self) -> list[tuple[Any, ...]] | None:
        """A tuple for each column of the rows, its name and type first; None where the last statement gave no rows."""
        return self._duckdb.description if self._has_rows else None

    @property
    def rowcount(self) -> int:
        """How many rows the last statement changed; -1 before the first."""
        return self._session.n_rows

    def register(self, name: str, table: Any) -> Connection:
        """Give a DataFrame, an Arrow table or a reader a name, under which queries read it in place."""
        self._duckdb.register(name, table)
        return self

    def cursor(self) -> Connection:
        """Another connection to the same database, with the same options."""
        return Connection(self._duckdb.cursor(), self._session.settings)

    def commit(self) -> None:
        """End a transaction that BEGIN TRANSACTION began, and keep what it did."""
        self._duckdb.commit()

    def rollback(self) -> None:
        """End a transaction that BEGIN TRANSACTION began, and undo what it did."""
        self._duckdb.rollback()

    def close(self) -> None:
        """Close the connection. What BEGIN TRANSACTION began and nothing committed is undone."""
        self._duckdb.close()

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
