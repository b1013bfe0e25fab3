"""The table that a model is made for: names, types and a sample of rows."""

from __future__ import annotations

import json
from typing import Any

import numpy

from edgeonnx._errors import CoercionError, InvalidArgument
from edgeonnx._estimators import Estimator, Field
from edgeonnx._estimators._base import dense
from edgeonnx._model import NAMES_KEY
from edgeonnx._tables import columns_of
from edgeonnx._tables._columns import Array
from edgeonnx._tables._masked import is_masked

_NATIVE = (numpy.bool_, numpy.int32, numpy.int64, numpy.float32, numpy.float64)
_LONGEST_NAME = 128  # of an identifier in T-SQL


def read_like(table: Any, estimator: Estimator | None = None) -> tuple[list[Field], dict[str, Array]]:
    """What becomes an input, and the values of the columns that the estimator knows.

    Without an estimator, where it does not know its columns, or where the table lacks some, which it tells itself, these are all columns.

    Raises
    ------
    CoercionError
        Columns hold neither numbers nor booleans; all are named.
    InvalidArgument
        There are no columns or no rows.
    """
    columns = columns_of(table)
    if not columns:
        raise InvalidArgument("like has no columns; give a table with the columns that the model is to take")
    if not len(next(iter(columns.values()))):
        raise InvalidArgument("like has no rows; give some rows of the data that the model was fitted on")
    known = None if estimator is None else estimator.known_among(list(columns))
    if known is not None:
        columns = {name: columns[name] for name in known}
    read = columns if estimator is None else {name: columns[name] for name in estimator.columns_read(list(columns))}
    wrong = {name: _kind(values) for name, values in read.items() if values.dtype.kind not in "iufb"}
    if wrong:
        listed = ", ".join(f"'{name}' holds {kind}" for name, kind in wrong.items())
        raise CoercionError(
            f"columns of numbers are expected, and {listed}; edgeonnx reads no text: encode such columns as numbers before the model is "
            "fitted" + ("" if known is not None else ", or leave out of like what it does not read")
        )
    return [Field(name, _input_type(values), values.shape[1:]) for name, values in read.items()], columns


def _input_type(values: Array) -> numpy.dtype[Any]:
    """Of the input that takes a column: its own, where native kernels read that; of one value a row else the next that holds all of it.

    Whole numbers with NULLs, which an estimator sees as NaN, come in as floats.
    """
    if is_masked(values) and values.dtype.kind in "iu":
        return numpy.dtype(numpy.float64)
    if values.ndim > 1 or values.dtype in _NATIVE:
        return values.dtype
    return next(numpy.dtype(each) for each in _NATIVE if numpy.can_cast(values.dtype, each) or each is _NATIVE[-1])


def _kind(values: Array) -> str:
    first = next((each for each in values.reshape(-1) if each is not None), None) if values.dtype == object else None
    return "text" if values.dtype.kind in "US" or isinstance(first, str) else str(values.dtype)


def sql_names(names: list[str]) -> dict[str, str]:
    """Column names as SQL can carry them, `[` and `]` around: other names for those that are empty, too long, hold brackets or control
    characters, or differ from another in case alone.

    Returns
    -------
    dict
        Of those that change: the column's name to that of the input.
    """
    taken: set[str] = set()
    changed: dict[str, str] = {}
    for name in names:
        new = "".join("_" if each in "[]" or not each.isprintable() else each for each in name).strip()[:_LONGEST_NAME] or "column"
        number = 1
        while new.casefold() in taken:
            number += 1
            ending = f"_{number}"
            new = new[: _LONGEST_NAME - len(ending)] + ending
        taken.add(new.casefold())
        if new != name:
            changed[name] = new
    return changed


def names_text(changed: dict[str, str]) -> dict[str, str]:
    """As an entry of a model's metadata; none where no name changed."""
    return {NAMES_KEY: json.dumps(changed, ensure_ascii=False)} if changed else {}


def without_nulls(columns: dict[str, Array]) -> dict[str, Array]:
    """The columns with NaN for NULL; without the rows where a NULL is none of a number."""
    known = numpy.ones(len(next(iter(columns.values()))), bool)
    plain: dict[str, Array] = {}
    for name, values in columns.items():
        if is_masked(values) and values.dtype.kind not in "iuf":
            known &= ~numpy.ma.getmaskarray(values).reshape(len(values), -1).any(axis=1)
            plain[name] = numpy.array(values.data)
        else:
            plain[name] = dense(values)
    return plain if known.all() else {name: values[known] for name, values in plain.items()}
