"""What scikit-learn's estimators say of rows, by what they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone, is_classifier, is_outlier_detector, is_regressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from models import Array
from sources.recipe import Answers, Recipe
from sources.tables import Table

DIFFERS = "does not answer as it does"  # says eo.convert
LOGISTIC = LogisticRegression(solver="newton-cholesky")


def scaled(estimator: BaseEstimator) -> BaseEstimator:
    """The estimator behind a scaler, where it would not learn otherwise."""
    return make_pipeline(StandardScaler(), estimator)


def two_dimensional(values: Any) -> Array:
    """Sparse matrices, columns and lists of columns, as (n_rows, k)."""
    if isinstance(values, list):
        return np.concatenate([two_dimensional(each) for each in values], axis=1)
    array = np.asarray(values.toarray() if hasattr(values, "toarray") else values)
    return array.reshape(len(array), -1)


def answers(estimator: Any, frame: Any) -> Answers:
    """Everything that an estimator says of rows it has not seen."""
    if is_regressor(estimator):
        return Answers(None, two_dimensional(estimator.predict(frame)))
    if is_outlier_detector(estimator):
        return Answers(np.asarray(estimator.predict(frame)), two_dimensional(estimator.decision_function(frame)))
    if is_classifier(estimator) or hasattr(estimator, "predict_proba"):
        for method in ("predict_proba", "decision_function"):
            if hasattr(estimator, method):
                return Answers(np.asarray(estimator.predict(frame)), two_dimensional(getattr(estimator, method)(frame)))
        return Answers(np.asarray(estimator.predict(frame)), None)
    labels = np.asarray(estimator.predict(frame)) if hasattr(estimator, "predict") else None
    return Answers(labels, two_dimensional(estimator.transform(frame)))


def fitted(estimator: Any) -> Callable[[Table], Any]:
    """A function that fits a copy of the estimator."""

    def fit(table: Table) -> Any:
        return clone(estimator).fit(table.train, table.target)

    return fit


def parts(estimator: Any) -> set[str]:
    """The classes of an estimator and of those within it."""
    found = {type(estimator).__name__}
    for value in estimator.get_params(deep=True).values():
        if isinstance(value, BaseEstimator):
            found.add(type(value).__name__)
    return found


def recipe(estimator: Any, table: Callable[[], Table], *, name: str = "", **known: Any) -> Recipe:
    """A recipe for a scikit-learn estimator, named by its class where nothing else tells it apart."""
    return Recipe("scikit-learn", name or type(estimator).__name__, table, fitted(estimator), answers, tuple(parts(estimator)), **known)
