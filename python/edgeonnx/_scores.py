"""What a score call returns: result columns, and a report of how they came about."""

from __future__ import annotations

import struct
from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from typing import Any, NamedTuple

import numpy
from numpy.typing import NDArray

from edgeonnx import _core
from edgeonnx._decimals import objects_of
from edgeonnx._errors import NotFound, Unsupported

__all__ = ["Cast", "Origin", "Report", "Scores", "scores_of"]


_new = object.__new__
_REPORT = struct.Struct("N12q")  # edgeonnx_report: struct_size and what follows it


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
    rule: str
    """`exact`, `nearest`, `truncate`, `round` (half away from zero), `checked` (the value itself or an overflow) or `nonzero`."""
    n_changed: int = 0
    """Values that were altered: rounded, truncated, made 1. NULLs and values that did not fit are not among them."""


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
    n_branch_changes: int | None = None
    """Rows that a tree would have sent down another branch if columns had not been rounded to real; None unless the scorer has
    `report="branches"` and the model trees whose features are its inputs, not what a scaler or a cast makes of them."""
    n_columns_read: int = 0
    """Values of a row of the inputs that the plan reads: all where ONNX Runtime takes them, else those that some node of the model uses."""
    n_columns_unread: int = 0
    """The others: nobody looked at them, unless they stand in one matrix with values that had to be converted."""


class Origin(NamedTuple):
    """What a binding knows of the scores that come from it."""

    casts: tuple[Cast, ...] = ()
    n_bytes_copied: int = 0
    """Bytes that were copied before the core saw the table."""
    decimals: Mapping[str, tuple[int, int, int]] = {}
    """Results that are raw bytes of decimals: (type, precision, scale) by name."""


class Scores(Mapping[str, NDArray[Any]]):
    """Result columns by name, in the model's order.

    A mapping from output names to arrays of shape (n_rows,), or (n_rows, k) for outputs of k > 1 values a row. The dtype is that of the
    output (real: float32, float: float64, int: int32, bigint: int64, bit: bool ...), or of the type that `with_` asked for;
    decimal and money are objects, `decimal.Decimal`. Arrays belong to the caller. An output with NULLs is a masked array
    whose mask has the shape of its values.

    Any Arrow consumer (`pyarrow.table`, `polars.DataFrame`, DuckDB) reads it through `__arrow_c_stream__`: values are borrowed, only masks
    and booleans are packed into bits.

    Attributes
    ----------
    report : Report
        How the call went.
    """

    # _raw is what the core returned: values by name, masks by name where a result may have NULLs, and the report's bytes.
    __slots__ = ("_arrays", "_origin", "_raw")
    _raw: _core.RawScores
    _origin: Origin
    _arrays: dict[str, NDArray[Any]]

    def __getattr__(self, name: str) -> Any:
        # Asked for what the slots do not hold yet: NULLs and decimals take work that not every caller wants.
        if name != "_arrays":
            raise AttributeError(f"Scores has no attribute {name!r}")
        values, masks, _ = self._raw
        objects = {name: objects_of(values[name], scale) for name, (_, _, scale) in self._origin.decimals.items()}
        self._arrays = {name: _with_nulls(array, (masks or {}).get(name)) for name, array in {**values, **objects}.items()}
        return self._arrays

    def __getitem__(self, name: str) -> NDArray[Any]:
        try:
            return self._arrays[name]
        except KeyError:
            raise NotFound(f"there is no output {name!r} among the scores; they are {', '.join(map(repr, self._arrays))}") from None

    def __contains__(self, name: object) -> bool:
        return name in self._arrays

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    # The mixins of Mapping would do, many times slower than the dictionary below them.
    def keys(self) -> KeysView[str]:
        return self._arrays.keys()

    def values(self) -> ValuesView[NDArray[Any]]:
        return self._arrays.values()

    def items(self) -> ItemsView[str, NDArray[Any]]:
        return self._arrays.items()

    def __repr__(self) -> str:
        # Results that stay on a device are of whatever type the caller has there.
        columns = ", ".join(
            f"{name}: {values.dtype}{list(values.shape)}" if isinstance(values, numpy.ndarray) else f"{name}: {type(values).__qualname__}"
            for name, values in self._arrays.items()
        )
        return f"Scores({columns})"

    @property
    def report(self) -> Report:
        """How the call went: rows, morsels, threads, bytes copied and borrowed, casts with the values they altered, seconds."""
        raw = self._raw[2]
        _, n_rows, n_morsels, n_threads, bytes_copied, bytes_borrowed, *others = _REPORT.unpack_from(raw)
        *nanoseconds, n_branch_changes, n_columns_read, n_columns_unread = others
        seconds = dict(zip(("total", "convert", "run", "write"), (ns * 1e-9 for ns in nanoseconds), strict=True))
        n_changed = struct.unpack_from(f"{len(self._origin.casts)}q", raw, _REPORT.size)
        casts = tuple(cast._replace(n_changed=n) for cast, n in zip(self._origin.casts, n_changed, strict=True))
        return Report(
            n_rows,
            n_morsels,
            n_threads,
            bytes_copied + self._origin.n_bytes_copied,
            bytes_borrowed,
            casts,
            seconds,
            None if n_branch_changes < 0 else n_branch_changes,
            n_columns_read,
            n_columns_unread,
        )

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Arrow C stream of one record batch that borrows the arrays; `requested_schema` is not acted on, as the protocol allows.

        See "The Arrow PyCapsule Interface" in Arrow's documentation.
        """
        values, masks, _ = self._raw
        if elsewhere := [name for name, array in values.items() if not isinstance(array, numpy.ndarray)]:
            raise Unsupported(f"result {elsewhere[0]!r} lies on a device, from where Arrow does not take it; bring it to the CPU first")
        contiguous = [numpy.ascontiguousarray(array) for array in values.values()]
        return _core.export_stream(list(values), contiguous, [(masks or {}).get(name) for name in values], dict(self._origin.decimals))


def scores_of(raw: _core.RawScores, origin: Origin) -> Scores:
    """Make Scores from what the core returned; past `__init__`, whose detour a single row would feel."""
    scores = _new(Scores)
    scores._raw = raw
    scores._origin = origin
    if raw[1] is None and not origin.decimals:
        scores._arrays = raw[0]
    return scores


def _with_nulls(values: NDArray[Any], mask: NDArray[numpy.bool_] | None) -> NDArray[Any]:
    if mask is None or not mask.any():
        return values
    shape = (len(mask),) + (1,) * (values.ndim - 1)
    return numpy.ma.MaskedArray(values, mask=numpy.broadcast_to(mask.reshape(shape), values.shape).copy())
