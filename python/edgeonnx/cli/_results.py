"""Rows of a query, printed or written to a file."""

import datetime
import json
import math
import sys
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from typing import IO, TYPE_CHECKING, Any, Literal, get_args

import click
from rich.markup import escape
from rich.table import Table

from edgeonnx.cli._console import stdout_console
from edgeonnx.cli._formats import STANDARD_STREAM
from edgeonnx.cli._write import open_sink, open_text

if TYPE_CHECKING:
    from edgeonnx.sql import Connection

ResultFormat = Literal["table", "csv", "json", "parquet", "arrow", "arrows"]
FORMATS = get_args(ResultFormat)
_BY_ENDING: dict[str, ResultFormat] = {
    "csv": "csv",
    "json": "json",
    "jsonl": "json",
    "ndjson": "json",
    "parquet": "parquet",
    "arrow": "arrow",
    "feather": "arrow",
    "arrows": "arrows",
}


def result_format(output: str | None, to: ResultFormat | None) -> ResultFormat:
    """The format asked for, else the one that the file's name or the terminal suggests."""
    if output is None:
        if to in ("parquet", "arrow", "arrows"):
            raise click.UsageError(f"{to} is binary; give a file with --output")
        return to or ("table" if sys.stdout.isatty() else "csv")
    ending = output.rpartition(".")[2].lower()
    if to is None and ending not in _BY_ENDING:
        raise click.UsageError(f"the name '{output}' does not tell a format; give --to {', '.join(FORMATS[1:])}")
    if to == "table":
        raise click.UsageError("a table is for people; give --to csv, json, parquet or arrow")
    return to or _BY_ENDING[ending]


def show_result(connection: "Connection", format_: ResultFormat, n_rows: int) -> None:
    """Print the rows that wait on the connection."""
    if format_ == "table":
        _print_table(connection, n_rows)
    elif format_ == "json":
        _write_json(connection, sys.stdout)
        sys.stdout.flush()
    else:
        write_result(connection, STANDARD_STREAM, "csv")


def write_result(connection: "Connection", path: str, format_: ResultFormat) -> None:
    """Write the rows that wait on the connection to a file, which appears whole or not at all."""
    if format_ == "json":
        with open_text(path) as file:
            _write_json(connection, file)
        return
    from edgeonnx.sql._interrupt import interruptible

    assert format_ != "table"
    reader = connection.reader()
    with open_sink(path, format_, reader.schema) as write:
        while True:
            try:
                batch = interruptible(connection.duckdb, reader.read_next_batch)
            except StopIteration:
                break
            write(batch)


def _print_table(connection: "Connection", n_rows: int) -> None:
    names = connection.description or []
    rows = connection.fetchmany(n_rows + 1)
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for name, kind, *_ in names:
        table.add_column(escape(str(name)), justify="right" if str(kind).startswith(_NUMBERS) else "left", overflow="fold")
    for row in rows[:n_rows]:
        table.add_row(*(_cell(value) for value in row))
    console = stdout_console()
    console.print(table)
    if len(rows) > n_rows:
        console.print(f"[dim]the first {n_rows} rows; --rows shows more, --to csv all[/]")
    else:
        console.print(f"[dim]{len(rows)} row{'' if len(rows) == 1 else 's'}[/]")


_NUMBERS = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "FLOAT",
    "DOUBLE",
    "DECIMAL",
)


def _cell(value: Any) -> str:
    if value is None:
        return "[dim]NULL[/]"
    if isinstance(value, bytes):
        return f"0x{value[:16].hex().upper()}{'...' if len(value) > 16 else ''}"
    return escape(str(value))


def _write_json(connection: "Connection", file: IO[str]) -> None:
    """A line for each row, an object of its columns."""
    names: list[str] = []
    for name, *_ in connection.description or []:
        names.append(str(name) if name not in names else f"{name}_{len(names)}")  # an object holds a name once
    rows: Iterator[tuple[Any, ...]] = iter(connection)
    while lines := [json.dumps(_object(names, row), default=_plain, ensure_ascii=False) for row in islice(rows, 1024)]:
        file.write("\n".join(lines) + "\n")


def _object(names: list[str], row: tuple[Any, ...]) -> dict[str, Any]:
    """JSON has neither NaN nor infinities: null, as JavaScript writes them."""
    return {name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in zip(names, row, strict=True)}


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return "0x" + value.hex().upper()
    if isinstance(value, Decimal | datetime.timedelta):
        return str(value)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
