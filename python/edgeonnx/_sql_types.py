"""SQL type names and the element types of the core that they stand for."""

from __future__ import annotations

import re

from edgeonnx._errors import InvalidArgument

# EDGEONNX_TYPE_* of edgeonnx.h. Sources: learn.microsoft.com, "float and real", "int, bigint, smallint, and tinyint", "bit" (Transact-SQL).
_TYPES = {
    "real": 1,
    "float": 11,
    "double precision": 11,
    "tinyint": 2,
    "smallint": 5,
    "int": 6,
    "integer": 6,
    "bigint": 7,
    "bit": 9,
}


def element_type(sql_type: str) -> int:
    """Element type of a SQL type name.

    Parameters
    ----------
    sql_type
        `real`, `float`, `float(n)` with n from 1 to 53 (24 and less is real), `double precision`, `tinyint`, `smallint`, `int`, `integer`,
        `bigint` or `bit`; case does not matter.

    Returns
    -------
    int
        EDGEONNX_TYPE_* of edgeonnx.h.

    Raises
    ------
    InvalidArgument
        It is no such name.

    Examples
    --------
    >>> element_type("FLOAT(24)") == element_type("real")
    True
    """
    if not isinstance(sql_type, str):
        raise InvalidArgument(f"{sql_type!r} is not a SQL type; name it as T-SQL does, 'real' or 'bigint' for instance")
    name = " ".join(sql_type.lower().split())
    sized = re.fullmatch(r"float ?\( ?(\d+) ?\)", name)
    if sized and 1 <= int(sized[1]) <= 53:
        return _TYPES["real" if int(sized[1]) <= 24 else "float"]
    if name not in _TYPES:
        raise InvalidArgument(f"{sql_type!r} is not a SQL type that a result can have; use one of {', '.join(_TYPES)} or float(n)")
    return _TYPES[name]
