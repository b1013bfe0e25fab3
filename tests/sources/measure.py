"""What a recipe shows: how far the answers of a converted model are from those of the framework, and where it runs."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import edgeonnx as eo
from models import Array
from sources.recipe import Answers, Recipe
from sources.tables import row_count

_TIE = 1e-6  # of the largest score


@dataclass(frozen=True)
class Outcome:
    """A line of the page."""

    source: str
    name: str
    table: str
    rows: int
    flips: int | None
    """Labels that differ; None where the estimator gives none."""
    ties: int
    """How many of these are of rows whose best two scores, by the framework itself, are within 1e-6 of each other."""
    worst: float | None
    """Largest difference of a score, relative to the largest score; None where there are none, or another number of them."""
    runs_in: str
    """`native`, `ONNX Runtime` or `divided`; empty where there is no model."""
    refusal: str = ""
    """What `eo.convert` says against the model. It was made without its check all the same, where the converter makes one."""


@contextlib.contextmanager
def deaf() -> Iterator[None]:
    """What the frameworks and converters say among themselves is not heard."""
    quiet = contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO())
    with warnings.catch_warnings(), quiet[0], quiet[1], threadpool_limits(1):  # few rows: threads cost more than they share
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)


def measured(recipe: Recipe) -> Outcome:
    """Train, convert, score the rows held out, and compare."""
    with deaf():
        table = recipe.table()
        fitted = recipe.fit(table)
        theirs = recipe.ask(fitted, table.held_out)
        refusal = ""
        try:
            model = eo.convert(fitted, table.train)
        except eo.Error as error:
            refusal = str(error)
            try:
                model = eo.convert(fitted, table.train, check="warn")
            except eo.Error:
                return Outcome(recipe.source, recipe.name, table.name, row_count(table.held_out), None, 0, None, "", refusal)
        scorer = eo.Scorer(model)
        ours = dict(scorer.score(table.held_out))
    flips, ties, worst = compare(ours, theirs)
    return Outcome(recipe.source, recipe.name, table.name, row_count(table.held_out), flips, ties, worst, place(scorer), refusal)


def compare(ours: dict[str, Array], theirs: Answers) -> tuple[int | None, int, float | None]:
    """Labels that differ, those of them at ties, and the worst difference of the scores as a share of their scale.

    A model's labels are its column of whole numbers, its scores all columns of floats side by side. Of two classes, one score may stand
    for both: the second's probability, or the decision value, whose negative is the first's.
    """
    whole = [column for column in ours.values() if column.dtype.kind == "i"]
    floats = [column.reshape(len(column), -1) for column in ours.values() if column.dtype.kind == "f"]
    expected = None if theirs.scores is None else np.asarray(theirs.scores, np.float64)
    flips, ties = None, 0
    if theirs.labels is not None and whole:
        differs = whole[0] != numbered(theirs.labels)
        flips, ties = int(differs.sum()), int((differs & tied(expected, len(differs))).sum())
    if expected is None or not floats:
        return flips, ties, None
    got = np.concatenate(floats, axis=1).astype(np.float64)
    if got.shape[1] == 1 and expected.shape[1] == 2:
        expected = expected[:, 1:]
    elif got.shape[1] == 2 and expected.shape[1] == 1:
        expected = np.concatenate([-expected, expected], axis=1)
    return flips, ties, difference(got, expected)


def tied(scores: Array | None, n_rows: int) -> Array:
    """Rows whose best two scores are all but equal; of one decision value, those where it is all but 0."""
    if scores is None:
        return np.zeros(n_rows, bool)
    if scores.shape[1] == 1:
        return np.abs(scores[:, 0]) <= _TIE * np.abs(scores).max()
    best = np.sort(scores, axis=1)
    return best[:, -1] - best[:, -2] <= _TIE * np.abs(scores).max()


def difference(got: Array, expected: Array) -> float:
    """The largest difference over the largest finite magnitude; infinite where shapes, NaN or infinities differ."""
    finite = np.isfinite(expected)
    if got.shape != expected.shape or not np.array_equal(got[~finite], expected[~finite], equal_nan=True):
        return float("inf")
    if not finite.any():
        return 0.0
    worst = np.abs(got[finite] - expected[finite]).max()
    return float(worst / (np.abs(expected[finite]).max() or 1.0)) if np.isfinite(worst) else float("inf")


def numbered(labels: Any) -> Array:
    """Labels of text by their place among the classes in order."""
    labels = np.asarray(labels)
    return np.unique(labels, return_inverse=True)[1] if labels.dtype.kind in "UO" else labels


def place(scorer: eo.Scorer) -> str:
    """Where a model's nodes run."""
    plan = scorer.explain().splitlines()[0]
    if "native" in plan and "ONNX Runtime" in plan:
        return "divided"
    return "native" if "native" in plan else "ONNX Runtime"
