"""Single values of a row, whether a column of numbers holds them or a column of vectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy

from edgeonnx._tables._columns import Array

__all__ = ["Slot", "Table", "fitted", "limits", "numbers", "ordinals", "rows_of", "slots_of", "step", "taken"]

Table = dict[str, Array]


class Slot(NamedTuple):
    """Where one number of each row lies."""

    column: str
    place: int | None
    """In the column's vector, flattened; None where the column is plain."""
    dtype: numpy.dtype[Any]

    def __str__(self) -> str:
        return f"'{self.column}'" if self.place is None else f"'{self.column}'[{self.place}]"

    def of(self, table: Mapping[str, Array]) -> Array:
        """The values, (n_rows,): a view that can be written to where the table's arrays can."""
        values = table[self.column]
        return values if self.place is None else values.reshape(len(values), -1)[:, self.place]


def slots_of(table: Mapping[str, Array]) -> list[Slot]:
    """Every number of a row; text has no slots."""
    slots: list[Slot] = []
    for name, values in table.items():
        if values.dtype.kind not in "iufb":
            continue
        if values.ndim == 1:
            slots.append(Slot(name, None, values.dtype))
        else:
            width = int(numpy.prod(values.shape[1:]))
            slots.extend(Slot(name, place, values.dtype) for place in range(width))
    return slots


def taken(table: Mapping[str, Array], rows: Any) -> Table:
    """Some rows, as copies that may be written to."""
    return {name: values[rows].copy() if numpy.ma.isMaskedArray(values) else numpy.array(values[rows]) for name, values in table.items()}


def rows_of(table: Mapping[str, Array]) -> int:
    return len(next(iter(table.values()))) if table else 0


def ordinals(values: Array) -> Array:
    """Numbers as int64 in the same order, neighbours one apart."""
    if values.dtype.kind != "f":
        return values.astype(numpy.int64)
    bits = values.view(f"i{values.itemsize}").astype(numpy.int64)
    return numpy.where(bits < 0, -(bits & ((1 << (8 * values.itemsize - 1)) - 1)), bits)


def numbers(places: Array, dtype: numpy.dtype[Any]) -> Array:
    """The inverse of `ordinals`."""
    if dtype.kind != "f":
        return places.astype(dtype)
    top = 1 << (8 * dtype.itemsize - 1)
    magnitude = numpy.abs(places).astype(f"u{dtype.itemsize}")
    bits = numpy.where(places < 0, magnitude | numpy.array(top, magnitude.dtype), magnitude)
    return bits.astype(magnitude.dtype).view(dtype)


def step(values: Array, n_steps: int) -> Array:
    """The numbers of the same type that lie so many places further up, or down."""
    return numbers(ordinals(values) + n_steps, values.dtype)


def fitted(values: Array, dtype: numpy.dtype[Any]) -> Array:
    """Floats in a column's type: whole numbers are those at or below, kept within the type's range."""
    if dtype.kind == "f":
        with numpy.errstate(over="ignore"):
            return values.astype(dtype)
    if dtype.kind == "b":
        return numpy.asarray(values >= 1)
    low, high = limits(dtype)
    whole = numpy.nan_to_num(numpy.floor(values.astype(numpy.float64)))
    return numpy.asarray(numpy.clip(whole, float(low), float(high)).astype(dtype))


def limits(dtype: numpy.dtype[Any]) -> tuple[Any, Any]:
    """Between which numbers a cut is looked for: those that a float32 input takes, and whole numbers that doubles tell apart."""
    if dtype.kind == "f":
        most = min(1e30, float(numpy.finfo(dtype).max))
        return -most, most
    if dtype.kind == "b":
        return 0, 1
    info = numpy.iinfo(dtype)
    return max(info.min, -(2**53)), min(info.max, 2**53)
