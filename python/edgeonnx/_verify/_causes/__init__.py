"""Why answers differ, found by experiment: each cause says what would make up for it, and is named when that sets answers right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy

from edgeonnx._tables._columns import Array
from edgeonnx._verify._case import Case, Cells, Proposal, any_of
from edgeonnx._verify._causes import (
    _column_order,
    _float32_arithmetic,
    _float32_threshold,
    _labels,
    _nan_routing,
    _post_transform,
    _runtime_defect,
    _scale_offset,
    _scaler_rounding,
    _tied_scores,
    _unrounded_columns,
)
from edgeonnx._verify._report import Cause
from edgeonnx._verify._trial import Trial

__all__ = ["UNKNOWN", "Finding", "causes_of"]

UNKNOWN = "unknown"


class _Kind(NamedTuple):
    name: str
    proposals: Callable[[Case, Trial], Iterator[Proposal]]
    least_share: float
    """Of the answers that are still unexplained: a cause that holds everywhere must make up for many, or it is chance. Scores near 0 and 1
    are right with many a wrong order of columns."""


# From what is proved by a repaired graph to what is merely made plausible; of equals the first is taken.
_KINDS = (
    _Kind(_runtime_defect.NAME, _runtime_defect.proposals, 0),
    _Kind(_tied_scores.NAME, _tied_scores.proposals, 0),
    _Kind(_nan_routing.NAME, _nan_routing.proposals, 0),
    _Kind(_float32_threshold.NAME, _float32_threshold.proposals, 0),
    _Kind(_unrounded_columns.NAME, _unrounded_columns.proposals, 0),
    _Kind(_post_transform.NAME, _post_transform.proposals, 0.2),
    _Kind(_labels.NAME, _labels.proposals, 0.2),
    _Kind(_column_order.NAME, _column_order.proposals, 0.95),
    _Kind(_scale_offset.NAME, _scale_offset.proposals, 0.5),
    _Kind(_scaler_rounding.NAME, _scaler_rounding.proposals, 0),
    _Kind(_float32_arithmetic.NAME, _float32_arithmetic.proposals, 0),
)
_MOST_CAUSES = 8
_MOST_BROKEN = 0.05  # right answers that a repair may spoil, of those that it sets right: they are explained in their turn
_PLAUSIBLE = {_scaler_rounding.NAME, _float32_arithmetic.NAME}


class Finding(NamedTuple):
    """Causes in the order in which they were found, and the model that makes up for them."""

    causes: tuple[Cause, ...]
    trial: Trial
    rows: tuple[Array, ...]
    """For each cause, the rows that it explains (places in the case)."""


class _Try(NamedTuple):
    kind: _Kind
    proposal: Proposal
    fixed: Cells
    n_fixed: int


def causes_of(case: Case, start: Trial, wrong: Cells, sizes: dict[str, Array]) -> Finding:
    """Name causes one after the other until every wrong answer is explained, or nothing explains what is left.

    Parameters
    ----------
    case, start
        What was compared, and how it was answered.
    wrong
        Answers to explain.
    sizes
        By how much they are wrong.
    """
    causes: list[Cause] = []
    rows: list[Array] = []
    left = {name: cells.copy() for name, cells in wrong.items()}
    explained = {name: numpy.zeros_like(cells) for name, cells in wrong.items()}
    state = start
    while any_of(left).any() and len(causes) < _MOST_CAUSES:
        best = _best(case, state, left, {cause.name for cause in causes})
        if best is None:
            break
        found = numpy.flatnonzero(any_of(best.fixed))
        outputs = tuple(name for name, cells in best.fixed.items() if cells.any())
        worst = max(float(sizes[name][best.fixed[name]].max(initial=0)) for name in outputs)
        causes.append(Cause(best.kind.name, len(found), outputs, worst, best.proposal.evidence(found), best.proposal.remedy))
        rows.append(found)
        state = best.proposal.trial
        explained = {name: cells | best.fixed[name] for name, cells in explained.items()}
        now = case.wrong(case.answers(state))
        # What a repair spoils has to be explained too; what was explained without one stays so.
        left = {name: cells & ~explained[name] for name, cells in now.items()}
        explained = {name: cells & now[name] for name, cells in explained.items()}
    if any_of(left).any():
        found = numpy.flatnonzero(any_of(left))
        outputs = tuple(name for name, cells in left.items() if cells.any())
        worst = max(float(sizes[name][left[name]].max(initial=0)) for name in outputs)
        shown = "; ".join(case.example(int(row)) for row in found[:3])
        causes.append(
            Cause(
                UNKNOWN,
                len(found),
                outputs,
                worst,
                f"no experiment explains these rows: {shown}",
                "check that the reference is what this model was made from"
                if len(found) > case.n_rows / 2
                else "look at these rows; the report's JSON has more of them",
            )
        )
        rows.append(found)
    return Finding(tuple(causes), state, tuple(rows))


def _best(case: Case, state: Trial, left: Cells, named: set[str]) -> _Try | None:
    """The experiment that sets most right."""
    n_left = sum(int(cells.sum()) for cells in left.values())
    before = case.wrong(case.answers(state))
    best: _Try | None = None
    for kind in _KINDS:
        if kind.name in named or (best is not None and (kind.name in _PLAUSIBLE or best.n_fixed == n_left)):
            continue
        for proposal in kind.proposals(case, state):
            tried = _tried(case, before, left, kind, proposal)
            if tried is not None and tried.n_fixed >= max(1, kind.least_share * n_left) and (best is None or tried.n_fixed > best.n_fixed):
                best = tried
    return best


def _tried(case: Case, before: Cells, left: Cells, kind: _Kind, proposal: Proposal) -> _Try | None:
    if proposal.explains is not None:
        fixed = {name: cells & proposal.explains[name] for name, cells in left.items()}
        return _Try(kind, proposal, fixed, sum(int(cells.sum()) for cells in fixed.values()))
    now = case.try_out(proposal.trial)
    if now is None:
        return None
    fixed = {name: cells & ~now[name] for name, cells in left.items()}
    n_fixed = sum(int(cells.sum()) for cells in fixed.values())
    n_broken = sum(int((now[name] & ~before[name]).sum()) for name in now)
    return _Try(kind, proposal, fixed, n_fixed) if n_broken <= _MOST_BROKEN * n_fixed else None
