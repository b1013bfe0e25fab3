"""The ONNX Runtime library: found without importing it, opened when first needed, and clearly missed when it is not there."""

from __future__ import annotations

import importlib.util
import pathlib
import shutil
import subprocess

import pytest

import edgeonnx as eo
import models
from support import run_python

#: Scores one row and prints it, or prints the class, the code and the text of the error.
SCORE = """
import sys
import edgeonnx as eo
import numpy as np
try:
    print(eo.Scorer(sys.argv[1]).score({"x": np.float32([1.5])})["y"].tolist())
except eo.Error as error:
    print(type(error).__name__, isinstance(error, ImportError), error.code, error)
"""


@pytest.fixture
def model(tmp_path: pathlib.Path) -> str:
    path = tmp_path / "model.onnx"
    path.write_bytes(models.identity())
    return str(path)


def installed_library() -> pathlib.Path:
    spec = importlib.util.find_spec("onnxruntime")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return next(pathlib.Path(spec.submodule_search_locations[0], "capi").glob("libonnxruntime.so.*"))


def missed(output: str) -> str:
    """The error's text, given that the output tells of a RuntimeMissing."""
    kind, is_import_error, code, text = output.split(" ", 3)
    assert (kind, is_import_error, code) == ("RuntimeMissing", "True", "14"), output
    assert "pip install onnxruntime" in text
    return text


def test_runtime_named_by_the_environment_is_used(model: str, tmp_path: pathlib.Path) -> None:
    copy = tmp_path / "elsewhere.so"
    copy.symlink_to(installed_library())
    code = SCORE + "print(any('elsewhere' in str(value) for value in eo.build_info().values()))"
    assert run_python(code, model, env={"EDGEONNX_ORT_LIBRARY": str(copy)}).stdout == "[1.5]\nTrue\n"


def test_runtime_named_by_the_environment_but_not_there_is_missed(model: str) -> None:
    text = missed(run_python(SCORE, model, env={"EDGEONNX_ORT_LIBRARY": "/nonexistent/libonnxruntime.so"}).stdout)
    assert "/nonexistent/libonnxruntime.so" in text
    assert "EDGEONNX_ORT_LIBRARY" in text


def test_runtime_that_is_no_library_is_missed(model: str, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "libonnxruntime.so"
    path.write_text("not a library")
    assert str(path) in missed(run_python(SCORE, model, env={"EDGEONNX_ORT_LIBRARY": str(path)}).stdout)


def test_runtime_that_is_another_library_is_missed(model: str) -> None:
    text = missed(run_python(SCORE, model, env={"EDGEONNX_ORT_LIBRARY": eo.get_library()}).stdout)
    assert "OrtGetApiBase" in text


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
@pytest.mark.parametrize("version", ["1.2.0", "0.9", "not a version", ""])
def test_runtime_too_old_or_unreadable_names_both_versions(model: str, tmp_path: pathlib.Path, version: str) -> None:
    source = tmp_path / "old.c"
    source.write_text(
        "#include <stddef.h>\n#include <stdint.h>\n"
        "static const void* get_api(uint32_t version) { (void)version; return NULL; }\n"
        f'static const char* get_version(void) {{ return "{version}"; }}\n'
        "static const struct { const void* (*a)(uint32_t); const char* (*b)(void); } base = {get_api, get_version};\n"
        "const void* OrtGetApiBase(void) { return &base; }\n"
    )
    library = tmp_path / "libonnxruntime.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    text = missed(run_python(SCORE, model, env={"EDGEONNX_ORT_LIBRARY": str(library)}).stdout)
    assert version in text
    assert str(library) in text


def test_runtime_package_not_installed_is_missed_only_when_a_model_is_loaded(model: str, tmp_path: pathlib.Path) -> None:
    # In a folder where no onnxruntime lies beside it.
    shutil.copytree(pathlib.Path(eo.__file__).parent, tmp_path / "edgeonnx")
    code = "import sys; sys.modules['onnxruntime'] = None\n" + SCORE
    missed(run_python(code, model, env={"EDGEONNX_ORT_LIBRARY": "", "LD_LIBRARY_PATH": "", "PYTHONPATH": str(tmp_path)}).stdout)


def test_runtime_beside_the_library_is_found_without_being_named(model: str) -> None:
    code = "import sys; sys.modules['onnxruntime'] = None\n" + SCORE
    assert run_python(code, model, env={"EDGEONNX_ORT_LIBRARY": "", "LD_LIBRARY_PATH": ""}).stdout == "[1.5]\n"


def test_import_works_and_tells_versions_without_a_runtime() -> None:
    code = "import edgeonnx as eo; print(eo.__version__, eo.get_include(), eo.get_library()); eo.build_info()"
    assert run_python(code, env={"EDGEONNX_ORT_LIBRARY": "/nonexistent"}).stdout.startswith(eo.__version__)


def test_import_brings_in_neither_the_runtime_nor_any_table_library(model: str) -> None:
    code = SCORE + "print(sorted({'onnxruntime', 'onnx', 'pandas', 'polars', 'pyarrow', 'duckdb', 'click', 'rich'} & set(sys.modules)))"
    assert run_python(code, model).stdout == "[1.5]\n[]\n"


def test_import_does_not_open_the_runtime(model: str) -> None:
    code = """
import sys, pathlib
def opened():
    return "libonnxruntime" in pathlib.Path("/proc/self/maps").read_text()
import edgeonnx as eo
print(opened())
eo.Scorer(sys.argv[1])
print(opened())
"""
    assert run_python(code, model).stdout == "False\nTrue\n"


@pytest.mark.parametrize(("chosen", "expected"), [(None, "1"), ("0", "0")], ids=["unset", "set by the user"])
def test_runtime_telemetry_is_off_unless_the_user_chose(model: str, chosen: str | None, expected: str) -> None:
    ask = "import ctypes\ngetenv = ctypes.CDLL(None).getenv\ngetenv.restype = ctypes.c_char_p\n"
    code = f"{SCORE}{ask}print(getenv(b'ORT_DISABLE_TELEMETRY').decode())"
    prefix = ("env", "-u", "ORT_DISABLE_TELEMETRY") if chosen is None else ("env", f"ORT_DISABLE_TELEMETRY={chosen}")
    assert run_python(code, model, prefix=prefix).stdout == f"[1.5]\n{expected}\n"


@pytest.mark.parametrize("first", ["onnxruntime", "edgeonnx"])
def test_runtime_package_and_edgeonnx_live_in_one_process(model: str, first: str) -> None:
    plain = "import onnxruntime\nprint(onnxruntime.InferenceSession(sys.argv[1]).run(None, {'x': np.float32([[2.5]])})[0])"
    code = f"import {first}\n{SCORE}{plain}"
    assert run_python(code, model).stdout == "[1.5]\n[[2.5]]\n"


def test_build_info_tells_the_versions_that_a_bug_report_needs() -> None:
    info = eo.build_info()
    assert info["version"] == eo.__version__
    assert {"abi_version", "compiler", "default_threads", "onnxruntime_library", "onnxruntime_version"} <= set(info)
    assert str(info["onnxruntime_version"]) in installed_library().name
