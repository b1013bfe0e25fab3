"""Statements of T-SQL as DuckDB reads them: names, types, casts, operators and functions that differ.

Variables are placeholders already when a tree comes here; PREDICT, which _predict.py replaces, is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sqlglot import ErrorLevel, exp
from sqlglot.dialects.tsql import TSQL
from sqlglot.errors import UnsupportedError

from edgeonnx._errors import Unsupported
from edgeonnx.sql._types import cast, duckdb_type

__all__ = ["quote", "to_duckdb", "translate"]


def quote(name: str) -> str:
    """A name as SQL has it between double quotes."""
    return '"' + name.replace('"', '""') + '"'


def to_duckdb(tree: exp.Expr) -> str:
    """The text of a translated tree."""
    try:
        return tree.sql(dialect="duckdb", unsupported_level=ErrorLevel.RAISE)
    except UnsupportedError as error:
        raise Unsupported(f"this T-SQL can't be run here: {str(error).splitlines()[0]}") from None


def translate(tree: exp.Expr) -> exp.Expr:
    """`tree`, changed in place from T-SQL to what DuckDB reads; the one returned counts."""
    refused = next((f"{words} is not supported here" for kind, words in _REFUSED.items() if tree.find(kind)), None)
    if refused is not None:
        raise Unsupported(refused)
    tree = _into(tree)
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
    tries = isinstance(node, exp.TryCast) or bool(node.args.get("safe"))
    if isinstance(node, exp.Convert):
        style = node.args.get("style")
        return (
            cast(node.expression, node.this, tries=tries) if style is None else _styled(node.expression, node.this, style.name, tries=tries)
        )
    return cast(node.this, node.args["to"], tries=tries)


def _styled(value: exp.Expr, kind: exp.DataType, style: str, *, tries: bool) -> exp.Expr:
    """CONVERT with a style. Source: learn.microsoft.com, "CAST and CONVERT", date and time styles, binary styles."""
    name = duckdb_type(kind) or kind.sql(dialect="duckdb")
    if name == "BLOB" and style in ("1", "2"):
        return exp.func("unhex", exp.func("regexp_replace", value, exp.Literal.string("^0[xX]"), exp.Literal.string("")))
    format_ = TSQL.CONVERT_FORMAT_MAPPING.get(style, "")
    if "%" in format_ and name == "VARCHAR":
        return exp.func("strftime", exp.Cast(this=value, to=exp.DataType.build("TIMESTAMP", dialect="duckdb")), exp.Literal.string(format_))
    if "%" in format_ and name in ("TIMESTAMP", "DATE", "TIME"):
        read = exp.func("try_strptime" if tries else "strptime", value, exp.Literal.string(format_))
        return exp.Cast(this=read, to=exp.DataType.build(name, dialect="duckdb"))
    if style == "0" or kind.this in (exp.DataType.Type.FLOAT, exp.DataType.Type.DOUBLE):
        return cast(value, kind, tries=tries)
    raise Unsupported(f"CONVERT to {kind.sql(dialect='tsql')} with style {style} is not supported here")


def _data_type(node: exp.Expr) -> exp.Expr:
    assert isinstance(node, exp.DataType)
    name = None if isinstance(node.parent, exp.Cast) else duckdb_type(node)
    return exp.DataType.build(name, dialect="duckdb") if name else node


def _divide(node: exp.Expr) -> exp.Expr:
    # DuckDB's // divides whole numbers into whole ones, and all others as /.
    return exp.IntDiv(this=node.this, expression=node.expression)


def _add(node: exp.Expr) -> exp.Expr:
    """+ is || between texts. A text that is a number adds to one, as in T-SQL; of two columns DuckDB must say what + means."""
    left, right = node.this, node.expression
    if any(_is_text(each) for each in (left, right)) and not any(_is_number(each) for each in (left, right)):
        return exp.DPipe(this=left, expression=right, safe=True)
    for each in (left, right):
        if isinstance(each, exp.Literal) and each.is_string and _is_number(each):
            each.replace(exp.Literal.number(each.name.strip()))
    return node


def _is_text(node: exp.Expr | None) -> bool:
    if isinstance(node, exp.Paren):
        return _is_text(node.this)
    if isinstance(node, exp.Cast):
        return bool(node.to.this in exp.DataType.TEXT_TYPES)
    return isinstance(node, exp.DPipe | exp.National) or (isinstance(node, exp.Literal) and node.is_string)


def _is_number(node: exp.Expr | None) -> bool:
    """A number, or a text that is one beside what may be one."""
    if isinstance(node, exp.Paren | exp.Neg):
        return _is_number(node.this)
    if isinstance(node, exp.Literal):
        other = node.parent.expression if node.parent is not None and node.parent.this is node else node.parent and node.parent.this
        return not node.is_string or (not _is_text(other) and re.fullmatch(r"\s*[+-]?[\d.]+\s*", node.name) is not None)
    return isinstance(node, exp.Anonymous) and node.name.startswith(("edgeonnx_cast_", "edgeonnx_try_cast_"))


def _column(node: exp.Expr) -> exp.Expr:
    node.set("db", None)  # dbo.t.a is t.a
    node.set("catalog", None)
    return node


def _join(node: exp.Expr) -> exp.Expr:
    """CROSS APPLY and OUTER APPLY as joins with LATERAL."""
    applies = node.this.args.get("cross_apply") if isinstance(node.this, exp.Lateral) else None
    if applies is None:
        return node
    node.this.set("cross_apply", None)
    if applies:
        node.set("kind", "CROSS")
    else:
        node.set("side", "LEFT")
        node.set("on", exp.true())
    return node


def _with(node: exp.Expr) -> exp.Expr:
    """T-SQL has no word for a common table expression that names itself."""
    if any(table.name.lower() == cte.alias.lower() for cte in node.expressions for table in cte.this.find_all(exp.Table)):
        node.set("recursive", True)
    return node


def _object_id(node: exp.Expr) -> exp.Expr:
    """OBJECT_ID('dbo.t'), which asks whether there is such a table or view."""
    if not isinstance(node.this, exp.Literal | exp.National):
        return node
    *schema, name = [part.strip('[]"').lower().replace("'", "''") for part in node.this.name.split(".")]
    where = f"LOWER(name) = '{name}'"
    if schema and schema[-1] not in ("", "dbo"):
        where += f" AND LOWER(schema) = '{schema[-1]}'"
    elif not name.startswith("#"):
        where += " AND schema = CURRENT_SCHEMA()"
    found = (
        "(SELECT MIN(id) FROM (SELECT table_oid AS id, table_name AS name, schema_name AS schema FROM duckdb_tables() UNION ALL "
        f"SELECT view_oid, view_name, schema_name FROM duckdb_views()) AS objects WHERE {where})"
    )
    return exp.maybe_parse(found, dialect="duckdb")


def _into(tree: exp.Expr) -> exp.Expr:
    """SELECT ... INTO t, also of a UNION, as CREATE TABLE t AS SELECT."""
    first = tree
    while isinstance(first, exp.SetOperation | exp.Subquery):
        first = first.this
    into = first.args.get("into") if isinstance(first, exp.Select) else None
    if into is None:
        return tree
    first.set("into", None)
    created = exp.Create(this=into.this, kind="TABLE", expression=tree)
    if into.args.get("temporary") or into.this.name.startswith("#"):
        created.set("properties", exp.Properties(expressions=[exp.TemporaryProperty()]))
    return created


def _definition(node: exp.Expr) -> exp.Expr:
    """What says how rows are stored or text compared has no meaning here."""
    kept = [each for each in node.args["constraints"] or [] if not isinstance(each.args.get("kind"), _STORAGE)]
    node.set("constraints", kept)
    return node


_STORAGE = (exp.CollateColumnConstraint, exp.ClusteredColumnConstraint, exp.NonClusteredColumnConstraint)
_REFUSED: dict[type[exp.Expr], str] = {
    exp.Execute: "EXEC",
    exp.WhileBlock: "WHILE",
    exp.StoredProcedure: "a procedure",
    exp.ForClause: "FOR XML or JSON",
}
_CHANGES: dict[type[exp.Expr], Callable[[exp.Expr], exp.Expr]] = {
    exp.Table: _table,
    exp.Identifier: _identifier,
    exp.Convert: _cast,
    exp.Cast: _cast,
    exp.DataType: _data_type,
    exp.Div: _divide,
    exp.Add: _add,
    exp.ObjectId: _object_id,
    exp.Column: _column,
    exp.ColumnDef: _definition,
    exp.Join: _join,
    exp.With: _with,
}
