"""For those who embed edgeonnx: its CMake package and pkg-config file, and a header that keeps its word.

tests/abi holds the header as version 1 of the interface was frozen. A program built against it must go on working: every struct has kept
its members where they were, and has grown at its end if at all.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import edgeonnx as eo
from faces import lacking

HERE = Path(__file__).parent
FROZEN = HERE / "abi"
PREFIX = Path(eo.get_include()).parent

#: What an embedder does first; prints the version.
PROGRAM = """
#include <stdio.h>
#include <edgeonnx/edgeonnx.h>

int main(void) {
  char text[256] = "";
  edgeonnx_error error = {text, sizeof text};
  edgeonnx_scorer* scorer = NULL;
  if (edgeonnx_scorer_create("no model", 8, NULL, &scorer, &error) != EDGEONNX_INVALID_MODEL) return 1;
  puts(edgeonnx_version());
  return edgeonnx_abi_version() >= EDGEONNX_ABI_VERSION ? 0 : 2;
}
"""


def run(*command: str | Path, cwd: Path, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env={**os.environ, **(env or {})}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout.strip()


def need(*commands: str) -> None:
    """Skips the test where one of the commands is not there; where everything must be tried, it fails."""
    if missing := [command for command in commands if shutil.which(command) is None]:
        lacking(f"needs {', '.join(missing)}, to build a program against the library")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "main.c").write_text(PROGRAM)
    return tmp_path


def test_cmake_project_outside_finds_the_package(project: Path) -> None:
    need("cmake", "cc")
    (project / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.22)\n"
        "project(outside C)\n"
        "find_package(edgeonnx 0.1 CONFIG REQUIRED)\n"
        "add_executable(outside main.c)\n"
        "target_link_libraries(outside PRIVATE edgeonnx::edgeonnx)\n"
    )
    run("cmake", "-S", ".", "-B", "build", f"-DCMAKE_PREFIX_PATH={PREFIX}", cwd=project)
    run("cmake", "--build", "build", cwd=project)
    assert run("build/outside", cwd=project) == eo.__version__


def test_pkg_config_tells_the_flags(project: Path) -> None:
    need("pkg-config", "cc")
    flags = run("pkg-config", "--cflags", "--libs", "edgeonnx", cwd=project, env={"PKG_CONFIG_PATH": str(PREFIX / "lib" / "pkgconfig")})
    run("cc", "-std=c99", "-pedantic", "-Werror", "main.c", *flags.split(), "-o", "outside", cwd=project)
    assert run("./outside", cwd=project) == eo.__version__


def test_program_built_against_the_frozen_header_runs(project: Path) -> None:
    need("cc")
    run("cc", "-std=c99", "-pedantic", "-Werror", f"-I{FROZEN}", "main.c", eo.get_library(), "-o", "outside", cwd=project)
    assert run("./outside", cwd=project, env={"LD_LIBRARY_PATH": str(PREFIX / "lib")}) == eo.__version__


def structs(header: str) -> dict[str, list[str]]:
    """Members of every struct of edgeonnx.h, in their order."""
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    found = {}
    for name, body in re.findall(r"struct (edgeonnx_\w+) \{(.*?)\n\}", text, re.DOTALL):
        members = []
        for declaration in body.split(";"):
            pointer = re.search(r"\(\*(\w+)\)", declaration)
            plain = re.search(r"(\w+)\s*$", declaration.strip())
            if pointer or plain:
                members.append((pointer or plain).group(1))  # type: ignore[union-attr]
        found[name] = members
    return found


def layout(members: dict[str, list[str]], include: Path, folder: Path) -> dict[str, int]:
    """Offset of every member and size of every struct, as a compiler has them with the header in `include`."""
    lines = [f'  printf("{name} size %zu\\n", sizeof(struct {name}));' for name in members]
    lines += [f'  printf("{name}.{m} offset %zu\\n", offsetof(struct {name}, {m}));' for name, all_ in members.items() for m in all_]
    source = folder / "layout.c"
    source.write_text("#include <stdio.h>\n#include <edgeonnx/edgeonnx.h>\nint main(void) {\n" + "\n".join(lines) + "\n  return 0;\n}\n")
    run("cc", "-std=c99", f"-I{include}", source, "-o", folder / "layout", cwd=folder)
    return {what: int(number) for what, _, number in (line.split() for line in run(folder / "layout", cwd=folder).splitlines())}


def test_structs_grow_at_their_end_alone(tmp_path: Path) -> None:
    need("cc")
    members = structs((FROZEN / "edgeonnx" / "edgeonnx.h").read_text())
    assert len(members) > 10
    assert sum(map(len, members.values())) > 80
    frozen, now = layout(members, FROZEN, tmp_path), layout(members, PREFIX / "include", tmp_path)
    for what, number in frozen.items():
        if "." in what:
            assert now[what] == number, what
        else:
            assert now[what] >= number, what


def test_numbers_of_the_frozen_header_stand() -> None:
    """Statuses, types and policies are never reused or changed."""

    def numbers(header: Path) -> dict[str, str]:
        return dict(re.findall(r"\b(EDGEONNX_[A-Z0-9_]+) = (\d+)", (header / "edgeonnx" / "edgeonnx.h").read_text()))

    frozen, now = numbers(FROZEN), numbers(PREFIX / "include")
    assert len(frozen) > 40
    assert {name: now.get(name) for name in frozen} == frozen


def test_functions_of_the_frozen_header_are_there() -> None:
    need("nm")
    declared = set(
        re.findall(r"\b(edgeonnx_\w+)\(", re.sub(r"/\*.*?\*/", "", (FROZEN / "edgeonnx" / "edgeonnx.h").read_text(), flags=re.DOTALL))
    )
    exported = {line.split()[-1] for line in run("nm", "-D", "--defined-only", eo.get_library(), cwd=HERE).splitlines()}
    assert len(declared) > 30
    assert declared <= exported, declared - exported
