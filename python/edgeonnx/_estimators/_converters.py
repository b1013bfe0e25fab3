"""What the converters of onnxmltools have in common."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy

from edgeonnx._estimators._base import Draft, Field

MATRIX = "X"
_NEWEST_OPSET = 15  # that onnxmltools' tree converters were written for


def matrix_groups(fields: Sequence[Field]) -> tuple[int, dict[str, list[str]]]:
    """The width of all columns side by side, and which these are."""
    return sum(int(numpy.prod(each.shape)) for each in fields), {MATRIX: [each.name for each in fields]}


def booster_draft(
    convert: Callable[..., Any], fitted: Any, fields: Sequence[Field], target_opset: int | None, is_classifier: bool, **options: Any
) -> Draft:
    """One real matrix into a tree ensemble."""
    from onnxmltools.convert.common.data_types import FloatTensorType

    width, groups = matrix_groups(fields)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = convert(
            fitted,
            initial_types=[(MATRIX, FloatTensorType([None, width]))],
            target_opset=min(target_opset or _NEWEST_OPSET, _NEWEST_OPSET),
            **options,
        )
    return Draft(model, groups, {"integer": "label", "float": "probability"} if is_classifier else {"float": "prediction"})


def register_boosters(classifier: type, regressor: type, converter: Callable[..., Any], name: str) -> None:
    """Let skl2onnx convert a classifier and a regressor of another package."""
    from onnxmltools.convert.common.shape_calculator import calculate_linear_regressor_output_shapes
    from skl2onnx import update_registered_converter
    from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes

    update_registered_converter(
        classifier,
        f"{name}Classifier",
        calculate_linear_classifier_output_shapes,
        converter,
        options={"nocl": [True, False], "zipmap": [True, False, "columns"], "raw_scores": [True, False]},
    )
    update_registered_converter(regressor, f"{name}Regressor", calculate_linear_regressor_output_shapes, converter)
