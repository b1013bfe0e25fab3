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


@dataclass(frozen=True)
class Outcome:
    """A line of the page."""

    source: str
    name: str
    table: str
    rows: int
    flips: int | None
    """Labels that differ; None where the estimator gives none."""
    worst: float | None
    """Largest difference of a score, relative to the largest score; None where there are none, or another number of them."""
    runs_in: str
    """`native`, `ONNX Runtime` or `divided`; empty where there is no model."""
    refusal: str = ""
    """What the error of the conversion or of the scorer says."""


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
        try:
            scorer = eo.Scorer(eo.convert(fitted, table.train, **dict(recipe.options)))
            ours = dict(scorer.score(table.held_out))
        except eo.Error as error:
            return Outcome(recipe.source, recipe.name, table.name, row_count(table.held_out), None, None, "", str(error))
    flips, worst = compare(ours, theirs)
    return Outcome(recipe.source, recipe.name, table.name, row_count(table.held_out), flips, worst, place(scorer))


def compare(ours: dict[str, Array], theirs: Answers) -> tuple[int | None, float | None]:
    """Labels that differ, and the worst difference of the scores as a share of their scale.

    A model's labels are its column of whole numbers, its scores all columns of floats side by side; the one score of two classes may be
    that of the second.
    """
    whole = [column for column in ours.values() if column.dtype.kind == "i"]
    floats = [column.reshape(len(column), -1) for column in ours.values() if column.dtype.kind == "f"]
    flips = None if theirs.labels is None or not whole else int(np.sum(whole[0] != numbered(theirs.labels)))
    if theirs.scores is None or not floats:
        return flips, None
    got, expected = np.concatenate(floats, axis=1).astype(np.float64), np.asarray(theirs.scores, np.float64)
    if got.shape[1] == 1 and expected.shape[1] == 2:
        expected = expected[:, 1:]
    return flips, difference(got, expected)


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
