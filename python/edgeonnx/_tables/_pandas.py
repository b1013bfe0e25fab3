"""pandas: read through numpy, because its own Arrow face needs pyarrow."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy

from edgeonnx._errors import InvalidArgument
from edgeonnx._tables import _arrow_column
from edgeonnx._tables._columns import Array, ColumnList, Source, refuse_clashes, rows_of
from edgeonnx._tables._masked import is_masked

if TYPE_CHECKING:
    from edgeonnx._port import Port

# Below this many rows, taking a frame apart column by column costs more than copying it would.
_FEW_ROWS = 1024


def read(data: Any, inputs: tuple[Port, ...]) -> Source:
    if data.columns.nlevels != 1:
        raise InvalidArgument(
            f"the columns of the DataFrame are a MultiIndex of {data.columns.nlevels} levels, and inputs have plain names; "
            "flatten it: frame.columns = frame.columns.map('_'.join)"
        )
    columns = ColumnList()
    if len(data) <= _FEW_ROWS and _is_one_number_type(data):
        matrix = data.to_numpy()
        columns.extend([str(label) for label in data.columns.tolist()], matrix)
        if matrix.flags.writeable:  # pandas hands out its own memory read-only
            columns.n_bytes_copied += matrix.nbytes
    else:
        for label, series in data.items():
            add_column(columns, str(label), series)
    return columns.source()


def add_column(columns: ColumnList, name: str, values: Any) -> None:
    """Add a Series, an Index or an extension array."""
    pandas = sys.modules["pandas"]
    dtype = values.dtype
    if isinstance(dtype, numpy.dtype):
        columns.add(name, values.to_numpy())
        return
    array = getattr(values, "array", values)
    if hasattr(dtype, "pyarrow_dtype"):
        _arrow_column.add_column(columns, name, array.__arrow_array__())
    elif dtype.kind not in "iufb":
        columns.add_unbindable(name, dtype, len(array))
    elif dtype.na_value is not pandas.NA:
        dense = numpy.asarray(array)  # pandas' own wrapping of a numpy array, or a sparse column
        columns.add(name, dense)
        columns.n_bytes_copied += dense.nbytes if isinstance(dtype, pandas.SparseDtype) else 0
    else:
        mask = array.isna()
        if mask.any():
            dense = array.to_numpy(dtype=dtype.numpy_dtype, na_value=0)
            columns.add(name, dense, mask)
            columns.n_bytes_copied += dense.nbytes
        else:
            columns.add(name, array.to_numpy(dtype=dtype.numpy_dtype))


def append(data: Any, scores: Mapping[str, Array], keep: bool) -> Any:
    pandas = sys.modules["pandas"]
    outputs: dict[str, Any] = {}
    for name, values in scores.items():
        if values.ndim == 1:
            outputs[name] = _series_values(pandas, values)
        else:
            matrix = rows_of(values)
            outputs.update({f"{name}_{k}": _series_values(pandas, matrix[:, k]) for k in range(matrix.shape[1])})
    if keep:
        refuse_clashes(map(str, data.columns), outputs)
    frame = pandas.DataFrame(outputs, index=data.index, copy=False)
    return pandas.concat([data, frame], axis=1) if keep else frame


def _is_one_number_type(data: Any) -> bool:
    dtypes = data.dtypes.tolist()
    first = dtypes[0] if dtypes else None
    return isinstance(first, numpy.dtype) and first.kind in "iufb" and first.isnative and dtypes.count(first) == len(dtypes)


def _series_values(pandas: Any, values: Array) -> Any:
    if not is_masked(values):
        return values
    mask = numpy.ma.getmaskarray(values)
    data = numpy.ascontiguousarray(values.data)
    match values.dtype.kind:
        case "b":
            return pandas.arrays.BooleanArray(data, mask)
        case "i" | "u":
            return pandas.arrays.IntegerArray(data, mask)
        case "f":  # pandas has no nullable half precision
            return pandas.arrays.FloatingArray(data.astype(numpy.float32) if data.itemsize == 2 else data, mask)
    objects = data.astype(object)
    objects[mask] = None
    return objects
