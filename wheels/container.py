"""Wheels in the container of manylinux, by cibuildwheel, which also tests them.

python wheels/container.py [--pythons 3.11 3.12] [--dest wheelhouse]
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from common import ROOT, WHEELHOUSE, run, tool, wheels_in
from sbom import complete

IMAGE = "quay.io/pypa/manylinux_2_28_x86_64"


def engine() -> str | None:
    """Docker or podman, if it answers and can fetch the image; CIBW_CONTAINER_ENGINE decides without being asked."""
    if named := os.environ.get("CIBW_CONTAINER_ENGINE"):
        return named
    for name in ("docker", "podman"):
        if shutil.which(name) and subprocess.run([name, "pull", "--quiet", IMAGE], capture_output=True, check=False).returncode == 0:
            return name
    return None


def build_all(pythons: Sequence[str], dest: Path = WHEELHOUSE) -> list[Path]:
    """The C++ library there is the system's, so that nothing of a runtime is in the wheels."""
    variables = dict(os.environ)
    if name := engine():
        variables["CIBW_CONTAINER_ENGINE"] = name
    if pythons:
        variables["CIBW_BUILD"] = " ".join(f"cp{word.removeprefix('cp').replace('.', '')}-*" for word in pythons)
    dest.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        run(tool("cibuildwheel"), "--platform", "linux", "--output-dir", temporary, ROOT, env=variables)
        wheels = []
        for wheel in wheels_in(Path(temporary)):
            complete(wheel, [])
            wheels.append(Path(shutil.move(wheel, dest / wheel.name)))
    return wheels


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pythons", nargs="*", default=[], help="3.11 or the like; default: all in pyproject.toml")
    parser.add_argument("--dest", type=Path, default=WHEELHOUSE)
    arguments = parser.parse_args()
    for path in build_all(arguments.pythons, arguments.dest):
        print(path)
