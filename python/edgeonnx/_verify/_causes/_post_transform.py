"""A function at the end of the model is missing, is too much, or is another one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy

from edgeonnx._tables._columns import Array
from edgeonnx._verify._case import Case, Proposal
from edgeonnx._verify._compare import is_label
from edgeonnx._verify._graph import attributes, copy_of, put
from edgeonnx._verify._trial import Answers, Trial

NAME = "post transform"
_NAMES = ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT")  # as the numbers of ai.onnx.ml 5 count them
_NODES = ("TreeEnsembleClassifier", "TreeEnsembleRegressor", "TreeEnsemble", "LinearClassifier", "LinearRegressor", "SVMClassifier")


def proposals(case: Case, state: Trial) -> Iterator[Proposal]:
    for place, node in enumerate(state.model.graph.node):
        if node.op_type in _NODES:
            yield from _other_attributes(state, place, node)
    names = [name for name, values in case.expected.items() if not is_label(values)]
    for words, function in _FUNCTIONS.items():
        yield _Function(words).proposal(state.with_answers(_applied(function, names)))


class _Function(NamedTuple):
    words: str

    def proposal(self, trial: Trial) -> Proposal:
        return Proposal(trial, self.evidence, f"apply {self.words} to the scores, or convert again so that the graph does")

    def evidence(self, rows: Array) -> str:
        return f"{self.words} of the model's scores is what the reference says, in {len(rows)} rows"


class _Attribute(NamedTuple):
    node: str
    now: str
    other: str

    def proposal(self, trial: Trial) -> Proposal:
        remedy = f"set post_transform={self.other} in {self.node}, or convert again with the estimator's own objective"
        return Proposal(trial, self.evidence, remedy)

    def evidence(self, rows: Array) -> str:
        return f"post_transform of {self.node} is {self.now}; with {self.other} {len(rows)} rows are right"


def _other_attributes(state: Trial, place: int, node: Any) -> Iterator[Proposal]:
    present = attributes(node).get("post_transform", b"NONE")
    now = _NAMES[present] if isinstance(present, int) else present.decode()
    for number, name in enumerate(_NAMES):
        if name != now:
            changed = copy_of(state.model)
            put(changed.graph.node[place], post_transform=number if node.op_type == "TreeEnsemble" else name)
            yield _Attribute(node.op_type, now, name).proposal(state.with_model(changed))


def _applied(function: Callable[[Array], Array], names: list[str]) -> Callable[[Answers], Answers]:
    def change(answers: Answers) -> Answers:
        with numpy.errstate(all="ignore"):
            return {name: function(values.astype(numpy.float64)) if name in names else values for name, values in answers.items()}

    return change


def _softmax(scores: Array) -> Array:
    if scores.ndim == 1:
        return scores
    raised = numpy.exp(scores - scores.max(axis=-1, keepdims=True))
    return numpy.asarray(raised / raised.sum(axis=-1, keepdims=True))


_FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "the logistic function": lambda scores: 1 / (1 + numpy.exp(-scores)),
    "the log-odds": lambda scores: numpy.log(scores / (1 - scores)),
    "softmax": _softmax,
    "the exponential": numpy.exp,
    "the logarithm": numpy.log,
}
