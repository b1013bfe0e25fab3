"""The outputs of a model for tables: named by what they are, probabilities one column per class."""

from __future__ import annotations

import json
from typing import Any

import numpy

from edgeonnx._convert._graph import drop_unused, element_types, free_name, inferred_shapes, names_in, rename_tensors, set_metadata
from edgeonnx._errors import ModelError
from edgeonnx._estimators import Answers
from edgeonnx._estimators._outputs import CLASSES_KEY
from edgeonnx._extras import needed

_MOST_COLUMNS = 64  # of classes; more of them stay one output
_FLOATS = frozenset({1, 10, 11})  # FLOAT, FLOAT16 and DOUBLE of onnx.TensorProto


def cut_zipmaps(model: Any) -> None:
    """Return the tensor of probabilities where a ZipMap makes dictionaries of it, in place."""
    graph = model.graph
    for node in [node for node in graph.node if node.op_type == "ZipMap"]:
        for port in graph.output:
            if port.name == node.output[0]:
                port.name = node.input[0]
                port.ClearField("type")
        graph.node.remove(node)


def count_labels(model: Any) -> None:
    """Let classifiers return the place of a class where they return its name, in place."""
    onnx = needed("onnx", "converting a model")
    for node in model.graph.node:
        texts = next((each for each in node.attribute if each.name == "classlabels_strings" and each.strings), None)
        if texts is None:
            continue
        node.attribute.append(onnx.helper.make_attribute("classlabels_int64s", list(range(len(texts.strings)))))
        node.attribute.remove(texts)
        for port in model.graph.output:
            if port.name == node.output[0]:
                port.type.tensor_type.elem_type = onnx.TensorProto.INT64


def finish_outputs(model: Any, roles: dict[str, str], answers: Answers, inputs: set[str]) -> None:
    """Declare the outputs as they are, whatever the converter wrote, and name them by their roles, in place.

    Parameters
    ----------
    model
        ModelProto of the model, its inputs in place.
    roles
        `integer` and `float`, to the name that an output of that kind gets.
    answers
        What the estimator says: how many values a row each output has, and of which classes.
    inputs
        Names that outputs may not have.

    Raises
    ------
    ModelError
        The model has fewer outputs than the estimator has answers.
    """
    outputs = _matched(model, answers)
    del model.graph.output[:]
    taken = set(inputs)
    for tensor, kind, width in outputs:
        role = roles.get("float" if kind in _FLOATS else "integer", tensor)
        if width > 1 and answers.classes is not None and len(answers.classes) == width <= _MOST_COLUMNS and kind in _FLOATS:
            for place, each in enumerate(map(class_name, answers.classes)):
                _return(model, f"{role}_{each}", taken, kind, ["N", 1], _column(model, tensor, place))
        else:
            shape: list[str | int] = ["N", width] if width else ["N"]
            _return(model, role, taken, kind, shape, _shaped(model, tensor, width))
    drop_unused(model, [port.name for port in model.graph.output])
    del model.graph.value_info[:]
    if answers.classes is not None:
        set_metadata(model, {CLASSES_KEY: json.dumps([class_name(each) for each in answers.classes], ensure_ascii=False)})


def class_name(value: Any) -> str:
    """A class as it stands in the name of an output."""
    plain = value.item() if hasattr(value, "item") else value
    return str(int(plain)) if isinstance(plain, (bool, float)) and float(plain).is_integer() else str(plain)


def _matched(model: Any, answers: Answers) -> list[tuple[str, int, int]]:
    """The outputs that answer something: tensor, element type, and values a row; 0 where they are plain labels."""
    types = element_types(model)
    found: list[tuple[str, int, int]] = []
    widths = [score.shape[1] for score in answers.scores]
    has_labels = answers.labels is not None
    for port in model.graph.output:
        kind = types.get(port.name) or port.type.tensor_type.elem_type
        if kind not in _FLOATS and has_labels:
            found.append((port.name, kind, 0))
            has_labels = False
        elif widths:
            found.append((port.name, kind, widths.pop(0)))
    if has_labels or widths:
        raise ModelError(
            f"the converter returned {', '.join(port.name for port in model.graph.output) or 'nothing'}, and the estimator answers "
            f"{'labels and ' if answers.labels is not None else ''}{len(answers.scores)} arrays of scores"
        )
    return found


def _column(model: Any, tensor: str, place: int) -> str:
    onnx = needed("onnx", "converting a model")
    index = free_name(f"{tensor}_place", names_in(model))
    model.graph.initializer.append(onnx.numpy_helper.from_array(numpy.array([place], numpy.int64), index))
    return _step(onnx, model, "Gather", [tensor, index], axis=1)


def _shaped(model: Any, tensor: str, width: int) -> str:
    """The tensor as [N], or [N, width]: itself where it is known to have that shape."""
    onnx = needed("onnx", "converting a model")
    shape = inferred_shapes(model).get(tensor)
    if shape is not None and len(shape) == (2 if width else 1) and (not width or shape[1] == width):
        return tensor
    wanted = free_name(f"{tensor}_shape", names_in(model))
    model.graph.initializer.append(onnx.numpy_helper.from_array(numpy.array([-1, width] if width else [-1], numpy.int64), wanted))
    return _step(onnx, model, "Reshape", [tensor, wanted])


def _step(onnx: Any, model: Any, operator: str, inputs: list[str], **attributes: Any) -> str:
    output = free_name(f"{inputs[0]}_{operator.lower()}", names_in(model))
    model.graph.node.append(onnx.helper.make_node(operator, inputs, [output], name=output, **attributes))
    return output


def _return(model: Any, wanted: str, taken: set[str], kind: int, shape: list[str | int], tensor: str) -> None:
    """Make a tensor an output called `wanted`, or nearly so where an input is called that."""
    onnx = needed("onnx", "converting a model")
    name = free_name(wanted, taken)
    taken.add(name)
    if name != tensor and name in names_in(model):
        rename_tensors(model, {name: free_name(f"{name}_inner", names_in(model) | taken)})
    returned = {port.name for port in model.graph.output} | {port.name for port in model.graph.input}
    if tensor in returned:
        model.graph.node.append(onnx.helper.make_node("Identity", [tensor], [name], name=name))
    elif name != tensor:
        rename_tensors(model, {tensor: name})
    model.graph.output.append(onnx.helper.make_tensor_value_info(name, kind, shape))
