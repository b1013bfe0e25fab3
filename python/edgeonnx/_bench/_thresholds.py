"""Where made-up rows should lie: around the thresholds of a model's trees, so that they take all branches."""

from __future__ import annotations

import importlib.util
from collections import defaultdict
from typing import Any

import numpy

_TREES = ("TreeEnsembleRegressor", "TreeEnsembleClassifier", "TreeEnsemble")
_PASS_ON = ("Identity", "Cast")
_SIDE_BY_SIDE = ("Concat", "FeatureVectorizer")

#: Input and place in its row, to mean and deviation.
Spreads = dict[tuple[str, int], tuple[float, float]]


def spreads_of(path: str) -> Spreads:
    """Mean and deviation of the thresholds that trees compare each value of an input with.

    Nothing where onnx is not installed, and for values that reach no tree as they are.
    """
    if importlib.util.find_spec("onnx") is None:
        return {}
    import onnx

    graph = onnx.load(path, load_external_data=False).graph
    makers = {output: node for node in graph.node for output in node.output}
    widths = {port.name: _width(port) for port in graph.input}
    thresholds: dict[tuple[str, int], list[float]] = defaultdict(list)
    for node in graph.node:
        if node.op_type not in _TREES:
            continue
        features = _sources(node.input[0], makers, widths)
        for feature, threshold in _splits(node):
            if feature < len(features):
                thresholds[features[feature]].append(threshold)
    return {source: _spread(numpy.array(values)) for source, values in thresholds.items()}


def _spread(values: Any) -> tuple[float, float]:
    mean, deviation = float(values.mean()), float(values.std())
    return mean, deviation or abs(mean) or 1.0


def _width(port: Any) -> int:
    sizes = [dimension.dim_value for dimension in port.type.tensor_type.shape.dim[1:]]
    return int(numpy.prod(sizes))  # 0 where a size is free


def _sources(name: str, makers: dict[str, Any], widths: dict[str, int]) -> list[tuple[str, int]]:
    """Which value of which input each value of a row is, as far as the rows are nothing but inputs side by side."""
    if name in widths:
        return [(name, place) for place in range(widths[name])]
    maker = makers.get(name)
    if maker is None:
        return []
    if maker.op_type in _PASS_ON:
        return _sources(maker.input[0], makers, widths)
    if maker.op_type in _SIDE_BY_SIDE:
        parts = [_sources(each, makers, widths) for each in maker.input]
        return [source for part in parts for source in part] if all(parts) else []
    return []


def _splits(node: Any) -> list[tuple[int, float]]:
    import onnx

    attributes = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
    features = attributes.get("nodes_featureids", [])
    if "nodes_splits" in attributes:
        return list(zip(features, onnx.numpy_helper.to_array(attributes["nodes_splits"]).tolist(), strict=True))
    tensor = attributes.get("nodes_values_as_tensor")
    values = attributes.get("nodes_values", []) if tensor is None else onnx.numpy_helper.to_array(tensor).tolist()
    modes = attributes.get("nodes_modes", [])
    return [
        (feature, value) for feature, value, mode in zip(features, values, modes, strict=False) if mode != b"LEAF" and numpy.isfinite(value)
    ]
