"""NaN takes the other side of splits than in the reference."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy

from edgeonnx._tables._columns import Array
from edgeonnx._verify._align import Alignment
from edgeonnx._verify._case import Case, Proposal, any_of
from edgeonnx._verify._ensembles import Ensemble, ensembles_of
from edgeonnx._verify._trial import Trial

NAME = "NaN routing"
_REMEDY = (
    "set nodes_missing_value_tracks_true from the estimator's own sides for missing values (a newer converter may), or put a number in "
    "their place before the model; nulls='nan' makes NaN of NULL"
)


def proposals(case: Case, state: Trial) -> Iterator[Proposal]:
    missing = missing_rows(case)
    if not missing.any():
        return
    n_others = int((any_of(case.wrong(case.answers(state))) & ~missing).sum())
    ensembles = ensembles_of(state.model)
    every = list(range(len(ensembles)))
    for chosen in [every, *([each] for each in every if len(every) > 1)]:
        for what, side in _SIDES.items():
            model, n_turned = state.model, 0
            for place in chosen:
                tracks = side(ensembles[place], case.trees[place][1] if place < len(case.trees) else None)
                n_turned += int((tracks != ensembles[place].tracks).sum())
                model = ensembles[place].with_tracks(model, tracks)
            if n_turned:
                n_splits = sum(len(ensembles[place].feature) for place in chosen)
                turned = _Turned(f"{what} ({n_turned} of {n_splits} splits turned)", missing, n_others)
                yield Proposal(state.with_model(model), turned.evidence, _REMEDY)


class _Turned(NamedTuple):
    what: str
    missing: Array
    n_others: int

    def evidence(self, rows: Array) -> str:
        n_missing = int(self.missing[rows].sum())
        return f"{n_missing} of {len(rows)} rows have NaN; with NaN {self.what} they are right; {self.n_others} rows without NaN differ"


def _as_in_the_reference(ensemble: Ensemble, alignment: Alignment | None) -> Array:
    return ensemble.tracks if alignment is None else numpy.where(alignment.tracks < 0, ensemble.tracks, alignment.tracks == 1)


_SIDES: dict[str, Callable[[Ensemble, Alignment | None], Array]] = {
    "sent where the reference sends it": _as_in_the_reference,
    "sent to the other side of every split": lambda ensemble, alignment: ~ensemble.tracks,
    "sent to the false side of every split": lambda ensemble, alignment: numpy.zeros_like(ensemble.tracks),
    "sent to the true side of every split": lambda ensemble, alignment: numpy.ones_like(ensemble.tracks),
}


def missing_rows(case: Case) -> Array:
    """(n_rows,): NaN or NULL somewhere."""
    found = numpy.zeros(case.n_rows, bool)
    for slot in case.slots:
        values = slot.of(case.table)
        found |= numpy.ma.getmaskarray(values)
        if slot.dtype.kind == "f":
            found |= numpy.isnan(numpy.ma.getdata(values))
    return found
