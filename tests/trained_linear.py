"""Trained linear models, and small networks that are sums of products as well, with what pipelines put before them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

import models
from models import Feed
from trained import Case, trained
from training_tables import N_FEATURES, OPSETS, draw, matrix_feed, target_of, training


def _columns_feed(n_rows: int) -> Feed:
    x = draw(n_rows)
    return {f"c{i}": x[:, i : i + 1] for i in range(N_FEATURES)}


def _whole_feed(n_rows: int) -> Feed:
    return {"X": np.random.default_rng(31).integers(-50, 50, (n_rows, N_FEATURES))}


def _estimator(kind: str, options: dict[str, Any]) -> Any:
    from sklearn import linear_model, multiclass, neural_network, svm

    if kind == "OneVsRest":
        return multiclass.OneVsRestClassifier(linear_model.LogisticRegression())
    if kind in ("LinearSVC", "SGDClassifier", "MLPClassifier", "MLPRegressor"):
        options = {"random_state": 0, **options}
    return {**vars(linear_model), **vars(svm), **vars(neural_network)}[kind](**options)


@trained
def linear(kind: str, n_classes: int = 0, *, front: str = "", form: str = "matrix", zipmap: bool = False, **options: Any) -> Case:
    """An estimator behind the transformers `front`; `form`: matrix, columns ([N, 1] each), double, whole (bigint)."""
    import skl2onnx
    from skl2onnx.common import data_types
    from sklearn import decomposition, preprocessing
    from sklearn.pipeline import make_pipeline

    fronts = {**vars(preprocessing), "PCA": functools.partial(decomposition.PCA, 3)}
    estimator = _estimator(kind, options)
    pipeline = make_pipeline(*(fronts[name]() for name in front.split("+") if name), estimator)
    x, y, classes = training()
    target = target_of(n_classes, y, classes)
    port: Any = data_types.FloatTensorType
    feed: Callable[[int], Feed] = matrix_feed()
    data: Any = x
    if form == "double":
        port, feed, data = data_types.DoubleTensorType, matrix_feed(np.float64), x.astype(np.float64)
    if form == "whole":
        port, feed, data = data_types.Int64TensorType, _whole_feed, np.round(x * 9)
    types: list[tuple[str, Any]] = [("X", port([None, N_FEATURES]))]
    if form == "columns":
        types, feed = [(f"c{i}", port([None, 1])) for i in range(N_FEATURES)], _columns_feed
    pipeline.fit(data, target)
    model = skl2onnx.convert_sklearn(
        pipeline if front else estimator,
        initial_types=types,
        options={id(estimator): {"zipmap": zipmap}} if n_classes and kind != "LinearSVC" else None,
        target_opset=OPSETS,
    )
    zipmaps = {"output_probability": tuple(range(n_classes))} if zipmap else {}
    return Case(model.SerializeToString(), feed, blas=True, zipmaps=zipmaps)


def four_types() -> Case:
    """int, bigint, real and float columns into Cast, Concat, MatMul and Add."""
    return Case(models.four_types(), models.four_types_feed, blas=True)


def _of(*arguments: Any, **options: Any) -> Callable[[], Case]:
    return functools.partial(linear, *arguments, **options)


#: Models whose graph is expected to run in native kernels from end to end.
LINEAR: dict[str, Callable[[], Case]] = {
    "linear": _of("LinearRegression"),
    "linear-double": _of("LinearRegression", form="double"),
    "ridge-whole": _of("Ridge", form="whole"),
    "lasso-robust": _of("Lasso", front="RobustScaler", alpha=0.05),
    "standard-linear-columns": _of("LinearRegression", front="StandardScaler", form="columns"),
    "minmax-ridge": _of("Ridge", front="MinMaxScaler"),
    "logistic-2": _of("LogisticRegression", 2),
    "logistic-3-zipmap": _of("LogisticRegression", 3, zipmap=True),
    "logistic-2-columns-zipmap": _of("LogisticRegression", 2, front="StandardScaler", form="columns", zipmap=True),
    "logistic-3-double": _of("LogisticRegression", 3, form="double"),
    "four-types": four_types,
    "svc-2": _of("LinearSVC", 2),
    "svc-3": _of("LinearSVC", 3),
    "sgd-2": _of("SGDClassifier", 2, loss="log_loss"),
}

#: Perceptrons, and linear models with more results than are summed in double: native where the processor multiplies and adds in one.
NETWORKS: dict[str, Callable[[], Case]] = {
    "mlp-regressor": _of("MLPRegressor", hidden_layer_sizes=(8,), max_iter=30, tol=1e9),
    "standard-mlp-64-64": _of("MLPRegressor", front="StandardScaler", form="columns", hidden_layer_sizes=(64, 64), max_iter=10, tol=1e9),
    "mlp-deep": _of("MLPRegressor", hidden_layer_sizes=(17, 5, 33, 2), max_iter=10, tol=1e9),
    "mlp-wide": _of("MLPRegressor", hidden_layer_sizes=(400, 500), max_iter=3, tol=1e9),
    "mlp-tanh": _of("MLPRegressor", hidden_layer_sizes=(20, 6), activation="tanh", max_iter=10, tol=1e9),
    "mlp-sigmoid": _of("MLPRegressor", hidden_layer_sizes=(9,), activation="logistic", max_iter=10, tol=1e9),
    "mlp-linear": _of("MLPRegressor", hidden_layer_sizes=(12,), activation="identity", max_iter=10, tol=1e9),
    "mlp-classifier-2": _of("MLPClassifier", 2, hidden_layer_sizes=(16, 16), max_iter=30, tol=1e9),
    "mlp-classifier-3": _of("MLPClassifier", 3, hidden_layer_sizes=(16, 16), max_iter=30, tol=1e9),
    "logistic-10": _of("LogisticRegression", 10, max_iter=20),
    "logistic-10-standard-zipmap": _of("LogisticRegression", 10, front="StandardScaler", zipmap=True, max_iter=20),
}

#: Sums of products that need more than a linear model's operators; some of their nodes may be native.
DENSE: dict[str, Callable[[], Case]] = {
    "sgd-3": _of("SGDClassifier", 3, loss="log_loss"),
    "one-vs-rest-3": _of("OneVsRest", 3),
    "pca-linear": _of("LinearRegression", front="PCA"),
    "standard-pca-logistic-3": _of("LogisticRegression", 3, front="StandardScaler+PCA"),
    "polynomial-linear": _of("LinearRegression", front="PolynomialFeatures"),
}
