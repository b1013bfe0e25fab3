"""Nodes that converters write and that run nowhere, or slowly, in the form in which they do."""

from __future__ import annotations

from typing import Any

import numpy

from edgeonnx._convert._graph import element_types, free_name, inferred_shapes, names_in
from edgeonnx._extras import needed

_FLOAT, _DOUBLE = 1, 11  # of onnx.TensorProto
_OF_ONE_TYPE = frozenset(("Add", "Sub", "Mul", "Div", "Sum", "Mean", "Max", "Min", "Concat", "MatMul", "Gemm", "Where", "Greater", "Less"))
_MOST_TERMS = 16  # of a row's sum that a native kernel takes


def rewrite(model: Any) -> None:
    """Replace such nodes by others that compute the same, in place."""
    while _widen_one(model):
        pass
    types, shapes = element_types(model), inferred_shapes(model)
    for node in list(model.graph.node):
        if node.op_type == "Imputer" and types.get(node.input[0]) == _DOUBLE:
            _impute_doubles(model, node)
        elif node.op_type == "ReduceSum" and types.get(node.input[0]) is not None:
            _sum_by_product(model, node, shapes.get(node.input[0]), types[node.input[0]])


def _widen_one(model: Any) -> bool:
    """Trees give floats. Where one meets doubles it becomes a double, which some converters forget; False where all is well."""
    onnx = needed("onnx", "converting a model")
    types = element_types(model)
    for node in model.graph.node:
        if node.op_type not in _OF_ONE_TYPE:
            continue
        kinds = [types.get(tensor) for tensor in node.input]
        if _FLOAT in kinds and _DOUBLE in kinds:
            place = kinds.index(_FLOAT)
            widened = free_name(f"{node.input[place]}_double", names_in(model))
            cast = onnx.helper.make_node("Cast", [node.input[place]], [widened], name=widened, to=_DOUBLE)
            model.graph.node.insert(list(model.graph.node).index(node), cast)
            reader = next(each for each in model.graph.node if list(each.output) == list(node.output))
            reader.input[place] = widened
            return True
    return False


def _impute_doubles(model: Any, node: Any) -> None:
    """ONNX Runtime has no Imputer of doubles; IsNaN and Where do the same."""
    onnx = needed("onnx", "converting a model")
    attributes = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
    replaced, values = attributes.get("replaced_value_float", 0.0), attributes.get("imputed_value_floats", ())
    if not numpy.isnan(replaced) or not len(values):
        return
    constant = _constant(model, f"{node.output[0]}_values", numpy.array([values], numpy.float64))
    missing = free_name(f"{node.output[0]}_missing", names_in(model))
    _replace(
        model,
        node,
        [
            onnx.helper.make_node("IsNaN", [node.input[0]], [missing], name=missing),
            onnx.helper.make_node("Where", [missing, constant, node.input[0]], [node.output[0]], name=node.output[0]),
        ],
    )


def _sum_by_product(model: Any, node: Any, shape: list[int | str] | None, kind: int) -> None:
    """The sum of a few values of each row is a product with ones, which native kernels know."""
    onnx = needed("onnx", "converting a model")
    attributes = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
    axes = attributes.get("axes")
    if axes is None and len(node.input) > 1:
        axes = next((list(onnx.numpy_helper.to_array(each)) for each in model.graph.initializer if each.name == node.input[1]), None)
    width = shape[1] if shape is not None and len(shape) == 2 else None
    if (
        not isinstance(width, int)
        or not 0 < width <= _MOST_TERMS
        or list(axes or ()) not in ([1], [-1])
        or not attributes.get("keepdims", 1)
    ):
        return
    ones = _constant(model, f"{node.output[0]}_ones", numpy.ones((width, 1), onnx.helper.tensor_dtype_to_np_dtype(kind)))
    _replace(model, node, [onnx.helper.make_node("MatMul", [node.input[0], ones], [node.output[0]], name=node.name or node.output[0])])


def _constant(model: Any, wanted: str, values: Any) -> str:
    name = free_name(wanted, names_in(model))
    model.graph.initializer.append(needed("onnx", "converting a model").numpy_helper.from_array(values, name))
    return name


def _replace(model: Any, node: Any, nodes: list[Any]) -> None:
    place = list(model.graph.node).index(node)
    model.graph.node.remove(node)
    for offset, each in enumerate(nodes):
        model.graph.node.insert(place + offset, each)
