"""Which columns feed which input of a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy

from edgeonnx._errors import ShapeError
from edgeonnx._estimators._base import Columns, dense, matrix
from edgeonnx._tables._columns import Array


def fed_by(inputs: Sequence[str], columns: Sequence[str], what: str) -> dict[str, list[str]]:
    """Input to the columns that make it up: those of the same names, all of them for a single input, or one each in order.

    Raises
    ------
    ShapeError
        None of these fits.
    """
    if set(inputs) <= set(columns):
        return {name: [name] for name in inputs}
    if len(inputs) == 1:
        return {inputs[0]: list(columns)}
    if len(inputs) == len(columns):
        return {name: [column] for name, column in zip(inputs, columns, strict=True)}
    raise ShapeError(
        f"the {what} takes {', '.join(inputs)}, and the table has the columns {', '.join(columns)}; name the columns as the inputs, or let "
        "one input take all columns"
    )


def arrays(columns: Columns, plan: Mapping[str, list[str]], dtypes: Sequence[Any]) -> list[Array]:
    """The values of each input, in its dtype; a column of arrays alone keeps its shape, others stand side by side."""
    found = []
    for names, dtype in zip(plan.values(), dtypes, strict=True):
        alone = dense(columns[names[0]]) if len(names) == 1 else None
        values = alone if alone is not None and alone.ndim > 1 else matrix({name: columns[name] for name in names})
        found.append(numpy.ascontiguousarray(values, dtype))
    return found
