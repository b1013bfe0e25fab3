"""Data that lie on a device: how they are read from the protocols that carry them, and what is refused.

There is no device here: objects in ordinary memory say that they lie on one. What is done with them there, tests/cpp/test_device.cpp asks.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import edgeonnx as eo
import models
from edgeonnx import _core, _scorer
from support import refused

CUDA = 2

_pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
_pointer_of.restype = ctypes.c_void_p
_pointer_of.argtypes = [ctypes.py_object, ctypes.c_char_p]


def patched(capsule: Any, name: bytes, offset: int, value: int) -> Any:
    """The capsule, with a number of its struct replaced."""
    ctypes.c_int32.from_address(_pointer_of(capsule, name) + offset).value = value
    return capsule


class DlpackTensor:
    """An array that says by DLPack that it lies on a device."""

    def __init__(self, array: np.ndarray, device_id: int = 0, *, old: bool = False) -> None:
        self.array, self.device_id, self.old, self.streams = array, device_id, old, []

    def __dlpack_device__(self) -> tuple[int, int]:
        return CUDA, self.device_id

    def __dlpack__(self, stream: int | None = None, max_version: tuple[int, int] | None = None) -> Any:
        self.streams.append(stream)
        if self.old and max_version:
            raise TypeError("unexpected max_version")
        # The type and the number of the device stand behind the address; of a versioned tensor behind 32 bytes more.
        name, offset = (b"dltensor", 8) if self.old else (b"dltensor_versioned", 40)
        capsule = self.array.__dlpack__() if self.old else self.array.__dlpack__(max_version=(1, 0))
        return patched(patched(capsule, name, offset, CUDA), name, offset + 4, self.device_id)


class InterfaceTensor:
    """The same by the CUDA array interface."""

    def __init__(self, array: np.ndarray, **more: object) -> None:
        self.array = array
        self.__cuda_array_interface__ = {
            "shape": array.shape,
            "typestr": array.dtype.str,
            "data": (array.ctypes.data, False),
            "version": 3,
            **more,
        }


class ArrowTable:
    """The same by the Arrow device interface."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        self.batch = batch

    def __arrow_c_device_array__(self, requested_schema: object = None, **more: object) -> tuple[Any, Any]:
        schema, array = self.batch.__arrow_c_device_array__()
        return schema, patched(array, b"arrow_device_array", 88, CUDA)  # behind the ArrowArray and the number of the device


ROWS = np.arange(12, dtype=np.float32).reshape(6, 2)


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scorers pass for ones on a device."""
    monkeypatch.setattr(_scorer, "are_cpu", lambda providers: False)


@pytest.fixture
def calls(there: None, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What reaches the core."""
    recorded: list[tuple[Any, ...]] = []
    monkeypatch.setattr(_core, "score_device", lambda scorer, *arguments: recorded.append(arguments))
    return recorded


def matrix() -> eo.Scorer:
    return eo.Scorer(models.identity(shape=("N", 2)), native=False)


def two_columns() -> eo.Scorer:
    return eo.Scorer(models.identities("float32", "int64"), native=False)


@pytest.mark.parametrize(
    ("data", "stream"),
    [
        (DlpackTensor(ROWS), 1),
        (DlpackTensor(ROWS, old=True), 1),
        (InterfaceTensor(ROWS), None),
        (InterfaceTensor(ROWS, stream=7), 7),
        ({"X": DlpackTensor(ROWS)}, 1),
    ],
    ids=["dlpack", "old-dlpack", "interface", "interface-stream", "mapping"],
)
def test_tensor_is_borrowed_where_it_lies(calls: list[tuple[Any, ...]], data: object, stream: int | None) -> None:
    scores = matrix().score(data)
    [(inputs, outputs, outputs_are_on_host, device_id, used)] = calls
    assert inputs == [("x", ROWS.ctypes.data, (6, 2), 1, None)]
    assert [(name, shape, kind) for name, _, shape, kind, _ in outputs] == [("y", (6, 2), 1)]
    assert (outputs_are_on_host, device_id, used) == (True, 0, stream)
    assert outputs[0][1] == scores["y"].ctypes.data
    assert (scores.report.n_rows, scores.report.bytes_borrowed, scores.report.bytes_copied) == (6, 48, 0)


def test_dlpack_is_asked_for_the_stream_that_others_wait_for(calls: list[tuple[Any, ...]]) -> None:
    tensor = DlpackTensor(ROWS)
    matrix().score(tensor)
    assert tensor.streams == [1]


def test_results_stay_on_the_device_where_they_are_asked_for(calls: list[tuple[Any, ...]]) -> None:
    there = DlpackTensor(np.zeros_like(ROWS))
    scores = matrix().score(DlpackTensor(ROWS), out={"y": there})
    [(_, outputs, outputs_are_on_host, _, _)] = calls
    assert outputs == [("y", there.array.ctypes.data, (6, 2), 1, None)]
    assert not outputs_are_on_host
    assert scores["y"] is there


def test_results_on_a_device_print_and_do_not_go_to_arrow(calls: list[tuple[Any, ...]]) -> None:
    scores = matrix().score(DlpackTensor(ROWS), out={"y": DlpackTensor(np.zeros_like(ROWS))})
    assert repr(scores) == "Scores(y: DlpackTensor)"
    with refused(eo.Unsupported, "'y' lies on a device"):
        pa.table(scores)


