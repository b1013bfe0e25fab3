"""Statements of T-SQL, run one after the other on a DuckDB connection."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb
from sqlglot import exp

from edgeonnx._errors import InvalidArgument, Unsupported
from edgeonnx.sql import _identity
from edgeonnx.sql._errors import failure, of_duckdb
from edgeonnx.sql._grammar import If, Predict, Print, Statement, Switch, parse_batch, split_batches
from edgeonnx.sql._interrupt import interruptible
from edgeonnx.sql._predict import expand
from edgeonnx.sql._translate import to_duckdb, translate
from edgeonnx.sql._types import column_cast

__all__ = ["Session", "duckdb_errors"]

#: SET of these means nothing to DuckDB, and what it asks for is how it is, or does not matter.
_IGNORED = (
    "NOCOUNT",
    "ANSI_NULLS",
    "ANSI_PADDING",
    "ANSI_WARNINGS",
    "ARITHABORT",
    "CONCAT_NULL_YIELDS_NULL",
    "QUOTED_IDENTIFIER",
    "XACT_ABORT",
)


@contextmanager
def duckdb_errors() -> Iterator[None]:
    """Turns what edgeonnx's functions say inside DuckDB into edgeonnx's exceptions."""
    try:
        yield
    except duckdb.Error as error:
        found = of_duckdb(error)
        if found is None:
            raise
        raise found from None


@dataclass
class Variable:
    """@name: its value, and its declared type where it has one."""

    value: Any
    kind: exp.DataType | None = None


class Session:
    """What a connection remembers from statement to statement."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, settings: str, on_message: Callable[[str], None] = print) -> None:
        self.connection = connection
        self.settings = settings
        self.on_message = on_message  # of PRINT
        self.variables: dict[str, Variable] = {}
        self.n_rows = -1  # @@ROWCOUNT
        self.pending: tuple[str, dict[str, Any]] | None = None  # the query whose rows are on the connection
        self._identity: int | None = None  # SCOPE_IDENTITY()
        self._inserts_identity: str | None = None  # the table that SET IDENTITY_INSERT names

    def run_script(self, script: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> Iterator[bool]:
        """Runs the statements of a script. Yields after each, True where it left rows on the connection."""
        given, unnamed = {}, []
        if isinstance(parameters, Mapping):
            given = {str(name).lstrip("@$").lower(): Variable(value) for name, value in parameters.items()}
        else:
            unnamed = list(parameters)
        batches = [(parse_batch(tokens, script), n_times) for tokens, n_times in split_batches(script)]
        wanted = sum(statement.n_placeholders for statements, _ in batches for statement in statements)
        if wanted != len(unnamed):
            raise InvalidArgument(f"the script has {wanted} question marks, and {len(unnamed)} parameters were given")
        for at, (statements, n_times) in enumerate(batches):
            if at > 0:
                self.variables = {}
            self.variables |= given
            for i, value in enumerate(unnamed, 1):
                self.variables[f"?{i}"] = Variable(value)
            for _ in range(n_times):
                for statement in statements:
                    yield self._run(statement)

    # ------------------------------------------------------------------------------------------------------------------- statements

    def _run(self, statement: Statement) -> bool:
        tree = statement.tree
        if tree is None:
            return self._execute_text(statement)
        if isinstance(tree, exp.Declare):
            return self._declare(tree)
        if isinstance(tree, Print):
            self.on_message("".join(map(str, self._value(tree.this))))
            return False
        if isinstance(tree, If):
            return self._if(tree)
        if isinstance(tree, Switch):
            return self._switch(tree, statement)
        if isinstance(tree, exp.Set):
            return self._set(tree, statement)
        if isinstance(tree, exp.Select) and any(_is_assignment(each) for each in tree.expressions):
            return self._assign(tree)
        if isinstance(tree, exp.Create) and _identity.columns_of(tree):
            return self._create_with_identity(tree)
        if isinstance(tree, exp.Drop) and tree.kind == "TABLE":
            return self._drop_table(tree)
        if isinstance(tree, exp.Insert):
            return self._insert(tree)
        if isinstance(tree, exp.Update):
            return self._update(tree)
        if isinstance(tree, exp.Use | exp.Transaction | exp.Commit | exp.Rollback):
            return self._execute(to_duckdb(tree), None)
        compiled = self.compile(_with_names(tree))
        text = f"{statement.explain} {to_duckdb(compiled)}".strip()
        try:
            return self._execute(text, compiled)
        except (duckdb.BinderException, duckdb.ParserException):
            if tree.find(Predict, exp.Parameter):
                raise
            try:  # of DuckDB's dialect it may mean something else: [1, 2] is a list there, and a name here
                self._run_text(f"{statement.explain} {statement.text}".strip())
            except duckdb.Error:
                pass
            else:
                return self._note_rows()
            raise

    def compile(self, tree: exp.Expr) -> exp.Expr:
        """A tree of T-SQL as one of DuckDB's, its variables as placeholders."""
        holds_query = not (isinstance(tree, exp.Create) and tree.kind == "VIEW")
        return expand(translate(self._bind(tree.copy(), allowed=holds_query)), self.query, self.settings)

    def query(self, text: str, tree: exp.Expr | None = None) -> list[tuple[Any, ...]]:
        """All rows of a query of DuckDB's, a text or a translated tree."""
        with duckdb_errors():
            rows: list[tuple[Any, ...]] = self._run_text(text or to_duckdb(_not_none(tree)), self._values(tree), self.connection.fetchall)
        return rows

    def _run_text(self, text: str, values: Any = None, then: Callable[[], Any] = lambda: None) -> Any:
        def run() -> Any:
            self.connection.execute(text, values)
            return then()

        return interruptible(self.connection, run)

    def _execute(self, text: str, tree: exp.Expr | None) -> bool:
        values = self._values(tree)
        with duckdb_errors():
            self._run_text(text, values)
        self.pending = (text, values) if isinstance(tree, exp.Query) else None
        return self._note_rows()

    def _execute_text(self, statement: Statement) -> bool:
        values = [self.variables[f"?{i}"].value for i in statement.placeholders]
        with duckdb_errors():
            self._run_text(statement.text, values)
        return self._note_rows()

    def _note_rows(self) -> bool:
        described = self.connection.description
        changed = described is not None and len(described) == 1 and described[0][0] == "Count"
        if changed:
            rows = interruptible(self.connection, self.connection.fetchall)
            self.n_rows = int(rows[0][0]) if rows else 0
        return described is not None and not changed

    # -------------------------------------------------------------------------------------------------------------------- variables

    def _bind(self, tree: exp.Expr, *, allowed: bool = True) -> exp.Expr:
        """`tree` with placeholders for its variables, and what this session knows for its functions."""

        def bound(node: exp.Expr) -> exp.Expr:
            if isinstance(node, exp.Parameter):
                if isinstance(node.this, exp.Parameter):
                    return self._global(node.this.name)
                name = node.name.lower()
                if name not in self.variables:
                    raise failure(137, f'the variable "@{node.name}" is not declared: DECLARE @{node.name} ..., in the same batch')
                if not allowed:
                    raise InvalidArgument(
                        f'a view can\'t refer to the variable "@{node.name}": write a subquery, (SELECT data FROM models WHERE id = 1)'
                    )
                kind = self.variables[name].kind
                placeholder = exp.Placeholder(this=_placeholder(name))
                return exp.Cast(this=placeholder, to=kind.copy()) if kind is not None else placeholder
            if isinstance(node, exp.Anonymous) and node.name.upper() == "SCOPE_IDENTITY":
                return self._global("IDENTITY")
            return node

        return tree.transform(bound, copy=False)

    def _global(self, name: str) -> exp.Expr:
        values = {"ROWCOUNT": self.n_rows, "IDENTITY": self._identity, "VERSION": "edgeonnx on DuckDB " + duckdb.__version__}
        if name.upper() not in values:
            raise Unsupported(f"@@{name} is not known here; @@ROWCOUNT, @@IDENTITY and @@VERSION are")
        return exp.convert(values[name.upper()])

    def _values(self, tree: exp.Expr | None) -> dict[str, Any]:
        """The values of a tree's placeholders."""
        held = {placeholder.name for placeholder in tree.find_all(exp.Placeholder)} if tree is not None else set()
        return {_placeholder(name): variable.value for name, variable in self.variables.items() if _placeholder(name) in held}

    def _value(self, expression: exp.Expr, kind: exp.DataType | None = None) -> tuple[Any, ...]:
        value = expression.copy() if kind is None else exp.Cast(this=expression.copy(), to=kind.copy())
        tree = self.compile(exp.select(value))
        rows = self.query("", tree)
        return tuple(rows[0])

    def _declare(self, tree: exp.Declare) -> bool:
        for item in tree.expressions:
            kind = item.args.get("kind")
            names = item.this if isinstance(item.this, list) else [item.this]
            if isinstance(kind, exp.Schema):
                raise Unsupported("table variables are not supported: CREATE TABLE #t makes a temporary table")
            default = item.args.get("default")
            for name in names:
                value = self._value(default, kind)[0] if isinstance(default, exp.Expr) else None
                self.variables[name.name.lower()] = Variable(value, kind)
        return False

    def _set(self, tree: exp.Set, statement: Statement) -> bool:
        for item in tree.expressions:
            pair = item.this
            if not (isinstance(pair, exp.EQ) and isinstance(pair.this, exp.Parameter)):
                return self._execute_text(statement)
            self._put(pair.this.name, self._value(pair.expression, self._kind(pair.this.name))[0])
        return False

    def _if(self, tree: If) -> bool:
        chosen = exp.Case(ifs=[exp.If(this=tree.this.copy(), true=exp.Literal.number(1))], default=exp.Literal.number(0))
        has_rows = False
        for each in tree.args["true" if self._value(chosen)[0] else "false"]:
            has_rows = self._run(Statement("", each))
        return has_rows

    def _switch(self, tree: Switch, statement: Statement) -> bool:
        words = tree.name.split()
        if words[0] == "IDENTITY_INSERT":
            self._inserts_identity = words[-1].lower() if tree.args["on"] else None
        elif not all(word in _IGNORED or word == "," for word in words):
            return self._execute_text(statement)
        return False

    def _kind(self, name: str) -> exp.DataType | None:
        if name.lower() not in self.variables:
            raise failure(137, f'the variable "@{name}" is not declared: DECLARE @{name} ..., in the same batch')
        return self.variables[name.lower()].kind

    def _put(self, name: str, value: Any) -> None:
        self.variables[name.lower()].value = value

    def _assign(self, tree: exp.Select) -> bool:
        """SELECT @a = x, @b = y FROM t: the values of the last row, if there is one."""
        if not all(_is_assignment(each) for each in tree.expressions):
            raise InvalidArgument("a SELECT that assigns to variables can't return columns too", sql_number=141)
        names = [each.this.name for each in tree.expressions]
        values = tree.copy()
        values.set(
            "expressions",
            [
                exp.alias_(
                    exp.Cast(this=each.expression.copy(), to=kind.copy()) if (kind := self._kind(name)) else each.expression.copy(), f"v{i}"
                )
                for i, (name, each) in enumerate(zip(names, tree.expressions, strict=True))
            ],
        )
        rows = self.query("", self.compile(values))
        self.n_rows = len(rows)
        if rows:
            for name, value in zip(names, rows[-1], strict=True):
                self._put(name, value)
        return False

    # ------------------------------------------------------------------------------------------------------ tables with numbered rows

    def _create_with_identity(self, tree: exp.Create) -> bool:
        sequence, statements = _identity.create(translate(self._bind(tree.copy())))
        self._execute(statements[0], None)
        try:
            self._execute(statements[1], None)
        except BaseException:
            self._run_text(f"DROP SEQUENCE IF EXISTS {sequence}")
            raise
        return False

    def _drop_table(self, tree: exp.Drop) -> bool:
        compiled = translate(tree.copy())
        sequences = _identity.sequences_of(self, compiled)
        self._execute(to_duckdb(compiled), None)
        for sequence in sequences:
            self._execute(f"DROP SEQUENCE IF EXISTS {sequence}", None)
        return False

    def _columns(self, table: exp.Expr) -> dict[str, str]:
        """Names and types of a table's columns, as DuckDB has them."""
        plain = exp.Table(**{part: table.args.get(part) for part in ("this", "db", "catalog") if table.args.get(part)}).copy()
        return {str(row[0]): str(row[1]) for row in self.query(f"DESCRIBE {to_duckdb(plain)}")}

    def _insert(self, tree: exp.Insert) -> bool:
        """INSERT, whose values are converted to the columns' types as T-SQL does."""
        insert = self.compile(tree)
        assert isinstance(insert, exp.Insert)
        target = insert.this.this if isinstance(insert.this, exp.Schema) else insert.this
        if insert.expression is None or insert.args.get("default"):
            return self._execute(to_duckdb(insert), insert)
        types = self._columns(target)
        numbered = _identity.numbered_columns(self, target)
        named = [column.name for column in insert.this.expressions] if isinstance(insert.this, exp.Schema) else None
        chosen = named if named is not None else [name for name in types if name not in numbered]
        allowed = self._inserts_identity == target.name.lower()
        if (
            not allowed
            and named is not None
            and (explicit := [name for name in named if name.lower() in {each.lower() for each in numbered}])
        ):
            raise failure(
                544,
                f"column '{explicit[0]}' of '{target.name}' numbers its rows by itself: leave it out, or "
                f"SET IDENTITY_INSERT {target.name} ON",
            )
        if named is None and numbered:
            insert.set("this", exp.Schema(this=target.copy(), expressions=[exp.to_identifier(name, quoted=True) for name in chosen]))
        self._convert_source(insert, [_type_of(types, name) for name in chosen])
        done = self._execute(to_duckdb(insert), insert)
        if numbered:
            (self._identity,) = self.query(_identity.last(self, target))[0]
        return done

    def _convert_source(self, insert: exp.Insert, types: list[str]) -> None:
        source = insert.expression
        if any(isinstance(each, exp.Var) and each.name.upper() == "DEFAULT" for each in source.find_all(exp.Var)):
            return
        names = [f"c{i}" for i in range(len(types))]
        if isinstance(source, exp.Values):
            rows: exp.Expr = source.copy()
            rows.set("alias", exp.TableAlias(this=exp.to_identifier("v"), columns=[exp.to_identifier(name) for name in names]))
            query = exp.select("*").from_(rows)
        else:
            query = source.copy()
        described = self.query("", exp.Describe(this=query))
        given = [str(row[1]) for row in described]
        if len(given) != len(types):
            return  # DuckDB says what is wrong
        values = [column_cast(exp.column(name), to, kind) for name, to, kind in zip(names, types, given, strict=True)]
        if all(isinstance(value, exp.Column) for value in values):
            return
        with_ = query.args.get("with_")
        if with_ is not None:
            query.set("with_", None)
        columns = [exp.to_identifier(name) for name in names]
        wrapped = exp.select(*values).from_(exp.Subquery(this=query, alias=exp.TableAlias(this=exp.to_identifier("r"), columns=columns)))
        if with_ is not None:
            wrapped.set("with_", with_)
        insert.set("expression", wrapped)

    def _update(self, tree: exp.Update) -> bool:
        update = self.compile(tree)
        if isinstance(update.this, exp.Table) and isinstance(update.this.this, exp.Identifier):
            try:
                types = self._columns(update.this)
            except duckdb.Error:
                types = {}  # an alias of FROM
            for each in update.expressions:
                to = _type_of(types, each.this.name) if isinstance(each, exp.EQ) else ""
                if to and not isinstance(each.expression, exp.Null | exp.Var):
                    each.set("expression", column_cast(each.expression.copy(), to, "DOUBLE" if to != "DOUBLE" else "FLOAT"))
        return self._execute(to_duckdb(update), update)


def _is_assignment(node: exp.Expr) -> bool:
    return isinstance(node, exp.EQ) and isinstance(node.this, exp.Parameter)


def _with_names(tree: exp.Expr) -> exp.Expr:
    """A query whose computed columns are called what they were written as, whatever becomes of them."""
    if not isinstance(tree, exp.Select):
        return tree
    named = tree.copy()
    for each in list(named.expressions):
        if not isinstance(each, exp.Alias | exp.Column | exp.Star | exp.Subquery):
            each.replace(exp.alias_(each.copy(), each.sql(dialect="tsql"), quoted=True))
    return named


def _placeholder(name: str) -> str:
    return "v_" + re.sub(r"\W", "_", name)


def _type_of(types: Mapping[str, str], name: str) -> str:
    return next((kind for each, kind in types.items() if each.lower() == name.lower()), "")


def _not_none(tree: exp.Expr | None) -> exp.Expr:
    assert tree is not None
    return tree
