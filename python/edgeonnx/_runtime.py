"""Where ONNX Runtime's shared library lies, and what the installed pieces are."""

from __future__ import annotations

import functools
import importlib.util
import os
import platform
import re
from pathlib import Path

from edgeonnx import _core
from edgeonnx._errors import InvalidState, RuntimeMissing, Unsupported

__all__ = ["build_info", "get_include", "get_library", "library_path", "sqlite_extension"]

_PACKAGE = Path(__file__).parent


def library_path() -> str:
    """Path of the ONNX Runtime library to open.

    Returns
    -------
    str
        `EDGEONNX_ORT_LIBRARY` if it is set; else the library inside the installed `onnxruntime` package, found without importing it (an
        import would map a second copy of the runtime); else "", which leaves the search to the system's loader.

    Raises
    ------
    InvalidState
        `edgeonnx` and `edgeonnx-gpu` are installed together.
    """
    _check_alone()
    named = os.environ.get("EDGEONNX_ORT_LIBRARY")
    if named:
        return named
    spec = importlib.util.find_spec("onnxruntime")
    folders = (spec.submodule_search_locations or []) if spec else []
    found = [path for folder in folders for path in Path(folder, "capi").glob("libonnxruntime.so*")]
    return str(max(found, key=_version_of)) if found else ""


@functools.cache
def _distributions() -> dict[str, str]:
    """Versions of the distributions that this package was installed from: one, unless somebody installed the other one over it."""
    found = {}
    for name in ("edgeonnx", "edgeonnx-gpu"):
        for folder in _PACKAGE.parent.glob(f"{name.replace('-', '_')}-*.dist-info"):
            found[name] = folder.name.removesuffix(".dist-info").partition("-")[2]
    return found


def _check_alone() -> None:
    if len(_distributions()) > 1:
        raise InvalidState(
            f"edgeonnx and edgeonnx-gpu are both installed in {_PACKAGE.parent} and have overwritten each other's files; "
            "pip uninstall edgeonnx edgeonnx-gpu, then install one of them"
        )


def _version_of(path: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", path.name))


def get_include() -> str:
    """Folder to give to a C or C++ compiler so that `#include <edgeonnx/edgeonnx.h>` works."""
    return str(_PACKAGE / "include")


def get_library() -> str:
    """Path of `libedgeonnx.so`, the library behind `edgeonnx.h`."""
    return str(_PACKAGE / "lib" / "libedgeonnx.so")


def sqlite_extension() -> str:
    """Path of the SQLite extension, for `load_extension`.

    It runs in SQLite 3.31 and newer. A process that has two SQLite libraries can use it with one of them.

    Returns
    -------
    str
        Path of `edgeonnx_sqlite.so`.

    Raises
    ------
    Unsupported
        This build has no such extension: SQLite's headers were not there.

    Examples
    --------
    >>> sqlite_extension().endswith("edgeonnx_sqlite.so")
    True
    """
    path = _PACKAGE / "lib" / "edgeonnx_sqlite.so"
    if not path.exists():
        raise Unsupported(
            f"this build of edgeonnx has no SQLite extension at {path}; install sqlite3ext.h (Debian: libsqlite3-dev) and build it again: "
            "pip install --force-reinstall --no-deps . in a clone of edgeonnx"
        )
    return str(path)


def build_info() -> dict[str, object]:
    """Versions and settings that a bug report should carry.

    Returns
    -------
    dict
        `version`, `distributions` (the installed packages that this is: `edgeonnx` or `edgeonnx-gpu`), `python`, `platform`,
        `abi_version`, `compiler`, `cpu` (the instructions in use: scalar, avx2 or avx512), `default_threads`, `onnxruntime_library`,
        `onnxruntime_version`, and `providers`, those that ONNX Runtime was built with; whether they work, `eo.providers()` tells. Where no
        usable runtime is found, the version is None and `onnxruntime_error` says why.
    """
    info: dict[str, object] = {
        "version": _core.version(),
        "distributions": dict(_distributions()),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "abi_version": _core.abi_version(),
        "compiler": _core.compiler(),
        "cpu": _core.cpu(),
        "default_threads": _core.default_threads(),
        "onnxruntime_library": None,
        "onnxruntime_version": None,
        "providers": [],
    }
    try:
        info["onnxruntime_library"] = library_path()
        info["onnxruntime_library"], info["onnxruntime_version"] = _core.runtime_open(library_path())
        info["providers"] = [name for name, _, _ in _core.providers(library_path(), False)]
    except (RuntimeMissing, InvalidState) as error:
        info["onnxruntime_error"] = str(error)
    return info
