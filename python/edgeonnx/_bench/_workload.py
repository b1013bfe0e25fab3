"""What is scored: a model, some rows, and how columns become the tensors that onnxruntime takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy
from numpy.typing import NDArray

from edgeonnx._bench._thresholds import Spreads
from edgeonnx._errors import Unsupported
from edgeonnx._port import Port

Array = NDArray[Any]
Columns = dict[str, Array]

_DTYPES = {
    "float": "float32",
    "double": "float64",
    "float16": "float16",
    "bool": "bool",
    **{f"{sign}int{bits}": f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
}
# An input of more values a row is made as one column of vectors: no table has so many plain ones.
_MOST_COLUMNS = 256
_MOST_ROWS = 100_000


@dataclass(frozen=True)
class Feed:
    """One input, and what a user of onnxruntime does to feed it."""

    input: str
    columns: tuple[str, ...]
    dtype: str
    inner: tuple[int | None, ...]
    """Sizes of a row; None where free."""

    def tensor(self, columns: Mapping[str, Array]) -> Array:
        """The columns side by side, in the input's type and shape."""
        parts = [columns[name] for name in self.columns]
        values = parts[0] if len(parts) == 1 else numpy.column_stack(parts)
        values = values.astype(self.dtype, copy=False)
        if values.ndim == 1 + len(self.inner) and all(a in (None, b) for a, b in zip(self.inner, values.shape[1:], strict=True)):
            return numpy.ascontiguousarray(values)
        return numpy.ascontiguousarray(values.reshape(len(values), *(-1 if size is None else size for size in self.inner)))

    def row(self, values: Mapping[str, object]) -> Array:
        """The tensor of one row of plain values."""
        line = numpy.array([[values[name] for name in self.columns]], self.dtype)
        return line.reshape(1, *(-1 if size is None else size for size in self.inner))


@dataclass(frozen=True)
class Workload:
    """A model and the rows to score with it.

    Attributes
    ----------
    model
        Path of the model.
    columns
        Some rows; larger batches repeat them.
    feeds
        How the columns feed the inputs.
    ports
        The outputs of the model, as `Scorer` tells them.
    options
        Arguments of `Scorer`.
    estimator
        Path of a pickled estimator, or None.
    """

    model: str
    columns: Columns
    feeds: tuple[Feed, ...]
    ports: tuple[Port, ...]
    options: dict[str, Any] = field(default_factory=dict)
    estimator: str | None = None

    @property
    def n_rows(self) -> int:
        """Rows at hand."""
        return len(next(iter(self.columns.values())))

    @property
    def outputs(self) -> list[str] | None:
        """The outputs that columns can hold; None: all of them."""
        kept = [port.name for port in self.ports if port.onnx_type.removeprefix("tensor(").removesuffix(")") in _DTYPES]
        return None if len(kept) == len(self.ports) else kept

    @property
    def groups(self) -> dict[str, list[str]]:
        """Inputs that several columns feed, as `Scorer` takes them."""
        return {feed.input: list(feed.columns) for feed in self.feeds if len(feed.columns) > 1}

    def rows(self, n_rows: int) -> Columns:
        """The first rows, repeated as often as needed, as contiguous columns."""
        if n_rows <= self.n_rows:
            return {name: numpy.ascontiguousarray(values[:n_rows]) for name, values in self.columns.items()}
        places = numpy.arange(n_rows) % self.n_rows
        return {name: values[places] for name, values in self.columns.items()}


def feeds_of(inputs: Sequence[Port], columns: Mapping[str, Array]) -> tuple[Feed, ...]:
    """Which columns feed which input: by name, or all numeric columns where there is one input of several values a row.

    The columns must have passed `Scorer.explain`, which finds what does not fit.
    """
    numeric = tuple(name for name, values in columns.items() if values.dtype.kind in "iufb" and values.ndim == 1)
    by_lower_name = {name.lower(): name for name in columns}
    feeds = []
    for port in inputs:
        name = port.name if port.name in columns else by_lower_name.get(port.name.lower())
        is_single = len(inputs) == 1 and _width(port) != 1
        is_whole = name is not None and (not is_single or columns[name].ndim > 1)
        chosen = (name,) if is_whole and name is not None else numeric
        feeds.append(Feed(port.name, chosen, _dtype(port), tuple(port.shape[1:]) if port.shape else (None,)))
    return tuple(feeds)


def generated(inputs: Sequence[Port], n_rows: int, spreads: Spreads | None = None) -> tuple[Columns, tuple[Feed, ...]]:
    """Made-up rows for a model, at most 100 000, which larger batches repeat, of the types of its inputs.

    Floats are normal, with mean and deviation of the thresholds that trees compare them with, else of mean 0 and deviation 1; whole numbers
    and bits are 0 or 1, which every table of categories or tokens has; bytes go from 0 to 255. An input of up to 256 values a row takes so
    many columns, any other one column of its own shape.

    Raises
    ------
    Unsupported
        An input has a size that the model leaves free.
    """
    rng = numpy.random.default_rng(442)
    n_rows = min(n_rows, _MOST_ROWS)
    columns: Columns = {}
    feeds = []

    def spread(name: str, place: int) -> tuple[float, float]:
        return (spreads or {}).get((name, place), (0.0, 1.0))

    for port in inputs:
        inner = port.shape[1:]
        if any(size is None for size in inner):
            raise Unsupported(f"input '{port.name}' has a size that the model leaves free, so no rows can be made up for it; give DATA")
        dtype = _dtype(port)
        sizes = tuple(size for size in inner if size is not None)
        width = prod(sizes)
        if len(sizes) == 1 and 1 < width <= _MOST_COLUMNS:
            names = tuple(f"{port.name}_{place}" for place in range(width))
            columns |= {name: _values(rng, dtype, (n_rows,), spread(port.name, place)) for place, name in enumerate(names)}
        else:
            names = (port.name,)
            columns[port.name] = _values(rng, dtype, (n_rows,) if width == 1 else (n_rows, *sizes), spread(port.name, 0))
        feeds.append(Feed(port.name, names, dtype, sizes))
    return columns, tuple(feeds)


def _values(rng: numpy.random.Generator, dtype: str, shape: tuple[int, ...], spread: tuple[float, float]) -> Array:
    kind = numpy.dtype(dtype)
    if kind.kind == "f":
        mean, deviation = spread
        return (rng.standard_normal(shape, numpy.float32) * deviation + mean).astype(kind)
    return rng.integers(0, 256 if kind == numpy.uint8 else 2, shape).astype(kind)


def _dtype(port: Port) -> str:
    element = port.onnx_type.removeprefix("tensor(").removesuffix(")")
    if element not in _DTYPES:
        raise Unsupported(f"input '{port.name}' takes {port.onnx_type}, for which NumPy has no numbers")
    return _DTYPES[element]


def _width(port: Port) -> int | None:
    inner = port.shape[1:]
    return None if any(size is None for size in inner) else prod(size for size in inner if size is not None)
