"""Every source of models, by the environment that its packages stand in, and what can't be tried."""

from __future__ import annotations

import importlib
import importlib.metadata
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

from sources.recipe import Recipe


@dataclass(frozen=True)
class Environment:
    """Packages that work together, and the modules of recipes for them."""

    modules: Sequence[str]
    packages: Sequence[str]

    def recipes(self) -> list[Recipe]:
        """All of them, in order."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of deprecated estimators, which have recipes as long as they are there
            return [recipe for name in self.modules for recipe in importlib.import_module(f"sources.{name}").recipes()]

    def versions(self) -> dict[str, str]:
        """Distribution to version."""
        return {name: importlib.metadata.version(name) for name in self.packages}


_BASE = ("numpy", "onnxruntime", "onnx")
ENVIRONMENTS = {
    "main": Environment(
        (
            "scikit_learn.classifiers",
            "scikit_learn.regressors",
            "scikit_learn.groups",
            "scikit_learn.transformers",
            "scikit_learn.pipelines",
            "lightgbm",
            "xgboost",
            "catboost",
            "torch",
            "keras",
        ),
        (*_BASE, "scikit-learn", "skl2onnx", "onnxmltools", "lightgbm", "xgboost-cpu", "catboost", "torch", "onnxscript", "keras"),
    ),
    "tensorflow": Environment(("tensorflow",), (*_BASE, "tensorflow-cpu", "tf2onnx", "keras")),
    "spark": Environment(("spark",), (*_BASE, "pyspark", "onnxmltools")),
}

NOT_TRIED = {
    "Core ML": "onnxmltools 1.16 imports what coremltools 9 removed (`find_type_conversion`); no model of any kind is converted",
    "MATLAB": "exportONNXNetwork needs MATLAB, which is not free",
    "Models with inputs or outputs of text": "edgeonnx has no strings yet; classes of text are counted by their place",
}
