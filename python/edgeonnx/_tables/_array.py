"""Arrays without names, whose columns feed the inputs by their position."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy

from edgeonnx._errors import InvalidArgument, ShapeError
from edgeonnx._tables import _structured
from edgeonnx._tables._columns import Array, ColumnList, Source, any_masked, native, rows_of
from edgeonnx._tables._masked import is_masked

if TYPE_CHECKING:
    from edgeonnx._port import Port


def read(data: Array, inputs: tuple[Port, ...]) -> Source:
    if data.dtype.names is not None:
        return _structured.read(data, inputs)
    if data.ndim == 0:
        raise InvalidArgument("data is a single value; a table has rows: pass an array of shape (n_rows, n_columns)")
    if type(data) is not numpy.ndarray and not is_masked(data):
        data = data.view(numpy.ndarray)  # a numpy.matrix stays two-dimensional whatever is taken of it
    if data.ndim == 1 and len(data) > 1 and len(data) == _n_values(inputs):
        raise ShapeError(
            f"data is one column of {len(data)} rows, and the model takes {len(data)} values a row; if it is one row, pass "
            "data.reshape(1, -1)"
        )
    columns = ColumnList()
    data, columns.n_bytes_copied = native(data)
    if data.ndim != 2 or _is_one_column(data, inputs):
        columns.add(inputs[0].name if inputs else "column 0", data)
    else:
        columns.extend(_names(inputs, data.shape[1]), data)
    return columns.source(by_position=True)


def append(data: Array, scores: Mapping[str, Array], keep: bool) -> Array:
    """Data and scores side by side, in the one dtype that holds all of them."""
    parts = [rows_of(values) for values in scores.values()]
    if keep:
        if data.ndim > 2:
            raise InvalidArgument(
                f"an array of shape {data.shape} has no columns to append to; pass keep=False to get the outputs alone, or a mapping"
            )
        parts.insert(0, rows_of(data))
    shape = (len(data), sum(part.shape[1] for part in parts))
    dtype = numpy.result_type(*(part.dtype for part in parts)) if parts else data.dtype
    masked = any_masked(scores) or (keep and is_masked(data))
    result: Array = numpy.ma.empty(shape, dtype) if masked else numpy.empty(shape, dtype)
    column = 0
    for part in parts:
        result[:, column : column + part.shape[1]] = part
        column += part.shape[1]
    return result


def _is_one_column(data: Array, inputs: tuple[Port, ...]) -> bool:
    # Rows that do not lie together are cheaper to read as k strided columns than to copy. A mask is kept per value that way too.
    return len(inputs) == 1 and data.shape[1] != 1 and data.strides[1] == data.itemsize and not is_masked(data)


def _n_values(inputs: tuple[Port, ...]) -> int | None:
    """How many values a row the inputs take; None where the model leaves it open."""
    n_values = 0
    for port in inputs:
        sizes = [size for size in port.shape[1:] if size is not None]
        if len(sizes) < len(port.shape[1:]):
            return None
        n_values += math.prod(sizes)
    return n_values


def _names(inputs: tuple[Port, ...], n_columns: int) -> list[str]:
    """What messages call the columns: their inputs, numbered where one input takes several."""
    if len(inputs) == n_columns:
        return [port.name for port in inputs]
    names: list[str] = []
    for port in inputs:
        known = _n_values((port,))
        width = n_columns - len(names) if known is None else known
        names.extend([port.name] if width == 1 else [f"{port.name}[{index}]" for index in range(width)])
    names.extend(f"column {index}" for index in range(len(names), n_columns))
    return names[:n_columns]
