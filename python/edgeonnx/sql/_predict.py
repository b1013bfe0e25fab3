"""PREDICT as a plan of DuckDB's: a projection over DATA that scores its rows, and columns of it for the WITH list.

DuckDB's own optimizer does the rest: a filter on a column of DATA is applied before rows are scored, in the scan where it can, and columns
that neither the model nor the query reads are not read. What scores counts as having effects, so that no row is scored twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from sqlglot import exp

from edgeonnx._errors import CoercionError, Error, NotFound, ShapeError, Unsupported
from edgeonnx._sql_types import declaration_of
from edgeonnx.sql._errors import failure
from edgeonnx.sql._grammar import OutputColumn, Predict
from edgeonnx.sql._translate import quote

__all__ = ["Query", "expand"]

Row = tuple[object, ...]
#: Runs a query of DuckDB's over a translated tree's placeholders: all of its rows.
Query = Callable[[str, exp.Expr | None], list[Row]]

_SCORES = "edgeonnx scores"
#: type of edgeonnx.h -> the list that edgeonnx_predict_with puts it into, DuckDB's name
_LISTS = {
    1: ("real", "FLOAT"),
    2: ("bigint", "UTINYINT"),
    3: ("bigint", "TINYINT"),
    4: ("bigint", "USMALLINT"),
    5: ("bigint", "SMALLINT"),
    6: ("bigint", "INTEGER"),
    7: ("bigint", "BIGINT"),
    9: ("bit", "BOOLEAN"),
    10: ("real", "FLOAT"),
    11: ("float", "DOUBLE"),
    12: ("bigint", "UINTEGER"),
    13: ("ubigint", "UBIGINT"),
    16: ("real", "FLOAT"),
    261: ("decimal", "DECIMAL(19, 4)"),
}
_DECIMAL = 259
_NUMERIC = re.compile(r"(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL\(.*\)|BOOLEAN)(\[\d+\])?$")


@dataclass(frozen=True)
class _Port:
    name: str
    sql_type: str
    onnx_type: str
    width: int | None  # values a row; None: free

    def __str__(self) -> str:
        size = "" if self.width == 1 else f" of {self.width or 'any number of'} values a row"
        return f"{self.name} {self.sql_type or self.onnx_type}{size}"


@dataclass(frozen=True)
class _Model:
    name: str  # that of the registry
    inputs: tuple[_Port, ...]
    outputs: tuple[_Port, ...]


@dataclass(frozen=True)
class _Chosen:
    """A column of the WITH list: value `place` of an output, counted from 0."""

    column: OutputColumn
    output: _Port
    place: int


def predicts(tree: exp.Expr) -> list[exp.Table]:
    """The PREDICTs of a tree, as the tables that they stand for."""
    return [table for table in tree.find_all(exp.Table) if isinstance(table.this, Predict)]


def expand(tree: exp.Expr, query: Query, settings: str) -> exp.Expr:
    """A translated tree, its PREDICTs replaced by what DuckDB runs.

    `settings` say how rows are scored, "nulls=nan" for instance, as edgeonnx_load takes them. Errors carry the number of SQL Server's that
    fits: 207, 209, 39037, 39049, 39051, 39096, 39097, 39099.
    """
    is_view = isinstance(tree, exp.Create) and tree.kind == "VIEW"
    while tables := predicts(tree):
        _expand(next(table for table in tables if _is_innermost(table)), query, settings, is_view=is_view)
    return tree


def _is_innermost(table: exp.Table) -> bool:
    inside = sum(1 for _ in table.find_all(Predict))
    return inside == 1 and not any(cte.find(Predict) for cte in _visible(table))


def _visible(node: exp.Expr) -> list[exp.CTE]:
    """The common table expressions that a node can name, those of the outermost WITH first."""
    found: list[exp.CTE] = []
    inside: exp.Expr = node
    while inside.parent is not None:
        outer = inside.parent
        with_ = outer.args.get("with_")
        if isinstance(outer, exp.With):
            found = [*outer.expressions[: outer.expressions.index(inside)], *found]
        elif with_ is not None and with_ is not inside:
            found = [*with_.expressions, *found]
        inside = outer
    return found


def _parsed(select: str) -> exp.Select:
    tree: exp.Expr = exp.maybe_parse(select, dialect="duckdb")
    assert isinstance(tree, exp.Select)
    return tree


def _within(node: exp.Expr, select: str, parts: Mapping[str, exp.Expr]) -> exp.Select:
    """A query of DuckDB's text with trees in place of the tables that are named in `parts`, behind what `node` can name."""
    tree = _parsed(select)
    for table in list(tree.find_all(exp.Table)):
        if table.name in parts:
            table.replace(parts[table.name])
    if ctes := _visible(node):
        recursive = any(cte.parent is not None and cte.parent.args.get("recursive") for cte in ctes)
        tree.set("with_", exp.With(expressions=[cte.copy() for cte in ctes], recursive=recursive))
    return tree


