"""``edgeonnx inspect``: what a model wants and gives, in SQL types, and how it will run."""

import os
import warnings
from collections.abc import Sequence

import click
from rich.table import Table

from edgeonnx import Port, Scorer
from edgeonnx.cli._console import stdout_console
from edgeonnx.cli._provider_options import provider_options, scorer_arguments
from edgeonnx.cli._score_options import golden_option


@click.command()
@click.argument("model", type=click.Path())
@golden_option("warn")
@provider_options
def inspect(
    model: str, golden: str, providers: tuple[str, ...], provider_settings: tuple[tuple[str, str, str], ...], fallback: str | None
) -> None:
    """Show MODEL's inputs and outputs in SQL types, its plan, and what to look out for."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        scorer = Scorer(model, golden=golden, **scorer_arguments(providers, provider_settings, fallback))
    console = stdout_console()
    console.print(f"[bold]{os.path.basename(model)}[/]  {os.path.getsize(model):,} bytes\n")
    console.print(_ports("input", scorer.inputs))
    console.print()
    console.print(_ports("output", scorer.outputs))
    console.print()
    console.print("[bold]plan[/]")
    notes = [str(warning.message) for warning in caught]
    for line in scorer.explain().splitlines():
        if line.startswith("warning: "):
            continue  # told below
        if not line.startswith(("input ", "output ")):
            console.print(f"  {line}", markup=False)
        elif not line.endswith("]"):  # more than the tables above say: why the port cannot be used
            notes.append(line)
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
