"""Whether a row's answer depends on the rows beside it, or on the number of threads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy

from edgeonnx._scorer import Scorer
from edgeonnx._verify._ask import ask
from edgeonnx._verify._compare import Comparison, is_label
from edgeonnx._verify._report import Cause
from edgeonnx._verify._slots import Table, rows_of, taken
from edgeonnx._verify._trial import Answers

__all__ = ["stability_of"]

NAME = "rows depend on each other"
_BATCHES = (1, 2, 7)
_MOST_ROWS = 252  # of each size of batch


def stability_of(model: Any, options: Mapping[str, Any], table: Table, whole: Answers, comparison: Comparison) -> tuple[str, Cause | None]:
    """Score the same rows in small batches, in another order, and by one thread and several.

    Returns
    -------
    note
        What was tried, and how equal the answers were.
    cause
        Where they differ by more than the tolerance.
    """
    n_rows = rows_of(table)
    few = numpy.unique(numpy.linspace(0, n_rows - 1, min(n_rows, _MOST_ROWS)).astype(numpy.int64))
    single = Scorer(model, **{**options, "threads": 1})
    several = Scorer(model, **{**options, "threads": max(2, options.get("threads") or 2)})
    expected = {name: numpy.ma.getdata(values) for name, values in whole.items() if name in comparison.tolerance}
    order = numpy.random.default_rng(0).permutation(n_rows)
    tries = {f"batches of {size}": (few, _in_batches(several, taken(table, few), size)) for size in _BATCHES}
    tries["one thread"] = (numpy.arange(n_rows), ask(single, table))
    tries["several threads"] = (numpy.arange(n_rows), ask(several, table))
    tries["another order of rows"] = (order, ask(several, taken(table, order)))
    equal, off = True, {}
    for words, (rows, got) in tries.items():
        theirs = {name: values[rows] for name, values in expected.items()}
        equal = equal and all(_equal(got[name], values) for name, values in theirs.items())
        for name, each in comparison.all({name: numpy.ma.getdata(got[name]) for name in theirs}, theirs).items():
            if each.differs.any():
                off[words, name] = each
    names = ", ".join(tries)
    if not off:
        return f"{names}: {'the same bits' if equal else 'the same within the tolerance'}", None
    words, name = next(iter(off))
    evidence = "; ".join(f"{words}: {int(each.differs.sum())} rows of '{name}' get other answers" for (words, name), each in off.items())
    cause = Cause(
        NAME,
        max(int(each.differs.sum()) for each in off.values()),
        tuple(dict.fromkeys(name for _, name in off)),
        max(float(each.size.max()) for each in off.values()),
        f"the same rows in another company: {evidence}",
        "the graph mixes rows (a mean over the batch, batch normalisation in training mode); export it for inference",
    )
    return f"{names}: not the same", cause


def _in_batches(scorer: Scorer, table: Table, size: int) -> Answers:
    n_rows = rows_of(table)
    parts = [ask(scorer, taken(table, slice(start, start + size))) for start in range(0, n_rows, size)]
    return {name: numpy.concatenate([numpy.ma.getdata(part[name]) for part in parts]) for name in parts[0]}


def _equal(got: Any, expected: Any) -> bool:
    got = numpy.ma.getdata(got)
    return bool(numpy.array_equal(got, expected, equal_nan=not is_label(expected)))