# ------------------------------------------------------------------------------------------------------------------------------ the model


def _bytes_of(expression: exp.Expr) -> exp.Expr:
    inner = expression.unnest()
    if isinstance(inner, exp.Literal):
        raise failure(39037, f"MODEL must be a varbinary(max) with the model's bytes; it is {inner.sql()}")
    if isinstance(inner, exp.HexString):
        return exp.func("unhex", exp.Literal.string(inner.name))
    return expression.copy()


def _name_query(table: exp.Table, settings: str) -> exp.Select:
    """A query of one row: the name under which the model is loaded, by its content."""
    value = exp.select(exp.alias_(_bytes_of(table.this.this), "m")).subquery()
    return _within(table, f"SELECT edgeonnx_model(sha256(m), m, {_literal(settings)}) FROM model_here", {"model_here": value})


def _load(table: exp.Table, query: Query, settings: str) -> _Model:
    tree = _name_query(table, settings)
    try:
        ((name,),) = query("", tree)
    except Error:
        raise
    except Exception as error:
        if "No function matches" in str(error) and re.search(r"types '(sha256|edgeonnx_model)\(", str(error)):
            raise failure(39037, "MODEL must be a varbinary(max) with the model's bytes; it is of another type") from None
        raise
    name = str(name)
    ports = query(f"SELECT direction, name, sql_type, onnx_type, shape FROM edgeonnx_ports('{name}') ORDER BY direction, position", None)
    of: dict[str, list[_Port]] = {"input": [], "output": []}
    for direction, port, sql_type, onnx_type, shape in ports:
        of[str(direction)].append(_Port(str(port), str(sql_type), str(onnx_type), _width(shape)))  # type: ignore[arg-type]
    return _Model(name, tuple(of["input"]), tuple(of["output"]))


def _width(shape: list[int | None]) -> int | None:
    width = 1
    for size in shape[1:]:
        if size is None:
            return None
        width *= size
    return width


# ---------------------------------------------------------------------------------------------------------------------------- the columns


def _find(name: str, names: list[str]) -> str | None:
    """The exact name, or the only one that differs in case alone."""
    if name in names:
        return name
    alike = [each for each in names if each.lower() == name.lower()]
    return alike[0] if len(alike) == 1 else None


def _choose(columns: tuple[OutputColumn, ...], outputs: tuple[_Port, ...]) -> list[_Chosen]:
    """What each column of the WITH list is: an output, or one value of it, `<output>_<place>`."""
    by_name = {port.name: port for port in outputs}
    chosen, unknown = [], []
    for column in columns:
        whole = _find(column.name, list(by_name))
        part = re.fullmatch(r"(.+)_(\d+)", column.name)
        base = _find(part[1], list(by_name)) if part and whole is None else None
        if whole is not None and by_name[whole].width == 1:
            chosen.append(_Chosen(column, by_name[whole], 0))
        elif whole is not None:
            unknown.append(f"'{column.name}' has {by_name[whole].width or 'several'} values a row: ask for {whole}_0, {whole}_1 and so on")
        elif part and base is not None and int(part[2]) < (by_name[base].width or 0):
            chosen.append(_Chosen(column, by_name[base], int(part[2])))
        else:
            unknown.append(f"the model returns no '{column.name}'")
    if unknown:
        raise failure(39096, f"{'; '.join(unknown)}. It returns: {', '.join(map(str, outputs))}")
    return chosen


def _feeding(model: _Model, columns: list[tuple[str, str]]) -> list[str]:
    """The columns of DATA that feed the model; all, for the message, where an input finds none."""
    names = [name for name, _ in columns]
    if len(model.inputs) == 1 and model.inputs[0].width != 1 and _find(model.inputs[0].name, names) is None:
        return [name for name, kind in columns if _NUMERIC.match(kind)]
    found = [_find(port.name, names) for port in model.inputs]
    return names if None in found else [name for name in found if name is not None]


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _struct(members: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{_literal(name)}: {value}" for name, value in members.items()) + "}"


def _with_struct(chosen: list[_Chosen]) -> dict[str, str]:
    """Each output once, with the type that its columns declare."""
    types: dict[str, str] = {}
    for each in chosen:
        declared = types.setdefault(each.output.name, each.column.declaration)
        if declaration_of(declared) != declaration_of(each.column.declaration):
            raise failure(
                39096, f"the values of output '{each.output.name}' must be declared alike, not '{declared}' and '{each.column.declaration}'"
            )
    return types


