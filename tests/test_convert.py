"""convert: estimators and models of one matrix become models of columns that answer the same."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from typing import Any

import numpy as np
import onnx
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import edgeonnx as eo
import models
from support import refused

Frame = pd.DataFrame


@functools.cache
def flowers() -> tuple[Frame, Any]:
    """Iris, with a column of every type that SQL Edge had."""
    from sklearn.datasets import load_iris

    x, y = load_iris(return_X_y=True, as_frame=True)
    x = x.rename(columns={"sepal length (cm)": "sepal length"})
    x["petal length (cm)"] = x["petal length (cm)"].astype("float32")
    x["sepal width (cm)"] = (10 * x["sepal width (cm)"]).round().astype("int32")
    x["petal width (cm)"] = (10 * x["petal width (cm)"]).round().astype("int64")
    return x, y


@functools.cache
def patients() -> tuple[Frame, Any]:
    from sklearn.datasets import load_diabetes

    x, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    return x.astype({"age": "int64", "sex": "int32", "bmi": "float32"}), y


@functools.cache
def fitted(kind: str) -> tuple[Any, Frame]:
    import catboost
    import lightgbm
    import xgboost
    from sklearn import ensemble, linear_model, neural_network, preprocessing
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline

    columns = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), preprocessing.StandardScaler()), ["age", "bmi", "bp"]),
            ("codes", preprocessing.OneHotEncoder(handle_unknown="ignore"), ["sex"]),
        ],
        remainder="passthrough",
    )
    scaled = preprocessing.StandardScaler()
    estimators: dict[str, tuple[Any, bool]] = {
        "logistic": (make_pipeline(scaled, linear_model.LogisticRegression()), True),
        "forest": (ensemble.RandomForestClassifier(10, max_depth=5, random_state=0), True),
        "hist": (ensemble.HistGradientBoostingClassifier(max_iter=10), True),
        "lightgbm": (lightgbm.LGBMClassifier(n_estimators=10, verbose=-1), True),
        "xgboost": (xgboost.XGBClassifier(n_estimators=10), True),
        "catboost": (catboost.CatBoostClassifier(iterations=10, verbose=0, allow_writing_files=False, thread_count=1), True),
        "mlp": (make_pipeline(scaled, neural_network.MLPClassifier((8,), random_state=0, max_iter=80, tol=1e9)), True),
        "linear": (linear_model.LinearRegression(), False),
        "columns-ridge": (make_pipeline(columns, linear_model.Ridge()), False),
        "columns-gradient": (make_pipeline(columns, ensemble.GradientBoostingRegressor(n_estimators=12)), False),
        "scaled-gradient": (make_pipeline(scaled, ensemble.GradientBoostingRegressor(n_estimators=12)), False),
        "scaled-lightgbm": (make_pipeline(scaled, lightgbm.LGBMRegressor(n_estimators=10, verbose=-1)), False),
        "hist-regressor": (ensemble.HistGradientBoostingRegressor(max_iter=10), False),
        "lightgbm-regressor": (lightgbm.LGBMRegressor(n_estimators=10, verbose=-1), False),
        "xgboost-regressor": (xgboost.XGBRegressor(n_estimators=10), False),
        "catboost-regressor": (catboost.CatBoostRegressor(iterations=10, verbose=0, allow_writing_files=False, thread_count=1), False),
    }
    estimator, is_classifier = estimators[kind]
    x, y = flowers() if is_classifier else patients()
    return estimator.fit(x, y), x


CLASSIFIERS = ("logistic", "forest", "hist", "lightgbm", "xgboost", "catboost", "mlp")
REGRESSORS = (
    "linear", "columns-ridge", "columns-gradient", "scaled-gradient", "scaled-lightgbm", "hist-regressor", "lightgbm-regressor",
    "xgboost-regressor", "catboost-regressor",
)  # fmt: skip


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_classifier_answers_as_the_estimator_in_named_columns(kind: str) -> None:
    estimator, x = fitted(kind)
    scorer = eo.Scorer(eo.convert(estimator, x))
    assert [port.name for port in scorer.inputs] == list(x.columns)
    assert [port.sql_type for port in scorer.inputs] == ["float", "int", "real", "bigint"]
    assert [port.name for port in scorer.outputs] == ["label", "probability_0", "probability_1", "probability_2"]
    scores = scorer.score(x)
    np.testing.assert_array_equal(scores["label"], estimator.predict(x).reshape(-1))
    probabilities = np.column_stack([scores[f"probability_{k}"] for k in range(3)])
    np.testing.assert_allclose(probabilities, estimator.predict_proba(x), rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", REGRESSORS)
def test_regressor_answers_as_the_estimator(kind: str) -> None:
    estimator, x = fitted(kind)
    scorer = eo.Scorer(eo.convert(estimator, x))
    assert [port.sql_type for port in scorer.inputs[:4]] == ["bigint", "int", "real", "float"]
    assert [port.name for port in scorer.outputs] == ["prediction"]
    np.testing.assert_allclose(scorer.score(x)["prediction"], estimator.predict(x), rtol=1e-6)


@pytest.mark.parametrize("kind", [*CLASSIFIERS, *REGRESSORS])
def test_converted_model_runs_on_native_kernels_alone(kind: str) -> None:
    estimator, x = fitted(kind)
    assert "plan: native\n" in eo.Scorer(eo.convert(estimator, x)).explain()


def test_linear_models_keep_the_precision_of_doubles() -> None:
    estimator, x = fitted("columns-ridge")
    scores = eo.Scorer(eo.convert(estimator, x)).score(x)["prediction"]
    assert scores.dtype == np.float64
    np.testing.assert_allclose(scores, estimator.predict(x), rtol=1e-12)


# --------------------------------------------------------------------------------------------------------------------- tables, names, kinds


@pytest.mark.parametrize("kind", ["polars", "arrow", "mapping", "few columns too many", "text beside"])
def test_like_may_be_any_table_and_hold_more_than_the_estimator_reads(kind: str) -> None:
    estimator, x = fitted("forest")
    like: Any = {
        "polars": lambda: pl.DataFrame({name: x[name].to_numpy() for name in x}),
        "arrow": lambda: pa.table({name: x[name].to_numpy() for name in x}),
        "mapping": lambda: {name: x[name].to_numpy() for name in reversed(x.columns)},
        "few columns too many": lambda: x.assign(id=np.arange(len(x)), extra=0.5),
        "text beside": lambda: x.assign(name="iris"),
    }[kind]()
    scorer = eo.Scorer(eo.convert(estimator, like))
    assert [port.name for port in scorer.inputs] == list(x.columns)
    assert [port.sql_type for port in scorer.inputs] == ["float", "int", "real", "bigint"]
    np.testing.assert_array_equal(scorer.score(x)["label"], estimator.predict(x))


def test_columns_that_a_pipeline_drops_may_hold_text_and_become_no_input() -> None:
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    x, y = patients()
    x = x.assign(city="Oslo")
    steps = [("scaled", StandardScaler(), ["bmi", "age"]), ("codes", OneHotEncoder(), ["sex"])]
    estimator = make_pipeline(ColumnTransformer(steps), LinearRegression()).fit(x, y)
    scorer = eo.Scorer(eo.convert(estimator, x))
    assert [port.name for port in scorer.inputs] == ["age", "sex", "bmi"]
    np.testing.assert_allclose(scorer.score(x)["prediction"], estimator.predict(x), rtol=1e-12)
    reads_text = make_pipeline(ColumnTransformer([*steps, ("city", OneHotEncoder(), ["city"])]), LinearRegression()).fit(x, y)
    with refused(eo.CoercionError, "'city' holds text", "edgeonnx reads no text"):
        eo.convert(reads_text, x)


def test_columns_chosen_by_place_are_found() -> None:
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, y = patients()
    matrix = x.to_numpy(np.float64)
    estimator = make_pipeline(ColumnTransformer([("scaled", StandardScaler(), [3, 0, 2])]), LinearRegression()).fit(matrix, y)
    scorer = eo.Scorer(eo.convert(estimator, matrix))
    assert [port.name for port in scorer.inputs] == ["x0", "x2", "x3"]
    columns = {f"x{k}": matrix[:, k] for k in range(10)}
    np.testing.assert_allclose(scorer.score(columns)["prediction"], estimator.predict(matrix), rtol=1e-12)


def test_arrays_without_names_become_columns_in_order() -> None:
    from sklearn.linear_model import LinearRegression

    x, y = patients()
    matrix = x.to_numpy(np.float64)
    estimator = LinearRegression().fit(matrix, y)
    scorer = eo.Scorer(eo.convert(estimator, matrix))
    assert [port.name for port in scorer.inputs] == [f"x{k}" for k in range(10)]
    np.testing.assert_allclose(scorer.score(matrix)["prediction"], estimator.predict(matrix), rtol=1e-12)


def test_matrix_is_one_input_of_all_columns() -> None:
    estimator, x = fitted("lightgbm-regressor")
    scorer = eo.Scorer(eo.convert(estimator, x, columns="matrix"))
    assert [(port.name, port.shape) for port in scorer.inputs] == [("X", (None, 10))]
    np.testing.assert_allclose(scorer.score(x)["prediction"], estimator.predict(x), rtol=1e-6)


@pytest.mark.parametrize("kind", ["forest", "lightgbm", "logistic", "catboost", "svc"])
def test_text_classes_are_counted_and_named_in_outputs_and_metadata(kind: str) -> None:
    import catboost
    import lightgbm
    from sklearn import ensemble, linear_model, svm

    x, y = flowers()
    names = np.array(["setosa", "versi color", "virginica"])[y]
    estimator: Any = {
        "forest": ensemble.RandomForestClassifier(5, random_state=0),
        "lightgbm": lightgbm.LGBMClassifier(n_estimators=4, verbose=-1),
        "logistic": linear_model.LogisticRegression(max_iter=500),
        "catboost": catboost.CatBoostClassifier(iterations=4, verbose=0, allow_writing_files=False),
        "svc": svm.SVC(),
    }[kind].fit(x, names)
    model = eo.convert(estimator, x)
    scorer = eo.Scorer(model)
    role = "score" if kind == "svc" else "probability"
    assert [port.name for port in scorer.outputs] == ["label", f"{role}_setosa", f"{role}_versi color", f"{role}_virginica"]
    metadata = {each.key: each.value for each in onnx.load_model_from_string(model).metadata_props}
    classes = json.loads(metadata["edgeonnx.classes"])
    assert classes == ["setosa", "versi color", "virginica"]
    predicted = np.asarray(estimator.predict(x)).reshape(-1)
    assert [classes[place] for place in scorer.score(x)["label"]] == predicted.tolist()
    assert estimator.classes_.tolist() == classes  # the estimator itself is as it was


@pytest.mark.parametrize("taken", ["label", "prediction", "variable", "X", "columns", "probability_0", "MatMul"])
def test_columns_may_have_the_names_of_outputs_and_inner_tensors(taken: str) -> None:
    from sklearn.linear_model import LinearRegression, LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rng = np.random.default_rng(3)
    x = pd.DataFrame(rng.normal(size=(60, 3)), columns=["a", taken, "c"])
    regressor = make_pipeline(StandardScaler(), LinearRegression()).fit(x, x["a"] + 2 * x[taken])
    scores = eo.Scorer(eo.convert(regressor, x)).score(x)
    np.testing.assert_allclose(next(iter(scores.values())), regressor.predict(x), atol=1e-9)
    classifier = make_pipeline(StandardScaler(), LogisticRegression()).fit(x, x["a"] + x[taken] > 0)
    scorer = eo.Scorer(eo.convert(classifier, x))
    assert [port.name for port in scorer.inputs] == list(x.columns)
    np.testing.assert_array_equal(next(iter(scorer.score(x).values())), classifier.predict(x))


def test_names_that_sql_cannot_carry_are_mapped_in_the_metadata() -> None:
    from sklearn.linear_model import LinearRegression

    long = "feature_" + "x" * 150
    columns = ["Age", "age", "city[new york]", long, "tab\there", "plain name"]
    rng = np.random.default_rng(4)
    x = pd.DataFrame(rng.normal(size=(50, 6)), columns=columns)
    estimator = LinearRegression().fit(x, x.sum(axis=1))
    model = eo.convert(estimator, x)
    names = [port.name for port in eo.Scorer(model).inputs]
    assert names == ["Age", "age_2", "city_new york_", long[:128], "tab_here", "plain name"]
    metadata = {each.key: each.value for each in onnx.load_model_from_string(model).metadata_props}
    assert json.loads(metadata["edgeonnx.names"]) == {old: new for old, new in zip(columns, names, strict=True) if old != new}
    scorer = eo.Scorer(model)
    for table in (x, x.set_axis(names, axis=1), x.rename(columns={"tab\there": "tab_here"})):
        np.testing.assert_allclose(scorer.score(table)["prediction"], estimator.predict(x), rtol=1e-9)


def test_nulls_and_nan_reach_estimators_that_take_them() -> None:
    from sklearn.ensemble import HistGradientBoostingRegressor

    x, y = patients()
    x = x.copy()
    x.loc[::7, "bp"] = np.nan
    estimator = HistGradientBoostingRegressor(max_iter=10).fit(x, y)
    scorer = eo.Scorer(eo.convert(estimator, pa.Table.from_pandas(x, preserve_index=False)), nulls="nan")
    np.testing.assert_allclose(scorer.score(x)["prediction"], estimator.predict(x), rtol=1e-6)


def test_whole_numbers_with_nulls_become_floats_as_the_estimator_sees_them() -> None:
    from sklearn.ensemble import HistGradientBoostingRegressor

    x = pd.DataFrame({"k": pd.array([1, None, 3, 4] * 60, dtype="Int64"), "z": np.arange(240.0)})
    estimator = HistGradientBoostingRegressor(max_iter=8).fit(x, x["k"].fillna(9).astype(float))
    scorer = eo.Scorer(eo.convert(estimator, x), nulls="nan")
    assert [port.sql_type for port in scorer.inputs] == ["float", "float"]
    np.testing.assert_allclose(scorer.score(x)["prediction"], estimator.predict(x), rtol=1e-6)


def test_pipelines_over_columns_with_odd_names_convert() -> None:
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    rng = np.random.default_rng(2)
    x = pd.DataFrame({"a b": rng.normal(size=300), "k (€)": rng.integers(0, 4, 300), "Ünï.%": rng.normal(size=300)})
    steps = [("codes", OneHotEncoder(), ["k (€)"]), ("scaled", StandardScaler(), ["a b"])]
    for remainder in ("drop", "passthrough"):
        columns = ColumnTransformer(steps, remainder=remainder)
        estimator = make_pipeline(columns, LogisticRegression()).fit(x, x["a b"] + x["k (€)"] > 2)
        scorer = eo.Scorer(eo.convert(estimator, x))
        assert [port.name for port in scorer.inputs] == list(x.columns)[: 2 if remainder == "drop" else 3]
        np.testing.assert_array_equal(scorer.score(x)["label"], estimator.predict(x))


def test_lightgbm_reads_tiny_numbers_as_zero_and_is_not_refused_for_it() -> None:
    import lightgbm

    for seed in range(6):
        rng = np.random.default_rng(seed)
        x = pd.DataFrame({"a b": rng.normal(size=500), "c": rng.normal(size=500)})
        y = x["a b"] + x["c"] + rng.normal(size=500) > 0
        estimator = lightgbm.LGBMClassifier(n_estimators=20, verbose=-1).fit(x, y)
        assert [port.name for port in eo.Scorer(eo.convert(estimator, x.assign(text="t"))).inputs] == ["a b", "c"]


@pytest.mark.parametrize("kind", ["sklearn", "lightgbm", "xgboost", "catboost"])
def test_estimators_that_were_not_fitted_are_refused(kind: str) -> None:
    import catboost
    import lightgbm
    import xgboost
    from sklearn.linear_model import Ridge

    estimator = {
        "sklearn": Ridge,
        "lightgbm": lightgbm.LGBMClassifier,
        "xgboost": xgboost.XGBRegressor,
        "catboost": catboost.CatBoostClassifier,
    }[kind]
    with refused(eo.InvalidArgument, "has not been fitted"):
        eo.convert(estimator(), {"a": [1.0, 2.0]})


def test_xgboost_fitted_on_booleans_converts() -> None:
    import xgboost

    rng = np.random.default_rng(2)
    x = pd.DataFrame({"flag": rng.random(300) < 0.4, "z": rng.normal(size=300)})
    estimator = xgboost.XGBClassifier(n_estimators=8).fit(x, x["flag"] ^ (x["z"] > 0))
    np.testing.assert_array_equal(eo.Scorer(eo.convert(estimator, x)).score(x)["label"], estimator.predict(x))
    assert estimator.get_booster().feature_types == ["i", "float"]


@pytest.mark.parametrize("opset", [11, 15, 18])
def test_target_opset_is_kept(opset: int) -> None:
    estimator, x = fitted("logistic")
    model = onnx.load_model_from_string(eo.convert(estimator, x, target_opset=opset))
    assert {each.domain: each.version for each in model.opset_import}[""] <= opset
    np.testing.assert_array_equal(eo.Scorer(model).score(x)["label"], estimator.predict(x))


# ----------------------------------------------------------------------------------------------------------------------------- PyTorch


def test_torch_module_of_one_matrix_takes_columns() -> None:
    import torch

    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    x, _ = flowers()
    scorer = eo.Scorer(eo.convert(module, x))
    assert [port.name for port in scorer.inputs] == list(x.columns)
    with torch.no_grad():
        expected = module(torch.from_numpy(x.to_numpy(np.float32))).numpy()
    np.testing.assert_allclose(scorer.score(x)["prediction"], expected, rtol=1e-5, atol=1e-5)
    assert module.training


def test_torch_module_takes_images_from_a_column_of_arrays() -> None:
    import torch
    from sklearn.datasets import load_digits

    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(144, 10))
    images = load_digits().images[:200, None].astype(np.float32)
    scorer = eo.Scorer(eo.convert(module, {"image": images}))
    assert [(port.name, port.shape) for port in scorer.inputs] == [("image", (None, 1, 8, 8))]
    with torch.no_grad():
        expected = module(torch.from_numpy(images)).numpy()
    np.testing.assert_allclose(scorer.score({"image": images})["prediction"], expected, rtol=1e-4, atol=1e-4)


# ------------------------------------------------------------------------------------------------------------------------ ONNX models


def test_model_of_one_matrix_is_made_columnar_with_equal_answers() -> None:
    import skl2onnx
    from skl2onnx.common.data_types import FloatTensorType

    estimator, x = fitted("forest")
    model = skl2onnx.convert_sklearn(estimator, initial_types=[("X", FloatTensorType([None, 4]))]).SerializeToString()
    scorer = eo.Scorer(eo.convert(model, x))
    assert [(port.name, port.sql_type) for port in scorer.inputs] == list(zip(x.columns, ["float", "int", "real", "bigint"], strict=True))
    before, after = eo.Scorer(model).score(x), scorer.score(x)
    assert list(before) == list(after)
    for name, values in before.items():
        np.testing.assert_array_equal(values, after[name])
    assert "plan: native\n" in scorer.explain()


def test_model_of_several_inputs_gets_the_types_of_the_columns() -> None:
    model = models.four_types()
    like = {name: values[:, 0].astype(np.float64) for name, values in models.four_types_feed(50).items()}
    scorer = eo.Scorer(eo.convert(model, like))
    assert {port.sql_type for port in scorer.inputs} == {"float"}
    expected = eo.Scorer(model).score(like)
    for name, values in scorer.score(like).items():
        np.testing.assert_array_equal(values, expected[name])


def test_model_of_another_width_is_refused_with_the_columns() -> None:
    import skl2onnx
    from skl2onnx.common.data_types import FloatTensorType

    estimator, x = fitted("forest")
    model = skl2onnx.convert_sklearn(estimator, initial_types=[("X", FloatTensorType([None, 4]))])
    with refused(eo.ShapeError, "'X' takes 4 values a row", "have 5", "extra"):
        eo.convert(model, x.assign(extra=1.0))
    with refused(eo.NotFound, "no column for input"):
        eo.convert(models.four_types(), {"other": np.zeros(3)})


# ------------------------------------------------------------------------------------------------------------------------------- refusals


def test_a_converter_that_errs_is_found_out() -> None:
    """Nearest neighbours at equal distances: scikit-learn takes the one, the converted model the other."""
    from sklearn.datasets import load_iris
    from sklearn.neighbors import KNeighborsClassifier

    x, y = load_iris(return_X_y=True, as_frame=True)
    estimator = KNeighborsClassifier().fit(x, y)
    with refused(eo.ModelError, "does not answer as it does", "check='warn'"):
        eo.convert(estimator, x)
    with pytest.warns(eo.ParityWarning, match="does not answer as it does"):
        assert eo.convert(estimator, x, check="warn")
    assert eo.convert(estimator, x, check="off")


@pytest.mark.parametrize(
    ("make", "kind", "words"),
    [
        (lambda e, x: eo.convert(object(), x), eo.Unsupported, ["builtins.object", "scikit-learn"]),
        (lambda e, x: eo.convert(e, x[:0]), eo.InvalidArgument, ["no rows"]),
        (lambda e, x: eo.convert(e, {}), eo.InvalidArgument, ["no columns"]),
        (lambda e, x: eo.convert(e, x.drop(columns=["petal width (cm)"])), eo.NotFound, ["petal width (cm)"]),
        (lambda e, x: eo.convert(e, x.assign(**{"sepal length": "long"})), eo.CoercionError, ["'sepal length' holds text", "encode"]),
        (lambda e, x: eo.convert(e, x, columns="both"), eo.InvalidArgument, ["both", "separate"]),
        (lambda e, x: eo.convert(e, x, check="maybe"), eo.InvalidArgument, ["maybe", "warn"]),
        (lambda e, x: eo.convert(e, x, target_opset="new"), eo.InvalidArgument, ["target_opset", "'new'"]),
        (lambda e, x: eo.convert("nowhere.onnx", x), eo.FileError, ["nowhere.onnx"]),
    ],
    ids=["object", "rows", "columns", "missing", "text", "choice", "check", "opset", "file"],
)
def test_wrong_arguments_are_refused_by_name(make: Any, kind: type[eo.Error], words: list[str]) -> None:
    estimator, x = fitted("forest")
    with refused(kind, *words):
        make(estimator, x)


def test_an_absent_converter_is_named_with_its_pip_line() -> None:
    code = """
import sys
sys.modules["skl2onnx"] = None
import numpy as np
from sklearn.linear_model import LinearRegression
import edgeonnx as eo
try:
    eo.convert(LinearRegression().fit([[1.0], [2.0]], [1.0, 2.0]), np.ones((3, 1)))
except eo.Unsupported as error:
    print(error)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert run.stdout.strip() == "converting a scikit-learn model needs skl2onnx; pip install skl2onnx 'protobuf<7'", run.stderr


def test_import_loads_nothing_that_only_conversion_needs() -> None:
    code = "import sys, edgeonnx; print(sorted({'onnx', 'sklearn', 'skl2onnx', 'edgeonnx._convert'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.strip() == "[]"
