"""The table room: every kind of `data` in, and for `predict` the same kind of table out.

One module per kind, each with two functions: `read` borrows the columns, `append` puts the scores beside them. No module here imports
pandas, polars or pyarrow before the caller has: an object of theirs is recognised through `sys.modules`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy

from edgeonnx._errors import InvalidArgument
from edgeonnx._tables import _array, _arrow, _mapping, _pandas, _polars, _structured, _tensor
from edgeonnx._tables._columns import Array, Source
from edgeonnx._tables._numpy import columns_of
from edgeonnx._tables._row import is_single

if TYPE_CHECKING:
    from edgeonnx._port import Port

__all__ = ["Source", "append", "batches_of", "columns_of", "is_single", "materialize", "read_table"]


class _Kind(Protocol):
    """What a module of this room offers for one kind of table."""

    def read(self, data: Any, inputs: tuple[Port, ...], /) -> Source: ...

    def append(self, data: Any, scores: Mapping[str, Array], keep: bool, /) -> object: ...


def read_table(data: object, inputs: tuple[Port, ...]) -> Source:
    """Borrow the columns of a table.

    Parameters
    ----------
    data
        A table of any accepted kind:

        - a mapping of names to arrays of shape (n_rows,) or (n_rows, d, ...). A value may be a numpy array, a list of numbers, a pandas or
          polars Series (by position: an index is not aligned), an Arrow array, or anything with `__dlpack__` or `__array__`;
        - a mapping of names to single values, one row: float is SQL's float, int bigint, bool bit, a NumPy scalar has its dtype, None is
          NULL;
        - an array of shape (n_rows, k): the columns of one [N, k] input, or of k inputs in order. (n_rows,) is one column,
          (n_rows, d, ...) feeds one input [N, d, ...];
        - a structured array: one column per field;
        - a pandas DataFrame. NaN in a plain float column stays NaN and is not NULL; `NA` in a nullable column is NULL;
        - a polars DataFrame, a pyarrow Table, RecordBatch or RecordBatchReader, a DuckDB relation, and anything else with
          `__arrow_c_stream__` or `__arrow_c_array__`;
        - a tensor with `__dlpack__` in memory that the CPU can read: as an array.
    inputs
        What the model takes, in order; only arrays without names look at it.

    Returns
    -------
    Source
        The columns. Values are borrowed wherever they lie in native byte order; what had to be copied is in `n_bytes_copied`.
        Masked values of numpy masked arrays are NULL.

    Raises
    ------
    InvalidArgument
        `data`, or one of its columns, is of no accepted kind.
    ShapeError
        Columns differ in length.
    Unsupported
        A tensor lies in memory that the CPU cannot read.
    """
    kind = type(data)
    if kind is dict:
        return _mapping.read(data, inputs)  # type: ignore[arg-type]
    if kind is numpy.ndarray:
        return _array.read(data, inputs)  # type: ignore[arg-type]
    return _kind_of(data).read(data, inputs)


def append(data: object, scores: Mapping[str, Array], keep: bool) -> object:
    """Put scores beside the columns of a table.

    Parameters
    ----------
    data
        The table that was scored, of a kind that `read_table` takes. A table that can be read only once must have gone through
        `materialize` before it was read, unless `keep` is false.
    scores
        Output names and their values, (n_rows,) or (n_rows, k); masked where NULL. For Arrow and polars tables it has
        `__arrow_c_stream__` too.
    keep
        True: the columns of `data` plus the outputs. False: the outputs alone.

    Returns
    -------
    object
        The same kind as `data`:

        - mapping: a dict, of plain values where `data` is one row;
        - array: an array (n_rows, columns + output values) of the dtype that holds both (`numpy.result_type`), masked if scores are;
        - structured array: a structured array with one field more per output, masked if scores are;
        - pandas: a DataFrame with the same index. An output of k > 1 values a row becomes k columns `<output>_0` ... `<output>_<k-1>`;
          one with NULLs gets a nullable dtype;
        - polars: a DataFrame; k > 1 values a row are an `Array` column;
        - pyarrow Table, RecordBatch: the same; k > 1 values a row are a fixed-size list;
        - any other Arrow object (a reader, a DuckDB relation, a nanoarrow array): a pyarrow Table, because such objects cannot be
          extended in place of their makers;
        - tensor: a tensor of the same library.

    Raises
    ------
    InvalidArgument
        A column of `data` has the name of an output, or `data` cannot carry more columns.
    Unsupported
        pyarrow is needed and missing.
    """
    return _kind_of(data).append(data, scores, keep)


def materialize(data: object) -> object:
    """Make a table readable more than once.

    Parameters
    ----------
    data
        A table of any accepted kind.

    Returns
    -------
    object
        `data` itself where its columns lie in memory. Any other Arrow object is read whole into a pyarrow Table: a reader is empty
        after one reading, and a DuckDB relation runs its query again, perhaps with its rows in another order.

    Raises
    ------
    Unsupported
        pyarrow is needed and missing.
    """
    return _arrow.materialize(data) if _kind_of(data) is _arrow else data


def batches_of(source: Any) -> Iterable[Any]:
    """The tables of a stream: what iterating gives, or the record batches of an Arrow object that does not iterate over its batches."""
    if isinstance(source, Iterator) or not hasattr(source, "__arrow_c_stream__"):
        return source  # type: ignore[no-any-return]
    return _arrow.batches(source)


def _kind_of(data: object) -> _Kind:
    # pandas before Arrow: a DataFrame has __arrow_c_stream__, but it works only with pyarrow. Mappings before Arrow: Scores are both.
    if isinstance(data, numpy.ndarray):
        return _array if data.dtype.names is None else _structured
    if isinstance(data, Mapping):
        return _mapping
    pandas = sys.modules.get("pandas")
    if pandas is not None:
        if isinstance(data, pandas.DataFrame):
            return _pandas
        if isinstance(data, pandas.Series):
            raise InvalidArgument(
                "data is a pandas Series, which may be a row or a column; pass series.to_dict() or frame.iloc[[i]] for a row of a table, "
                "series.to_frame() for a column"
            )
    polars = sys.modules.get("polars")
    if polars is not None:
        if isinstance(data, polars.DataFrame):
            return _polars
        if isinstance(data, polars.LazyFrame):
            raise InvalidArgument("data is a polars LazyFrame, which holds no rows yet; pass frame.collect(), or score its batches")
    if hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__"):
        return _arrow
    if hasattr(data, "__dlpack__") or hasattr(data, "__array__"):
        return _tensor
    if isinstance(data, (list, tuple)):
        raise InvalidArgument(
            f"data is a {type(data).__qualname__}, which is no table; pass a mapping of names to columns, as {{'x': [1.0, 2.0]}}, or of "
            "rows pandas.DataFrame(rows) or numpy.array(rows)"
        )
    raise InvalidArgument(
        f"data is of type {type(data).__qualname__}, which is no table; pass a mapping of names to arrays, a 2-D or structured array, "
        "a pandas or polars DataFrame, an Arrow table (anything with __arrow_c_stream__ or __arrow_c_array__) or a tensor with __dlpack__"
    )
