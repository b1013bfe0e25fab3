"""``edgeonnx verify``: a model beside what it was made from."""

import os
import sys
from typing import Any

import click

from edgeonnx._extras import needed
from edgeonnx._verify import verify as compare
from edgeonnx.cli._estimator_file import HELP, read_estimator
from edgeonnx.cli._formats import INPUT_FORMATS, TABLE_SUFFIXES, Format
from edgeonnx.cli._sample import read_rows
from edgeonnx.cli._write import write_whole
from edgeonnx.cli.score import group_option, merged, null_rule, rename_option

DIFFERS = 3


@click.command(epilog=f"REFERENCE, a fitted estimator: {HELP}")
@click.argument("model", type=click.Path())
@click.argument("reference", type=click.Path())
@click.argument("data", type=click.Path(allow_dash=True))
@click.option("--html", type=click.Path(), help="Write the report as a page, with its plot.")
@click.option("--png", type=click.Path(), help="Write the plot alone.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--exact", type=click.Path(), help="Write the model with its graph put right, if verify can prove one.")
@click.option("--generated-rows", type=click.IntRange(min=0), default=20_000, show_default=True, help="At most so many rows are made.")
@click.option("--leave-out", metavar="PATTERN", multiple=True, help="Rows not to make: NaN, NULL, infinities, thresholds ...")
@click.option("--rtol", type=click.FloatRange(min=0), help="Of a row's largest score.  [default: 1e-5; 1e-9 in double]")
@click.option("--atol", type=click.FloatRange(min=0), help="Default: that much of the largest score.")
@click.option("--ties/--no-ties", default=None, help="Allow other labels where scores are tied. Default: unless there are trees.")
@click.option("--seed", type=int, default=0, help="Of the draws.  [default: 0]")
@click.option("--nulls", "null_rules", metavar="POLICY", multiple=True, type=null_rule, help="[INPUT=]error, nan, propagate or a number.")
@click.option("--coercion", type=click.Choice(["tsql", "safe", "strict"]), default="tsql", help="Conversions allowed.  [default: tsql]")
@rename_option
@group_option
@click.option("--format", "input_format", type=click.Choice(INPUT_FORMATS), help="Format of DATA. Default: by its name; a stream is arrow.")
def verify(
    model: str,
    reference: str,
    data: str,
    html: str | None,
    png: str | None,
    as_json: bool,
    exact: str | None,
    generated_rows: int,
    leave_out: tuple[str, ...],
    rtol: float | None,
    atol: float | None,
    ties: bool | None,
    seed: int,
    null_rules: tuple[tuple[str | None, str | float], ...],
    coercion: str,
    renames: tuple[tuple[str, str], ...],
    groups: tuple[tuple[str, list[str]], ...],
    input_format: Format | None,
) -> None:
    """Compare MODEL with the REFERENCE that it was made from, over the rows of DATA and rows placed where the two may part.

    REFERENCE is a fitted estimator (.pkl, .joblib and others, see below), another model (.onnx), or stored answers for the rows of DATA
    (.parquet, .csv, .arrow) with columns named as MODEL's outputs.

    Exit code 0: the same; 3: it differs, and the report says why.
    """
    if html is not None or png is not None:
        needed("matplotlib", "drawing the plot of verify")
    nulls = merged(null_rules, "--nulls", "input")
    rename, columns = merged(renames, "--rename", "column"), merged(groups, "--columns", "input")
    report = compare(
        model,
        _reference(reference),
        read_rows(data, input_format),
        generated_rows=generated_rows,
        leave_out=leave_out,
        rtol=rtol,
        atol=atol,
        ties=ties,
        seed=seed,
        coercion=coercion,
        nulls=nulls or "error",
        rename=rename,
        columns=columns,
    )
    click.echo(report.to_json() if as_json else str(report))
    if html is not None:
        write_whole(html, report.to_html().encode())
    if png is not None:
        write_whole(png, report.to_png())
    if exact is not None:
        if report.exact is not None:
            write_whole(exact, report.exact)
        else:
            click.echo(f"edgeonnx: {exact} is not written: {report.exact_note or 'nothing differs'}", err=True)
    sys.stdout.flush()
    if not report.ok:
        sys.exit(DIFFERS)


def _reference(path: str) -> Any:
    suffix = os.path.splitext(path)[1].lower()
    if suffix == ".onnx":
        return path
    if suffix in TABLE_SUFFIXES:
        return read_rows(path)
    return read_estimator(path)
