"""The model with its graph put right (thresholds in double, sides of NaN, post transforms), offered once it is proven."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from edgeonnx._errors import Error
from edgeonnx._verify._case import Case, any_of
from edgeonnx._verify._causes import UNKNOWN
from edgeonnx._verify._conclusion import Conclusion
from edgeonnx._verify._ensembles import ensembles_of
from edgeonnx._verify._reference import Reference
from edgeonnx._verify._slots import Table, rows_of
from edgeonnx._verify._trial import Trial
from edgeonnx._verify._widen import CannotWiden, widened

__all__ = ["PER_SPLIT", "exact_of"]

PER_SPLIT = 16
"""Rows that a split gets at most: numbers around its threshold, and NaN."""


def exact_of(
    case: Case, graph: Any, conclusion: Conclusion, reference: Reference, more: Callable[[Any, int], list[Table]]
) -> tuple[bytes | None, str]:
    """The model, or None, and why; `more` gives rows around the thresholds of a model, at most so many.

    Returns
    -------
    model
        With every repair of the graph that was found, if with them all rows are right on the kernels and on ONNX Runtime: those that were
        compared, and others around every threshold that the new model has.
    note
        How it was proven; or why there is none; empty where nothing calls for one.
    """
    names = [cause.name for cause in conclusion.causes]
    trial = conclusion.trial
    if trial is None or not names:
        return None, ""
    if trial.model is graph:
        return None, _why_not(graph, reference)
    if trial.before or trial.after:
        return None, "none: something beside the graph has to be put right first, as the causes say"
    if UNKNOWN in names:
        return None, "none: some rows differ for a reason that is not known"
    n_splits = sum(len(ensemble.feature) for ensemble in ensembles_of(trial.model))
    try:
        n_wrong = _wrong(case, trial)
        tables = [] if n_wrong or reference.given_rows_only else more(trial.model, PER_SPLIT * n_splits)
        for table in tables:
            proof = replace(case, table=table, expected=reference.answers(table), _last={})
            n_wrong += _wrong(proof, trial)
    except Error as error:
        return None, f"none: the model that was put right does not run: {error}"
    n_rows = case.n_rows + sum(map(rows_of, tables))
    if n_wrong:
        return None, f"none: with what was put right in the graph {n_wrong:,} of {n_rows:,} rows still differ"
    content: bytes = trial.model.SerializeToString()
    around = f", among them those around all of its {n_splits:,} thresholds," if tables else ""
    return (
        content,
        f"{len(content):,} bytes; {' and '.join(names)} put right, {n_rows:,} rows{around} are right on edgeonnx and ONNX Runtime",
    )


def _wrong(case: Case, trial: Trial) -> int:
    """Rows that either engine gives wrong."""
    return max(int(any_of(case.wrong(replace(trial, native=native).answers(case.table))).sum()) for native in (True, False))


def _why_not(graph: Any, reference: Reference) -> str:
    ensembles = ensembles_of(graph)
    if not ensembles:
        return ""
    if reference.compares_in == "float32":
        return "none: the reference rounds columns to float32 itself before it compares"
    try:
        widened(graph, [None] * len(ensembles))
    except CannotWiden as reason:
        return f"none: {reason}"
    return ""
