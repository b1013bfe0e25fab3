"""T-SQL's types as DuckDB's, and T-SQL's CAST.

Sources: learn.microsoft.com, "Data types (Transact-SQL)", "float and real", "decimal and numeric", "CAST and CONVERT".
"""

from __future__ import annotations

from sqlglot import exp

__all__ = ["cast", "column_cast", "duckdb_type"]

_DTYPE = exp.DataType.Type
_NUMBERS = {
    _DTYPE.BIT: ("bit", "BOOLEAN"),
    _DTYPE.BOOLEAN: ("bit", "BOOLEAN"),
    _DTYPE.UTINYINT: ("tinyint", "UTINYINT"),
    _DTYPE.SMALLINT: ("smallint", "SMALLINT"),
    _DTYPE.INT: ("int", "INTEGER"),
    _DTYPE.BIGINT: ("bigint", "BIGINT"),
    _DTYPE.FLOAT: ("real", "FLOAT"),
    _DTYPE.DOUBLE: ("float", "DOUBLE"),
}
_MONEY = {_DTYPE.MONEY: (19, 4), _DTYPE.SMALLMONEY: (10, 4)}
_OTHERS = {
    "VARCHAR": (_DTYPE.CHAR, _DTYPE.NCHAR, _DTYPE.VARCHAR, _DTYPE.NVARCHAR, _DTYPE.TEXT, _DTYPE.XML),
    "BLOB": (_DTYPE.BINARY, _DTYPE.VARBINARY, _DTYPE.IMAGE, _DTYPE.ROWVERSION),
    "TIMESTAMP": (_DTYPE.DATETIME, _DTYPE.DATETIME2, _DTYPE.SMALLDATETIME),
    "TIMESTAMPTZ": (_DTYPE.TIMESTAMPTZ,),
}
_NAMES = {kind: name for name, kinds in _OTHERS.items() for kind in kinds}
#: of DuckDB's own names, for the columns of its tables
_BY_DUCKDB_NAME = {duckdb: sql for sql, duckdb in _NUMBERS.values()}


def _digits(kind: exp.DataType) -> tuple[int, ...]:
    return tuple(int(part.name) for part in kind.expressions if part.name.isdigit())


def duckdb_type(kind: exp.DataType) -> str | None:
    """What DuckDB calls a type; None for one that it shall read as it stands."""
    if kind.this in _MONEY:
        return "DECIMAL({}, {})".format(*_MONEY[kind.this])
    if kind.this == _DTYPE.DECIMAL:
        precision, scale = (*_digits(kind), 18, 0)[:2] if not _digits(kind) else (*_digits(kind), 0)[:2]
        return f"DECIMAL({precision}, {scale})"
    if kind.this == _DTYPE.DOUBLE and _digits(kind):
        return "FLOAT" if _digits(kind)[0] <= 24 else "DOUBLE"
    if kind.this in _NUMBERS:
        return _NUMBERS[kind.this][1]
    return _NAMES.get(kind.this)


def cast(value: exp.Expr, kind: exp.DataType, *, tries: bool = False) -> exp.Expr:
    """CAST(value AS kind) by T-SQL's rules, or TRY_CAST, as DuckDB runs it."""
    name = duckdb_type(kind)
    if name is None:
        return (exp.TryCast if tries else exp.Cast)(this=value, to=kind.copy())
    if kind.this in _MONEY or kind.this == _DTYPE.DECIMAL:
        return _decimal_cast(value, "money" if kind.this == _DTYPE.MONEY else name.lower(), name, tries=tries)
    if name in _BY_DUCKDB_NAME:
        return exp.func(f"edgeonnx_{'try_' if tries else ''}cast_{_BY_DUCKDB_NAME[name]}", value)
    return (exp.TryCast if tries else exp.Cast)(this=value, to=_built(name))


def column_cast(value: exp.Expr, to: str, given: str) -> exp.Expr:
    """A value of DuckDB's type `given` as a column of its type `to` takes it: where T-SQL converts otherwise than DuckDB, by its rules."""
    if to == given:
        return value
    if to in _BY_DUCKDB_NAME and _is_number(given):
        return exp.func(f"edgeonnx_cast_{_BY_DUCKDB_NAME[to]}", value)
    if to.startswith("DECIMAL") and _is_number(given):
        return _decimal_cast(value, to.lower(), to, tries=False)
    return value


def _is_number(name: str) -> bool:
    """Of a number, or of text that may be one."""
    return name in _BY_DUCKDB_NAME or name.startswith(("VARCHAR", "DECIMAL", "HUGEINT", "TINYINT", "UINTEGER", "UBIGINT", "USMALLINT"))


def _decimal_cast(value: exp.Expr, declaration: str, name: str, *, tries: bool) -> exp.Expr:
    text = exp.func(f"edgeonnx_{'try_' if tries else ''}cast_decimal", value, exp.Literal.string(declaration))
    return (exp.TryCast if tries else exp.Cast)(this=text, to=_built(name))


def _built(name: str) -> exp.DataType:
    return exp.DataType.build(name, dialect="duckdb")
