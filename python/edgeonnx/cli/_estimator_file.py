"""Fitted estimators in files: pickles, and the frameworks' own formats."""

import importlib
import importlib.util
import os
import pickle
from collections.abc import Callable
from typing import Any

import edgeonnx
from edgeonnx._extras import needed
from edgeonnx.cli._error import CommandError

HELP = (
    "A pickle (.pkl, .joblib; unpickling runs code, open none that you do not trust), LightGBM's .txt, XGBoost's .json or .ubj, CatBoost's "
    ".cbm, PyTorch's .pt, Keras' .keras."
)


def read_estimator(path: str) -> Any:
    """The estimator in a file, by the ending of its name.

    Raises
    ------
    CommandError
        It can't be read, or its name has another ending.
    Unsupported
        The package that reads it is missing.
    """
    suffix = os.path.splitext(path)[1].lower()
    if suffix not in _READERS:
        raise CommandError(f"'{path}': the name does not tell what it is; known are {', '.join(_READERS)} and .onnx")
    if not os.path.exists(path):
        raise CommandError(f"cannot read '{path}': No such file or directory")
    try:
        return _READERS[suffix](path)
    except edgeonnx.Error:
        raise
    except Exception as error:  # a damaged pickle may raise anything
        raise CommandError(f"cannot read '{path}': {type(error).__name__}: {error}") from error


def _pickle(path: str) -> Any:
    """Written by pickle or by joblib, whatever the file is called; joblib reads both."""
    if importlib.util.find_spec("joblib"):
        return importlib.import_module("joblib").load(path)
    with open(path, "rb") as file:
        return pickle.load(file)


def _lightgbm(path: str) -> Any:
    return needed("lightgbm", "reading a LightGBM model").Booster(model_file=path)


def _xgboost(path: str) -> Any:
    return needed("xgboost", "reading an XGBoost model").Booster(model_file=path)


def _catboost(path: str) -> Any:
    catboost = needed("catboost", "reading a CatBoost model")
    model = catboost.CatBoost().load_model(path)
    is_classifier = "Logloss" in str(model.get_all_params().get("loss_function")) or "Multi" in str(
        model.get_all_params().get("loss_function")
    )
    return (catboost.CatBoostClassifier if is_classifier else catboost.CatBoostRegressor)().load_model(path)


def _torch(path: str) -> Any:
    module = needed("torch", "reading a PyTorch module").load(path, weights_only=False)
    if not callable(getattr(module, "forward", None)):
        raise CommandError(f"'{path}' holds a {type(module).__name__}, not a module; save the module itself, torch.save(module, path)")
    return module


def _keras(path: str) -> Any:
    needed("keras", "reading a Keras model")
    return importlib.import_module("keras").saving.load_model(path)


_READERS: dict[str, Callable[[str], Any]] = {
    ".pkl": _pickle,
    ".pickle": _pickle,
    ".joblib": _pickle,
    ".txt": _lightgbm,
    ".json": _xgboost,
    ".ubj": _xgboost,
    ".cbm": _catboost,
    ".pt": _torch,
    ".pth": _torch,
    ".keras": _keras,
}
