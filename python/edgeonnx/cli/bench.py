"""``edgeonnx bench``: a model on this machine, by edgeonnx and by onnxruntime."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import numpy
from rich.console import Console

import edgeonnx
from edgeonnx import Scorer
from edgeonnx._bench import (
    EDGEONNX,
    ESTIMATOR,
    READY,
    STACKED,
    Budget,
    Feed,
    Machine,
    Race,
    Workload,
    feeds_of,
    generated,
    machine,
    race,
    spreads_of,
)
from edgeonnx._bench._chart import draw
from edgeonnx._bench._workload import Columns
from edgeonnx._extras import needed
from edgeonnx._tables._masked import is_masked
from edgeonnx._tables._numpy import columns_of
from edgeonnx.cli._bench_report import as_json, print_tables
from edgeonnx.cli._console import stdout_console
from edgeonnx.cli._error import CommandError
from edgeonnx.cli._estimator_file import HELP
from edgeonnx.cli._formats import INPUT_FORMATS, Format
from edgeonnx.cli._provider_options import provider_options, scorer_arguments
from edgeonnx.cli._sample import read_rows

_BATCH_SIZES = tuple(10**power for power in range(7))
_MOST_ROWS_READ = 100_000
_CHARTS = (".png", ".svg", ".pdf")


def _sizes(value: str) -> tuple[int, ...]:
    try:
        sizes = tuple(int(float(text)) for text in value.split(","))
    except (ValueError, OverflowError):
        sizes = ()
    if not sizes or min(sizes) < 1 or max(sizes) > 10**9:
        raise click.BadParameter(f"expected numbers of rows, as in 1,100,1e6, got '{value}'")
    return sizes


def _chart_file(value: str) -> Path:
    if Path(value).suffix.lower() not in _CHARTS:
        raise click.BadParameter(f"'{value}': a chart is a {', '.join(_CHARTS)} file")
    if not Path(value).absolute().parent.is_dir():
        raise click.BadParameter(f"'{value}': there is no such folder")
    return Path(value)


@click.command()
@click.argument("model", type=click.Path())
@click.argument("data", type=click.Path(), required=False)
@click.option("--estimator", metavar="FILE", type=click.Path(), help=f"What became the model, to be timed too. {HELP}")
@click.option("--batch-sizes", metavar="N,N,...", type=_sizes, help="Rows a call.  [default: 1,10,100,...,1e6]")
@click.option("--seconds", type=click.FloatRange(min=0.1), default=20.0, help="About how long it may take in all.  [default: 20]")
@click.option("--threads", type=click.IntRange(min=1), help="Of both. Default: what each library chooses.")
@click.option("--native/--no-native", default=True, help="Run on native kernels where they cover the model.  [default: native]")
@provider_options
@click.option("--format", "input_format", type=click.Choice(INPUT_FORMATS), help="Format of DATA. Default: by its name.")
@click.option("--chart", metavar="FILE.png", type=_chart_file, help="Draw rows a second by batch size: .png, .svg or .pdf.")
@click.option("--to", "output_format", type=click.Choice(["table", "json"]), default="table", help="What to print.  [default: table]")
def bench(
    model: str,
    data: str | None,
    estimator: str | None,
    batch_sizes: tuple[int, ...] | None,
    seconds: float,
    threads: int | None,
    native: bool,
    providers: tuple[str, ...],
    provider_settings: tuple[tuple[str, str, str], ...],
    fallback: str | None,
    input_format: Format | None,
    chart: Path | None,
    output_format: str,
) -> None:
    """Time MODEL on this machine: edgeonnx beside onnxruntime.

    Both score the same columns, those of DATA (Parquet, CSV or Arrow) or made-up ones, each in a process of its own, in turns,
    after a check that they agree. onnxruntime is timed twice: with putting the columns together, and its run alone.

    Made-up floats lie around the thresholds of a model's trees (if onnx is installed), or around 0; whole numbers are 0 or 1.
    """
    if estimator is not None and data is None:
        raise click.UsageError("--estimator needs DATA, with the columns that the estimator was fitted on")
    if chart is not None:
        needed("matplotlib", "a chart")
    options = {"threads": threads, "native": native, "golden": "off", **scorer_arguments(providers, provider_settings, fallback)}
    scorer = Scorer(model, **options)
    sizes = batch_sizes or _BATCH_SIZES
    if data is None:
        columns, feeds, n_nulls = *generated(scorer.inputs, max(sizes), spreads_of(model)), 0
    else:
        columns, feeds, n_nulls = _read(data, input_format, scorer, keeps_all=estimator is not None)
    workload = Workload(os.path.abspath(model), columns, feeds, scorer.outputs, options, estimator)
    names = [EDGEONNX, STACKED, READY, *([ESTIMATOR] if estimator is not None else [])]
    with _progress() as on_progress:
        result = race(names, workload, sizes, Budget(seconds), on_progress=on_progress)
    here = machine()
    labels = {name: _label(name, result.versions[name]) for name in names}
    shown = f"{os.path.basename(model)}, {_rows_text(data, workload)}"
    if n_nulls:
        shown += f", without {n_nulls:,} rows that have a NULL, which onnxruntime does not know"
    if output_format == "json":
        about = {"edgeonnx": edgeonnx.__version__, "model": _about_model(model, scorer), "data": _about_data(data, workload, n_nulls)}
        click.echo(json.dumps(as_json(result, here, about | {"options": {**options, "seconds": seconds}}), indent=2))
    else:
        _print(stdout_console(), result, here, labels, shown, threads)
    if chart is not None:
        draw(result, labels, shown, _machine_text(here, threads), chart)


def _read(data: str, input_format: Format | None, scorer: Scorer, *, keeps_all: bool) -> tuple[Columns, tuple[Feed, ...], int]:
    """The first rows of a table, of those that have no NULL: the columns that feed inputs, or all. And how many were left out."""
    table = read_rows(data, input_format, most=_MOST_ROWS_READ)
    if not table.num_rows:
        raise CommandError(f"'{data}' has no rows")
    columns = columns_of(table)
    numbers = {name: values for name, values in columns.items() if values.dtype.kind in "iufb"}
    scorer.explain(numbers)  # finds columns that do not fit
    feeds = feeds_of(scorer.inputs, numbers)
    if not keeps_all:
        columns = {name: columns[name] for feed in feeds for name in feed.columns}
    has_null = numpy.zeros(table.num_rows, bool)
    for values in columns.values():
        if is_masked(values):
            has_null |= numpy.ma.getmaskarray(values).reshape(len(values), -1).any(axis=1)
    if has_null.all():
        raise CommandError(f"every row of '{data}' has a NULL, which onnxruntime does not know; give rows without")
    kept = {name: (values.data if is_masked(values) else values)[~has_null] for name, values in columns.items()}
    return kept, feeds, int(has_null.sum())


@contextmanager
def _progress() -> Iterator[Any]:
    """What is being measured, on stderr, if that is a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda step: None
        return
    with console.status("starting") as status:
        yield lambda step: status.update(step)


