"""Pipelines of scikit-learn: steps in front of estimators, columns treated by what they hold."""

from __future__ import annotations

from sklearn import (
    compose,
    decomposition,
    ensemble,
    feature_selection,
    impute,
    linear_model,
    pipeline,
    preprocessing,
)

from sources.recipe import Recipe
from sources.scikit_learn.asking import DIFFERS, LOGISTIC, recipe
from sources.tables import categories, diabetes, diabetes_gaps, wine, wine_gaps


def recipes() -> list[Recipe]:
    """All of them."""
    codes, measures = ["sex", "decade"], ["bmi", "bp", "s1", "s2", "s3", "s5", "s6"]
    encoded = compose.ColumnTransformer(
        [("codes", preprocessing.OneHotEncoder(), codes), ("measures", preprocessing.StandardScaler(), measures)]
    )
    ordinal = compose.ColumnTransformer(
        [("codes", preprocessing.OrdinalEncoder(), codes), ("rest", "passthrough", measures)], remainder="drop"
    )
    union = pipeline.make_union(decomposition.PCA(3), feature_selection.SelectKBest(k=3))
    make = pipeline.make_pipeline
    return [
        recipe(
            make(impute.SimpleImputer(), preprocessing.StandardScaler(), LOGISTIC),
            wine_gaps,
            name="SimpleImputer, StandardScaler, LogisticRegression",
        ),
        recipe(
            make(impute.SimpleImputer(add_indicator=True), linear_model.Ridge()),
            diabetes_gaps,
            name="SimpleImputer with indicators, Ridge",
            refused=DIFFERS,
            note="skl2onnx leaves the indicators out",
        ),
        recipe(make(encoded, LOGISTIC), categories, name="ColumnTransformer of one-hot and scaler, LogisticRegression"),
        recipe(
            make(encoded, ensemble.RandomForestClassifier(10, random_state=0)),
            categories,
            name="ColumnTransformer of one-hot and scaler, forest",
        ),
        recipe(
            make(ordinal, ensemble.GradientBoostingClassifier(n_estimators=10, random_state=0)),
            categories,
            name="ColumnTransformer of ordinal, boosting",
        ),
        recipe(
            make(ordinal, ensemble.HistGradientBoostingClassifier(categorical_features=[0, 1], max_iter=10, random_state=0)),
            categories,
            name="HistGradientBoostingClassifier, categories",
            refused=DIFFERS,
            note="skl2onnx takes categories for numbers",
        ),
        recipe(
            make(preprocessing.KBinsDiscretizer(4, encode="onehot-dense", quantile_method="averaged_inverted_cdf"), LOGISTIC),
            wine,
            name="KBinsDiscretizer, LogisticRegression",
        ),
        recipe(
            make(preprocessing.StandardScaler(), preprocessing.PolynomialFeatures(2), linear_model.Ridge()),
            diabetes,
            name="StandardScaler, PolynomialFeatures, Ridge",
        ),
        recipe(make(preprocessing.StandardScaler(), union, LOGISTIC), wine, name="FeatureUnion of PCA and SelectKBest, LogisticRegression"),
        recipe(
            make(preprocessing.RobustScaler(), feature_selection.SelectKBest(k=5), ensemble.RandomForestClassifier(10, random_state=0)),
            wine,
            name="RobustScaler, SelectKBest, forest",
        ),
    ]
