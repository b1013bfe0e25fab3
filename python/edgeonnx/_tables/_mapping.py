"""Mappings of names to columns."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy

from edgeonnx._errors import InvalidArgument
from edgeonnx._tables import _arrow_column, _pandas, _row, _tensor
from edgeonnx._tables._columns import Array, ColumnList, Source, refuse_clashes

if TYPE_CHECKING:
    from edgeonnx._port import Port


def read(data: Mapping[str, Any], inputs: tuple[Port, ...]) -> Source:
    if _row.is_row(data):
        return _row.read(data, inputs)
    columns = ColumnList()
    for name, values in data.items():
        if type(name) is not str:
            raise InvalidArgument(f"column names are strings, and {name!r} is of type {type(name).__qualname__}")
        if type(values) is numpy.ndarray:
            dtype = values.dtype
            # Nothing to look at any more, and one-row calls feel every microsecond.
            if values.ndim == 1 and dtype.isnative and dtype.char != "O":
                columns.names.append(name)
                columns.arrays.append(values)
            else:
                columns.add(name, values)
        else:
            _add(columns, name, values)
    return columns.source()


def append(data: Mapping[str, Any], scores: Mapping[str, Array], keep: bool) -> dict[str, Any]:
    if keep:
        refuse_clashes(data, scores)
    if _row.is_row(data):
        return _row.append(data if keep else {}, scores)
    if not keep:
        return dict(scores)
    return {**data, **scores}


def _add(columns: ColumnList, name: str, values: Any) -> None:
    pandas = sys.modules.get("pandas")
    if isinstance(values, numpy.ndarray):
        columns.add(name, values)
    elif pandas is not None and isinstance(values, (pandas.Series, pandas.Index, pandas.api.extensions.ExtensionArray)):
        _pandas.add_column(columns, name, values)
    elif hasattr(values, "__arrow_c_stream__") or hasattr(values, "__arrow_c_array__"):
        _arrow_column.add_column(columns, name, values)
    elif hasattr(values, "__dlpack__") or hasattr(values, "__array__"):
        columns.add(name, _tensor.as_array(f"column '{name}'", values))
    else:
        try:
            array = numpy.asarray(values)
        except ValueError as error:
            raise InvalidArgument(f"column '{name}' of type {type(values).__qualname__} makes no array: {error}") from error
        columns.add(name, array)
        if isinstance(values, (list, tuple, range)):
            columns.n_bytes_copied += array.nbytes
