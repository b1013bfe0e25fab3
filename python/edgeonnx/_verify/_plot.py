"""The plot of a report: how far scores are off, and which label came for which."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any

import numpy

from edgeonnx._extras import needed
from edgeonnx._tables._columns import Array
from edgeonnx._verify._text import verdict

if TYPE_CHECKING:
    from edgeonnx._verify._report import VerifyReport

__all__ = ["png_of"]

_MOST_POINTS = 20_000
_MOST_LABELS = 20
_GREY = "#b8bec8"
# Okabe and Ito's palette, told apart by those who see fewer colours.
_COLOURS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")


def png_of(report: VerifyReport) -> bytes:
    """The plot as a PNG file."""
    needed("matplotlib", "drawing the plot of verify")
    # Not through pyplot, which keeps state of the whole process.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    has_scores, has_labels = "expected" in report.points, "labels" in report.points
    figure = Figure(figsize=(11 if has_scores and has_labels else 7, 4.6), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, max(1, has_scores + has_labels), squeeze=False, width_ratios=[1.6, 1] if has_scores and has_labels else [1])[
        0
    ]
    figure.suptitle(f"{report.model} beside {report.reference}: {verdict(report)}", fontsize=11)
    if has_scores:
        _scores(axes[0], report)
    if has_labels:
        _labels(axes[-1], report)
    content = io.BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()


def _scores(axes: Any, report: VerifyReport) -> None:
    expected, difference = report.points["expected"], report.points["difference"]
    first = numpy.array([name.partition(", ")[0] for name in report.points["cause"]], object)
    output = str(report.points["output"])
    tolerance = next((each.tolerance for each in report.outputs if each.name == output), 0.0) or 1e-12
    for number, name in enumerate(["", *dict.fromkeys(first[first != ""].tolist())]):
        rows = _drawn(numpy.flatnonzero((first == name) & numpy.isfinite(expected)))
        n_all = int((first == name).sum())
        axes.plot(
            expected[rows],
            difference[rows],
            linestyle="none",
            marker=".",
            markersize=3 if name == "" else 5,
            color=_GREY if name == "" else _COLOURS[(number - 1) % len(_COLOURS)],
            label=f"{name or 'the same'} ({n_all:,})",
        )
    axes.axhspan(-tolerance, tolerance, color=_GREY, alpha=0.4, linewidth=0)
    # Differences within the tolerance and far beyond it are both to be seen.
    axes.set_yscale("symlog", linthresh=tolerance, linscale=0.5)
    largest = float(numpy.nanmax(numpy.abs(difference), initial=0))
    decades = 10.0 ** numpy.arange(math.ceil(math.log10(tolerance)), math.ceil(math.log10(max(largest, 10 * tolerance))) + 1)
    axes.set_yticks([*-decades[::-1], 0, *decades])
    axes.set_xlabel(f"{output} of the reference")
    axes.set_ylabel("model minus reference")
    axes.legend(fontsize=8, loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False, markerscale=2)
    axes.spines[["top", "right"]].set_visible(False)


def _drawn(rows: Array) -> Array:
    return rows[:: -(-len(rows) // _MOST_POINTS)] if len(rows) else rows


def _labels(axes: Any, report: VerifyReport) -> None:
    pairs = report.points["labels"].astype(str)
    names = _in_order(numpy.unique(pairs))[:_MOST_LABELS]
    place = {name: number for number, name in enumerate(names)}
    counts = numpy.zeros((len(names), len(names)), numpy.int64)
    for expected, got in pairs:
        if expected in place and got in place:
            counts[place[expected], place[got]] += 1
    shown = numpy.log10(numpy.maximum(counts, 0.5))
    same = numpy.eye(len(names), dtype=bool)
    for cells, colours in ((same, "Greys"), (~same, "Oranges")):
        axes.imshow(numpy.ma.MaskedArray(shown, ~cells | (counts == 0)), cmap=colours, vmin=-1, vmax=3 * shown.max())
    for row, column in numpy.argwhere(counts):
        weight = None if row == column else "bold"
        axes.text(column, row, f"{counts[row, column]:,}", ha="center", va="center", fontsize=8, weight=weight)
    axes.set_xticks(range(len(names)), names, fontsize=8)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_xlabel("label of the model")
    axes.set_ylabel("label of the reference")


def _in_order(names: Array) -> list[str]:
    """Numbers by size, then text."""

    def key(name: str) -> tuple[int, float, str]:
        try:
            return 0, float(name), name
        except ValueError:
            return 1, 0.0, name

    return sorted(names.tolist(), key=key)
