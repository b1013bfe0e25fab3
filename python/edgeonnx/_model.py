"""Where the bytes of a model come from."""

from __future__ import annotations

import os
from typing import Protocol, runtime_checkable

from edgeonnx._errors import FileError, InvalidArgument, ModelError

__all__ = ["NAMES_KEY", "Serializable", "model_bytes", "read_file"]

NAMES_KEY = "edgeonnx.names"
"""Of the entry of a model's metadata that maps names of columns to those of their inputs, where SQL cannot carry the former; JSON."""


@runtime_checkable
class Serializable(Protocol):
    def SerializeToString(self) -> bytes: ...  # noqa: N802 (protobuf's name)


def model_bytes(model: object) -> bytes:
    if isinstance(model, Serializable):
        return model.SerializeToString()
    try:
        return bytes(memoryview(model))  # type: ignore[arg-type]
    except TypeError:
        raise InvalidArgument(f"a model is a path, bytes, or an object with SerializeToString(), not {type(model).__name__}") from None


def read_file(path: str, max_bytes: int) -> bytes:
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > max_bytes:
                raise ModelError(f"{path} has {size} bytes, more than the {max_bytes} that max_model_bytes allows")
            return file.read()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        if isinstance(error, ModelError):
            raise
        raise FileError(f"the model {path!r} can't be read: {getattr(error, 'strerror', None) or error}") from error
