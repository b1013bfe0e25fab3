"""Copies of scikit-learn's estimators that its converter can take."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy

from edgeonnx._estimators._sklearn_trees import LARGEST


def prepared(fitted: Any) -> Any:
    """The estimator, or a copy that skl2onnx can convert and that answers the same, but for classes of text: these become their places.

    A threshold of infinity, which sends NaN alone to the other side, would keep it searching without end; the largest float32 does as well.
    """
    if not any(map(_needs_copy, parts(fitted))):
        return fitted
    changed = copy.deepcopy(fitted)
    for part in parts(changed):
        for name in ("_label_encoder", "_le", "le_", "_label_binarizer", "label_binarizer_"):
            if _has_text_classes(inner := vars(part).get(name)):
                inner.classes_ = numpy.arange(len(inner.classes_))
        if _has_text_classes(part):
            part.classes_ = numpy.arange(len(part.classes_))
        if _has_infinite_thresholds(part):
            thresholds = part.tree_.threshold
            thresholds[numpy.isinf(thresholds)] = LARGEST
        if hasattr(part, "flatten_transform"):
            part.flatten_transform = False  # of transform() alone, and refused
    return changed


def _needs_copy(part: Any) -> bool:
    return _has_text_classes(part) or _has_infinite_thresholds(part) or getattr(part, "flatten_transform", False)


def _has_text_classes(part: Any) -> bool:
    classes = vars(part).get("classes_") if hasattr(part, "__dict__") else None
    return classes is not None and not isinstance(classes, list) and numpy.asarray(classes).dtype.kind in "OUS"


def _has_infinite_thresholds(part: Any) -> bool:
    return hasattr(part, "tree_") and bool(numpy.isinf(part.tree_.threshold).any())


def parts(value: Any, seen: set[int] | None = None) -> Iterator[Any]:
    """An estimator and the estimators in it."""
    seen = set() if seen is None else seen
    if id(value) in seen:
        return
    seen.add(id(value))
    if hasattr(value, "get_params"):
        yield value
        held: Iterable[Any] = vars(value).values()
    elif isinstance(value, Mapping):
        held = value.values()
    elif isinstance(value, (list, tuple)) or (isinstance(value, numpy.ndarray) and value.dtype == object):
        held = value
    else:
        return
    for each in held:
        yield from parts(each, seen)
