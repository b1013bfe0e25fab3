"""``edgeonnx score``: a table and a model in, the table with the model's answers out."""

import csv
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import click
import pyarrow as pa

from edgeonnx import InvalidArgument, Report, Scorer
from edgeonnx._sql_types import declaration_of
from edgeonnx.cli._columns import Binding, empty_batch
from edgeonnx.cli._error import CommandError
from edgeonnx.cli._formats import INPUT_FORMATS, OUTPUT_FORMATS, STANDARD_STREAM, Format, format_of
from edgeonnx.cli._progress import rows_progress
from edgeonnx.cli._provider_options import provider_options, scorer_arguments
from edgeonnx.cli._read import open_source, rebatch
from edgeonnx.cli._report import Totals
from edgeonnx.cli._score_options import golden_option, null_policy
from edgeonnx.cli._source import Request, Split
from edgeonnx.cli._write import open_sink

# One item of PREDICT's WITH list: a name, plain or as SQL quotes it, and a type, which may hold commas in parentheses, with or without
# NULL or NOT NULL.
_NAME = r'\[(?P<brackets>[^\]]+)\]|"(?P<quotes>[^"]+)"|(?P<plain>[^\s,\["]+)'
_TYPE = r"[^,(]+(?:\([^)]*\)[^,(]*)?"
_WITH_ITEM = re.compile(rf"\s*(?:{_NAME})\s+(?P<type>{_TYPE})\s*(?:,|$)")


def _with_list(value: str) -> dict[str, str]:
    items: dict[str, str] = {}
    position = 0
    while position < len(value) or not items:
        item = _WITH_ITEM.match(value, position)
        if item is None:
            raise click.BadParameter(f"expected 'output type', as in 'variable1 float, label bigint', at '{value[position:]}'")
        name, sql_type = item["brackets"] or item["quotes"] or item["plain"], item["type"].strip()
        try:
            declaration_of(sql_type)
        except InvalidArgument as error:
            raise click.BadParameter(f"output '{name}': {error}") from error
        if name in items:
            raise click.BadParameter(f"output '{name}' is named twice")
        items[name] = sql_type
        position = item.end()
    return items


def null_rule(value: str) -> tuple[str | None, str | float]:
    """``policy`` or ``input=policy``, as a pair of the input (or None) and the policy."""
    target, _, text = value.rpartition("=")
    try:
        return target or None, null_policy(text)
    except click.BadParameter:
        at = f"input '{target}': " if target else ""
        message = f"{at}expected error, nan, propagate or a number, or input= and one of these; got '{text}'"
        raise click.BadParameter(message) from None


def _rename(value: str) -> tuple[str, str]:
    column, equals, target = value.partition("=")
    if not (column and equals and target):
        raise click.BadParameter(f"expected column=input, got '{value}'")
    return column, target


def _group(value: str) -> tuple[str, list[str]]:
    target, _, text = value.partition("=")
    names = next(csv.reader([text], skipinitialspace=True), [])
    if not (target and names and all(names)):
        raise click.BadParameter(f"expected input=column,column,..., got '{value}'")
    return target, names


rename_option = click.option(
    "--rename", "renames", metavar="COLUMN=INPUT", multiple=True, type=_rename, help="Let a column feed another input."
)
group_option = click.option(
    "--columns", "groups", metavar="INPUT=A,B,...", multiple=True, type=_group, help="Columns that make up an input, in order."
)


def _delimiter(value: str) -> str:
    value = value.replace("\\t", "\t")
    if len(value.encode()) != 1 or value in '"\r\n':
        raise click.BadParameter(f"expected one character, as in ';' or '\\t', got '{value}'")
    return value


def _is_same_file(path: str, other: str) -> bool:
    return os.path.exists(path) and os.path.exists(other) and os.path.samefile(path, other)


