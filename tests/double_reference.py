"""What a graph of sums and products says when nothing is rounded on the way: a small interpreter in extended precision.

The weights are the graph's own. Columns are rounded where the graph casts them, since a model never sees more of them than that; no other
cast rounds. Beside each value goes its scale: the sum of the magnitudes of what was added up to make it, carried through functions by
their slopes. A value may be far smaller than that, and the rounding of its terms stays: errors are counted in units in the last place of
the scale.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from models import Array, Feed

Real = np.longdouble


@dataclass
class Wide:
    """Values, and what their errors are measured by."""

    value: Array
    scale: Array
    is_column: bool = False  #: as it came in, or only moved about since

    @classmethod
    def of(cls, value: Any, *, is_column: bool = False) -> Wide:
        value = np.asarray(value)
        return cls(value.astype(Real), np.abs(value).astype(Real), is_column)

    def moved(self, change: Callable[[Array], Array]) -> Wide:
        return Wide(change(self.value), change(self.scale), self.is_column)


def units(wide: Wide, dtype: Any) -> Array:
    """One unit in the last place of each value's scale, in `dtype`."""
    return np.spacing(np.maximum(np.abs(wide.value), wide.scale).astype(dtype)).astype(Real)


def reference(model: bytes, feed: Feed, output: str) -> Wide:
    """The named tensor of the graph. KeyError: an operator that this interpreter does not know."""
    graph = onnx.load_from_string(model).graph
    known = {name: Wide.of(values, is_column=True) for name, values in feed.items()}
    known.update({tensor.name: Wide.of(numpy_helper.to_array(tensor)) for tensor in graph.initializer})
    makers = {name: node for node in graph.node for name in node.output}

    def value_of(name: str) -> Wide:
        if name not in known:
            node = makers[name]
            attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
            arguments = [value_of(each) for each in node.input]
            if node.op_type == "LinearClassifier":
                known[node.output[1]] = _linear_classifier(attributes, *arguments)
            else:
                known[node.output[0]] = OPERATORS[node.op_type](attributes, *arguments)
        return known[name]

    return value_of(output)


def _matmul(_: Any, a: Wide, b: Wide) -> Wide:
    return Wide(a.value @ b.value, a.scale @ np.abs(b.value))


def _add(_: Any, a: Wide, b: Wide) -> Wide:
    return Wide(a.value + b.value, a.scale + b.scale)


def _multiply(_: Any, a: Wide, b: Wide) -> Wide:
    return Wide(a.value * b.value, np.maximum(a.scale * np.abs(b.value), np.abs(a.value) * b.scale))


def _linear(x: Wide, coefficients: Any, intercepts: Any, n: int) -> Wide:
    weights = Wide.of(np.array(coefficients, np.float32).reshape(n, -1).T)
    return _add(None, _matmul(None, x, weights), Wide.of(np.array(intercepts or [0] * n, np.float32)))


def _linear_regressor(attributes: Any, x: Wide) -> Wide:
    assert attributes.get("post_transform", b"NONE") == b"NONE"
    return _linear(x, attributes["coefficients"], attributes.get("intercepts"), attributes.get("targets", 1))


def _linear_classifier(attributes: Any, x: Wide) -> Wide:
    n = len(attributes.get("intercepts") or attributes["classlabels_ints"])
    scores = _linear(x, attributes["coefficients"], attributes.get("intercepts"), n)
    return {b"NONE": lambda _, s: s, b"LOGISTIC": _sigmoid, b"SOFTMAX": _softmax}[attributes.get("post_transform", b"NONE")](None, scores)


def _sigmoid(_: Any, x: Wide) -> Wide:
    y = 1 / (1 + np.exp(-x.value))
    return Wide(y, np.maximum(y, y * (1 - y) * x.scale))


def _tanh(_: Any, x: Wide) -> Wide:
    y = np.tanh(x.value)
    return Wide(y, np.maximum(np.abs(y), (1 - y * y) * x.scale))


def _softmax(_: Any, x: Wide) -> Wide:
    e = np.exp(x.value - x.value.max(axis=-1, keepdims=True))
    y = e / e.sum(axis=-1, keepdims=True)
    return Wide(y, y * np.maximum(1, x.scale.max(axis=-1, keepdims=True)))


