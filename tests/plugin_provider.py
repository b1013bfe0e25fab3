"""A plugin execution provider of our own, for tests: tests/cpp/plugin_provider.cpp says what it computes, and by which options and
environment variables it fails. ONNX Runtime 1.23.1 is the first that can use it.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

import edgeonnx as eo

NAME = "EdgeonnxTestExecutionProvider"
SOURCES = Path(__file__).parent / "cpp"


def library(folder: Path) -> Path:
    """Compile the provider into ``folder``; skips where there is no compiler."""
    compiler = shlex.split(os.environ.get("CXX", "c++"))
    if shutil.which(compiler[0]) is None:
        pytest.skip(f"needs a C++ compiler ({compiler[0]}) to build the plugin execution provider")
    path = folder / "edgeonnx_test_provider.so"
    flags = ["-shared", "-fPIC", "-O1", "-std=c++20", "-fvisibility=hidden", f"-Wl,--version-script={SOURCES / 'plugin_provider.map'}"]
    subprocess.run([*compiler, *flags, str(SOURCES / "plugin_provider.cpp"), "-o", str(path)], check=True)
    return path


def is_served() -> bool:
    """Whether the ONNX Runtime that edgeonnx opens can use such a plugin."""
    version = str(eo.build_info()["onnxruntime_version"])
    return tuple(map(int, re.findall(r"\d+", version)[:3])) >= (1, 23, 1)
