"""Rows beside the given ones: at the thresholds of trees, with missing values, and with what types have at their edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy

from edgeonnx._tables._columns import Array
from edgeonnx._verify._cuts import Cuts, Front
from edgeonnx._verify._ensembles import Ensemble
from edgeonnx._verify._paths import Path, path_to, put_on
from edgeonnx._verify._slots import Slot, Table, fitted, rows_of, slots_of, step, taken

__all__ = ["Batch", "TreeView", "edge_batches", "missing_batches", "threshold_batches"]

_LEAST_PER_SPLIT = 2
_MOST_PER_SLOT = 3  # rows of a pattern for each number of a row


@dataclass(frozen=True)
class Batch:
    """Rows of one pattern; the reference and the model take them all, or they are left out."""

    pattern: str
    table: Table


@dataclass(frozen=True)
class TreeView:
    """An ensemble of the model as the table's columns see it."""

    ensemble: Ensemble
    front: Front
    cuts: Cuts
    exact: Array | None
    """(n_splits,): the thresholds of the reference, NaN where there is none that corresponds."""


def background(table: Table, n_rows: int, rng: numpy.random.Generator) -> Table:
    """Rows drawn from the data."""
    return taken(table, rng.integers(0, rows_of(table), n_rows))


def threshold_batches(table: Table, views: Sequence[TreeView], n_rows: int, rng: numpy.random.Generator) -> tuple[list[Batch], int, int]:
    """Rows on thresholds, and rows that come to a split with NaN.

    Returns
    -------
    batches
        Of at most `n_rows` rows, drawn evenly over the splits.
    n_splits
        How many splits have rows.
    n_all
        How many splits there are in all.
    """
    plain = {name: numpy.ma.filled(values, 0) if numpy.ma.isMaskedArray(values) else values for name, values in table.items()}
    numbers: list[tuple[int, float, Slot]] = []
    missing: list[tuple[int, Slot]] = []
    paths: list[Path] = []
    slots: list[Slot] = slots_of(plain)
    n_splits = 0
    n_all = sum(len(view.ensemble.feature) for view in views)
    for view in views:
        share = n_rows * len(view.ensemble.feature) // max(1, n_all)
        # Where there are not rows enough for every number, rather more splits than all numbers at few of them.
        most = max(_LEAST_PER_SPLIT, share // max(1, len(view.ensemble.feature)) - 1)
        n_splits += _collect(view, share, most, rng, numbers, missing, paths)
    batches = []
    if numbers:
        drawn = background(plain, len(paths), rng)
        put_on(drawn, slots, paths)
        batches.append(Batch("thresholds", _with_values(drawn, numbers)))
        if missing:
            with_nan = taken(drawn, numpy.array([row for row, _ in missing]))
            for slot in {slot for _, slot in missing}:
                mine = numpy.array([place for place, (_, each) in enumerate(missing) if each == slot])
                slot.of(with_nan)[mine] = numpy.nan
            batches.append(Batch("NaN", with_nan))
    return batches, n_splits, n_all


def _collect(
    view: TreeView,
    n_rows: int,
    most: int,
    rng: numpy.random.Generator,
    numbers: list[tuple[int, float, Slot]],
    missing: list[tuple[int, Slot]],
    paths: list[Path],
) -> int:
    """Note the values to try at the splits of one ensemble, in an order drawn by chance, until there are enough."""
    parents = view.ensemble.parents()
    n_before, n_splits = len(numbers) + len(missing), 0
    for split in rng.permutation(len(view.ensemble.feature)):
        if len(numbers) + len(missing) - n_before >= n_rows:
            break
        if view.cuts.slot[split] < 0:
            continue
        path = path_to(view.ensemble, view.cuts, parents, int(split))
        if path is None:
            continue
        slot = view.front.slots[view.cuts.slot[split]]
        lowest, highest = path.get(int(view.cuts.slot[split]), (-numpy.inf, numpy.inf))
        values = _values_at(view, int(split), slot)
        reaching = values[(values >= lowest) & (values <= highest)]
        reaching = reaching if len(reaching) else values
        if len(reaching) > most:
            reaching = rng.choice(reaching, most, replace=False)
        row = len(paths)
        paths.append(path)
        numbers.extend((row, float(value), slot) for value in reaching)
        if slot.dtype.kind == "f":
            missing.append((row, slot))
        n_splits += 1
    return n_splits


def _values_at(view: TreeView, split: int, slot: Slot) -> Array:
    """Where the answer of a split changes, one number of the column's type and of float32 further on, and the reference's threshold."""
    cuts = view.cuts
    around = numpy.array([cuts.low[split], cuts.high[split], cuts.strict_low[split], cuts.strict_high[split]])
    if slot.dtype.kind != "f":
        around = numpy.concatenate([around, around[:1] - 1, around[1:2] + 1])
        return numpy.unique(fitted(around, slot.dtype).astype(numpy.float64))
    single = around[:1].astype(numpy.float32)
    around = numpy.concatenate([around, single, step(single, 1), step(single, -1)])
    exact = numpy.nan if view.exact is None else view.exact[split]
    if abs(exact - cuts.low[split]) <= 1e-5 * abs(exact):
        here = numpy.array([exact])
        around = numpy.concatenate([around, here, step(here, 1), step(here, -1)])
    return numpy.unique(fitted(around, slot.dtype).astype(numpy.float64))


def _with_values(drawn: Table, numbers: list[tuple[int, float, Slot]]) -> Table:
    """One row per value: the row that reaches its split, with the value in its slot."""
    table = taken(drawn, numpy.array([row for row, _, _ in numbers]))
    by_slot: dict[Slot, list[int]] = {}
    for place, (_, _, slot) in enumerate(numbers):
        by_slot.setdefault(slot, []).append(place)
    for slot, places in by_slot.items():
        slot.of(table)[numpy.array(places)] = numpy.array([numbers[place][1] for place in places]).astype(slot.dtype)
    return table


def missing_batches(table: Table, takes_nulls: bool, rng: numpy.random.Generator) -> list[Batch]:
    """NaN and NULL in single columns, in pairs and in all."""
    slots = slots_of(table)
    batches = []
    floats = [slot for slot in slots if slot.dtype.kind == "f"]
    if floats:
        batches.append(Batch("NaN", _struck(table, floats, rng, numpy.nan)))
    if takes_nulls:
        masked = {
            name: numpy.ma.MaskedArray(values, numpy.ma.getmaskarray(values)) if values.dtype.kind in "iufb" else values
            for name, values in table.items()
        }
        batches.append(Batch("NULL", _struck(masked, slots, rng, numpy.ma.masked)))
    return batches


def _struck(table: Table, slots: list[Slot], rng: numpy.random.Generator, value: Any) -> Table:
    n_slots = len(slots)
    groups = [[k] for k in range(n_slots) for _ in range(_MOST_PER_SLOT)]
    groups += [rng.choice(n_slots, 2, replace=False).tolist() for _ in range(n_slots)] if n_slots > 1 else []
    groups.append(list(range(n_slots)))
    changed = background(table, len(groups), rng)
    for row, group in enumerate(groups):
        for k in group:
            slots[k].of(changed)[row] = value
    return changed


def edge_batches(table: Table, reads_columns_as_they_are: bool, rng: numpy.random.Generator) -> list[Batch]:
    """Zeros, constants, and where no arithmetic stands before the trees the limits of the types and infinities."""
    slots = slots_of(table)
    batches = [Batch("zeros", _each_set(table, slots, [0.0, -0.0], rng)), Batch("constants", _each_constant(table, slots, rng))]
    if reads_columns_as_they_are:
        largest = float(numpy.finfo(numpy.float32).max)
        smallest = float(numpy.finfo(numpy.float32).smallest_subnormal)
        floats = [slot for slot in slots if slot.dtype.kind == "f"]
        whole = [slot for slot in slots if slot.dtype.kind in "iu"]
        if floats:
            batches.append(Batch("limits of real", _each_set(table, floats, [largest, -largest, smallest, -smallest], rng)))
            batches.append(Batch("infinities", _each_set(table, floats, [numpy.inf, -numpy.inf], rng)))
        doubles = [slot for slot in floats if slot.dtype.itemsize == 8]
        if doubles:
            batches.append(Batch("limits of float", _each_set(table, doubles, [1.7e308, -1.7e308], rng)))
        if whole:
            batches.append(Batch("limits of whole numbers", _each_limit(table, whole, rng)))
    return batches


def _each_set(table: Table, slots: list[Slot], values: list[float], rng: numpy.random.Generator) -> Table:
    """Rows with one number changed, then rows with all of them changed."""
    changed = background(table, (len(slots) + 1) * len(values), rng)
    for k, value in enumerate(values):
        for number, slot in enumerate(slots):
            of = slot.of(changed)
            of[number * len(values) + k] = of[len(slots) * len(values) + k] = fitted(numpy.array(value), slot.dtype)
    return changed


def _each_limit(table: Table, slots: list[Slot], rng: numpy.random.Generator) -> Table:
    changed = background(table, 2 * len(slots), rng)
    for number, slot in enumerate(slots):
        info = numpy.iinfo(slot.dtype)
        slot.of(changed)[2 * number : 2 * number + 2] = [info.min, info.max]
    return changed


def _each_constant(table: Table, slots: list[Slot], rng: numpy.random.Generator) -> Table:
    """Each column at its smallest, middle and largest value while the others vary; then all of them at once."""
    changed = background(table, 3 * (len(slots) + 1), rng)
    for number, slot in enumerate(slots):
        given = numpy.ma.compressed(slot.of(table)) if numpy.ma.isMaskedArray(table[slot.column]) else slot.of(table)
        given = given[~numpy.isnan(given)] if slot.dtype.kind == "f" else given
        if len(given) == 0:
            continue
        ranked = numpy.sort(given)
        values = ranked[[0, len(ranked) // 2, -1]]
        of = slot.of(changed)
        of[3 * number : 3 * number + 3] = values
        of[3 * len(slots) :] = values
    return changed
