"""What the figures were measured on, and the refusal to measure anything but an installed wheel."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import platform
import sysconfig
from functools import lru_cache
from pathlib import Path

from contenders import n_cores

RIVALS = ("scikit-learn", "lightgbm", "xgboost-cpu", "lleaves", "treelite", "tl2cgen")


class NotInstalledError(Exception):
    """The package that `import edgeonnx` finds is missing, editable, or a source tree."""


def require_installed_wheel() -> None:
    """Raise unless edgeonnx is installed as users have it: an editable install checks for rebuilds when it is imported."""
    advice = "Install a wheel first: pip install --force-reinstall --no-deps dist/edgeonnx-*.whl"
    names = [each.metadata["Name"] for each in importlib.metadata.distributions()]
    name = next((name for name in ("edgeonnx", "edgeonnx-gpu") if name in names), None)
    if name is None:
        raise NotInstalledError(f"edgeonnx is not installed. {advice}")
    distribution = importlib.metadata.distribution(name)
    direct_url = json.loads(distribution.read_text("direct_url.json") or "{}")
    if direct_url.get("dir_info", {}).get("editable"):
        raise NotInstalledError(f"edgeonnx is an editable install of {direct_url['url']}; its figures mean nothing. {advice}")
    spec = importlib.util.find_spec("edgeonnx")
    origin = Path(spec.origin).resolve() if spec and spec.origin else None
    site_packages = {Path(sysconfig.get_path(kind)).resolve() for kind in ("platlib", "purelib")}
    if origin is None or not any(origin.is_relative_to(folder) for folder in site_packages):
        raise NotInstalledError(f"import edgeonnx finds {origin}, not the wheel in {min(site_packages)}. {advice}")


@lru_cache
def kernel_level() -> str:
    """The instructions that edgeonnx's own kernels use here: scalar, avx2 or avx512."""
    import edgeonnx

    return str(edgeonnx.build_info()["cpu"])


def cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.processor())


def describe() -> dict[str, str | int]:
    versions = {name: importlib.metadata.version(name) for name in ("edgeonnx", "onnxruntime", "numpy")}
    versions |= {name: importlib.metadata.version(name) for name in RIVALS}
    processor: dict[str, str | int] = {"cpu": cpu_model(), "cores": n_cores(), "kernels": kernel_level()}
    return {**processor, "system": platform.platform(), "python": platform.python_version(), **versions}
