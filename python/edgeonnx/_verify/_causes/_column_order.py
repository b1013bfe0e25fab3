"""Columns feed the inputs in another order than the reference reads them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy

from edgeonnx._errors import Error
from edgeonnx._tables._columns import Array
from edgeonnx._verify._case import Case, Proposal, any_of
from edgeonnx._verify._graph import copy_of, makers
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
    columns = ((order, state.with_columns(_reordered(names, order))) for order in _orders(case, names))
    for place, fed in _concats(state.model):
        # Columns of other types can't take each other's place in the table; in the graph they are of one type.
        graphs = ((order, state.with_model(_permuted(state.model, place, fed, order))) for order in _orders(case, fed))
        yield from _best(case, looked, fed, graphs, "convert the model again; its columns are put side by side in another order")
    yield from _best(case, looked, names, columns, _REMEDY)


def _best(
    case: Case, looked: Array, names: Sequence[str], trials: Iterator[tuple[tuple[str, ...], Trial]], remedy: str
) -> Iterator[Proposal]:
    """The order with which most rows are right, if there is one."""
    few = taken(case.table, looked)
    expected = {name: values[looked] for name, values in case.expected.items()}
    best: tuple[int, tuple[str, ...], Trial] | None = None
    for order, trial in trials:
        try:
            answers = trial.answers(few)
        except Error:
            continue
        differences = case.comparison.all(answers, expected)
        n_right = int((~any_of({name: each.differs for name, each in differences.items()})).sum())
        if best is None or n_right > best[0]:
            best = n_right, order, trial
        if n_right == len(looked):
            break
    if best is None or best[0] == 0:
        return
    _, order, trial = best
    moved = ", ".join(f"'{theirs}' in place of '{mine}'" for mine, theirs in zip(names, order, strict=True) if mine != theirs)
    yield Proposal(trial, lambda rows: f"with {moved} {len(rows)} rows are right", remedy)


def _concats(model: Any) -> Iterator[tuple[int, list[str]]]:
    """Places of nodes that put inputs side by side, each cast at most, and which these are."""
    inputs = {port.name for port in model.graph.input}
    made = makers(model)
    for place, node in enumerate(model.graph.node):
        if node.op_type != "Concat" or len(node.input) < 2:
            continue
        fed = [made[name].input[0] if name in made and made[name].op_type == "Cast" else name for name in node.input]
        if set(fed) <= inputs and len(set(fed)) == len(fed):
            yield place, fed


def _permuted(model: Any, place: int, fed: Sequence[str], order: Sequence[str]) -> Any:
    changed = copy_of(model)
    node = changed.graph.node[place]
    tensors = dict(zip(fed, node.input, strict=True))
    node.input[:] = [tensors[name] for name in order]
    return changed


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
