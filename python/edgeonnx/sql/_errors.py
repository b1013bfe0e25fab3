"""Errors with SQL Server's numbers.

Numbers of PREDICT: learn.microsoft.com, "Database Engine events and errors", 31000 to 41399. Their texts were terse; ours say more.
"""

from __future__ import annotations

import re

from edgeonnx._errors import CoercionError, Error, InvalidArgument, NotFound, Unsupported, from_status

__all__ = ["failure", "of_duckdb"]

_KINDS: dict[int, type[Error]] = {
    137: NotFound,  # a variable
    207: NotFound,  # a column
    209: InvalidArgument,  # a column of two tables
    544: InvalidArgument,  # a value for an identity column
    39031: InvalidArgument,  # WITH cannot be parsed
    39032: InvalidArgument,  # not name = value
    39033: InvalidArgument,  # twice
    39035: InvalidArgument,  # too many
    39036: InvalidArgument,  # too few
    39037: InvalidArgument,  # of a wrong type
    39049: CoercionError,  # what the engine says: of a column's type, in strict mode
    39053: InvalidArgument,  # RUNTIME of a wrong type
    39054: InvalidArgument,  # RUNTIME of a wrong value
    39096: NotFound,  # WITH differs from what the model returns
    39097: CoercionError,  # a column of a type that no input takes
    39099: Unsupported,
}

#: What the extension's messages begin with, in the order of the codes.
_STATUSES = (
    "OK",
    "INVALID_ARGUMENT",
    "INVALID_STATE",
    "NOT_FOUND",
    "IO",
    "INVALID_MODEL",
    "TYPE_MISMATCH",
    "SHAPE_MISMATCH",
    "NULL_VALUE",
    "OVERFLOW",
    "UNSUPPORTED",
    "OUT_OF_MEMORY",
    "CANCELLED",
    "INFERENCE_FAILED",
    "RUNTIME_MISSING",
    "INTERNAL",
)
_MESSAGE = re.compile(rf"^(?:Invalid Input Error: )?({'|'.join(_STATUSES)})(?: (\d+))?: (.*)", re.DOTALL)
_COLUMN = re.compile(r"(?:column|output) '((?:[^']|'')*)'")
_VALUE = re.compile(r"(?:value = |It is )(\S+?)\.?(?:\s|$)")


def _of_cast(found: re.Match[str]) -> str:
    return f"It is {found[1]}; TRY_CAST makes NULL of it" if found[1] else "TRY_CAST makes NULL of it"


_NEEDLESS = (
    (re.compile(r"name its columns with columns=\{'[^']*': \[\.\.\.\]\}"), lambda _: "choose them: DATA = (SELECT a, b FROM t) AS d"),
    (
        re.compile(r"make numbers of it first: CAST in SQL, pandas\.to_numeric in pandas"),
        lambda _: "CAST it: DATA = (SELECT CAST(x AS real) AS x FROM t) AS d",
    ),
    (re.compile(r"say (which with )?rename=\{[^}]*\}"), lambda _: "rename it with AS"),
    (re.compile(r"(?:At|It is (\S+) at) row \d+ of column 'value'; on_overflow='null' makes such values NULL\."), _of_cast),
    (re.compile(r"model '[0-9a-f]{64}[^']*'(: )?"), lambda found: "" if found[1] else "the model"),
    (re.compile(r" \((in SQL|settings, as in|rows are counted)[^()]*(\([^()]*\)[^()]*)*\)"), lambda _: ""),
    (
        re.compile(r"(?:, |at |At )?row \d+(?: of|,) ", re.IGNORECASE),
        lambda found: "In " if found[0][0] == "A" else "in " if found[0][0] == "a" else "",
    ),
)
_PREDICT_NUMBERS = {5: 39051, 14: 39092}


def failure(number: int, message: str) -> Error:
    """The exception of a number of SQL Server's; its `sql_number` is set."""
    return _KINDS[number](f"{message} (error {number})", sql_number=number)


def of_duckdb(error: Exception) -> Error | None:
    """What edgeonnx's functions said inside DuckDB, as the exception that it is; None for an error of DuckDB's own."""
    found = _MESSAGE.match(str(error))
    if not found:
        return None
    code = _STATUSES.index(found[1])
    number = int(found[2]) if found[2] else _PREDICT_NUMBERS.get(code)
    message = _plain(found[3].split("\n\nLINE ")[0].strip())
    column, value = _COLUMN.search(message), _VALUE.search(message)
    text = f"{message} (error {number})" if number else message
    return from_status(code, text, number, None, column[1] if column else None, value[1] if value else None)


def _plain(message: str) -> str:
    """A message of the extension's without what only who calls its functions needs.

    That is a name made of a digest, the third argument of edgeonnx_load, a row counted from where DuckDB's piece began.
    """
    for pattern, instead in _NEEDLESS:
        message = pattern.sub(instead, message)
    return message
