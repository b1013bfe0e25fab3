"""What a random tree ensemble may be like, and the shape that its trees have before they get numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import TensorProto, numpy_helper

from models import Array

OPERATORS = ("TreeEnsembleRegressor", "TreeEnsembleClassifier", "TreeEnsemble")
MODES = ("LEQ", "LT", "GTE", "GT", "EQ", "NEQ", "mixed", "categories")
SHAPES = ("random", "chain", "complete")
CUTS = ("few", "many", "whole", "special")
WEIGHTS = ("one", "every", "some")
BASES = ("none", "one", "all")
TRACKS = ("none", "all", "random")
AGGREGATES = ("SUM", "AVERAGE", "MIN", "MAX")
TRANSFORMS = ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT")
LEAF_VALUES = ("normal", "positive", "halves", "special")


@dataclass(frozen=True)
class Recipe:
    """What an ensemble is to be like."""

    operator: str = "TreeEnsembleRegressor"
    dtype: str = "float32"
    mode: str = "LEQ"
    shape: str = "random"
    depth: int = 4
    n_trees: int = 5
    n_features: int = 6
    n_outputs: int = 1
    cuts: str = "many"
    weights: str = "one"
    leaf_values: str = "normal"
    base: str = "none"
    tracks: str = "none"
    aggregate: str = "SUM"
    transform: str = "NONE"
    shuffled: bool = False  #: nodes, node ids, tree ids and weights in any order
    as_tensor: bool = False  #: numbers in tensors of the input's type, not in lists of floats
    seed: int = 0
    max_nodes: int = 1500

    @property
    def is_classifier(self) -> bool:
        return self.operator == "TreeEnsembleClassifier"

    @property
    def real(self) -> Any:
        return np.float64 if self.dtype == "float64" else np.float32


SPECIAL_CUTS = [0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45, -1e-45, 1.1754944e-38, 3.4028235e38, -3.4028235e38, 1.0, 1.0000001, 16777216.0]
WHOLE_CUTS = [-3.0, -1.0, *map(float, range(34)), 63.0, 64.0, 65.0, 300.0]


@dataclass
class Tree:
    """Nodes by number, the root first; true and false children of a leaf are -1."""

    true: list[int]
    false: list[int]
    same: dict[int, int]  #: split -> the one whose feature it shares, in a chain of categories
    copies: dict[int, int]  #: leaf -> the leaf whose weights it repeats


def tensor_of(values: Array) -> TensorProto:
    return numpy_helper.from_array(values, "values")
