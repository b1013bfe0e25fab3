"""A Debian of its own without a compiler, in which a wheel is installed and tested: python wheels/clean_root.py [WHEEL] [--suite forky]

Without a wheel it makes one, by zig, for the CPython of that Debian. Needs root and debootstrap; leaves nothing mounted.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Sequence
from pathlib import Path

import zig
from common import BUILD, ROOT, WHEELHOUSE, Interpreter, Trouble, read, run
from try_wheel import try_wheel

MIRROR = os.environ.get("DEBIAN_MIRROR", "http://deb.debian.org/debian")
#: Debian's suite -> the CPython that it has. Headers come along, a compiler does not.
PYTHONS = {"trixie": "3.13", "forky": "3.14", "sid": "3.14"}
SCRIPT = "/usr/share/debootstrap/scripts/sid"  # that of all suites, newer ones than this debootstrap included
#: Shares folders with the root in a mount namespace, which ends with the command.
SHARE = """
root=$1; shift
while [ "$1" != -- ]; do mkdir -p "$root$1"; mount --rbind "$1" "$root$1"; shift; done
shift; exec /usr/sbin/chroot "$root" sh -c 'cd "$0" 2>/dev/null; exec "$@"' "$PWD" "$@"
"""
FORBIDDEN = ("gcc", "cc", "c++", "g++", "clang", "cmake", "make", "tcc")
FIRST_EXAMPLE = """
import pathlib, re, sys
exec(re.search(r"```python\\n(.*?)```", pathlib.Path(sys.argv[1]).read_text(), re.DOTALL)[1])
"""


class Root:
    """Commands run in it see its own files, and the folders in `shared` at their own places."""

    def __init__(self, suite: str, shared: Sequence[Path]) -> None:
        self.version = PYTHONS[suite]
        self.folder = BUILD / "roots" / suite
        if not (self.folder / "complete").exists():
            self._make(suite)
        self.shared = [Path("/proc"), Path("/dev"), Path(tempfile.gettempdir()), *shared, *self._pip_folders()]
        shutil.copyfile("/etc/resolv.conf", self.folder / "etc" / "resolv.conf")
        shutil.copyfile("/etc/ssl/certs/ca-certificates.crt", self.folder / "etc" / "ssl" / "certs" / "ca-certificates.crt")
        found = read(*self.inside("sh", "-c", f"for name in {' '.join(FORBIDDEN)}; do command -v $name; done; true"))
        if found.strip():
            raise Trouble(f"{self.folder} is not clean, it has {' '.join(found.split())}: remove it, and it is made anew")

    def _make(self, suite: str) -> None:
        if os.geteuid() != 0 or not shutil.which("debootstrap"):
            raise Trouble("a clean root is made by root with debootstrap: apt-get install debootstrap")
        shutil.rmtree(self.folder, ignore_errors=True)
        python = f"python{self.version}"
        packages = f"{python},{python}-venv,lib{python}-dev,ca-certificates,libgomp1"  # the last for LightGBM, of the tests
        run("debootstrap", "--variant=minbase", f"--include={packages}", suite, self.folder, MIRROR, SCRIPT)
        (self.folder / "complete").touch()

    def _pip_folders(self) -> list[Path]:
        """Pip's settings on this machine, given to the root's pip by variables; returns the folders that they name."""
        folders = []
        for line in read(sys.executable, "-m", "pip", "config", "list").splitlines():
            found = re.fullmatch(r"global\.([\w-]+)='(.*)'", line)
            if not found:
                continue
            os.environ.setdefault("PIP_" + found[1].upper().replace("-", "_"), found[2])
            for word in found[2].split():
                path = Path(urllib.parse.urlparse(word).path if word.startswith("file:") else word)
                # An index in a folder names files beside it.
                if path.is_absolute() and path.exists() and not path.is_relative_to("/etc/ssl"):
                    folders.append(path if path.is_dir() and not word.startswith("file:") else path.parent)
        return folders

    def inside(self, *command: str) -> tuple[str, ...]:
        """The command, run in the root."""
        shared = [str(path) for path in dict.fromkeys(self.shared)]
        return ("unshare", "--mount", "sh", "-ec", SHARE, "share", str(self.folder), *shared, "--", *command)

    @property
    def python(self) -> tuple[str, ...]:
        return self.inside(f"/usr/bin/python{self.version}")


def build(suite: str) -> Path:
    """A wheel for the CPython of a suite, compiled in the root by zig, which comes with the folders that are shared."""
    environment = zig.environment()
    cache = Path(environment["ZIG_GLOBAL_CACHE_DIR"])
    root = Root(suite, [ROOT, zig.zig_folder(), cache])
    with tempfile.TemporaryDirectory() as temporary:
        run(*root.python, "-m", "venv", f"{temporary}/venv")
        interpreter = Interpreter(f"cp{root.version.replace('.', '')}", root.inside(f"{temporary}/venv/bin/python"))
        return zig.build(interpreter, WHEELHOUSE)


def time_first_example(root: Root, wheel: Path) -> float:
    """Seconds that pip needs for the wheel and what it asks for, and then the README's first example, whose trainer is there already."""
    with tempfile.TemporaryDirectory() as temporary:
        copied = Path(shutil.copy(wheel, temporary))
        readme = shutil.copy(ROOT / "README.md", temporary)
        python = root.inside(f"{temporary}/venv/bin/python")
        pip = (*python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        run(*root.python, "-m", "venv", f"{temporary}/venv")
        began = time.monotonic()
        run(*pip, str(copied))
        took = time.monotonic() - began
        run(*pip, f"edgeonnx[demo] @ {copied.as_uri()}")
        began = time.monotonic()
        told = read(*python, "-c", FIRST_EXAMPLE, readme)
        took += time.monotonic() - began
    if not re.search(r"\d+ rows, mean", told):
        raise Trouble(f"the README's first example printed {told!r}")
    return took


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", nargs="?", type=Path)
    parser.add_argument("--suite", choices=PYTHONS, default="forky")
    parser.add_argument("--smoke", action="store_true", help="a minute's choice of the tests")
    arguments = parser.parse_args()
    tried = arguments.wheel or build(arguments.suite)
    clean = Root(arguments.suite, [])
    seconds = time_first_example(clean, tried)
    print(f"{tried.name} in Debian {arguments.suite}: pip install and the README's first example took {seconds:.1f} s", flush=True)
    print(try_wheel(tried, clean.inside(), f"/usr/bin/python{clean.version}", smoke=arguments.smoke))
