"""Estimators of other frameworks: recognised, asked, and turned into ONNX. One module per framework."""

from __future__ import annotations

import importlib
import sys

from edgeonnx._errors import InvalidArgument, Unsupported
from edgeonnx._estimators._base import Answers, Draft, Ensemble, Estimator, Field, Split, is_float32
from edgeonnx._estimators._outputs import expected_outputs

__all__ = ["Answers", "Draft", "Ensemble", "Estimator", "Field", "Split", "estimator_of", "expected_outputs", "is_float32"]

# The package that a class comes from, and the module here that knows it. Own classes of a user count by what they derive from.
_FRAMEWORKS = {
    "lightgbm": "_lightgbm",
    "xgboost": "_xgboost",
    "catboost": "_catboost",
    "keras": "_keras",
    "tensorflow": "_tensorflow",
    "torch": "_torch",
    "pyspark": "_spark",
    "sklearn": "_sklearn",
}


def estimator_of(fitted: object) -> Estimator:
    """What is known of a fitted estimator.

    Raises
    ------
    Unsupported
        It is of no framework that is known here.
    InvalidArgument
        It has not been fitted.
    """
    for base in type(fitted).__mro__:
        module = _FRAMEWORKS.get(base.__module__.partition(".")[0])
        if module is not None:
            _check_fitted(fitted)
            found = importlib.import_module(f"edgeonnx._estimators.{module}").estimator(fitted)
            assert isinstance(found, Estimator)
            return found
    raise Unsupported(
        f"an object of type {type(fitted).__module__}.{type(fitted).__qualname__} is no estimator that is known here; these are: "
        "scikit-learn, LightGBM, XGBoost, CatBoost, PyTorch, Keras, TensorFlow and Spark ML"
    )


def _check_fitted(estimator: object) -> None:
    """Estimators in the manner of scikit-learn tell whether they were fitted."""
    validation = sys.modules.get("sklearn.utils.validation")
    if validation is None or not hasattr(estimator, "get_params") or type(estimator).__module__.startswith("catboost"):
        fitted = getattr(estimator, "is_fitted", lambda: True)()
    else:
        try:
            validation.check_is_fitted(estimator)
            fitted = True
        except sys.modules["sklearn.exceptions"].NotFittedError:
            fitted = False
    if not fitted:
        raise InvalidArgument(f"the {type(estimator).__qualname__} has not been fitted; call fit first")
