"""TensorFlow's functions and modules, through tf2onnx."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy

from edgeonnx._errors import InvalidArgument
from edgeonnx._estimators._base import Answers, Columns, Draft, Estimator, Field
from edgeonnx._estimators._inputs import arrays, fed_by


def estimator(fitted: Any) -> Estimator:
    return TensorFlow(fitted)


class TensorFlow(Estimator):
    """A `tf.function` with an input signature: one tensor per column, by name, or one tensor of all columns side by side.

    Of a module, or of a SavedModel that was loaded, the function that calls it is meant, or the signature `serving_default`.
    """

    source = "TensorFlow"
    packages = ("tf2onnx",)

    def __init__(self, fitted: Any) -> None:
        super().__init__(fitted)
        self._concrete = _concrete(fitted)
        self._positional, self._named = self._concrete.structured_input_signature
        self._inputs = [*self._positional, *self._named.values()]

    def answers(self, columns: Columns) -> Answers:
        import tensorflow

        given = arrays(columns, self._plan(list(columns)), [each.dtype.as_numpy_dtype for each in self._inputs])
        outputs = self._call(*(tensorflow.constant(each) for each in given))
        found = [numpy.asarray(each) for each in tensorflow.nest.flatten(outputs)]
        return Answers(tuple(each.reshape(len(each), -1) for each in found))

    def to_onnx(self, fields: Sequence[Field], target_opset: int | None, precision: str) -> Draft:
        plan = self._plan([each.name for each in fields])
        return network_draft(self._call, [(each.shape, each.dtype) for each in self._inputs], list(plan.values()), target_opset)

    def _call(self, *tensors: Any) -> Any:
        named = dict(zip(self._named, tensors[len(self._positional) :], strict=True))
        return self._concrete(*tensors[: len(self._positional)], **named)

    def _plan(self, columns: Sequence[str]) -> dict[str, list[str]]:
        return fed_by([each.name for each in self._inputs], columns, "function")


def network_draft(
    call: Callable[..., Any], inputs: Sequence[tuple[Any, Any]], feeds: Sequence[list[str]], target_opset: int | None
) -> Draft:
    """Convert a function of tensors.

    Parameters
    ----------
    call
        Takes one tensor per input.
    inputs
        Shape and dtype of each.
    feeds
        The columns that make each up.
    target_opset
        None: tf2onnx's own.
    """
    import onnx
    import tensorflow
    import tf2onnx

    signature = [tensorflow.TensorSpec(shape, dtype, f"input_{k}") for k, (shape, dtype) in enumerate(inputs)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        function = tensorflow.function(call, input_signature=signature, autograph=False)
        model, _ = tf2onnx.convert.from_function(function, input_signature=signature, opset=target_opset)
    captured = function.get_concrete_function().graph.captures
    constants = {inner.name: outer for outer, inner in captured if outer.dtype != tensorflow.resource}
    for port in [port for port in model.graph.input if port.name in constants]:  # tf2onnx takes constants of a closure for inputs
        model.graph.initializer.append(onnx.numpy_helper.from_array(constants[port.name].numpy(), port.name))
        model.graph.input.remove(port)
    read = {port.name.partition(":")[0]: port.name for port in model.graph.input}
    places = {each.name: columns for each, columns in zip(signature, feeds, strict=True)}
    return Draft(model, {read[name]: columns for name, columns in places.items() if name in read}, {"float": "prediction"})


def _concrete(fitted: Any) -> Any:
    """The one graph of a function, of the function that calls a module, or of the signature that a SavedModel serves."""
    if hasattr(fitted, "structured_input_signature"):
        return fitted
    function = fitted if hasattr(fitted, "get_concrete_function") else getattr(fitted, "__call__", None)  # noqa: B004 of the instance
    try:
        return function.get_concrete_function()  # type: ignore[union-attr]
    except (AttributeError, TypeError, ValueError) as error:
        signatures = getattr(fitted, "signatures", {})
        if "serving_default" in signatures:
            return signatures["serving_default"]
        raise InvalidArgument(
            "the function has no input signature, so that its inputs are not known; give it one, as in "
            "@tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32)])"
        ) from error
