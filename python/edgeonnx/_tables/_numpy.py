"""Any accepted kind of table as NumPy columns, for what works on values in Python: converters and comparisons, not scoring."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy

from edgeonnx._errors import InvalidArgument, ShapeError
from edgeonnx._tables._columns import Array
from edgeonnx._tables._pyarrow import pyarrow_for
from edgeonnx._tables._row import is_single


def columns_of(data: Any) -> dict[str, Array]:
    """The columns of a table of any kind that `score` takes.

    Parameters
    ----------
    data
        A table. The columns of an array without names are called `x0`, `x1` and so on.

    Returns
    -------
    dict of arrays of shape (n_rows,) or (n_rows, d, ...)
        Borrowed where the values lie in memory without NULLs; masked where a value is NULL. NaN stays a value. Text and other objects stay
        arrays of objects.

    Raises
    ------
    InvalidArgument
        It is no table.
    ShapeError
        Columns differ in length.
    """
    columns = _read(data)
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ShapeError("columns differ in length: " + ", ".join(f"{name} has {n_rows} rows" for name, n_rows in lengths.items()))
    return columns


def _read(data: Any) -> dict[str, Array]:
    pandas, polars = sys.modules.get("pandas"), sys.modules.get("polars")
    if isinstance(data, numpy.ndarray):
        if data.dtype.names is not None:
            return {name: data[name] for name in data.dtype.names}
        if data.ndim == 0:
            raise InvalidArgument("data is a single value, which is no table")
        if data.ndim != 2:
            return {"x0": data}
        return {f"x{k}": data[:, k] for k in range(data.shape[1])}
    if isinstance(data, Mapping):
        if data and all(is_single(value) for value in data.values()):
            return {str(name): numpy.atleast_1d(numpy.asarray(value)) for name, value in data.items()}
        return {str(name): _column(values) for name, values in data.items()}
    if pandas is not None and isinstance(data, pandas.DataFrame):
        return {str(name): _column(series) for name, series in data.items()}
    if polars is not None and isinstance(data, polars.DataFrame):
        return {series.name: _from_arrow(series.to_arrow()) for series in data.get_columns()}
    if hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__"):
        pyarrow = pyarrow_for(data)
        table = data if isinstance(data, pyarrow.Table) else pyarrow.table(data)
        return {name: _from_arrow(column) for name, column in zip(table.column_names, table.columns, strict=True)}
    if hasattr(data, "__array__"):  # a tensor
        return _read(numpy.asarray(data))
    raise InvalidArgument(
        f"data is of type {type(data).__qualname__}, which is no table; pass a DataFrame, or a mapping of names to arrays"
    )


def _column(values: Any) -> Array:
    """A column given as an array, a list, or a Series of pandas or polars."""
    if isinstance(values, numpy.ndarray):
        return values
    if hasattr(values, "__arrow_c_array__") or hasattr(values, "to_arrow"):
        return _from_arrow(values.to_arrow() if hasattr(values, "to_arrow") else pyarrow_for(values).array(values))
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(values, pandas.Series):
        dtype = values.dtype
        if isinstance(dtype, numpy.dtype):
            return numpy.asarray(values)
        if hasattr(dtype, "pyarrow_dtype"):
            return _from_arrow(values.array.__arrow_array__())
        if hasattr(dtype, "numpy_dtype") and dtype.na_value is pandas.NA:
            mask = numpy.asarray(values.isna())
            dense = values.to_numpy(dtype=dtype.numpy_dtype, na_value=0)
            return numpy.ma.MaskedArray(dense, mask=mask) if mask.any() else dense
        return numpy.asarray(values)
    return numpy.asarray(values)


def _from_arrow(column: Any) -> Array:
    """An Arrow array: numbers, or fixed-size lists of numbers, or objects."""
    pyarrow = pyarrow_for(column)
    if isinstance(column, pyarrow.ChunkedArray):
        column = column.combine_chunks()
        if isinstance(column, pyarrow.ChunkedArray):
            column = pyarrow.concat_arrays(column.chunks) if column.num_chunks else pyarrow.array([], column.type)
    inner: list[int] = []
    null_rows = numpy.asarray(column.is_null())
    while pyarrow.types.is_fixed_size_list(column.type):
        size = column.type.list_size
        inner.append(size)
        column = column.values.slice(column.offset * size, len(column) * size)  # flatten() would leave out those of NULL rows
    types = pyarrow.types
    if not (types.is_integer(column.type) or types.is_floating(column.type) or types.is_boolean(column.type)):
        return numpy.asarray(column.to_pylist(), dtype=object)
    nulls = numpy.asarray(column.is_null())
    if nulls.any():
        column = column.fill_null(pyarrow.scalar(False if types.is_boolean(column.type) else 0, column.type))
    shape = (len(null_rows), *inner)
    mask = nulls.reshape(shape) | null_rows.reshape(-1, *[1] * len(inner))
    dense = numpy.asarray(column).reshape(shape)
    return numpy.ma.MaskedArray(dense, mask=mask) if mask.any() else dense
