"""Faults as converters, hand-made graphs and mistaken users make them, planted in good models; and the estimators that they come from."""

from __future__ import annotations

import functools
import warnings
from typing import Any

import numpy as np
import onnx
import pandas as pd
from onnx import helper, numpy_helper

import edgeonnx as eo
from models import Array

N_ROWS = 1200
COLUMNS = ["age", "bmi", "pulse", "dose"]


@functools.cache
def table(dtype: str = "float64", missing: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(11)
    values = rng.normal([50, 25, 70, 3], [20, 4, 10, 1], (N_ROWS, 4))
    values[rng.random(values.shape) < missing] = np.nan
    return pd.DataFrame(values.astype(dtype), columns=COLUMNS)


@functools.cache
def target(n_classes: int) -> Array:
    """Of the complete table: a number, or a class."""
    rng = np.random.default_rng(12)
    values = table().to_numpy()
    score = (values - values.mean(axis=0)) / values.std(axis=0) @ [1.0, -2.0, 0.5, 1.0] + rng.normal(0, 0.5, N_ROWS)
    return score if n_classes == 0 else np.digitize(score, np.quantile(score, np.arange(1, n_classes) / n_classes))


@functools.cache
def lightgbm(n_classes: int = 2, dtype: str = "float64", missing: float = 0.0) -> Any:
    import lightgbm

    kind = lightgbm.LGBMClassifier if n_classes else lightgbm.LGBMRegressor
    return kind(n_estimators=12, num_leaves=15, n_jobs=1, verbose=-1).fit(table(dtype, missing), target(n_classes))


@functools.cache
def histogram(n_classes: int = 0, dtype: str = "float64", missing: float = 0.0) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingClassifier if n_classes else HistGradientBoostingRegressor
    return kind(max_iter=8, random_state=0).fit(table(dtype, missing), target(n_classes))


@functools.cache
def forest(depth: int | None = 5, dtype: str = "float32", missing: float = 0.0, scaled: bool = False) -> Any:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    # Votes of an eighth add up exactly, those of a twentieth do not.
    trees = RandomForestClassifier(8 if depth else 20, max_depth=depth, n_jobs=1, random_state=0)
    return (make_pipeline(StandardScaler(), trees) if scaled else trees).fit(table(dtype, missing), target(2))


@functools.cache
def linear(n_classes: int = 0, dtype: str = "float32") -> Any:
    from sklearn.linear_model import LinearRegression, LogisticRegression

    kind = LogisticRegression(max_iter=1000) if n_classes else LinearRegression()
    return kind.fit(table(dtype), target(n_classes))


def converted(estimator: Any, data: pd.DataFrame) -> onnx.ModelProto:
    """As edgeonnx converts it, thresholds exact: a good model, if the estimator is not too much for the converters."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return onnx.load_from_string(eo.convert(estimator, data, check="warn"))


def exported(estimator: Any) -> onnx.ModelProto:
    """As skl2onnx and onnxmltools export it for one matrix of floats: thresholds of float64 are rounded to float32."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if type(estimator).__module__.startswith("lightgbm"):
            from onnxmltools import convert_lightgbm
            from onnxmltools.convert.common.data_types import FloatTensorType

            model = convert_lightgbm(estimator, initial_types=[("X", FloatTensorType([None, 4]))], zipmap=False)
        else:
            import skl2onnx
            from skl2onnx.common.data_types import FloatTensorType

            options = {"zipmap": False} if hasattr(estimator, "predict_proba") else None
            types = [("X", FloatTensorType([None, 4]))]
            model = skl2onnx.convert_sklearn(estimator, initial_types=types, options={id(estimator): options} if options else None)
    assert isinstance(model, onnx.ModelProto)
    return model


# --------------------------------------------------------------------------------------------------------------------------- faults


def node_of(model: onnx.ModelProto, kinds: str) -> onnx.NodeProto:
    return next(node for node in model.graph.node if node.op_type.startswith(kinds))


def _attribute(node: onnx.NodeProto, name: str) -> onnx.AttributeProto:
    return next(each for each in node.attribute if each.name == name)


def copied(model: onnx.ModelProto) -> onnx.ModelProto:
    other = onnx.ModelProto()
    other.CopyFrom(model)
    return other


def nan_dropped(model: onnx.ModelProto) -> onnx.ModelProto:
    """NaN takes the false side everywhere."""
    changed = copied(model)
    node = node_of(changed, "TreeEnsemble")
    node.attribute.remove(_attribute(node, "nodes_missing_value_tracks_true"))
    return changed


def nan_flipped(model: onnx.ModelProto) -> onnx.ModelProto:
    changed = copied(model)
    sides = _attribute(node_of(changed, "TreeEnsemble"), "nodes_missing_value_tracks_true")
    sides.ints[:] = [1 - side for side in sides.ints]
    return changed


def post_transform(model: onnx.ModelProto, value: str) -> onnx.ModelProto:
    changed = copied(model)
    node = next(node for node in changed.graph.node if any(each.name == "post_transform" for each in node.attribute))
    _attribute(node, "post_transform").s = value.encode()
    return changed


def labels_shifted(model: onnx.ModelProto, by: int = 1) -> onnx.ModelProto:
    changed = copied(model)
    for node in changed.graph.node:
        for each in node.attribute:
            if each.name == "classlabels_int64s":
                each.ints[:] = [label + by for label in each.ints]
    return changed


def weights_times(model: onnx.ModelProto, factor: float) -> onnx.ModelProto:
    changed = copied(model)
    for each in node_of(changed, "TreeEnsemble").attribute:
        if each.name in ("target_weights", "class_weights"):
            each.floats[:] = [weight * factor for weight in each.floats]
        if each.name in ("target_weights_as_tensor", "class_weights_as_tensor"):
            each.t.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(each.t) * factor, each.t.name))
    return changed


