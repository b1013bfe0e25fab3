"""Where the commands print for people."""

import sys
from typing import NoReturn

import rich.console

# Wide enough that a table in a pipe keeps one row on one line.
_PIPE_WIDTH = 160


class _Console(rich.console.Console):
    def on_broken_pipe(self) -> NoReturn:
        raise BrokenPipeError  # the exit code is not rich's to choose


def stdout_console() -> rich.console.Console:
    """A console on standard output, without colours where that is no terminal."""
    return _Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH, highlight=False)
