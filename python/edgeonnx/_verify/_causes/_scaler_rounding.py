"""Arithmetic between the columns and the trees, or a linear model, rounds to float32 where the reference's does not."""

from __future__ import annotations

from collections.abc import Iterator

import numpy

from edgeonnx._tables._columns import Array
from edgeonnx._verify._case import Case, Proposal, any_of
from edgeonnx._verify._causes._runtime_defect import spread
from edgeonnx._verify._compare import is_label, matrix_of
from edgeonnx._verify._ensembles import ensembles_of
from edgeonnx._verify._graph import makers
from edgeonnx._verify._slots import Slot, Table, step, taken
from edgeonnx._verify._trial import Answers, Trial

NAME = "scaler rounding"
_ARITHMETIC = {"Scaler", "Sub", "Mul", "Div", "Add", "Normalizer", "MatMul", "Gemm", "Sqrt", "Reciprocal"}
_STEPS = (1, -1, 2, -2, 4, -4)
_MOST_ROWS = 3000  # that the reference is asked again, most of them few times
_REMEDY = (
    "convert with columns and scaler in double (a DoubleTensorType in skl2onnx, target_opset 15 or newer), or train the trees on the "
    "unscaled columns: trees do not need a scaler"
)


def proposals(case: Case, state: Trial) -> Iterator[Proposal]:
    operator = _arithmetic(state)
    if operator is None or case.reference.given_rows_only:
        return
    got = case.answers(state)
    wrong = case.wrong(got)
    rows = numpy.flatnonzero(any_of(wrong))
    slots = [slot for slot in case.slots if slot.dtype.kind == "f"]
    if not slots or len(rows) == 0:
        return
    looked = rows[:: -(-len(rows) // _MOST_ROWS)]
    near = _explained(case, looked, {name: values[looked] for name, values in got.items()}, slots)
    if not near.any():
        return
    cells = spread(wrong, rows, looked, dict.fromkeys(wrong, near))

    def evidence(found: Array) -> str:
        return (
            f"{operator} computes in float32 in front of what answers; of {len(looked)} rows looked at, the reference gives the model's "
            f"answers to {int(near.sum())} once a column is moved by at most {max(_STEPS)} float32 units in the last place"
        )

    yield Proposal(state, evidence, _REMEDY, cells)


def _arithmetic(state: Trial) -> str | None:
    """The operator between the columns and the trees, or anywhere where there are no trees."""
    ensembles = ensembles_of(state.model)
    if not ensembles:
        return next((node.op_type for node in state.model.graph.node if node.op_type == "Scaler"), None)
    made_by = makers(state.model)
    waiting = [ensemble.reads for ensemble in ensembles]
    while waiting:
        node = made_by.get(waiting.pop())
        if node is None:
            continue
        if node.op_type in _ARITHMETIC:
            return str(node.op_type)
        waiting.extend(node.input)
    return None


def _explained(case: Case, rows: Array, got: Answers, slots: list[Slot]) -> Array:
    """(n_rows,): the reference answers as the model does where the columns are moved a little."""
    unit = {slot: _unit(slot, case.table, rows) for slot in slots}
    found = numpy.zeros(len(rows), bool)
    expected = {name: values[rows] for name, values in case.expected.items()}
    swing = {
        name: numpy.zeros(values.shape if values.ndim > 1 else (len(values), 1))
        for name, values in expected.items()
        if not is_label(values)
    }
    for n_steps in _STEPS:
        for moved in (slots, *([slot] for slot in slots)):
            open_rows = numpy.flatnonzero(~found)
            if len(open_rows) == 0:
                return found
            table = taken(case.table, rows[open_rows])
            for slot in moved:
                values = slot.of(table)
                values[...] = (values.astype(numpy.float64) + n_steps * unit[slot][open_rows]).astype(slot.dtype)
            answers = case.reference.answers(table)
            differences = case.comparison.all({name: got[name][open_rows] for name in answers}, answers)
            same = ~any_of({name: each.differs for name, each in differences.items()})
            if len(moved) == 1 or len(slots) == 1:
                for name, values in swing.items():
                    change = numpy.abs(matrix_of(answers[name]).astype(numpy.float64) - matrix_of(expected[name])[open_rows])
                    values[open_rows] += numpy.nan_to_num(change)
            found[open_rows[same]] = True
    return found | _within(case, got, expected, swing)


def _within(case: Case, got: Answers, expected: Answers, swing: dict[str, Array]) -> Array:
    """Smooth models: every score is off by no more than what the moves of all columns add up to."""
    within = numpy.ones(len(next(iter(expected.values()))), bool)
    for name, values in expected.items():
        if is_label(values):
            within &= matrix_of(values)[:, 0] == matrix_of(numpy.ma.getdata(got[name]))[:, 0]
        else:
            off = numpy.abs(matrix_of(numpy.ma.getdata(got[name])).astype(numpy.float64) - matrix_of(values))
            absolute, _ = case.comparison.tolerance[name]
            within &= (off <= swing[name] + absolute).all(axis=1)
    return within


def _unit(slot: Slot, table: Table, rows: Array) -> Array:
    """A float32 unit in the last place of the value or of the column's mean, whichever is larger: a scaler subtracts one from the other."""
    values = numpy.ma.filled(slot.of(table), numpy.nan).astype(numpy.float64)
    finite = values[numpy.isfinite(values)]
    typical = abs(float(finite.mean())) if len(finite) else 0.0
    largest = numpy.maximum(numpy.abs(numpy.nan_to_num(values[rows], posinf=0, neginf=0)), typical).astype(numpy.float32)
    return numpy.asarray(step(largest, 1).astype(numpy.float64) - largest)
