"""What a plan takes into native kernels and what it leaves to ONNX Runtime, and that the answers do not tell the two apart."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pandas
import pyarrow as pa
import pytest
from onnx import TensorProto, helper

import edgeonnx as eo
import ensembles
import models
import trained
import trained_linear
import trained_trees
import training_tables
from ensemble_recipe import Recipe
from models import Feed
from native import assert_native, assert_native_part, assert_runtime, assert_unread
from support import assert_columns
from test_linear_parity import check as check_within_bound
from trained import Case

TREE = Recipe(n_features=8, depth=6, n_trees=10, seed=11)


def read_by(model: bytes) -> set[int]:
    """Features that some split compares."""
    attributes = {a.name: a for a in onnx.load_from_string(model).graph.node[0].attribute}
    modes, features = attributes["nodes_modes"].strings, attributes["nodes_featureids"].ints
    return {feature for mode, feature in zip(modes, features, strict=True) if mode != b"LEAF"}


# --------------------------------------------------------------------------------------------------------------------------------- roads


@pytest.mark.parametrize("name", [*trained_trees.TREES, *trained_linear.LINEAR])
def test_score_with_native_false_runs_on_onnxruntime_alone(name: str) -> None:
    case = {**trained_trees.TREES, **trained_linear.LINEAR}[name]()
    scorer = eo.Scorer(case.model, native=False)
    assert_runtime(scorer)
    feed = case.feed(200)
    assert_columns(scorer.score(trained.columns_of(feed)), trained.reference(case, feed), ulps=4 if case.blas else 0)


@pytest.mark.parametrize("recipe", [TREE, Recipe("TreeEnsembleClassifier", n_outputs=3), Recipe("TreeEnsemble", n_outputs=2)], ids=str)
def test_scorer_bare_ensemble_is_native(recipe: Recipe) -> None:
    assert_native(eo.Scorer(ensembles.make(recipe).model))


def test_scorer_operator_without_a_kernel_runs_on_onnxruntime() -> None:
    assert_runtime(eo.Scorer(trained.svc().model))


def test_score_scaler_before_a_huge_network_is_a_native_front() -> None:
    case = trained_linear.linear("MLPRegressor", front="StandardScaler", form="columns", hidden_layer_sizes=(800, 700), max_iter=1)
    scorer = eo.Scorer(case.model)
    assert_native_part(scorer)
    feed = case.feed(300)
    check_within_bound(case, feed, scorer.score(trained.columns_of(feed)))


def test_score_product_of_many_results_is_left_to_onnxruntime() -> None:
    case = trained_linear.linear("LogisticRegression", 20, max_iter=10)
    scorer = eo.Scorer(case.model)
    assert_runtime(scorer)
    assert "many scores" in scorer.explain()


@trained.trained
def components_then_forest() -> Case:
    """A product of matrices, then trees."""
    import skl2onnx
    from skl2onnx.common.data_types import FloatTensorType
    from sklearn.decomposition import PCA
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.pipeline import make_pipeline

    x, y, _ = training_tables.training()
    pipeline = make_pipeline(PCA(4), RandomForestRegressor(10, max_depth=6, random_state=0)).fit(x, y)
    types = [("X", FloatTensorType([None, training_tables.N_FEATURES]))]
    model = skl2onnx.convert_sklearn(pipeline, initial_types=types, target_opset=training_tables.OPSETS)
    return Case(model.SerializeToString(), training_tables.matrix_feed())


def test_score_trees_after_a_product_of_matrices_are_a_native_tail() -> None:
    """One call of the same rows, so that the product adds in the same order."""
    case = components_then_forest()
    scorer = eo.Scorer(case.model, morsel_rows=5000)
    assert_native_part(scorer)
    feed = case.feed(3000)
    assert_columns(scorer.score(feed), trained.reference(case, feed))


def test_score_two_ensembles_of_one_matrix_equal_onnxruntime() -> None:
    """The second ensemble of a graph with an output of its own, and one that adds both."""
    first, second = (onnx.load_from_string(ensembles.make(Recipe(n_features=8, n_trees=7, seed=seed)).model) for seed in (1, 2))
    a, b = first.graph.node[0], second.graph.node[0]
    a.output[0], b.output[0] = "A", "B"
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 1]) for name in ("A", "B", "sum")]
    graph = helper.make_graph([a, b, helper.make_node("Add", ["A", "B"], ["sum"])], "two", list(first.graph.input), outputs)
    model = helper.make_model(graph, opset_imports=first.opset_import, ir_version=first.ir_version).SerializeToString()
    feed = ensembles.make(TREE).rows(500)
    assert_columns(eo.Scorer(model, morsel_rows=64).score(feed), models.run(model, feed))


# ---------------------------------------------------------------------------------------------------------------------- unread columns


def split_over(n_features: int = 30) -> tuple[bytes, list[int], Feed]:
    """An ensemble of many features, those that it never compares, and rows."""
    ensemble = ensembles.make(Recipe(n_features=n_features, depth=5, n_trees=6, seed=3))
    unread = sorted(set(range(n_features)) - read_by(ensemble.model))
    assert 0 < len(unread) < n_features
    return ensemble.model, unread, ensemble.rows(300)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3.4e38], ids=str)
def test_score_value_in_a_column_that_no_split_reads_changes_nothing(value: float) -> None:
    model, unread, feed = split_over()
    scorer = eo.Scorer(model)
    assert_unread(scorer, [str(i) for i in unread])
    changed = feed["X"].copy()
    changed[:, unread] = value
    for data in (changed, {f"c{i}": changed[:, i].copy() for i in range(changed.shape[1])}):
        assert_columns(scorer.score(data), models.run(model, feed))


@pytest.mark.parametrize("policy", ["nan", 0, -7.5])
def test_score_null_in_a_column_that_no_split_reads_changes_nothing(policy: Any) -> None:
    model, unread, feed = split_over()
    table = pa.table(
        {f"c{i}": pa.nulls(300, pa.float32()) if i in unread else pa.array(feed["X"][:, i]) for i in range(feed["X"].shape[1])}
    )
    assert_columns(eo.Scorer(model, nulls=policy).score(table), models.run(model, feed))


# ------------------------------------------------------------------------------------------------------------------------ odd data


def test_score_thousand_columns_of_a_frame_equal_onnxruntime() -> None:
    ensemble = ensembles.make(Recipe(n_features=1000, depth=7, n_trees=30, max_nodes=6000, seed=6))
    x = ensemble.rows(700)["X"]
    expected = models.run(ensemble.model, {"X": x})
    scorer = eo.Scorer(ensemble.model, morsel_rows=128, threads=2)
    assert_columns(scorer.score(pandas.DataFrame(x, columns=[f"c{i}" for i in range(1000)])), expected)
    assert_columns(scorer.score(pa.table({f"c{i}": x[:, i] for i in range(1000)})), expected)
    assert_columns(scorer.score(np.asfortranarray(x)), expected)


ODD: dict[str, Callable[[models.Array], Any]] = {
    "one value for all rows": lambda values: np.broadcast_to(values[0], values.shape),
    "rows backwards": lambda values: values[::-1],
    "rows that overlap": lambda values: np.lib.stride_tricks.sliding_window_view(values.ravel(), values.shape[1])[: len(values)],
    "read-only": lambda values: np.frombuffer(values.tobytes(), values.dtype).reshape(values.shape),
    "doubles": lambda values: values.astype(np.float64),
}


@pytest.mark.parametrize("what", ODD)
def test_score_odd_matrix_equals_onnxruntime(what: str) -> None:
    ensemble = ensembles.make(TREE)
    x = ODD[what](ensemble.rows(300)["X"])
    expected = models.run(ensemble.model, {"X": np.ascontiguousarray(x, np.float32)})
    assert_columns(eo.Scorer(ensemble.model, morsel_rows=64).score({"X": x}), expected)


def test_score_named_columns_in_any_order_among_others_equal_onnxruntime() -> None:
    ensemble = ensembles.make(TREE)
    x = ensemble.rows(300)["X"]
    frame = pandas.DataFrame({"note": ["text"] * 300, **{f"f{i}": x[:, i] for i in reversed(range(8))}, "f8": np.zeros(300)})
    scores = eo.Scorer(ensemble.model).score(frame, columns={"X": [f"f{i}" for i in range(8)]})
    assert_columns(scores, models.run(ensemble.model, {"X": x}))


@pytest.mark.parametrize("name", ["lightgbm-3", "forest-3-zipmap", "hist-2"])
def test_score_chosen_outputs_and_own_memory_equal_onnxruntime(name: str) -> None:
    case = trained_trees.TREES[name]()
    feed = case.feed(300)
    expected = trained.reference(case, feed)
    scorer = eo.Scorer(case.model, morsel_rows=77)
    for key, column in expected.items():
        assert_columns(scorer.score(feed, outputs=[key]), {key: column})
    memory = {key: np.full_like(column, 77) for key, column in expected.items()}
    scorer.score(feed, out=memory)
    assert_columns(memory, expected)


def test_score_after_pickling_takes_the_same_road_to_the_same_bits() -> None:
    case = trained_trees.TREES["standard-gradient"]()
    feed = case.feed(300)
    again = pickle.loads(pickle.dumps(eo.Scorer(case.model)))
    assert_native(again)
    assert_columns(again.score(feed), trained.reference(case, feed))


def test_score_row_by_row_gives_the_same_bits() -> None:
    """Few rows may take another way through a kernel than many."""
    case = trained_trees.TREES["xgboost-3"]()
    x = case.feed(60)["X"]
    scorer = eo.Scorer(case.model)
    rows = [scorer.score(x[i : i + 1]) for i in range(60)]
    whole = trained.reference(case, {"X": x})
    assert_columns({key: np.concatenate([np.asarray(row[key]) for row in rows]) for key in whole}, whole)


# ------------------------------------------------------------------------------------------------------------------------------- large


def complete_trees(n_trees: int, depth: int, n_features: int) -> bytes:
    """Complete trees, made by whole arrays: node i has the children 2 i + 1 and 2 i + 2."""
    size, first_leaf = 2 ** (depth + 1) - 1, 2**depth - 1
    rng = np.random.default_rng(0)
    one = np.arange(size)
    inner = one < first_leaf
    n_leaves = size - first_leaf
    attributes = {
        "nodes_treeids": np.repeat(np.arange(n_trees), size),
        "nodes_nodeids": np.tile(one, n_trees),
        "nodes_featureids": rng.integers(0, n_features, size * n_trees) * np.tile(inner, n_trees),
        "nodes_modes": ([b"BRANCH_LEQ"] * first_leaf + [b"LEAF"] * n_leaves) * n_trees,
        "nodes_truenodeids": np.tile(np.where(inner, 2 * one + 1, 0), n_trees),
        "nodes_falsenodeids": np.tile(np.where(inner, 2 * one + 2, 0), n_trees),
        "nodes_values": (rng.normal(0, 1, size * n_trees) * np.tile(inner, n_trees)).astype(np.float32),
        "target_treeids": np.repeat(np.arange(n_trees), n_leaves),
        "target_nodeids": np.tile(one[first_leaf:], n_trees),
        "target_ids": np.zeros(n_leaves * n_trees, np.int64),
        "target_weights": rng.normal(0, 1, n_leaves * n_trees).astype(np.float32),
        "n_targets": 1,
    }
    return ensembles.model_of(Recipe(n_features=n_features), attributes)


def test_score_large_file_equals_onnxruntime() -> None:
    """25 MB; EDGEONNX_TEST_LARGE=1 makes it 100 MB, which takes 20 seconds and 2 GB, most of them for onnx and ONNX Runtime."""
    n_trees = 2800 if os.environ.get("EDGEONNX_TEST_LARGE") else 700
    model = complete_trees(n_trees, 9, 20)
    assert len(model) > 32_000 * n_trees
    feed = {"X": np.random.default_rng(1).normal(0, 1, (200, 20)).astype(np.float32)}
    expected = models.run(model, feed)
    scorer = eo.Scorer(model)
    assert_native(scorer)
    assert_columns(scorer.score(feed), expected)
