"""ONNX Runtime computes wrongly what the graph says rightly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy

from edgeonnx._errors import Error
from edgeonnx._extras import needed
from edgeonnx._scorer import Scorer
from edgeonnx._tables._columns import Array
from edgeonnx._verify._case import Case, Cells, Proposal, any_of
from edgeonnx._verify._graph import FRONT, front
from edgeonnx._verify._trial import Answers, Trial

NAME = "runtime defect"
_MOST_ROWS = 64  # of the reference implementation, which is slow


def proposals(case: Case, state: Trial) -> Iterator[Proposal]:
    """Let others than ONNX Runtime answer: edgeonnx's kernels, else the reference implementation in the onnx package."""
    if not state.native:
        kernels = replace(state, native=True)
        if is_native(kernels):
            yield Proposal(
                kernels, lambda rows: f"edgeonnx's kernels give {len(rows)} rows right that {case.runtime} gives wrong", _remedy(case)
            )
            return
        found = _by_onnx(case, state)
        if found is not None:
            cells, n_right, n_looked = found
            yield Proposal(
                state,
                lambda rows: (
                    f"of {n_looked} rows looked at that {case.runtime} gives wrong, ONNX's reference implementation gives {n_right} right"
                ),
                _remedy(case),
                cells,
            )


def _remedy(case: Case) -> str:
    version = case.runtime.split()[-1]
    return f"install another onnxruntime than {version}; where edgeonnx's kernels cover the model, selfcheck=False leaves it to them"


def is_native(trial: Trial) -> bool:
    """No part of the model runs on ONNX Runtime."""
    plan = Scorer(trial.model, **{**trial.options, "native": True, "selfcheck": False}).explain().splitlines()[0]
    return plan.startswith("plan: native") and "ONNX Runtime" not in plan


def _by_onnx(case: Case, state: Trial) -> tuple[Cells, int, int] | None:
    """Which wrong answers the reference implementation explains; how many rows it gives right, of how many."""
    wrong = case.wrong(case.answers(state))
    rows = numpy.flatnonzero(any_of(wrong))
    if len(rows) == 0:
        return None
    looked = rows[:: -(-len(rows) // _MOST_ROWS)]
    answers = evaluated(case, state, looked)
    if answers is None:
        return None
    expected = {name: values[looked] for name, values in case.expected.items()}
    right = {name: ~each.differs for name, each in case.comparison.all(answers, expected).items()}
    return spread(wrong, rows, looked, right), int(numpy.logical_and.reduce(list(right.values())).sum()), len(looked)


def spread(wrong: Cells, rows: Array, looked: Array, right: Cells) -> Cells:
    """Answers that are explained where some of the wrong rows were looked at: those, or all where all of that fair sample are."""
    all_right = all(good.all() for good in right.values())
    cells: Cells = {}
    for name, each in wrong.items():
        cells[name] = numpy.zeros_like(each)
        cells[name][rows if all_right else looked[right[name]]] = True
        cells[name] &= each
    return cells


def evaluated(case: Case, state: Trial, rows: Array) -> Answers | None:
    """What the reference implementation of ONNX says; None where it does not know an operator, or the outputs are maps."""
    evaluator = needed("onnx.reference", "verify").ReferenceEvaluator
    table = case.rows(rows)
    for change in state.before:
        table = change(table)
    try:
        feeds = {port.name: _fed(state, port.name, table) for port in state.model.graph.input if port.name not in _constants(state)}
        names = [output.name for output in state.model.graph.output]
        found = dict(zip(names, evaluator(state.model).run(None, feeds), strict=True))
    except Exception:  # whatever an implementation in Python stumbles over
        return None
    answers: Answers = {}
    for name, expected in case.expected.items():
        if not isinstance(found.get(name), numpy.ndarray):
            return None
        answers[name] = found[name].reshape(len(rows), *expected.shape[1:])
    for change_back in state.after:
        answers = change_back(answers)
    return answers


def _constants(state: Trial) -> set[str]:
    return {each.name for each in state.model.graph.initializer}


def _fed(state: Trial, name: str, table: dict[str, Array]) -> Array:
    """An input as edgeonnx makes it of the columns."""
    port = front(state.model, name)
    try:
        return numpy.ma.getdata(Scorer(port, **{**state.options, "selfcheck": False}).score(table)[FRONT]).reshape(
            _shape(state, name, table)
        )
    except Error:
        raise ValueError(name) from None


def _shape(state: Trial, name: str, table: dict[str, Array]) -> tuple[int, ...]:
    port = next(port for port in state.model.graph.input if port.name == name)
    sizes = [size.dim_value or 1 for size in port.type.tensor_type.shape.dim[1:]]
    return len(next(iter(table.values()))), *sizes
