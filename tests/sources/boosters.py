"""LightGBM, XGBoost and CatBoost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from models import Array
from sources.recipe import Answers, Recipe
from sources.tables import Table, breast_cancer, categories, diabetes, diabetes_gaps, matrix, wine, wine_gaps


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


# ------------------------------------------------------------------------------------------------------------------------------- LightGBM


def lightgbm_estimator(kind: str, **settings: Any) -> Callable[[], Any]:
    """An estimator of LightGBM."""

    def make() -> Any:
        import lightgbm

        options = {"n_estimators": 20, "num_leaves": 15, "n_jobs": 1, "verbose": -1, "random_state": 0}
        return getattr(lightgbm, kind)(**(options | settings))

    return make


def lightgbm_booster(**settings: Any) -> Callable[[Table], Any]:
    """LightGBM's own training."""

    def fit(table: Table) -> Any:
        import lightgbm

        options = {"num_leaves": 15, "num_threads": 1, "verbose": -1, "seed": 0, **settings}
        return lightgbm.train(options, lightgbm.Dataset(table.train, table.target), 20)

    return fit


def lightgbm() -> list[Recipe]:
    """All of them."""

    def recipe(name: str, table: Callable[[], Table], fit: Callable[[Table], Any], ask: Any = classes, **known: Any) -> Recipe:
        return Recipe("LightGBM", name, table, fit, ask, **known)

    def predict(booster: Any, table: Any) -> Any:
        return booster.predict(table)

    classifier, regressor = lightgbm_estimator("LGBMClassifier"), lightgbm_estimator("LGBMRegressor")
    return [
        recipe("LGBMClassifier, 2 classes", breast_cancer, fitted(classifier)),
        recipe("LGBMClassifier, 3 classes", wine, fitted(classifier)),
        recipe("LGBMClassifier, NaN", wine_gaps, fitted(classifier)),
        recipe("LGBMClassifier, categories", categories,
               fitted(lightgbm_estimator("LGBMClassifier", max_cat_to_onehot=3, cat_smooth=1), categorical_feature=["sex", "decade"])),
        recipe("LGBMRegressor", diabetes, fitted(regressor), numbers),
        recipe("LGBMRegressor, NaN", diabetes_gaps, fitted(regressor), numbers),
        recipe("LGBMRegressor, poisson", diabetes, fitted(lightgbm_estimator("LGBMRegressor", objective="poisson")), numbers),
        recipe("Booster, regression", diabetes, lightgbm_booster(objective="regression"), of_booster(predict, "regression")),
        recipe("Booster, binary", breast_cancer, lightgbm_booster(objective="binary"), of_booster(predict, "binary")),
        recipe("Booster, multiclass", wine, lightgbm_booster(objective="multiclass", num_class=3), of_booster(predict, "multiclass")),
        recipe("StandardScaler, LGBMClassifier", wine, fitted(lambda: make_pipeline(StandardScaler(), classifier()))),
        recipe("StandardScaler, LGBMRegressor", diabetes, fitted(lambda: make_pipeline(StandardScaler(), regressor())), numbers),
    ]  # fmt: skip


# -------------------------------------------------------------------------------------------------------------------------------- XGBoost


def xgboost_estimator(kind: str, **settings: Any) -> Callable[[], Any]:
    """An estimator of XGBoost."""

    def make() -> Any:
        import xgboost

        return getattr(xgboost, kind)(**({"n_estimators": 20, "max_depth": 4, "n_jobs": 1, "random_state": 0} | settings))

    return make


def xgboost_booster(**settings: Any) -> Callable[[Table], Any]:
    """XGBoost's own training."""

    def fit(table: Table) -> Any:
        import xgboost

        return xgboost.train({"max_depth": 4, "nthread": 1, "seed": 0, **settings}, xgboost.DMatrix(table.train, table.target), 20)

    return fit


def xgboost() -> list[Recipe]:
    """All of them."""

    def recipe(name: str, table: Callable[[], Table], fit: Callable[[Table], Any], ask: Any = classes, **known: Any) -> Recipe:
        return Recipe("XGBoost", name, table, fit, ask, **known)

    def predict(booster: Any, table: Any) -> Any:
        import xgboost

        return booster.predict(xgboost.DMatrix(table))

    classifier, regressor = xgboost_estimator("XGBClassifier"), xgboost_estimator("XGBRegressor")
    return [
        recipe("XGBClassifier, 2 classes", breast_cancer, fitted(classifier)),
        recipe("XGBClassifier, 3 classes", wine, fitted(classifier)),
        recipe("XGBClassifier, NaN", wine_gaps, fitted(classifier)),
        recipe("XGBRegressor", diabetes, fitted(regressor), numbers),
        recipe("XGBRegressor, NaN", diabetes_gaps, fitted(regressor), numbers),
        recipe("XGBRegressor, poisson", diabetes, fitted(xgboost_estimator("XGBRegressor", objective="count:poisson")), numbers),
        recipe("XGBRFClassifier, 2 classes", breast_cancer, fitted(xgboost_estimator("XGBRFClassifier"))),
        recipe("XGBRFClassifier, 3 classes", wine, fitted(xgboost_estimator("XGBRFClassifier")),
               refused="does not answer as it does", note="onnxmltools gives the trees of a round to other classes"),
        recipe("XGBRFRegressor", diabetes, fitted(xgboost_estimator("XGBRFRegressor")), numbers),
        recipe("Booster, regression", diabetes, xgboost_booster(objective="reg:squarederror"), of_booster(predict, "regression")),
        recipe("Booster, binary", breast_cancer, xgboost_booster(objective="binary:logistic"), of_booster(predict, "binary")),
        recipe("Booster, multiclass", wine, xgboost_booster(objective="multi:softprob", num_class=3), of_booster(predict, "multiclass")),
        recipe("StandardScaler, XGBClassifier", wine, fitted(lambda: make_pipeline(StandardScaler(), classifier()))),
    ]


# ------------------------------------------------------------------------------------------------------------------------------- CatBoost


def catboost_estimator(kind: str, **settings: Any) -> Callable[[], Any]:
    """An estimator of CatBoost."""

    def make() -> Any:
        import catboost

        options = {"iterations": 20, "depth": 4, "thread_count": 1, "random_seed": 0, "verbose": False, "allow_writing_files": False}
        return getattr(catboost, kind)(**(options | settings))

    return make


def catboost() -> list[Recipe]:
    """All of them."""

    def recipe(name: str, table: Callable[[], Table], fit: Callable[[Table], Any], ask: Any = classes, **known: Any) -> Recipe:
        return Recipe("CatBoost", name, table, fit, ask, **known)

    classifier, regressor = catboost_estimator("CatBoostClassifier"), catboost_estimator("CatBoostRegressor")
    return [
        recipe("CatBoostClassifier, 2 classes", breast_cancer, fitted(classifier)),
        recipe("CatBoostClassifier, 3 classes", wine, fitted(classifier)),
        recipe("CatBoostClassifier, NaN", wine_gaps, fitted(classifier)),
        recipe("CatBoostRegressor", diabetes, fitted(regressor), numbers),
        recipe("CatBoostRegressor, NaN", diabetes_gaps, fitted(regressor), numbers),
        recipe("CatBoostClassifier, categories", categories, fitted(classifier, cat_features=["sex", "decade"]),
               refused="CatBoost exports no categorical features", note="CatBoost exports no categorical features"),
    ]


def recipes() -> list[Recipe]:
    """Of all three."""
    return [*lightgbm(), *xgboost(), *catboost()]
