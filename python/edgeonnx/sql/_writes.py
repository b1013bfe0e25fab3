"""INSERT, UPDATE and DELETE: values become what the columns' types make of them in T-SQL, and a target may stand in FROM.

Sources: learn.microsoft.com, "INSERT", "UPDATE" and "DELETE (Transact-SQL)", "CAST and CONVERT".
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from edgeonnx._errors import InvalidArgument, Unsupported
from edgeonnx.sql._predict import Query
from edgeonnx.sql._types import column_cast

__all__ = ["columns_of", "convert_inserted", "convert_updated", "delete_by_row", "type_of", "update_by_row"]

_ROW = "edgeonnx row"


def columns_of(table: exp.Expr, query: Query) -> dict[str, str]:
    """Names and types of a table's columns, as DuckDB has them."""
    return {str(row[0]): str(row[1]) for row in query("", exp.Describe(this=plain(table)))}


def plain(table: exp.Expr) -> exp.Table:
    """A table's name alone."""
    return exp.Table(**{part: table.args[part].copy() for part in ("this", "db", "catalog") if table.args.get(part)})


def type_of(types: Mapping[str, str], name: str) -> str:
    """The type of a column, whose name ignores case; "" where there is none."""
    return next((kind for each, kind in types.items() if each.lower() == name.lower()), "")


def _is_default(node: exp.Expr) -> bool:
    return isinstance(node, exp.Var) and node.name.upper() == "DEFAULT"


# ------------------------------------------------------------------------------------------------------------------------------- INSERT


def convert_inserted(insert: exp.Insert, names: list[str], types: list[str], query: Query) -> None:
    """Converts what a translated INSERT puts into columns of these names and types."""
    source = insert.expression
    if isinstance(source, exp.Values):
        _check_widths(source, names)
        if any(_is_default(cell) for row in source.expressions for cell in row.expressions):
            for row in source.expressions:
                cells = [cell if _is_default(cell) else _cell(cell, to) for cell, to in zip(row.expressions, types, strict=True)]
                row.set("expressions", cells)
            return
    aliases = [f"c{i}" for i in range(len(types))]
    rows: exp.Expr
    if isinstance(source, exp.Values):
        values = source.copy()
        values.set("alias", exp.TableAlias(this=exp.to_identifier("v"), columns=[exp.to_identifier(name) for name in aliases]))
        rows = exp.select("*").from_(values)
    else:
        rows = source.copy()
    _see(rows, insert.args.get("with_"))
    given = [str(row[1]) for row in query("", exp.Describe(this=rows.copy()))]
    if len(given) != len(types):
        raise InvalidArgument(
            f"INSERT has {len(given)} values a row for {len(types)} columns: {', '.join(names)} (error 213)", sql_number=213
        )
    converted = [column_cast(exp.column(name), to, kind) for name, to, kind in zip(aliases, types, given, strict=True)]
    if all(isinstance(value, exp.Column) for value in converted):
        return
    alias = exp.TableAlias(this=exp.to_identifier("r"), columns=[exp.to_identifier(name) for name in aliases])
    insert.set("expression", exp.select(*converted).from_(exp.Subquery(this=rows, alias=alias)))
    insert.set("with_", None)  # it went with the rows


def _check_widths(values: exp.Values, names: list[str]) -> None:
    for row in values.expressions:
        if len(row.expressions) != len(names):
            raise InvalidArgument(
                f"INSERT has {len(row.expressions)} values a row for {len(names)} columns: {', '.join(names)} (error 213)", sql_number=213
            )


def _see(rows: exp.Expr, with_: exp.Expr | None) -> None:
    """Lets a query see the common table expressions of the statement around it."""
    if with_ is None:
        return
    own = rows.args.get("with_")
    seen = with_.copy()
    if own is not None:
        seen.set("expressions", [*seen.expressions, *own.expressions])
    rows.set("with_", seen)


