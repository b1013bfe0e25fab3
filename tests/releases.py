"""Other releases of ONNX Runtime than the installed one: their libraries alone, which `make test-releases` fetches."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def library(version: str) -> str:
    """Path of the library; skips the test where it is not there."""
    folder = os.environ.get("EDGEONNX_ORT_RELEASES")
    path = Path(folder or "", f"libonnxruntime.so.{version}")
    if not folder or not path.exists():
        pytest.skip(f"needs libonnxruntime.so.{version} in the folder EDGEONNX_ORT_RELEASES; make test-releases fetches it")
    return str(path)
