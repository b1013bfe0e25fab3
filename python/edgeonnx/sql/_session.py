"""Statements of T-SQL, run one after the other on a DuckDB connection."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
from sqlglot import exp

from edgeonnx._errors import InvalidArgument, Unsupported
from edgeonnx.sql import _identity
from edgeonnx.sql._database import Database, Rows
from edgeonnx.sql._errors import failure
from edgeonnx.sql._grammar import If, Predict, Print, Statement, Switch, parse_batch, split_batches
from edgeonnx.sql._predict import expand
from edgeonnx.sql._translate import to_duckdb, translate
from edgeonnx.sql._writes import columns_of, convert_inserted, convert_updated, delete_by_row, type_of, update_by_row

__all__ = ["Session"]

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


@dataclass
class Variable:
    """@name: its value, and its declared type where it has one."""

    value: Any
    kind: exp.DataType | None = None


class Session:
    """What a connection remembers from statement to statement."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, settings: str, on_message: Callable[[str], None]) -> None:
        self.database = Database(connection)
        self.settings = settings
        self.on_message = on_message
        self.variables: dict[str, Variable] = {}
        self.rows: Rows | None = None  # of the last statement
        self.n_rows = -1  # @@ROWCOUNT
        self.in_transaction = False
        self._slots: dict[str, str] = {}  # variable -> placeholder
        self._identity: int | None = None  # SCOPE_IDENTITY()
        self._inserts_identity: str | None = None  # the table that SET IDENTITY_INSERT names
        self._parsed: tuple[str, list[tuple[list[Statement], int]]] = ("", [])  # the last script

    def run_script(self, script: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> Iterator[bool]:
        """Runs the statements of a script. Yields after each, True where it gave rows, which `rows` then is."""
        if self.rows is not None:
            self.rows.abandon()
            self.rows = None
        given, unnamed = {}, []
        if isinstance(parameters, Mapping):
            given = {str(name).lstrip("@$").lower(): Variable(value) for name, value in parameters.items()}
        else:
            unnamed = list(parameters)
        if self._parsed[0] != script:
            self._parsed = script, [(parse_batch(tokens, script), n_times) for tokens, n_times in split_batches(script)]
        batches = self._parsed[1]
        wanted = sum(len(statement.placeholders) for statements, _ in batches for statement in statements)
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
                    yield from self._steps(statement)

    # ------------------------------------------------------------------------------------------------------------------- statements

    def _steps(self, statement: Statement) -> Iterator[bool]:
        if self.rows is not None:
            self.rows.finish()
            self.rows = None
        if not isinstance(statement.tree, If):
            self._run(statement, statement.tree)
            yield self.rows is not None
            return
        chosen = exp.Case(ifs=[exp.If(this=statement.tree.this.copy(), true=exp.Literal.number(1))], default=exp.Literal.number(0))
        for each in statement.tree.args["true" if self._value(chosen) else "false"]:
            yield from self._steps(each)

    def _run(self, statement: Statement, tree: exp.Expr | None) -> None:
        if tree is None:
            self._execute_text(statement)
        elif statement.explain:
            self._query(statement, tree)
        elif isinstance(tree, exp.Declare):
            self._declare(tree)
        elif isinstance(tree, Print):
            self.on_message(str(self._value(tree.this)))
        elif isinstance(tree, Switch):
            self._switch(tree, statement)
        elif isinstance(tree, exp.Set):
            self._set(tree, statement)
        elif isinstance(tree, exp.Use):
            self._use(tree)
        elif isinstance(tree, exp.Select) and any(_is_assignment(each) for each in tree.expressions):
            self._assign(tree)
        elif isinstance(tree, exp.Create) and _identity.columns_of(tree):
            self._create_with_identity(tree)
        elif isinstance(tree, exp.Drop) and tree.kind == "TABLE":
            self._drop_table(tree)
        elif isinstance(tree, exp.Insert):
            self._insert(tree)
        elif isinstance(tree, exp.Update | exp.Delete):
            self._change(tree)
        elif isinstance(tree, exp.Transaction | exp.Commit | exp.Rollback):
            self._execute(to_duckdb(tree))
            self.in_transaction = isinstance(tree, exp.Transaction)
        else:
            self._query(statement, tree)

    def _query(self, statement: Statement, tree: exp.Expr) -> None:
        try:
            compiled = self.compile(_with_names(tree))
            text = f"{statement.explain} {to_duckdb(compiled)}".strip()
            if isinstance(compiled, exp.Query) and not statement.explain:
                self.n_rows = -1
                self.rows = self.database.open(text, self._values(compiled))
            else:
                self._execute(text, compiled)
        except (duckdb.BinderException, duckdb.ParserException):
            if tree.find(Predict, exp.Parameter):
                raise
            try:  # of DuckDB's dialect it may mean something else: [1, 2] is a list there, and a name here
                self._execute(f"{statement.explain} {statement.text}".strip())
            except duckdb.Error:
                pass
            else:
                return
            raise

    def compile(self, tree: exp.Expr) -> exp.Expr:
        """A tree of T-SQL as one of DuckDB's, its variables as placeholders."""
        holds_query = not (isinstance(tree, exp.Create) and tree.kind == "VIEW")
        return expand(translate(self._bind(tree.copy(), allowed=holds_query)), self.query, self.settings)

    def query(self, text: str, tree: exp.Expr | None = None) -> list[tuple[Any, ...]]:
        """All rows of a query of DuckDB's, a text or a translated tree."""
        return self.database.query(text or to_duckdb(_not_none(tree)), self._values(tree))

    def _execute(self, text: str, tree: exp.Expr | None = None) -> None:
        self._note(self.database.execute(text, self._values(tree)))

    def _execute_text(self, statement: Statement) -> None:
        self._note(self.database.execute(statement.text, [self.variables[f"?{i}"].value for i in statement.placeholders]))

    def _note(self, done: Rows | int) -> None:
        self.rows, self.n_rows = (done, -1) if isinstance(done, Rows) else (None, done)

    # -------------------------------------------------------------------------------------------------------------------- variables

    def _bind(self, tree: exp.Expr, *, allowed: bool = True) -> exp.Expr:
        """`tree` with placeholders for its variables, and what this session knows for its functions."""

        def bound(node: exp.Expr) -> exp.Expr:
            if isinstance(node, exp.Parameter):
                if isinstance(node.this, exp.Parameter):
                    return self._global(node.this.name)
                kind, name = self._kind(node.name), node.name.lower()
                if not allowed:
                    raise InvalidArgument(
                        f'a view can\'t refer to the variable "@{node.name}": write a subquery, (SELECT data FROM models WHERE id = 1)'
                    )
                placeholder = exp.Placeholder(this=self._slots.setdefault(name, f"v{len(self._slots)}"))
                return exp.Cast(this=placeholder, to=kind.copy()) if kind is not None else placeholder
            if isinstance(node, exp.Anonymous) and node.name.upper() == "SCOPE_IDENTITY":
                return self._global("IDENTITY")
            return node

        return tree.transform(bound, copy=False)

    def _global(self, name: str) -> exp.Expr:
        if name.upper() == "ROWCOUNT" and self.n_rows < 0:
            raise Unsupported(
                "@@ROWCOUNT is known after a statement that changed rows; the rows of a SELECT are computed when they are fetched"
            )
        values = {"ROWCOUNT": self.n_rows, "IDENTITY": self._identity, "VERSION": "edgeonnx on DuckDB " + duckdb.__version__}
        if name.upper() not in values:
            raise Unsupported(f"@@{name} is not known here; @@ROWCOUNT, @@IDENTITY and @@VERSION are")
        return exp.convert(values[name.upper()])

    def _values(self, tree: exp.Expr | None) -> dict[str, Any]:
        """The values of a tree's placeholders."""
        held = {placeholder.name for placeholder in tree.find_all(exp.Placeholder)} if tree is not None else set()
        return {slot: self.variables[name].value for name, slot in self._slots.items() if slot in held}

    def _value(self, expression: exp.Expr, kind: exp.DataType | None = None) -> Any:
        value = expression.copy() if kind is None else exp.Cast(this=expression.copy(), to=kind.copy())
        return self.query("", self.compile(exp.select(value)))[0][0]

    def _declare(self, tree: exp.Declare) -> None:
        for item in tree.expressions:
            kind = item.args.get("kind")
            names = item.this if isinstance(item.this, list) else [item.this]
            if isinstance(kind, exp.Schema):
                raise Unsupported("table variables are not supported: CREATE TABLE #t makes a temporary table")
            default = item.args.get("default")
            for name in names:
                value = self._value(default, kind) if isinstance(default, exp.Expr) else None
                self.variables[name.name.lower()] = Variable(value, kind)

    def _set(self, tree: exp.Set, statement: Statement) -> None:
        for item in tree.expressions:
            pair = item.this
            if not (isinstance(pair, exp.EQ) and isinstance(pair.this, exp.Parameter)):
                self._execute_text(statement)
                return
            self._put(pair.this.name, self._value(pair.expression, self._kind(pair.this.name)))

    def _switch(self, tree: Switch, statement: Statement) -> None:
        words = tree.args["words"]
        if words[0].upper() == "IDENTITY_INSERT":
            self._inserts_identity = words[-1].lower() if tree.args["on"] else None
        elif not all(word.upper() in _IGNORED or word == "," for word in words):
            self._execute_text(statement)

    def _use(self, tree: exp.Use) -> None:
        """USE of a database that is not attached means this one: scripts of SQL Edge begin with the name that it had there."""
        name = tree.this.name
        attached = [str(row[0]) for row in self.query("SELECT database_name FROM duckdb_databases()")]
        if name.lower() in (each.lower() for each in attached) or tree.this.args.get("db"):
            self._execute(to_duckdb(tree))
        else:
            self.on_message(f"USE {name}: no database of that name is attached, so it means this one")

    def _kind(self, name: str) -> exp.DataType | None:
        if name.lower() not in self.variables:
            raise failure(137, f'the variable "@{name}" is not declared: DECLARE @{name} ..., in the same batch')
        return self.variables[name.lower()].kind

    def _put(self, name: str, value: Any) -> None:
        self.variables[name.lower()].value = value

    def _assign(self, tree: exp.Select) -> None:
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

    # ---------------------------------------------------------------------------------------------------------- tables and their rows

    def _create_with_identity(self, tree: exp.Create) -> None:
        sequence, statements = _identity.create(translate(self._bind(tree.copy())))
        self._execute(statements[0])
        try:
            self._execute(statements[1])
        except BaseException:
            if not self.in_transaction:  # which is undone as a whole
                self._execute(f"DROP SEQUENCE IF EXISTS {sequence}")
            raise

    def _drop_table(self, tree: exp.Drop) -> None:
        compiled = translate(tree.copy())
        sequences = [sequence for table in compiled.find_all(exp.Table) for _, sequence in _identity.numbered(table, self.query)]
        self._execute(to_duckdb(compiled))
        for sequence in sequences:
            self._execute(f"DROP SEQUENCE IF EXISTS {sequence}")

    def _insert(self, tree: exp.Insert) -> None:
        """INSERT, whose values are converted to the columns' types as T-SQL does."""
        insert = self.compile(tree)
        assert isinstance(insert, exp.Insert)
        target = insert.this.this if isinstance(insert.this, exp.Schema) else insert.this
        numbered = dict(_identity.numbered(target, self.query))
        if insert.expression is not None and not insert.args.get("default"):
            types = columns_of(target, self.query)
            named = [column.name for column in insert.this.expressions] if isinstance(insert.this, exp.Schema) else None
            if named is not None and self._inserts_identity != target.name.lower():
                _refuse_numbers(target.name, named, list(numbered))
            chosen = named if named is not None else [name for name in types if name not in numbered]
            if named is None and numbered:
                insert.set("this", exp.Schema(this=target.copy(), expressions=[exp.to_identifier(name, quoted=True) for name in chosen]))
            convert_inserted(insert, chosen, [type_of(types, name) for name in chosen], self.query)
        self._execute(to_duckdb(insert), insert)
        if numbered and self.n_rows > 0 and self._inserts_identity != target.name.lower():
            ((self._identity,),) = self.query(_identity.last(next(iter(numbered.values()))))

    def _change(self, tree: exp.Update | exp.Delete) -> None:
        changed = self.compile(update_by_row(tree.copy()) if isinstance(tree, exp.Update) else delete_by_row(tree.copy()))
        if isinstance(changed, exp.Update):
            convert_updated(changed, self.query)
        self._execute(to_duckdb(changed), changed)


def _refuse_numbers(table: str, named: list[str], numbered: list[str]) -> None:
    for name in named:
        if name.lower() in (each.lower() for each in numbered):
            raise failure(544, f"column '{name}' of '{table}' numbers its rows by itself: leave it out, or SET IDENTITY_INSERT {table} ON")


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


def _not_none(tree: exp.Expr | None) -> exp.Expr:
    assert tree is not None
    return tree
