"""Tables in: Parquet, CSV and Arrow files, or a stream on standard input, one record batch at a time."""

import io
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

import pyarrow as pa
import pyarrow.csv
import pyarrow.ipc
import pyarrow.parquet

from edgeonnx import Port
from edgeonnx.cli._columns import bound_columns, csv_types
from edgeonnx.cli._error import CommandError
from edgeonnx.cli._formats import STANDARD_STREAM, Format

_SAMPLE_BYTES = 1 << 22
_BUFFER_BYTES = 1 << 20
# Words for NULL; "nan" is not among them, because NULL and NaN are two things.
_CSV_NULLS = ["", "NULL", "null", "NA", "N/A", "n/a", "#N/A", "#NA"]


@dataclass
class Source:
    """A table that is being read.

    Attributes
    ----------
    schema
        Columns and types, known before the first row is read.
    batches
        The rows, in order; each batch can be forgotten before the next is asked for.
    fraction
        How much has been read, from 0 to 1; None where the end is not known.
    """

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]
    fraction: Callable[[], float | None]


@dataclass(frozen=True)
class Request:
    """What the reader may know about the model: its inputs, and whether other columns are wanted too."""

    inputs: Sequence[Port]
    rename: Mapping[str, str]
    keep: bool
    batch_rows: int | None

    def rows(self, schema: pa.Schema) -> int:
        """Rows of one batch: as asked for, else about 64 MiB of plain numbers, at most 131072."""
        return self.batch_rows or max(1024, min(1 << 17, (1 << 26) // (8 * max(1, len(schema)))))

    def unused(self, names: Sequence[str]) -> set[str]:
        """Columns that need not be read."""
        if self.keep or len(set(names)) < len(names):
            return set()
        bound = bound_columns(self.inputs, names, self.rename)
        return set(names) - set(bound) if bound is not None else set()


@contextmanager
def open_source(path: str, format: Format, request: Request) -> Iterator[Source]:
    """Open a table; ``-`` is standard input."""
    try:
        file = sys.stdin.buffer if path == STANDARD_STREAM else open(path, "rb")  # noqa: SIM115 - closed below
    except OSError as error:
        raise CommandError(f"cannot read '{path}': {error.strerror}") from error
    shown = "standard input" if path == STANDARD_STREAM else path
    reader = {"parquet": _parquet, "csv": _csv, "arrow": _arrow, "arrows": _arrow}[format]
    with file:
        with _naming(shown):
            source = reader(file, request)
        yield Source(source.schema, _named(source.batches, shown), source.fraction)


@contextmanager
def _naming(path: str) -> Iterator[None]:
    """Say which file an error of pyarrow is about."""
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise CommandError(f"cannot read '{path}': {error}") from error


def _named(batches: Iterator[pa.RecordBatch], path: str) -> Iterator[pa.RecordBatch]:
    while True:
        with _naming(path):
            batch = next(batches, None)
        if batch is None:
            return
        yield batch


def rebatch(batches: Iterator[pa.RecordBatch], n_rows: int, wait: bool) -> Iterator[pa.RecordBatch]:
    """The same rows in batches of at most `n_rows`.

    With `wait`, small batches are gathered until `n_rows` are there, as a file wants it; without, each is passed on as it
    comes, as the reader of a stream wants it.
    """
    waiting: list[pa.RecordBatch] = []
    n_waiting = 0
    for batch in batches:
        start = 0
        while start < batch.num_rows:
            piece = batch.slice(start, n_rows - n_waiting)
            waiting.append(piece)
            n_waiting += piece.num_rows
            start += piece.num_rows
            if n_waiting == n_rows or not wait:
                yield _joined(waiting)
                waiting, n_waiting = [], 0
    if waiting:
        yield _joined(waiting)


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    return batches[0] if len(batches) == 1 else pa.Table.from_batches(batches).combine_chunks().to_batches()[0]


def _parquet(file: IO[bytes], request: Request) -> Source:
    # Read a column chunk piece by piece: whole ones take as much memory as the file, if it is one row group.
    table = pa.parquet.ParquetFile(file, buffer_size=_BUFFER_BYTES, pre_buffer=False)
    schema = table.schema_arrow
    unused = request.unused(schema.names)
    if unused:
        schema = pa.schema([field for field in schema if field.name not in unused])
    n_rows = table.metadata.num_rows
    n_read = 0

    def batches() -> Iterator[pa.RecordBatch]:
        nonlocal n_read
        for batch in table.iter_batches(request.rows(schema), columns=schema.names if unused else None):
            n_read += batch.num_rows
            yield batch

    return Source(schema, batches(), lambda: n_read / n_rows if n_rows else None)


def _arrow(file: IO[bytes], request: Request) -> Source:
    start = file.peek(6)[:6] if isinstance(file, io.BufferedReader) else b""
    if start != b"ARROW1":  # the stream format
        stream = pa.ipc.open_stream(file)
        return Source(stream.schema, iter(stream), lambda: _position(file))
    if not file.seekable():
        raise CommandError("cannot read standard input: it holds an Arrow file; send the Arrow stream format, or name the file")
    table = pa.ipc.open_file(file)
    n_read = 0

    def batches() -> Iterator[pa.RecordBatch]:
        nonlocal n_read
        for n_read in range(table.num_record_batches):
            yield table.get_batch(n_read)

    return Source(table.schema, batches(), lambda: n_read / max(1, table.num_record_batches))


def _csv(file: IO[bytes], request: Request) -> Source:
    # A sample tells the names and the types of the columns that feed no input. It is parsed twice, which is cheaper than
    # opening the file twice and works for a pipe too.
    sample = file.read(_SAMPLE_BYTES)
    whole_lines = sample[: sample.rfind(b"\n") + 1] if len(sample) == _SAMPLE_BYTES else sample
    convert = {"null_values": _CSV_NULLS, "strings_can_be_null": False}
    suggested = pa.csv.open_csv(io.BytesIO(whole_lines or sample), convert_options=pa.csv.ConvertOptions(**convert)).schema
    types = csv_types(suggested, request.inputs, request.rename)
    unused = request.unused(suggested.names)
    options = pa.csv.ConvertOptions(
        column_types=types, include_columns=[name for name in suggested.names if name not in unused] if unused else None, **convert
    )
    with _naming_columns(suggested.names):
        stream = pa.csv.open_csv(_Rest(sample, file), convert_options=options)

    def batches() -> Iterator[pa.RecordBatch]:
        with _naming_columns(suggested.names):
            yield from stream

    return Source(stream.schema, batches(), lambda: _position(file))


@contextmanager
def _naming_columns(names: Sequence[str]) -> Iterator[None]:
    """Names instead of pyarrow's "CSV column #2"."""
    try:
        yield
    except pa.ArrowInvalid as error:
        raise pa.ArrowInvalid(re.sub(r"In CSV column #(\d+)", lambda match: f"column '{names[int(match[1])]}'", str(error))) from error


class _Rest(io.RawIOBase):
    """A file that begins with bytes already read from it."""

    def __init__(self, start: bytes, file: IO[bytes]) -> None:
        self._start = memoryview(start)
        self._file = file

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        if size is None or size < 0:
            start, self._start = self._start, self._start[:0]
            return bytes(start) + self._file.read()
        if not self._start:
            return self._file.read(size)
        start, self._start = self._start[:size], self._start[size:]
        return bytes(start)


def _position(file: IO[bytes]) -> float | None:
    if not file.seekable():
        return None
    size = os.fstat(file.fileno()).st_size
    return min(1.0, file.tell() / size) if size else None