def _expressions(chosen: list[_Chosen], source: str) -> list[str]:
    """An expression for each column of the WITH list, of the declared type."""
    widths = {each.output.name: each.output.width or 1 for each in chosen}
    members = {each.output.name: _list_of(each.column.declaration) for each in chosen}
    first: dict[str, int] = {}
    used: dict[str, int] = {}
    for name, width in widths.items():  # in the order in which the WITH struct has them
        member = members[name][0]
        first[name] = used.get(member, 0)
        used[member] = first[name] + width
    return [
        f"{source}.{quote(members[each.output.name][0])}[{first[each.output.name] + each.place + 1}]::{members[each.output.name][1]}"
        for each in chosen
    ]


def _list_of(declaration: str) -> tuple[str, str]:
    kind, precision, scale, _ = declaration_of(declaration)
    return ("decimal", f"DECIMAL({precision}, {scale})") if kind == _DECIMAL else _LISTS[kind]


def _check(query: Query, model: _Model, with_list: str, feeding: list[tuple[str, str]]) -> None:
    """Raises what scoring would raise for columns of these types, with SQL Server's number."""
    nothing = _struct({name: f"NULL::{kind}" for name, kind in feeding}) if feeding else "{'no column': NULL::DATE}"
    try:
        query(f"SELECT edgeonnx_check({_literal(model.name)}, {with_list}, {nothing})", None)
    except NotFound as error:
        raise failure(207, str(error)) from None
    except CoercionError as error:
        number = 39097 if any(f"column '{name}'" in str(error) for name, kind in feeding if not _NUMERIC.match(kind)) else 39049
        raise failure(number, str(error)) from None
    except (ShapeError, Unsupported) as error:
        raise failure(39096 if isinstance(error, ShapeError) else 39099, str(error)) from None


# --------------------------------------------------------------------------------------------------------------------------- the rewriting


def _expand(table: exp.Table, query: Query, settings: str, *, is_view: bool) -> None:
    predict = table.this
    data = predict.args["data"]
    name = data.alias_or_name or "edgeonnx data"
    if not data.alias:
        data.set("alias", exp.TableAlias(this=exp.to_identifier(name, quoted=True)))
    model = _load(table, query, settings)
    chosen = _choose(predict.columns, model.outputs)
    described = query("", exp.Describe(this=_within(table, "SELECT * FROM data_here", {"data_here": data.copy()})))
    columns = [(str(row[0]), str(row[1])) for row in described]
    feeding = _feeding(model, columns)
    with_list = _struct({output: _literal(declared) for output, declared in _with_struct(chosen).items()})
    _check(query, model, with_list, [(column, kind) for column, kind in columns if column in feeding])

    names = [column for column, _ in columns]
    outputs = _unique([each.column.name for each in chosen], names)
    (scores,) = _unique([_SCORES], names)
    called = _name_query(table, settings).subquery() if is_view else exp.Literal.string(model.name)
    scored = _scored(data, name, scores, called, with_list, feeding)
    answers = ", ".join(
        f"{expression} AS {quote(output)}"
        for expression, output in zip(_expressions(chosen, f"{quote(name)}.{quote(scores)}"), outputs, strict=True)
    )
    outer = _parsed(f"SELECT {quote(name)}.* EXCLUDE ({quote(scores)}), {answers} FROM data_here")
    next(outer.find_all(exp.Table)).replace(scored.subquery(exp.to_identifier(name, quoted=True)))

    scope = table.find_ancestor(exp.Select, exp.Update, exp.Delete)
    # An alias of its own: in a query inside, the alias of DATA or of the PREDICT may stand for something else.
    alias = f"edgeonnx predict {_number(table)}"
    if scope is not None:
        asked = {each.column.name.lower(): output for each, output in zip(chosen, outputs, strict=True)}
        _rewrite(scope, table, _Names(alias, name, table.alias, asked, frozenset(column.lower() for column in names)))
    derived = outer.subquery(exp.to_identifier(alias, quoted=True))
    derived.set("joins", table.args.get("joins"))
    table.replace(derived)


def _scored(data: exp.Expr, name: str, scores: str, called: exp.Expr, with_list: str, feeding: list[str]) -> exp.Select:
    """The rows of DATA and, in one more column, what the model says of each."""
    row = _struct({column: f"{quote(name)}.{quote(column)}" for column in feeding})
    scored = _parsed(f"SELECT {quote(name)}.*, edgeonnx_predict_with(model_here, {with_list}, {row}) AS {quote(scores)} FROM data_here")
    next(column for column in scored.find_all(exp.Column) if column.name == "model_here").replace(called)
    next(scored.find_all(exp.Table)).replace(data.copy())
    return scored


