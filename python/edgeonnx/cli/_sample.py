"""Tables whose columns are wanted as they are, whatever a model takes: whole, or the first rows of them."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.csv

from edgeonnx.cli._columns import Binding
from edgeonnx.cli._error import CommandError
from edgeonnx.cli._formats import STANDARD_STREAM, Format, format_of
from edgeonnx.cli._read import open_source
from edgeonnx.cli._source import Request


def read_rows(path: str, declared: Format | None = None, option: str = "--format", *, most: int | None = None) -> pa.Table:
    """The first rows of a file, or all. Columns of CSV get the types that their values suggest: bigint, float, bit, or text.

    Raises
    ------
    CommandError
        It can't be read.
    click.UsageError
        Nothing tells its format.
    """
    kind = format_of(path, declared, option)
    if kind == "csv" and path != STANDARD_STREAM:
        return _csv(path, most)
    with open_source(path, kind, Request(Binding((), {}, {}))) as source:
        return _first(source.schema, source.batches, most)


def _csv(path: str, most: int | None) -> pa.Table:
    try:
        # One block is looked at for types; where they have to hold for the whole file, the whole file is that block.
        if most is None:
            return pa.csv.read_csv(path)
        with pa.csv.open_csv(path) as reader:
            return _first(reader.schema, iter(reader), most)
    except (pa.ArrowException, OSError) as error:
        raise CommandError(f"cannot read '{path}': {error}") from error


def _first(schema: pa.Schema, batches: Iterator[pa.RecordBatch], most: int | None) -> pa.Table:
    taken: list[pa.RecordBatch] = []
    n_rows = 0
    for batch in batches:
        taken.append(batch)
        n_rows += batch.num_rows
        if most is not None and n_rows >= most:
            break
    table = pa.Table.from_batches(taken, schema)
    return table if most is None else table.slice(0, most)
