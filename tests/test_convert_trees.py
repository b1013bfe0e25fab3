"""convert: trees compare as the estimator compares them, to the last bit of a threshold."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest

import edgeonnx as eo
from edgeonnx._convert._trees import round_down


def _near(thresholds: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Doubles on thresholds, beside them, and where rounding to float32 leads across them."""
    single = thresholds.astype(np.float32)
    above, below = np.nextafter(single, np.float32(np.inf)), np.nextafter(single, np.float32(-np.inf))
    parts = [thresholds, np.nextafter(thresholds, np.inf), np.nextafter(thresholds, -np.inf), single, above, below]
    return np.concatenate([part.astype(np.float64) for part in parts])


@pytest.mark.parametrize("kind", ["lightgbm", "hist", "gradient", "forest"])
def test_thresholds_lead_every_double_where_the_estimator_leads_it(kind: str) -> None:
    """Seconds since 1970: float32 tells 128 of them apart, so that ensembles of float32 see other days than the estimator did."""
    import lightgbm
    from sklearn import ensemble

    rng = np.random.default_rng(0)
    x = pd.DataFrame({"at": 1.6e9 + rng.integers(0, 4000, 800).astype(float), "amount": rng.normal(size=800)})
    y = np.sin(x["at"] / 300) + x["amount"] ** 2
    estimator = {
        "lightgbm": lightgbm.LGBMRegressor(n_estimators=20, verbose=-1, min_child_samples=2),
        "hist": ensemble.HistGradientBoostingRegressor(max_iter=20),
        "gradient": ensemble.GradientBoostingRegressor(n_estimators=20, random_state=0),
        "forest": ensemble.RandomForestRegressor(20, random_state=0),
    }[kind].fit(x, y)
    near = _near(np.unique(rng.choice(x["at"], 300)) + 0.5)
    rows = pd.DataFrame({"at": near, "amount": rng.normal(size=len(near))})
    scores = eo.Scorer(eo.convert(estimator, x)).score(rows)["prediction"]
    np.testing.assert_allclose(scores, estimator.predict(rows), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", ["stacking", "voting", "bagging", "several targets"])
def test_each_ensemble_of_a_mixture_compares_as_its_own_estimator_does(kind: str) -> None:
    """Forests round columns to real, histograms and LightGBM do not: in one model they must not be taken for each other."""
    import lightgbm
    from sklearn import ensemble, linear_model, multioutput

    rng = np.random.default_rng(5)
    x = pd.DataFrame({"at": 1.6e9 + rng.integers(0, 4000, 600).astype(float), "amount": rng.normal(size=600)})
    x.loc[::9, "amount"] = np.nan
    y = np.sin(x["at"] / 300) + x["amount"].fillna(2) ** 2
    forest = ensemble.RandomForestRegressor(8, random_state=0)
    members = [("forest", forest), ("hist", ensemble.HistGradientBoostingRegressor(max_iter=8)),
               ("lgbm", lightgbm.LGBMRegressor(n_estimators=8, verbose=-1))]  # fmt: skip
    estimator: Any = {
        "stacking": ensemble.StackingRegressor(members, linear_model.LinearRegression()),
        "voting": ensemble.VotingRegressor(members),
        "bagging": ensemble.BaggingRegressor(ensemble.HistGradientBoostingRegressor(max_iter=5), 3, random_state=0),
        "several targets": multioutput.MultiOutputRegressor(forest),
    }[kind].fit(x, np.column_stack([y, -y]) if kind == "several targets" else y)
    near = _near(np.unique(rng.choice(x["at"], 300)) + 0.5)
    rows = pd.DataFrame({"at": near, "amount": rng.choice(x["amount"], len(near))})
    scores = eo.Scorer(eo.convert(estimator, x)).score(rows)["prediction"]
    np.testing.assert_allclose(scores, estimator.predict(rows), rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("kind", ["tree", "pipeline", "voting"])
def test_splits_of_nan_alone_convert(kind: str) -> None:
    """scikit-learn gives them a threshold of infinity."""
    from sklearn import ensemble, pipeline, preprocessing, tree

    x = pd.DataFrame({"a": [1.0, 2.0, 3.0, np.nan, np.nan, np.nan] * 20, "b": np.arange(120.0)})
    estimator: Any = {
        "tree": tree.DecisionTreeClassifier(),
        "pipeline": pipeline.make_pipeline(preprocessing.StandardScaler(), tree.DecisionTreeClassifier()),
        "voting": ensemble.VotingClassifier([("tree", tree.DecisionTreeClassifier(max_depth=2))], voting="soft"),
    }[kind].fit(x, x["a"].isna().astype(int))
    np.testing.assert_array_equal(eo.Scorer(eo.convert(estimator, x)).score(x)["label"], estimator.predict(x))


def test_boosters_of_two_packages_vote_in_one_model() -> None:
    import lightgbm
    import xgboost
    from sklearn.ensemble import VotingRegressor

    rng = np.random.default_rng(6)
    x = pd.DataFrame(rng.normal(size=(400, 3)), columns=list("abc"))
    members = [("lgbm", lightgbm.LGBMRegressor(n_estimators=8, verbose=-1)), ("xgb", xgboost.XGBRegressor(n_estimators=8))]
    estimator = VotingRegressor(members).fit(x, x["a"] * x["b"])
    np.testing.assert_allclose(eo.Scorer(eo.convert(estimator, x)).score(x)["prediction"], estimator.predict(x), rtol=2e-5, atol=1e-6)


def test_thresholds_of_columns_of_reals_are_rounded_down_and_stay_real() -> None:
    import lightgbm

    rng = np.random.default_rng(1)
    x = pd.DataFrame(rng.normal(size=(500, 3)).astype(np.float32), columns=list("abc"))
    estimator = lightgbm.LGBMRegressor(n_estimators=20, verbose=-1).fit(x, x["a"] * x["b"])
    model = onnx.load_model_from_string(eo.convert(estimator, x))
    (ensemble,) = [node for node in model.graph.node if node.op_type == "TreeEnsembleRegressor"]
    assert "nodes_values_as_tensor" not in {attribute.name for attribute in ensemble.attribute}
    values = x.to_numpy().reshape(-1)
    rows = pd.DataFrame({name: rng.choice(np.r_[values, np.nextafter(values, np.float32(9))], 4000) for name in x.columns})
    np.testing.assert_allclose(eo.Scorer(model).score(rows)["prediction"], estimator.predict(rows), rtol=1e-5, atol=1e-6)


def test_round_down_gives_the_largest_float32_that_is_not_above() -> None:
    values = np.array([0.1, -0.1, 1.0, 1e-50, -1e-50, 1e300, np.inf, -np.inf, 16777217.0])
    rounded = round_down(values)
    assert rounded.dtype == np.float32
    assert (rounded.astype(np.float64) <= values).all()
    with np.errstate(over="ignore"):
        above = np.nextafter(rounded, np.float32(np.inf)).astype(np.float64)
    assert ((above > values) | (rounded == np.inf)).all()
