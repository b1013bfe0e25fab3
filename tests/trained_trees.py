"""Trained tree ensembles of every library that exports them, alone and behind the steps that pipelines put before a tree.

Every builder is deterministic and runs once a session; the libraries that train are imported by the builder that needs them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx

from models import Feed
from trained import Case, trained
from training_tables import MIXED, N_FEATURES, OPSETS, declared, matrix_feed, mixed_feed, target_of, training

# ------------------------------------------------------------------------------------------------------------- LightGBM, XGBoost, CatBoost


@trained
def lightgbm(n_classes: int = 0, zipmap: bool = False, missing: float = 0.0, categorical: bool = False, as_exported: bool = False) -> Case:
    """`as_exported`: onnxmltools declares the label of a classifier as [1]."""
    import lightgbm
    from onnxmltools import convert_lightgbm
    from onnxmltools.convert.common.data_types import FloatTensorType

    x, y, classes = training(missing)
    kind = lightgbm.LGBMClassifier if n_classes else lightgbm.LGBMRegressor
    estimator = kind(n_estimators=12, num_leaves=15, n_jobs=1, verbose=-1, use_missing=bool(missing), max_cat_to_onehot=3, cat_smooth=1)
    estimator.fit(x, target_of(n_classes, y, classes), categorical_feature=[4] if categorical else "auto")
    model = convert_lightgbm(estimator, initial_types=[("X", FloatTensorType([None, N_FEATURES]))], target_opset=15, zipmap=zipmap)
    labels = tuple(range(n_classes))
    return Case(
        declared(model, as_exported or not n_classes, 0, "N"),
        matrix_feed(missing=missing),
        zipmaps={"probabilities": labels} if zipmap else {},
    )


@trained
def xgboost(n_classes: int = 0, missing: float = 0.0) -> Case:
    import xgboost
    from onnxmltools import convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType

    x, y, classes = training(missing)
    kind = xgboost.XGBClassifier if n_classes else xgboost.XGBRegressor
    estimator = kind(n_estimators=12, max_depth=5, n_jobs=1, random_state=0).fit(x, target_of(n_classes, y, classes))
    model = convert_xgboost(estimator, initial_types=[("X", FloatTensorType([None, N_FEATURES]))], target_opset=15)
    return Case(model.SerializeToString(), matrix_feed(missing=missing))


@trained
def catboost(n_classes: int = 0, as_exported: bool = False) -> Case:
    """Written by CatBoost itself. `as_exported`: it declares the predictions of a regressor as [N]."""
    import tempfile

    import catboost

    x, y, classes = training()
    options = {"iterations": 12, "depth": 5, "thread_count": 1, "random_seed": 0, "verbose": False, "allow_writing_files": False}
    kind = catboost.CatBoostClassifier if n_classes else catboost.CatBoostRegressor
    estimator = kind(**options).fit(x, target_of(n_classes, y, classes))
    with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
        estimator.save_model(file.name, format="onnx")
        model = onnx.load(file.name)
    model.graph.input[0].name, before = "X", model.graph.input[0].name
    for node in model.graph.node:
        node.input[:] = ["X" if name == before else name for name in node.input]
    zipmaps = {"probabilities": tuple(range(n_classes))} if n_classes else {}
    return Case(declared(model, as_exported or bool(n_classes), 0, "N", 1), matrix_feed(), zipmaps=zipmaps)


# ---------------------------------------------------------------------------------------------------------------------------- scikit-learn


def _convert(pipeline: Any, types: list[tuple[str, Any]], estimator: Any, n_classes: int = 0, zipmap: bool = False) -> onnx.ModelProto:
    import skl2onnx

    options = {id(estimator): {"zipmap": zipmap}} if n_classes else None
    model = skl2onnx.convert_sklearn(pipeline, initial_types=types, options=options, target_opset=OPSETS)
    kind = model.graph.output[0].type.tensor_type
    if kind.elem_type == onnx.TensorProto.DOUBLE:
        kind.elem_type = onnx.TensorProto.FLOAT  # a regressor of doubles gives floats; ONNX has no other, and no runtime loads the model
    return model


@trained
def sklearn(
    kind: str,
    n_classes: int = 0,
    *,
    front: str = "",
    zipmap: bool = False,
    double: bool = False,
    missing: float = 0.0,
    n_targets: int = 1,
    as_exported: bool = False,
    **options: Any,
) -> Case:
    """An estimator of sklearn.ensemble or sklearn.tree over one matrix, behind the transformers `front`.

    `as_exported`: skl2onnx declares several targets as one.
    """
    from skl2onnx.common import data_types
    from sklearn import ensemble, impute, preprocessing, tree
    from sklearn.pipeline import make_pipeline
    from threadpoolctl import threadpool_limits

    estimator = {**vars(ensemble), **vars(tree)}[kind](random_state=0, **options)
    fronts = {**vars(preprocessing), **vars(impute)}
    steps = [fronts[name]() for name in front.split("+") if name]
    pipeline = make_pipeline(*steps, estimator) if steps else estimator
    x, y, classes = training(missing)
    target = target_of(n_classes, y, classes)
    if n_targets > 1:
        target = np.column_stack([target + k * x[:, k] for k in range(n_targets)])
    with threadpool_limits(1):  # histograms of few rows cost less than the threads that would share them
        pipeline.fit(x.astype(np.float64) if double else x, target)
    port = (data_types.DoubleTensorType if double else data_types.FloatTensorType)([None, N_FEATURES])
    model = _convert(pipeline, [("X", port)], estimator, n_classes, zipmap)
    content = declared(model, as_exported or n_targets == 1, 0, "N", n_targets)
    zipmaps = {"output_probability": tuple(range(n_classes))} if zipmap else {}
    return Case(content, matrix_feed(np.float64 if double else np.float32, missing), zipmaps=zipmaps)


@trained
def one_hot() -> Case:
    """Whole numbers into OneHotEncoder, then a forest."""
    from skl2onnx.common.data_types import Int64TensorType
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    def feed(n_rows: int) -> Feed:
        return {"X": np.random.default_rng(5).integers(-1, 7, (n_rows, 3))}  # -1 and 6 were never seen

    x = np.random.default_rng(4).integers(0, 6, (300, 3))
    forest = RandomForestRegressor(10, max_depth=6, random_state=0)
    pipeline = make_pipeline(OneHotEncoder(handle_unknown="ignore"), forest).fit(x, x[:, 0] * 2.0 - (x[:, 1] == 3) * x[:, 2])
    return Case(_convert(pipeline, [("X", Int64TensorType([None, 3]))], forest).SerializeToString(), feed)


@trained
def column_transformer(kind: str = "GradientBoostingRegressor", n_classes: int = 0, zipmap: bool = False) -> Case:
    """One [N, 1] input per column, of bigint, real and float: counts scaled, levels one-hot, reals filled and scaled."""
    import pandas
    from skl2onnx.common import data_types
    from sklearn import ensemble
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, RobustScaler, StandardScaler

    frame = pandas.DataFrame({name: values[:, 0] for name, values in mixed_feed(400).items()})
    y = frame["count"] / 20 + np.sin(3 * frame["amount"]) + (frame["level"] == 2) - frame["rate"]
    target = y if n_classes == 0 else np.digitize(y, [-0.7, 0.7])
    estimator = getattr(ensemble, kind)(n_estimators=12, max_depth=4, random_state=0)
    columns = ColumnTransformer(
        [
            ("counts", StandardScaler(), ["count"]),
            ("levels", OneHotEncoder(handle_unknown="ignore"), ["level"]),
            ("reals", make_pipeline(SimpleImputer(), MinMaxScaler()), ["amount", "real"]),
            ("doubles", RobustScaler(), ["rate", "sum"]),
        ]
    )
    pipeline = make_pipeline(columns, estimator).fit(frame, target)
    kinds = {np.int64: data_types.Int64TensorType, np.float32: data_types.FloatTensorType, np.float64: data_types.DoubleTensorType}
    types = [(name, kinds[dtype]([None, 1])) for name, dtype in MIXED.items()]
    zipmaps = {"output_probability": tuple(range(n_classes))} if zipmap else {}
    return Case(_convert(pipeline, types, estimator, n_classes, zipmap).SerializeToString(), mixed_feed, zipmaps=zipmaps)


def _sk(*arguments: Any, **options: Any) -> Callable[[], Case]:
    return functools.partial(sklearn, *arguments, **options)


_SMALL = {"n_estimators": 10, "max_depth": 6}

#: Ensembles that stand alone over one matrix of floats.
BARE: dict[str, Callable[[], Case]] = {
    "lightgbm": lightgbm,
    "lightgbm-2": functools.partial(lightgbm, 2),
    "lightgbm-2-zipmap": functools.partial(lightgbm, 2, True),
    "lightgbm-3": functools.partial(lightgbm, 3),
    "lightgbm-missing": functools.partial(lightgbm, missing=0.2),
    "lightgbm-categorical": functools.partial(lightgbm, categorical=True),
    "lightgbm-3-categorical-missing": functools.partial(lightgbm, 3, missing=0.2, categorical=True),
    "xgboost": xgboost,
    "xgboost-2": functools.partial(xgboost, 2),
    "xgboost-3": functools.partial(xgboost, 3),
    "xgboost-missing": functools.partial(xgboost, missing=0.2),
    "catboost": catboost,
    "catboost-2-zipmap": functools.partial(catboost, 2),
    "catboost-3-zipmap": functools.partial(catboost, 3),
    "forest": _sk("RandomForestRegressor", **_SMALL),
    "forest-3-targets": _sk("RandomForestRegressor", n_targets=3, **_SMALL),
    "forest-2": _sk("RandomForestClassifier", 2, **_SMALL),
    "forest-3-zipmap": _sk("RandomForestClassifier", 3, zipmap=True, **_SMALL),
    "extra-trees": _sk("ExtraTreesRegressor", **_SMALL),
    "extra-trees-3": _sk("ExtraTreesClassifier", 3, **_SMALL),
    "gradient": _sk("GradientBoostingRegressor", n_estimators=12),
    "gradient-2-zipmap": _sk("GradientBoostingClassifier", 2, zipmap=True, n_estimators=12),
    "gradient-3": _sk("GradientBoostingClassifier", 3, n_estimators=12),
    "hist": _sk("HistGradientBoostingRegressor", max_iter=12, missing=0.1),
    "hist-2": _sk("HistGradientBoostingClassifier", 2, max_iter=12, missing=0.1),
    "hist-3": _sk("HistGradientBoostingClassifier", 3, max_iter=12),
    "tree": _sk("DecisionTreeRegressor"),
    "tree-3": _sk("DecisionTreeClassifier", 3),
}

#: The same in doubles.
DOUBLE: dict[str, Callable[[], Case]] = {
    "double-tree": _sk("DecisionTreeRegressor", double=True),
    "double-forest": _sk("RandomForestRegressor", double=True, **_SMALL),
    "double-forest-3": _sk("RandomForestClassifier", 3, double=True, **_SMALL),
    "double-gradient": _sk("GradientBoostingRegressor", double=True, n_estimators=12),
    "double-hist": _sk("HistGradientBoostingRegressor", double=True, max_iter=12, missing=0.1),
}

#: A step of one value at a time, then trees.
SCALED: dict[str, Callable[[], Case]] = {
    "standard-gradient": _sk("GradientBoostingRegressor", front="StandardScaler", n_estimators=12),
    "minmax-forest-2": _sk("RandomForestClassifier", 2, front="MinMaxScaler", zipmap=True, **_SMALL),
    "robust-tree": _sk("DecisionTreeRegressor", front="RobustScaler"),
    "maxabs-hist-3": _sk("HistGradientBoostingClassifier", 3, front="MaxAbsScaler", max_iter=12),
    "imputer-standard-gradient": _sk("GradientBoostingRegressor", front="SimpleImputer+StandardScaler", n_estimators=12, missing=0.2),
    "double-standard-forest": _sk("RandomForestRegressor", front="StandardScaler", double=True, **_SMALL),
    "normalizer-forest": _sk("RandomForestRegressor", front="Normalizer", **_SMALL),
}

#: Steps that are not monotone in their columns, or take columns of other types.
MIXTURES: dict[str, Callable[[], Case]] = {
    "binarizer-tree": _sk("DecisionTreeRegressor", front="Binarizer"),
    "onehot-forest": one_hot,
    "columns-gradient": column_transformer,
    "columns-forest-3-zipmap": functools.partial(column_transformer, "RandomForestClassifier", 3, True),
}

#: Trees among operators that no native kernel covers.
BESIDE_OTHERS: dict[str, Callable[[], Case]] = {
    "isolation-forest": _sk("IsolationForest", n_estimators=10),
    "adaboost": _sk("AdaBoostClassifier", 3, n_estimators=5),
}

#: As their exporters write them, with an output declared in another shape than it has.
MISDECLARED: dict[str, Callable[[], Case]] = {
    "lightgbm-3": functools.partial(lightgbm, 3, as_exported=True),
    "catboost": functools.partial(catboost, as_exported=True),
    "forest-2-targets": _sk("RandomForestRegressor", n_targets=2, as_exported=True, **_SMALL),
}

TREES: dict[str, Callable[[], Case]] = {**BARE, **DOUBLE, **SCALED, **MIXTURES}
"""Every model whose graph is expected to run in native kernels from end to end."""
