"""``edgeonnx convert``: from an estimator, or a model of one matrix, to a model whose inputs are columns."""

import os
import warnings

import click

from edgeonnx import Scorer
from edgeonnx._convert import convert as make_model
from edgeonnx.cli._estimator_file import HELP, read_estimator
from edgeonnx.cli._formats import INPUT_FORMATS, Format
from edgeonnx.cli._sample import read_rows
from edgeonnx.cli._write import write_whole

_LIKE_ROWS = 10_000


@click.command(epilog=f"ESTIMATOR: {HELP}")
@click.argument("estimator", type=click.Path())
@click.option(
    "--like", required=True, type=click.Path(), help="A table with the columns: Parquet, CSV or Arrow; the first 10,000 rows count."
)
@click.option("-o", "--output", required=True, type=click.Path(), help="The model to write.")
@click.option("--columns", type=click.Choice(["separate", "matrix"]), default="separate", help="Inputs: one a column, or one matrix.")
@click.option("--opset", type=click.IntRange(min=1), help="Of the model. Default: the newest that the converter knows.")
@click.option("--check", type=click.Choice(["error", "warn", "off"]), default="error", help="If it answers otherwise than ESTIMATOR.")
@click.option(
    "--drop", metavar="COLUMN", multiple=True, help="A column that the model does not read, a target for instance; again for each."
)
@click.option("--format", "input_format", type=click.Choice(INPUT_FORMATS), help="Format of the table. Default: by its name.")
def convert(
    estimator: str, like: str, output: str, columns: str, opset: int | None, check: str, drop: tuple[str, ...], input_format: Format | None
) -> None:
    """Make an ONNX model of ESTIMATOR, with one input per column of a table.

    ESTIMATOR may also be an .onnx file: a model that takes one matrix is given an input per column, and its answers stay the same.
    """
    table = read_rows(like, input_format, most=_LIKE_ROWS)
    missing = [name for name in drop if name not in table.column_names]
    if missing:
        raise click.UsageError(f"--drop: the table has no column {', '.join(map(repr, missing))}")
    table = table.drop_columns(list(drop))
    source = estimator if estimator.lower().endswith(".onnx") else read_estimator(estimator)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = make_model(source, table, columns=columns, target_opset=opset, check=check)
    for each in caught:
        click.echo(f"edgeonnx: {each.message}", err=True)
    write_whole(output, model)
    scorer = Scorer(model)
    click.echo(f"{os.path.basename(output)}: {len(scorer.inputs)} inputs, outputs {', '.join(port.name for port in scorer.outputs)}")
