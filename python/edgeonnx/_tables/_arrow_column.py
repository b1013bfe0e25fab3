"""Single Arrow arrays, as values of a mapping or behind a pandas column, as numpy arrays with a mask."""

from __future__ import annotations

import sys
from typing import Any

from edgeonnx._errors import InvalidArgument
from edgeonnx._tables._arrow import pyarrow_for
from edgeonnx._tables._columns import ColumnList


def add_column(columns: ColumnList, name: str, values: Any) -> None:
    """Add an Arrow array, a chunked array, or a polars Series. Without NULLs and in one piece the values are borrowed."""
    polars = sys.modules.get("polars")
    if polars is not None and isinstance(values, polars.Series):
        _add_polars(columns, name, values, polars)
        return
    pyarrow = pyarrow_for(values)
    if not isinstance(values, pyarrow.ChunkedArray):
        values = pyarrow.chunked_array([values if isinstance(values, pyarrow.Array) else pyarrow.array(values)])
    _add_pyarrow(columns, name, values, pyarrow)


def _add_polars(columns: ColumnList, name: str, values: Any, polars: Any) -> None:
    shape = values.dtype.shape if isinstance(values.dtype, polars.Array) else None
    flat = values if shape is None else values.reshape((-1,))
    is_bool = flat.dtype == polars.Boolean
    if not (is_bool or flat.dtype.is_integer() or flat.dtype.is_float()):
        columns.add_unbindable(name, values.dtype, len(values))
        return
    mask = None
    if values.null_count() or flat.null_count():
        if shape is not None:
            raise _nulls_in_lists(name)
        mask = values.is_null().to_numpy()
        flat = values.fill_null(False if is_bool else 0)
    array = flat.to_numpy()
    columns.add(name, array if shape is None else array.reshape(len(values), *shape), mask)
    if is_bool or mask is not None or flat.n_chunks() > 1:
        columns.n_bytes_copied += array.nbytes


def _add_pyarrow(columns: ColumnList, name: str, values: Any, pyarrow: Any) -> None:
    types = pyarrow.types
    width = values.type.list_size if types.is_fixed_size_list(values.type) else None
    element = values.type if width is None else values.type.value_type
    is_bool = types.is_boolean(element)
    if not (is_bool or types.is_integer(element) or types.is_floating(element)):
        columns.add_unbindable(name, values.type, len(values))
        return
    n_chunks = values.num_chunks
    flat = values.chunk(0) if n_chunks == 1 else values.combine_chunks()
    mask = None
    if width is not None:
        if flat.null_count or flat.flatten().null_count:
            raise _nulls_in_lists(name)
        flat = flat.flatten()
    elif flat.null_count:
        mask = flat.is_null().to_numpy(zero_copy_only=False)
        flat = flat.fill_null(False if is_bool else 0)
    array = flat.to_numpy(zero_copy_only=False)
    columns.add(name, array if width is None else array.reshape(len(values), width), mask)
    if is_bool or mask is not None or n_chunks > 1:
        columns.n_bytes_copied += array.nbytes


def _nulls_in_lists(name: str) -> InvalidArgument:
    return InvalidArgument(
        f"column '{name}' is an Arrow list with NULLs inside a mapping; pass the whole table as one Arrow table, where they are understood"
    )
