"""scikit-learn, through skl2onnx."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy

from edgeonnx._errors import Unsupported
from edgeonnx._estimators._base import (
    Answers,
    Columns,
    Draft,
    Ensemble,
    Estimator,
    Field,
    Split,
    frame,
    is_float32,
    matrix,
    ordered,
    two_dimensional,
)
from edgeonnx._estimators._blocks import column_types, names_read
from edgeonnx._estimators._converters import MATRIX, matrix_groups
from edgeonnx._estimators._corrections import correct
from edgeonnx._estimators._sklearn_copies import parts, prepared
from edgeonnx._estimators._sklearn_trees import comparison_of, inner_estimators, trees_of_sklearn


def estimator(fitted: Any) -> Estimator:
    return Sklearn(fitted)


class Sklearn(Estimator):
    source = "scikit-learn"
    packages = ("skl2onnx",)

    def __init__(self, fitted: Any) -> None:
        super().__init__(fitted)
        self.compares_in = comparison_of(self._last)
        if "lightgbm" in type(self._last).__module__:
            from edgeonnx._estimators._lightgbm import READS_AS_ZERO

            self.reads_as_zero = READS_AS_ZERO

    @property
    def _last(self) -> Any:
        """The estimator at the end of pipelines and searches."""
        last = self.fitted
        while True:
            if hasattr(last, "steps") and last.steps:
                last = last.steps[-1][1]
            elif hasattr(last, "best_estimator_"):
                last = last.best_estimator_
            else:
                return last

    @property
    def splits_columns(self) -> bool:
        return self.compares_in is not None and self._last is self.fitted

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        names = getattr(self.fitted, "feature_names_in_", None)
        return None if names is None else tuple(map(str, names))

    def columns_read(self, columns: Sequence[str]) -> Sequence[str]:
        read = names_read(self.fitted, columns)
        return columns if read is None else [name for name in columns if name in read]

    def answers(self, columns: Columns) -> Answers:
        mine = ordered(columns, self.feature_names, self.source)
        data = frame(mine) if self.feature_names is not None else matrix(mine)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return self._answers(data)

    def _answers(self, data: Any) -> Answers:
        from sklearn.base import is_classifier, is_clusterer, is_outlier_detector, is_regressor

        fitted = self.fitted
        if is_regressor(fitted):
            return Answers((two_dimensional(fitted.predict(data)),))
        if is_classifier(fitted) or _offers(fitted, "predict_proba"):
            classes = getattr(fitted, "classes_", None)
            labels = numpy.asarray(fitted.predict(data))
            return Answers(_class_scores(fitted, data), labels, classes)
        if is_outlier_detector(fitted):
            return Answers((two_dimensional(fitted.decision_function(data)),), numpy.asarray(fitted.predict(data)))
        if is_clusterer(fitted):
            scores = (two_dimensional(fitted.transform(data)),) if _offers(fitted, "transform") else ()
            return Answers(scores, numpy.asarray(fitted.predict(data)))
        if _offers(fitted, "transform"):
            return Answers((two_dimensional(fitted.transform(data)),))
        if _offers(fitted, "predict"):
            return Answers((two_dimensional(fitted.predict(data)),))
        raise Unsupported(f"{type(fitted).__qualname__} neither predicts nor transforms new rows")

    def to_onnx(self, fields: Sequence[Field], target_opset: int | None, precision: str) -> Draft:
        _register_boosters(self.fitted)
        types, groups = self._types(fields, precision)
        fitted = prepared(self.fitted)
        model = _converted(fitted, list(types.items()), target_opset)
        correct(model, self._last)
        if not groups:  # skl2onnx writes other names where a column's is no identifier
            groups = {port.name: [name] for port, name in zip(model.graph.input, types, strict=True)}
        return Draft(model, groups, self._roles())

    def precisions_for(self, fields: Sequence[Field]) -> tuple[str, ...]:
        if self.splits_columns and (self.compares_in == "float32" or (self.compares_in == "float64" and all(map(is_float32, fields)))):
            return ("float",)
        return ("double", "float")

    def _types(self, fields: Sequence[Field], precision: str) -> tuple[dict[str, Any], dict[str, list[str]]]:
        """What skl2onnx is told of the inputs: one matrix, or one input per column where the estimator chooses columns by name."""
        from skl2onnx.common import data_types

        of = {
            "double": data_types.DoubleTensorType,
            "float": data_types.FloatTensorType,
            "int64": data_types.Int64TensorType,
            "bool": data_types.BooleanTensorType,
        }
        chosen = column_types(self.fitted, fields, precision)
        if chosen is None:
            width, groups = matrix_groups(fields)
            return {MATRIX: of[precision]([None, width])}, groups
        return {name: of[kind]([None, 1]) for name, kind in chosen.items()}, {}

    def _roles(self) -> dict[str, str]:
        from sklearn.base import is_classifier, is_clusterer, is_outlier_detector, is_regressor

        fitted = self.fitted
        if is_regressor(fitted):
            return {"float": "prediction"}
        if is_classifier(fitted) or _offers(fitted, "predict_proba"):
            return {"integer": "label", "float": "probability" if _offers(fitted, "predict_proba") else "score"}
        if is_outlier_detector(fitted):
            return {"integer": "label", "float": "score"}
        if is_clusterer(fitted):
            return {"integer": "label", "float": "distance"}
        return {"float": "transformed", "integer": "transformed"}

    def trees(self) -> Iterable[Split | None] | None:
        return trees_of_sklearn(self._last)

    def ensembles(self) -> list[Ensemble]:
        found = []
        for each in inner_estimators(self.fitted):
            compares_in = comparison_of(each)
            if compares_in is not None and hasattr(each, "n_features_in_"):  # not what was only cloned and fitted elsewhere
                trees = trees_of_sklearn(each)
                found.append(Ensemble(compares_in, None if trees is None else list(trees)))
        return found


def _offers(fitted: Any, method: str) -> bool:
    return callable(getattr(fitted, method, None))


def _class_scores(fitted: Any, data: Any) -> tuple[Any, ...]:
    if _offers(fitted, "predict_proba"):
        found = fitted.predict_proba(data)
        if isinstance(found, list):  # one of each output
            return tuple(two_dimensional(each) for each in found)
        return (two_dimensional(found),)
    if _offers(fitted, "decision_function"):
        found = two_dimensional(fitted.decision_function(data))
        return (numpy.column_stack([-found, found]) if found.shape[1] == 1 else found,)
    return ()


def _converted(fitted: Any, types: list[tuple[str, Any]], target_opset: int | None) -> Any:
    """What skl2onnx makes of it, with raw scores where there are no probabilities, as far as its converter has these options."""
    from skl2onnx import __max_supported_opset__, convert_sklearn
    from sklearn.base import is_classifier

    opset = target_opset or __max_supported_opset__
    opsets = {"": opset, "ai.onnx.ml": 3 if opset >= 13 else 1}
    last = fitted.steps[-1][1] if hasattr(fitted, "steps") else fitted
    raw = {} if _offers(last, "predict_proba") else {"raw_scores": True}
    wanted: list[dict[str, bool]] = [{"zipmap": False, **raw}, raw, {"zipmap": False}] if is_classifier(fitted) else []
    choices = [{id(last): options} for options in wanted if options]
    for options in (*choices, None):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return convert_sklearn(fitted, "edgeonnx", types, target_opset=opsets, options=options)
        except NameError:  # it has no such option
            if options is None:
                raise
    raise AssertionError


def _register_boosters(fitted: Any) -> None:
    """Let skl2onnx convert the boosters of other packages inside pipelines."""
    for package in {type(part).__module__.partition(".")[0] for part in parts(fitted)}:
        if package in ("lightgbm", "xgboost", "catboost"):
            importlib.import_module(f"edgeonnx._estimators._{package}").register()
