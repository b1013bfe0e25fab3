"""Keras: through tf2onnx on TensorFlow, else through its own export."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Sequence
from typing import Any

import numpy

from edgeonnx._errors import InvalidArgument
from edgeonnx._estimators._base import Answers, Columns, Draft, Estimator, Field
from edgeonnx._estimators._inputs import arrays, fed_by
from edgeonnx._estimators._tensorflow import network_draft
from edgeonnx._tables._columns import Array


def estimator(fitted: Any) -> Estimator:
    return Keras(fitted)


class Keras(Estimator):
    """A model with one input per column, by name, or one input of all columns side by side."""

    source = "Keras"

    def __init__(self, fitted: Any) -> None:
        super().__init__(fitted)
        if not getattr(fitted, "inputs", None):
            raise InvalidArgument("the Keras model has no inputs yet; call it once on a few rows, or give its first layer an Input")

    @property
    def packages(self) -> tuple[str, ...]:  # type: ignore[override]  # they depend on the backend
        import keras

        return ("torch", "onnxscript") if keras.backend.backend() == "torch" else ("tensorflow", "tf2onnx")

    def answers(self, columns: Columns) -> Answers:
        outputs = self.fitted.predict_on_batch(self._given(columns))
        if isinstance(outputs, dict):
            outputs = list(outputs.values())
        found = [numpy.asarray(each) for each in (outputs if isinstance(outputs, (list, tuple)) else [outputs])]
        return Answers(tuple(each.reshape(len(each), -1) for each in found))

    def to_onnx(self, fields: Sequence[Field], target_opset: int | None, precision: str) -> Draft:
        import onnx

        plan = self._plan([each.name for each in fields])
        if self.packages[0] == "tensorflow":
            inputs = [(each.shape, each.dtype) for each in self.fitted.inputs]
            return network_draft(self._call, inputs, list(plan.values()), target_opset)
        options: dict[str, Any] = {} if target_opset is None else {"opset_version": target_opset}
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            path = os.path.join(folder, "model.onnx")
            self.fitted.export(path, format="onnx", verbose=False, **options)
            model = onnx.load(path)
        ports = [port.name for port in model.graph.input]
        return Draft(model, dict(zip(ports, plan.values(), strict=True)), {"float": "prediction"})

    def _plan(self, columns: Sequence[str]) -> dict[str, list[str]]:
        return fed_by([each.name for each in self.fitted.inputs], columns, "model")

    def _call(self, *tensors: Any) -> Any:
        return self.fitted(list(tensors) if len(tensors) > 1 else tensors[0], training=False)

    def _given(self, columns: Columns) -> Array | list[Array]:
        found = arrays(columns, self._plan(list(columns)), [each.dtype for each in self.fitted.inputs])
        return found if len(found) > 1 else found[0]
