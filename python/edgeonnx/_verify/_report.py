"""What `verify` found."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from edgeonnx._tables._columns import Array

__all__ = ["Cause", "Differing", "LeftOut", "OutputFigures", "VerifyReport"]


class Cause(NamedTuple):
    """Why answers differ, as an experiment shows."""

    name: str
    """`float32 threshold`, `unrounded columns`, `NaN routing`, `post transform`, `labels`, `columns in another order`,
    `output scale or offset`, `scaler rounding`, `float32 arithmetic`, `tied scores`, `runtime defect`, `kernel defect`,
    `rows depend on each other`, `unknown`."""
    rows: int
    """Rows that it explains."""
    outputs: tuple[str, ...]
    """Outputs that it makes differ."""
    worst: float
    """The largest difference that it explains; 1 for a label."""
    evidence: str
    """The experiment and what came of it."""
    remedy: str
    """What to do."""


class OutputFigures(NamedTuple):
    """How far one output is from the reference."""

    name: str
    engine: str
    """`edgeonnx`, or `onnxruntime` and its version."""
    is_label: bool
    rows: int
    """Rows that differ by more than the tolerance; for labels, that are another."""
    worst: float
    """Of all rows, as are the next two; for labels 0 or 1."""
    median: float
    p99: float
    tolerance: float
    """Up to which difference scores near 0 are the same; 0 for labels."""


class LeftOut(NamedTuple):
    """Generated rows that were not compared."""

    pattern: str
    rows: int
    reason: str


class Differing(NamedTuple):
    """A row that differs, by its values."""

    row: int
    """Counted from 0: the given rows first, then the generated ones."""
    pattern: str
    """`given`, `thresholds`, `NaN`, ..."""
    values: dict[str, Any]
    expected: dict[str, Any]
    got: dict[str, Any]
    cause: str
    """Names of the causes, one after the other."""


@dataclass(frozen=True)
class VerifyReport:
    """What `verify` found; true where the model gives the answers of its reference.

    Printed, it is a page of text; `to_html` makes a page with a plot.
    """

    ok: bool
    """Edgeonnx as it runs and ONNX Runtime alone both give the answers of the reference, whatever the batch and threads."""
    rows: int
    """Rows compared, given and generated."""
    worst: float
    """The largest difference of any score; 1 where only labels differ."""
    causes: tuple[Cause, ...]
    """Why answers differ, in the order found. A row may have several."""
    outputs: tuple[OutputFigures, ...]
    """By output and engine."""
    patterns: dict[str, int]
    """Rows compared by where they came from: `given`, `thresholds`, `NaN`, `NULL`, `zeros`, ..."""
    left_out: tuple[LeftOut, ...]
    """Patterns that the reference or the model refuses, or that make no sense for it."""
    not_compared: tuple[str, ...]
    """Outputs of the model that the reference has nothing for."""
    notes: tuple[str, ...]
    """What else is to be known: which splits have rows, how batches and threads were tried."""
    differing: tuple[Differing, ...]
    """Up to 100 rows that differ, the worst of each cause first."""
    exact: bytes | None
    """A model with the thresholds of the reference in double, proven on all these rows; None where it is not needed or can't be."""
    exact_note: str
    """How the exact model was proven, or why there is none."""
    model: str
    reference: str
    engines: dict[str, str]
    """Engine to what it is: the plan of edgeonnx, the version of ONNX Runtime."""
    points: dict[str, Array] = field(repr=False, compare=False)
    """What the plot shows: `expected`, `difference`, `cause` of each row, and `labels` (expected, got)."""

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        from edgeonnx._verify._text import text_of

        return text_of(self)

    def to_dict(self) -> dict[str, Any]:
        """The report as plain values for JSON, without the points of the plot and the bytes of the exact model."""
        found = asdict(self)
        del found["points"]
        found["exact"] = None if self.exact is None else len(self.exact)
        for name in ("causes", "outputs", "left_out", "differing"):
            found[name] = [each._asdict() for each in getattr(self, name)]
        plain: dict[str, Any] = json.loads(json.dumps(found, default=_plain, allow_nan=True))
        return plain

    def to_json(self) -> str:
        """`to_dict` as JSON; numbers that JSON does not have (NaN, infinities) are null."""
        return json.dumps(_finite(self.to_dict()), indent=2, allow_nan=False)

    def to_html(self, path: str | os.PathLike[str] | None = None) -> str:
        """A page that needs no other file; written to `path` if one is given.

        Raises
        ------
        Unsupported
            matplotlib is missing, which draws the plot.
        """
        from edgeonnx._verify._page import page_of

        page = page_of(self)
        if path is not None:
            with open(path, "w", encoding="utf-8") as file:
                file.write(page)
        return page

    def to_png(self, path: str | os.PathLike[str] | None = None) -> bytes:
        """The plot alone: difference over expected score, coloured by cause, and which label came for which. Written to `path` if one is
        given.

        Raises
        ------
        Unsupported
            matplotlib is missing.
        """
        from edgeonnx._verify._plot import png_of

        plot = png_of(self)
        if path is not None:
            with open(path, "wb") as file:
                file.write(plot)
        return plot


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else str(value)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_finite(each) for each in value]
    if isinstance(value, float) and value - value != 0:
        return None
    return value
