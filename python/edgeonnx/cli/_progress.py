"""Rows and rows per second on a terminal; nothing in a pipe."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn

_MOMENT_S = 0.5


@dataclass
class RowsProgress:
    """Counts rows, and moves the bar where there is one."""

    bar: Progress | None = None
    task: TaskID | None = None
    n_rows: int = 0
    started: float = field(default_factory=time.perf_counter)

    def advance(self, n_rows: int, fraction: float | None) -> None:
        """Take note of `n_rows` more rows, after which `fraction` of the input has been read."""
        self.n_rows += n_rows
        if self.bar is not None and self.task is not None:
            total = None if fraction is None else 1.0
            self.bar.update(self.task, completed=fraction or 0.0, total=total, rows=f"{self.n_rows:,}", rate=self.rate())

    def rate(self) -> str:
        """Rows per second so far, in words."""
        return f"{n_short(self.n_rows / max(1e-9, time.perf_counter() - self.started))} rows/s"


@contextmanager
def rows_progress(output: str, quiet: bool) -> Iterator[RowsProgress]:
    """A bar on stderr while the block runs and one line after it, if stderr is a terminal and `quiet` is false."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield RowsProgress()
        return
    columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[rows]} rows"), TextColumn("[dim]{task.fields[rate]}"))
    with Progress(*columns, console=console, transient=True) as bar:
        progress = RowsProgress(bar, bar.add_task("score", total=None, rows="0", rate=""))
        yield progress
    console.print(f"{progress.n_rows:,} rows scored into {output}, {progress.rate()}", highlight=False)


@contextmanager
def query_progress(connection: Any) -> Iterator[None]:
    """A bar on stderr while a DuckDB connection works longer than a moment, if stderr is a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    ended = threading.Event()

    def watch() -> None:
        if ended.wait(_MOMENT_S):
            return
        with Progress(TextColumn("query"), BarColumn(), TaskProgressColumn(), console=console, transient=True) as bar:
            task = bar.add_task("query", total=None)
            while not ended.wait(_MOMENT_S / 5):
                percent = connection.query_progress()
                bar.update(task, total=100 if percent > 0 else None, completed=max(0, percent))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def n_short(number: float) -> str:
    """A number for people: 950, 12.3 k, 4.56 M."""
    for size, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return f"{number:.3g}"
