"""``edgeonnx types``: what becomes of a value of one type in another."""

from collections.abc import Iterable, Sequence

import click
from rich.table import Table

from edgeonnx import _core
from edgeonnx.cli._console import stdout_console

_SQL_TYPES = ("bit", "tinyint", "smallint", "int", "bigint", "decimal", "money", "real", "float")
_ONNX_TYPES = ("int8", "uint16", "uint32", "uint64", "float16", "bfloat16")  # those that no SQL type stands for
_ALL_TYPES = _SQL_TYPES + _ONNX_TYPES

_LETTERS = {"same": "=", "exact": "E", "nearest": "P", "checked": "X", "truncate": "T", "round": "R", "nonzero": "B"}
_MEANINGS = (
    ("=", "same", "the same type"),
    ("E", "exact", "every value survives"),
    ("P", "nearest", "the nearest value, ties to even; precision may be lost"),
    ("X", "checked", "the value itself, or it does not fit"),
    ("T", "truncate", "cut toward zero"),
    ("R", "round", "rounded at the last digit that the type keeps, half away from zero"),
    ("B", "nonzero", "1 for anything but zero"),
)
_TABLES = (
    ("Between SQL types:", _SQL_TYPES, _SQL_TYPES),
    ("Into types that only ONNX has:", _ALL_TYPES, _ONNX_TYPES),
    ("Out of types that only ONNX has:", _ONNX_TYPES, _SQL_TYPES),
)
_NOTE = "The number behind a colon is SQL Server's error for a value that does not fit; without one, every value fits."


@click.command()
@click.option("--markdown", is_flag=True, help="Print Markdown.")
def types(markdown: bool) -> None:
    """Show how values of one type become values of another."""
    if markdown:
        click.echo(_markdown())
        return
    console = stdout_console()
    console.print(_rich(("", "rule", "what becomes of a value"), _MEANINGS))
    console.print(f"\n{_NOTE}")
    for title, sources, targets in _TABLES:
        console.print(f"\n[bold]{title}[/]")
        console.print(_rich(("from", *targets), _cells(sources, targets)))


def _cells(sources: Iterable[str], targets: Sequence[str]) -> list[tuple[str, ...]]:
    return [(source, *(_cell(source, target) for target in targets)) for source in sources]


def _cell(source: str, target: str) -> str:
    rule, sql_number = _core.conversion_rule(_declared(source), _declared(target))
    return _LETTERS[rule] + (f":{sql_number}" if sql_number else "")


def _declared(name: str) -> str:
    return name if name in _SQL_TYPES else f"tensor({name})"


def _markdown() -> str:
    parts = [_markdown_table(("", "rule", "what becomes of a value"), _MEANINGS), _NOTE]
    for title, sources, targets in _TABLES:
        parts += [title, _markdown_table(("from \\ to", *targets), _cells(sources, targets))]
    return "\n\n".join(parts)


def _markdown_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (headings, ["---"] * len(headings), *rows))


def _rich(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim")
    for heading in headings:
        table.add_column(heading, no_wrap=heading in _ALL_TYPES)
    for cells in rows:
        table.add_row(*cells)
    return table
