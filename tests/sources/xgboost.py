"""XGBoost: its scikit-learn face, its own training, and a classifier in a pipeline."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sources.boosters import classes, fitted, numbers, of_booster
from sources.recipe import Recipe
from sources.tables import Table, breast_cancer, diabetes, diabetes_gaps, wine, wine_gaps


def estimator(kind: str, **settings: Any) -> Callable[[], Any]:
    """An estimator of XGBoost."""

    def make() -> Any:
        import xgboost

        return getattr(xgboost, kind)(**({"n_estimators": 20, "max_depth": 4, "n_jobs": 1, "random_state": 0} | settings))

    return make


def booster(**settings: Any) -> Callable[[Table], Any]:
    """XGBoost's own training."""

    def fit(table: Table) -> Any:
        import xgboost

        return xgboost.train({"max_depth": 4, "nthread": 1, "seed": 0, **settings}, xgboost.DMatrix(table.train, table.target), 20)

    return fit


def recipes() -> list[Recipe]:
    """All of them."""

    def recipe(name: str, table: Callable[[], Table], fit: Callable[[Table], Any], ask: Any = classes, **known: Any) -> Recipe:
        return Recipe("XGBoost", name, table, fit, ask, **known)

    def predict(fitted_booster: Any, table: Any) -> Any:
        import xgboost

        return fitted_booster.predict(xgboost.DMatrix(table))

    classifier, regressor = estimator("XGBClassifier"), estimator("XGBRegressor")
    return [
        recipe("XGBClassifier, 2 classes", breast_cancer, fitted(classifier)),
        recipe("XGBClassifier, 3 classes", wine, fitted(classifier)),
        recipe("XGBClassifier, NaN", wine_gaps, fitted(classifier)),
        recipe("XGBRegressor", diabetes, fitted(regressor), numbers),
        recipe("XGBRegressor, NaN", diabetes_gaps, fitted(regressor), numbers),
        recipe("XGBRegressor, poisson", diabetes, fitted(estimator("XGBRegressor", objective="count:poisson")), numbers),
        recipe("XGBRFClassifier, 2 classes", breast_cancer, fitted(estimator("XGBRFClassifier"))),
        recipe(
            "XGBRFClassifier, 3 classes",
            wine,
            fitted(estimator("XGBRFClassifier")),
            refused="does not answer as it does",
            note="onnxmltools gives the trees of a round to other classes",
        ),
        recipe("XGBRFRegressor", diabetes, fitted(estimator("XGBRFRegressor")), numbers),
        recipe("Booster, regression", diabetes, booster(objective="reg:squarederror"), of_booster(predict, "regression")),
        recipe("Booster, binary", breast_cancer, booster(objective="binary:logistic"), of_booster(predict, "binary")),
        recipe("Booster, multiclass", wine, booster(objective="multi:softprob", num_class=3), of_booster(predict, "multiclass")),
        recipe("StandardScaler, XGBClassifier", wine, fitted(lambda: make_pipeline(StandardScaler(), classifier()))),
    ]
