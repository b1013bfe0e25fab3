"""``edgeonnx seal``: a model with golden rows, which are scored again wherever it is loaded."""

import os
import warnings

import click

from edgeonnx import Scorer
from edgeonnx._golden._seal import seal as sealed
from edgeonnx.cli._formats import INPUT_FORMATS, Format
from edgeonnx.cli._sample import read_rows
from edgeonnx.cli._score_options import conversion_options
from edgeonnx.cli._write import write_whole
from edgeonnx.cli.score import group_option, merged, rename_option


@click.command()
@click.argument("model", type=click.Path())
@click.argument("data", type=click.Path())
@click.option("-o", "--output", required=True, type=click.Path(), help="The sealed model; it may take the place of MODEL.")
@click.option("--rows", type=click.IntRange(1, 4096), default=32, show_default=True, help="How many rows.")
@rename_option
@group_option
@conversion_options
@click.option("--format", "input_format", type=click.Choice(INPUT_FORMATS), help="Format of DATA. Default: by its name.")
def seal(
    model: str,
    data: str,
    output: str,
    rows: int,
    renames: tuple[tuple[str, str], ...],
    groups: tuple[tuple[str, list[str]], ...],
    coercion: str,
    nulls: str | float,
    on_overflow: str,
    input_format: Format | None,
) -> None:
    """Give MODEL golden rows: some rows of DATA and their answers, which are scored again wherever the model is loaded."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        content = sealed(
            model,
            read_rows(data, input_format),
            rows=rows,
            rename=merged(renames, "--rename", "column"),
            columns=merged(groups, "--columns", "input"),
            nulls=nulls,
            coercion=coercion,
            on_overflow=on_overflow,
        )
    for each in caught:
        click.echo(f"edgeonnx: {each.message}", err=True)
    write_whole(output, content)
    line = next(line for line in Scorer(content).explain().splitlines() if line.startswith("golden rows: "))
    click.echo(f"{os.path.basename(output)}: {line}")
