"""Graphs of ONNX: loaded, cut short, and asked as they are or changed."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import numpy

from edgeonnx._errors import ModelError
from edgeonnx._extras import needed
from edgeonnx._model import model_bytes, read_file
from edgeonnx._tables._columns import Array

__all__ = ["FRONT", "attributes", "constants", "copy_of", "element_type", "front", "load", "makers", "onnx_package", "put", "tensor"]

_MOST_BYTES = 2 << 30


def onnx_package() -> Any:
    return needed("onnx", "verify, which reads the model's graph,")


def load(model: object) -> Any:
    """The model as `onnx.ModelProto`, a copy of the caller's.

    Raises
    ------
    FileError
        The file cannot be read.
    ModelError
        It is no ONNX model.
    Unsupported
        The onnx package is missing.
    """
    onnx = onnx_package()
    decode_error = needed("google.protobuf.message", "verify").DecodeError
    content = read_file(os.fspath(model), _MOST_BYTES) if isinstance(model, (str, os.PathLike)) else model_bytes(model)
    try:
        return onnx.load_from_string(content)
    except decode_error as error:
        raise ModelError(f"{model if isinstance(model, (str, os.PathLike)) else 'the model'!r} is not an ONNX model: {error}") from error


def copy_of(model: Any) -> Any:
    """A model that may be changed."""
    other = type(model)()
    other.CopyFrom(model)
    return other


def makers(model: Any) -> dict[str, Any]:
    """Value name to the node that makes it."""
    return {name: node for node in model.graph.node for name in node.output}


def constants(model: Any) -> dict[str, Array]:
    """Initializers by name."""
    numpy_helper = onnx_package().numpy_helper
    return {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}


def attributes(node: Any) -> dict[str, Any]:
    """Attributes of a node by name, as `onnx.helper.get_attribute_value` gives them; tensors are arrays."""
    onnx = onnx_package()
    found = {}
    for each in node.attribute:
        value = onnx.helper.get_attribute_value(each)
        found[each.name] = onnx.numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value
    return found


def put(node: Any, **values: Any) -> None:
    """Set attributes of a node; None takes one away."""
    helper = onnx_package().helper
    kept = [each for each in node.attribute if each.name not in values]
    del node.attribute[:]
    node.attribute.extend(kept)
    node.attribute.extend(helper.make_attribute(name, value) for name, value in values.items() if value is not None)


def tensor(values: Array, name: str = "") -> Any:
    return onnx_package().numpy_helper.from_array(numpy.ascontiguousarray(values), name)


FRONT = "edgeonnx_front"
"""What the output of `front` is called."""


def front(model: Any, wanted: str) -> Any:
    """The part of the graph that makes one value, with it as the only output.

    All inputs stay, so that a table feeds it as it feeds the whole.
    """
    onnx = onnx_package()
    made_by = makers(model)
    kept: set[int] = set()
    waiting = [wanted]
    while waiting:
        node = made_by.get(waiting.pop())
        if node is not None and id(node) not in kept:
            kept.add(id(node))
            waiting.extend(_reads(node))
    part = copy_of(model)
    del part.graph.node[:]
    part.graph.node.extend(node for node in model.graph.node if id(node) in kept)
    part.graph.node.append(onnx.helper.make_node("Identity", [wanted], [FRONT]))
    del part.graph.output[:]
    part.graph.output.append(onnx.helper.make_tensor_value_info(FRONT, element_type(model, wanted), None))
    return part


def _reads(node: Any) -> Iterable[str]:
    yield from node.input
    for each in node.attribute:
        for inner in each.g.node:
            yield from _reads(inner)


def element_type(model: Any, name: str) -> int:
    """The type of a value as a number of `onnx.TensorProto`; float where it can't be told."""
    onnx = onnx_package()
    inferred = onnx.shape_inference.infer_shapes(model)
    for info in (*inferred.graph.input, *inferred.graph.value_info, *inferred.graph.output):
        if info.name == name and info.type.tensor_type.elem_type:
            return int(info.type.tensor_type.elem_type)
    return int(onnx.TensorProto.FLOAT)
