"""LightGBM: its scikit-learn face, its own training, and its estimators in pipelines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sources.boosters import classes, fitted, numbers, of_booster
from sources.recipe import Recipe
from sources.tables import Table, breast_cancer, categories, diabetes, diabetes_gaps, wine, wine_gaps


def estimator(kind: str, **settings: Any) -> Callable[[], Any]:
    """An estimator of LightGBM."""

    def make() -> Any:
        import lightgbm

        options = {"n_estimators": 20, "num_leaves": 15, "n_jobs": 1, "verbose": -1, "random_state": 0}
        return getattr(lightgbm, kind)(**(options | settings))

    return make


def booster(**settings: Any) -> Callable[[Table], Any]:
    """LightGBM's own training."""

    def fit(table: Table) -> Any:
        import lightgbm

        options = {"num_leaves": 15, "num_threads": 1, "verbose": -1, "seed": 0, **settings}
        return lightgbm.train(options, lightgbm.Dataset(table.train, table.target), 20)

    return fit


def recipes() -> list[Recipe]:
    """All of them."""

    def recipe(name: str, table: Callable[[], Table], fit: Callable[[Table], Any], ask: Any = classes, **known: Any) -> Recipe:
        return Recipe("LightGBM", name, table, fit, ask, **known)

    def predict(fitted_booster: Any, table: Any) -> Any:
        return fitted_booster.predict(table)

    classifier, regressor = estimator("LGBMClassifier"), estimator("LGBMRegressor")
    return [
        recipe("LGBMClassifier, 2 classes", breast_cancer, fitted(classifier)),
        recipe("LGBMClassifier, 3 classes", wine, fitted(classifier)),
        recipe("LGBMClassifier, NaN", wine_gaps, fitted(classifier)),
        recipe("LGBMClassifier, categories", categories,
               fitted(estimator("LGBMClassifier", max_cat_to_onehot=3, cat_smooth=1), categorical_feature=["sex", "decade"])),
        recipe("LGBMRegressor", diabetes, fitted(regressor), numbers),
        recipe("LGBMRegressor, NaN", diabetes_gaps, fitted(regressor), numbers),
        recipe("LGBMRegressor, poisson", diabetes, fitted(estimator("LGBMRegressor", objective="poisson")), numbers),
        recipe("Booster, regression", diabetes, booster(objective="regression"), of_booster(predict, "regression")),
        recipe("Booster, binary", breast_cancer, booster(objective="binary"), of_booster(predict, "binary")),
        recipe("Booster, multiclass", wine, booster(objective="multiclass", num_class=3), of_booster(predict, "multiclass")),
        recipe("StandardScaler, LGBMClassifier", wine, fitted(lambda: make_pipeline(StandardScaler(), classifier()))),
        recipe("StandardScaler, LGBMRegressor", diabetes, fitted(lambda: make_pipeline(StandardScaler(), regressor())), numbers),
    ]  # fmt: skip
