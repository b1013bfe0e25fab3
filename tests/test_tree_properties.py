"""Whatever a tree ensemble is made of: the scores equal plain onnxruntime (one thread) by the bit, and what it refuses is refused."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import edgeonnx as eo
import ensemble_recipe as kinds
import ensembles
import models
from ensemble_recipe import Recipe, tensor_of
from ensembles import Ensemble
from support import assert_columns, run_python

LAYOUTS = ("matrix", "columns together", "a column each", "a strided column each")


def laid_out(x: models.Array, layout: str) -> Any:
    if layout == "matrix":
        return {"X": x}
    if layout == "columns together":
        return {"X": np.asfortranarray(x)}
    step = 1 if layout == "a column each" else 3
    if x.shape[1] == 1:
        return {"X": np.repeat(x[:, 0], step)[::step]}
    return {f"c{i}": np.repeat(x[:, i], step)[::step] for i in range(x.shape[1])}


def answers(model: bytes, feed: models.Feed) -> models.Feed | None:
    """What onnxruntime says; None where it refuses the model or the rows."""
    try:
        return models.run(model, feed)
    except Exception:  # its binding raises classes of its own without a common base
        return None


def check(ensemble: Ensemble, n_rows: int, layout: str = "matrix", morsel_rows: int | None = None, threads: int = 1) -> None:
    """Both refuse, or both say the same."""
    feed = ensemble.rows(n_rows)
    expected = answers(ensemble.model, feed)
    try:
        scores = eo.Scorer(ensemble.model, morsel_rows=morsel_rows, threads=threads).score(laid_out(feed["X"], layout))
    except (eo.ModelError, eo.InferenceError) as error:
        assert expected is None, error  # noqa: PT017
        return
    assert expected is not None, "onnxruntime refuses what edgeonnx scores"
    assert_columns(scores, expected)


def dtypes_of(operator: str) -> st.SearchStrategy[str]:
    return st.sampled_from(("float32", "float64", "int64", "int32") if operator == "TreeEnsembleClassifier" else ("float32", "float64"))


@st.composite
def recipes(draw: st.DrawFn, operator: str) -> Recipe:
    pick = lambda values: draw(st.sampled_from(values))  # noqa: E731
    return Recipe(
        operator=operator,
        dtype=draw(dtypes_of(operator)),
        mode=pick(kinds.MODES),
        shape=pick(kinds.SHAPES),
        depth=draw(st.integers(0, 14)),
        n_trees=draw(st.integers(1, 40)),
        n_features=draw(st.sampled_from((1, 2, 5, 16, 33, 300))),
        n_outputs=draw(st.integers(1, 5)),
        cuts=pick(kinds.CUTS),
        weights=pick(kinds.WEIGHTS),
        leaf_values=pick(kinds.LEAF_VALUES),
        base=pick(kinds.BASES),
        tracks=pick(kinds.TRACKS),
        aggregate=pick(kinds.AGGREGATES),
        transform=pick(kinds.TRANSFORMS),
        shuffled=draw(st.booleans()),
        as_tensor=draw(st.booleans()),
        seed=draw(st.integers(0, 2**32 - 1)),
    )


MANY = settings(max_examples=settings().max_examples * 4)
calls = {
    "n_rows": st.sampled_from((1, 2, 31, 130, 300)),
    "layout": st.sampled_from(LAYOUTS),
    "morsel_rows": st.sampled_from((None, None, 7, 129)),
    "threads": st.integers(1, 2),
}


@MANY
@given(recipe=recipes("TreeEnsembleRegressor"), **calls)
def test_score_any_regressor_equals_onnxruntime(recipe: Recipe, n_rows: int, layout: str, morsel_rows: int | None, threads: int) -> None:
    check(ensembles.make(recipe), n_rows, layout, morsel_rows, threads)


@MANY
@given(recipe=recipes("TreeEnsembleClassifier"), **calls)
def test_score_any_classifier_equals_onnxruntime(recipe: Recipe, n_rows: int, layout: str, morsel_rows: int | None, threads: int) -> None:
    check(ensembles.make(recipe), n_rows, layout, morsel_rows, threads)


@MANY
@given(recipe=recipes("TreeEnsemble"), **calls)
def test_score_any_ensemble_of_version_5_equals_onnxruntime(
    recipe: Recipe, n_rows: int, layout: str, morsel_rows: int | None, threads: int
) -> None:
    check(ensembles.make(recipe), n_rows, layout, morsel_rows, threads)


# ------------------------------------------------------------------------------------------------------------------- sizes that matter


@pytest.mark.parametrize("n_cuts", [254, 255, 256, 65535, 65536, 70000])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_score_one_feature_with_many_cuts_equals_onnxruntime(dtype: str, n_cuts: int) -> None:
    """Trees of one split each, on as many cuts: where bins outgrow their integers."""
    cuts = np.sort(np.random.default_rng(n_cuts).normal(0, 1, 2 * n_cuts).astype(dtype))[::2]
    assert len(np.unique(cuts)) == n_cuts
    recipe = Recipe(dtype=dtype, n_features=2, as_tensor=True)
    tree, one = np.repeat(np.arange(n_cuts), 3), np.tile([1, 0, 0], n_cuts)
    leaf_ids = np.tile([1, 2], n_cuts)
    weights = np.random.default_rng(1).normal(0, 1, 2 * n_cuts).astype(dtype)
    attributes = {
        "nodes_treeids": tree,
        "nodes_nodeids": np.tile([0, 1, 2], n_cuts),
        "nodes_featureids": one,
        "nodes_modes": [b"BRANCH_LEQ", b"LEAF", b"LEAF"] * n_cuts,
        "nodes_truenodeids": one,
        "nodes_falsenodeids": 2 * one,
        "target_treeids": np.repeat(np.arange(n_cuts), 2),
        "target_nodeids": leaf_ids,
        "target_ids": 0 * leaf_ids,
        "n_targets": 1,
        "nodes_values_as_tensor": tensor_of(np.where(one, np.repeat(cuts, 3), 0).astype(dtype)),
        "target_weights_as_tensor": tensor_of(weights),
    }
    check(Ensemble(ensembles.model_of(recipe, attributes), cuts, recipe), 60)


@pytest.mark.parametrize(
    "recipe",
    [
        pytest.param(Recipe(depth=14, shape="complete", n_trees=2, max_nodes=70_000, shuffled=True, seed=1), id="complete, 14 levels"),
        pytest.param(Recipe(depth=900, shape="chain", n_trees=3, max_nodes=6000, seed=2), id="chains of 900"),
        pytest.param(Recipe(depth=8, n_trees=400, max_nodes=20_000, mode="mixed", tracks="random", seed=3), id="400 trees"),
        pytest.param(Recipe(depth=8, n_trees=20, n_features=5000, max_nodes=20_000, seed=4), id="5000 features"),
    ],
)
@pytest.mark.parametrize("operator", kinds.OPERATORS)
def test_score_large_ensemble_equals_onnxruntime(operator: str, recipe: Recipe) -> None:
    check(ensembles.make(replace(recipe, operator=operator, n_outputs=3)), 150, "a column each", 64, 2)


def walk(n: int) -> int:
    """Checks n ensembles of every operator, each unlike the one before."""
    for seed in range(n):
        rng = np.random.default_rng(seed)
        for operator in kinds.OPERATORS:
            recipe = Recipe(
                operator,
                str(rng.choice(["float32", "float64"])),
                kinds.MODES[seed % len(kinds.MODES)],
                kinds.SHAPES[seed % len(kinds.SHAPES)],
                depth=int(rng.integers(1, 12)),
                n_trees=int(rng.integers(1, 30)),
                n_outputs=1 + seed % 3,
                cuts=kinds.CUTS[seed % len(kinds.CUTS)],
                weights=kinds.WEIGHTS[int(rng.integers(3))],
                tracks=kinds.TRACKS[int(rng.integers(3))],
                aggregate=kinds.AGGREGATES[int(rng.integers(4))],
                transform=kinds.TRANSFORMS[int(rng.integers(5))],
                seed=seed,
            )
            check(ensembles.make(recipe), 333, LAYOUTS[seed % len(LAYOUTS)], threads=2)
    return n


@pytest.mark.parametrize("cpu", ["scalar", "avx2", "avx512"])
def test_score_any_ensemble_on_every_processor_equals_onnxruntime(cpu: str) -> None:
    here = str(pathlib.Path(__file__).parent)
    done = run_python("import test_tree_properties as t; print(t.walk(24))", env={"EDGEONNX_CPU": cpu, "PYTHONPATH": here})
    assert done.stdout.split() == ["24"]


# ---------------------------------------------------------------------------------------------------------------------------- refusals


def changed(name: str, index: int, value: int) -> Callable[[dict[str, Any]], None]:
    def change(attributes: dict[str, Any]) -> None:
        attributes[name] = attributes[name].copy()
        attributes[name][index] = value

    return change


def given_as(**values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda attributes: attributes.update(values)


def shortened(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda attributes: attributes.update({name: attributes[name][:-1]})


REFUSED: dict[str, Callable[[dict[str, Any]], None]] = {
    "negative feature": changed("nodes_featureids", 0, -1),
    "feature past the last column": changed("nodes_featureids", 0, 6),
    "child that no node has": changed("nodes_truenodeids", 0, 100_000),
    "negative child": changed("nodes_falsenodeids", 0, -1),
    "node that is its own child": changed("nodes_truenodeids", 0, 0),
    "cycle through the false side": changed("nodes_falsenodeids", 1, 0),
    "same node twice": changed("nodes_nodeids", 1, 0),
    "target past the last": changed("target_ids", 0, 2),
    "negative target": changed("target_ids", 0, -1),
    "weight of no node": changed("target_nodeids", 0, 100_000),
    "no targets": given_as(n_targets=0),
    "base value for one of two targets": given_as(base_values=np.array([0.5])),
    "unknown transform": given_as(post_transform="CUBE"),
    "unknown aggregate": given_as(aggregate_function="MEDIAN"),
    "one mode too few": shortened("nodes_modes"),
    "one threshold too few": shortened("nodes_values"),
    "one weight too few": shortened("target_weights"),
    "one tree id too few": shortened("nodes_treeids"),
    "thresholds twice": given_as(nodes_values_as_tensor=tensor_of(np.zeros(3, np.float32))),
    "thresholds in another type": given_as(nodes_values=None, nodes_values_as_tensor=tensor_of(np.zeros(3, np.int64))),
}


@pytest.mark.parametrize("what", REFUSED)
def test_score_ensemble_that_onnxruntime_refuses_is_refused(what: str) -> None:
    recipe = Recipe(n_outputs=2, depth=3, shape="complete", n_trees=2, seed=5)
    attributes, cuts = ensembles.parts(recipe)
    REFUSED[what](attributes)
    ensemble = Ensemble(ensembles.model_of(recipe, attributes), cuts, recipe)
    assert answers(ensemble.model, ensemble.rows(20)) is None
    check(ensemble, 20)


def test_score_row_without_a_score_for_any_of_three_classes_is_refused() -> None:
    recipe = Recipe("TreeEnsembleClassifier", n_outputs=3, depth=2, seed=5)
    attributes, cuts = ensembles.parts(recipe)
    for name in ("class_ids", "class_nodeids", "class_treeids", "class_weights"):
        attributes[name] = attributes[name][:0]
    ensemble = Ensemble(ensembles.model_of(recipe, attributes), cuts, recipe)
    assert answers(ensemble.model, ensemble.rows(20)) is None
    check(ensemble, 20)


REFUSED_IN_VERSION_5: dict[str, Callable[[dict[str, Any]], None]] = {
    "leaf past the last": changed("nodes_truenodeids", -1, 1000),
    "split that two splits lead to": changed("nodes_truenodeids", 0, 2),
    "root past the last": changed("tree_roots", 0, 1000),
    "negative root": changed("tree_roots", 0, -1),
    "target past the last": changed("leaf_targetids", 0, 2),
    "no members": given_as(nodes_modes=tensor_of(np.full(14, 6, np.uint8))),
    "members that are not whole": given_as(
        nodes_modes=tensor_of(np.full(14, 6, np.uint8)), membership_values=tensor_of(np.array([0.5, 99, np.nan] * 14, np.float32))
    ),
    "unknown mode": given_as(nodes_modes=tensor_of(np.full(14, 99, np.uint8))),
    "unknown transform": given_as(post_transform=9),
    "unknown aggregate": given_as(aggregate_function=9),
}


@pytest.mark.parametrize("what", REFUSED_IN_VERSION_5)
def test_score_ensemble_of_version_5_that_onnxruntime_refuses_is_refused(what: str) -> None:
    recipe = Recipe("TreeEnsemble", n_outputs=2, depth=3, shape="complete", n_trees=2, seed=5)
    attributes, cuts = ensembles.parts(recipe)
    assert len(attributes["nodes_featureids"]) == 14
    REFUSED_IN_VERSION_5[what](attributes)
    ensemble = Ensemble(ensembles.model_of(recipe, attributes), cuts, recipe)
    assert answers(ensemble.model, ensemble.rows(20)) is None
    check(ensemble, 20)
