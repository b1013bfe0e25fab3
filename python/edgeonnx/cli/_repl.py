"""The prompt of ``edgeonnx sql``."""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
import duckdb
from prompt_toolkit import PromptSession
from prompt_toolkit.history import FileHistory, History, InMemoryHistory

import edgeonnx
from edgeonnx.cli._progress import query_progress
from edgeonnx.sql import Connection

_ENDS = re.compile(r";\s*$|^\s*GO\s*$|^\s*(exit|quit)\s*$", re.IGNORECASE | re.MULTILINE)


def repl(connection: Connection, parameters: Mapping[str, Any], show: Callable[[], None]) -> None:
    """Read scripts and run them until the end of input; variables last until GO."""
    session: PromptSession[str] = PromptSession(history=_history())
    click.echo(
        f"edgeonnx {edgeonnx.__version__}, DuckDB {duckdb.__version__}. A line that ends in ; or is GO runs what was typed; exit leaves."
    )
    typed = ""
    while True:
        try:
            line = session.prompt("sql> " if not typed else "...> ")
        except KeyboardInterrupt:
            typed = ""
            continue
        except EOFError:
            return
        if not typed and line.strip().lower() in ("exit", "quit"):
            return
        typed += line + "\n"
        if not typed.strip():
            typed = ""
        elif _ENDS.search(line):
            script, typed = typed, ""
            run_typed(connection, script, parameters, show)


def run_typed(connection: Connection, script: str, parameters: Mapping[str, Any], show: Callable[[], None]) -> None:
    """Run what was typed, and print what is wrong with it."""
    try:
        steps = connection.steps(script, parameters, keep=True)
        while True:
            with query_progress(connection.duckdb):
                has_rows = next(steps, None)
            if has_rows is None:
                return
            if has_rows:
                show()
    except (edgeonnx.Error, duckdb.Error) as error:
        click.echo(f"{error}", err=True)
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)


def _history() -> History:
    folder = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "edgeonnx"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return FileHistory(str(folder / "history"))
    except OSError:
        return InMemoryHistory()
