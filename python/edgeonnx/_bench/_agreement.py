"""Whether two contenders gave the same answers, before anything is timed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy

from edgeonnx._bench._workload import Array
from edgeonnx._errors import Error

# Sums of float32 in another order; of the largest answer. Halves: two units in the last place.
_TOLERANCE = 1e-5
_HALF_TOLERANCE = 2.0**-9
# Labels differ where scores tie. Columns rounded to real go down another branch of a tree than those that an estimator saw.
_MOST_LABELS = 0.001
_MOST_BRANCHES = 0.01


class Agreement(NamedTuple):
    """How near a contender's answers are to edgeonnx's."""

    n_rows: int
    worst_difference: float
    """Of floats."""
    n_rows_beyond: int
    """Rows that differ by more than the tolerance, few enough to be ties of labels or branches of trees."""


class Disagreement(Error):
    """Two contenders gave different answers."""


def compare(name: str, ours: Mapping[str, Array], theirs: Mapping[str, Array], *, is_estimator: bool = False) -> Agreement:
    """Compare what edgeonnx and another contender say of the same rows.

    Floats may differ by 1e-5 of the largest answer of an output (halves by 2^-9). Labels may differ in one row of 1000 where all scores
    agree, since scores tie; of an estimator one row of 100 may be beyond, since models round columns to real.

    Raises
    ------
    Disagreement
        They differ by more; the message says by how much, and where.
    """
    worst, beyond, n_rows = 0.0, 0, 0
    for output in ours:
        if output not in theirs:
            if is_estimator:
                continue
            raise Disagreement(f"{name} returns no output '{output}'; it returns {', '.join(map(repr, theirs))}")
        mine, other = ours[output], numpy.asarray(theirs[output])
        n_rows = len(mine)
        if mine.size != other.size:
            raise Disagreement(f"output '{output}': edgeonnx returns {mine.shape}, {name} {other.shape}")
        is_float = mine.dtype.kind == "f"
        differences = _differences(mine.reshape(n_rows, -1), other.reshape(n_rows, -1), is_float)
        tolerance = _tolerance(mine, other) if is_float else 0.0
        bad = differences > tolerance
        most = _MOST_BRANCHES if is_estimator else 0.0 if is_float else _MOST_LABELS
        if bad.sum() > most * n_rows:
            row = int(bad.argmax())
            raise Disagreement(
                f"edgeonnx and {name} disagree in output '{output}': {int(bad.sum())} of {n_rows} rows differ by more than "
                f"{tolerance:.3g}, by {differences.max():.3g} at the most; row {row} is {_shown(mine[row])} by edgeonnx, "
                f"{_shown(other[row])} by {name}"
            )
        beyond = max(beyond, int(bad.sum()))
        if is_float and not bad.all():
            worst = max(worst, float(differences[~bad].max(initial=0.0)))
    return Agreement(n_rows, worst, beyond)


def _differences(mine: Array, other: Array, is_float: bool) -> Array:
    """The largest difference of each row. Where one is NaN or infinite the other must be the same."""
    if not is_float:
        differences: Array = (mine != other).any(axis=1)
        return differences.astype(numpy.float64)
    a, b = mine.astype(numpy.float64), other.astype(numpy.float64)
    with numpy.errstate(invalid="ignore"):
        differences = numpy.where((a == b) | (numpy.isnan(a) & numpy.isnan(b)), 0.0, numpy.abs(a - b))
    largest: Array = numpy.nan_to_num(differences, nan=numpy.inf).max(axis=1, initial=0.0)
    return largest


def _tolerance(mine: Array, other: Array) -> float:
    finite = numpy.abs(other[numpy.isfinite(other)].astype(numpy.float64))
    is_half = mine.dtype == numpy.float16
    return (_HALF_TOLERANCE if is_half else _TOLERANCE) * float(finite.max(initial=0.0))


def _shown(value: Array) -> str:
    values = numpy.asarray(value).reshape(-1)
    text = ", ".join(f"{each:.7g}" if values.dtype.kind == "f" else str(each) for each in values[:3])
    return f"[{text}{', ...' if len(values) > 3 else ''}]" if len(values) > 1 else text
