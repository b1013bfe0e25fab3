"""A table that is being read, and what its reader may know of the scoring."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa

from edgeonnx.cli._columns import Binding


class Split(NamedTuple):
    """A batch as it goes into the output, and as it goes to the scorer."""

    kept: pa.RecordBatch
    scored: pa.RecordBatch


def same(batch: pa.RecordBatch) -> Split:
    """The batch for both."""
    return Split(batch, batch)


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
    split
        To be called with each batch, in order.
    """

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]
    fraction: Callable[[], float | None]
    split: Callable[[pa.RecordBatch], Split] = same


@dataclass(frozen=True)
class Request:
    """What the reader may know: the model's inputs, and what is wanted of the table.

    Attributes
    ----------
    binding
        Inputs, and what the user said about their columns.
    keep
        Whether columns that feed no input are wanted too.
    keep_text
        Whether text may stay text in the output.
    batch_rows
        Rows of one batch.
    whole
        Whether text for an integer input must be a whole number.
    overflow_is_null
        Whether values that do not fit are NULLs.
    delimiter
        What stands between the fields of CSV.
    """

    binding: Binding
    keep: bool = True
    keep_text: bool = False
    batch_rows: int | None = None
    whole: bool = False
    overflow_is_null: bool = False
    delimiter: str = ","

    def rows(self, schema: pa.Schema) -> int:
        """Rows of one batch: as asked for, else about 64 MiB of plain numbers, at most 131072."""
        return self.batch_rows or max(1024, min(1 << 17, (1 << 26) // (8 * max(1, len(schema)))))

    def unused(self, names: Sequence[str]) -> set[str]:
        """Columns that need not be read."""
        if self.keep or len(set(names)) < len(names):
            return set()
        fed, complete = self.binding.fed(names)
        return set(names) - set(fed) if complete else set()
