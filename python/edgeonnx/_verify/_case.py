"""What an experiment has to go by: rows, what was expected of them, and who can be asked again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy

from edgeonnx._errors import Error
from edgeonnx._port import Port
from edgeonnx._tables._columns import Array
from edgeonnx._verify._align import Alignment, align
from edgeonnx._verify._compare import Comparison, Difference
from edgeonnx._verify._ensembles import Ensemble, ensembles_of
from edgeonnx._verify._reference import Reference
from edgeonnx._verify._slots import Slot, Table, rows_of, slots_of, taken
from edgeonnx._verify._trial import Answers, Trial

__all__ = ["Case", "Cells", "Proposal"]

Cells = dict[str, Array]
"""Output name to (n_rows,) bool."""


class Proposal(NamedTuple):
    """What might be wrong, and what would be seen if it were."""

    trial: Trial
    """Answers of which must then be right; once the cause is taken for found, later experiments go on from here."""
    evidence: Callable[[Array], str]
    """In words, of the rows (places in the case) that the trial sets right."""
    remedy: str
    explains: Cells | None = None
    """Which answers this explains, where that is more than the trial's answers tell."""


@dataclass(frozen=True)
class Case:
    """Rows that were compared."""

    table: Table
    expected: Answers
    comparison: Comparison
    reference: Reference
    ports: tuple[Port, ...]
    """The model's outputs."""
    options: Mapping[str, Any]
    trees: tuple[tuple[Ensemble, Alignment | None], ...]
    """The ensembles of the model as it is, and their counterparts in the reference."""
    runtime: str
    """`onnxruntime` and its version."""
    _last: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def n_rows(self) -> int:
        return rows_of(self.table)

    @property
    def slots(self) -> list[Slot]:
        return slots_of(self.table)

    def differences(self, answers: Answers) -> dict[str, Difference]:
        return self.comparison.all(answers, self.expected)

    def wrong(self, answers: Answers) -> Cells:
        return {name: each.differs for name, each in self.differences(answers).items()}

    def answers(self, trial: Trial) -> Answers:
        """What a trial says of the rows; the last one is remembered."""
        if self._last.get("trial") is not trial:
            self._last.update(answers=trial.answers(self.table), trial=trial)
        found: Answers = self._last["answers"]
        return found

    def try_out(self, trial: Trial) -> Cells | None:
        """Which answers are wrong under a trial; None where it can't run."""
        try:
            return self.wrong(trial.answers(self.table))
        except Error:
            return None

    def rows(self, places: Any) -> Table:
        return taken(self.table, places)

    def example(self, row: int) -> str:
        """A row in words."""
        values = [f"{slot}={numpy.asarray(slot.of(self.table))[row]!s}" for slot in self.slots[:8]]
        more = ", ..." if len(self.slots) > 8 else ""
        return f"row {row}: {', '.join(values)}{more}"


def trees_of(model: Any, reference: Reference) -> tuple[tuple[Ensemble, Alignment | None], ...]:
    """The ensembles of a model beside the trees of its reference, which may be a model too."""
    mine = ensembles_of(model)
    if not mine:
        return ()
    theirs = reference.trees()
    if theirs is None:
        return tuple((each, None) for each in mine)
    return tuple((each, align(each, theirs)) for each in mine)


def any_of(cells: Cells) -> Array:
    """(n_rows,): some output."""
    return numpy.asarray(numpy.logical_or.reduce(list(cells.values())))
