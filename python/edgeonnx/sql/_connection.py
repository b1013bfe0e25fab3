"""Connections with the manners of Python's DB-API (PEP 249)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

import duckdb

import edgeonnx.duckdb
from edgeonnx._errors import InvalidArgument, InvalidState
from edgeonnx.sql._database import Rows
from edgeonnx.sql._session import Session

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

__all__ = ["Connection", "connect"]

Parameters = Sequence[Any] | Mapping[str, Any]


def connect(
    database: str | os.PathLike[str] = ":memory:",
    *,
    coercion: str = "tsql",
    nulls: str | float = "error",
    on_overflow: str = "error",
    read_only: bool = False,
    config: Mapping[str, Any] | None = None,
    on_message: Callable[[str], None] = print,
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
    on_message
        Called with the text of each PRINT.

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
    return Connection(edgeonnx.duckdb.load(opened), settings, on_message)


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

    def __init__(self, connection: duckdb.DuckDBPyConnection, settings: str, on_message: Callable[[str], None]) -> None:
        self._duckdb = connection
        self._session = Session(connection, settings, on_message)

    @property
    def duckdb(self) -> duckdb.DuckDBPyConnection:
        """The DuckDB connection itself, for what DuckDB alone can do."""
        return self._duckdb

    def execute(self, script: str, *parameters: Any) -> Connection:
        """Run a script; the rows of its last statement can then be fetched. They are computed when they are.

        Parameters
        ----------
        script
            Statements of T-SQL, with semicolons between them or without; a line of GO ends a batch, and with it its variables.
        parameters
            Values for the script's question marks, one by one or in a sequence, or a mapping: values of its variables, {"id": 7} for @id.

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
        alone = parameters[0] if len(parameters) == 1 and isinstance(parameters[0], Mapping | list | tuple) else parameters
        for _ in self.steps(script, alone):
            pass
        return self

    def steps(self, script: str, parameters: Parameters = (), *, keep: bool = False) -> Iterator[bool]:
        """Run a script as `execute` does, statement by statement: True after each that gave rows, which can be fetched then.

        `keep` keeps the variables of the scripts before.
        """
        if not keep:
            self._session.variables = {}
        yield from self._session.run_script(script, parameters)

    def executemany(self, script: str, parameters: Iterable[Parameters]) -> Connection:
        """Run a script once for each set of parameters, all in one transaction: the one that is open, or one of its own."""
        if self._session.in_transaction:
            for each in parameters:
                self.execute(script, each)
            return self
        self.execute("BEGIN TRANSACTION")
        try:
            for each in parameters:
                self.execute(script, each)
        except BaseException:
            self.rollback()
            raise
        self.commit()
        return self

    def _rows(self) -> Rows:
        if self._session.rows is None:
            raise InvalidState("there are no rows: the last statement gave none")
        return self._session.rows

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row, or None."""
        return self._session.rows.one() if self._session.rows else None

    def fetchmany(self, size: int = 1) -> list[tuple[Any, ...]]:
        """The next `size` rows, or as many as there are."""
        return self._session.rows.some(size) if self._session.rows else []

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All rows that are left."""
        return self._session.rows.some(None) if self._session.rows else []

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        while (row := self.fetchone()) is not None:
            yield row

    def arrow(self) -> pa.Table:
        """All rows, as a pyarrow Table."""
        table: pa.Table = self._rows().table("to_arrow_table")
        return table

    def reader(self, batch_rows: int = 1_000_000) -> pa.RecordBatchReader:
        """All rows, as record batches that are made as they are read."""
        reader: pa.RecordBatchReader = self._rows().table("to_arrow_reader", batch_rows)
        return reader

    def df(self) -> pd.DataFrame:
        """All rows, as a pandas DataFrame."""
        frame: pd.DataFrame = self._rows().table("df")
        return frame

    def pl(self) -> pl.DataFrame:
        """All rows, as a polars DataFrame."""
        import polars

        frame = polars.from_arrow(self.arrow())
        assert isinstance(frame, polars.DataFrame)
        return frame

    @property
    def description(self) -> list[tuple[Any, ...]] | None:
        """A tuple for each column of the rows, its name and type first; None where the last statement gave no rows."""
        return self._session.rows.description if self._session.rows else None

    @property
    def rowcount(self) -> int:
        """How many rows the last statement changed; -1 after one that gave rows."""
        return self._session.n_rows

    def register(self, name: str, table: Any) -> Connection:
        """Give a DataFrame, an Arrow table or a reader a name, under which queries read it in place."""
        self._duckdb.register(name, table)
        return self

    def cursor(self) -> Connection:
        """Another connection to the same database, with the same options."""
        return Connection(self._duckdb.cursor(), self._session.settings, self._session.on_message)

    def commit(self) -> None:
        """End the transaction that BEGIN TRANSACTION began, and keep what it did. Without one each statement is its own."""
        if self._session.in_transaction:
            self.execute("COMMIT")

    def rollback(self) -> None:
        """End the transaction that BEGIN TRANSACTION began, if there is one, and undo what it did."""
        if self._session.in_transaction:
            self.execute("ROLLBACK")

    def close(self) -> None:
        """Close the connection. What BEGIN TRANSACTION began and nothing committed is undone."""
        self._duckdb.close()

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
