"""The reference rounds columns to float32 before its trees compare them, and the model does not."""

from __future__ import annotations

from collections.abc import Iterator

from edgeonnx._tables._columns import Array
from edgeonnx._verify._case import Case, Proposal
from edgeonnx._verify._ensembles import ensembles_of
from edgeonnx._verify._trial import Trial
from edgeonnx._verify._widen import narrowed

NAME = "unrounded columns"
_REMEDY = "put a Cast to float in front of the trees, as the model that verify offers has it (report.exact, --exact FILE)"


def proposals(case: Case, state: Trial) -> Iterator[Proposal]:
    n_ensembles = len(ensembles_of(state.model))
    every = list(range(n_ensembles))
    for chosen in [every, *([each] for each in every if n_ensembles > 1)]:
        model = narrowed(state.model, chosen)
        if model is not None:
            yield Proposal(state.with_model(model), _evidence, _REMEDY)


def _evidence(rows: Array) -> str:
    return f"the trees compare double columns; with the columns rounded to float32 in front of them {len(rows)} rows are right"
