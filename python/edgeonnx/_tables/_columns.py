"""Columns on their way into the core: arrays with names, brought into the layout that it borrows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy
import numpy.typing

from edgeonnx import _core
from edgeonnx._errors import InvalidArgument
from edgeonnx._tables._masked import is_masked
from edgeonnx._tables._pyarrow import holds_nulls_only, holds_numbers, holds_rows, number_array

Array = numpy.typing.NDArray[Any]


class Source(NamedTuple):
    """A table, read."""

    table: _core.Table
    by_position: bool
    """Columns feed the inputs in order, and their names serve messages only."""
    n_bytes_copied: int
    """Bytes of `data` that could not be borrowed as they lay."""


class ColumnList:
    """Collects arrays and makes a table of them."""

    __slots__ = ("arrays", "masks", "n_bytes_copied", "names")

    def __init__(self) -> None:
        self.names: list[str] = []
        self.arrays: list[Array | _core.Table | tuple[str, int] | int] = []
        self.masks: dict[int, Array] = {}
        self.n_bytes_copied = 0

    def add(self, name: str, values: Array, mask: Array | None = None) -> None:
        """Add a column.

        Parameters
        ----------
        name
            Its name.
        values : array of shape (n_rows,) or (n_rows, d, ...)
            Borrowed; copied where the byte order is not native, or where the values of one row do not lie together. Objects that are
            arrays or lists of one shape are its rows.
        mask : bool array of shape (n_rows,) or of the shape of `values`, optional
            True where the row, or the one value, is NULL. By default what `values` masks, if it is a masked array.
        """
        if values.ndim == 0:
            raise InvalidArgument(
                f"column '{name}' is a single value; a column has one value a row, as numpy.full(n_rows, value) has, and only where all "
                "values of a mapping are single ones are they one row"
            )
        if is_masked(values):
            mask = None if values.mask is numpy.ma.nomask else numpy.ascontiguousarray(values.mask)
            values = values.data
        if values.dtype == object:
            if mask is not None:
                values = values.copy()
                values[mask] = None
            if values.ndim == 1 and holds_nulls_only(values):
                self.add_nulls(name, len(values))
                return
            if values.ndim == 1 and holds_rows(values):
                self._add_rows(name, values)
                return
            array = number_array(name, values) if holds_numbers(values) else None
            if array is not None:
                self.n_bytes_copied += array.nbytes
                self.add_table(name, _core.Table.from_arrow_array(array))
                return
        values, n_bytes_copied = native(values)
        if values.ndim > 1 and not (values.flags.c_contiguous or values[:1].flags.c_contiguous):
            values = numpy.ascontiguousarray(values)
            n_bytes_copied = values.nbytes
        if mask is not None:
            self.masks[len(self.names)] = mask
        self.names.append(name)
        self.arrays.append(values)
        self.n_bytes_copied += n_bytes_copied

    def _add_rows(self, name: str, rows: Array) -> None:
        try:
            values = numpy.stack([numpy.asarray(row) for row in rows])
        except ValueError:  # of several shapes
            values = rows
        if values.dtype == object:
            self.add_unbindable(name, "list", len(rows))
        else:
            self.add(name, values)
            self.n_bytes_copied += values.nbytes

    def add_table(self, name: str, table: _core.Table) -> None:
        """Add the only column of a table under a name of its own."""
        self.names.append(name)
        self.arrays.append(table)

    def add_nulls(self, name: str, n_rows: int) -> None:
        """Add a column of NULLs, which any input takes as its `nulls` has it."""
        self.names.append(name)
        self.arrays.append(n_rows)

    def add_unbindable(self, name: str, type_name: object, n_rows: int) -> None:
        """Add a column of a type that no input takes; messages call the type `type_name`."""
        self.names.append(name)
        self.arrays.append((str(type_name), n_rows))

    def extend(self, names: list[str], matrix: Array) -> None:
        """Add the columns of a matrix in native byte order, as views: far cheaper than `add` for each where there are few rows."""
        if is_masked(matrix):
            for name, values in zip(names, matrix.T, strict=True):
                self.add(name, values)
        else:
            self.names.extend(names)
            self.arrays.extend(matrix.T)

    def source(self, *, by_position: bool = False) -> Source:
        masks = [self.masks.get(index) for index in range(len(self.names))] if self.masks else None
        return Source(_core.Table.from_arrays(self.names, self.arrays, masks), by_position, self.n_bytes_copied)


def native(values: Array) -> tuple[Array, int]:
    """Numbers in native byte order, and the bytes that were copied for it."""
    if values.dtype.isnative or values.dtype.kind not in "iuf":
        return values, 0
    values = values.astype(values.dtype.newbyteorder("="))
    return values, values.nbytes


def refuse_clashes(columns: Iterable[str], outputs: Iterable[str]) -> None:
    """Raise if an output would have the name of a column."""
    clashes = sorted(set(columns).intersection(outputs))
    if clashes:
        names = ", ".join(f"'{name}'" for name in clashes)
        raise InvalidArgument(
            f"the data has columns with the names of outputs: {names}; rename those columns, or pass keep=False to get the outputs alone"
        )


def rows_of(values: Array) -> Array:
    """An output as a matrix (n_rows, values a row)."""
    return values.reshape(len(values), math.prod(values.shape[1:]))


def any_masked(scores: Mapping[str, Array]) -> bool:
    return any(is_masked(values) for values in scores.values())
