"""verify: a model beside what it was made from, with rows placed where the two may part, and causes found by experiment."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy

from edgeonnx._errors import Error, InvalidArgument, NotFound
from edgeonnx._golden import KEY
from edgeonnx._options import positive
from edgeonnx._runtime import build_info
from edgeonnx._scorer import Scorer
from edgeonnx._tables import columns_of
from edgeonnx._verify._ask import ask
from edgeonnx._verify._case import Case, trees_of
from edgeonnx._verify._compare import Comparison, tolerances
from edgeonnx._verify._conclusion import conclude
from edgeonnx._verify._exact import exact_of
from edgeonnx._verify._generated import PATTERNS, generated
from edgeonnx._verify._graph import load
from edgeonnx._verify._precision import precision_of
from edgeonnx._verify._reference import Reference, reference_of
from edgeonnx._verify._report import Cause, VerifyReport
from edgeonnx._verify._scored import Scored, answered, joined
from edgeonnx._verify._slots import Table, rows_of
from edgeonnx._verify._stability import stability_of
from edgeonnx._verify._warned import gathered

__all__ = ["Cause", "VerifyReport", "verify"]


@numpy.errstate(all="ignore")  # limits of types and infinities are among the rows
def verify(
    model: object,
    reference: object,
    data: object,
    *,
    generated_rows: int = 20_000,
    leave_out: Iterable[str] = (),
    rtol: float | None = None,
    atol: float | None = None,
    ties: bool | None = None,
    seed: int = 0,
    **options: Any,
) -> VerifyReport:
    """Compare a model with what it was made from, and say why they differ.

    The given rows, and rows made from them, are answered by the reference, by edgeonnx as it runs the model, and by ONNX Runtime alone.
    Rows are made to reach each split of the model's trees with a value on the threshold and one number to either side, of the column's type
    and of float32, and with NaN; others hold NaN and NULL elsewhere, zeros, constants, the limits of the types and infinities. What the
    reference or the model refuses is left out, and the report says so. Where answers differ, causes are named by experiment: what would
    make up for a cause is done, and answers must then be right.

    Parameters
    ----------
    model
        Path of an .onnx file, bytes, or `onnx.ModelProto`.
    reference
        A fitted estimator (scikit-learn, LightGBM, XGBoost, CatBoost, PyTorch, Keras); another model, as for `model`; or stored answers: a
        table, or the path of one (.parquet, .csv, .arrow), whose columns are named as the outputs and whose rows are those of `data`. With
        stored answers no rows are made.
    data
        The given rows, a table as `Scorer.score` takes it.
    generated_rows
        At most so many rows are made; where the trees have more splits they are drawn evenly.
    leave_out
        Patterns not to make: `thresholds`, `NaN`, `NULL`, `zeros`, `constants`, `limits of real`, `limits of float`,
        `limits of whole numbers`, `infinities`.
    rtol, atol
        Scores are the same where they differ by at most `atol` + `rtol` times the row's largest expected score. By default `rtol` is 1e-5
        (1e-9 for models that compute in double, 1e-3 for half precision), and `atol` that much of the largest expected score of the given
        rows.
    ties
        True: labels may differ where the two best scores of the reference are as near as the tolerance. None: they may, unless the model
        has trees, whose scores are often equal.
    seed
        Of the draws.
    options
        Of `Scorer`: `nulls`, `coercion`, `rename`, `columns` and so on.

    Returns
    -------
    VerifyReport
        True where all answers are the same; prints itself.

    Raises
    ------
    InvalidArgument
        The reference is none; an option has no such value.
    NotFound, ShapeError, CoercionError, NullError, Overflow
        The given rows do not fit the model, or the reference.
    Unsupported
        The onnx package is missing, which reads the graph.

    Examples
    --------
    >>> report = verify("total.onnx", {"total": [2.0, 3.5]}, {"a": [1.0, 2.0], "b": [0.5, 0.5]})  # total = a + 2 b
    >>> report.ok, report.worst, [cause.name for cause in report.causes]
    (False, 0.5, ['unknown'])
    """
    names = {leave_out} if isinstance(leave_out, str) else set(leave_out)
    with gathered() as texts:
        # A model whose golden rows say that it differs is to be looked at, not refused.
        report = _verified(model, reference, data, _count(generated_rows), names, rtol, atol, ties, seed, {"golden": "off", **options})
    return replace(report, notes=(*report.notes, *texts))


def _verified(
    model: Any,
    reference: object,
    data: object,
    n_generated: int,
    leave_out: set[str],
    rtol: float | None,
    atol: float | None,
    ties: bool | None,
    seed: int,
    options: Mapping[str, Any],
) -> VerifyReport:
    graph = load(model) if not options.get("external_data") else _with_external_data(model)
    scorer = Scorer(model, **options)
    runtime = Scorer(model, **{**options, "native": False})
    readable = tuple(port for port in scorer.outputs if port.onnx_type != "tensor(string)")
    table = _named(data, scorer)
    if rows_of(table) == 0:
        raise InvalidArgument("the data has no rows to compare")
    metadata = {each.key: each.value for each in graph.metadata_props}
    _break_seal(graph)
    source = reference_of(reference, readable, metadata, _reference_options(options), rows_of(table))
    given = _given(table, source, scorer, runtime)
    if not given.expected:
        outputs = ", ".join(repr(port.name) for port in scorer.outputs)
        raise NotFound(f"nothing can be compared: {source.name} has no counterpart to any output of the model; they are {outputs}")
    trees = trees_of(graph, source)
    made = generated(graph, source, trees, table, options, n_generated, leave_out, seed)
    scored, left_out = answered(made.batches, source, scorer, runtime)
    everything = joined([given, *scored])
    comparison = Comparison(
        tolerances(given.expected, precision_of(graph, scorer.outputs, given.expected), rtol, atol),
        not trees if ties is None else bool(ties),
    )
    version = f"onnxruntime {build_info()['onnxruntime_version']}"
    case = Case(everything.table, everything.expected, comparison, source, scorer.outputs, _trial_options(options), trees, version)
    conclusion = conclude(case, graph, everything, scorer)
    engine = {name: value for name, value in options.items() if name in ("native", "selfcheck")}
    note, unstable = stability_of(graph, {**_trial_options(options), **engine}, given.table, given.mine, comparison)

    def around_thresholds(other: Any, n_rows: int) -> list[Table]:
        again = generated(
            other,
            source,
            trees_of(other, source),
            table,
            options,
            n_rows,
            (set(PATTERNS) - {"thresholds", "NaN"}) | leave_out,
            seed + 1,
        )
        return [each.table for each in answered(again.batches, source, scorer, runtime)[0]]

    exact, exact_note = exact_of(case, graph, conclusion, source, around_thresholds)
    causes = (*conclusion.causes, *((unstable,) if unstable else ()))
    return VerifyReport(
        ok=not causes,
        rows=rows_of(everything.table),
        worst=conclusion.worst,
        causes=causes,
        outputs=conclusion.outputs,
        patterns=_counts(everything.pattern),
        left_out=(*made.left_out, *left_out),
        not_compared=tuple(port.name for port in scorer.outputs if port.name not in everything.expected),
        notes=(*made.notes, note),
        differing=conclusion.differing,
        exact=exact,
        exact_note=exact_note,
        model=os.path.basename(os.fspath(model)) if isinstance(model, (str, os.PathLike)) else "the model",
        reference=source.name,
        engines=conclusion.engines,
        points=conclusion.points,
    )


def _break_seal(graph: Any) -> None:
    """Golden rows are of the model as it was, and changed ones are tried and offered here."""
    kept = [each for each in graph.metadata_props if each.key != KEY]
    del graph.metadata_props[:]
    graph.metadata_props.extend(kept)


def _count(value: int) -> int:
    return 0 if value == 0 else positive(value, "generated_rows", 1 << 32) or 0


def _with_external_data(model: Any) -> Any:
    from edgeonnx._verify._graph import onnx_package

    return onnx_package().load(os.fspath(model))


def _trial_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Changed models bring their tensors along, and are no sealed files."""
    return {name: value for name, value in options.items() if name not in ("external_data", "selfcheck", "native", "golden")}


def _reference_options(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name in ("nulls", "coercion", "on_overflow", "rename", "columns")}


def _named(data: object, scorer: Scorer) -> Table:
    """The columns; those of an array without names that feeds inputs one by one get the inputs' names."""
    table = columns_of(data)
    inputs = scorer.inputs
    has_names = not isinstance(data, numpy.ndarray) or data.dtype.names is not None
    if has_names or len(inputs) != len(table) or len(inputs) == 1:
        return table
    return {port.name: values for port, values in zip(inputs, table.values(), strict=True)}


def _given(table: Table, source: Reference, scorer: Scorer, runtime: Scorer) -> Scored:
    """The given rows, which nobody may refuse."""
    try:
        expected = source.answers(table)
    except Error:
        raise
    except Exception as error:
        raise InvalidArgument(
            f"{source.name} refuses the given rows, {', '.join(map(repr, table))}: {type(error).__name__}: {error}"
        ) from error
    return Scored(table, expected, ask(scorer, table), ask(runtime, table), numpy.full(rows_of(table), "given", object))


def _counts(patterns: Any) -> dict[str, int]:
    names = list(dict.fromkeys(patterns.tolist()))
    return {str(name): int((patterns == name).sum()) for name in names}