def merged(pairs: Iterable[tuple[Any, Any]], option: str, what: str) -> dict[Any, Any]:
    """A dictionary; naming a key twice is wrong usage."""
    merged: dict[Any, Any] = {}
    for key, value in pairs:
        if key in merged:
            raise click.UsageError(f"{option}: " + (f"{what} '{key}' is named twice" if key is not None else "given twice for all inputs"))
        merged[key] = value
    return merged


@click.command()
@click.argument("model", type=click.Path())
@click.argument("data", type=click.Path(allow_dash=True))
@click.option("-o", "--output", required=True, type=click.Path(allow_dash=True), help="File to write; - is standard output.")
@click.option(
    "--with", "with_lists", metavar="LIST", multiple=True, type=_with_list, help="Outputs and their SQL types: 'y decimal(9,2) NOT NULL'."
)
@click.option("--outputs", "names", metavar="NAME", multiple=True, help="An output to write, again for each. Default: all.")
@click.option("--nulls", "null_rules", metavar="POLICY", multiple=True, type=null_rule, help="[INPUT=]error, nan, propagate or a number.")
@click.option("--coercion", type=click.Choice(["tsql", "safe", "strict"]), default="tsql", help="Conversions allowed.  [default: tsql]")
@click.option("--on-overflow", type=click.Choice(["error", "null"]), default="error", help="For values that do not fit.  [default: error]")
@rename_option
@group_option
@click.option("--keep/--no-keep", default=True, help="Write the columns of DATA too.  [default: keep]")
@click.option("--report", is_flag=True, help="Tell on stderr what was converted, and how many values that altered.")
@click.option("--count-branches", is_flag=True, help="Report also the rows that rounding sent down another branch of a tree.")
@click.option("--native/--no-native", default=True, help="Run on native kernels where they cover the model.  [default: native]")
@click.option("--selfcheck/--no-selfcheck", default=True, help="Compare the kernels with ONNX Runtime first.  [default: selfcheck]")
@click.option("--deterministic", is_flag=True, help="Give the same answers whatever the batches and threads; slower for dense models.")
@golden_option("error")
@provider_options
@click.option("--threads", type=click.IntRange(min=1), help="Default: what affinity and the container allow.")
@click.option("--batch-rows", type=click.IntRange(min=1), help="Rows held at a time. Default: about 64 MiB of them.")
@click.option("--format", "input_format", type=click.Choice(INPUT_FORMATS), help="Format of DATA. Default: by its name; a stream is arrow.")
@click.option("--delimiter", metavar="CHARACTER", default=",", type=_delimiter, help="Between fields of CSV; \\t is a tab.  [default: ,]")
@click.option("--to", "output_format", type=click.Choice(OUTPUT_FORMATS), help="Format of the output. arrows is the Arrow stream format.")
def score(
    model: str,
    data: str,
    output: str,
    with_lists: tuple[dict[str, str], ...],
    names: tuple[str, ...],
    null_rules: tuple[tuple[str | None, str | float], ...],
    coercion: str,
    on_overflow: str,
    renames: tuple[tuple[str, str], ...],
    groups: tuple[tuple[str, list[str]], ...],
    keep: bool,
    report: bool,
    count_branches: bool,
    native: bool,
    selfcheck: bool,
    deterministic: bool,
    golden: str,
    providers: tuple[str, ...],
    provider_settings: tuple[tuple[str, str, str], ...],
    fallback: str | None,
    threads: int | None,
    batch_rows: int | None,
    input_format: Format | None,
    delimiter: str,
    output_format: Format | None,
) -> None:
    """Score the rows of DATA with MODEL.

    DATA and the output are Parquet, CSV or Arrow files, or - for a stream (Arrow, or CSV by option). Rows pass through in
    batches, so memory does not grow with the table. The output file appears when all rows are scored, or not at all.
    """
    read_as = format_of(data, input_format, "--format")
    write_as = format_of(output, output_format, "--to")
    if output == STANDARD_STREAM and write_as != "csv" and sys.stdout.isatty():
        raise click.UsageError("standard output is a terminal and Arrow is binary; give --to csv, or a file")
    if output != STANDARD_STREAM and any(_is_same_file(path, output) for path in (model, data)):
        raise click.UsageError(f"'{output}' is a file that is read, and the output would take its place; choose another name for it")
    if delimiter != "," and read_as != "csv":
        raise click.UsageError(f"--delimiter is for CSV, and DATA is read as {read_as}")
    if names and with_lists:
        raise click.UsageError("--outputs and --with both choose the outputs; give one of them")
    nulls = merged(null_rules, "--nulls", "input")
    with_ = merged((item for items in with_lists for item in items.items()), "--with", "output")
    rename = merged(renames, "--rename", "column")
    columns = merged(groups, "--columns", "input")
    # Text has no type that safe or strict could refuse: its numbers need only be whole for an integer input.
    allowed = "tsql" if read_as == "csv" else coercion
    scorer = Scorer(
        model,
        coercion=allowed,
        nulls=nulls or "error",
        on_overflow=on_overflow,
        threads=threads,
        native=native,
        selfcheck=selfcheck,
        deterministic=deterministic,
        golden=golden,
        report="branches" if count_branches else "summary",
        **scorer_arguments(providers, provider_settings, fallback),
    )
    totals = Totals()
    request = Request(
        Binding(scorer.inputs, rename, columns),
        keep=keep,
        keep_text=write_as == "csv",
        batch_rows=batch_rows,
        whole=coercion != "tsql",
        overflow_is_null=on_overflow == "null",
        delimiter=delimiter,
    )
    score_table(scorer, data, output, read_as, write_as, request, with_=with_ or None, outputs=names or None, on_report=totals.add)
    if report or count_branches:
        click.echo(totals.summary(from_text=read_as == "csv", branches=count_branches), err=True)


