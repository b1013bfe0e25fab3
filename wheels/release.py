"""`make wheels`: all that a release is made of, checked, in wheelhouse/.

Wheels by cibuildwheel where a container engine can fetch its image, by zig otherwise; edgeonnx-gpu's from them; the source distributions;
what is wrong with them; SHA256SUMS.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
from pathlib import Path

import container
import sdist
import zig
from check import check_all, run_twine
from common import WHEELHOUSE, find_interpreters, tag_of
from gpu import gpu_twins
from try_wheel import try_wheel


def sums(files: list[Path]) -> str:
    """As sha256sum prints and reads them."""
    return "".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in sorted(files))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pythons", nargs="*", default=[], help="3.11 or the like; default: every one that there is")
    parser.add_argument("--way", choices=["container", "zig"], help="default: container, if an engine can fetch the image")
    arguments = parser.parse_args()
    shutil.rmtree(WHEELHOUSE, ignore_errors=True)
    way = arguments.way or ("container" if container.engine() else "zig")
    print(f"wheels by {way}", flush=True)
    wheels = (container if way == "container" else zig).build_all(arguments.pythons)
    sources = [sdist.make(WHEELHOUSE)]
    twins = gpu_twins([*wheels, *sources], WHEELHOUSE)
    files = [*wheels, *sources, *twins]
    check_all([file for file in files if file.suffix == ".whl"])
    run_twine([file for file in files if file.suffix != ".whl"])
    if way == "zig":  # cibuildwheel has tried its own
        for wheel in wheels:
            (interpreter,) = find_interpreters([tag_of(wheel)])
            print(try_wheel(wheel, (), *interpreter.command, smoke=True), flush=True)
    text = sums(files)
    (WHEELHOUSE / "SHA256SUMS").write_text(text)
    print(text, end="")


if __name__ == "__main__":
    main()
