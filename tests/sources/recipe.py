"""What a recipe is: an estimator to fit, the table it learns from, and what is known of its conversion beforehand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from models import Array
from sources.tables import Table


class Answers(NamedTuple):
    """What the framework itself says of the rows."""

    labels: Array | None
    """(n_rows,): classes, clusters, or 1 and -1 of an outlier detector."""
    scores: Array | None
    """(n_rows, k): probabilities or decision values, targets, transformed values, or the outputs of a network side by side."""


@dataclass(frozen=True)
class Recipe:
    """An estimator of one source, fitted on one table and asked about the rows that it has not seen."""

    source: str
    name: str
    table: Callable[[], Table]
    fit: Callable[[Table], Any]
    """Trains; gives what `eo.convert` takes."""
    ask: Callable[[Any, Any], Answers]
    """The fitted estimator's own answers for a table."""
    covers: tuple[str, ...] = ()
    """The classes of the source that this recipe speaks for."""
    tolerance: float = 2e-6
    """Of the largest score: how far a score may be from the framework's own."""
    note: str = ""
    """Why a difference is larger than that, or why there is no model."""
    refused: str = ""
    """Words of the error by which `eo.convert` refuses the model; empty where it must not."""

    def __str__(self) -> str:
        return f"{self.source}: {self.name}"
