"""Anything that speaks the Arrow PyCapsule interface: pyarrow tables, readers, DuckDB relations, nanoarrow arrays and their like.

https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from edgeonnx import _core
from edgeonnx._tables._columns import Array, Source, refuse_clashes
from edgeonnx._tables._pyarrow import pyarrow_for

if TYPE_CHECKING:
    from edgeonnx._port import Port


class ArrowStream:
    """The Arrow face of an object and nothing else: pyarrow and polars would read Scores as the mapping that they are too."""

    def __init__(self, owner: Any) -> None:
        self._owner = owner

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._owner.__arrow_c_stream__(requested_schema)


def read(data: Any, inputs: tuple[Port, ...]) -> Source:
    return Source(_core.Table.from_arrow(data), by_position=False, n_bytes_copied=0)


def append(data: Any, scores: Mapping[str, Array], keep: bool) -> Any:
    pyarrow = pyarrow_for(data)
    outputs = pyarrow.table(ArrowStream(scores))
    is_batch = isinstance(data, pyarrow.RecordBatch)
    if is_batch:
        outputs = pyarrow.RecordBatch.from_arrays([_one_array(column) for column in outputs.columns], schema=outputs.schema)
    if not keep:
        return outputs
    table = data if is_batch else materialize(data)
    refuse_clashes(table.schema.names, outputs.schema.names)
    for field, column in zip(outputs.schema, outputs.columns, strict=True):
        table = table.append_column(field, column)
    return table


def materialize(data: Any) -> Any:
    """A pyarrow Table or RecordBatch as it is; all rows of anything else as a Table, for which `data` is read once."""
    pyarrow = pyarrow_for(data)
    return data if isinstance(data, (pyarrow.Table, pyarrow.RecordBatch)) else pyarrow.table(data)


def batches(data: Any) -> Iterable[Any]:
    """Record batches of an Arrow object, one at a time."""
    reader: Iterable[Any] = pyarrow_for(data).RecordBatchReader.from_stream(data)
    return reader


def _one_array(column: Any) -> Any:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