def _number(table: exp.Table) -> int:
    """A number that no other PREDICT of the statement has."""
    aliases = (re.fullmatch(r"edgeonnx predict (\d+)", each.alias) for each in table.root().find_all(exp.Subquery))
    return max((int(found[1]) for found in aliases if found), default=0) + 1


def _unique(wanted: list[str], taken: list[str]) -> list[str]:
    """The wanted names, numbered where a column of DATA has them already."""
    used = {name.lower() for name in taken}
    names = []
    for name in wanted:
        unique, n = name, 0
        while unique.lower() in used:
            n += 1
            unique = f"{name}_{n}"
        used.add(unique.lower())
        names.append(unique)
    return names


@dataclass(frozen=True)
class _Names:
    """What the two aliases of a PREDICT stand for in the query around it."""

    alias: str  # of what replaces it
    data: str  # alias of DATA
    outputs: str  # alias of the PREDICT itself, or ""
    columns: Mapping[str, str]  # name in the WITH list, in lower case -> name in what replaces it
    of_data: frozenset[str]  # the columns of DATA, in lower case


def _rewrite(scope: exp.Expr, predict: exp.Table, names: _Names) -> None:
    """Points the columns of a query, and of queries in it, at what replaces a PREDICT."""
    renamed = {asked for asked, output in names.columns.items() if asked != output.lower()}
    for column in [each for each in scope.find_all(exp.Column) if each.find_ancestor(exp.Table) is not predict]:
        table = column.table.lower()
        if table in (names.data.lower(), names.outputs.lower()) and table and not _is_shadowed(column, scope):
            of_outputs = table == names.outputs.lower()
            if not isinstance(column.this, exp.Star):
                _point(column, names, of_outputs=of_outputs)
            elif of_outputs:
                _spread(column, names)
            else:
                column.this.set("except_", [exp.to_identifier(output, quoted=True) for output in names.columns.values()])
                column.set("table", exp.to_identifier(names.alias, quoted=True))
        elif not table and column.name.lower() in renamed and column.find_ancestor(exp.Select, exp.Update, exp.Delete) is scope:
            raise failure(
                209,
                f"column '{column.name}' is both in DATA and in the WITH list: write {names.data}.{column.name} or "
                f"{names.outputs or 'p'}.{column.name}",
            )


def _is_shadowed(column: exp.Column, scope: exp.Expr) -> bool:
    """In a query inside, where another source has the alias."""
    inside = column.find_ancestor(exp.Select)
    while inside is not None and inside is not scope:
        if any(source.alias_or_name.lower() == column.table.lower() or _has_alias(source, column.table) for source in _sources(inside)):
            return True
        inside = inside.find_ancestor(exp.Select)
    return False


def _has_alias(source: exp.Expr, alias: str) -> bool:
    """A PREDICT that is still to be replaced has two."""
    return (
        isinstance(source, exp.Table)
        and isinstance(source.this, Predict)
        and source.this.args["data"].alias_or_name.lower() == alias.lower()
    )


def _sources(select: exp.Select) -> Iterator[exp.Expr]:
    if select.args.get("from_"):
        yield select.args["from_"].this
    for join in select.args.get("joins") or []:
        yield join.this


def _spread(star: exp.Column, names: _Names) -> None:
    select = star.parent
    if not isinstance(select, exp.Select):
        raise Unsupported(f"{names.outputs}.* can only stand in a SELECT list")
    at = select.expressions.index(star)
    columns = [
        exp.alias_(
            exp.column(exp.to_identifier(output, quoted=True), table=exp.to_identifier(names.alias, quoted=True)), asked, quoted=True
        )
        for asked, output in names.columns.items()
    ]
    select.set("expressions", [*select.expressions[:at], *columns, *select.expressions[at + 1 :]])


def _point(column: exp.Column, names: _Names, *, of_outputs: bool) -> None:
    name = column.name
    output = names.columns.get(name.lower())
    if output is None and name.lower() not in names.of_data:
        what = (
            f"'{names.outputs}' has {', '.join(names.columns.values())}"
            if of_outputs
            else f"'{names.data}', the DATA of PREDICT, has no such column"
        )
        raise failure(207, f"there is no column '{column.sql(dialect='tsql')}': {what}")
    chosen = output if output is not None and (of_outputs or name.lower() not in names.of_data) else name
    column.set("table", exp.to_identifier(names.alias, quoted=True))
    column.set("this", exp.to_identifier(chosen, quoted=True))
    if chosen.lower() != name.lower() and isinstance(column.parent, exp.Select) and column.arg_key == "expressions":
        column.replace(exp.alias_(column.copy(), name, quoted=True))
