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


def holds_decimals(values: numpy.typing.NDArray[Any]) -> bool:
    """Whether the first of some objects that is no NULL is a decimal."""
    return isinstance(next((value for value in values.flat if not _is_missing(value)), None), decimal.Decimal)


def decimal_array(name: str, values: numpy.typing.NDArray[Any]) -> Any:
    """An Arrow array of the objects `decimal.Decimal` and NULL in column `name`."""
    pyarrow = pyarrow_for(values)
    try:
        return pyarrow.array([None if _is_missing(value) else value for value in values.tolist()])
    except (TypeError, ValueError) as error:  # pyarrow's own errors are among them
        raise InvalidArgument(f"column '{name}' of decimals cannot be read: {error}") from error


def _is_missing(value: object) -> bool:
    """None, pandas' NA, and the float NaN that pandas puts for a NULL among objects; not Decimal("NaN")."""
    return value is None or type(value).__name__ == "NAType" or (isinstance(value, float) and math.isnan(value))
