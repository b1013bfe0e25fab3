"""``edgeonnx sql``: scripts of T-SQL with PREDICT, from the command line, a file, a pipe or a prompt."""

import re
import sys
from pathlib import Path
from typing import Any

import click

from edgeonnx.cli._error import CommandError
from edgeonnx.cli._formats import STANDARD_STREAM
from edgeonnx.cli._results import FORMATS, ResultFormat, result_format, show_result, write_result
from edgeonnx.cli._score_options import conversion_options

_NUMBER = re.compile(r"[+-]?\d+$"), re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$")


def _parameter(value: str) -> tuple[str, Any]:
    """``name=value``: a number, NULL, ``@file`` for the bytes of a file, or text; text that looks like one of these in quotes."""
    name, equals, text = value.partition("=")
    name = name.lstrip("@")
    if not (equals and name.isidentifier()):
        raise click.BadParameter(f"expected name=value, as in id=7, model=@risk.onnx or \"name='7'\", got '{value}'")
    if text.upper() == "NULL":
        return name, None
    if text.startswith("@"):
        try:
            return name, Path(text[1:]).read_bytes()
        except OSError as error:
            raise click.BadParameter(f"parameter '{name}': cannot read '{text[1:]}': {error.strerror}") from error
    if _NUMBER[0].match(text):
        return name, int(text)
    if _NUMBER[1].match(text):
        return name, float(text)
    quoted = re.fullmatch(r"'(.*)'", text, re.DOTALL)
    return name, quoted[1].replace("''", "'") if quoted else text


def _tell(message: str) -> None:
    """On stderr: standard output holds rows alone."""
    click.echo(message, err=True)


def _script(text: str | None, file: str | None) -> str | None:
    """What to run; None for a prompt."""
    if text is not None and file is not None:
        raise click.UsageError("give SQL or --file, not both")
    if text is not None and text != STANDARD_STREAM:
        return text
    if file is None and text is None and sys.stdin.isatty():
        return None
    try:
        raw = sys.stdin.buffer.read() if file in (None, STANDARD_STREAM) else Path(str(file)).read_bytes()
        return raw.decode("utf-8-sig")
    except OSError as error:
        raise CommandError(f"cannot read '{file}': {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CommandError(f"'{file or 'standard input'}' is not UTF-8: {error.reason} at byte {error.start}") from error


@click.command()
@click.argument("text", metavar="[SQL]", required=False)
@click.option(
    "-d",
    "--database",
    type=click.Path(dir_okay=False),
    default=":memory:",
    help="A DuckDB file, made where there is none. Default: memory.",
)
@click.option("-f", "--file", type=click.Path(allow_dash=True), help="A script to run; - is standard input.")
@click.option(
    "-p", "--param", "parameters", metavar="NAME=VALUE", multiple=True, type=_parameter, help="Value of @NAME; @FILE is a file's bytes."
)
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="File for the rows of the last statement. Default: rows are printed.")
@click.option(
    "--to", "to", type=click.Choice(FORMATS), help="Format of the rows. Default: by the output's name, table on a terminal, csv in a pipe."
)
@click.option("--rows", default=40, show_default=True, type=click.IntRange(min=0), help="Rows of a result that a table shows.")
@click.option("--read-only", is_flag=True, help="Open the database to read from it alone.")
@conversion_options
def sql(
    text: str | None,
    database: str,
    file: str | None,
    parameters: tuple[tuple[str, Any], ...],
    output: str | None,
    to: ResultFormat | None,
    rows: int,
    read_only: bool,
    coercion: str,
    nulls: str | float,
    on_overflow: str,
) -> None:
    """Run T-SQL with PREDICT on a DuckDB database.

    SQL is a script: statements with or without semicolons between them, batches with GO. Without SQL and --file the script is read from
    standard input, or typed at a prompt.
    """
    try:
        import duckdb

        import edgeonnx.sql
        from edgeonnx.cli._progress import query_progress
        from edgeonnx.cli._repl import repl
    except ImportError as error:
        raise CommandError(f"{error}" if "edgeonnx[sql]" in str(error) else f"{error}: pip install 'edgeonnx[sql]'") from error

    script = _script(text, file)
    given = dict(parameters)
    if len(given) != len(parameters):
        raise click.UsageError("--param: a name is given twice")
    format_ = result_format(output, to)
    try:
        options = {"coercion": coercion, "nulls": nulls, "on_overflow": on_overflow, "read_only": read_only, "on_message": _tell}
        with edgeonnx.sql.connect(database, **options) as connection:  # type: ignore[arg-type]
            if script is None:
                repl(connection, given, lambda: show_result(connection, format_, rows))
                return
            steps = connection.steps(script, given)
            has_rows = False
            while True:
                with query_progress(connection.duckdb):
                    done = next(steps, None)
                    if done is None:
                        break
                    has_rows = done
                if has_rows and output is None:
                    with query_progress(connection.duckdb):
                        show_result(connection, format_, rows)
            if output is not None and not has_rows:
                raise CommandError(f"the last statement gives no rows to write to '{output}'")
            if output is not None:
                with query_progress(connection.duckdb):
                    write_result(connection, output, format_)
    except duckdb.InterruptException:
        raise KeyboardInterrupt from None
    except duckdb.Error as error:
        raise CommandError(str(error).split("\n\nLINE ")[0]) from error
