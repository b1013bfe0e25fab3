"""``edgeonnx inspect``: what a model wants and gives, in SQL types, and how it will run."""

import os
import warnings
from collections.abc import Sequence

import click
from rich.table import Table

from edgeonnx import Port, Scorer
from edgeonnx.cli._console import stdout_console


@click.command()
@click.argument("model", type=click.Path())
def inspect(model: str) -> None:
    """Show MODEL's inputs and outputs in SQL types, its plan, and what to look out for."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        scorer = Scorer(model)
    console = stdout_console()
    console.print(f"[bold]{os.path.basename(model)}[/]  {os.path.getsize(model):,} bytes\n")
    console.print(_ports("input", scorer.inputs))
    console.print()
    console.print(_ports("output", scorer.outputs))
    console.print()
    console.print("[bold]plan[/]")
    for line in scorer.explain().splitlines():
        console.print(f"  {line}", markup=False)
    notes = [str(warning.message) for warning in caught] + _notes(scorer)
    if notes:
        console.print("\n[bold yellow]look out[/]")
        for note in notes:
            console.print(f"  {note}", markup=False)


def _ports(title: str, ports: Sequence[Port]) -> Table:
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim")
    for heading in (title, "SQL type", "ONNX type", "shape"):
        table.add_column(heading, overflow="fold")
    for port in ports:
        table.add_row(port.name, port.sql_type or "-", port.onnx_type, _shape(port))
    return table


def _shape(port: Port) -> str:
    sizes = ["?" if size is None or size < 0 else str(size) for size in port.shape]
    if sizes and sizes[0] == "?":
        sizes[0] = "N"
    return f"[{', '.join(sizes)}]"


def _notes(scorer: Scorer) -> list[str]:
    notes = []
    for port in scorer.inputs:
        if not port.sql_type:
            notes.append(f"input '{port.name}' is {port.onnx_type}: no column can feed it, so the model cannot be scored")
    for port in scorer.outputs:
        if not port.sql_type:
            notes.append(f"output '{port.name}' is {port.onnx_type}, which SQL has no type for; choose others with --with")
    return notes
