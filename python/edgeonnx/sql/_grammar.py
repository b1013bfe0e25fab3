"""T-SQL with PREDICT, as trees: sqlglot's T-SQL dialect, extended.

Grammar of PREDICT: learn.microsoft.com, "PREDICT (Transact-SQL)".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Any, ClassVar

from sqlglot import Token, TokenType, exp
from sqlglot.dialects.tsql import TSQL
from sqlglot.errors import ParseError, TokenError
from sqlglot.parsers.tsql import TSQLParser

from edgeonnx._errors import InvalidArgument
from edgeonnx._sql_types import declaration_of
from edgeonnx.sql._errors import failure

__all__ = ["If", "OutputColumn", "Predict", "Print", "Statement", "Switch", "TransactSQL", "parse_batch", "split_batches"]


@dataclass(frozen=True)
class OutputColumn:
    """One column of a WITH list: its name, and its type as it was written, "numeric(25,17) NOT NULL"."""

    name: str
    declaration: str


class Predict(exp.Expression):
    """PREDICT(MODEL = this, DATA = data) WITH (...), as the `this` of a table."""

    arg_types: ClassVar = {"this": True, "data": True, "with_list": True}

    @property
    def columns(self) -> tuple[OutputColumn, ...]:
        """The WITH list."""
        return tuple(self.args["with_list"])


class Print(exp.Expression):
    """PRINT this."""


class If(exp.Expression):
    """IF this true ELSE false: lists of `Statement`."""

    arg_types: ClassVar = {"this": True, "true": True, "false": False}


class Switch(exp.Expression):
    """SET words ON, or OFF: IDENTITY_INSERT dbo . t for instance."""

    arg_types: ClassVar = {"words": True, "on": False}


_ARGUMENTS = ("MODEL", "DATA", "RUNTIME")
#: What can only begin a statement, so that no alias is made of it where a script has no semicolon.
_BEGINNINGS = {
    TokenType.ALTER,
    TokenType.BEGIN,
    TokenType.COMMIT,
    TokenType.ROLLBACK,
    TokenType.COMMAND,
    TokenType.CREATE,
    TokenType.DECLARE,
    TokenType.DELETE,
    TokenType.DROP,
    TokenType.EXECUTE,
    TokenType.INSERT,
    TokenType.MERGE,
    TokenType.SELECT,
    TokenType.SET,
    TokenType.TRUNCATE,
    TokenType.UPDATE,
    TokenType.USE,
}


#: Behind these a statement goes on, whatever follows.
_GOES_ON = {TokenType.ALIAS, TokenType.UNION, TokenType.ALL, TokenType.EXCEPT, TokenType.INTERSECT, TokenType.L_PAREN}


class TransactSQL(TSQL):
    """T-SQL, where FLOAT has 8 bytes and REAL 4, GO is a word, and PREDICT a table."""

    class Tokenizer(TSQL.Tokenizer):
        """Without the commands that would swallow the rest of their line."""

        KEYWORDS = {word: kind for word, kind in TSQL.Tokenizer.KEYWORDS.items() if word not in ("GO", "PRINT", "EXPLAIN")} | {
            "FLOAT": TokenType.DOUBLE
        }

    class Parser(TSQLParser):
        """Parses PREDICT where a table can stand, and statements without semicolons between them."""

        ID_VAR_TOKENS = TSQLParser.ID_VAR_TOKENS - _BEGINNINGS
        ALIAS_TOKENS = TSQLParser.ALIAS_TOKENS - _BEGINNINGS
        TABLE_ALIAS_TOKENS = TSQLParser.TABLE_ALIAS_TOKENS - _BEGINNINGS

        def parse_first(self, tokens: list[Token], sql: str) -> tuple[exp.Expr | None, int]:
            """The statement that `tokens` begin with, and how many of them it took."""
            self.reset()
            self.sql = sql
            self._chunks = [tokens]
            self._advance_chunk()
            tree = self._parse_statement()
            self.check_errors()
            return tree, self._index

        def _parse_statement(self) -> exp.Expr | None:
            word = self._curr.text.upper() if self._curr.token_type == TokenType.COMMAND else ""
            if word == "PRINT":
                self._advance()
                return Print(this=self._parse_expression())
            if word == "IF":
                self._advance()
                condition, true = self._parse_disjunction(), self._block()
                return If(this=condition, true=true, false=self._block() if self._match(TokenType.ELSE) else [])
            if self._curr.token_type == TokenType.SET and self._next.token_type == TokenType.PARAMETER:
                self._advance()
                return exp.Set(expressions=[exp.SetItem(this=self._parse_assignment())])
            if self._curr.token_type == TokenType.SET and (switch := self._switch()):
                return switch
            return super()._parse_statement()

        def _block(self) -> list[Statement]:
            """One statement, or those between BEGIN and END."""
            if not self._match(TokenType.BEGIN):
                statements = [self._one()]
                if self._curr.token_type == TokenType.SEMICOLON and self._next.token_type == TokenType.ELSE:
                    self._advance()
            else:
                statements = []
                while self._curr and not self._match(TokenType.END):
                    if not self._match(TokenType.SEMICOLON):
                        statements.append(self._one())
                if self._prev.token_type != TokenType.END:
                    self.raise_error("BEGIN without END")
            return statements

        def _one(self) -> Statement:
            start = self._index
            tree = self._parse_statement()
            taken = self._tokens[start : self._index]
            if tree is None or not taken:
                self.raise_error("IF needs a statement")
            return Statement(_text(taken, self.sql), tree, "", _placeholders(taken))

        def _switch(self) -> Switch | None:
            words: list[str] = []
            for at in range(self._index + 1, len(self._tokens)):
                token = self._tokens[at]
                if words and token.text.upper() in ("ON", "OFF"):
                    self._advance(at + 1 - self._index)
                    return Switch(words=words, on=token.text.upper() == "ON")
                if token.token_type in (TokenType.EQ, TokenType.PARAMETER) or token.token_type in _BEGINNINGS:
                    return None
                words.append(token.text)
            return None

        def _warn_unsupported(self) -> None:
            """Says nothing: what is not T-SQL is DuckDB's to read."""

        def _parse_table(self, *args: Any, **options: Any) -> exp.Expr | None:
            if self._curr.text.upper() != "PREDICT" or self._next.token_type != TokenType.L_PAREN:
                return super()._parse_table(*args, **options)
            self._advance(2)
            given = self._predict_arguments()
            table = exp.Table(this=Predict(this=given["MODEL"], data=given["DATA"], with_list=self._with_list()))
            table.set("alias", self._parse_table_alias(alias_tokens=self.TABLE_ALIAS_TOKENS))
            return table

        def _predict_arguments(self) -> dict[str, exp.Expr]:
            given: dict[str, exp.Expr] = {}
            while True:
                name = self._curr.text.upper()
                if self._next.token_type != TokenType.EQ:
                    raise failure(
                        39032, f"PREDICT takes its arguments as name = value, MODEL = @m for instance; {self._curr.text!r} is none"
                    )
                if name not in _ARGUMENTS:
                    raise failure(39035, f"PREDICT has no argument {self._curr.text!r}; it has MODEL, DATA and RUNTIME")
                if name in given:
                    raise failure(39033, f"PREDICT is given {name} twice")
                self._advance(2)
                given[name] = self._predict_argument(name)
                if not self._match(TokenType.COMMA):
                    break
            if not self._match(TokenType.R_PAREN):
                raise failure(
                    39032, f"PREDICT takes its arguments as name = value with commas between them; {self._curr.text!r} is unexpected"
                )
            if absent := [name for name in ("MODEL", "DATA") if name not in given]:
                raise failure(39036, f"PREDICT needs {' and '.join(absent)}: PREDICT(MODEL = @m, DATA = a_table, RUNTIME = ONNX)")
            return given

        def _predict_argument(self, name: str) -> exp.Expr:
            if name == "DATA":
                value = self._parse_table(alias_tokens=self.TABLE_ALIAS_TOKENS)
            elif name == "MODEL":
                value = self._parse_disjunction()
            else:
                value = self._parse_primary() or self._parse_var(any_token=True)
                _check_runtime(value)
            if value is None:
                raise failure(39036, f"PREDICT's {name} has no value")
            return value

        def _with_list(self) -> list[OutputColumn]:
            if not self._match(TokenType.WITH) or not self._match(TokenType.L_PAREN):
                raise failure(39031, "PREDICT(...) needs a list of its output columns behind it: WITH (score FLOAT, label BIGINT)")
            columns: list[OutputColumn] = []
            while True:
                columns.append(self._output_column())
                if not self._match(TokenType.COMMA):
                    break
            if not self._match(TokenType.R_PAREN):
                raise failure(
                    39031, f"the WITH list of PREDICT can't be read at {self._curr.text!r}: it has the form WITH (score FLOAT NOT NULL)"
                )
            names = [column.name.lower() for column in columns]
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise failure(39031, f"the WITH list of PREDICT has {', '.join(map(repr, twice))} more than once")
            return columns

        def _output_column(self) -> OutputColumn:
            name = self._parse_id_var(any_token=False)
            start = self._curr
            kind = self._parse_types() if name else None
            if name is None or kind is None:
                raise failure(
                    39031, f"the WITH list of PREDICT can't be read at {self._curr.text!r}: it has the form WITH (score FLOAT NOT NULL)"
                )
            declaration = re.sub(r"[\[\]]", "", self._find_sql(start, self._prev))  # [numeric](25,17)
            if self._match(TokenType.COLLATE):
                self._advance()
            if self._match_text_seq("NOT", "NULL"):
                declaration += " NOT NULL"
            else:
                self._match_text_seq("NULL")
            try:
                declaration_of(declaration)
            except InvalidArgument as error:
                raise failure(39031, f"column '{name.name}' of the WITH list: {error}") from None
            return OutputColumn(name.name, declaration)


