"""Data in the memory of a CUDA device: borrowed by a scorer that runs there, and results that stay there.

Three protocols carry such data: DLPack (torch, cupy, jax), `__cuda_array_interface__` (numba and others) and the Arrow C device interface
(`__arrow_c_device_array__`). An object that has several is read by the first of them.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy

from edgeonnx import _core
from edgeonnx._errors import InvalidArgument, NotFound, ShapeError, Unsupported
from edgeonnx._port import Port
from edgeonnx._scores import Origin, Scores, scores_of
from edgeonnx._sql_types import declaration_of

__all__ = ["lies_on_device", "score", "what_lies_there"]

_CUDA = 2  # DLPack's kDLCUDA and Arrow's ARROW_DEVICE_CUDA
_LEGACY_STREAM = 1  # as DLPack and CUDA number the default stream, which others wait for
_TYPES = {
    "<f4": 1, "|u1": 2, "|i1": 3, "<u2": 4, "<i2": 5, "<i4": 6, "<i8": 7, "|b1": 9, "<f2": 10, "<f8": 11, "<u4": 12, "<u8": 13,
}  # fmt: skip
"""dtype to the element type of ONNX."""


class _Tensor(NamedTuple):
    address: int
    shape: tuple[int, ...]
    type: int
    device_id: int
    stream: int | None
    event: int | None
    is_writable: bool
    owner: object
    """What keeps the memory."""


def lies_on_device(data: object) -> bool:
    """Whether data, or a value of a mapping, lie in the memory of a CUDA device."""
    if isinstance(data, Mapping):
        return any(type(value) is not numpy.ndarray and _lies_on_device(value) for value in data.values())
    return _lies_on_device(data)


def _lies_on_device(value: object) -> bool:
    device = getattr(value, "__dlpack_device__", None)
    if device is not None:
        try:
            return int(device()[0]) == _CUDA
        except (BufferError, RuntimeError, TypeError, ValueError):
            return False  # whoever shares it by another protocol finds out
    if getattr(value, "__cuda_array_interface__", None) is not None:
        return True
    if not hasattr(value, "__arrow_c_device_array__") or getattr(value, "is_cpu", False):
        return False
    return int(_core.read_arrow_device(*value.__arrow_c_device_array__())[0]) == _CUDA


def what_lies_there(data: object) -> str:
    """The first of the data that lies on a device, for messages."""
    if not isinstance(data, Mapping):
        return f"data, a {type(data).__qualname__},"
    name, value = next((name, value) for name, value in data.items() if type(value) is not numpy.ndarray and _lies_on_device(value))
    return f"column {name!r}, a {type(value).__qualname__},"


def score(
    core: _core.Scorer,
    ports: tuple[tuple[Port, ...], tuple[Port, ...]],
    data: Any,
    names: Iterable[str] | None,
    out: Mapping[str, Any] | None,
    rename: Mapping[str, str],
) -> Scores:
    """Score data on the device; see `Scorer.score`. The outputs of `out` are written there, or all of them into new arrays on the host."""
    started = time.perf_counter_ns()
    inputs, outputs = ports
    tensors = _inputs(data, inputs, rename)
    if isinstance(names, str):
        raise InvalidArgument(f"outputs={names!r}: a sequence of names is expected, as in outputs=[{names!r}]")
    names = list(names) if names is not None else None
    wanted = list(out) if out is not None else names if names is not None else [port.name for port in outputs]
    _refuse_unknown(wanted, outputs)
    n_rows = next(iter(tensors.values())).shape[0] if tensors else 0
    if out is not None:
        if names is not None and set(names) != set(out):
            raise InvalidArgument("outputs and out name different outputs, and of data on a device out says which are wanted")
        results: dict[str, Any] = dict(out)
        targets = {name: _tensor(f"out[{name!r}]", values) for name, values in out.items()}
        if fixed := [name for name, target in targets.items() if not target.is_writable]:
            raise InvalidArgument(f"out[{fixed[0]!r}] is read-only; results can only stay in tensors that may be written")
    else:
        by_name = {port.name: port for port in outputs}
        results = {name: _new_array(by_name[name], n_rows) for name in wanted}
        targets = {
            name: _Tensor(array.ctypes.data, array.shape, _TYPES[array.dtype.str], -1, None, None, True, array)
            for name, array in results.items()
        }
    _core.score_device(
        core, _raw(tensors), _raw(targets), out is None, _device_of([*tensors.values(), *targets.values()]), _stream_of(tensors.values())
    )
    n_bytes = sum(_n_bytes(tensor) for tensor in tensors.values())
    report = struct.pack("N12q", 13 * 8, n_rows, 1, 1, 0, n_bytes, time.perf_counter_ns() - started, 0, 0, 0, -1, len(tensors), 0)
    return scores_of((results, None, report), Origin())


def _inputs(data: Any, inputs: tuple[Port, ...], rename: Mapping[str, str]) -> dict[str, _Tensor]:
    if isinstance(data, Mapping):
        columns = _columns_of_inputs(data, inputs, rename)
        return {name: _tensor(f"column {column!r}", data[column]) for name, column in columns.items()}
    elif hasattr(data, "__arrow_c_device_array__") and not hasattr(data, "__dlpack__"):
        tensors = _arrow_columns(data)
        return {name: tensors[column] for name, column in _columns_of_inputs(tensors, inputs, rename).items()}
    if len(inputs) == 1:
        return {inputs[0].name: _tensor("data", data)}
    raise InvalidArgument(
        f"data is one tensor on a device, and the model has {len(inputs)} inputs; pass a mapping of their names to tensors"
    )


def _columns_of_inputs(columns: Iterable[str], inputs: Sequence[Port], rename: Mapping[str, str]) -> dict[str, str]:
    """Input name to the column that feeds it: exact first, then a unique match that ignores case. Other columns are left alone."""
    names = {rename.get(column, column): column for column in columns}
    found = {}
    for port in inputs:
        if port.name in names:
            found[port.name] = names[port.name]
            continue
        alike = [column for name, column in names.items() if name.lower() == port.name.lower()]
        if len(alike) > 1:
            raise InvalidArgument(f"input {port.name!r} may be fed by {' or '.join(map(repr, alike))}; say which by rename=")
        if alike:
            found[port.name] = alike[0]
    return found


def _tensor(what: str, value: Any) -> _Tensor:
    """A tensor that is borrowed; `what` names it in messages."""
    if not _lies_on_device(value):
        raise InvalidArgument(f"{what} lies on the CPU, and other data on a device; move it to either")
    if hasattr(value, "__dlpack__"):
        return _from_dlpack(what, value)
    interface = getattr(value, "__cuda_array_interface__", None)
    if interface is not None:
        return _from_interface(what, value, interface)
    columns = list(_arrow_columns(value).values())
    if len(columns) != 1:
        raise ShapeError(f"{what} has {len(columns)} columns, one is expected")
    return columns[0]


def _from_dlpack(what: str, value: Any) -> _Tensor:
    try:
        try:
            capsule = value.__dlpack__(stream=_LEGACY_STREAM, max_version=(1, 0))
        except TypeError:  # older than version 1, which does not tell of memory that is read-only
            capsule = value.__dlpack__(stream=_LEGACY_STREAM)
        address, shape, strides, kind, _, device_id, is_writable = _core.read_dlpack(capsule)
    except (BufferError, RuntimeError, TypeError, ValueError) as error:
        raise InvalidArgument(f"{what} is a {type(value).__qualname__} that cannot be shared: {error}") from error
    if strides is not None:
        _check_contiguous(what, shape, strides)
    return _Tensor(address, shape, kind, device_id, _LEGACY_STREAM, None, is_writable, capsule)


def _from_interface(what: str, value: Any, interface: Mapping[str, Any]) -> _Tensor:
    # https://numba.readthedocs.io/en/stable/cuda/cuda_array_interface.html
    if interface.get("mask") is not None:
        raise Unsupported(f"{what} has a mask; NULLs are looked for on the CPU alone, bring it there")
    try:
        typestr, shape, (address, is_read_only) = str(interface["typestr"]), tuple(interface["shape"]), interface["data"]
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidArgument(f"{what} has a __cuda_array_interface__ that cannot be read: {error!r}") from error
    if interface.get("strides") is not None:
        size = int(typestr[2:])
        _check_contiguous(what, shape, [stride / size for stride in interface["strides"]])
    device = getattr(value, "device", None)
    device_id = next((number for number in (getattr(device, "id", None), getattr(device, "index", None), device) if type(number) is int), 0)
    return _Tensor(int(address), shape, _TYPES.get(typestr, 0), device_id, interface.get("stream"), None, not is_read_only, value)


def _arrow_columns(value: Any) -> dict[str, _Tensor]:
    capsules = value.__arrow_c_device_array__()
    _, device_id, event, columns = _core.read_arrow_device(*capsules)
    tensors = {}
    for name, address, n_rows, kind, n_nulls in columns:
        if n_nulls != 0:
            raise Unsupported(f"column {name!r} may have NULLs; they are looked for on the CPU alone, bring it there")
        tensors[name] = _Tensor(address, (n_rows,), kind, device_id, None, event, True, capsules)
    return tensors


def _check_contiguous(what: str, shape: Sequence[int], strides: Sequence[float]) -> None:
    expected = 1
    for size, stride in zip(reversed(shape), reversed(strides), strict=True):
        if size > 1 and stride != expected:
            raise ShapeError(f"{what} does not lie in row order without gaps (shape {tuple(shape)}, strides {tuple(strides)}); copy it so")
        expected *= size


def _refuse_unknown(wanted: Sequence[str], outputs: Sequence[Port]) -> None:
    known = [port.name for port in outputs]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise NotFound(f"there is no output {', '.join(map(repr, unknown))}; the model has {', '.join(map(repr, known))}")


def _new_array(port: Port, n_rows: int) -> Any:
    if None in port.shape[1:]:
        raise ShapeError(f"output {port.name!r} has the shape {port.shape}, of which only its values tell more; give it memory by out=")
    inner = port.shape[1:] if port.shape[1:] != (1,) else ()
    return numpy.empty((n_rows, *inner), _core.dtype_of(declaration_of(port.onnx_type)[0]))


def _raw(tensors: Mapping[str, _Tensor]) -> list[tuple[str, int, tuple[int, ...], int, int | None]]:
    return [(name, tensor.address, tensor.shape, tensor.type, tensor.event) for name, tensor in tensors.items()]


def _device_of(tensors: Sequence[_Tensor]) -> int:
    ids = {tensor.device_id for tensor in tensors} - {-1}
    if len(ids) > 1:
        raise InvalidArgument(f"the tensors lie on the devices {', '.join(map(str, sorted(ids)))}; move them to one")
    return ids.pop() if ids else 0


def _stream_of(tensors: Iterable[_Tensor]) -> int | None:
    streams = {tensor.stream for tensor in tensors if tensor.stream is not None}
    if len(streams) > 1:
        raise InvalidArgument("the tensors are being written in different streams; synchronize them first")
    return streams.pop() if streams else None


def _n_bytes(tensor: _Tensor) -> int:
    n_values = 1
    for size in tensor.shape:
        n_values *= size
    return n_values * _core.dtype_of(tensor.type).itemsize
