"""Sums in float32 are further from those in float64 than the tolerance allows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy

from edgeonnx._verify._case import Case, Proposal, any_of
from edgeonnx._verify._causes._runtime_defect import evaluated, spread
from edgeonnx._verify._graph import copy_of, onnx_package, put, tensor
from edgeonnx._verify._trial import Trial

NAME = "float32 arithmetic"
_MOST_ROWS = 64
_REMEDY = (
    "convert in double (a DoubleTensorType in skl2onnx, model.double() in PyTorch), scale the columns, or allow more: rtol= and atol= of "
    "verify"
)


def proposals(case: Case, state: Trial) -> Iterator[Proposal]:
    wrong = case.wrong(case.answers(state))
    rows = numpy.flatnonzero(any_of(wrong))
    if len(rows) == 0:
        return
    looked = rows[:: -(-len(rows) // _MOST_ROWS)]
    answers = evaluated(case, state.with_model(doubled(state.model)), looked)
    if answers is None:
        return
    expected = {name: values[looked] for name, values in case.expected.items()}
    right = {name: ~each.differs for name, each in case.comparison.all(answers, expected).items()}
    n_right = int(numpy.logical_and.reduce(list(right.values())).sum())
    yield Proposal(
        state,
        lambda found: f"the same graph, computed in float64, gives {n_right} of {len(looked)} rows looked at right",
        _REMEDY,
        spread(wrong, rows, looked, right),
    )


def doubled(model: Any) -> Any:
    """The graph with every float in double. Operators that ONNX has in float alone are computed in double by the reference all the same."""
    onnx = onnx_package()
    double, single = onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT
    changed = copy_of(model)
    for port in (*changed.graph.input, *changed.graph.output):
        if port.type.tensor_type.elem_type == single:
            port.type.tensor_type.elem_type = double
    for each in changed.graph.initializer:
        if each.data_type == single:
            each.CopyFrom(tensor(onnx.numpy_helper.to_array(each).astype(numpy.float64), each.name))
    for node in changed.graph.node:
        for held in node.attribute:
            if held.HasField("t") and held.t.data_type == single:
                put(node, **{held.name: tensor(onnx.numpy_helper.to_array(held.t).astype(numpy.float64))})
        if node.op_type == "Cast":
            target = next(held.i for held in node.attribute if held.name == "to")
            put(node, to=double if target == single else target)
    del changed.graph.value_info[:]
    return changed
