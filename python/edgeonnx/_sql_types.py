"""SQL type names and what the core makes of them."""

from __future__ import annotations

import functools

from edgeonnx import _core
from edgeonnx._errors import InvalidArgument

__all__ = ["Declaration", "declaration_of"]

Declaration = tuple[int, int, int, bool]
"""(EDGEONNX_TYPE_* of edgeonnx.h, precision, scale, NOT NULL); precision and scale of decimals only."""

_parsed = functools.lru_cache(_core.declaration_of)


def declaration_of(sql_type: str) -> Declaration:
    """Type of a result as PREDICT's WITH list declares it.

    Parameters
    ----------
    sql_type
        `bit`, `tinyint`, `smallint`, `int`, `integer`, `bigint`, `real`, `float`, `float(n)` with n from 1 to 53 (24 and less is real),
        `double precision`, `decimal(p, s)` with p from 1 to 38 (also `dec` and `numeric`; by default 18 and 0), `money`; then `NULL`,
        `NOT NULL` or nothing. Or an element type of ONNX, as in `tensor(uint16)`. Case does not matter.

    Raises
    ------
    InvalidArgument
        It is no such declaration.

    Examples
    --------
    >>> declaration_of("FLOAT(24)") == declaration_of("real null")
    True
    """
    if not isinstance(sql_type, str):
        raise InvalidArgument(f"{sql_type!r} is not a SQL type; name it as T-SQL does, 'real' or 'decimal(10,2)' for instance")
    return _parsed(sql_type)
