"""What a score call returns: result columns, and a report of how they came about."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy
from numpy.typing import NDArray

from edgeonnx import _core

__all__ = ["Cast", "Report", "Scores"]


_new = object.__new__
_REPORT = struct.Struct("N9q")  # edgeonnx_report: struct_size and what follows it


class Cast(NamedTuple):
    """One conversion that a call made."""

    column: str
    """The column, or the output for a converted result."""
    from_type: str
    """SQL name of the type it had, or the ONNX name where SQL has none."""
    to_type: str
    """Likewise, the type it was converted to."""
    exact: bool
    """Whether every value of the one type survives in the other."""


class Report(NamedTuple):
    """How a score call went."""

    n_rows: int
    """Rows scored."""
    n_morsels: int
    """Pieces that the rows were cut into."""
    n_threads: int
    """Threads that scored at least one morsel."""
    bytes_copied: int
    """Input bytes gathered, converted or otherwise copied on their way to the model."""
    bytes_borrowed: int
    """Input bytes that the model read where they lay."""
    casts: tuple[Cast, ...]
    """Conversions, of columns and of results."""
    seconds: dict[str, float]
    """`total` is wall time of the call; `convert`, `run` and `write` are summed over threads."""


class Scores(Mapping[str, NDArray[Any]]):
    """Result columns by name, in the model's order.

    A mapping from output names to arrays of shape (n_rows,), or (n_rows, k) for outputs of k > 1 values a row. Arrays belong to the caller.
    An output with NULLs is a masked array. Any Arrow consumer (`pyarrow.table`, `polars.DataFrame`, DuckDB) reads it through
    `__arrow_c_stream__`, without a copy.
    """

    __slots__ = ("_arrays", "_casts", "_masks", "_n_bytes_copied", "_raw_report", "_values")
    _values: dict[str, NDArray[Any]]
    _masks: dict[str, NDArray[numpy.bool_]] | None
    _arrays: dict[str, NDArray[Any]]
    _raw_report: bytes
    _casts: tuple[Cast, ...]
    _n_bytes_copied: int

    @classmethod
    def _of(cls, raw: _core.RawScores, casts: tuple[Cast, ...], n_bytes_copied: int) -> Scores:
        """Make one from what the core returned; not by `__init__`, which would double the cost for a single row."""
        self = _new(cls)
        self._values, masks, self._raw_report = raw
        self._masks = masks
        self._casts = casts
        self._n_bytes_copied = n_bytes_copied
        self._arrays = self._values
        if masks is not None:
            self._arrays = {name: _masked(values, masks[name]) if name in masks else values for name, values in self._values.items()}
        return self

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def __repr__(self) -> str:
        columns = ", ".join(f"{name}: {values.dtype}{list(values.shape)}" for name, values in self._arrays.items())
        return f"Scores({columns})"

    @property
    def report(self) -> Report:
        """How the call went: rows, morsels, threads, bytes copied and borrowed, casts, seconds."""
        n_rows, n_morsels, n_threads, bytes_copied, bytes_borrowed, *nanoseconds = _REPORT.unpack(self._raw_report)[1:]
        seconds = dict(zip(("total", "convert", "run", "write"), (ns * 1e-9 for ns in nanoseconds), strict=True))
        return Report(n_rows, n_morsels, n_threads, bytes_copied + self._n_bytes_copied, bytes_borrowed, self._casts, seconds)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Arrow C stream of one record batch that borrows the arrays; `requested_schema` is not acted on, as the protocol allows.

        See "The Arrow PyCapsule Interface" in Arrow's documentation.
        """
        contiguous = [numpy.ascontiguousarray(array) for array in self._values.values()]
        masks = [(self._masks or {}).get(name) for name in self._values]
        return _core.export_stream(list(self._values), contiguous, masks)


def _masked(values: NDArray[Any], mask: NDArray[numpy.bool_]) -> NDArray[Any]:
    if not mask.any():
        return values
    shape = (len(mask),) + (1,) * (values.ndim - 1)
    return numpy.ma.MaskedArray(values, mask=numpy.broadcast_to(mask.reshape(shape), values.shape))