def score_table(
    scorer: Scorer,
    data: str,
    output: str,
    read_as: Format,
    write_as: Format,
    request: Request,
    *,
    with_: Mapping[str, str] | None = None,
    outputs: Sequence[str] | None = None,
    quiet: bool = False,
    on_report: Callable[[Report], object] | None = None,
) -> None:
    """Score a table from file to file, or from stream to stream; `quiet` shows no progress; `on_report` gets the report of each batch."""
    quiet = quiet or (output == STANDARD_STREAM and sys.stdout.isatty())
    with open_source(data, read_as, request) as source, rows_progress(output, quiet) as progress:
        current: Split

        def taken() -> Iterator[pa.RecordBatch]:
            nonlocal current
            # A batch without rows goes first: wrong columns are found before any row is read, and the results' types are known
            # even if no row follows.
            current = source.split(empty_batch(source.schema))
            yield current.scored
            for batch in rebatch(source.batches, request.rows(source.schema), wait=output != STANDARD_STREAM):
                current = source.split(batch)
                yield current.scored

        binding = request.binding
        answers = scorer.stream(
            taken(), with_=with_, outputs=outputs, keep=False, rename=binding.rename, columns=binding.columns, on_report=on_report
        )
        scored = (_beside(current.kept, batch) if request.keep else batch for batch in answers)
        with open_sink(output, write_as, next(scored).schema) as write:
            for batch in scored:
                write(batch)
                progress.advance(batch.num_rows, source.fraction())


def _beside(kept: pa.RecordBatch, answers: pa.RecordBatch) -> pa.RecordBatch:
    clashes: Sequence[str] = sorted(set(kept.schema.names) & set(answers.schema.names))
    if clashes:
        names = ", ".join(f"'{name}'" for name in clashes)
        raise CommandError(f"the data has columns with the names of outputs: {names}; give --no-keep to get the outputs alone")
    schema = pa.schema([*kept.schema, *answers.schema], kept.schema.metadata)
    return pa.RecordBatch.from_arrays([*kept.columns, *answers.columns], schema=schema)
