"""The classes are there under other names, or in another order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy

from edgeonnx._tables._columns import Array
from edgeonnx._verify._case import Case, Proposal
from edgeonnx._verify._compare import is_label, matrix_of
from edgeonnx._verify._trial import Answers, Trial

NAME = "labels"
_MOST_CLASSES = 4096
_MOST_SCORES = 256
_REMEDY = "give the converter the estimator's own classes_ (and label encoder), or map the labels after scoring"


def proposals(case: Case, state: Trial) -> Iterator[Proposal]:
    got = case.answers(state)
    yield from _other_names(case, state, got)
    yield from _other_order(case, state, got)


def _other_names(case: Case, state: Trial, got: Answers) -> Iterator[Proposal]:
    for name, expected in case.expected.items():
        if not is_label(expected):
            continue
        mapping = bijection(matrix_of(numpy.ma.getdata(got[name]))[:, 0], matrix_of(expected)[:, 0])
        if mapping is None or all(mine == theirs for mine, theirs in mapping.items()):
            continue
        kind = "text" if expected.dtype.kind in "OUS" else expected.dtype.name
        mine = got[name].dtype.name
        what = "" if kind == mine else f"the model's labels are {mine} and the reference's {kind}: "
        yield Proposal(state.with_answers(_Renamed(name, mapping).change), _Said(what + _in_words(mapping)).evidence, _REMEDY)


class _Renamed(NamedTuple):
    output: str
    mapping: dict[Any, Any]

    def change(self, answers: Answers) -> Answers:
        return {**answers, self.output: _mapped(answers[self.output], self.mapping)}


class _Said(NamedTuple):
    what: str

    def evidence(self, rows: Array) -> str:
        return f"{self.what} explains {len(rows)} rows"


def bijection(got: Array, expected: Array) -> dict[Any, Any] | None:
    """Which label stands for which, by what they mostly come with; None where two would stand for one."""
    mine, theirs = numpy.unique(got), numpy.unique(expected.astype(str) if expected.dtype == object else expected)
    if len(mine) > _MOST_CLASSES or len(theirs) > _MOST_CLASSES or len(mine) < 2:
        return None
    places = numpy.searchsorted(theirs, expected.astype(str) if expected.dtype == object else expected)
    mapping = {}
    for label in mine:
        counts = numpy.bincount(places[got == label], minlength=len(theirs))
        mapping[label.item()] = theirs[counts.argmax()].item()
    return mapping if len(set(mapping.values())) == len(mapping) else None


def _mapped(labels: Array, mapping: dict[Any, Any]) -> Array:
    known = numpy.array(list(mapping))
    values = numpy.array(list(mapping.values()))
    order = numpy.argsort(known)
    plain = numpy.ma.getdata(labels)
    at = numpy.clip(numpy.searchsorted(known[order], plain), 0, len(known) - 1)
    named = values[order][at]
    if values.dtype.kind == "U":
        return numpy.where(known[order][at] == plain, named, "").astype(object)
    return numpy.asarray(numpy.where(known[order][at] == plain, named, plain))


def _in_words(mapping: dict[Any, Any]) -> str:
    shifts = {theirs - mine for mine, theirs in mapping.items()} if all(not isinstance(each, str) for each in mapping.values()) else set()
    if len(shifts) == 1:
        return f"{next(iter(shifts)):+d} on every label"
    pairs = [f"{mine} for {theirs!r}" for mine, theirs in list(mapping.items())[:8]]
    return ", ".join(pairs) + (" and so on" if len(mapping) > len(pairs) else "")


def _other_order(case: Case, state: Trial, got: Answers) -> Iterator[Proposal]:
    """Columns of scores that are the reference's in another order."""
    names = [name for name, values in case.expected.items() if not is_label(values)]
    if not names:
        return
    mine = numpy.concatenate([matrix_of(numpy.ma.getdata(got[name])).astype(numpy.float64) for name in names], axis=1)
    theirs = numpy.concatenate([matrix_of(case.expected[name]).astype(numpy.float64) for name in names], axis=1)
    k = mine.shape[1]
    if mine.shape != theirs.shape or not 2 <= k <= _MOST_SCORES:
        return
    with numpy.errstate(invalid="ignore"):
        apart = numpy.array([numpy.nanmean(numpy.abs(mine[:1000] - theirs[:1000, [j]]), axis=0) for j in range(k)])
    order = apart.argmin(axis=1)
    if len(set(order.tolist())) < k or (order == numpy.arange(k)).all():
        return
    classes = classes_of(case, theirs)

    def change(answers: Answers) -> Answers:
        whole = numpy.concatenate([matrix_of(numpy.ma.getdata(answers[name])) for name in names], axis=1)[:, order]
        changed, at = dict(answers), 0
        for name in names:
            width = matrix_of(answers[name]).shape[1]
            changed[name] = whole[:, at : at + width].reshape(answers[name].shape)
            at += width
        return changed

    trial = state.with_answers(change)
    words = ", ".join(f"{at} for {place}" for place, at in enumerate(order.tolist()) if place != at)
    evidence = f"columns of scores {words}"
    yield Proposal(trial, lambda rows: f"{evidence} explain {len(rows)} rows", _REMEDY)
    if classes is not None:
        label, by_place = classes
        both = trial.with_answers(
            lambda answers: {
                **answers,
                label: by_place[numpy.concatenate([matrix_of(answers[name]) for name in names], axis=1).argmax(axis=1)],
            }
        )
        yield Proposal(both, lambda rows: f"{evidence}, and the labels with them, explain {len(rows)} rows", _REMEDY)


def classes_of(case: Case, scores: Array) -> tuple[str, Array] | None:
    """The label output and the label of each column of scores, by what they mostly come with."""
    best = scores.argmax(axis=1)
    for name, values in case.expected.items():
        if is_label(values) and values.dtype.kind in "iub":
            labels = matrix_of(values)[:, 0].astype(numpy.int64)
            known, places = numpy.unique(labels, return_inverse=True)
            found = [
                known[numpy.bincount(places.reshape(-1)[best == k], minlength=len(known)).argmax()] if (best == k).any() else -1
                for k in range(scores.shape[1])
            ]
            return name, numpy.array(found)
    return None
