"""Whether a converted model says what the estimator says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy

from edgeonnx._estimators import Answers, Field, Split
from edgeonnx._tables._columns import Array

_MOST_ROWS = 2000
_LARGEST = float(numpy.finfo(numpy.float32).max)
_TIE = 1e-6  # of the larger score: what sums of float32 leave


class Distance(NamedTuple):
    """How far answers lie from those expected; smaller is better, labels first."""

    n_labels: int
    """Rows with another label."""
    worst: float
    """Largest difference of a score, over the largest score of that output."""
    output: str
    """Where it is."""
    row: int
    got: object = None
    expected: object = None


EQUAL = Distance(0, 0.0, "", 0)


def ties(answers: Answers) -> Array | None:
    """Rows whose two best classes the estimator itself can hardly tell apart, so that rounding decides on the label."""
    if answers.labels is None or not answers.scores or answers.scores[0].shape[1] < 2:
        return None
    best = numpy.partition(answers.scores[0].astype(numpy.float64), -2, axis=1)
    apart: Array = best[:, -1] - best[:, -2] <= _TIE * numpy.abs(best[:, -1])
    return apart


def distance(actual: Mapping[str, Array], expected: Mapping[str, Array], tied: Array | None = None) -> Distance:
    """Compare the outputs that both have; labels of tied rows do not count."""
    n_labels, worst, where, at = 0, 0.0, "", 0
    pair: tuple[object, object] = (None, None)
    for name, wanted in expected.items():
        got = numpy.asarray(actual[name])
        if wanted.dtype.kind in "iub":
            differ = got.reshape(-1) != wanted.reshape(-1)
            if tied is not None:
                differ &= ~tied
            n_labels += int(differ.sum())
            if differ.any() and not where:
                where, at = name, int(numpy.argmax(differ))
                pair = got.reshape(-1)[at].item(), wanted.reshape(-1)[at].item()
            continue
        apart = relative_differences(got, wanted)
        if apart.size and apart.max() > worst:
            worst, where, at = float(apart.max()), name, int(numpy.argmax(apart))
            pair = got[at].tolist(), wanted[at].tolist()
    return Distance(n_labels, worst, where, at, *pair)


def relative_differences(actual: Array, expected: Array) -> Array:
    """Per row: the largest difference over the largest finite magnitude expected of any row, infinite where only one is NaN or infinite."""
    got = actual.astype(numpy.float64).reshape(len(actual), -1)
    wanted = expected.astype(numpy.float64).reshape(len(expected), -1)
    if not len(wanted):
        return numpy.zeros(0)
    finite = numpy.isfinite(wanted)
    scale = float(numpy.abs(wanted[finite]).max(initial=0.0)) or 1.0
    with numpy.errstate(invalid="ignore"):
        apart = numpy.abs(got - wanted) / scale
    same = (got == wanted) | (numpy.isnan(got) & numpy.isnan(wanted))
    apart[same] = 0.0
    apart[numpy.isnan(apart)] = numpy.inf
    worst: Array = apart.max(axis=1)
    return worst


def sampled(columns: dict[str, Array]) -> dict[str, Array]:
    """Some of the rows, spread over the table."""
    n_rows = len(next(iter(columns.values())))
    if n_rows <= _MOST_ROWS:
        return columns
    chosen = numpy.linspace(0, n_rows - 1, _MOST_ROWS).astype(int)
    return {name: values[chosen] for name, values in columns.items()}


def with_threshold_rows(
    columns: dict[str, Array], fields: list[Field], trees: Iterable[Split | None], reads_as_zero: float = 0.0
) -> dict[str, Array]:
    """The rows, and copies of some whose values lie on thresholds of the trees and right beside them.

    Numbers up to `reads_as_zero`, which the estimator takes for 0, are 0.
    """
    n_rows = len(next(iter(columns.values())))
    random = numpy.random.default_rng(1)
    sample = columns
    thresholds = _by_feature(trees, len(fields))
    if not any(thresholds) or any(each.shape for each in fields):
        return sample
    extra = random.choice(n_rows, _MOST_ROWS)
    added = {name: values[extra].copy() for name, values in columns.items()}
    splitting = [k for k, values in enumerate(thresholds) if values]
    for row in range(_MOST_ROWS):
        feature = splitting[random.integers(len(splitting))]
        field = fields[feature]
        value = _beside(thresholds[feature][random.integers(len(thresholds[feature]))], field, random)
        added[field.name][row] = 0 if abs(value) <= reads_as_zero else value
    return {name: numpy.concatenate([sample[name], added[name]]) for name in sample}


def _by_feature(trees: Iterable[Split | None], n_features: int) -> list[list[float]]:
    found: list[set[float]] = [set() for _ in range(n_features)]
    rest = list(trees)
    while rest:
        split = rest.pop()
        if split is None:
            continue
        if split.categories is None and split.feature < n_features and abs(split.threshold) < _LARGEST:
            found[split.feature].add(split.threshold)
        rest += [split.yes, split.no]
    return [sorted(each) for each in found]


def _beside(threshold: float, field: Field, random: numpy.random.Generator) -> float | int:
    if field.dtype.kind != "f":
        limits = numpy.iinfo(field.dtype) if field.dtype.kind in "iu" else None
        value = int(numpy.floor(numpy.clip(threshold, -(2.0**62), 2.0**62))) + int(random.integers(0, 2))
        return value if limits is None else int(numpy.clip(value, limits.min, limits.max))
    which = random.integers(5)
    if which < 2:
        return float(numpy.nextafter(threshold, numpy.inf if which else -numpy.inf))
    if which < 4:
        return float(numpy.nextafter(numpy.float32(threshold), numpy.float32(numpy.inf if which == 2 else -numpy.inf)))
    return threshold
