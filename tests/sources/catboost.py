"""CatBoost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sources.boosters import classes, fitted, numbers
from sources.recipe import Recipe
from sources.tables import Table, breast_cancer, categories, diabetes, diabetes_gaps, wine, wine_gaps


def estimator(kind: str, **settings: Any) -> Callable[[], Any]:
    """An estimator of CatBoost."""

    def make() -> Any:
        import catboost

        options = {"iterations": 20, "depth": 4, "thread_count": 1, "random_seed": 0, "verbose": False, "allow_writing_files": False}
        return getattr(catboost, kind)(**(options | settings))

    return make


def recipes() -> list[Recipe]:
    """All of them."""

    def recipe(name: str, table: Callable[[], Table], fit: Callable[[Table], Any], ask: Any = classes, **known: Any) -> Recipe:
        return Recipe("CatBoost", name, table, fit, ask, **known)

    classifier, regressor = estimator("CatBoostClassifier"), estimator("CatBoostRegressor")
    return [
        recipe("CatBoostClassifier, 2 classes", breast_cancer, fitted(classifier)),
        recipe("CatBoostClassifier, 3 classes", wine, fitted(classifier)),
        recipe("CatBoostClassifier, NaN", wine_gaps, fitted(classifier)),
        recipe("CatBoostRegressor", diabetes, fitted(regressor), numbers),
        recipe("CatBoostRegressor, NaN", diabetes_gaps, fitted(regressor), numbers),
        recipe(
            "CatBoostClassifier, categories",
            categories,
            fitted(classifier, cat_features=["sex", "decade"]),
            refused="CatBoost exports no categorical features",
            note="CatBoost exports no categorical features",
        ),
    ]
