"""IDENTITY(seed, increment): columns that number their rows, by a sequence of DuckDB's each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlglot import exp

from edgeonnx.sql._translate import quote, to_duckdb

if TYPE_CHECKING:
    from edgeonnx.sql._session import Session

__all__ = ["columns_of", "create", "last", "numbered_columns", "sequences_of"]

_SUFFIX = " identity"


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
    start, increment = (kind.args[name].name if kind.args.get(name) else "1" for name in ("start", "increment"))
    temporary = "TEMP " if tree.find(exp.TemporaryProperty) else ""
    where = f"{quote(table.db)}." if table.db else ""
    sequence = where + quote(f"{table.name} {column.name}{_SUFFIX}")
    default = exp.DefaultColumnConstraint(this=exp.func("nextval", exp.Literal.string(sequence)))
    constraint.set("kind", default)
    least = f" MINVALUE {start}" if int(start) < 1 else ""
    return sequence, [f"CREATE {temporary}SEQUENCE {sequence} INCREMENT BY {increment}{least} START WITH {start}", to_duckdb(tree)]


def _defaults(session: Session, table: exp.Expr) -> list[tuple[str, str]]:
    """Columns of a table, and the sequences that number them."""
    name = table.name.lower().replace("'", "''")
    rows = session.query(
        f"SELECT column_name, column_default FROM duckdb_columns() WHERE lower(table_name) = '{name}' AND column_default LIKE 'nextval(%'"
    )
    found = [(str(column), re.search(r"'(.*)'", str(default))) for column, default in rows]
    return [(column, match[1].replace("''", "'")) for column, match in found if match and match[1].rstrip('"').endswith(_SUFFIX)]


def numbered_columns(session: Session, table: exp.Expr) -> list[str]:
    """Columns of a table that number their rows."""
    return [column for column, _ in _defaults(session, table)]


def sequences_of(session: Session, drop: exp.Expr) -> list[str]:
    """The sequences that go with the tables of a DROP, as SQL has them."""
    return [sequence for table in drop.find_all(exp.Table) for _, sequence in _defaults(session, table)]


def last(session: Session, table: exp.Expr) -> str:
    """A query for the number that was given last."""
    sequence = _defaults(session, table)[0][1]
    return "SELECT currval('{}')".format(sequence.replace("'", "''"))