def _cell(value: exp.Expr, to: str) -> exp.Expr:
    """A value of a type that is not known."""
    return value if isinstance(value, exp.Null | exp.Placeholder) else column_cast(value.copy(), to, "VARCHAR")


# ---------------------------------------------------------------------------------------------------------------------- UPDATE and DELETE


def convert_updated(update: exp.Update, query: Query) -> None:
    """Converts what a translated UPDATE assigns to the types of the columns."""
    types = columns_of(update.this, query)
    for each in update.expressions:
        to = type_of(types, each.this.name)
        if to and not _is_default(each.expression):
            each.set("expression", _cell(each.expression, to))


def _target(name: str, sources: list[exp.Expr]) -> exp.Table | None:
    """The table of FROM that a statement changes, named by its alias or its own name."""
    found = [source for source in sources if source.alias_or_name.lower() == name.lower() and isinstance(source, exp.Table)]
    return found[0] if found else None


def _sources(first: exp.Expr | None, joins: list[exp.Join]) -> list[exp.Expr]:
    inner = [join.this for join in (first.args.get("joins") or [])] if first is not None else []
    return [*([first] if first is not None else []), *inner, *(join.this for join in joins)]


def update_by_row(update: exp.Update) -> exp.Update:
    """UPDATE t SET ... FROM t JOIN u ON ...: in DuckDB the t of FROM is another one, so rows are found by their number first."""
    for each in update.expressions:
        if not isinstance(each, exp.EQ) or not isinstance(each.this, exp.Column):
            raise Unsupported(f"UPDATE can't assign to {each.sql(dialect='tsql')}")
        each.this.set("table", None)
    if not update.expressions:
        raise Unsupported("UPDATE has no assignment that can be read; += and its like are to be written out, x = x + 1")
    from_ = update.args.get("from_")
    target = _target(update.this.alias_or_name, _sources(from_.this, from_.args.get("joins") or [])) if from_ is not None else None
    if target is None or from_ is None:
        return update
    assigned = [each for each in update.expressions if not _is_default(each.expression)]
    values = [exp.alias_(each.expression.copy(), f"v{i}") for i, each in enumerate(assigned)]
    found = _rows_of(target, values, from_, update.args.get("where"))
    for i, each in enumerate(assigned):
        each.set("expression", exp.column(f"v{i}", table=exp.to_identifier(_ROW, quoted=True)))
    update.set("this", plain(target))
    update.set("from_", exp.From(this=found.subquery(exp.to_identifier(_ROW, quoted=True))))
    same = exp.EQ(this=exp.column("rowid", table=plain(target).this.copy()), expression=exp.column(_ROW, table=_ROW, quoted=True))
    update.set("where", exp.Where(this=same))
    return update


def delete_by_row(delete: exp.Delete) -> exp.Delete:
    """DELETE t FROM t JOIN u ON ..., likewise."""
    tables = delete.args.get("tables") or []
    joined = delete.this.args.get("joins") or delete.args.get("using")
    if not tables and not joined and not delete.this.alias:
        return delete
    name = tables[0].name if tables else delete.this.alias_or_name
    target = _target(name, _sources(delete.this, []))
    if target is None:
        raise Unsupported(f"DELETE names '{name}', which is not in FROM")
    found = _rows_of(target, [], exp.From(this=delete.this.copy()), delete.args.get("where"))
    where = exp.Where(this=exp.In(this=exp.column("rowid"), query=exp.Subquery(this=found)))
    changed = exp.Delete(this=plain(target), where=where)
    changed.set("with_", delete.args.get("with_"))
    return changed


def _rows_of(target: exp.Table, values: list[exp.Expr], from_: exp.From, where: exp.Expr | None) -> exp.Select:
    """The numbers of the target's rows that FROM and WHERE leave, with values."""
    number = exp.alias_(exp.column("rowid", table=exp.to_identifier(target.alias_or_name, quoted=True)), _ROW, quoted=True)
    found = exp.select(number, *values)
    found.set("from_", from_.copy())
    if where is not None:
        found.set("where", where.copy())
    return found
