"""Statements of T-SQL as DuckDB reads them: names, types, casts, operators and functions that differ.

PREDICT is _predict.py's, variables are _variables.py's; both have been replaced when a tree comes here.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from edgeonnx.sql._types import cast, duckdb_type

__all__ = ["quote", "to_duckdb", "translate"]


def quote(name: str) -> str:
    """A name as SQL has it between double quotes."""
    return '"' + name.replace('"', '""') + '"'


def to_duckdb(tree: exp.Expr) -> str:
    """The text of a translated tree."""
    return tree.sql(dialect="duckdb")


def translate(tree: exp.Expr) -> exp.Expr:
    """`tree`, changed in place from T-SQL to what DuckDB reads; the one returned counts."""
    for node in reversed(list(tree.walk())):  # what is inside first
        changed = next((change(node) for kind, change in _CHANGES.items() if isinstance(node, kind)), node)
        if changed is node:
            continue
        if node is tree:
            tree = changed
        else:
            node.replace(changed)
    return tree


def _table(node: exp.Expr) -> exp.Expr:
    # dbo is the schema that DuckDB calls main; a database before it is an attached one.
    if node.text("db").lower() == "dbo":
        node.set("db", exp.to_identifier("main") if node.args.get("catalog") else None)
    node.set("hints", None)  # WITH (NOLOCK) has no meaning here
    return node


def _identifier(node: exp.Expr) -> exp.Expr:
    # A temporary table keeps its sign, so that #t and t are two tables.
    for flag, sign in (("temporary", "#"), ("global_", "##")):
        if node.args.get(flag):
            node.set("this", sign + node.name)
            node.set("quoted", True)
            node.set(flag, None)
    return node


def _cast(node: exp.Expr) -> exp.Expr:
    if isinstance(node.parent, exp.Column):
        return node
    tries = isinstance(node, exp.TryCast) or bool(node.args.get("safe"))
    value, kind = (node.expression, node.this) if isinstance(node, exp.Convert) else (node.this, node.args["to"])
    if isinstance(node, exp.Convert) and node.args.get("style") is not None and duckdb_type(kind) in (None, "VARCHAR", "TIMESTAMP"):
        return node  # formats of dates: sqlglot knows some
    return cast(value, kind, tries=tries)


def _data_type(node: exp.Expr) -> exp.Expr:
    assert isinstance(node, exp.DataType)
    name = None if isinstance(node.parent, exp.Cast) else duckdb_type(node)
    return exp.DataType.build(name, dialect="duckdb") if name else node


def _divide(node: exp.Expr) -> exp.Expr:
    # DuckDB's // divides whole numbers into whole ones, and all others as /.
    return exp.IntDiv(this=node.this, expression=node.expression)


def _add(node: exp.Expr) -> exp.Expr:
    if _is_text(node.this) or _is_text(node.expression):
        return exp.DPipe(this=node.this, expression=node.expression, safe=True)
    return node


def _is_text(node: exp.Expr | None) -> bool:
    if isinstance(node, exp.Paren):
        return _is_text(node.this)
    if isinstance(node, exp.Cast):
        return bool(node.to.this in exp.DataType.TEXT_TYPES)
    return isinstance(node, exp.DPipe) or (isinstance(node, exp.Literal) and node.is_string)


def _object_id(node: exp.Expr) -> exp.Expr:
    """OBJECT_ID('dbo.t'), which asks whether there is such a table or view."""
    if not isinstance(node.this, exp.Literal | exp.National):
        return node
    plain = node.this.name.split(".")[-1].strip('[]"').lower().replace("'", "''")
    found = (
        "(SELECT MIN(id) FROM (SELECT table_oid AS id, table_name AS name FROM duckdb_tables() UNION ALL SELECT view_oid, view_name "
        f"FROM duckdb_views()) AS objects WHERE LOWER(name) = '{plain}')"
    )
    return exp.maybe_parse(found, dialect="duckdb")


def _into(node: exp.Expr) -> exp.Expr:
    """SELECT ... INTO t, as CREATE TABLE t AS SELECT."""
    assert isinstance(node, exp.Select)
    into = node.args.get("into")
    if into is None:
        return node
    node.set("into", None)
    temporary = into.args.get("temporary") or into.this.this.name.startswith("#")
    created = exp.Create(this=into.this, kind="TABLE", expression=node)
    if temporary:
        created.set("properties", exp.Properties(expressions=[exp.TemporaryProperty()]))
    return created


_CHANGES: dict[type[exp.Expr], Callable[[exp.Expr], exp.Expr]] = {
    exp.Table: _table,
    exp.Identifier: _identifier,
    exp.Convert: _cast,
    exp.Cast: _cast,
    exp.DataType: _data_type,
    exp.Div: _divide,
    exp.Add: _add,
    exp.ObjectId: _object_id,
    exp.Select: _into,
}
