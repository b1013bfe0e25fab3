"""The bytes of a ModelProto, as far as golden rows need them: its fields are walked and none is decoded, so no protobuf library is needed.

Field numbers are those of onnx.proto (github.com/onnx/onnx); the wire format is protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from edgeonnx._errors import ModelError, Unsupported
from edgeonnx._golden import KEY
from edgeonnx._port import Port

__all__ = ["Bare", "bare", "identities", "seal_text", "with_entry"]

_METADATA = 14  # of ModelProto
_ENTRY_KEY, _ENTRY_VALUE = 1, 2  # of StringStringEntryProto
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

_ELEMENTS = {
    "float": 1,
    "uint8": 2,
    "int8": 3,
    "uint16": 4,
    "int16": 5,
    "int32": 6,
    "int64": 7,
    "bool": 9,
    "float16": 10,
    "double": 11,
    "uint32": 12,
    "uint64": 13,
}


class Bare(NamedTuple):
    """A model without its seal."""

    pieces: list[memoryview]
    n_seals: int

    def digest(self) -> str:
        """SHA-256 in hexadecimal digits."""
        sha = hashlib.sha256()
        for piece in self.pieces:
            sha.update(piece)
        return sha.hexdigest()


def bare(content: bytes) -> Bare:
    """The bytes of a model but for the entries of its metadata that hold golden rows.

    Raises
    ------
    ModelError
        The bytes are no protobuf message.
    """
    whole = memoryview(content)
    seals = [(begin, end) for number, begin, end, value in _fields(whole) if number == _METADATA and _key_of(value) == KEY.encode()]
    pieces, at = [], 0
    for begin, end in seals:
        pieces.append(whole[at:begin])
        at = end
    pieces.append(whole[at:])
    return Bare(pieces, len(seals))


def seal_text(content: bytes) -> str | None:
    """The golden rows of a model as they stand in its metadata; None where it has none.

    Raises
    ------
    ModelError
        The bytes are no protobuf message.
    """
    for number, _, _, entry in _fields(memoryview(content)):
        if number == _METADATA and _key_of(entry) == KEY.encode():
            values = [bytes(value) for key, _, _, value in _fields(entry) if key == _ENTRY_VALUE]
            return values[-1].decode(errors="replace") if values else ""
    return None


def with_entry(pieces: Sequence[memoryview], value: str) -> bytes:
    """A model with one more entry of metadata at its end, under `KEY`."""
    entry = _message(_ENTRY_KEY, KEY.encode()) + _message(_ENTRY_VALUE, value.encode())
    return b"".join([*pieces, _message(_METADATA, entry)])


def identities(inputs: Sequence[Port]) -> bytes:
    """A model of the same inputs that returns each as it is fed, as `fed_0`, `fed_1` and so on.

    Raises
    ------
    Unsupported
        An input has a type that no array of NumPy holds.
    """
    graph = _message(2, b"fed")
    for i, port in enumerate(inputs):
        element = _ELEMENTS.get(port.onnx_type.removeprefix("tensor(").removesuffix(")"))
        if element is None:
            raise Unsupported(f"input {port.name!r} is a {port.onnx_type}; golden rows hold numbers and bits only")
        graph += _message(1, _message(1, port.name.encode()) + _message(2, f"fed_{i}".encode()) + _message(4, b"Identity"))
        graph += _message(11, _value_info(port.name, element, port.shape)) + _message(12, _value_info(f"fed_{i}", element, port.shape))
    opset = _message(1, b"") + _number(2, 13)
    return _number(1, 8) + _message(7, graph) + _message(8, opset)


def _value_info(name: str, element: int, shape: Sequence[int | None]) -> bytes:
    sizes = [_message(2, b"N") if size is None and i == 0 else b"" if size is None else _number(1, size) for i, size in enumerate(shape)]
    tensor = _number(1, element) + _message(2, b"".join(_message(1, size) for size in sizes))
    return _message(1, name.encode()) + _message(2, _message(1, tensor))


def _message(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(content)) + content


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3 | _VARINT) + _varint(value)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _key_of(entry: memoryview) -> bytes:
    keys = [bytes(value) for number, _, _, value in _fields(entry) if number == _ENTRY_KEY]
    return keys[-1] if keys else b""


def _fields(message: memoryview) -> Iterator[tuple[int, int, int, memoryview]]:
    """(number, first byte, byte behind the last, value) of each field; the value is empty where it is a number."""
    at = 0
    while at < len(message):
        begin = at
        tag, at = _read_varint(message, at)
        wire, value = tag & 7, message[:0]
        if wire == _VARINT:
            _, at = _read_varint(message, at)
        elif wire == _BYTES:
            size, at = _read_varint(message, at)
            value, at = message[at : at + size], at + size
        elif wire in (_FIXED32, _FIXED64):
            at += 4 if wire == _FIXED32 else 8
        else:
            raise ModelError(f"the model is broken at byte {begin}: no field of protobuf begins so")
        if at > len(message):
            raise ModelError(f"the model is cut off in the field that begins at byte {begin}")
        yield tag >> 3, begin, at, value


def _read_varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message) and shift < 64:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise ModelError(f"the model is broken at byte {at}: a number does not end")
