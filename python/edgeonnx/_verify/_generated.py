"""Which rows are made for a model and a reference, and why others are not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy

from edgeonnx._errors import Error, InvalidArgument
from edgeonnx._verify._align import Alignment
from edgeonnx._verify._cuts import Front, cuts_of, probes_of
from edgeonnx._verify._ensembles import Ensemble
from edgeonnx._verify._reference import Reference
from edgeonnx._verify._report import LeftOut
from edgeonnx._verify._rows import Batch, TreeView, edge_batches, missing_batches, threshold_batches
from edgeonnx._verify._slots import Table, slots_of

__all__ = ["PATTERNS", "Generated", "generated"]

PATTERNS = (
    "thresholds",
    "NaN",
    "NULL",
    "zeros",
    "constants",
    "limits of real",
    "limits of float",
    "limits of whole numbers",
    "infinities",
)


@dataclass
class Generated:
    """Rows by pattern."""

    batches: list[Batch] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def generated(
    model: Any,
    reference: Reference,
    trees: Sequence[tuple[Ensemble, Alignment | None]],
    table: Table,
    options: Mapping[str, Any],
    n_rows: int,
    leave_out: set[str],
    seed: int,
) -> Generated:
    """Make rows beside the given ones."""
    if unknown := sorted(leave_out - set(PATTERNS)):
        raise InvalidArgument(f"leave_out names {', '.join(map(repr, unknown))}; the patterns are {', '.join(map(repr, PATTERNS))}")
    made = Generated()
    if reference.given_rows_only:
        made.notes.append("no rows were made: stored answers are for the given rows only")
        return made
    if n_rows == 0:
        return made
    rng = numpy.random.default_rng(seed)
    views = _views(model, trees, table, options, made)
    edges = edge_batches(table, _reads_as_they_are(views), rng)
    edges += missing_batches(table, options.get("nulls", "error") != "error", rng)
    edges = [batch for batch in edges if batch.pattern not in leave_out]
    if views and "thresholds" not in leave_out:
        n_edges = sum(len(next(iter(batch.table.values()))) for batch in edges)
        batches, n_splits, n_all = threshold_batches(table, views, max(0, n_rows - n_edges), rng)
        made.batches += [batch for batch in batches if batch.pattern not in leave_out]
        made.notes.append(_coverage(batches, views, n_splits, n_all, n_rows))
    made.batches += edges
    if reference.reads_as_zero:
        n_small = sum(_with_zeros(batch.table, reference.reads_as_zero) for batch in made.batches)
        if n_small:
            made.notes.append(f"{n_small:,} made numbers up to {reference.reads_as_zero:.0e} became 0, as {reference.name} reads them")
    if views and not _reads_as_they_are(views):
        made.left_out.append(
            LeftOut("limits and infinities", 0, "something computes with the columns in front of the trees, and would overflow")
        )
    elif not views:
        made.left_out.append(LeftOut("limits and infinities", 0, "the model computes with the columns, and would overflow"))
    return made


def _views(
    model: Any, trees: Sequence[tuple[Ensemble, Alignment | None]], table: Table, options: Mapping[str, Any], made: Generated
) -> list[TreeView]:
    views = []
    for ensemble, alignment in trees:
        try:
            front = Front(model, ensemble, _front_options(options), probes_of(table))
        except Error as error:
            made.notes.append(f"no rows were placed on thresholds: what stands before the trees can't be asked alone ({error})")
            continue
        views.append(TreeView(ensemble, front, cuts_of(front, ensemble), None if alignment is None else alignment.threshold))
    return views


def _coverage(batches: Sequence[Batch], views: Sequence[TreeView], n_splits: int, n_all: int, n_rows: int) -> str:
    n_placed = sum(len(next(iter(batch.table.values()))) for batch in batches)
    text = f"{n_placed:,} rows lie at the thresholds of {n_splits:,} of {n_all:,} splits"
    n_decided = sum(int((view.cuts.slot >= 0).sum()) for view in views)
    if n_decided < n_all:
        text += f"; {n_all - n_decided:,} have no single column that decides them"
    if n_splits < n_decided and n_placed >= n_rows // 2:
        text += f"; drawn by chance, because generated_rows is {n_rows:,}"
    elif n_splits < n_decided:
        text += "; no row reaches the others"
    return text


def _with_zeros(table: Table, largest: float) -> int:
    """Put 0 for numbers that are as small, and count them."""
    n_found = 0
    for slot in slots_of(table):
        if slot.dtype.kind == "f":
            values = slot.of(table)
            small = (values != 0) & (numpy.abs(values) <= largest)
            small = numpy.ma.filled(small, False)
            values[small] = 0
            n_found += int(small.sum())
    return n_found


def _front_options(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name in ("nulls", "coercion", "on_overflow", "rename", "columns", "threads")}


def _reads_as_they_are(views: Sequence[TreeView]) -> bool:
    """Every feature of the trees is a column, at most rounded."""
    return bool(views) and all(view.front.moves_only for view in views)
