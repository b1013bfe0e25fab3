"""Transformers of scikit-learn."""

from __future__ import annotations

from sklearn import (
    decomposition,
    ensemble,
    feature_extraction,
    feature_selection,
    impute,
    neighbors,
    pipeline,
    preprocessing,
    random_projection,
)

from sources.recipe import Recipe
from sources.scikit_learn.asking import LOGISTIC, recipe, scaled
from sources.tables import categories, diabetes, digits, few_digits, iris, wine, wine_gaps


def values() -> list[Recipe]:
    """Scalers, encoders, imputers and other functions of single columns."""
    return [
        recipe(preprocessing.Binarizer(threshold=2.0), wine),
        recipe(preprocessing.MaxAbsScaler(), diabetes),
        recipe(preprocessing.MinMaxScaler(), diabetes),
        recipe(preprocessing.RobustScaler(), diabetes),
        recipe(preprocessing.StandardScaler(), diabetes),
        recipe(preprocessing.Normalizer(), wine),
        recipe(preprocessing.PowerTransformer(), wine, tolerance=1e-4, note="skl2onnx writes its powers in float"),
        recipe(preprocessing.QuantileTransformer(n_quantiles=20), iris),
        recipe(
            preprocessing.KBinsDiscretizer(4, encode="ordinal", quantile_method="averaged_inverted_cdf"),
            wine,
            name="KBinsDiscretizer, ordinal",
        ),
        recipe(
            preprocessing.KBinsDiscretizer(4, encode="onehot-dense", quantile_method="averaged_inverted_cdf"),
            wine,
            name="KBinsDiscretizer, one-hot",
        ),
        recipe(preprocessing.OneHotEncoder(handle_unknown="ignore"), few_digits),
        recipe(preprocessing.OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), few_digits),
        recipe(preprocessing.TargetEncoder(random_state=0), categories, name="TargetEncoder, 2 classes"),
        recipe(
            preprocessing.TargetEncoder(random_state=0),
            few_digits,
            name="TargetEncoder, 3 classes",
            refused="binary",
            note="skl2onnx converts those of two classes, and of a number",
        ),
        recipe(preprocessing.PolynomialFeatures(2), iris),
        recipe(preprocessing.FunctionTransformer(), wine),
        recipe(impute.SimpleImputer(), wine_gaps, name="SimpleImputer, mean"),
        recipe(impute.SimpleImputer(strategy="median"), wine_gaps, name="SimpleImputer, median"),
        recipe(impute.KNNImputer(n_neighbors=3), wine_gaps),
        recipe(feature_extraction.text.TfidfTransformer(), digits),
    ]


def spaces() -> list[Recipe]:
    """Projections and choices of features."""
    anova = feature_selection.f_classif
    return [
        recipe(decomposition.PCA(4), digits),
        recipe(decomposition.PCA(4, whiten=True), wine, name="PCA, whitened"),
        recipe(decomposition.IncrementalPCA(4), digits),
        recipe(scaled(decomposition.KernelPCA(3, kernel="rbf")), wine, name="KernelPCA"),
        recipe(decomposition.TruncatedSVD(4, random_state=0), digits),
        recipe(random_projection.GaussianRandomProjection(4, random_state=0), wine),
        recipe(neighbors.NeighborhoodComponentsAnalysis(2, random_state=0, max_iter=20), iris),
        recipe(ensemble.RandomTreesEmbedding(5, max_depth=3, sparse_output=False, random_state=0), wine),
        recipe(feature_selection.GenericUnivariateSelect(anova, mode="k_best", param=4), wine),
        recipe(
            pipeline.make_pipeline(feature_selection.RFE(LOGISTIC, n_features_to_select=2), LOGISTIC), iris, name="RFE, LogisticRegression"
        ),
        recipe(pipeline.make_pipeline(feature_selection.RFECV(LOGISTIC, cv=3), LOGISTIC), iris, name="RFECV, LogisticRegression"),
        recipe(feature_selection.SelectFdr(anova), wine),
        recipe(feature_selection.SelectFpr(anova), wine),
        recipe(feature_selection.SelectFwe(anova), wine),
        recipe(feature_selection.SelectFromModel(ensemble.ExtraTreesClassifier(10, random_state=0)), wine),
        recipe(feature_selection.SelectKBest(anova, k=4), wine),
        recipe(feature_selection.SelectPercentile(anova, percentile=30), wine),
        recipe(feature_selection.VarianceThreshold(1.0), wine),
    ]


def recipes() -> list[Recipe]:
    """All of them."""
    return [*values(), *spaces()]
