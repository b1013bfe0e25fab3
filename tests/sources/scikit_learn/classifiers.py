"""Classifiers of scikit-learn, and what is wrapped around them."""

from __future__ import annotations

from sklearn import (
    calibration,
    discriminant_analysis,
    ensemble,
    gaussian_process,
    linear_model,
    model_selection,
    multiclass,
    multioutput,
    naive_bayes,
    neighbors,
    neural_network,
    svm,
    tree,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer

from sources.recipe import Recipe
from sources.scikit_learn.asking import DIFFERS, LOGISTIC, recipe, scaled
from sources.tables import breast_cancer, diabetes_classes, digits, few_digits, iris, named_iris, wine, wine_gaps


def linear() -> list[Recipe]:
    """Linear models."""
    return [
        recipe(LOGISTIC, breast_cancer, name="LogisticRegression, 2 classes"),
        recipe(LOGISTIC, wine, name="LogisticRegression, 3 classes"),
        recipe(LOGISTIC, named_iris, name="LogisticRegression, classes of text"),
        recipe(linear_model.LogisticRegressionCV(Cs=3, cv=3, solver="newton-cholesky", use_legacy_attributes=False, l1_ratios=(0,)), iris),
        recipe(scaled(linear_model.SGDClassifier(loss="log_loss", random_state=0)), wine, name="SGDClassifier, log_loss"),
        recipe(scaled(linear_model.SGDClassifier(loss="modified_huber", random_state=0)), wine, name="SGDClassifier, modified_huber"),
        recipe(scaled(linear_model.SGDClassifier(random_state=0)), breast_cancer, name="SGDClassifier, hinge"),
        recipe(scaled(linear_model.PassiveAggressiveClassifier(random_state=0)), wine, name="PassiveAggressiveClassifier"),
        recipe(scaled(linear_model.Perceptron(random_state=0)), wine, name="Perceptron"),
        recipe(linear_model.RidgeClassifier(), wine),
        recipe(linear_model.RidgeClassifierCV(), breast_cancer),
        recipe(discriminant_analysis.LinearDiscriminantAnalysis(), wine, name="LinearDiscriminantAnalysis, 3 classes"),
        recipe(discriminant_analysis.LinearDiscriminantAnalysis(), breast_cancer, name="LinearDiscriminantAnalysis, 2 classes"),
        recipe(discriminant_analysis.QuadraticDiscriminantAnalysis(), wine),
        recipe(scaled(svm.LinearSVC(random_state=0)), wine, name="LinearSVC"),
    ]


def kernels_and_neighbours() -> list[Recipe]:
    """Those that remember rows."""
    return [
        recipe(scaled(svm.SVC()), wine, name="SVC, rbf, 3 classes"),
        recipe(scaled(svm.SVC(kernel="poly")), breast_cancer, name="SVC, poly, 2 classes"),
        recipe(scaled(svm.SVC(probability=True, random_state=0)), wine, name="SVC, probabilities"),
        recipe(scaled(svm.NuSVC(nu=0.1)), breast_cancer, name="NuSVC, 2 classes"),
        recipe(neighbors.KNeighborsClassifier(), wine),
        recipe(neighbors.KNeighborsClassifier(p=1), wine, name="KNeighborsClassifier, sum of differences"),
        recipe(
            neighbors.KNeighborsClassifier(weights="distance"),
            wine,
            name="KNeighborsClassifier, by distance",
            refused=DIFFERS,
            note="skl2onnx leaves the weights out",
        ),
        recipe(
            scaled(neighbors.RadiusNeighborsClassifier(8.0)),
            wine,
            name="RadiusNeighborsClassifier",
            refused="index is out of range",
            note="ONNX Runtime can't run skl2onnx's model: it reads a row at -1",
        ),
        recipe(
            scaled(gaussian_process.GaussianProcessClassifier()),
            breast_cancer,
            name="GaussianProcessClassifier, 2 classes",
            refused="Solve",
            note="skl2onnx's model has an operator, Solve, that ONNX Runtime has not",
        ),
        recipe(
            scaled(gaussian_process.GaussianProcessClassifier()),
            iris,
            name="GaussianProcessClassifier, 3 classes",
            refused="Only binary classification",
            note="skl2onnx converts those of two classes",
        ),
    ]


def bayes() -> list[Recipe]:
    """Naive Bayes."""
    return [
        recipe(naive_bayes.GaussianNB(), wine),
        recipe(naive_bayes.MultinomialNB(), digits),
        recipe(naive_bayes.ComplementNB(), digits),
        recipe(naive_bayes.BernoulliNB(binarize=8.0), digits),
        recipe(naive_bayes.CategoricalNB(min_categories=3), few_digits, tolerance=2e-5, note="skl2onnx adds 64 logarithms in float"),
        recipe(
            make_pipeline(KBinsDiscretizer(4, encode="ordinal", quantile_method="averaged_inverted_cdf"), naive_bayes.CategoricalNB()),
            wine,
            name="KBinsDiscretizer, CategoricalNB",
        ),
    ]


def trees() -> list[Recipe]:
    """Trees and what adds them."""
    return [
        recipe(tree.DecisionTreeClassifier(max_depth=6, random_state=0), breast_cancer),
        recipe(tree.DecisionTreeClassifier(max_depth=6, random_state=0), wine_gaps, name="DecisionTreeClassifier, NaN"),
        recipe(tree.ExtraTreeClassifier(max_depth=6, random_state=0), wine),
        recipe(ensemble.RandomForestClassifier(20, random_state=0), breast_cancer, name="RandomForestClassifier, 2 classes"),
        recipe(ensemble.RandomForestClassifier(20, random_state=0), digits, name="RandomForestClassifier, 10 classes"),
        recipe(ensemble.RandomForestClassifier(20, random_state=0), named_iris, name="RandomForestClassifier, classes of text"),
        recipe(ensemble.RandomForestClassifier(20, random_state=0), wine_gaps, name="RandomForestClassifier, NaN"),
        recipe(ensemble.ExtraTreesClassifier(20, random_state=0), wine),
        recipe(
            ensemble.GradientBoostingClassifier(n_estimators=20, random_state=0),
            breast_cancer,
            name="GradientBoostingClassifier, 2 classes",
        ),
        recipe(ensemble.GradientBoostingClassifier(n_estimators=10, random_state=0), wine, name="GradientBoostingClassifier, 3 classes"),
        recipe(
            ensemble.HistGradientBoostingClassifier(max_iter=20, random_state=0),
            breast_cancer,
            name="HistGradientBoostingClassifier, 2 classes",
        ),
        recipe(ensemble.HistGradientBoostingClassifier(max_iter=10, random_state=0), wine_gaps, name="HistGradientBoostingClassifier, NaN"),
        recipe(ensemble.AdaBoostClassifier(n_estimators=10, random_state=0), wine),
        recipe(ensemble.BaggingClassifier(n_estimators=5, random_state=0), wine, name="BaggingClassifier of trees"),
    ]


def wrappers() -> list[Recipe]:
    """Estimators made of others."""
    forest = ensemble.RandomForestClassifier(10, max_depth=4, random_state=0)
    pair = [("line", scaled(linear_model.LogisticRegression())), ("forest", forest)]
    return [
        recipe(scaled(neural_network.MLPClassifier((16,), max_iter=200, tol=1e-2, random_state=0)), wine, name="MLPClassifier, 3 classes"),
        recipe(scaled(neural_network.MLPClassifier((8, 8), "tanh", max_iter=200, tol=1e-2, random_state=0)), breast_cancer,
               name="MLPClassifier, 2 classes"),
        recipe(calibration.CalibratedClassifierCV(naive_bayes.GaussianNB(), cv=3), wine, name="CalibratedClassifierCV, sigmoid"),
        recipe(calibration.CalibratedClassifierCV(forest, method="isotonic", cv=3), wine, name="CalibratedClassifierCV, isotonic",
               refused=DIFFERS, note="skl2onnx takes the value of the nearest threshold; scikit-learn interpolates"),
        recipe(ensemble.VotingClassifier(pair, voting="soft", flatten_transform=False), wine, name="VotingClassifier, soft"),
        recipe(ensemble.VotingClassifier(pair, voting="hard", flatten_transform=False), wine, name="VotingClassifier, hard"),
        recipe(ensemble.StackingClassifier(pair, LOGISTIC, cv=3), wine),
        recipe(multioutput.MultiOutputClassifier(tree.DecisionTreeClassifier(max_depth=4, random_state=0)), diabetes_classes,
               refused="2 arrays of scores", note="a model has one label; fit a classifier for each target"),
        recipe(multiclass.OneVsRestClassifier(LOGISTIC), wine),
        recipe(multiclass.OneVsOneClassifier(LOGISTIC), wine),
        recipe(model_selection.GridSearchCV(tree.DecisionTreeClassifier(random_state=0), {"max_depth": [2, 4]}, cv=3), wine),
        recipe(model_selection.TunedThresholdClassifierCV(LOGISTIC, cv=3, random_state=0), breast_cancer,
               refused=DIFFERS, note="skl2onnx leaves the threshold out"),
    ]  # fmt: skip


def recipes() -> list[Recipe]:
    """All of them."""
    return [*linear(), *kernels_and_neighbours(), *bayes(), *trees(), *wrappers()]
