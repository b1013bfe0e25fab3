"""Models of every source answer as their frameworks do, through columns, and PARITY.md shows what was measured.

`EDGEONNX_SOURCES` names the environment that this is: `main`, or one that `make sources` made.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest

from sources import page
from sources.catalogue import ENVIRONMENTS
from sources.measure import compare, difference, measured
from sources.recipe import Answers, Recipe

ENVIRONMENT = os.environ.get("EDGEONNX_SOURCES", "main")
RECIPES = ENVIRONMENTS[ENVIRONMENT].recipes()
PAGE = page.shown((Path(__file__).parent.parent / "PARITY.md").read_text())


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_sources_model_answers_as_its_framework(recipe: Recipe) -> None:
    outcome = measured(recipe)
    line = PAGE[recipe.source, recipe.name]
    if recipe.refused:
        assert re.search(re.escape(recipe.refused), outcome.refusal), outcome
        assert recipe.note
        assert line[0] == recipe.note
        return
    assert not outcome.refusal, outcome.refusal
    assert outcome.rows > 0
    assert (outcome.flips or 0) == outcome.ties, outcome
    assert outcome.worst is None or outcome.worst <= recipe.tolerance, outcome
    assert outcome.flips is not None or outcome.worst is not None
    *counted, worst, runs_in, note = line
    *counted_now, worst_now, runs_in_now, note_now = page.cells(page.Line(outcome, recipe.note))[1:]
    assert (counted, runs_in, note) == (counted_now, runs_in_now, note_now), "refresh the page: make parity"
    assert (worst == "") == (worst_now == "")
    assert float(worst or 0) <= recipe.tolerance


def test_sources_recipes_have_names_of_their_own() -> None:
    names = [str(recipe) for recipe in RECIPES]
    assert sorted(set(names)) == sorted(names)
    assert len(names) >= 5


@pytest.mark.skipif(ENVIRONMENT != "main", reason="needs skl2onnx")
def test_sources_every_estimator_that_converts_has_a_recipe_or_a_reason() -> None:
    from sources.scikit_learn import coverage

    covered = {name for recipe in RECIPES if recipe.source == "scikit-learn" for name in recipe.covers}
    assert coverage.convertible() - covered == set(coverage.NO_RECIPE)
    assert {name for _, name in PAGE} >= set(coverage.NO_RECIPE)


@pytest.mark.skipif(ENVIRONMENT != "main", reason="one environment is enough")
def test_sources_page_shows_every_source() -> None:
    shown = {source for source, _ in PAGE}
    assert shown > {recipe.source for recipe in RECIPES}
    assert shown >= {"TensorFlow", "Keras on TensorFlow", "Spark ML"}


def test_sources_comparison_sees_differences() -> None:
    expected = np.array([[0.25, 0.75], [0.5, 0.5], [1.0, 0.0]])
    answers = Answers(np.array([1, 0, 0]), expected)
    same = {"label": np.array([1, 0, 0]), "p0": expected[:, 0], "p1": expected[:, 1]}
    assert compare(same, answers) == (0, 0, 0.0)
    assert compare({**same, "label": np.array([1, 1, 0])}, answers) == (1, 1, 0.0)
    assert compare({**same, "label": np.array([0, 0, 0])}, answers) == (1, 0, 0.0)
    assert compare({**same, "p1": expected[:, 1] + 0.125}, answers) == (0, 0, 0.125)
    assert compare({"label": same["label"], "p1": expected[:, 1]}, answers) == (0, 0, 0.0)


def test_sources_difference_is_infinite_where_nan_or_shapes_differ() -> None:
    assert difference(np.array([[1.0], [np.nan]]), np.array([[1.0], [np.nan]])) == 0
    assert difference(np.array([[1.0], [np.nan]]), np.array([[1.0], [2.0]])) == np.inf
    assert difference(np.array([[1.0], [2.0]]), np.array([[1.0], [np.nan]])) == np.inf
    assert difference(np.array([[1.0, 2.0]]), np.array([[1.0], [2.0]])) == np.inf
    assert difference(np.array([[0.0], [-8.0]]), np.array([[0.5], [-8.0]])) == 0.0625
