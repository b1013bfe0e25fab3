"""``edgeonnx demo``: the SQL Edge tutorial, start to finish."""

import importlib.util
import shlex
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import click
import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

import edgeonnx
from edgeonnx import _tutorial
from edgeonnx._bench import EDGEONNX, READY, Budget, Race, Workload, feeds_of, race
from edgeonnx.cli._columns import Binding
from edgeonnx.cli._console import stdout_console
from edgeonnx.cli._error import CommandError
from edgeonnx.cli._progress import n_short
from edgeonnx.cli._source import Request
from edgeonnx.cli.score import score_table

_PACKAGES = ("sklearn", "skl2onnx", "pandas", "onnxruntime")
_BAR_WIDTH = 32
_RACED_ROWS = 100_000  # drawn; more are these again
_RACE_S = 60.0  # at the most, for any number of rows that a machine can hold


@click.command()
@click.option("--rows", default=1_000_000, show_default=True, type=click.IntRange(min=1), help="Rows of the timed part.")
@click.option("--folder", type=click.Path(file_okay=False), help="Where to leave the files. Default: a new temporary folder.")
def demo(rows: int, folder: str | None) -> None:
    """Train the SQL Edge tutorial's model, score a DataFrame and a Parquet file with it, and time a large table."""
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise CommandError(f"the demo needs {', '.join(missing)}: pip install 'edgeonnx[demo]'")
    place = Path(folder or tempfile.mkdtemp(prefix="edgeonnx-demo-"))
    place.mkdir(parents=True, exist_ok=True)
    model_file, data_file = place / "tutorial.onnx", place / "diabetes.parquet"

    console = stdout_console()
    console.print("[bold]The SQL Edge tutorial with edgeonnx[/]\n")
    with console.status("training, converting, scoring"):
        steps = _tutorial_steps(model_file, data_file, place / "scored.parquet")
    console.print(steps)
    with console.status(f"timing {rows:,} rows"):
        result = _race(model_file, rows)
    _print_race(console, result)
    _run_sql(console, place / "tutorial.sql")
    _print_next(console, model_file, data_file, place / "tutorial.sql")


def _tutorial_steps(model_file: Path, data_file: Path, scored_file: Path) -> Table:
    from sklearn.metrics import r2_score

    features, target = _tutorial.load()
    pipeline = _tutorial.train(features, target)
    expected = pipeline.predict(features)

    def quality(answers: NDArray[Any]) -> tuple[str, str]:
        return f"{r2_score(target, answers):.7f}", f"{np.max(np.abs(answers - expected)):.1e}"

    steps = Table(box=None, padding=(0, 3, 0, 0), header_style="dim")
    for heading in ("", "", "R2", "worst difference"):
        steps.add_column(heading)
    steps.add_row("[cyan]train[/]", f"scikit-learn, {len(features)} patients, {features.shape[1]} columns", quality(expected)[0])

    model_file.write_bytes(_tutorial.convert(pipeline, list(features.columns)))
    scorer = edgeonnx.Scorer(model_file)
    ports = f"{len(scorer.inputs)} {scorer.inputs[0].sql_type} inputs, output {scorer.outputs[0].name}"
    steps.add_row("[cyan]convert[/]", f"ONNX, {ports}")

    table = scorer.predict(features)
    steps.add_row("[cyan]predict[/]", "edgeonnx, DataFrame to DataFrame", *quality(table[_tutorial.OUTPUT].to_numpy()))

    pa.parquet.write_table(pa.Table.from_pandas(features, preserve_index=False), data_file)
    data_file.with_name("tutorial.sql").write_text(_tutorial.sql_script(features, target, model_file.read_bytes()))
    data_file.with_name("features.sql").write_text(_tutorial.features_script(features))
    score_table(scorer, str(data_file), str(scored_file), "parquet", "parquet", Request(Binding(scorer.inputs)), quiet=True)
    answers = pa.parquet.read_table(scored_file)[_tutorial.OUTPUT].to_numpy()
    steps.add_row("[cyan]score[/]", "edgeonnx, Parquet to Parquet", *quality(answers))
    return steps


def _race(model_file: Path, n_rows: int) -> Race:
    columns = _tutorial.sample(_tutorial.load()[0], _RACED_ROWS)
    scorer = edgeonnx.Scorer(model_file)
    workload = Workload(str(model_file.resolve()), columns, feeds_of(scorer.inputs, columns), scorer.outputs)
    return race((EDGEONNX, READY), workload, (n_rows,), Budget(_RACE_S), measures_memory=False)


def _print_race(console: Console, result: Race) -> None:
    batch = result.batches[0]
    n_columns = len(_tutorial.load()[0].columns)
    console.print(f"\n[bold]{batch.n_rows:,} rows of {n_columns} real columns[/], Scorer.score beside InferenceSession.run")
    console.print("[dim]a process each, in turns, median round[/]\n")
    fastest = min(measured.median_s for measured in batch.measured.values())
    sides = Table.grid(padding=(0, 2))
    for name, style in ((EDGEONNX, "green"), (READY, "blue")):
        seconds = batch.measured[name].median_s
        bar = "█" * max(1, round(_BAR_WIDTH * fastest / seconds))
        library = f"{name.partition(',')[0]} {result.versions[name]}"
        sides.add_row(library, f"{n_short(batch.n_rows / seconds)} rows/s", f"[{style}]{bar}[/]")
    console.print(sides)
    worst = result.agreements[READY].worst_difference
    console.print(f"\nedgeonnx is [bold]{batch.ratio(READY):.2f}[/] times as fast; worst difference {worst:.1g}")


def _run_sql(console: Console, script: Path) -> None:
    """The tutorial as its readers ran it, from CREATE TABLE to PREDICT."""
    console.print(f"\n[bold]The same in T-SQL[/], {script}")
    try:
        import edgeonnx.sql
    except ImportError as error:
        console.print(f"[dim]not run: {error}[/]")
        return
    try:
        with edgeonnx.sql.connect() as connection:
            results = [connection.fetchmany(5) for has_rows in connection.steps(script.read_text()) if has_rows]
    except edgeonnx.FileError as error:
        console.print(f"[dim]not run: {error}[/]")
        return
    console.print(
        f"[dim]PREDICT(MODEL = @model, DATA = predict_input, RUNTIME = ONNX) WITH ({_tutorial.OUTPUT} FLOAT), its first rows[/]\n"
    )
    rows = Table(box=None, padding=(0, 3, 0, 0), header_style="dim")
    for name in ("id", "progress"):
        rows.add_column(name, justify="right")
    for identity, progress in results[0]:
        rows.add_row(str(identity), f"{progress:.4f}")
    console.print(rows)
    ((r2,),) = results[1]
    console.print(f"\nR2 by SQL {r2:.7f}")


def _print_next(console: Console, model_file: Path, data_file: Path, script: Path) -> None:
    program = "edgeonnx" if shutil.which("edgeonnx") else sys.argv[0]
    program, model, data, sql = (shlex.quote(str(word)) for word in (program, model_file, data_file, script))
    console.print("\n[bold]Try next[/]")
    for command in (
        f"{program} inspect {model}",
        f"{program} sql -f {sql}",
        f"{program} score {model} {data} -o - --to csv --with '{_tutorial.OUTPUT} float' | head -3",
    ):
        console.print(f"  {command}", markup=False, soft_wrap=True)
