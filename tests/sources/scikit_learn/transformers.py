"""Transformers, clusterers, mixtures and outlier detectors of scikit-learn."""

from __future__ import annotations

from sklearn import cluster, compose, decomposition, discriminant_analysis, ensemble, feature_extraction, feature_selection, impute
from sklearn import linear_model, mixture, neighbors, pipeline, preprocessing, random_projection, svm

from sources.recipe import Recipe
from sources.scikit_learn.asking import DIFFERS, recipe
from sources.tables import breast_cancer, categories, diabetes, diabetes_gaps, digits, few_digits, iris, wine, wine_gaps

LOGISTIC = linear_model.LogisticRegression(solver="newton-cholesky")


def scaled(estimator: object) -> object:
    """The estimator behind a scaler."""
    return pipeline.make_pipeline(preprocessing.StandardScaler(), estimator)


def groups() -> list[Recipe]:
    """Clusters, mixtures, outliers."""
    return [
        recipe(cluster.KMeans(3, n_init=1, random_state=0), wine),
        recipe(cluster.MiniBatchKMeans(10, n_init=1, random_state=0), digits),
        recipe(scaled(mixture.GaussianMixture(3, random_state=0)), wine, name="GaussianMixture"),
        recipe(scaled(mixture.BayesianGaussianMixture(n_components=3, random_state=0, max_iter=500)), wine, name="BayesianGaussianMixture"),
        recipe(ensemble.IsolationForest(n_estimators=20, random_state=0), breast_cancer),
        recipe(neighbors.LocalOutlierFactor(novelty=True), wine),
        recipe(scaled(svm.OneClassSVM()), wine, name="OneClassSVM"),
        recipe(scaled(linear_model.SGDOneClassSVM(random_state=0)), wine, name="SGDOneClassSVM"),
    ]


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
        recipe(preprocessing.KBinsDiscretizer(4, encode="ordinal", quantile_method="averaged_inverted_cdf"), wine, name="KBinsDiscretizer, ordinal"),
        recipe(preprocessing.KBinsDiscretizer(4, encode="onehot-dense", quantile_method="averaged_inverted_cdf"), wine, name="KBinsDiscretizer, one-hot"),
        recipe(preprocessing.OneHotEncoder(handle_unknown="ignore"), few_digits),
        recipe(preprocessing.OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), few_digits),
        recipe(preprocessing.TargetEncoder(random_state=0), categories, name="TargetEncoder, 2 classes"),
        recipe(preprocessing.TargetEncoder(random_state=0), few_digits, name="TargetEncoder, 3 classes",
               refused="binary", note="skl2onnx converts those of two classes, and of a number"),
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
        recipe(pipeline.make_pipeline(feature_selection.RFE(LOGISTIC, n_features_to_select=2), LOGISTIC), iris, name="RFE, LogisticRegression"),
        recipe(pipeline.make_pipeline(feature_selection.RFECV(LOGISTIC, cv=3), LOGISTIC), iris, name="RFECV, LogisticRegression"),
        recipe(feature_selection.SelectFdr(anova), wine),
        recipe(feature_selection.SelectFpr(anova), wine),
        recipe(feature_selection.SelectFwe(anova), wine),
        recipe(feature_selection.SelectFromModel(ensemble.ExtraTreesClassifier(10, random_state=0)), wine),
        recipe(feature_selection.SelectKBest(anova, k=4), wine),
        recipe(feature_selection.SelectPercentile(anova, percentile=30), wine),
        recipe(feature_selection.VarianceThreshold(1.0), wine),
    ]


def pipelines() -> list[Recipe]:
    """Steps in front of estimators, columns treated by what they hold."""
    codes, measures = ["sex", "decade"], ["bmi", "bp", "s1", "s2", "s3", "s5", "s6"]
    encoded = compose.ColumnTransformer([("codes", preprocessing.OneHotEncoder(), codes), ("measures", preprocessing.StandardScaler(), measures)])
    ordinal = compose.ColumnTransformer(
        [("codes", preprocessing.OrdinalEncoder(), codes), ("rest", "passthrough", measures)], remainder="drop"
    )
    union = pipeline.make_union(decomposition.PCA(3), feature_selection.SelectKBest(k=3))
    make = pipeline.make_pipeline
    return [
        recipe(make(impute.SimpleImputer(), preprocessing.StandardScaler(), LOGISTIC), wine_gaps, name="SimpleImputer, StandardScaler, LogisticRegression"),
        recipe(make(impute.SimpleImputer(add_indicator=True), linear_model.Ridge()), diabetes_gaps, name="SimpleImputer with indicators, Ridge",
               refused=DIFFERS, note="skl2onnx leaves the indicators out"),
        recipe(make(encoded, LOGISTIC), categories, name="ColumnTransformer of one-hot and scaler, LogisticRegression"),
        recipe(make(encoded, ensemble.RandomForestClassifier(10, random_state=0)), categories, name="ColumnTransformer of one-hot and scaler, forest"),
        recipe(make(ordinal, ensemble.GradientBoostingClassifier(n_estimators=10, random_state=0)), categories, name="ColumnTransformer of ordinal, boosting"),
        recipe(make(ordinal, ensemble.HistGradientBoostingClassifier(categorical_features=[0, 1], max_iter=10, random_state=0)), categories, name="HistGradientBoostingClassifier, categories"),
        recipe(make(preprocessing.KBinsDiscretizer(4, encode="onehot-dense", quantile_method="averaged_inverted_cdf"), LOGISTIC), wine, name="KBinsDiscretizer, LogisticRegression"),
        recipe(make(preprocessing.StandardScaler(), preprocessing.PolynomialFeatures(2), linear_model.Ridge()), diabetes, name="StandardScaler, PolynomialFeatures, Ridge"),
        recipe(make(preprocessing.StandardScaler(), union, LOGISTIC), wine, name="FeatureUnion of PCA and SelectKBest, LogisticRegression"),
        recipe(make(preprocessing.RobustScaler(), feature_selection.SelectKBest(k=5), ensemble.RandomForestClassifier(10, random_state=0)), wine, name="RobustScaler, SelectKBest, forest"),
    ]


def recipes() -> list[Recipe]:
    """All of them."""
    return [*groups(), *values(), *spaces(), *pipelines()]
