"""The rooms of the C++ tree know only whom they may, and the library shows nothing but its own names."""

from __future__ import annotations

import pathlib
import re
import shutil
import subprocess

import pytest

import edgeonnx as eo

CPP = pathlib.Path(__file__).parent.parent / "cpp"
needs_sources = pytest.mark.skipif(not CPP.exists(), reason="needs the sources")

#: room -> the rooms whose headers it may include, besides its own and the public C header.
KNOWS: dict[str, set[str]] = {
    "base": set(),
    "columns": {"base"},
    "convert": {"base", "columns"},
    "kernels": {"base", "columns", "convert"},
    "onnx": {"base"},
    "ort": {"base"},
    "plan": {"base", "columns", "convert", "kernels", "onnx", "ort"},
    "engine": {"base", "columns", "convert", "kernels", "onnx", "ort", "plan"},
    "capi": {"base", "columns", "convert", "kernels", "onnx", "ort", "plan", "engine"},
    "python": set(),
    "adapters": set(),
    "include": set(),
}
PUBLIC = {"edgeonnx/edgeonnx.h", "edgeonnx/edgeonnx.hpp"}
PYTHON_HEADERS = re.compile(r"^(Python\.h|pybind11/|numpy/)")
INCLUDE = re.compile(r"^\s*#\s*include\s*[<\"]([^>\"]+)[>\"]", re.MULTILINE)
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)


def sources() -> list[pathlib.Path]:
    found = sorted(path for path in CPP.rglob("*") if path.suffix in {".h", ".hpp", ".c", ".cpp"})
    assert len(found) > 20
    return found


def room_of(path: pathlib.Path) -> str:
    return path.relative_to(CPP).parts[0]


def violations(path: pathlib.Path, text: str) -> list[str]:
    """What `path` includes and may not, in words."""
    room = room_of(path)
    wrong = []
    for header in INCLUDE.findall(text):
        other = header.split("/")[0]
        if header in PUBLIC:
            # The C++ face throws and owns: it is for clients, of which Python is one. Below the C interface nobody needs it.
            allowed = header.endswith(".h") or room in {"python", "include"}
        elif PYTHON_HEADERS.match(header):
            allowed = room == "python"
        elif other in KNOWS:
            allowed = other == room or other in KNOWS[room]
        else:
            allowed = "/" not in header or other not in {entry.name for entry in CPP.iterdir()}
        if not allowed:
            wrong.append(f"{path.relative_to(CPP)} includes {header}")
    return wrong


@needs_sources
def test_rooms_every_folder_is_known() -> None:
    assert {path.name for path in CPP.iterdir() if path.is_dir()} <= set(KNOWS)


@needs_sources
def test_rooms_include_only_whom_they_may_know() -> None:
    assert [line for path in sources() for line in violations(path, path.read_text(encoding="utf-8"))] == []


@needs_sources
@pytest.mark.parametrize(
    ("file", "header"),
    [
        ("base/error.h", "columns/column.h"),
        ("onnx/model.cpp", "ort/session.h"),
        ("engine/scorer.cpp", "capi/handle.h"),
        ("engine/scorer.cpp", "Python.h"),
        ("python/module.cpp", "engine/scorer.h"),
        ("capi/scorer.cpp", "edgeonnx/edgeonnx.hpp"),
    ],
)
def test_rooms_check_sees_a_violation(file: str, header: str) -> None:
    assert violations(CPP / file, f'#include "{header}"\n') == [f"{file} includes {header}"]


@needs_sources
def test_rooms_only_ort_names_the_runtimes_types() -> None:
    named = {
        f"{path.relative_to(CPP)}: {name}"
        for path in sources()
        if room_of(path) != "ort"
        for name in re.findall(r"\b(?:Ort[A-Z]\w*|ONNXTensorElement\w*|ORT_[A-Z]\w*)\b", COMMENT.sub("", path.read_text(encoding="utf-8")))
    }
    assert named == set()


@pytest.mark.skipif(shutil.which("nm") is None, reason="needs nm (binutils)")
def test_library_exports_only_its_own_names() -> None:
    listing = subprocess.run(["nm", "-D", "--defined-only", eo.get_library()], capture_output=True, text=True, check=True).stdout
    names = {line.split()[-1].split("@")[0] for line in listing.splitlines()}
    assert "edgeonnx_scorer_create" in names
    assert {name for name in names if not name.startswith("edgeonnx_")} == set()


@pytest.mark.skipif(shutil.which("nm") is None, reason="needs nm (binutils)")
def test_library_exports_what_the_header_declares() -> None:
    header = (pathlib.Path(eo.get_include()) / "edgeonnx" / "edgeonnx.h").read_text(encoding="utf-8")
    declared = set(re.findall(r"EDGEONNX_EXPORT[^;(]*?\b(edgeonnx_\w+)\s*\(", COMMENT.sub("", header)))
    listing = subprocess.run(["nm", "-D", "--defined-only", eo.get_library()], capture_output=True, text=True, check=True).stdout
    assert {line.split()[-1].split("@")[0] for line in listing.splitlines()} == declared
