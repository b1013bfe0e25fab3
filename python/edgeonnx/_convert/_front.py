"""The inputs of a model for tables: one per column, in the column's own type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from edgeonnx._convert._graph import elem_type, free_name, names_in, opset_of, rename_tensors, require_opset
from edgeonnx._estimators import Field
from edgeonnx._extras import needed

_OPSET = 13  # for a model of trees alone, which names none


def put_front(model: Any, fields: Sequence[Field], groups: Mapping[str, list[str]], names: Mapping[str, str]) -> None:
    """Give the model one input per column, in place.

    Each input of the model becomes the columns that `groups` names for it, cast to its type and put side by side, or the one column of its
    own name, cast.

    Parameters
    ----------
    model
        ModelProto with the inputs of `groups`, and others that have the names of columns.
    fields
        Columns of the table. Those that feed nothing become no input.
    groups
        Input to the columns that make it up.
    names
        Column to the name of its input, where that differs.
    """
    onnx = needed("onnx", "converting a model")
    if not opset_of(model):
        require_opset(model, "", _OPSET)
    graph = model.graph
    by_name = {each.name: each for each in fields}
    old = [port for port in graph.input if port.name not in {each.name for each in graph.initializer}]
    feeds = {port.name: list(groups.get(port.name, [port.name])) for port in old}
    inputs = {column: names.get(column, column) for columns in feeds.values() for column in columns}
    _make_room(model, set(inputs.values()))
    taken = names_in(model) | set(inputs.values())
    nodes: list[Any] = []
    ports = {
        column: onnx.helper.make_tensor_value_info(name, elem_type(by_name[column].dtype), ["N", *(by_name[column].shape or (1,))])
        for column, name in inputs.items()
    }
    renamed = {}
    for port, (_, columns) in zip(old, feeds.items(), strict=True):
        wanted = port.type.tensor_type.elem_type
        is_group = len(columns) > 1 or len(port.type.tensor_type.shape.dim) == 2
        pieces = []
        for column in columns:
            tensor, field = inputs[column], by_name[column]
            if is_group and len(field.shape) > 1:
                shape = free_name(f"{tensor}_shape", taken)
                taken.add(shape)
                graph.initializer.append(onnx.helper.make_tensor(shape, onnx.TensorProto.INT64, [2], [0, prod(field.shape)]))
                tensor = _step(onnx, nodes, taken, "Reshape", [tensor, shape], f"{tensor}_flat")
            if elem_type(field.dtype) != wanted:
                tensor = _step(onnx, nodes, taken, "Cast", [tensor], f"{tensor}_cast", to=wanted)
            pieces.append(tensor)
        renamed[port.name] = pieces[0] if len(pieces) == 1 else _step(onnx, nodes, taken, "Concat", pieces, "columns", axis=1)
    rename_tensors(model, renamed)
    before = list(graph.node)
    del graph.node[:]
    graph.node.extend([*nodes, *before])
    constants = [port for port in graph.input if port.name in {each.name for each in graph.initializer}]
    del graph.input[:]
    graph.input.extend([*ports.values(), *constants])


def _make_room(model: Any, wanted: set[str]) -> None:
    """Other names for tensors that have the name of a column, the inputs that are to be replaced included."""
    present = names_in(model)
    inputs = {port.name for port in model.graph.input}
    taken = present | wanted
    renamed = {}
    for name in sorted(present & wanted - inputs):
        renamed[name] = free_name(f"{name}_inner", taken)
        taken.add(renamed[name])
    rename_tensors(model, renamed)


def _step(onnx: Any, nodes: list[Any], taken: set[str], operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
    name = free_name(output, taken)
    taken.add(name)
    nodes.append(onnx.helper.make_node(operator, inputs, [name], name=name, **attributes))
    return name
