"""Answers beside the golden ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy
from numpy.typing import NDArray

__all__ = ["Comparison", "compare", "ties"]

_TOLERANCE = 1e-5


class Comparison(NamedTuple):
    """What is different; `first` is empty where nothing is."""

    worst: float
    """The largest difference of two real numbers, over the largest magnitude of its output."""
    n_different: int
    """Values beyond the tolerance."""
    first: str
    """The first of them: output, row, expected and got."""


def compare(expected: Mapping[str, NDArray[Any]], got: Mapping[str, NDArray[Any]]) -> Comparison:
    """Compare outputs by name.

    Whole numbers, labels and bits must be equal. Real numbers may differ by 1e-5 of the largest magnitude in their output (of half
    floats by two units in the last place), which is what another order of summation makes of float32 and no wrong branch of a tree
    stays below; NaN must be NaN, and an infinity the same infinity.
    """
    worst, n_different, first = 0.0, 0, ""
    for name, golden in expected.items():
        answer = got[name]
        if answer.dtype != golden.dtype or answer.shape != golden.shape:
            here = f"{answer.dtype} of shape {answer.shape}"
            first = first or f"output {name!r}: expected {golden.dtype} of shape {golden.shape}, got {here}"
            n_different += 1
            continue
        if golden.dtype.kind == "f":
            apart = _distance(golden, answer)
            wrong = ~(apart <= _tolerance(golden.dtype))
            worst = max(worst, float(apart.max(initial=0)))
        else:
            wrong = golden != answer
        n_different += int(wrong.sum())
        if wrong.any() and not first:
            at = tuple(int(i) for i in numpy.argwhere(wrong)[0])
            place = f", value {', '.join(map(str, at[1:]))}" if len(at) > 1 else ""
            first = f"output {name!r}, row {at[0]}{place}: expected {golden[at].item()!r}, got {answer[at].item()!r}"
    return Comparison(worst, n_different, first)


def ties(outputs: Mapping[str, NDArray[Any]]) -> NDArray[numpy.bool_]:
    """Rows whose two largest scores lie so close that rounding may choose either label.

    Scores are outputs of several real values a row, and outputs of one value that stand together for several classes.
    """
    n_rows = len(next(iter(outputs.values())))
    single = [array for array in outputs.values() if array.dtype.kind == "f" and array.ndim == 1]
    groups = [array.reshape(n_rows, -1) for array in outputs.values() if array.dtype.kind == "f" and array.ndim > 1]
    if len(single) > 1:
        groups.append(numpy.stack(single, axis=1))
    tied = numpy.zeros(n_rows, bool)
    for scores in groups:
        if scores.shape[1] < 2:
            continue
        ordered = numpy.sort(scores.astype(numpy.float64), axis=1)
        with numpy.errstate(invalid="ignore"):
            tied |= ordered[:, -1] - ordered[:, -2] <= 10 * _tolerance(scores.dtype) * _magnitude(scores)
    return tied


def _tolerance(dtype: numpy.dtype[Any]) -> float:
    return max(_TOLERANCE, 2 * float(numpy.finfo(dtype).eps))


def _magnitude(values: NDArray[Any]) -> float:
    finite = numpy.abs(values[numpy.isfinite(values)].astype(numpy.float64))
    return float(finite.max(initial=0))


def _distance(expected: NDArray[Any], got: NDArray[Any]) -> NDArray[numpy.float64]:
    """Differences over the largest magnitude; infinite where one of the two is not a number or not finite."""
    same = (expected == got) | (numpy.isnan(expected) & numpy.isnan(got))
    with numpy.errstate(invalid="ignore", over="ignore"):
        apart = numpy.abs(expected.astype(numpy.float64) - got.astype(numpy.float64)) / (_magnitude(expected) or 1.0)
    apart[~numpy.isfinite(apart)] = numpy.inf
    apart[same] = 0.0
    return apart
