"""Builds of ONNX Runtime that have providers: those of the wheels onnxruntime-gpu and onnxruntime-openvino, unpacked beside each other.

`make test-providers` unpacks them and names their folder in EDGEONNX_PROVIDER_BUILDS, without which tests that need them skip. OpenVINO
runs on every CPU. CUDA and TensorRT need libraries of NVIDIA's and a driver: where these are not, stand-ins with their names and functions
let the providers load, read their options, and find no device.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from support import run_python

BUILDS = os.environ.get("EDGEONNX_PROVIDER_BUILDS")

_CUDA = ("libcublasLt.so.13", "libcublas.so.13", "libcurand.so.10", "libcudart.so.13")
DRIVER = ("libcuda.so.1",)
_TENSORRT = ("libcudnn.so.9", "libnvinfer.so.10", "libnvonnxparser.so.10")

#: What no stand-in but that of a function of its own does: cudaErrorNoDevice.
_NO_DEVICE = 100
_FUNCTIONS = {
    "cudaGetDeviceCount": "int cudaGetDeviceCount(int* n) { *n = 1; return 0; }",
    "cudaGetErrorString": 'const char* cudaGetErrorString(int e) { (void)e; return "no CUDA-capable device is detected"; }',
    # An object of a C++ class whose methods count nothing.
    "getPluginRegistry": """
static long nothing(void* self, int* n) { (void)self; *n = 0; return 0; }
void* getPluginRegistry(void) {
  static void *methods[64], *object = methods;
  for (int i = 0; i < 64; ++i) methods[i] = (void*)nothing;
  return &object;
}""",
    "cudaGetErrorName": 'const char* cudaGetErrorName(int e) { (void)e; return "cudaErrorNoDevice"; }',
}

#: Loads a model with each (providers, options, fallback) of the argument; prints what became of it.
TRY = """
import json, sys
import edgeonnx as eo
assert "onnxruntime" not in sys.modules  # it would bring another ONNX Runtime, and providers know one
for providers, options, fallback in json.loads(sys.argv[2]):
    try:
        scorer = eo.Scorer(sys.argv[1], providers=providers, provider_options=options, fallback=fallback)
        print(json.dumps(["usable", scorer.explain()]))
    except eo.Error as error:
        print(json.dumps([type(error).__name__, str(error)]))
"""

Attempt = tuple[Sequence[str], Sequence[dict[str, object]] | None, str | None]


def library(name: str) -> Path:
    """ONNX Runtime's library in the build ``gpu`` or ``openvino``."""
    if not BUILDS:
        pytest.skip("needs builds of ONNX Runtime with providers: make test-providers")
    return next(Path(BUILDS, name).glob("onnxruntime/capi/libonnxruntime.so.*"))


def with_stand_ins(folder: Path, *, driver: bool = True, tensorrt: bool = False) -> Path:
    """The library of the build ``gpu`` in a folder of packages where stand-ins for NVIDIA's libraries are installed."""
    real = library("gpu")
    compiler, symbols = shutil.which("cc"), shutil.which("nm")
    if not (compiler and symbols):
        pytest.skip("needs a C compiler and nm to build stand-ins for NVIDIA's libraries")
    (folder / "onnxruntime").symlink_to(real.parent.parent)
    target = folder / "nvidia" / "cu13" / "lib"
    target.mkdir(parents=True)
    files = [str(real.with_name(f"libonnxruntime_providers_{name}.so")) for name in ("cuda", "tensorrt")]
    listing = subprocess.run([symbols, "-D", "--undefined-only", *files], capture_output=True, text=True, check=True).stdout
    wanted = set(re.findall(r" U ((?:_*cu\w+|create\w+_INTERNAL|getInferLibVersion|getPluginRegistry)\b)", listing))
    source = folder / "stand_ins.c"
    source.write_text("\n".join(_FUNCTIONS.get(name, f"int {name}(void) {{ return {_NO_DEVICE}; }}") for name in sorted(wanted)))
    for name in _CUDA + DRIVER * driver + _TENSORRT * tensorrt:
        flags = ["-shared", "-fPIC", "-w", f"-Wl,-soname,{name}"]
        if f"@{name}" in listing:  # its functions are asked for with a version, which is its name
            (folder / "versions.map").write_text(f"{name} {{ *; }};")
            flags.append(f"-Wl,--version-script={folder / 'versions.map'}")
        subprocess.run([compiler, *flags, "-o", str(target / name), str(source)], check=True)
    return folder / "onnxruntime" / "capi" / real.name


def attempts(library: Path, cases: Iterable[Attempt], model: Path) -> list[tuple[str, str]]:
    """What becomes of a model with each of the cases, in a process that opens this library: "usable" or a class of error, and its text."""
    environment = {"EDGEONNX_ORT_LIBRARY": str(library), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = run_python(TRY, str(model), json.dumps(list(cases)), env=environment)
    return [tuple(json.loads(line)) for line in done.stdout.splitlines()]


def listed(library: Path) -> dict[str, str]:
    """Reason by provider, "" where it is usable, as `providers` tells it."""
    code = "import json, edgeonnx as eo; print(json.dumps({each.name: each.reason for each in eo.providers()}))"
    answer: Any = json.loads(run_python(code, env={"EDGEONNX_ORT_LIBRARY": str(library), "PYTHONPATH": os.pathsep.join(sys.path)}).stdout)
    return dict(answer)
