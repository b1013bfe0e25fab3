"""CSV in and out: every field is read as the text that it is, and only the columns that feed inputs become numbers."""

import io
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from edgeonnx.cli._error import CommandError
from edgeonnx.cli._numbers import NULL_WORDS, NumberReader
from edgeonnx.cli._source import Request, Source, Split

_SAMPLE_BYTES = 1 << 22
_NEEDS_QUOTES = '[",\r\n]|^$'  # an empty text in quotes is a text, without them it is NULL


def read_csv(file: IO[bytes], request: Request) -> Source:
    """A table of texts."""
    # A sample tells the names, and which columns hold numbers. It is parsed twice, which is cheaper than opening the file twice
    # and works for a pipe too.
    sample = file.read(_SAMPLE_BYTES)
    whole_lines = sample[: sample.rfind(b"\n") + 1] if len(sample) == _SAMPLE_BYTES else sample
    convert = pa.csv.ConvertOptions(null_values=NULL_WORDS)
    parse = pa.csv.ParseOptions(delimiter=request.delimiter)
    suggested = pa.csv.open_csv(pa.BufferReader(whole_lines or sample), parse_options=parse, convert_options=convert).schema
    _check_delimiter(suggested.names, request)
    unused = request.unused(suggested.names)
    names = [name for name in suggested.names if name not in unused]
    options = pa.csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()),
        include_columns=names if unused else None,
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    with _naming_columns(suggested.names):
        stream = pa.csv.open_csv(_Rest(sample, file), parse_options=parse, convert_options=options)

    def batches() -> Iterator[pa.RecordBatch]:
        with _naming_columns(suggested.names):
            yield from stream

    return Source(stream.schema, batches(), lambda: position(file), _Splitter(suggested, request))


def _check_delimiter(names: Sequence[str], request: Request) -> None:
    """Tell a file with other delimiters by its one column, of several names in a row, that feeds nothing."""
    if len(names) != 1 or request.binding.fed(names)[0]:
        return
    for delimiter in (";", "\t", "|", ","):
        if delimiter in names[0] and delimiter != request.delimiter:
            shown = delimiter.replace("\t", "\\t")
            raise CommandError(f"the data has one column, '{names[0]}'; if '{shown}' separates its fields, give --delimiter '{shown}'")


class _Splitter:
    """Turns batches of text, in the order of the file, into what is scored and what is kept."""

    def __init__(self, suggested: pa.Schema, request: Request) -> None:
        numeric = [field.name for field in suggested if pa.types.is_integer(field.type) or pa.types.is_floating(field.type)]
        fed, _ = request.binding.fed(suggested.names, numeric)
        readers = (NumberReader(name, port, request.whole, request.overflow_is_null) for name, port in fed.items())
        self._readers = {reader.column: reader for reader in readers if reader.is_number}
        self._types = {field.name: self._readers[field.name].type_for(field.type) for field in suggested if field.name in self._readers}
        self._keep_text = request.keep_text or not request.keep
        self._n_rows = 0

    def __call__(self, batch: pa.RecordBatch) -> Split:
        columns = [
            self._readers[name].read(column, self._n_rows) if name in self._readers else column
            for name, column in zip(batch.schema.names, batch.columns, strict=True)
        ]
        numbers = pa.RecordBatch.from_arrays(columns, batch.schema.names)
        kept = batch if self._keep_text else self._typed(batch, numbers)
        self._n_rows += batch.num_rows
        return Split(kept, numbers)

    def _typed(self, texts: pa.RecordBatch, numbers: pa.RecordBatch) -> pa.RecordBatch:
        """The numbers in the types that the file was begun with."""
        columns = []
        for name, text, column in zip(texts.schema.names, texts.columns, numbers.columns, strict=True):
            kind = self._types.get(name, column.type)
            try:
                columns.append(pc.cast(column, kind))
            except pa.ArrowInvalid as error:
                bad = _first_uncastable(column, kind)
                raise CommandError(
                    f"row {self._n_rows + bad} of column '{name}' is '{text[bad].as_py()}', and the column is written as {kind}, "
                    "as its first rows suggest; write CSV, or give --no-keep"
                ) from error
        return pa.RecordBatch.from_arrays(columns, texts.schema.names)


def _first_uncastable(column: pa.Array, kind: pa.DataType) -> int:
    for row in range(len(column)):
        try:
            pc.cast(column[row : row + 1], kind)
        except pa.ArrowInvalid:
            return row
    return 0


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


def position(file: IO[bytes]) -> float | None:
    """How much of a file has been read, from 0 to 1; None for a pipe."""
    if not file.seekable():
        return None
    size = os.fstat(file.fileno()).st_size
    return min(1.0, file.tell() / size) if size else None


class CsvWriter:
    """Writes record batches as CSV, with quotes only where a field needs them, so that texts read from CSV come out as they were."""

    def __init__(self, file: IO[bytes], schema: pa.Schema) -> None:
        self._file = file
        self._write([pa.array([name], pa.large_string()) for name in schema.names])

    def write_batch(self, batch: pa.RecordBatch) -> None:
        self._write([_texts(column) for column in batch.columns])

    def close(self) -> None:
        """Nothing is held back."""

    def _write(self, columns: list[pa.Array]) -> None:
        lines = _joined([_joined([_quoted(column) for column in columns], ","), _text("\n")], "")
        if len(lines):  # they lie one behind the other in the array's own memory
            self._file.write(memoryview(lines.buffers()[2]))


def _texts(column: pa.Array) -> pa.Array:
    if not pa.types.is_decimal128(column.type) or column.type.scale <= 0:
        return pc.cast(column, pa.large_string())
    # Arrow's own texts of small decimals have exponents: 0E-17.
    scale = column.type.scale
    wholes = pc.cast(column.view(pa.decimal128(column.type.precision, 0)), pa.large_string())
    digits = pc.utf8_lpad(pc.utf8_ltrim(wholes, "-"), scale + 1, "0")
    sign = pc.if_else(pc.starts_with(wholes, "-"), _text("-"), _text(""))
    return pc.binary_join_element_wise(sign, pc.utf8_replace_slice(digits, -scale, -scale, "."), _text(""))


def _quoted(texts: pa.Array) -> pa.Array:
    needs = pc.match_substring_regex(texts, _NEEDS_QUOTES)
    if not pc.any(needs).as_py():
        return texts
    doubled = pc.replace_substring(texts, '"', '""')
    return pc.if_else(needs, _joined([_text('"'), doubled, _text('"')], ""), texts)


def _joined(parts: list[pa.Array], separator: str) -> pa.Array:
    return pc.binary_join_element_wise(*parts, _text(separator), null_handling="replace")


def _text(text: str) -> pa.Scalar:
    return pa.scalar(text, pa.large_string())
