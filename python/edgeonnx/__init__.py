"""Score ONNX models over tables: columns in, columns out, with T-SQL's type rules.

`Scorer` loads a model; its `score`, `predict` and `stream` take tables. Every exception derives from `Error`.
"""

from edgeonnx._cast import cast
from edgeonnx._core import version as _version
from edgeonnx._errors import (
    Cancelled,
    CoercionError,
    Error,
    FileError,
    InferenceError,
    InternalError,
    InvalidArgument,
    InvalidState,
    ModelError,
    NotFound,
    NullError,
    OutOfMemory,
    Overflow,
    RuntimeMissing,
    ShapeError,
    Unsupported,
)
from edgeonnx._port import Port
from edgeonnx._providers import Provider, ProviderOption, providers
from edgeonnx._runtime import build_info, get_include, get_library, sqlite_extension
from edgeonnx._scorer import Scorer
from edgeonnx._scores import Cast, Report, Scores

__version__ = _version()

__all__ = [
    "Cancelled",
    "Cast",
    "CoercionError",
    "Error",
    "FileError",
    "InferenceError",
    "InternalError",
    "InvalidArgument",
    "InvalidState",
    "ModelError",
    "NotFound",
    "NullError",
    "OutOfMemory",
    "Overflow",
    "Port",
    "Provider",
    "ProviderOption",
    "Report",
    "RuntimeMissing",
    "Scorer",
    "Scores",
    "ShapeError",
    "Unsupported",
    "__version__",
    "build_info",
    "cast",
    "get_include",
    "get_library",
    "providers",
    "sqlite_extension",
]
