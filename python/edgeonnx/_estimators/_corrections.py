"""What skl2onnx leaves out or takes for something else, put right; the check of `convert` would refuse these models otherwise."""

from __future__ import annotations

from typing import Any


def correct(model: Any, last: Any) -> None:
    """Correct, in place, the model of a pipeline that ends with the estimator `last`."""
    kind = type(last).__name__
    if kind == "HistGradientBoostingRegressor" and last.loss in ("poisson", "gamma"):
        _take_exponential(model)
    elif kind == "LinearDiscriminantAnalysis" and len(last.classes_) == 2:
        _take_logistic(model)


def _take_exponential(model: Any) -> None:
    """These losses predict the logarithm, and the ensemble alone was converted."""
    from onnx import helper

    (output,) = model.graph.output
    inner = f"{output.name}_log"
    for node in model.graph.node:
        node.output[:] = [inner if name == output.name else name for name in node.output]
    model.graph.node.append(helper.make_node("Exp", [inner], [output.name], name="Exp"))
    if not any(each.domain in ("", "ai.onnx") for each in model.opset_import):
        model.opset_import.append(helper.make_opsetid("", 13))


def _take_logistic(model: Any) -> None:
    """Of two classes with decisions -d and d the probability is that of d alone; their softmax would be that of 2 d."""
    for node in model.graph.node:
        for attribute in node.attribute:
            if node.op_type == "LinearClassifier" and attribute.name == "post_transform" and attribute.s == b"SOFTMAX":
                attribute.s = b"LOGISTIC"
