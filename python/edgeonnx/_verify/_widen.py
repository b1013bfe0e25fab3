"""A tree model made to compare in double: columns reach the trees as they are, and meet thresholds that were not rounded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy

from edgeonnx._tables._columns import Array
from edgeonnx._verify._ensembles import ensembles_of
from edgeonnx._verify._graph import copy_of, element_type, makers, onnx_package, put, tensor

__all__ = ["CannotWiden", "narrowed", "widened"]

# These hand values on as they are, in whatever type.
_MOVERS = {
    "Concat",
    "Identity",
    "Gather",
    "ArrayFeatureExtractor",
    "Reshape",
    "Squeeze",
    "Unsqueeze",
    "Flatten",
    "Transpose",
    "Slice",
    "Split",
    "Cast",
}
_TREES_IN_DOUBLE = 3  # ai.onnx.ml; TreeEnsemble of 5 has them too


class CannotWiden(Exception):
    """Why a model can't compare in double, in words."""


def widened(model: Any, thresholds: Sequence[Array | None]) -> Any:
    """The model with the columns of its trees, and their thresholds, in double.

    Parameters
    ----------
    model
        `onnx.ModelProto`; it is not changed.
    thresholds
        For each ensemble (n_splits,) float64, NaN or None where the model's own threshold stays.

    Raises
    ------
    CannotWiden
        Something that computes in float stands between the columns and the trees, or there are no trees.
    """
    onnx = onnx_package()
    found = ensembles_of(model)
    if not found:
        raise CannotWiden("the model has no trees")
    changed = copy_of(model)
    values: set[str] = set()
    for ensemble, exact in zip(found, thresholds, strict=True):
        own = ensemble.threshold
        changed = ensemble.with_double_thresholds(changed, own if exact is None else numpy.where(numpy.isnan(exact), own, exact))
        _gather(changed, ensemble.reads, values)
    _check_readers(changed, values, {ensemble.place for ensemble in found})
    double, single = onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT
    for port in changed.graph.input:
        if port.name in values and port.type.tensor_type.elem_type == single:
            port.type.tensor_type.elem_type = double
    for node in changed.graph.node:
        if node.op_type == "Cast" and node.output[0] in values:
            put(node, to=double)
    for each in changed.graph.initializer:
        if each.name in values and each.data_type == single:
            each.CopyFrom(tensor(onnx.numpy_helper.to_array(each).astype(numpy.float64), each.name))
    del changed.graph.value_info[:]
    _narrow_answers(changed)
    _raise_opset(changed)
    return changed


def narrowed(model: Any, chosen: Sequence[int]) -> Any | None:
    """The model with the columns of some ensembles rounded to float before they are compared; None where none of them is double."""
    onnx = onnx_package()
    changed = copy_of(model)
    n_rounded = 0
    for number, ensemble in reversed(list(enumerate(ensembles_of(model)))):
        if number in chosen and element_type(model, ensemble.reads) == onnx.TensorProto.DOUBLE:
            single, double = f"{ensemble.reads}_single_{number}", f"{ensemble.reads}_double_{number}"
            changed.graph.node[ensemble.place].input[0] = double
            for name, made, to in ((single, double, onnx.TensorProto.DOUBLE), (ensemble.reads, single, onnx.TensorProto.FLOAT)):
                changed.graph.node.insert(ensemble.place, onnx.helper.make_node("Cast", [name], [made], to=to))
            n_rounded += 1
    return changed if n_rounded else None


def _gather(model: Any, wanted: str, values: set[str]) -> None:
    """Note every value on the way from the graph's inputs."""
    made_by = makers(model)
    waiting = [wanted]
    while waiting:
        name = waiting.pop()
        if name in values:
            continue
        values.add(name)
        node = made_by.get(name)
        if node is None:
            continue
        if node.op_type not in _MOVERS:
            called = f"{node.op_type} '{node.name}'" if node.name else node.op_type
            raise CannotWiden(f"node {called} computes in float between the columns and the trees")
        waiting.extend(node.input if node.op_type == "Concat" else node.input[:1])


def _check_readers(model: Any, values: set[str], trees: set[int]) -> None:
    for place, node in enumerate(model.graph.node):
        reads = values.intersection(node.input)
        if reads and place not in trees and not values.intersection(node.output):
            raise CannotWiden(f"node {node.op_type} reads {', '.join(sorted(map(repr, reads)))} beside the trees, in float")


def _narrow_answers(model: Any) -> None:
    """TreeEnsemble of ai.onnx.ml 5 answers in the type that it reads, where the others always answer in float."""
    onnx = onnx_package()
    nodes = []
    for node in model.graph.node:
        nodes.append(node)
        if node.op_type == "TreeEnsemble":
            name, inner = node.output[0], f"{node.output[0]}_double"
            node.output[0] = inner
            nodes.append(onnx.helper.make_node("Cast", [inner], [name], to=onnx.TensorProto.FLOAT))
    kept = [copy_of(node) for node in nodes]
    del model.graph.node[:]
    model.graph.node.extend(kept)


def _raise_opset(model: Any) -> None:
    for opset in model.opset_import:
        if opset.domain == "ai.onnx.ml" and opset.version < _TREES_IN_DOUBLE:
            if any(node.op_type == "LabelEncoder" for node in model.graph.node):
                raise CannotWiden(
                    "LabelEncoder of ai.onnx.ml 1 is not that of 3, which has trees in double; convert with a newer target_opset"
                )
            opset.version = _TREES_IN_DOUBLE
