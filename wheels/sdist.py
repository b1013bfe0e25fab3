"""Makes the source distribution and proves it: what is in it, and that it builds and passes its tests by itself.

python wheels/sdist.py [--dest wheelhouse] [--tests make-target]
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from common import ROOT, WHEELHOUSE, Trouble, read, run

#: Tracked files that a source distribution does without: what only the repository's own machinery reads.
LEFT_OUT = (".ci/", ".gitignore", ".clang-format", ".github/")


def tracked() -> set[str]:
    return {name for name in read("git", "-C", ROOT, "ls-files", "-z").split("\0") if name}


def members(sdist: Path) -> set[str]:
    with tarfile.open(sdist) as archive:
        return {member.name.partition("/")[2] for member in archive if member.isfile()}


def compare(sdist: Path) -> None:
    """All tracked files are there but those of LEFT_OUT, and no others."""
    expected = {name for name in tracked() if not name.startswith(LEFT_OUT)}
    there = members(sdist) - {"PKG-INFO"}
    if lacking := sorted(expected - there):
        raise Trouble(f"{sdist.name} lacks {', '.join(lacking)}: see sdist.include in pyproject.toml, or LEFT_OUT in sdist.py")
    if others := sorted(there - expected):
        raise Trouble(f"{sdist.name} has {', '.join(others)}, which git does not track: see sdist.include in pyproject.toml")


def make(dest: Path) -> Path:
    """Writes the archive and compares it with the repository."""
    with tempfile.TemporaryDirectory() as temporary:
        run(sys.executable, "-m", "build", "--sdist", "--outdir", temporary, ROOT)
        (made,) = Path(temporary).glob("*.tar.gz")
        compare(made)
        dest.mkdir(parents=True, exist_ok=True)
        return Path(shutil.move(made, dest / made.name))


def prove(sdist: Path, target: str) -> None:
    """Unpacks it elsewhere, and runs a target of its Makefile, which installs it from there in an environment of its own."""
    with tempfile.TemporaryDirectory(prefix="edgeonnx-sdist-") as temporary:
        with tarfile.open(sdist) as archive:
            archive.extractall(temporary, filter="data")
        (source,) = Path(temporary).iterdir()
        variables = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
        if subprocess.run(["make", target], cwd=source, env=variables, check=False).returncode:
            raise Trouble(f"make {target} fails in what {sdist.name} holds")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dest", type=Path, default=WHEELHOUSE)
    parser.add_argument("--tests", default="test-python", metavar="TARGET", help="of its Makefile, to run in it; default: test-python")
    arguments = parser.parse_args()
    archive_path = make(arguments.dest)
    prove(archive_path, arguments.tests)
    print(archive_path)
