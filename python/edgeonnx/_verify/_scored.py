"""Rows that were answered by all: the reference, edgeonnx as it runs, and ONNX Runtime alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy

from edgeonnx._errors import Error
from edgeonnx._scorer import Scorer
from edgeonnx._tables._columns import Array
from edgeonnx._verify._ask import ask
from edgeonnx._verify._reference import Reference
from edgeonnx._verify._report import LeftOut
from edgeonnx._verify._rows import Batch
from edgeonnx._verify._slots import Table, rows_of
from edgeonnx._verify._trial import Answers

__all__ = ["Scored", "answered"]


@dataclass
class Scored:
    """Rows side by side with their answers."""

    table: Table
    expected: Answers
    mine: Answers
    runtime: Answers
    pattern: Array
    """(n_rows,) of text"""


def answered(batches: Sequence[Batch], reference: Reference, scorer: Scorer, runtime: Scorer) -> tuple[list[Scored], list[LeftOut]]:
    """Let all three answer; batches that one of them refuses are left out, with what it said."""
    scored, left_out = [], []
    for batch in batches:
        try:
            whose = "the model"
            mine, others = ask(scorer, batch.table), ask(runtime, batch.table)
            whose = "the reference"
            expected = reference.answers(batch.table)
        except Exception as error:  # a framework raises what it likes
            if whose == "the model" and not isinstance(error, Error):
                raise
            left_out.append(LeftOut(batch.pattern, rows_of(batch.table), f"{whose} refuses them: {_first_line(error)}"))
            continue
        scored.append(Scored(batch.table, expected, mine, others, numpy.full(rows_of(batch.table), batch.pattern, object)))
    return scored, left_out


def joined(parts: Sequence[Scored]) -> Scored:
    """One after the other."""
    return Scored(
        _joined_columns([part.table for part in parts]),
        _joined_columns([part.expected for part in parts]),
        _joined_columns([part.mine for part in parts]),
        _joined_columns([part.runtime for part in parts]),
        numpy.concatenate([part.pattern for part in parts]),
    )


def _joined_columns(parts: Sequence[dict[str, Array]]) -> dict[str, Array]:
    return {name: _joined([part[name] for part in parts]) for name in parts[0]}


def _joined(arrays: list[Any]) -> Array:
    is_masked = any(numpy.ma.isMaskedArray(array) for array in arrays)
    join: Any = numpy.ma.concatenate if is_masked else numpy.concatenate
    return numpy.asanyarray(join(arrays))


def _first_line(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return text[0][:200] if text else type(error).__name__
