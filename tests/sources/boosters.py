"""What LightGBM, XGBoost and CatBoost have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from models import Array
from sources.recipe import Answers
from sources.tables import Table


def two_dimensional(values: Any) -> Array:
    """(n_rows,) as (n_rows, 1)."""
    array = np.asarray(values)
    return array.reshape(len(array), -1)


def classes(estimator: Any, table: Any) -> Answers:
    """Of the scikit-learn faces of all three."""
    return Answers(np.asarray(estimator.predict(table)).reshape(-1), two_dimensional(estimator.predict_proba(table)))


def numbers(estimator: Any, table: Any) -> Answers:
    """Of regressors."""
    return Answers(None, two_dimensional(estimator.predict(table)))


def of_booster(predict: Callable[[Any, Any], Any], objective: str) -> Callable[[Any, Any], Answers]:
    """A booster answers with scores alone, from which the class follows."""

    def ask(booster: Any, table: Any) -> Answers:
        scores = two_dimensional(predict(booster, table))
        if objective == "regression":
            return Answers(None, scores)
        both = np.column_stack([1 - scores, scores]) if scores.shape[1] == 1 else scores
        return Answers(both.argmax(axis=1), both)

    return ask


def fitted(make: Callable[[], Any], **options: Any) -> Callable[[Table], Any]:
    """Fit what `make` makes."""
    return lambda table: make().fit(table.train, table.target, **options)
