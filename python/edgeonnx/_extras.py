"""Packages that only some functions need: imported when they are needed, and named with their pip line when they are not there."""

from __future__ import annotations

import importlib
from types import ModuleType

from edgeonnx._errors import Unsupported

__all__ = ["needed"]

_PIP = {"sklearn": "scikit-learn", "onnx": "onnx 'protobuf<7'", "skl2onnx": "skl2onnx 'protobuf<7'"}  # where pip's name is another


def needed(module: str, purpose: str) -> ModuleType:
    """Import `module`.

    Raises
    ------
    Unsupported
        It is not installed, or can't be imported; the message says what needs it and what brings it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        missing = (error.name or package).partition(".")[0]
        if missing == package:
            raise Unsupported(f"{purpose} needs {package}; pip install {_PIP.get(package, package)}") from error
        raise Unsupported(f"{purpose} needs {package}, which can't be imported: {error}") from error
