"""Tables in: Parquet, CSV and Arrow files, or a stream on standard input, one record batch at a time."""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet

from edgeonnx.cli._csv import position, read_csv
from edgeonnx.cli._error import CommandError
from edgeonnx.cli._formats import STANDARD_STREAM, Format
from edgeonnx.cli._numbers import TextError
from edgeonnx.cli._source import Request, Source, Split

_BUFFER_BYTES = 1 << 20
_CONTINUATION = b"\xff\xff\xff\xff"


@contextmanager
def open_source(path: str, format: Format, request: Request) -> Iterator[Source]:
    """Open a table; ``-`` is standard input."""
    try:
        file = sys.stdin.buffer if path == STANDARD_STREAM else open(path, "rb")  # noqa: SIM115 - closed below
    except OSError as error:
        raise CommandError(f"cannot read '{path}': {error.strerror}") from error
    shown = "standard input" if path == STANDARD_STREAM else path
    reader = {"parquet": _parquet, "csv": read_csv, "arrow": _arrow, "arrows": _arrow}[format]
    with file:
        with _naming(shown):
            source = reader(file, request)

        def split(batch: pa.RecordBatch) -> Split:
            with _naming(shown):
                return source.split(batch)

        yield Source(source.schema, _named(source.batches, shown), source.fraction, split)


@contextmanager
def _naming(path: str) -> Iterator[None]:
    """Say which file an error of pyarrow is about."""
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError, TextError) as error:
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
        # Releases before 0.15 began with the length of the schema, which is far below 2^24.
        if start and start[:4] != _CONTINUATION and start[3:4] != b"\0":
            raise pa.ArrowInvalid("it does not hold Arrow data; for CSV give --format csv")
        stream = pa.ipc.open_stream(file)
        return Source(stream.schema, iter(stream), lambda: position(file))
    if not file.seekable():
        raise CommandError("cannot read standard input: it holds an Arrow file; send the Arrow stream format, or name the file")
    table = pa.ipc.open_file(file)
    n_read = 0

    def batches() -> Iterator[pa.RecordBatch]:
        nonlocal n_read
        for n_read in range(table.num_record_batches):
            yield table.get_batch(n_read)

    return Source(table.schema, batches(), lambda: n_read / max(1, table.num_record_batches))