def _print(console: Console, result: Race, here: Machine, labels: dict[str, str], shown: str, threads: int | None) -> None:
    console.print(f"[bold]{shown}[/]", highlight=False)
    console.print(f"[dim]{_machine_text(here, threads)}[/]\n")
    print_tables(console, result, labels)


def _label(name: str, version: str) -> str:
    if name == ESTIMATOR:
        return version
    library, comma, rest = name.partition(",")
    return f"{library} {version}{comma}{rest}"


def _rows_text(data: str | None, workload: Workload) -> str:
    n_columns = sum(len(feed.columns) for feed in workload.feeds)
    columns = f"{n_columns} column{'s' if n_columns != 1 else ''}"
    return f"{columns} of {os.path.basename(data)}" if data is not None else f"{columns}, made up"


def _machine_text(here: Machine, threads: int | None) -> str:
    cores = f"{here.n_cores} core{'s' if here.n_cores != 1 else ''}"
    return f"{here.processor}, {cores}, {f'{threads} threads' if threads else 'threads as each library chooses'}, Python {here.python}"


def _about_model(model: str, scorer: Scorer) -> dict[str, Any]:
    return {"path": model, "bytes": os.path.getsize(model), "plan": scorer.explain().splitlines()[0].removeprefix("plan: ")}


def _about_data(data: str | None, workload: Workload, n_nulls: int) -> dict[str, Any]:
    kinds = {
        name: f"{values.dtype} {list(values.shape[1:])}" if values.ndim > 1 else str(values.dtype)
        for name, values in workload.columns.items()
    }
    return {"path": data, "rows": workload.n_rows, "rows_left_out": n_nulls, "columns": kinds}
