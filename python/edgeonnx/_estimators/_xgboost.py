"""XGBoost, through onnxmltools."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy

from edgeonnx._estimators._base import Answers, Columns, Draft, Estimator, Field, Split, binary, frame, matrix, ordered, two_dimensional
from edgeonnx._estimators._converters import booster_draft, register_boosters


def estimator(fitted: Any) -> Estimator:
    return XgBoost(fitted)


class XgBoost(Estimator):
    source = "XGBoost"
    packages = ("onnxmltools",)
    compares_in = "float32"

    @property
    def _booster(self) -> Any:
        return self.fitted.get_booster() if hasattr(self.fitted, "get_booster") else self.fitted

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        names = self._booster.feature_names
        return None if names is None else tuple(names)

    def answers(self, columns: Columns) -> Answers:
        mine = ordered(columns, self.feature_names, self.source)
        data = frame(mine) if self.feature_names is not None else matrix(mine)
        fitted = self.fitted
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if hasattr(fitted, "predict_proba"):
                return Answers((two_dimensional(fitted.predict_proba(data)),), numpy.asarray(fitted.predict(data)), fitted.classes_)
            if hasattr(fitted, "get_booster"):
                return Answers((two_dimensional(fitted.predict(data)),))
            import xgboost

            scores = numpy.asarray(fitted.predict(xgboost.DMatrix(data)))
        if self._objective == "binary:logistic":
            return Answers((binary(scores),), (scores > 0.5).astype(numpy.int64), numpy.arange(2))
        if self._objective == "multi:softprob":
            return Answers((scores,), numpy.argmax(scores, axis=1), numpy.arange(scores.shape[1]))
        return Answers((two_dimensional(scores),))

    @property
    def _objective(self) -> str:
        return str(json.loads(self._booster.save_config())["learner"]["objective"]["name"])

    def trees(self) -> Iterable[Split | None] | None:
        names = self.feature_names
        places = {} if names is None else {name: place for place, name in enumerate(names)}
        return [_tree(json.loads(dump), places) for dump in self._booster.get_dump(dump_format="json")]

    def to_onnx(self, fields: Sequence[Field], target_opset: int | None, precision: str) -> Draft:
        from onnxmltools import convert_xgboost

        is_classifier = hasattr(self.fitted, "predict_proba") or self._objective.startswith(("binary:", "multi:"))
        with _plain_feature_names(self._booster):
            return booster_draft(convert_xgboost, self.fitted, fields, target_opset, is_classifier)


def _tree(node: dict[str, Any], places: dict[str, int]) -> Split | None:
    if "split" not in node:
        return None
    below = {child["nodeid"]: _tree(child, places) for child in node["children"]}
    feature = places[node["split"]] if node["split"] in places else int(node["split"].removeprefix("f"))
    condition, yes, no = node["split_condition"], below[node["yes"]], below[node["no"]]
    missing = node["missing"] == node["yes"]
    if isinstance(condition, list):
        return Split(feature, 0.0, yes, no, tuple(map(float, condition)), missing)
    # XGBoost asks for less than the condition.
    return Split(feature, float(numpy.nextafter(numpy.float32(condition), numpy.float32(-numpy.inf))), yes, no, missing=missing)


class _plain_feature_names:  # noqa: N801 (used as a function)
    """The converter of onnxmltools reads only features called f0, f1 and so on."""

    def __init__(self, booster: Any) -> None:
        self._booster, self._names = booster, booster.feature_names

    def __enter__(self) -> None:
        if self._names is not None:
            self._booster.feature_names = [f"f{k}" for k in range(len(self._names))]

    def __exit__(self, *_: object) -> None:
        self._booster.feature_names = self._names


def register() -> None:
    """Teach skl2onnx to convert XGBoost's estimators inside pipelines."""
    import xgboost
    from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost

    register_boosters(xgboost.XGBClassifier, xgboost.XGBRegressor, convert_xgboost, "XgBoost")
