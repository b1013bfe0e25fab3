"""What a recipe is: an estimator to fit, the table it learns from, and what is known of its conversion beforehand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    """The fitted estimator's own answers for a DataFrame."""
    covers: tuple[str, ...] = ()
    """The classes of the source that this recipe speaks for."""
    tolerance: float = 2e-6
    """Of the scale: how far a score may be from the framework's own."""
    flips: int = 0
    """How many labels may differ: those of rows whose scores tie."""
    note: str = ""
    """Why a difference is larger than float's own, or why labels flip."""
    refused: str = ""
    """What the error of the conversion says, where there is none to be had. The recipe must fail so."""
    differs: str = ""
    """Why the answers are others, where the converter or ONNX Runtime is wrong. The recipe must differ."""
    options: tuple[tuple[str, Any], ...] = ()
    """For `eo.convert`."""

    def __str__(self) -> str:
        return f"{self.source}: {self.name}"


@dataclass(frozen=True)
class Source:
    """A framework, the distributions whose versions matter, and its recipes."""

    name: str
    packages: Sequence[str]
    recipes: Callable[[], Sequence[Recipe]]
    left_out: Callable[[], dict[str, str]] = dict
    """What can't be tried, with the reason."""
