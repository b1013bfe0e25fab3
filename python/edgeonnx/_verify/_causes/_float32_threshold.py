"""Columns, thresholds or both were rounded to float32, and the reference compares in float64."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy

from edgeonnx._errors import Error
from edgeonnx._tables._columns import Array
from edgeonnx._verify._case import Case, Proposal
from edgeonnx._verify._cuts import Front, probes_of
from edgeonnx._verify._ensembles import ensembles_of
from edgeonnx._verify._trial import Trial
from edgeonnx._verify._widen import CannotWiden, narrowed, widened

NAME = "float32 threshold"
_MOST_LOOKED = 2000
_AT_A_TIME = 256  # splits
_REMEDY = (
    "score the model that verify offers (report.exact, --exact FILE): its trees compare double columns with the thresholds of the "
    "reference; or train on columns of float32"
)


def proposals(case: Case, state: Trial) -> Iterator[Proposal]:
    ensembles = ensembles_of(state.model)
    exact = [None if alignment is None else alignment.threshold for _, alignment in case.trees]
    if len(ensembles) != len(exact):
        return
    choices: list[tuple[list[Array | None], str]] = [([None] * len(exact), "the model's own thresholds")]
    if any(each is not None for each in exact):
        choices.insert(0, (exact, "the thresholds of the reference"))
    for thresholds, whose in choices:
        try:
            model = widened(state.model, thresholds)
        except CannotWiden:
            return
        yield Proposal(state.with_model(model), _Doubled(case, state, model, whose).evidence, _REMEDY)
        # Of several ensembles some may come from estimators that do round.
        for rounding in range(len(ensembles)) if len(ensembles) > 1 else ():
            mixed = narrowed(model, [rounding])
            if mixed is not None:
                doubled = _Doubled(case, state, model, f"{whose}; the columns of ensemble {rounding + 1} rounded as its estimator does")
                yield Proposal(state.with_model(mixed), doubled.evidence, _REMEDY)


class _Doubled(NamedTuple):
    """The model as it is beside the one in double."""

    case: Case
    state: Trial
    model: Any
    whose: str

    def evidence(self, rows: Array) -> str:
        text = f"with columns and thresholds in double ({self.whose}) {len(rows)} rows are right"
        looked = rows[:_MOST_LOOKED]
        crosses, example = numpy.zeros(len(looked), bool), ""
        try:
            for place in range(len(ensembles_of(self.model))):
                mine, another = self._crossing(place, looked)
                crosses |= mine
                example = example or another
        except Error:
            return text
        text += f"; in {int(crosses.sum())} of {len(looked)} looked at a column is on the other side of a threshold once both are float32"
        return text + (f", for instance {example}" if example else "")

    def _crossing(self, place: int, rows: Array) -> tuple[Array, str]:
        """Which rows take another branch in one of the ensembles, and one of them in words."""
        table = self.case.rows(rows)
        for change in self.state.before:
            table = change(table)
        single, double = ensembles_of(self.state.model)[place], ensembles_of(self.model)[place]
        fronts = [
            Front(graph, each, self.state.options, probes_of(table)) for graph, each in ((self.state.model, single), (self.model, double))
        ]
        seen, right = (front.features(table).astype(numpy.float64) for front in fronts)
        crosses, example = numpy.zeros(len(rows), bool), ""
        for start in range(0, len(single.feature), _AT_A_TIME):
            part = slice(start, start + _AT_A_TIME)
            features = single.feature[part]
            goes, should = seen[:, features] <= single.threshold[part], right[:, features] <= double.threshold[part]
            other = (goes != should) & ~numpy.isnan(right[:, features])
            crosses |= other.any(axis=1)
            if not example and other.any():
                row, split = numpy.argwhere(other)[0]
                feature = int(features[split])
                source = fronts[1].source[feature]
                column = f"column {fronts[1].slots[source]}" if source >= 0 else f"feature {feature}"
                numbers = right[row, feature], double.threshold[part][split], seen[row, feature], single.threshold[part][split]
                example = "{} is {!r} beside a threshold of {!r}, and is compared as {!r} with {!r}".format(column, *map(float, numbers))
        return crosses, example
