"""Runs the repository's tests against a wheel, in a clean environment: python wheels/try_wheel.py WHEEL [--smoke]

The environment has the wheel and the test group of pyproject.toml; the tests are copied out of the tree, and neither sources nor a
compiler can be reached from there.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from packaging.dependency_groups import resolve_dependency_groups

from common import ROOT, Trouble, find_interpreters, read, run, tag_of

COMPILERS = re.compile(
    r"(.*-)?(cc|c\+\+|c89|c99|gcc|g\+\+|clang|clang\+\+|cpp|as|ld|cmake|ctest|make|gmake|ninja|pg_config|tcc)([-.]?\d.*|\..*)?"
)
DOCUMENTS = ("pyproject.toml", "README.md", "TYPES.md", "PARITY.md")  # pytest's settings, and what tests compare the package with


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def smoke_tests() -> list[str]:
    """What cibuildwheel gives to pytest: every kind of plan and of table, in a minute."""
    return shlex.split(project()["tool"]["cibuildwheel"]["test-command"].partition("pytest")[2])


def needs_of_tests(group: str) -> list[str]:
    """A dependency group without what builds C++."""
    return [text for text in resolve_dependency_groups(project()["dependency-groups"], group) if not re.match(r"cmake|ninja", text)]


def install_needs(pip: Sequence[str], needs: Sequence[str]) -> list[str]:
    """Installs them; where one has no wheel for this Python, all others. Returns what was left out."""
    if subprocess.run([*pip, *needs], check=False).returncode == 0:
        return []
    return [need for need in needs if subprocess.run([*pip, "--only-binary=:all:", need], check=False).returncode != 0]


def copy_tests(folder: Path) -> None:
    """The tests and what they read besides, but none of the sources."""
    shutil.copytree(ROOT / "tests", folder / "tests", ignore=shutil.ignore_patterns("cpp", "__pycache__"))
    for name in DOCUMENTS:
        shutil.copyfile(ROOT / name, folder / name)


def commands_without_compilers(folder: Path) -> str:
    """A PATH that has this machine's commands but those that build."""
    folder.mkdir()
    for path in os.environ["PATH"].split(os.pathsep):
        for command in Path(path).iterdir() if Path(path).is_dir() else ():
            if not COMPILERS.fullmatch(command.name) and not (folder / command.name).exists():
                (folder / command.name).symlink_to(command)
    if left := [name for name in ("cc", "gcc", "g++", "c++", "clang", "cmake", "make") if shutil.which(name, path=str(folder))]:
        raise Trouble(f"{', '.join(left)} can still be reached: COMPILERS in try_wheel.py does not know the name")
    return str(folder)


def counts(output: str) -> str:
    """Pytest's last line, without its frame."""
    found = re.search(r"^=*\s*(\d+ \w+.*?) in [\d.]+s", output.splitlines()[-1])
    return found[1] if found else "nothing that says how many passed"


def try_wheel(wheel: Path, inside: Sequence[str], python: str, *, smoke: bool) -> str:
    """Raises where a test fails; returns how many passed and were skipped. `inside` goes before each command, to run it in another root."""
    with tempfile.TemporaryDirectory(prefix="edgeonnx-wheel-") as temporary:
        folder = Path(temporary)
        environment, tests = folder / "venv", folder / "tree"
        run(*inside, python, "-m", "venv", environment)
        command = [*inside, str(environment / "bin" / "python")]
        pip = [*command, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        run(*pip, f"edgeonnx[all] @ {Path(shutil.copy(wheel, folder)).as_uri()}")
        left_out = install_needs(pip, needs_of_tests("smoke" if smoke else "test"))
        copy_tests(tests)
        commands = "/usr/bin:/bin" if inside else commands_without_compilers(folder / "bin")
        path = f"{environment / 'bin'}{os.pathsep}{commands}"
        variables = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "EDGEONNX_ADAPTERS", "CC", "CXX")}
        chosen = smoke_tests() if smoke else ["-q", "-p", "no:cacheprovider", "tests"]
        told = subprocess.run(
            [*command, "-m", "pytest", *chosen],
            cwd=tests,
            env=variables | {"PATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        print(told.stdout, flush=True)
        version = read(*command, "-c", "import platform; print(platform.python_version())").strip()
        result = f"{wheel.name} in Python {version}: {counts(told.stdout)}" + (f"; left out: {', '.join(left_out)}" if left_out else "")
        if told.returncode != 0:
            raise Trouble(result)
        return result


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheels", nargs="+", type=Path)
    parser.add_argument("--smoke", action="store_true", help="a minute's choice of the tests")
    arguments = parser.parse_args()
    results = []
    for each in arguments.wheels:
        (interpreter,) = find_interpreters([tag_of(each)])
        results.append(try_wheel(each, (), *interpreter.command, smoke=arguments.smoke))
    print("\n".join(results))
