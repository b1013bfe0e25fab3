"""cast: T-SQL's CAST over a column."""

from __future__ import annotations

from typing import Any

import numpy
from numpy.typing import NDArray

from edgeonnx import _core
from edgeonnx._decimals import objects_of
from edgeonnx._errors import InvalidArgument, ShapeError
from edgeonnx._options import COERCIONS, ON_OVERFLOW, position_of, positive
from edgeonnx._sql_types import declaration_of
from edgeonnx._tables import is_single, read_table

__all__ = ["cast"]


def cast(
    values: object,
    to: str,
    *,
    coercion: str = "tsql",
    on_overflow: str = "error",
    threads: int | None = None,
    out: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Convert a column as T-SQL's CAST does, by the loops that feed a model.

    Parameters
    ----------
    values : array of shape (n_rows,)
        Any column that a mapping may hold for `Scorer.score`: a numpy array, masked or not, an Arrow array, a pandas or polars Series, a
        list. Borrowed.
    to
        A SQL type, such as `int`, `real`, `decimal(10, 2)` or `money`; or an element type of ONNX, as in `tensor(uint16)`, for what an
        input of that type would be fed. Followed by `NOT NULL`, a NULL is an error.
    coercion
        As in `Scorer`.
    on_overflow
        `"error"`, or `"null"`: a value that does not fit becomes NULL, as TRY_CAST has it.
    threads
        Threads to work with; None: as in `Scorer`, and one for a short column.
    out : array of shape (n_rows,), optional
        Memory for the result, contiguous and of its dtype, which does not overlap `values`. Not for decimals.

    Returns
    -------
    array of shape (n_rows,)
        Of the type's dtype (real: float32, float: float64, int: int32, bit: bool ...), or objects of `decimal.Decimal` for decimal and
        money. Masked if it has NULLs.

    Raises
    ------
    Overflow
        A value does not fit: the first one, with `.sql_number`, `.row` and `.value`.
    CoercionError
        No conversion leads there, or the coercion does not allow it.
    InvalidArgument
        `to` is no type.

    Notes
    -----
    Rules: "CAST and CONVERT (Transact-SQL)" on learn.microsoft.com. Float to integer is cut, float to decimal rounded half away from
    zero, and NaN fits no integer. `edgeonnx types` prints the whole matrix.

    Examples
    --------
    >>> cast([10.6496, -10.6496], "int")
    array([ 10, -10], dtype=int32)
    >>> cast([300, 7], "tinyint", on_overflow="null").tolist()
    [None, 7]
    """
    declaration = declaration_of(to)
    if type(values) is numpy.ndarray and values.ndim == 1 and values.dtype.isnative and values.dtype.char != "O":
        table = _core.Table.from_arrays(["values"], [values])  # what read_table would come to
    elif is_single(values):
        raise InvalidArgument("values is a single value; a column has one value a row, as [value] has")
    else:
        table = read_table({"values": values}, ()).table
    if out is not None:
        out = _checked_out(out, table.n_rows, declaration[0])
        if isinstance(values, numpy.ndarray) and numpy.may_share_memory(values, out):
            raise InvalidArgument("out overlaps the values; give it memory of its own")
    array, mask, scale = _core.cast(
        table,
        to,
        position_of(coercion, COERCIONS, "coercion"),
        position_of(on_overflow, ON_OVERFLOW, "on_overflow"),
        positive(threads, "threads", 1 << 16) or 0,
        out,
    )
    if array.dtype.kind == "V":
        array = objects_of(array, scale)
    return array if mask is None or not mask.any() else numpy.ma.MaskedArray(array, mask=mask)


def _checked_out(out: NDArray[Any], n_rows: int, element_type: int) -> NDArray[Any]:
    dtype = _core.dtype_of(element_type)
    if dtype.kind == "V":
        raise InvalidArgument("out: NumPy has no dtype for decimals; leave it out")
    if type(out) is not numpy.ndarray or out.dtype != dtype or not out.flags.c_contiguous or not out.flags.writeable:
        raise InvalidArgument(f"out: a writable, contiguous numpy array of dtype {dtype} is expected")
    if out.shape != (n_rows,):
        raise ShapeError(f"out: expected shape ({n_rows},), got {out.shape}")
    return out
