"""LightGBM, through onnxmltools."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy

from edgeonnx._estimators._base import Answers, Columns, Draft, Estimator, Field, Split, binary, frame, matrix, ordered, two_dimensional
from edgeonnx._estimators._converters import booster_draft, register_boosters

READS_AS_ZERO = float(numpy.float32(1e-35))  # kZeroThreshold of LightGBM's meta.h


def estimator(fitted: Any) -> Estimator:
    return LightGbm(fitted)


class LightGbm(Estimator):
    source = "LightGBM"
    packages = ("onnxmltools",)
    compares_in = "float64"
    reads_as_zero = READS_AS_ZERO

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        names = tuple(_booster(self.fitted).feature_name())
        return None if names == tuple(f"Column_{k}" for k in range(len(names))) else names

    def known_among(self, columns: Sequence[str]) -> Sequence[str] | None:
        written = {name.replace(" ", "_"): name for name in columns}  # as LightGBM writes them
        names = self.feature_names
        return None if names is None or not set(names) <= set(written) else [written[name] for name in names]

    def answers(self, columns: Columns) -> Answers:
        given = dict(columns)
        names = self.feature_names
        if names is not None and not set(names) <= set(given):  # LightGBM writes _ for blanks
            given = {name if name in names else name.replace(" ", "_"): values for name, values in given.items()}
        mine = ordered(given, names, self.source)
        fitted = self.fitted
        data = frame(mine) if hasattr(fitted, "feature_names_in_") and names is not None else matrix(mine)
        if names is not None and hasattr(data, "columns") and hasattr(fitted, "feature_names_in_"):
            data.columns = list(fitted.feature_names_in_)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if hasattr(fitted, "predict_proba"):
                return Answers((two_dimensional(fitted.predict_proba(data)),), numpy.asarray(fitted.predict(data)), fitted.classes_)
            scores = numpy.asarray(fitted.predict(data))
        objective = _objective(fitted)
        if objective.startswith("binary") and not hasattr(fitted, "fit"):
            return Answers((binary(scores),), (scores > 0.5).astype(numpy.int64), numpy.arange(2))
        if objective.startswith("multiclass"):
            return Answers((scores,), numpy.argmax(scores, axis=1), numpy.arange(scores.shape[1]))
        return Answers((two_dimensional(scores),))

    def to_onnx(self, fields: Sequence[Field], target_opset: int | None, precision: str) -> Draft:
        from onnxmltools import convert_lightgbm

        # onnxmltools takes classes that are no numbers for text; the booster alone counts them.
        has_flags = hasattr(self.fitted, "classes_") and numpy.asarray(self.fitted.classes_).dtype.kind == "b"
        fitted = _booster(self.fitted) if has_flags else self.fitted
        return booster_draft(convert_lightgbm, fitted, fields, target_opset, self._is_classifier(), zipmap=False)

    def _is_classifier(self) -> bool:
        return hasattr(self.fitted, "predict_proba") or _objective(self.fitted).startswith(("binary", "multiclass"))

    def trees(self) -> Iterable[Split | None] | None:
        return trees_of(self.fitted)


def _booster(fitted: Any) -> Any:
    return getattr(fitted, "booster_", fitted)


def _objective(fitted: Any) -> str:
    return str(_booster(fitted).dump_model(num_iteration=0).get("objective", ""))


def trees_of(fitted: Any) -> list[Split | None]:
    return [_tree(each["tree_structure"]) for each in _booster(fitted).dump_model()["tree_info"]]


def _tree(node: dict[str, Any]) -> Split | None:
    if "split_feature" not in node:
        return None
    yes, no = _tree(node["left_child"]), _tree(node["right_child"])
    if node["decision_type"] == "==":
        categories = tuple(float(each) for each in str(node["threshold"]).split("||"))
        return Split(int(node["split_feature"]), 0.0, yes, no, categories)
    threshold = float(node["threshold"])
    # Where no value was missing in training, NaN counts as 0.
    missing = threshold >= 0 if node["missing_type"] == "None" else bool(node["default_left"])
    return Split(int(node["split_feature"]), threshold, yes, no, missing=missing)


def register() -> None:
    """Teach skl2onnx to convert LightGBM's estimators inside pipelines."""
    import lightgbm
    from onnxmltools.convert.lightgbm.operator_converters.LightGbm import convert_lightgbm

    register_boosters(lightgbm.LGBMClassifier, lightgbm.LGBMRegressor, convert_lightgbm, "LightGbm")