def base_lost(model: onnx.ModelProto) -> onnx.ModelProto:
    changed = copied(model)
    node = node_of(changed, "TreeEnsemble")
    for each in list(node.attribute):
        if each.name.startswith("base_values"):
            node.attribute.remove(each)
    return changed


def features_swapped(model: onnx.ModelProto, one: int, other: int) -> onnx.ModelProto:
    """As where the columns of a matrix stand in another order than in training."""
    changed = copied(model)
    features = _attribute(node_of(changed, "TreeEnsemble"), "nodes_featureids")
    swap = {one: other, other: one}
    features.ints[:] = [swap.get(feature, feature) for feature in features.ints]
    return changed


def scaler_unfolded(model: onnx.ModelProto) -> onnx.ModelProto:
    """`x * s - m * s` in place of `(x - m) * s`."""
    changed = copied(model)
    node = node_of(changed, "Scaler")
    offset, scale = (np.array(_attribute(node, name).floats, np.float32) for name in ("offset", "scale"))
    place = list(changed.graph.node).index(node)
    read, made = node.input[0], node.output[0]
    constants = {"scale": scale, "moved": offset * scale}
    changed.graph.initializer.extend(numpy_helper.from_array(values.reshape(1, -1), name) for name, values in constants.items())
    del changed.graph.node[place]
    changed.graph.node.insert(place, helper.make_node("Mul", [read, "scale"], ["scaled"]))
    changed.graph.node.insert(place + 1, helper.make_node("Sub", ["scaled", "moved"], [made]))
    return changed


def rounding_lost(model: onnx.ModelProto) -> onnx.ModelProto:
    """Trees of an estimator that rounds its columns to float32 read a matrix of doubles."""
    changed = copied(model)
    node = node_of(changed, "TreeEnsemble")
    for each in list(node.attribute):
        if each.type == onnx.AttributeProto.FLOATS:
            node.attribute.remove(each)
            values = numpy_helper.from_array(np.array(each.floats, np.float64), each.name)
            node.attribute.append(helper.make_attribute(f"{each.name}_as_tensor", values))
    changed.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.DOUBLE
    for opset in changed.opset_import:
        opset.version = 3 if opset.domain == "ai.onnx.ml" else opset.version
    return changed


def leaf_changed(model: onnx.ModelProto) -> onnx.ModelProto:
    """One leaf of one tree says something else: nothing that has a name."""
    changed = copied(model)
    for each in node_of(changed, "TreeEnsemble").attribute:
        if each.name in ("target_weights", "class_weights"):
            each.floats[3] += 0.5
        if each.name in ("target_weights_as_tensor", "class_weights_as_tensor"):
            weights = numpy_helper.to_array(each.t).copy()
            weights[3] += 0.5
            each.t.CopyFrom(numpy_helper.from_array(weights, each.t.name))
    return changed
