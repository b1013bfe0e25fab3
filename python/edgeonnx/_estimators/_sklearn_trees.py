"""Ensembles of trees in scikit-learn's estimators, and in those of boosters that behave as such: how they compare, and their splits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy

from edgeonnx._estimators._base import Split

LARGEST = float(numpy.finfo(numpy.float32).max)

# These round their columns to float32 before they compare (sklearn.tree._tree.DTYPE).
_FLOAT32_TREES = ("sklearn.tree", "sklearn.ensemble._forest", "sklearn.ensemble._gb", "sklearn.ensemble._iforest")
_HISTOGRAM_TREES = "sklearn.ensemble._hist_gradient_boosting"


def comparison_of(fitted: Any) -> str | None:
    """How an ensemble of trees compares, as `Ensemble.compares_in` says; None for other estimators."""
    module = type(fitted).__module__
    if module.startswith(_HISTOGRAM_TREES) or "lightgbm" in module:
        return "float64"
    return "float32" if module.startswith((*_FLOAT32_TREES, "xgboost", "catboost")) else None


def trees_of_sklearn(fitted: Any) -> Iterable[Split | None] | None:
    module = type(fitted).__module__
    if "lightgbm" in module:
        from edgeonnx._estimators._lightgbm import trees_of

        return trees_of(fitted)
    if module.startswith(_HISTOGRAM_TREES):
        return [_histogram_tree(tree.nodes) for round_ in fitted._predictors for tree in round_]
    if hasattr(fitted, "tree_"):
        return [_tree(fitted.tree_)]
    if module.startswith(_FLOAT32_TREES) and hasattr(fitted, "estimators_"):
        return [_tree(each.tree_) for each in numpy.asarray(fitted.estimators_, dtype=object).reshape(-1)]
    return None


def inner_estimators(value: Any) -> Iterator[Any]:
    """The fitted estimators that an estimator, or a collection of them, holds."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)) or (isinstance(value, numpy.ndarray) and value.dtype == object):
        for each in value:
            yield from inner_estimators(each)
    elif hasattr(value, "get_params") or type(value).__module__ == "sklearn.calibration":
        yield value
        if comparison_of(value) is None:
            yield from inner_estimators(list(vars(value).values()))


def _tree(tree: Any) -> Split | None:
    left, right, feature, threshold = tree.children_left, tree.children_right, tree.feature, tree.threshold
    missing_left = getattr(tree, "missing_go_to_left", None)  # from scikit-learn 1.3 on
    built: dict[int, Split | None] = {}
    for node in range(tree.node_count - 1, -1, -1):  # children have higher numbers than their parents
        is_leaf = left[node] == -1
        missing = None if missing_left is None else bool(missing_left[node])
        yes, no = built.get(left[node]), built.get(right[node])
        at_most = min(float(threshold[node]), LARGEST)
        built[node] = None if is_leaf else Split(int(feature[node]), at_most, yes, no, missing=missing)
    return built[0]


def _histogram_tree(nodes: Any) -> Split | None:
    built: dict[int, Split | None] = {}
    for place in range(len(nodes) - 1, -1, -1):
        node = nodes[place]
        built[place] = (
            None
            if node["is_leaf"]
            else Split(
                int(node["feature_idx"]),
                float(node["num_threshold"]),
                built[int(node["left"])],
                built[int(node["right"])],
                missing=bool(node["missing_go_to_left"]),
            )
        )
    return built[0]
