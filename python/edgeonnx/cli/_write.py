"""Tables out: a file that appears whole or not at all, or a stream on standard output."""

import io
import os
import secrets
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, Literal

import pyarrow as pa
import pyarrow.compute
import pyarrow.ipc
import pyarrow.parquet

from edgeonnx.cli._columns import empty_batch
from edgeonnx.cli._csv import CsvWriter
from edgeonnx.cli._error import CommandError
from edgeonnx.cli._formats import STANDARD_STREAM, Format


@contextmanager
def open_sink(path: str, format: Format, schema: pa.Schema) -> Iterator[Callable[[pa.RecordBatch], None]]:
    """A function that writes one batch; ``-`` is standard output.

    A regular file is written beside `path` under a temporary name and takes its place when the block ends without an
    exception. Until then, and for good if there is one, what was at `path` stays as it was.
    """
    if path == STANDARD_STREAM:
        with _naming("standard output"), _writer(sys.stdout.buffer, format, schema) as write:

            def write_through(batch: pa.RecordBatch) -> None:
                write(batch)
                with _writing():
                    sys.stdout.buffer.flush()

            yield write_through
        return
    with _naming(path), _replacement(path) as file, _writer(file, format, schema) as write:
        yield write


@contextmanager
def open_text(path: str) -> Iterator[IO[str]]:
    """Text for a file, in UTF-8, as `open_sink` writes tables; ``-`` is standard output."""
    if path == STANDARD_STREAM:
        yield sys.stdout
        return
    with _naming(path), _replacement(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", write_through=True)
        yield text
        text.detach()


def write_whole(path: str, content: bytes) -> None:
    """Write bytes as `open_sink` writes tables: the file appears whole or not at all; ``-`` is standard output."""
    if path == STANDARD_STREAM:
        sys.stdout.buffer.write(content)
        return
    with _naming(path), _replacement(path) as file, _writing():
        file.write(content)


class _WriteError(Exception):
    """Holds what went wrong while writing, so that it is not taken for a failure of the reader or of the scorer."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


@contextmanager
def _naming(path: str) -> Iterator[None]:
    try:
        yield
    except _WriteError as error:
        cause = error.cause
        reason = os.strerror(cause.errno) if isinstance(cause, OSError) and cause.errno else str(cause)
        unchanged = "; the file that was there is unchanged" if os.path.isfile(path) else ""
        raise CommandError(f"cannot write '{path}': {reason}{unchanged}") from cause


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except (OSError, pa.ArrowException) as error:
        raise _WriteError(error) from error


@contextmanager
def _opened(path: str, mode: Literal["wb", "xb"]) -> Iterator[IO[bytes]]:
    with _writing():
        file = open(path, mode)  # noqa: SIM115 - closing may fail, and that is a failure to write
    try:
        yield file
    except BaseException:
        with suppress(OSError):  # what is still in the buffer has nowhere to go
            file.close()
        raise
    with _writing():
        file.close()


@contextmanager
def _replacement(path: str) -> Iterator[IO[bytes]]:
    target = os.path.realpath(path)
    with _writing():
        old = os.stat(target) if os.path.exists(target) else None
    if old is not None and not stat.S_ISREG(old.st_mode):  # a device or a named pipe cannot be replaced
        with _opened(target, "wb") as file:
            yield file
        return
    folder, name = os.path.split(target)
    temporary = os.path.join(folder, f".{name}.{secrets.token_hex(4)}.tmp")
    try:
        with _opened(temporary, "xb") as file:
            yield file
            with _writing():
                if old is not None:
                    os.fchmod(file.fileno(), stat.S_IMODE(old.st_mode))
                file.flush()
                os.fsync(file.fileno())
        with _writing():
            os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


@contextmanager
def _writer(file: IO[bytes], format: Format, schema: pa.Schema) -> Iterator[Callable[[pa.RecordBatch], None]]:
    flat = _flattened if format == "csv" else _unchanged
    columns = flat(empty_batch(schema)).schema
    with _writing():
        writer = {
            "parquet": pa.parquet.ParquetWriter,
            "csv": CsvWriter,
            "arrow": pa.ipc.new_file,
            "arrows": pa.ipc.new_stream,
        }[format](file, columns)

    def write(batch: pa.RecordBatch) -> None:
        with _writing():
            writer.write_batch(flat(batch))

    try:
        yield write
    except BaseException:
        with suppress(Exception):  # the reason is on its way already
            writer.close()
        raise
    with _writing():
        writer.close()
        file.flush()


def _unchanged(batch: pa.RecordBatch) -> pa.RecordBatch:
    return batch


def _flattened(batch: pa.RecordBatch) -> pa.RecordBatch:
    """CSV has no lists: one of k values becomes the columns ``name_0`` to ``name_{k-1}``. Nor has it bytes: they become T-SQL's 0x0AFF."""
    names: list[str] = []
    columns: list[pa.Array] = []
    for field, column in zip(batch.schema, batch.columns, strict=True):
        if pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type):
            names.append(field.name)
            columns.append(pa.array([None if value is None else f"0x{value.hex().upper()}" for value in column.to_pylist()], pa.string()))
        elif pa.types.is_fixed_size_list(field.type):
            for index in range(field.type.list_size):
                names.append(f"{field.name}_{index}")
                columns.append(pa.compute.list_element(column, index))
        else:
            names.append(field.name)
            columns.append(column)
    return pa.RecordBatch.from_arrays(columns, names)
