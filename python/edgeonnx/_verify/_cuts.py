"""Where in the columns of a table the cuts of an ensemble lie: found by asking the part of the graph before it, whatever that does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy

from edgeonnx._errors import Error
from edgeonnx._scorer import Scorer
from edgeonnx._tables._columns import Array
from edgeonnx._verify._ensembles import Ensemble
from edgeonnx._verify._graph import FRONT, front
from edgeonnx._verify._slots import Slot, Table, limits, numbers, ordinals, rows_of, slots_of, taken

__all__ = ["Cuts", "Front", "cuts_of"]

_N_PROBES = 32


class Front:
    """What stands between a table and the matrix that an ensemble reads."""

    def __init__(self, model: Any, ensemble: Ensemble, options: Mapping[str, Any], probes: Table) -> None:
        self._scorer = Scorer(front(model, ensemble.reads), **{**options, "selfcheck": False})
        self._probes = probes
        self.slots = slots_of(probes)
        self.source = self._sources()

    def features(self, table: Table) -> Array:
        """The matrix that the ensemble reads, (n_rows, n_features)."""
        values = numpy.ma.getdata(self._scorer.score(table)[FRONT])
        return values.reshape(len(values), -1)

    def _sources(self) -> Array:
        """(n_features,): the one slot that a feature follows, -1 where there is none or several."""
        before = self.features(self._probes)
        n_found = numpy.zeros(before.shape[1], numpy.int64)
        source = numpy.full(before.shape[1], -1)
        for number, slot in enumerate(self.slots):
            moved = dict(self._probes)
            moved[slot.column] = moved[slot.column].copy()
            _move(slot.of(moved))
            after = self.features(moved)
            follows = ((before != after) & ~(numpy.isnan(before) & numpy.isnan(after))).any(axis=0)
            source[follows] = number
            n_found += follows
        source[n_found != 1] = -1
        return source

    @property
    def moves_only(self) -> bool:
        """Features are columns as they are, at most rounded to float32."""
        before = self.features(self._probes)
        for feature, number in enumerate(self.source.tolist()):
            if number < 0:
                return False
            mine = self.slots[number].of(self._probes).astype(numpy.float32)
            seen = before[:, feature].astype(numpy.float32)
            if not ((mine == seen) | (numpy.isnan(mine) & numpy.isnan(seen))).all():
                return False
        return True

    def column(self, slot: Slot, feature: Array, values: Array) -> Array:
        """What the ensemble reads of given features, all of one slot, where the slot holds given values."""
        table = taken(self._probes, numpy.zeros(len(values), numpy.int64))
        slot.of(table)[...] = values
        return self.features(table)[numpy.arange(len(values)), feature]


def _move(values: Array) -> None:
    """Give a slot other values than it has."""
    if values.dtype.kind == "b":
        values[...] = ~values
    elif values.dtype.kind == "f":
        known = numpy.nan_to_num(numpy.asarray(values), posinf=0, neginf=0)
        values[...] = numpy.where(numpy.arange(len(values)) % 2, known + 1 + numpy.abs(known), 0.5 * known - 1)
    else:
        values[...] = numpy.where(values > 0, values - 1, values + 1)


@dataclass(frozen=True)
class Cuts:
    """The comparisons of an ensemble as its columns see them, one for each split.

    Going up through the numbers of the column's type, the answer to `feature <= threshold` changes from `low` to `high`, which are
    neighbours, and that to `feature < threshold` from `strict_low` to `strict_high`. All are float64, which holds every float32 and every
    whole number up to 2^53.
    """

    slot: Array
    """(n_splits,): a place in `Front.slots`, -1 where no single column decides."""
    rises: Array
    """Whether the feature grows with its column."""
    low: Array
    high: Array
    strict_low: Array
    strict_high: Array


def cuts_of(front: Front, ensemble: Ensemble) -> Cuts:
    """Find the cuts of all splits by bisection over the numbers of the columns' types."""
    pairs, inverse = numpy.unique(
        numpy.column_stack([ensemble.feature.astype(numpy.float64), ensemble.threshold]), axis=0, return_inverse=True
    )
    inverse = inverse.reshape(-1)
    feature, threshold = pairs[:, 0].astype(numpy.int64), pairs[:, 1]
    slot = numpy.where(feature < len(front.source), front.source[numpy.minimum(feature, len(front.source) - 1)], -1)
    found = numpy.full((4, len(pairs)), numpy.nan)
    rises = numpy.ones(len(pairs), bool)
    for number in numpy.unique(slot[slot >= 0]):
        mine = numpy.flatnonzero(slot == number)
        try:
            low, high, rising, holds = _bisect(front, front.slots[number], feature[mine], threshold[mine])
        except Error:  # the values in between are such that the front refuses them
            slot[mine] = -1
            continue
        found[0:2, mine], found[2:4, mine] = low, high
        rises[mine] = rising
        slot[mine[~holds]] = -1
    return Cuts(slot[inverse], rises[inverse], *(row[inverse] for row in found))


def _bisect(front: Front, slot: Slot, feature: Array, threshold: Array) -> tuple[Array, Array, Array, Array]:
    bottom, top = (numpy.full(len(feature), bound, slot.dtype) for bound in limits(slot.dtype))
    at_bottom, at_top = front.column(slot, feature, bottom), front.column(slot, feature, top)
    rises = at_top > at_bottom
    holds = (numpy.minimum(at_bottom, at_top) <= threshold) & (numpy.maximum(at_bottom, at_top) > threshold)
    results = []
    for strict in (False, True):
        low, high = ordinals(bottom), ordinals(top)
        while (high > low + 1).any():  # their difference may not fit
            middle = (low >> 1) + (high >> 1) + (low & high & 1)
            seen = front.column(slot, feature, numbers(middle, slot.dtype))
            is_below = seen < threshold if strict else seen <= threshold
            stays_low = is_below == rises
            low, high = numpy.where(stays_low, middle, low), numpy.where(stays_low, high, middle)
        results.append(numpy.stack([numbers(low, slot.dtype).astype(numpy.float64), numbers(high, slot.dtype).astype(numpy.float64)]))
    return results[0], results[1], rises, holds


def probes_of(table: Table) -> Table:
    """A few rows to ask the front with; NULLs are 0."""
    n_rows = rows_of(table)
    rows = numpy.unique(numpy.linspace(0, n_rows - 1, min(n_rows, _N_PROBES)).astype(numpy.int64))
    return {name: numpy.ma.filled(values, 0) if numpy.ma.isMaskedArray(values) else values for name, values in taken(table, rows).items()}
