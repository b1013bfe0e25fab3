"""The models the benches score: trained on synthetic data, kept under results/models, as ONNX and as their makers' libraries save them."""

from __future__ import annotations

import hashlib
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

OPSET = 17
CACHE = Path(__file__).parent / "results" / "models"
TRAINING_ROWS = 20_000


def column_names(n_columns: int) -> list[str]:
    """Names of the generated columns; models with one input per column name their inputs the same."""
    return [f"x{index:02d}" for index in range(n_columns)]


def training_data(n_columns: int) -> tuple[Any, Any]:
    """A matrix (n_rows, n_columns) and a target with linear, curved and noisy parts, both float64."""
    rng = np.random.default_rng(20)
    matrix = rng.standard_normal((TRAINING_ROWS, n_columns))
    curved = np.sin(2 * matrix[:, 0]) * matrix[:, 1] + np.abs(matrix[:, 2])
    return matrix, matrix @ rng.standard_normal(n_columns) + 3 * curved + rng.standard_normal(TRAINING_ROWS)


def to_onnx(estimator: Any, n_columns: int, *, separate: bool = False) -> bytes:
    """Convert with skl2onnx: one [N, n_columns] input named ``features``, or one [N, 1] input per column; no ZipMap."""
    from skl2onnx import to_onnx as convert
    from skl2onnx.common.data_types import FloatTensorType

    if separate:
        inputs = [(name, FloatTensorType([None, 1])) for name in column_names(n_columns)]
    else:
        inputs = [("features", FloatTensorType([None, n_columns]))]
    options = {"zipmap": False} if hasattr(estimator, "predict_proba") else None
    return bytes(convert(estimator, initial_types=inputs, target_opset=OPSET, options=options).SerializeToString())


def tutorial() -> bytes:
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    matrix, target = training_data(28)
    return to_onnx(make_pipeline(StandardScaler(), LinearRegression()).fit(matrix, target), 28, separate=True)


def logit(*, separate: bool = False) -> bytes:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    matrix, target = training_data(20)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(matrix, (target > 2).astype(np.int64))
    return to_onnx(pipeline, 20, separate=separate)


def logit_separate() -> bytes:
    return logit(separate=True)


def mlp() -> bytes:
    from sklearn.neural_network import MLPRegressor

    matrix, target = training_data(28)
    return to_onnx(MLPRegressor(hidden_layer_sizes=(64, 64), max_iter=5, random_state=0).fit(matrix, target), 28)


def four_types() -> bytes:
    """Cast four [N, 1] inputs of different types to float, Concat them, MatMul, Add."""
    from onnx import TensorProto, checker, helper, numpy_helper

    types = [TensorProto.INT32, TensorProto.INT64, TensorProto.FLOAT, TensorProto.DOUBLE]
    names = column_names(len(types))
    weights = np.array([[0.25], [-0.5], [1.5], [2.0]], dtype=np.float32)
    nodes = [helper.make_node("Cast", [name], [f"{name}_float"], to=TensorProto.FLOAT) for name in names]
    nodes += [
        helper.make_node("Concat", [f"{name}_float" for name in names], ["matrix"], axis=1),
        helper.make_node("MatMul", ["matrix", "weights"], ["product"]),
        helper.make_node("Add", ["product", "offset"], ["score"]),
    ]
    graph = helper.make_graph(
        nodes,
        "four_types",
        [helper.make_tensor_value_info(name, kind, ["N", 1]) for name, kind in zip(names, types, strict=True)],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["N", 1])],
        [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(np.array([7.0], np.float32), "offset")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    checker.check_model(model)
    return bytes(model.SerializeToString())


Saved = dict[str, bytes]  # file by suffix: .onnx, and what the library that trained the model reads


def lightgbm_trees(n_leaves: int) -> Saved:
    """LightGBM, 500 trees on 30 features."""
    from lightgbm import LGBMRegressor
    from onnxmltools import convert_lightgbm
    from onnxmltools.convert.common.data_types import FloatTensorType

    matrix, target = training_data(30)
    model = LGBMRegressor(n_estimators=500, num_leaves=n_leaves, random_state=0, verbose=-1).fit(matrix.astype(np.float32), target)
    converted = convert_lightgbm(model, initial_types=[("features", FloatTensorType([None, 30]))], target_opset=15)  # its newest
    return {".onnx": converted.SerializeToString(), ".txt": model.booster_.model_to_string().encode()}


def xgboost_trees() -> Saved:
    """XGBoost, 300 trees of depth 6 on 30 features."""
    from onnxmltools import convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType
    from xgboost import XGBRegressor

    matrix, target = training_data(30)
    model = XGBRegressor(n_estimators=300, max_depth=6, random_state=0).fit(matrix.astype(np.float32), target)
    converted = convert_xgboost(model, initial_types=[("features", FloatTensorType([None, 30]))], target_opset=15)
    return {".onnx": converted.SerializeToString(), ".json": bytes(model.get_booster().save_raw("json"))}


def forest() -> bytes:
    """scikit-learn's random forest, 100 trees of depth 10 on 30 features, probabilities of two classes."""
    from sklearn.ensemble import RandomForestClassifier

    matrix, target = training_data(30)
    model = RandomForestClassifier(n_estimators=100, max_depth=10, n_jobs=-1, random_state=0)
    return to_onnx(model.fit(matrix.astype(np.float32), (target > 2).astype(np.int64)), 30)


def hist() -> Saved:
    """scikit-learn's histogram gradient boosting, 200 trees of 31 leaves on 30 features."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    matrix, target = training_data(30)
    model = HistGradientBoostingRegressor(max_iter=200, max_leaf_nodes=31, random_state=0, early_stopping=False)
    model.fit(matrix.astype(np.float32), target)
    return {".onnx": to_onnx(model, 30), ".pickle": pickle.dumps(model)}


RECIPES: dict[str, Callable[[], bytes | Saved]] = {
    "tutorial": tutorial,
    "logit": logit,
    "logit_separate": logit_separate,
    "mlp": mlp,
    "four_types": four_types,
    "lgbm": lambda: lightgbm_trees(31),
    "lgbm63": lambda: lightgbm_trees(63),
    "xgb": xgboost_trees,
    "forest": forest,
    "hist": hist,
}


def model_path(name: str, suffix: str = ".onnx") -> Path:
    """A file of the model called `name`, trained on first use; a change of this file trains it anew."""
    digest = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    path = CACHE / f"{name}-{digest}{suffix}"
    if not path.exists():
        with warnings.catch_warnings():  # converters and trainers warn about each other's versions
            warnings.simplefilter("ignore")
            saved = RECIPES[name]()
        CACHE.mkdir(parents=True, exist_ok=True)
        for kind, content in (saved if isinstance(saved, dict) else {".onnx": saved}).items():
            path.with_suffix(kind).write_bytes(content)
    return path


def model_bytes(name: str) -> bytes:
    return model_path(name).read_bytes()
