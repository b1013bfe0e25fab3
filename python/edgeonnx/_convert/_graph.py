"""Small operations on an ONNX graph that several steps of a conversion need."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import numpy

from edgeonnx._errors import Unsupported
from edgeonnx._extras import needed

_CLASSIFIERS = ("TreeEnsembleClassifier", "LinearClassifier", "SVMClassifier")
_FLOAT = 1  # of onnx.TensorProto
TREES = ("TreeEnsembleClassifier", "TreeEnsembleRegressor")


def elem_type(dtype: Any) -> int:
    """ONNX's number for a NumPy dtype."""
    return int(needed("onnx", "converting a model").helper.np_dtype_to_tensor_dtype(numpy.dtype(dtype)))


def element_types(model: Any) -> dict[str, int]:
    """Element types of all tensors that can be told, whatever the model itself declares of inner ones and outputs."""
    types = {name: kind.elem_type for name, kind in _inferred(model).items()}
    types.update({each.name: each.data_type for each in model.graph.initializer})
    for node in model.graph.node:
        if node.op_type in _CLASSIFIERS:
            types[node.output[1]] = _FLOAT  # which onnx does not infer
        elif node.op_type == "TreeEnsembleRegressor":
            types[node.output[0]] = _FLOAT
    return {name: kind for name, kind in types.items() if kind}


def inferred_shapes(model: Any) -> dict[str, list[int | str]]:
    """Shapes of all tensors whose rank can be told: a size, a symbol, or "" for each dimension."""
    shapes = {}
    for name, kind in _inferred(model).items():
        if kind.HasField("shape"):
            shapes[name] = [each.dim_value or each.dim_param for each in kind.shape.dim]
    for node in model.graph.node:
        if node.op_type in _CLASSIFIERS:
            shapes[node.output[0]] = ["N"]
    return shapes


def _inferred(model: Any) -> dict[str, Any]:
    onnx = needed("onnx", "converting a model")
    bare = onnx.ModelProto()
    bare.CopyFrom(model)
    del bare.graph.value_info[:]
    for port in bare.graph.output:
        port.ClearField("type")
    graph = onnx.shape_inference.infer_shapes(bare).graph
    return {
        each.name: each.type.tensor_type for each in (*graph.input, *graph.value_info, *graph.output) if each.type.HasField("tensor_type")
    }


def rename_tensors(model: Any, names: dict[str, str]) -> None:
    """Rename tensors of the main graph, and where its inner graphs read them."""

    def renamed(graph: Any, is_main: bool) -> None:
        for node in graph.node:
            node.input[:] = [names.get(name, name) for name in node.input]
            if is_main:
                node.output[:] = [names.get(name, name) for name in node.output]
            for attribute in node.attribute:
                for inner in (attribute.g, *attribute.graphs):
                    renamed(inner, False)

    renamed(model.graph, True)
    graph = model.graph
    for each in (*graph.initializer, *graph.input, *graph.output):
        each.name = names.get(each.name, each.name)


def names_in(model: Any) -> set[str]:
    """Names of all tensors and nodes of the main graph."""
    graph = model.graph
    made = {name for node in graph.node for name in (node.name, *node.output)}
    return made | {each.name for each in (*graph.initializer, *graph.input)}


def free_name(wanted: str, taken: Collection[str]) -> str:
    """`wanted`, or with a number behind it where that is taken."""
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted}_{number}"
    return name


def drop_unused(model: Any, keep: Iterable[str]) -> None:
    """Remove nodes and initializers that nothing in `keep` needs, in place."""
    graph = model.graph
    wanted = set(keep)
    for node in reversed(list(graph.node)):
        if wanted.intersection(node.output):
            wanted.update(node.input)
            wanted.update(_read_inside(node))
        else:
            graph.node.remove(node)
    for each in list(graph.initializer):
        if each.name not in wanted:
            graph.initializer.remove(each)


def drop_unread_inputs(model: Any) -> None:
    """Remove inputs of the model that nothing reads, in place."""
    read = {port.name for port in model.graph.output}
    for node in model.graph.node:
        read.update(node.input)
        read |= _read_inside(node)
    for port in [port for port in model.graph.input if port.name not in read]:
        model.graph.input.remove(port)


def _read_inside(node: Any) -> set[str]:
    names: set[str] = set()
    for attribute in node.attribute:
        for inner in (attribute.g, *attribute.graphs):
            for each in inner.node:
                names.update(each.input)
                names |= _read_inside(each)
            names.update(port.name for port in inner.output)
    return names


def opset_of(model: Any) -> int:
    """The version of ONNX's own operators that the model uses; 0 where it uses none."""
    return next((each.version for each in model.opset_import if each.domain in ("", "ai.onnx")), 0)


def require_opset(model: Any, domain: str, version: int) -> None:
    """Let the model use at least this version of a domain."""
    for each in model.opset_import:
        if each.domain == domain:
            each.version = max(each.version, version)
            return
    model.opset_import.append(needed("onnx", "converting a model").helper.make_opsetid(domain, version))


def metadata(model: Any) -> dict[str, str]:
    return {each.key: each.value for each in model.metadata_props}


def set_metadata(model: Any, values: dict[str, str]) -> None:
    needed("onnx", "converting a model").helper.set_model_props(model, {**metadata(model), **values})


def loaded(content: bytes) -> Any:
    """A ModelProto from bytes.

    Raises
    ------
    Unsupported
        They can't be read as one.
    """
    onnx = needed("onnx", "converting a model")
    try:
        return onnx.load_model_from_string(content)
    except Exception as error:
        raise Unsupported(f"the model can't be read: {error}") from error
