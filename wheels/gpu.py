"""edgeonnx-gpu from edgeonnx: the same files under another name, with onnxruntime-gpu in place of onnxruntime.

python wheels/gpu.py WHEEL_OR_SDIST ... [--dest wheelhouse]
"""

from __future__ import annotations

import argparse
import json
import re
import tarfile
import tempfile
from pathlib import Path

from packaging.metadata import parse_email
from packaging.requirements import Requirement

from common import WHEELHOUSE, Trouble, dist_info, opened
from sbom import write_metadata

NAME, GPU_NAME = "edgeonnx", "edgeonnx-gpu"
RUNTIME, GPU_RUNTIME, GPU_EXTRAS = "onnxruntime", "onnxruntime-gpu", {"cuda", "cudnn"}


def gpu_requirement(text: str) -> str:
    """A requirement of edgeonnx as edgeonnx-gpu has it; its own extras are those of the new name."""
    requirement = Requirement(text)
    if requirement.name == NAME:
        requirement.name = GPU_NAME
    elif requirement.name == RUNTIME:
        requirement.name, requirement.extras = GPU_RUNTIME, GPU_EXTRAS
    return str(requirement)


def gpu_wheel(wheel: Path, dest: Path) -> Path:
    """Writes the wheel of edgeonnx-gpu; the wheel library names it and makes RECORD."""
    with opened(wheel, into=dest) as content:
        info = dist_info(content)
        raw, _ = parse_email((info / "METADATA").read_bytes())
        raw["name"] = GPU_NAME
        raw["requires_dist"] = [gpu_requirement(text) for text in raw["requires_dist"]]
        write_metadata(info, raw)
        for bill in (info / "sboms").glob("*.cdx.json"):
            bill.write_text(re.sub(rf"pkg:pypi/{NAME}@", f"pkg:pypi/{GPU_NAME}@", renamed(bill.read_text())))
        info.rename(info.with_name(info.name.replace(f"{NAME}-", f"{GPU_NAME.replace('-', '_')}-", 1)))
    return dest / wheel.name.replace(f"{NAME}-", f"{GPU_NAME.replace('-', '_')}-", 1)


def renamed(bill: str) -> str:
    """The bill with the name of the distribution changed."""
    content = json.loads(bill)
    content["metadata"]["component"]["name"] = GPU_NAME
    return json.dumps(content, indent=2)


def gpu_project(text: str) -> str:
    """pyproject.toml of edgeonnx-gpu: the name, the requirement and its own extras; the rest stands as it was written."""
    changes = {
        r'^name = "edgeonnx"$': f'name = "{GPU_NAME}"',
        r'"onnxruntime(?=[<>=~!])': f'"{GPU_RUNTIME}[{",".join(sorted(GPU_EXTRAS))}]',
        r'"edgeonnx\[': f'"{GPU_NAME}[',
    }
    for old, new in changes.items():
        text, n = re.subn(old, new, text, flags=re.MULTILINE)
        if not n:
            raise Trouble(f"pyproject.toml has no {old}, which edgeonnx-gpu writes otherwise: change gpu.py with it")
    return text


def gpu_sdist(sdist: Path, dest: Path) -> Path:
    """The source distribution of edgeonnx-gpu, whose PKG-INFO and pyproject.toml say so."""
    name = sdist.name.replace(f"{NAME}-", f"{GPU_NAME.replace('-', '_')}-", 1)
    with tempfile.TemporaryDirectory() as temporary:
        with tarfile.open(sdist) as archive:
            archive.extractall(temporary, filter="data")
        (source,) = Path(temporary).iterdir()
        project = source / "pyproject.toml"
        project.write_text(gpu_project(project.read_text()))
        raw, _ = parse_email((source / "PKG-INFO").read_bytes())
        raw["name"] = GPU_NAME
        raw["requires_dist"] = [gpu_requirement(text) for text in raw["requires_dist"]]
        (source / "METADATA").unlink(missing_ok=True)
        write_metadata(source, raw)
        (source / "METADATA").rename(source / "PKG-INFO")
        root = name.removesuffix(".tar.gz")
        with tarfile.open(dest / name, "w:gz", format=tarfile.PAX_FORMAT) as archive:
            archive.add(source, root)
    return dest / name


def gpu_twins(files: list[Path], dest: Path) -> list[Path]:
    return [gpu_wheel(file, dest) if file.suffix == ".whl" else gpu_sdist(file, dest) for file in files]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--dest", type=Path, default=WHEELHOUSE)
    arguments = parser.parse_args()
    for made in gpu_twins(arguments.files, arguments.dest):
        print(made)
