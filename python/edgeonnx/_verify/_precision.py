"""In which precision a model computes each of its outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edgeonnx._port import Port
from edgeonnx._tables._columns import Array
from edgeonnx._verify._graph import onnx_package

__all__ = ["precision_of"]


def precision_of(model: Any, ports: Sequence[Port], expected: Mapping[str, Array]) -> dict[str, str]:
    """`float16`, `float` or `double` by output: the coarsest of what the graph computes in, the output's type and the reference's."""
    onnx = onnx_package()
    used = {each.data_type for each in model.graph.initializer}
    used |= {port.type.tensor_type.elem_type for port in model.graph.input}
    used |= {held.i for node in model.graph.node if node.op_type == "Cast" for held in node.attribute if held.name == "to"}
    # Operators for classical models have their coefficients in float.
    has_float = onnx.TensorProto.FLOAT in used or any(node.domain == "ai.onnx.ml" for node in model.graph.node)
    has_half = used & {onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16}
    types = {port.name: port.onnx_type.removeprefix("tensor(").removesuffix(")") for port in ports}
    found = {}
    for name, values in expected.items():
        kinds = {
            types.get(name, "float"),
            {2: "float16", 4: "float"}.get(values.dtype.itemsize if values.dtype.kind == "f" else 8, "double"),
        }
        if onnx.TensorProto.BFLOAT16 in has_half or "bfloat16" in kinds:
            found[name] = "bfloat16"
        elif has_half or "float16" in kinds:
            found[name] = "float16"
        else:
            found[name] = "float" if has_float or "float" in kinds else "double"
    return found
