"""Columns feed the inputs in another order than the reference reads them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy

from edgeonnx._errors import Error
from edgeonnx._verify._case import Case, Proposal, any_of
from edgeonnx._verify._slots import Table, taken
from edgeonnx._verify._trial import Trial

NAME = "columns in another order"
_ALL_ORDERS = 5  # columns whose every order is tried
_ALL_SWAPS = 24
_N_TRIED_ON = 64
_REMEDY = "name the columns in the order of the training data: columns={'input': [...]}, or rename={'column': 'input'}"


def proposals(case: Case, state: Trial) -> Iterator[Proposal]:
    names = [name for name, values in case.table.items() if values.dtype.kind in "iufb" and values.ndim == 1]
    if len(names) < 2:
        return
    wrong = numpy.flatnonzero(any_of(case.wrong(case.answers(state))))
    looked = wrong[:: max(1, len(wrong) // _N_TRIED_ON)][:_N_TRIED_ON]
    few = taken(case.table, looked)
    expected = {name: values[looked] for name, values in case.expected.items()}
    best: tuple[int, tuple[str, ...]] | None = None
    for order in _orders(case, names):
        try:
            answers = state.with_columns(_reordered(names, order)).answers(few)
        except Error:
            continue
        differences = case.comparison.all(answers, expected)
        n_right = int((~any_of({name: each.differs for name, each in differences.items()})).sum())
        if best is None or n_right > best[0]:
            best = n_right, order
        if n_right == len(looked):
            break
    if best is None or best[0] == 0:
        return
    order = best[1]
    moved = ", ".join(f"'{theirs}' in place of '{mine}'" for mine, theirs in list(zip(names, order, strict=True)) if mine != theirs)
    yield Proposal(state.with_columns(_reordered(names, order)), lambda rows: f"with {moved} {len(rows)} rows are right", _REMEDY)


def _reordered(names: Sequence[str], order: Sequence[str]):  # type: ignore[no-untyped-def]
    def change(table: Table) -> Table:
        return {**table, **{mine: table[theirs] for mine, theirs in zip(names, order, strict=True)}}

    return change


def _orders(case: Case, names: list[str]) -> Iterator[tuple[str, ...]]:
    """Orders that happen first: by thresholds, by names, reversed; then swaps of two, and where there are few columns all."""
    seen = {tuple(names)}
    for order in itertools.chain(_by_thresholds(case, names), _likely(case, names), _exhaustive(names)):
        if order not in seen:
            seen.add(order)
            yield order


def _likely(case: Case, names: list[str]) -> Iterator[tuple[str, ...]]:
    theirs = case.reference.feature_names
    if theirs is not None and set(theirs) == set(names):
        at = {name: place for place, name in enumerate(theirs)}
        yield tuple(theirs)
        yield tuple(names[at[name]] for name in names)
    ranked = sorted(names)
    yield tuple(ranked)
    yield tuple(names[ranked.index(name)] for name in names)
    yield tuple(reversed(names))
    for shift in (1, -1):
        yield tuple(names[shift:] + names[:shift])


def _exhaustive(names: list[str]) -> Iterator[tuple[str, ...]]:
    if len(names) <= _ALL_ORDERS:
        yield from itertools.permutations(names)
    elif len(names) <= _ALL_SWAPS:
        for one, other in itertools.combinations(range(len(names)), 2):
            order = list(names)
            order[one], order[other] = order[other], order[one]
            yield tuple(order)


def _by_thresholds(case: Case, names: list[str]) -> Iterator[tuple[str, ...]]:
    """Features of model and reference whose thresholds are the same numbers."""
    trees = case.reference.trees()
    if trees is None or len(case.trees) != 1:
        return
    theirs: dict[int, set[float]] = {}
    waiting = [tree for tree in trees if tree is not None]
    while waiting:
        split = waiting.pop()
        theirs.setdefault(split.feature, set()).add(float(numpy.float32(split.threshold)))
        waiting.extend(each for each in (split.yes, split.no) if each is not None)
    ensemble = case.trees[0][0]
    order = list(range(len(names)))
    for feature in range(len(names)):
        mine = {float(numpy.float32(each)) for each in ensemble.threshold[ensemble.feature == feature]}
        shared = {other: len(mine & cuts) for other, cuts in theirs.items() if other < len(names)}
        if mine and shared and max(shared.values()) > 0:
            order[feature] = max(shared, key=shared.__getitem__)
    if len(set(order)) == len(order):
        yield tuple(names[place] for place in order)
