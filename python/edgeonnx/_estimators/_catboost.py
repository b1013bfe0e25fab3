"""CatBoost, which writes ONNX itself."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from typing import Any

import numpy

from edgeonnx._errors import Unsupported
from edgeonnx._estimators._base import Answers, Columns, Draft, Estimator, Field, frame, matrix, ordered, two_dimensional
from edgeonnx._estimators._converters import MATRIX, matrix_groups


def estimator(fitted: Any) -> Estimator:
    return CatBoost(fitted)


class CatBoost(Estimator):
    source = "CatBoost"
    packages = ("onnx",)
    compares_in = "float32"

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        names = tuple(map(str, self.fitted.feature_names_ or ()))
        return None if not names or names == tuple(map(str, range(len(names)))) else names

    def answers(self, columns: Columns) -> Answers:
        mine = ordered(columns, self.feature_names, self.source)
        data = frame(mine) if self.feature_names is not None else matrix(mine)
        if self._is_classifier:
            labels = numpy.asarray(self.fitted.predict(data)).reshape(-1)
            return Answers((two_dimensional(self.fitted.predict_proba(data)),), labels, self.fitted.classes_)
        return Answers((two_dimensional(self.fitted.predict(data)),))

    @property
    def _is_classifier(self) -> bool:
        return hasattr(self.fitted, "predict_proba")

    def to_onnx(self, fields: Sequence[Field], target_opset: int | None, precision: str) -> Draft:
        import onnx

        if self.fitted.get_cat_feature_indices():
            raise Unsupported("CatBoost exports no categorical features to ONNX; encode them as numbers before training")
        _, groups = matrix_groups(fields)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "model.onnx")
            self.fitted.save_model(path, format="onnx")
            model = onnx.load(path)
        port = model.graph.input[0]
        for node in model.graph.node:
            node.input[:] = [MATRIX if name == port.name else name for name in node.input]
        port.name = MATRIX
        return Draft(model, groups, {"integer": "label", "float": "probability"} if self._is_classifier else {"float": "prediction"})


def register() -> None:
    raise Unsupported("skl2onnx has no converter for CatBoost inside a pipeline; convert the CatBoost model alone")
