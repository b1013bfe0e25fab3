"""``edgeonnx providers``: which execution providers work on this machine, and the options that one takes."""

import click
from rich.table import Table

import edgeonnx
from edgeonnx import Provider
from edgeonnx._providers import short_name
from edgeonnx.cli._console import stdout_console
from edgeonnx.cli._error import CommandError

_SUFFIX = "ExecutionProvider"


@click.command()
@click.argument("name", required=False)
def providers(name: str | None) -> None:
    """Show which execution providers of ONNX Runtime work here and why others do not; of the one called NAME, its options."""
    found = edgeonnx.providers()
    if name is None:
        console = stdout_console()
        for provider in found:
            mark = "[green]usable[/]" if provider.usable else "[yellow]no[/]"
            console.print(f"[bold]{provider.name}[/]  {mark}")
            if provider.reason:
                console.print(f"  {provider.reason}", markup=False, soft_wrap=True)
        return
    for provider in found:
        if short_name(provider.name) == short_name(name):
            _print_options(provider)
            return
    names = ", ".join(provider.name.removesuffix(_SUFFIX) for provider in found)
    raise CommandError(f"there is no execution provider '{name}'; there are {names}")


def _print_options(provider: Provider) -> None:
    console = stdout_console()
    console.print(f"[bold]{provider.name}[/]: ", end="")
    console.print("usable" if provider.usable else provider.reason, markup=False, soft_wrap=True)
    if not provider.options:
        is_cpu = short_name(provider.name) == "cpu"
        console.print("It takes no options." if is_cpu else "Its options are not known here; what is given is handed on as it is.")
        return
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim")
    for heading in ("option", "value", "default", "meaning"):
        table.add_column(heading, overflow="fold")
    for option in provider.options:
        table.add_row(option.key, option.type, option.default, option.meaning)
    console.print(table)
