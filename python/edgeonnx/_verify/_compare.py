"""What counts as the same answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy

from edgeonnx._tables._columns import Array

__all__ = ["RELATIVE", "Comparison", "Difference", "is_label", "matrix_of"]

RELATIVE = {"float16": 1e-3, "bfloat16": 1e-2, "float": 1e-5, "double": 1e-9}
"""Of an output's scale, by the precision that the model computes in: some fifty roundings of the largest score."""


def is_label(values: Array) -> bool:
    return numpy.asarray(values).dtype.kind not in "fc"


def matrix_of(values: Array) -> Array:
    return values.reshape(len(values), -1)


@dataclass(frozen=True)
class Difference:
    """How far an output is from what is expected, row by row."""

    size: Array
    """(n_rows,) float64: the largest difference of the row's scores, or 1 for another label; infinite where one is no number."""
    differs: Array
    """(n_rows,) bool"""


@dataclass(frozen=True)
class Comparison:
    """The tolerance of each output, and what labels may do at ties."""

    tolerance: Mapping[str, tuple[float, float]]
    """Output name to (absolute, relative): a score may be off by the absolute part, or by the relative one of its row's largest."""
    ties: bool
    """Labels may differ where the two best scores of the reference are as near as the tolerance."""

    def of(self, name: str, got: Array, expected: Array, tied: Array | None = None) -> Difference:
        """Compare one output; rows where it is NULL are taken for equal."""
        nulls = numpy.ma.getmaskarray(got).reshape(len(got), -1).any(axis=1) if numpy.ma.isMaskedArray(got) else None
        found = (
            self._labels(matrix_of(numpy.ma.getdata(got)), matrix_of(expected), tied)
            if is_label(expected)
            else self._scores(name, matrix_of(numpy.ma.getdata(got)), matrix_of(expected))
        )
        if nulls is None:
            return found
        return Difference(numpy.where(nulls, 0.0, found.size), found.differs & ~nulls)

    def _labels(self, got: Array, expected: Array, tied: Array | None) -> Difference:
        if got.shape != expected.shape:
            return _all_differ(len(expected))
        other = (got != expected).any(axis=1)
        if self.ties and tied is not None:
            other &= ~tied
        return Difference(other.astype(numpy.float64), other)

    def _scores(self, name: str, got: Array, expected: Array) -> Difference:
        if got.shape != expected.shape or got.dtype.kind not in "iufb":
            return _all_differ(len(expected))
        absolute, relative = self.tolerance[name]
        with numpy.errstate(invalid="ignore", over="ignore"):
            got, expected = got.astype(numpy.float64), expected.astype(numpy.float64)
            off = numpy.abs(got - expected)
            largest = numpy.max(numpy.abs(numpy.where(numpy.isfinite(expected), expected, 0)), axis=1, initial=0)
        # NaN and infinities are equal to themselves alone.
        off[(got == expected) | (numpy.isnan(got) & numpy.isnan(expected))] = 0
        off[numpy.isnan(off)] = numpy.inf
        size = numpy.max(off, axis=1, initial=0)
        return Difference(size, size > absolute + relative * largest)

    def all(self, got: Mapping[str, Array], expected: Mapping[str, Array]) -> dict[str, Difference]:
        """Compare every output that has an expected answer."""
        tied = self.tied(expected)
        return {name: self.of(name, got[name], values, tied) for name, values in expected.items()}

    def tied(self, expected: Mapping[str, Array]) -> Array | None:
        """(n_rows,) bool: the two best scores are as near as the tolerance; None where there is no output of several scores."""
        for name, values in expected.items():
            scores = matrix_of(values)
            if not is_label(values) and scores.shape[1] > 1:
                best = numpy.sort(scores.astype(numpy.float64), axis=1)[:, -2:]
                absolute, relative = self.tolerance[name]
                return numpy.asarray(best[:, 1] - best[:, 0] <= absolute + relative * numpy.abs(best[:, 1]))
        return None


def _all_differ(n_rows: int) -> Difference:
    return Difference(numpy.full(n_rows, numpy.inf), numpy.ones(n_rows, bool))


def tolerances(
    expected: Mapping[str, Array], elements: Mapping[str, str], rtol: float | None, atol: float | None
) -> dict[str, tuple[float, float]]:
    """By default the absolute part is the relative one of the largest score among the given rows, so that small scores may be off by what
    sums of large terms are.
    """
    found: dict[str, tuple[float, float]] = {}
    for name, values in expected.items():
        if is_label(values):
            found[name] = (0.0, 0.0)
            continue
        finite: Any = numpy.abs(values[numpy.isfinite(values)])
        relative = RELATIVE[elements[name]] if rtol is None else rtol
        found[name] = (relative * float(finite.max(initial=0)) if atol is None else atol, relative)
    return found
