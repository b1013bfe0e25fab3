"""Tensors with `__dlpack__`, and whatever else turns itself into an array."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy

from edgeonnx._errors import InvalidArgument, Unsupported
from edgeonnx._tables import _array
from edgeonnx._tables._columns import Array, Source

if TYPE_CHECKING:
    from edgeonnx._port import Port

# DLDeviceType of dlpack.h: kDLCPU, kDLCUDAHost, kDLROCMHost, kDLCUDAManaged.
_HOST_DEVICES = (1, 3, 11, 13)


def read(data: Any, inputs: tuple[Port, ...]) -> Source:
    return _array.read(as_array("data", data), inputs)


def append(data: Any, scores: Mapping[str, Array], keep: bool) -> Any:
    result = _array.append(as_array("data", data), scores, keep)
    if not hasattr(data, "__dlpack__") or isinstance(result, numpy.ma.MaskedArray):
        return result
    library = data.__array_namespace__() if hasattr(data, "__array_namespace__") else sys.modules[type(data).__module__.partition(".")[0]]
    return library.from_dlpack(result) if hasattr(library, "from_dlpack") else result


def as_array(what: str, values: Any) -> Array:
    """Borrow a tensor as an array; `what` names it in messages."""
    if not hasattr(values, "__dlpack__"):
        return numpy.asarray(values)
    try:
        device, _ = values.__dlpack_device__()
        if int(device) in _HOST_DEVICES:
            return numpy.from_dlpack(values)
    except (BufferError, RuntimeError, TypeError, ValueError) as error:
        raise InvalidArgument(f"{what} is a {type(values).__qualname__} that cannot be shared: {error}") from error
    raise Unsupported(f"{what} is a {type(values).__qualname__} in memory of {getattr(device, 'name', device)}; move it to the CPU first")
