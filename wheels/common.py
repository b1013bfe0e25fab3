"""What the scripts of this folder share: where things lie, commands, the CPythons of this machine, wheels that are opened."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "wheels"
WHEELHOUSE = ROOT / "wheelhouse"
PLATFORM = "manylinux_2_28_x86_64"  # onnxruntime's own wheels ask for no less
MINORS = range(11, 15)  # of the CPythons that there are wheels for


class Trouble(SystemExit):
    """What went wrong and the way out, in one line on stderr; exit code 1."""

    def __init__(self, text: str) -> None:
        super().__init__(f"wheels: {text}")


def run(*command: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> None:
    """Runs a command that prints for itself; a failure ends the script."""
    words = [str(word) for word in command]
    if (code := subprocess.run(words, cwd=cwd, env=env, check=False).returncode) != 0:
        raise Trouble(f"exit code {code} of: {shlex.join(words)}")


def read(*command: str | Path, env: Mapping[str, str] | None = None) -> str:
    """What a command prints."""
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, env=env, check=False)
    if done.returncode:
        raise Trouble(f"exit code {done.returncode} of: {shlex.join(words)}\n{done.stdout}{done.stderr}")
    return done.stdout


def tool(name: str) -> Path:
    """A command of the environment that runs this script."""
    path = Path(sys.executable).parent / name
    if not path.exists():
        raise Trouble(f"{path.parent.parent} has no {name}: pip install --group wheels there, or let make do it: make wheels")
    return path


def project_version() -> str:
    import tomllib

    return str(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])


@dataclass(frozen=True)
class Interpreter:
    """A CPython: `command` runs it, in front of its arguments; `tag` is cp311 or the like."""

    tag: str
    command: tuple[str, ...]


ASKED = """
import json, os, sys, sysconfig
header = os.path.join(sysconfig.get_path("include"), "Python.h")
free = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
print(json.dumps([sys.implementation.name, sys.version_info[0], sys.version_info[1], free, os.path.exists(header), sys.executable]))
"""


def ask(path: str) -> Interpreter | None:
    """The interpreter that a path starts, if it is a CPython that a wheel can be made for."""
    try:
        done = subprocess.run([path, "-c", ASKED], capture_output=True, text=True, check=True, timeout=60)
        name, major, minor, is_free, has_header, executable = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):  # a shim of pyenv without a version, for instance
        return None
    if name != "cpython" or major != 3 or minor not in MINORS or is_free or not has_header:
        return None
    return Interpreter(f"cp{major}{minor}", (executable,))


def find_interpreters(wanted: Sequence[str] = ()) -> list[Interpreter]:
    """One CPython a version, of PATH and of pyenv, the oldest first; `wanted` as 3.11 or cp311, or empty for all."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    paths = [shutil.which(f"python3.{minor}") for minor in MINORS] + sorted(map(str, pyenv.glob("versions/*/bin/python3")))
    found: dict[str, Interpreter] = {}
    for path in filter(None, paths):
        if interpreter := ask(path):
            found.setdefault(interpreter.tag, interpreter)
    tags = {word if word.startswith("cp") else "cp" + word.replace(".", "") for word in wanted} or set(found)
    if missing := tags - set(found):
        raise Trouble(f"no CPython with headers for {', '.join(sorted(missing))}: install it on PATH or by pyenv (Debian: python3.N-dev)")
    if not tags:
        raise Trouble("no CPython 3.11 or newer with headers on PATH or in pyenv (Debian: python3-dev)")
    return [found[tag] for tag in sorted(tags)]


@contextmanager
def opened_to_read(wheel: Path) -> Iterator[Path]:
    """The wheel's content as a folder that goes away; RECORD is checked on the way."""
    with tempfile.TemporaryDirectory() as folder:
        read(sys.executable, "-m", "wheel", "unpack", wheel, "--dest", folder)
        (content,) = Path(folder).iterdir()
        yield content


@contextmanager
def opened(wheel: Path, *, into: Path | None = None) -> Iterator[Path]:
    """The wheel's content as a folder; what is changed there goes back into the wheel, or into a new one in the folder `into`."""
    with opened_to_read(wheel) as content:
        yield content
        read(sys.executable, "-m", "wheel", "pack", content, "--dest-dir", into or wheel.parent)


def dist_info(content: Path) -> Path:
    """The folder of metadata in an opened wheel."""
    (found,) = content.glob("*.dist-info")
    return found


def wheels_in(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.whl"))


def tag_of(wheel: Path) -> str:
    """cp311 or the like."""
    found = re.search(r"-(cp3\d+)-", wheel.name)
    if not found:
        raise Trouble(f"{wheel.name} is no wheel for one CPython")
    return found[1]
