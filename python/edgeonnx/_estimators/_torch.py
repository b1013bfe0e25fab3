"""PyTorch, through torch.onnx.export."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Sequence
from typing import Any

import numpy

from edgeonnx._estimators._base import Answers, Columns, Draft, Estimator, Field, dense, matrix
from edgeonnx._estimators._inputs import fed_by

_EXAMPLE_ROWS = 3  # a batch of one would be taken for a constant


def estimator(fitted: Any) -> Estimator:
    return Torch(fitted)


class Torch(Estimator):
    """A module whose forward takes one tensor per column, by name, or one tensor of all columns side by side."""

    source = "PyTorch"
    packages = ("torch", "onnxscript")

    @property
    def _parameters(self) -> list[str]:
        forward = inspect.signature(self.fitted.forward).parameters.values()
        return [
            each.name for each in forward if each.default is each.empty and each.kind in (each.POSITIONAL_OR_KEYWORD, each.POSITIONAL_ONLY)
        ]

    def _plan(self, columns: Sequence[str]) -> dict[str, list[str]]:
        """Parameter to the columns that feed it."""
        return fed_by(self._parameters, columns, "module")

    def _tensors(self, columns: Columns) -> list[Any]:
        import torch

        plan = self._plan(list(columns))
        floats = next((each.dtype for each in self.fitted.parameters() if each.is_floating_point()), torch.float32)
        tensors = []
        for names in plan.values():
            if len(names) == 1 and columns[names[0]].ndim > 1:
                values = dense(columns[names[0]])
            else:
                values = matrix({name: columns[name] for name in names})
            tensor = torch.from_numpy(numpy.array(values))
            tensors.append(tensor.to(floats) if tensor.is_floating_point() or len(names) > 1 else tensor)
        return tensors

    def answers(self, columns: Columns) -> Answers:
        import torch

        was_training = self.fitted.training
        self.fitted.eval()
        try:
            with torch.no_grad():
                outputs = self.fitted(*self._tensors(columns))
        finally:
            self.fitted.train(was_training)
        if isinstance(outputs, dict):
            outputs = tuple(outputs.values())
        outputs = outputs if isinstance(outputs, (tuple, list)) else (outputs,)
        return Answers(tuple(each.detach().cpu().numpy().reshape(len(each), -1) for each in outputs))

    def to_onnx(self, fields: Sequence[Field], target_opset: int | None, precision: str) -> Draft:
        import torch

        blank = {each.name: numpy.zeros((_EXAMPLE_ROWS, *each.shape), each.dtype) for each in fields}
        plan = self._plan([each.name for each in fields])
        names = [parameter if len(columns) > 1 else columns[0] for parameter, columns in plan.items()]
        tensors = self._tensors(blank)
        was_training = self.fitted.training
        rows = torch.export.Dim("rows", min=1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                self.fitted.eval(),
                tuple(tensors),
                input_names=names,
                opset_version=target_opset,
                dynamic_shapes=tuple({0: rows} for _ in tensors),
                dynamo=True,
                external_data=False,
                verbose=False,
            )
        self.fitted.train(was_training)
        groups = {name: columns for name, columns in zip(names, plan.values(), strict=True) if len(columns) > 1 or name != columns[0]}
        return Draft(program.model_proto, groups, {"float": "prediction"})