def _exp(_: Any, x: Wide) -> Wide:
    y = np.exp(x.value)
    return Wide(y, y * np.maximum(1, x.scale))


def _divide(_: Any, a: Wide, b: Wide) -> Wide:
    y = a.value / b.value
    return Wide(y, np.maximum(a.scale / np.abs(b.value), np.abs(y) * b.scale / np.abs(b.value)))


def _scaler(attributes: Any, x: Wide) -> Wide:
    offset, scale = (Wide.of(np.array(attributes[name], np.float32)) for name in ("offset", "scale"))
    return _multiply(None, _add(None, x, Wide(-offset.value, offset.scale)), scale)


def _cast(attributes: Any, x: Wide) -> Wide:
    if x.is_column and attributes["to"] == onnx.TensorProto.FLOAT:
        return Wide.of(x.value.astype(np.float64).astype(np.float32), is_column=True)
    if attributes["to"] == onnx.TensorProto.BOOL:
        return Wide.of(x.value != 0)
    return x


def _to_float(x: Wide) -> Wide:
    return _cast({"to": onnx.TensorProto.FLOAT}, x)


def _norm(_: Any, x: Wide) -> Wide:
    """L1 over a row; a row of zeros stays."""
    total = np.abs(x.value).sum(axis=-1, keepdims=True)
    total = np.where(total == 0, 1, total)
    y = x.value / total
    return Wide(y, np.maximum(x.scale / total, np.abs(y) * x.scale.sum(axis=-1, keepdims=True) / total))


def _concat(attributes: Any, *parts: Wide) -> Wide:
    axis = attributes["axis"]
    return Wide(
        np.concatenate([part.value for part in parts], axis),
        np.concatenate([part.scale for part in parts], axis),
        all(part.is_column for part in parts),
    )


def _reduce_product(attributes: Any, x: Wide, axes: Wide) -> Wide:
    y = x.value.prod(axis=tuple(_indices(axes)), keepdims=bool(attributes.get("keepdims", 1)))
    return Wide(y, np.abs(y))


def _indices(wide: Wide) -> Array:
    return wide.value.astype(np.int64).ravel()


def _slice(_: Any, x: Wide, starts: Wide, ends: Wide, axes: Wide) -> Wide:
    where = [slice(None)] * x.value.ndim
    for start, end, axis in zip(_indices(starts), _indices(ends), _indices(axes), strict=True):
        where[axis] = slice(int(start), int(end))
    return x.moved(lambda values: values[tuple(where)])


OPERATORS: dict[str, Callable[..., Wide]] = {
    "Add": _add,
    "Sub": lambda _, a, b: _add(_, a, Wide(-b.value, b.scale)),
    "Mul": _multiply,
    "Div": _divide,
    "MatMul": _matmul,
    "LinearRegressor": _linear_regressor,
    "Relu": lambda _, x: Wide(np.maximum(x.value, 0), x.scale),
    "Sigmoid": _sigmoid,
    "Softmax": _softmax,
    "Tanh": _tanh,
    "Exp": _exp,
    "Reciprocal": lambda _, x: _divide(_, Wide.of(1.0), x),
    "Scaler": lambda attributes, x: _scaler(attributes, _to_float(x)),
    "FeatureVectorizer": lambda _, *parts: _concat({"axis": 1}, *map(_to_float, parts)),
    "Concat": _concat,
    "Cast": _cast,
    "Not": lambda _, x: Wide.of(x.value == 0),
    "Identity": lambda _, x: x,
    "Normalizer": _norm,
    "LpNormalization": _norm,
    "Reshape": lambda _, x, shape: x.moved(lambda values: values.reshape(_indices(shape))),
    "ReduceSum": lambda _, x, axes: x.moved(lambda values: values.sum(axis=tuple(_indices(axes)), keepdims=True)),
    "ReduceProd": _reduce_product,
    "ArrayFeatureExtractor": lambda _, x, indices: x.moved(lambda values: values[:, _indices(indices)]),
    "Slice": _slice,
    "Shape": lambda _, x: Wide.of(np.array(x.value.shape)),
    "ConstantOfShape": lambda a, shape: Wide.of(np.full(_indices(shape), numpy_helper.to_array(a["value"])[0])),
}