def test_outputs_come_in_the_order_that_was_asked_for_and_other_columns_are_left_alone(calls: list[tuple[Any, ...]]) -> None:
    a, b = np.arange(5, dtype=np.float32), np.arange(5)
    scorer = eo.Scorer(models.identities("float32", "int64"), native=False, rename={"first": "x0"})
    data = {"first": InterfaceTensor(a), "X1": InterfaceTensor(b[::-1].copy()), "x1": InterfaceTensor(b), "note": 7}
    assert list(scorer.score(data, outputs=["y1", "y0"], rename={"other": "more"})) == ["y1", "y0"]
    assert [(name, address) for name, address, *_ in calls[0][0]] == [("x0", a.ctypes.data), ("x1", b.ctypes.data)]


def test_columns_are_borrowed_by_name_and_type(calls: list[tuple[Any, ...]]) -> None:
    a, b = np.arange(5, dtype=np.float32), np.arange(5)
    scores = two_columns().score({"X0": InterfaceTensor(a), "second": InterfaceTensor(b)}, rename={"second": "x1"}, outputs=["y1"])
    [(inputs, outputs, _, _, _)] = calls
    assert inputs == [("x0", a.ctypes.data, (5,), 1, None), ("x1", b.ctypes.data, (5,), 7, None)]
    assert [(name, shape, kind) for name, _, shape, kind, _ in outputs] == [("y1", (5,), 7)]
    assert list(scores) == ["y1"]


def test_arrow_columns_are_borrowed_with_their_offset(calls: list[tuple[Any, ...]]) -> None:
    batch = pa.record_batch({"x0": pa.array(np.arange(8, dtype=np.float32)), "x1": pa.array(np.arange(8))}).slice(3, 4)
    two_columns().score(ArrowTable(batch))
    [(inputs, _, _, _, _)] = calls
    addresses = [column.buffers()[1].address + 3 * size for column, size in zip(batch.columns, (4, 8), strict=True)]
    assert inputs == [("x0", addresses[0], (4,), 1, None), ("x1", addresses[1], (4,), 7, None)]


# What is refused, by the core too.


def test_scorer_on_the_cpu_says_where_the_data_lie() -> None:
    with refused(eo.Unsupported, "data, a DlpackTensor, lies on a CUDA device", "providers=['CUDAExecutionProvider']"):
        matrix().score(DlpackTensor(ROWS))
    with refused(eo.Unsupported, "column 'x', a InterfaceTensor, lies on a CUDA device"):
        matrix().score({"w": ROWS, "x": InterfaceTensor(ROWS)})


@pytest.mark.parametrize(
    ("data", "arguments", "kind", "words"),
    [
        (DlpackTensor(ROWS[:, :1]), {}, eo.ShapeError, ["without gaps", "(6, 1)"]),
        (InterfaceTensor(ROWS, strides=(16, 4)), {}, eo.ShapeError, ["without gaps"]),
        (InterfaceTensor(ROWS, mask=InterfaceTensor(ROWS)), {}, eo.Unsupported, ["has a mask"]),
        ({"x": ROWS, "more": DlpackTensor(ROWS)}, {}, eo.InvalidArgument, ["column 'x' lies on the CPU"]),
        (DlpackTensor(ROWS), {"out": {"y": InterfaceTensor(ROWS, data=(1, True))}}, eo.InvalidArgument, ["out['y'] is read-only"]),
        (InterfaceTensor(ROWS, data=None), {}, eo.InvalidArgument, ["__cuda_array_interface__ that cannot be read"]),
        (DlpackTensor(ROWS), {"outputs": "y"}, eo.InvalidArgument, ["outputs='y'"]),
        (DlpackTensor(ROWS), {"out": {"y": ROWS.copy()}}, eo.InvalidArgument, ["out['y'] lies on the CPU"]),
        (DlpackTensor(ROWS), {"outputs": ["z"]}, eo.NotFound, ["no output 'z'", "'y'"]),
        (DlpackTensor(ROWS), {"with_": {"y": "float"}}, eo.Unsupported, ["with_ is for data on the CPU"]),
        (DlpackTensor(ROWS), {"columns": {"x": ["a", "b"]}}, eo.Unsupported, ["columns is for data on the CPU"]),
        (DlpackTensor(ROWS), {"out": {"y": DlpackTensor(ROWS, 1)}}, eo.InvalidArgument, ["devices 0, 1"]),
        (ArrowTable(pa.record_batch({"x": pa.array([1.0, None])})), {}, eo.Unsupported, ["column 'x' may have NULLs"]),
    ],
    ids=[
        "strides",
        "byte-strides",
        "mask",
        "mixed",
        "read-only",
        "unreadable",
        "letters",
        "out",
        "output",
        "with",
        "columns",
        "devices",
        "nulls",
    ],
)
def test_what_cannot_be_scored_there_says_why(
    there: None, data: object, arguments: dict[str, Any], kind: type[eo.Error], words: list[str]
) -> None:
    with refused(kind, *words):
        matrix().score(data, **arguments)


def test_tensors_of_different_streams_are_refused(there: None) -> None:
    a, b = np.arange(5, dtype=np.float32), np.arange(5)
    with refused(eo.InvalidArgument, "different streams"):
        two_columns().score({"x0": InterfaceTensor(a, stream=7), "x1": InterfaceTensor(b, stream=9)})


def test_one_tensor_for_many_inputs_is_refused(there: None) -> None:
    with refused(eo.InvalidArgument, "the model has 2 inputs"):
        two_columns().score(DlpackTensor(ROWS))
