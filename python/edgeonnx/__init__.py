"""Score ONNX models over tables: columns in, columns out, with T-SQL's type rules.

`Scorer` loads a model; its `score`, `predict` and `stream` take tables. Every exception derives from `Error`.
"""

import importlib
from typing import TYPE_CHECKING, Any

from edgeonnx._cast import cast
from edgeonnx._core import version as _version
from edgeonnx._errors import (
    Cancelled,
    CoercionError,
    Error,
    FileError,
    GoldenWarning,
    InferenceError,
    InternalError,
    InvalidArgument,
    InvalidState,
    ModelError,
    NotFound,
    NullError,
    OutOfMemory,
    Overflow,
    ParityWarning,
    RuntimeDefectWarning,
    RuntimeMissing,
    ShapeError,
    Unsupported,
)
from edgeonnx._port import Port
from edgeonnx._providers import Provider, ProviderOption, providers
from edgeonnx._runtime import build_info, get_include, get_library, sqlite_extension
from edgeonnx._scorer import Scorer
from edgeonnx._scores import Cast, Report, Scores

if TYPE_CHECKING:
    from edgeonnx._convert import convert
    from edgeonnx._golden._seal import seal
    from edgeonnx._verify import Cause, VerifyReport, verify

__version__ = _version()

__all__ = [
    "Cancelled",
    "Cast",
    "Cause",
    "CoercionError",
    "Error",
    "FileError",
    "GoldenWarning",
    "InferenceError",
    "InternalError",
    "InvalidArgument",
    "InvalidState",
    "ModelError",
    "NotFound",
    "NullError",
    "OutOfMemory",
    "Overflow",
    "ParityWarning",
    "Port",
    "Provider",
    "ProviderOption",
    "Report",
    "RuntimeDefectWarning",
    "RuntimeMissing",
    "Scorer",
    "Scores",
    "ShapeError",
    "Unsupported",
    "VerifyReport",
    "__version__",
    "build_info",
    "cast",
    "convert",
    "get_include",
    "get_library",
    "providers",
    "seal",
    "sqlite_extension",
    "verify",
]

# Scoring should not wait for what only the making and checking of models needs.
_LATE = {
    "Cause": "edgeonnx._verify",
    "VerifyReport": "edgeonnx._verify",
    "convert": "edgeonnx._convert",
    "seal": "edgeonnx._golden._seal",
    "verify": "edgeonnx._verify",
}


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module 'edgeonnx' has no attribute '{name}'")
    found = globals()[name] = getattr(importlib.import_module(_LATE[name]), name)
    return found


def __dir__() -> list[str]:
    return __all__
