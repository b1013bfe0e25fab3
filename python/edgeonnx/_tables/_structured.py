"""Structured arrays, record arrays included: one column per field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy

from edgeonnx._errors import InvalidArgument
from edgeonnx._tables._columns import Array, ColumnList, Source, any_masked, refuse_clashes

if TYPE_CHECKING:
    from edgeonnx._port import Port


def read(data: Array, inputs: tuple[Port, ...]) -> Source:
    if data.ndim != 1:
        raise InvalidArgument(f"a structured array has one record a row, and this one is of shape {data.shape}; pass data.ravel()")
    columns = ColumnList()
    for name in data.dtype.names or ():
        columns.add(name, data[name])
    return columns.source()


def append(data: Array, scores: Mapping[str, Array], keep: bool) -> Array:
    names = data.dtype.names or ()
    fields: list[Any] = []
    if keep:
        refuse_clashes(names, scores)
        fields.extend((name, data.dtype[name]) for name in names)
    fields.extend((name, values.dtype, values.shape[1:]) for name, values in scores.items())
    masked = any_masked(scores) or (keep and isinstance(data, numpy.ma.MaskedArray))
    dtype = numpy.dtype(fields)
    result: Array = numpy.ma.empty(len(data), dtype) if masked else numpy.empty(len(data), dtype)
    if keep:
        for name in names:
            result[name] = data[name]
    for name, values in scores.items():
        result[name] = values
    return result.view(numpy.recarray) if isinstance(data, numpy.recarray) and not masked else result