def _check_runtime(value: exp.Expr | None) -> None:
    if isinstance(value, exp.Literal) and not value.is_string:
        raise failure(39053, f"PREDICT's RUNTIME is a word, RUNTIME = ONNX; {value.name} is a number")
    word = value.name if value is not None else ""
    if word.upper() != "ONNX":
        raise failure(39054, f"PREDICT's RUNTIME is ONNX; {word!r} is not known")


@dataclass(frozen=True)
class Statement:
    """One statement of a script: its text, and its tree unless it is of a dialect that only DuckDB reads."""

    text: str
    tree: exp.Expr | None
    explain: str = ""  # "EXPLAIN" or "EXPLAIN ANALYZE" before it
    placeholders: tuple[int, ...] = ()  # its question marks, numbered from 1 in the script


def split_batches(script: str) -> Iterator[tuple[list[Token], int]]:
    """The batches of a script, cut at lines that hold nothing but GO: their tokens, and how often they are to run.

    Raises
    ------
    InvalidArgument
        A string, a name in brackets or a comment does not end.
    """
    try:
        tokens = TransactSQL().tokenize(script)
    except TokenError as error:
        raise InvalidArgument(f"the script can't be read: {_plain(error)}", sql_number=105) from None
    tokens = _prepared(tokens)
    batch: list[Token] = []
    i = 0
    while i < len(tokens):
        token = tokens[i]
        alone = token.text.upper() == "GO" and (i == 0 or tokens[i - 1].line < token.line)
        counted = alone and i + 1 < len(tokens) and tokens[i + 1].line == token.line and tokens[i + 1].token_type == TokenType.NUMBER
        end = i + 2 if counted else i + 1
        if alone and (end == len(tokens) or tokens[end].line > token.line):
            yield batch, int(tokens[i + 1].text) if counted else 1
            batch, i = [], end
            continue
        batch.append(token)
        i += 1
    yield batch, 1


