"""The model's scores are a scale and an offset away from the reference's, as where a base score was lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy

from edgeonnx._tables._columns import Array
from edgeonnx._verify._case import Case, Proposal
from edgeonnx._verify._causes._labels import classes_of
from edgeonnx._verify._compare import is_label, matrix_of
from edgeonnx._verify._trial import Answers, Trial

NAME = "output scale or offset"
_LEAST_ROWS = 16
_LEAST_VALUES = 5  # through two of them there is always a line
_NEAR = 1e-4  # a scale of 1
_REMEDY = "look at the base score, the learning rate and the target's scaling, which converters may drop; or convert again"


class _Link(NamedTuple):
    words: str
    to: Callable[[Array], Array]
    back: Callable[[Array], Array]


_LINKS = (
    _Link("the scores", lambda scores: scores, lambda scores: scores),
    _Link("the log-odds", lambda scores: numpy.log(scores / (1 - scores)), lambda scores: 1 / (1 + numpy.exp(-scores))),
)


def proposals(case: Case, state: Trial) -> Iterator[Proposal]:
    got = case.answers(state)
    wrong = case.wrong(got)
    for name, expected in case.expected.items():
        rows = numpy.flatnonzero(wrong[name])
        if is_label(expected) or len(rows) < _LEAST_ROWS or got[name].shape != expected.shape:
            continue
        for link in _LINKS:
            with numpy.errstate(all="ignore"):
                lines = _lines(link.to(_doubles(got[name])[rows]), link.to(_doubles(expected)[rows]))
            if lines is None:
                continue
            yield Proposal(state.with_answers(_moved(case, name, link, lines)), _Line(link.words, lines).evidence, _REMEDY)


class _Line(NamedTuple):
    words: str
    lines: Array

    def evidence(self, rows: Array) -> str:
        scale, offset = _few(self.lines[:, 0]), _few(self.lines[:, 1])
        return f"{self.words} times {scale} plus {offset} are the reference's in {len(rows)} rows"


def _doubles(values: Array) -> Array:
    return matrix_of(numpy.ma.getdata(values)).astype(numpy.float64)


def _lines(got: Array, expected: Array) -> Array | None:
    """(k, 2): scale and offset of each column, fitted on every other row and right on the rest; None where no line is."""
    lines = numpy.tile([1.0, 0.0], (got.shape[1], 1))
    for k in range(got.shape[1]):
        usable = numpy.isfinite(got[:, k]) & numpy.isfinite(expected[:, k])
        mine, theirs = got[usable, k], expected[usable, k]
        if len(mine) < _LEAST_ROWS or len(numpy.unique(mine)) < _LEAST_VALUES:
            return None
        # Medians of slopes between rows far apart: a few rows that differ for other reasons don't tilt the line.
        order = numpy.argsort(mine)
        half = len(order) // 2
        low, high = order[:half], order[len(order) - half :]
        apart = mine[high] - mine[low]
        slopes = ((theirs[high] - theirs[low]) / numpy.where(apart == 0, numpy.nan, apart))[::2]
        scale = float(numpy.nanmedian(slopes))
        if not numpy.isfinite(scale):
            return None
        if abs(scale - 1) < _NEAR:
            scale = 1.0
        lines[k] = scale, float(numpy.median((theirs - scale * mine)[::2]))
    return None if numpy.allclose(lines, [1.0, 0.0], rtol=0, atol=1e-12) else lines


def _moved(case: Case, name: str, link: _Link, lines: Array) -> Callable[[Answers], Answers]:
    cut = _label_cut(case, name)

    def change(answers: Answers) -> Answers:
        with numpy.errstate(all="ignore"):
            scores = link.back(link.to(_doubles(answers[name])) * lines[:, 0] + lines[:, 1])
        changed = {**answers, name: scores.reshape(answers[name].shape)}
        if cut is not None and scores.shape[1] > 1:
            label, classes = cut
            changed[label] = classes[scores.argmax(axis=1)]
        return changed

    return change


def _label_cut(case: Case, name: str) -> tuple[str, Array] | None:
    return classes_of(case, matrix_of(case.expected[name]))


def _few(values: Array) -> str:
    shown = ", ".join(f"{value:.6g}" for value in values[:4])
    return shown if len(values) == 1 else f"({shown}{', ...' if len(values) > 4 else ''})"
