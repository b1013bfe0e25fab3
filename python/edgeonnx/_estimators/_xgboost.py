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
        model = json.loads(bytes(self._booster.save_raw("json")))["learner"]["gradient_booster"]
        model = model.get("gbtree", model).get("model", {})  # dart has its trees one level further down
        return [_tree(tree) for tree in model["trees"]] if "trees" in model else None

    def to_onnx(self, fields: Sequence[Field], target_opset: int | None, precision: str) -> Draft:
        from onnxmltools import convert_xgboost

        is_classifier = hasattr(self.fitted, "predict_proba") or self._objective.startswith(("binary:", "multi:"))
        with _plain_features(self._booster):
            return booster_draft(convert_xgboost, self.fitted, fields, target_opset, is_classifier)


def _tree(tree: dict[str, Any]) -> Split | None:
    """A tree of XGBoost's JSON format, whose nodes ask for less than their condition, or for none of some categories."""
    left, right, feature, condition = (tree[name] for name in ("left_children", "right_children", "split_indices", "split_conditions"))
    segments = zip(tree.get("categories_nodes", ()), tree.get("categories_segments", ()), tree.get("categories_sizes", ()), strict=True)
    categories = {node: tuple(map(float, tree["categories"][start : start + size])) for node, start, size in segments}
    at_most = numpy.nextafter(numpy.array(condition, numpy.float32), numpy.float32(-numpy.inf)).astype(numpy.float64)

    def split(node: int) -> Split | None:
        if left[node] == -1:
            return None
        yes, no, missing = split(left[node]), split(right[node]), bool(tree["default_left"][node])
        if node in categories:  # these go to the right
            return Split(int(feature[node]), 0.0, no, yes, categories[node], not missing)
        return Split(int(feature[node]), float(at_most[node]), yes, no, missing=missing)

    return split(0)


class _plain_features:  # noqa: N801 (used as a function)
    """The converter of onnxmltools reads only features called f0, f1 and so on, and conditions of numbers alone."""

    def __init__(self, booster: Any) -> None:
        self._booster, self._names, self._types = booster, booster.feature_names, booster.feature_types

    def __enter__(self) -> None:
        if self._names is not None:
            self._booster.feature_names = [f"f{k}" for k in range(len(self._names))]
        if self._types is not None and "i" in self._types:  # booleans, which have no condition in a dump
            self._booster.feature_types = ["float" if each == "i" else each for each in self._types]

    def __exit__(self, *_: object) -> None:
        self._booster.feature_names, self._booster.feature_types = self._names, self._types


def register() -> None:
    """Teach skl2onnx to convert XGBoost's estimators inside pipelines."""
    import xgboost
    from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost

    def convert(scope: Any, operator: Any, container: Any) -> None:
        with _plain_features(operator.raw_operator.get_booster()):
            convert_xgboost(scope, operator, container)

    register_boosters(xgboost.XGBClassifier, xgboost.XGBRegressor, convert, "XgBoost")