def _prepared(tokens: list[Token]) -> list[Token]:
    """Question marks as the variables ?1, ?2 ... of the script, and the words that begin a statement as nothing that could be a name."""
    prepared: list[Token] = []
    n = 0
    for before, token in pairwise([None, *tokens]):
        assert token is not None
        if (
            token.text.upper() in ("CLUSTERED", "NONCLUSTERED")
            and before is not None
            and before.text.upper().split(" ")[-1] in ("KEY", "UNIQUE")
        ):
            continue  # how rows are stored
        parts = [(token.token_type, token.text)]
        if token.token_type == TokenType.PLACEHOLDER:
            n += 1
            parts = [(TokenType.PARAMETER, "@"), (TokenType.VAR, f"?{n}")]
        elif token.token_type == TokenType.VAR and token.text.upper() in ("IF", "PRINT") and not _names_follow(before):
            parts = [(TokenType.COMMAND, token.text)]
        where = {"line": token.line, "col": token.col, "start": token.start, "end": token.end}
        prepared += [Token(kind, text, comments=token.comments, **where) for kind, text in parts]
    return prepared


def _names_follow(before: Token | None) -> bool:
    """DROP TABLE IF EXISTS, a.if, AS if: IF begins no statement there."""
    words = ("TABLE", "VIEW", "SCHEMA", "SEQUENCE", "INDEX", "DATABASE", "COLUMN", "FUNCTION", "MACRO", "TYPE", "AS", ".", ",", "@")
    return before is not None and before.text.upper() in words


def _placeholders(tokens: list[Token]) -> tuple[int, ...]:
    return tuple(int(token.text[1:]) for token in tokens if token.token_type == TokenType.VAR and token.text.startswith("?"))


