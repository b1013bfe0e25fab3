"""One row: a mapping of names to single values."""

from __future__ import annotations

import datetime
import numbers
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy

from edgeonnx._errors import InvalidArgument, Overflow
from edgeonnx._tables._columns import Array, ColumnList, Source

if TYPE_CHECKING:
    from edgeonnx._port import Port

_SINGLE = (int, numbers.Number, numpy.generic, str, bytes, datetime.date, datetime.time, datetime.timedelta)


_USUAL = {float: numpy.float64, bool: numpy.bool_, numpy.float32: numpy.float32, numpy.float64: numpy.float64, numpy.int64: numpy.int64}


def is_single(value: object) -> bool:
    """Whether a value of a mapping is one value and no column."""
    return type(value) in _USUAL or isinstance(value, _SINGLE) or _is_null(value)  # abstract classes take their time


def is_row(data: Mapping[str, Any]) -> bool:
    """Whether all values of a mapping are single ones."""
    return bool(data) and all(map(is_single, data.values()))


def read(data: Mapping[str, Any], inputs: tuple[Port, ...]) -> Source:
    columns = ColumnList()
    for name, value in data.items():
        if type(name) is not str:
            raise InvalidArgument(f"column names are strings, and {name!r} is of type {type(name).__qualname__}")
        if type(value) in _USUAL:
            columns.names.append(name)
            columns.arrays.append(numpy.array((value,), _USUAL[type(value)]))
        elif _is_null(value):
            columns.add_nulls(name, 1)
        elif isinstance(value, (numpy.generic, float)):
            columns.add(name, numpy.array([value]))
        elif isinstance(value, int):
            columns.add(name, numpy.array([_bigint(name, int(value))]))
        elif isinstance(value, numbers.Number):
            columns.add(name, numpy.array([value], object))
        else:
            columns.add_unbindable(name, type(value).__name__, 1)
    return columns.source()


def append(data: Mapping[str, Any], scores: Mapping[str, Array]) -> dict[str, Any]:
    """The row with the scores as plain values: numbers, None for a NULL, a list where an output has several values a row."""
    return {**data, **{name: values.tolist()[0] for name, values in scores.items()}}


def _is_null(value: object) -> bool:
    """None, and pandas' NA, which is recognized without pandas."""
    return value is None or type(value).__name__ == "NAType"


def _bigint(name: str, value: int) -> Any:
    if -(2**63) <= value < 2**63:
        return numpy.int64(value)
    raise Overflow(
        f"row 0 of column '{name}': the value {value} does not fit in bigint, which a whole number of Python is read as",
        sql_number=8115,
        row=0,
        column=name,
        value=str(value),
    )
