"""Regressors of scikit-learn."""

from __future__ import annotations

from sklearn import cross_decomposition, ensemble, gaussian_process, linear_model, multioutput, neighbors, neural_network, svm, tree

from sources.recipe import Recipe
from sources.scikit_learn.asking import DIFFERS, recipe, scaled
from sources.tables import diabetes, diabetes_gaps, diabetes_pair, linnerud

LINEAR = (
    linear_model.ARDRegression(),
    linear_model.BayesianRidge(),
    linear_model.ElasticNet(),
    linear_model.ElasticNetCV(alphas=5, cv=3),
    linear_model.Lars(),
    linear_model.LarsCV(cv=3),
    linear_model.Lasso(),
    linear_model.LassoCV(alphas=5, cv=3),
    linear_model.LassoLars(),
    linear_model.LassoLarsCV(cv=3),
    linear_model.LassoLarsIC(),
    linear_model.LinearRegression(),
    linear_model.OrthogonalMatchingPursuit(),
    linear_model.OrthogonalMatchingPursuitCV(cv=3),
    linear_model.QuantileRegressor(alpha=0.01),
    linear_model.Ridge(),
    linear_model.RidgeCV(),
    linear_model.RANSACRegressor(random_state=0),
    linear_model.TheilSenRegressor(max_subpopulation=100, random_state=0, n_jobs=1),
)
SCALED = (
    linear_model.GammaRegressor(),
    linear_model.PoissonRegressor(),
    linear_model.TweedieRegressor(power=1.5),
    linear_model.HuberRegressor(),
    linear_model.PassiveAggressiveRegressor(random_state=0),
    linear_model.SGDRegressor(random_state=0),
    svm.LinearSVR(random_state=0),
    svm.NuSVR(),
    svm.SVR(),
)
PAIRS = (
    linear_model.MultiTaskElasticNet(),
    linear_model.MultiTaskElasticNetCV(alphas=5, cv=3),
    linear_model.MultiTaskLasso(),
    linear_model.MultiTaskLassoCV(alphas=5, cv=3),
    cross_decomposition.PLSRegression(2),
)


def recipes() -> list[Recipe]:
    """All of them."""
    forest = ensemble.RandomForestRegressor(10, max_depth=5, random_state=0)
    pair = [("line", linear_model.Ridge()), ("forest", forest)]
    return [
        *(recipe(estimator, diabetes) for estimator in LINEAR),
        *(recipe(scaled(estimator), diabetes, name=type(estimator).__name__) for estimator in SCALED),
        *(recipe(estimator, diabetes_pair) for estimator in PAIRS),
        recipe(linear_model.LinearRegression(), linnerud, name="LinearRegression, 3 targets"),
        recipe(neighbors.KNeighborsRegressor(), diabetes),
        recipe(neighbors.KNeighborsRegressor(), diabetes_pair, name="KNeighborsRegressor, 2 targets"),
        recipe(
            neighbors.KNeighborsRegressor(weights="distance"),
            diabetes,
            name="KNeighborsRegressor, by distance",
            refused=DIFFERS,
            note="skl2onnx leaves the weights out",
        ),
        recipe(
            scaled(neighbors.RadiusNeighborsRegressor(6.0)),
            diabetes,
            name="RadiusNeighborsRegressor",
            refused="index is out of range",
            note="ONNX Runtime can't run skl2onnx's model: it reads a row at -1",
        ),
        recipe(scaled(gaussian_process.GaussianProcessRegressor(alpha=1.0, normalize_y=True)), diabetes, name="GaussianProcessRegressor"),
        recipe(
            scaled(neural_network.MLPRegressor(hidden_layer_sizes=(16,), max_iter=300, tol=1.0, random_state=0)),
            diabetes,
            name="MLPRegressor",
        ),
        recipe(tree.DecisionTreeRegressor(max_depth=6, random_state=0), diabetes),
        recipe(tree.DecisionTreeRegressor(max_depth=6, random_state=0), diabetes_pair, name="DecisionTreeRegressor, 2 targets"),
        recipe(tree.ExtraTreeRegressor(max_depth=6, random_state=0), diabetes),
        recipe(ensemble.RandomForestRegressor(20, random_state=0), diabetes),
        recipe(ensemble.RandomForestRegressor(20, random_state=0), diabetes_gaps, name="RandomForestRegressor, NaN"),
        recipe(ensemble.ExtraTreesRegressor(20, random_state=0), diabetes),
        recipe(ensemble.GradientBoostingRegressor(n_estimators=30, random_state=0), diabetes),
        recipe(ensemble.HistGradientBoostingRegressor(max_iter=30, random_state=0), diabetes),
        recipe(
            ensemble.HistGradientBoostingRegressor(max_iter=30, random_state=0), diabetes_gaps, name="HistGradientBoostingRegressor, NaN"
        ),
        recipe(
            ensemble.HistGradientBoostingRegressor(loss="poisson", max_iter=30), diabetes, name="HistGradientBoostingRegressor, poisson"
        ),
        recipe(ensemble.AdaBoostRegressor(n_estimators=10, random_state=0), diabetes),
        recipe(ensemble.BaggingRegressor(n_estimators=5, random_state=0), diabetes, name="BaggingRegressor of trees"),
        recipe(ensemble.VotingRegressor(pair), diabetes),
        recipe(ensemble.StackingRegressor(pair, linear_model.Ridge(), cv=3), diabetes),
        recipe(multioutput.MultiOutputRegressor(ensemble.GradientBoostingRegressor(n_estimators=10, random_state=0)), diabetes_pair),
    ]