def parse_batch(tokens: list[Token], script: str) -> list[Statement]:
    """The statements of a batch, with semicolons between them or without."""
    statements = []
    at = 0
    while at < len(tokens):
        if tokens[at].token_type == TokenType.SEMICOLON:
            at += 1
            continue
        end = _end(tokens, at)
        explain, skipped = _explain(tokens[at:end])
        begin = at + skipped
        try:
            tree, at = _first(tokens, begin, end, script)
            statements.append(Statement(_text(tokens[begin:at], script), tree, explain, _placeholders(tokens[begin:at])))
        except ParseError as error:
            text = _text(tokens[at:end], script)
            if _has_predict(tokens[at:end]):
                raise InvalidArgument(f"syntax error: {_plain(error)}\nin {text}", sql_number=102) from None
            statements.append(Statement(text, None, "", _placeholders(tokens[at:end])))
            at = end
    return statements


def _end(tokens: list[Token], at: int) -> int:
    """Where the statement that begins at `at` ends at the latest: at a semicolon that is not inside BEGIN and END, and not before ELSE."""
    depth = 0
    for i in range(at, len(tokens)):
        kind, behind = tokens[i].token_type, tokens[i + 1].text.upper() if i + 1 < len(tokens) else ""
        if kind == TokenType.CASE or (kind == TokenType.BEGIN and behind not in ("", ";", "TRAN", "TRANSACTION")):
            depth += 1
        elif kind == TokenType.END:
            depth -= 1
        elif kind == TokenType.SEMICOLON and depth <= 0 and behind != "ELSE":
            return i
    return len(tokens)


def _first(tokens: list[Token], begin: int, end: int, script: str) -> tuple[exp.Expr, int]:
    """The statement that begins at `begin`, and where it ends, before `end` where no semicolon is needed."""
    error = ParseError("this is not T-SQL")
    # sqlglot finds the end of most statements by itself; of CREATE and its like the first place where they can end is the right one.
    is_definition = tokens[begin].token_type in (TokenType.CREATE, TokenType.ALTER, TokenType.DROP)
    for until, starts in _ends(tokens, begin, end, is_definition=is_definition):
        try:
            tree, n_taken = TransactSQL.Parser(dialect=TransactSQL()).parse_first(tokens[begin:until], script)
        except ParseError as found:
            error = found
            continue
        if tree is None or tree.find(exp.Command):
            continue
        if begin + n_taken in starts or (begin + n_taken == until and (until == end or until in starts)):
            return tree, begin + n_taken
        if begin + n_taken == until:
            continue  # there may be more of it
        error = ParseError(f"{tokens[begin + n_taken].text!r} is unexpected")
    raise error


def _ends(tokens: list[Token], begin: int, end: int, *, is_definition: bool) -> Iterator[tuple[int, set[int]]]:
    """How far to read for a statement, and where another can begin in that. Not all at once: a script may have no semicolon at all."""
    starts = (i for i in range(begin + 1, end) if _begins(tokens[i - 1], tokens[i]) and tokens[i - 1].token_type not in _GOES_ON)
    seen: list[int] = []
    while more := list(islice(starts, 1 if is_definition else max(8, 3 * len(seen)))):
        seen += more
        yield seen[-1], set(seen[:-1]) | ({seen[-1]} if is_definition else set())
    yield end, set(seen)
    if not is_definition:
        yield from ((start, {start}) for start in seen)


def _explain(tokens: list[Token]) -> tuple[str, int]:
    words = [token.text.upper() for token in tokens[:2]]
    if words[:1] != ["EXPLAIN"]:
        return "", 0
    return ("EXPLAIN ANALYZE", 2) if words[1:] == ["ANALYZE"] else ("EXPLAIN", 1)


def _begins(before: Token, token: Token) -> bool:
    return token.token_type in _BEGINNINGS or (token.line > before.line and token.text.upper() == "EXPLAIN")


def _has_predict(tokens: list[Token]) -> bool:
    return any(word.text.upper() == "PREDICT" and behind.token_type == TokenType.L_PAREN for word, behind in pairwise(tokens))


def _text(tokens: list[Token], script: str) -> str:
    return script[tokens[0].start : tokens[-1].end + 1]


def _plain(error: Exception) -> str:
    """The first line of sqlglot's message, without the codes that underline on a terminal."""
    return str(error).split("\n")[0].replace("\x1b[4m", "").replace("\x1b[0m", "")
