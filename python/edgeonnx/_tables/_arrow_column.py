"""Single Arrow arrays: as values of a mapping, or behind a pandas column."""

from __future__ import annotations

import sys
from typing import Any

from edgeonnx import _core
from edgeonnx._tables._columns import ColumnList
from edgeonnx._tables._pyarrow import pyarrow_for


def add_column(columns: ColumnList, name: str, values: Any) -> None:
    """Add an Arrow array, a chunked array, or a polars Series. In one piece the values are borrowed."""
    polars = sys.modules.get("polars")
    if polars is not None and isinstance(values, polars.Series):
        if values.n_chunks() > 1:
            columns.n_bytes_copied += values.estimated_size()
        _add_table(columns, name, _core.Table.from_arrow(values.rechunk().to_frame()), values.dtype)
        return
    if not hasattr(values, "__arrow_c_array__"):
        pyarrow = pyarrow_for(values)
        chunks = values if isinstance(values, pyarrow.ChunkedArray) else pyarrow.chunked_array(values)
        if chunks.num_chunks > 1:
            columns.n_bytes_copied += chunks.nbytes
        values = chunks.chunk(0) if chunks.num_chunks == 1 else chunks.combine_chunks()
    _add_table(columns, name, _core.Table.from_arrow_array(values), getattr(values, "type", type(values).__qualname__))


def _add_table(columns: ColumnList, name: str, table: _core.Table, type_name: object) -> None:
    """Add the only column of a table; `type_name` is what its library calls its type."""
    if table.is_bindable:
        columns.add_table(name, table)
    else:
        columns.add_unbindable(name, type_name, table.n_rows)
