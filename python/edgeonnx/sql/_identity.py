"""IDENTITY(seed, increment): columns that number their rows, by a sequence of DuckDB's each."""

from __future__ import annotations

import re

from sqlglot import exp

from edgeonnx.sql._predict import Query
from edgeonnx.sql._translate import quote, to_duckdb

__all__ = ["columns_of", "create", "last", "numbered"]

_SUFFIX = " identity"
_LEAST, _LARGEST = -(2**63), 2**63 - 1


def _is_identity(constraint: exp.Expr) -> bool:
    return isinstance(constraint.args.get("kind"), exp.GeneratedAsIdentityColumnConstraint | exp.AutoIncrementColumnConstraint)


def columns_of(tree: exp.Create) -> list[exp.ColumnDef]:
    """The columns of a CREATE TABLE that number their rows."""
    return [column for column in tree.find_all(exp.ColumnDef) if any(map(_is_identity, column.args.get("constraints") or []))]


def create(tree: exp.Expr) -> tuple[str, list[str]]:
    """A translated CREATE TABLE: the name of its sequence as SQL has it, and the statements that make the two."""
    assert isinstance(tree, exp.Create)
    table = tree.this.this
    column = columns_of(tree)[0]
    (constraint,) = (each for each in column.args["constraints"] if _is_identity(each))
    kind = constraint.args["kind"]
    start, increment = (int(kind.args[name].sql()) if kind.args.get(name) else 1 for name in ("start", "increment"))
    temporary = "TEMP " if tree.find(exp.TemporaryProperty) else ""
    where = "".join(f"{quote(part)}." for part in (table.catalog, table.db) if part)
    sequence = where + quote(f"{table.name} {column.name}{_SUFFIX}")
    constraint.set("kind", exp.DefaultColumnConstraint(this=exp.func("nextval", exp.Literal.string(sequence))))
    limits = f"MINVALUE {_LEAST} MAXVALUE {_LARGEST}"
    return sequence, [f"CREATE {temporary}SEQUENCE {sequence} INCREMENT BY {increment} {limits} START WITH {start}", to_duckdb(tree)]


def numbered(table: exp.Expr, query: Query) -> list[tuple[str, str]]:
    """Columns of a translated table that number their rows, and their sequences as SQL has them."""
    texts = {part: "'" + table.text(part).replace("'", "''") + "'" for part in ("this", "db", "catalog")}
    schema = f"lower({texts['db']})" if table.text("db") else "CASE database_name WHEN 'temp' THEN 'main' ELSE current_schema() END"
    databases = f"lower({texts['catalog']})" if table.text("catalog") else "current_database(), 'temp'"
    rows = query(
        f"SELECT column_name, column_default FROM duckdb_columns() WHERE lower(table_name) = lower({texts['this']}) "
        f"AND lower(schema_name) = {schema} AND lower(database_name) IN ({databases}) AND column_default LIKE 'nextval(%'",
        None,
    )
    found = [(str(column), re.search(r"'(.*)'", str(default))) for column, default in rows]
    named = [(column, match[1].replace("''", "'")) for column, match in found if match]
    return [(column, sequence) for column, sequence in named if sequence.rstrip('"').endswith(_SUFFIX)]


def last(sequence: str) -> str:
    """A query for the number that was given last."""
    return "SELECT currval('{}')".format(sequence.replace("'", "''"))
