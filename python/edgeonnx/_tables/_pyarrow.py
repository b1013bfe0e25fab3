"""What only pyarrow can do; it is imported when it is needed, and never required."""

from __future__ import annotations

import decimal
import importlib
import math
from typing import Any

import numpy.typing

from edgeonnx._errors import InvalidArgument, Unsupported


def pyarrow_for(data: object) -> Any:
    """pyarrow, imported for an object that the core alone cannot handle."""
    try:
        return importlib.import_module("pyarrow")
    except ImportError as error:
        raise Unsupported(
            f"{type(data).__qualname__} can be handled only through pyarrow, which is not installed; install pyarrow, or use score()"
        ) from error


def holds_nulls_only(values: numpy.typing.NDArray[Any]) -> bool:
    """Whether all of some objects are NULLs; also where there are none."""
    return _first(values) is None


def holds_numbers(values: numpy.typing.NDArray[Any]) -> bool:
    """Whether the first of some objects that is no NULL is a number."""
    return isinstance(_first(values), (int, float, decimal.Decimal))


def holds_rows(values: numpy.typing.NDArray[Any]) -> bool:
    """Whether the first of some objects that is no NULL is an array or a list: the values of a row."""
    return isinstance(_first(values), (numpy.ndarray, list, tuple))


def number_array(name: str, values: numpy.typing.NDArray[Any]) -> Any:
    """An Arrow array of the numbers in column `name`: booleans, integers, floats or `decimal.Decimal`, and NULLs among them. None where
    something else is among them.
    """
    pyarrow = pyarrow_for(values)
    # pandas puts a NaN for a NULL among objects; among floats it is one of them.
    nan_is_null = not isinstance(_first(values), float)
    objects = [None if _is_missing(value, nan_is_null) else value for value in values.tolist()]
    for row, value in enumerate(objects):
        if isinstance(value, decimal.Decimal) and not value.is_finite():
            raise InvalidArgument(f"row {row} of column '{name}' is Decimal('{value}'), and no decimal of SQL is; use a float column")
    try:
        return pyarrow.array(objects)
    except (TypeError, ValueError, OverflowError) as error:  # pyarrow's own errors are among them
        if not isinstance(_first(values), decimal.Decimal):
            return None
        raise InvalidArgument(f"column '{name}' of decimals cannot be read: {error}") from error


def _first(values: numpy.typing.NDArray[Any]) -> object:
    return next((value for value in values.flat if not _is_missing(value, False)), None)


def _is_missing(value: object, nan_is_null: bool) -> bool:
    """None and pandas' NA; also the float NaN, but never Decimal("NaN"), where that stands for NULL."""
    return value is None or type(value).__name__ == "NAType" or (nan_is_null and isinstance(value, float) and math.isnan(value))
