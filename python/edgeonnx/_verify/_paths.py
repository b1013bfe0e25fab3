"""Rows that reach a given split of a tree: every comparison above it is met."""

from __future__ import annotations

from typing import NamedTuple

import numpy

from edgeonnx._tables._columns import Array
from edgeonnx._verify._cuts import Cuts
from edgeonnx._verify._ensembles import MODES, Ensemble
from edgeonnx._verify._slots import Slot, Table, fitted

__all__ = ["Path", "path_to", "put_on"]

_HUGE = 1e30
_AT_MOST, _BELOW, _AT_LEAST, _ABOVE, _EQUAL, _UNEQUAL, _MEMBER = range(len(MODES))
Path = dict[int, tuple[float, float]]


class Side(NamedTuple):
    """The numbers of a slot that go to one side of a split."""

    lowest: float
    highest: float


def side_of(ensemble: Ensemble, cuts: Cuts, split: int, yes: bool) -> Side | None:
    """None where equality decides, or no single column does."""
    mode = ensemble.mode[split]
    if cuts.slot[split] < 0 or mode not in (_AT_MOST, _BELOW, _AT_LEAST, _ABOVE):
        return None
    strict = mode in (_BELOW, _AT_LEAST)
    low, high = (cuts.strict_low, cuts.strict_high) if strict else (cuts.low, cuts.high)
    goes_down = yes == (mode in (_AT_MOST, _BELOW))
    if goes_down == bool(cuts.rises[split]):
        return Side(-numpy.inf, float(low[split]))
    return Side(float(high[split]), numpy.inf)


def path_to(ensemble: Ensemble, cuts: Cuts, parents: tuple[Array, Array], split: int) -> Path | None:
    """Between which numbers each slot must lie for a row to reach a split; None where no row can."""
    path: Path = {}
    above, by_yes = parents
    while above[split] >= 0:
        parent, yes = int(above[split]), bool(by_yes[split])
        side = side_of(ensemble, cuts, parent, yes)
        if side is not None:
            slot = int(cuts.slot[parent])
            lowest, highest = path.get(slot, (-numpy.inf, numpy.inf))
            path[slot] = max(lowest, side.lowest), min(highest, side.highest)
        elif cuts.slot[parent] >= 0 and ensemble.mode[parent] in (_EQUAL, _UNEQUAL) and yes == (ensemble.mode[parent] == _EQUAL):
            path[int(cuts.slot[parent])] = (float(cuts.strict_high[parent]), float(cuts.low[parent]))
        split = parent
    return None if any(lowest > highest for lowest, highest in path.values()) else path


def put_on(table: Table, slots: list[Slot], paths: list[Path]) -> None:
    """Move the values of row i that paths[i] does not allow well into what it does, in place.

    Not to the nearest allowed number: that lies on another threshold, and one row would then ask several questions at once.
    """
    bounds: dict[int, list[tuple[int, float, float]]] = {}
    for row, path in enumerate(paths):
        for slot, (lowest, highest) in path.items():
            bounds.setdefault(slot, []).append((row, lowest, highest))
    for slot, entries in bounds.items():
        rows = numpy.array([row for row, _, _ in entries])
        lows, highs = numpy.array([low for _, low, _ in entries]), numpy.array([high for _, _, high in entries])
        values = slots[slot].of(table)
        # A missing value has a side of its own at every split: give the row a number instead.
        number = values[rows].astype(numpy.float64)
        is_out = ~((number >= lows) & (number <= highs))
        number[is_out] = _inside(lows, highs, _spread(values))[is_out]
        values[rows] = _between(number, lows, highs, slots[slot])


def _inside(lowest: Array, highest: Array, spread: float) -> Array:
    """The middle, or some way beyond the one end that there is."""
    with numpy.errstate(invalid="ignore"):
        middle = 0.5 * lowest + 0.5 * highest
    beyond = numpy.where(numpy.isfinite(lowest), lowest + spread, highest - spread)
    return numpy.where(numpy.isfinite(middle), middle, beyond)


def _spread(values: Array) -> float:
    finite = values[numpy.isfinite(values)].astype(numpy.float64)
    found = float(finite.std()) if len(finite) else 0.0
    return found if 0 < found < numpy.inf else 1.0


def _between(number: Array, lowest: Array, highest: Array, slot: Slot) -> Array:
    """In the slot's type, which may have rounded a number out of its bounds."""
    rounded = fitted(number, slot.dtype)
    low, high = fitted(numpy.maximum(lowest, -_HUGE), slot.dtype), fitted(numpy.minimum(highest, _HUGE), slot.dtype)
    return numpy.where(rounded < lowest, low, numpy.where(rounded > highest, high, rounded))
