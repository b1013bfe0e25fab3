"""The exceptions of edgeonnx: one class per status of the C interface, each also the builtin that Python users expect."""

from __future__ import annotations

__all__ = [
    "Cancelled",
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
    "RuntimeDefectWarning",
    "RuntimeMissing",
    "ShapeError",
    "Unsupported",
]


class Error(Exception):
    """What every exception of edgeonnx derives from.

    Attributes
    ----------
    code : int
        Status of the C interface (`edgeonnx.h`), the same in every language.
    sql_number : int or None
        T-SQL error number: 220, 232, 237 or 8115 for values that do not fit, 8134 where a model divides an integer by 0.
    row : int or None
        Row at fault, counted from 0 over the whole call.
    column : str or None
        Column (or output) at fault.
    value : str or None
        Value at fault, as text.
    """

    code: int = 15

    def __init__(
        self, message: str, *, sql_number: int | None = None, row: int | None = None, column: str | None = None, value: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.sql_number = sql_number
        self.row = row
        self.column = column
        self.value = value

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.message, self.sql_number, self.row, self.column, self.value)


class InvalidArgument(Error, ValueError):
    """An argument makes no sense: a wrong kind of data, an unknown option value, a negative size."""

    code = 1


class InvalidState(Error, RuntimeError):
    """An object is used where it cannot be: after fork, or beside another ONNX Runtime."""

    code = 2


class NotFound(Error, KeyError):
    """There is no such input, output or column. All that are missing are named."""

    code = 3


class FileError(Error, OSError):
    """A file is missing or cannot be read."""

    code = 4


class ModelError(Error, ValueError):
    """The model is empty, truncated, not ONNX, broken, or needs a newer runtime."""

    code = 5


class CoercionError(Error, TypeError):
    """A column's type is not accepted under this coercion."""

    code = 6


class ShapeError(Error, ValueError):
    """Ranks, widths or lengths differ."""

    code = 7


class NullError(Error, ValueError):
    """A NULL where the policy is `error`."""

    code = 8


class Overflow(Error, OverflowError):
    """A value does not fit its target type; `sql_number`, `row`, `column` and `value` are set."""

    code = 9


class Unsupported(Error, NotImplementedError):
    """An operator, element type or execution provider that cannot be used."""

    code = 10


class OutOfMemory(Error, MemoryError):
    """Memory ran out."""

    code = 11


class Cancelled(Error, RuntimeError):
    """The call was stopped. Ctrl-C raises `KeyboardInterrupt` instead."""

    code = 12


class InferenceError(Error, RuntimeError):
    """ONNX Runtime failed while it ran, and its own text is in the message; or the model divides integers that can't be divided."""

    code = 13


class RuntimeMissing(Error, ImportError):
    """There is no usable ONNX Runtime library; the message says what to install."""

    code = 14


class InternalError(Error, RuntimeError):
    """A defect of edgeonnx."""

    code = 15


class ParityWarning(UserWarning):
    """A converted model does not answer as its estimator does on some rows."""


class GoldenWarning(UserWarning):
    """A model does not give its golden answers here, or has been changed since it was sealed, and `golden="warn"` loads it all the same."""


class RuntimeDefectWarning(UserWarning):
    """ONNX Runtime runs a node that its release is known to compute wrongly; the message names the releases that do not."""


# Tracebacks and pickles name the classes where users find them.
for _kind in (Error, *Error.__subclasses__(), GoldenWarning, ParityWarning, RuntimeDefectWarning):
    _kind.__module__ = "edgeonnx"

_BY_CODE: dict[int, type[Error]] = {kind.code: kind for kind in Error.__subclasses__()}


def from_status(code: int, message: str, sql_number: int | None, row: int | None, column: str | None, value: str | None) -> Error:
    """The exception for a status of the C interface; called by the core."""
    return _BY_CODE.get(code, InternalError)(message, sql_number=sql_number, row=row, column=column, value=value)


def _rebuild(kind: type[Error], message: str, sql_number: int | None, row: int | None, column: str | None, value: str | None) -> Error:
    return kind(message, sql_number=sql_number, row=row, column=column, value=value)
