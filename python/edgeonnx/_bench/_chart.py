"""The chart of a race: rows a second by batch size, a line for each contender."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edgeonnx._bench._contenders import EDGEONNX, ESTIMATOR, READY, STACKED
from edgeonnx._bench._measure import Race
from edgeonnx._extras import needed

_COLOURS = {EDGEONNX: "#2e7d5b", STACKED: "#c0392b", READY: "#e09f3e", ESTIMATOR: "#4a6fa5"}


def draw(race: Race, labels: Mapping[str, str], title: str, caption: str, path: Path) -> None:
    """Write a chart in the format that the file's name tells: .png, .svg or .pdf.

    Parameters
    ----------
    race
        What was measured.
    labels
        What each contender is called.
    title, caption
        Above and below.
    path
        The file; replaced where it exists.
    """
    matplotlib = needed("matplotlib", "a chart")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 4.8), layout="constrained")
    sizes = [batch.n_rows for batch in race.batches]
    last = race.batches[-1]
    for name in last.measured:
        rates = [batch.n_rows / batch.measured[name].median_s for batch in race.batches]
        ratio = "" if name == EDGEONNX else f": {last.ratio(name):.2g} times as long for {last.n_rows:,} rows"
        axes.plot(sizes, rates, marker="o", markersize=4, linewidth=2, color=_COLOURS[name], label=labels[name] + ratio)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("rows a call")
    axes.set_ylabel("rows a second, median round")
    axes.set_title(title, loc="left", fontsize=11)
    axes.grid(alpha=0.3, which="major")
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.minorticks_off()
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=9, frameon=False)
    figure.supxlabel(caption, fontsize=7, color="#555555")
    unfinished = path.with_name(f".{path.name}.part")
    try:
        figure.savefig(unfinished, dpi=120, format=path.suffix[1:].lower())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    pyplot.close(figure)
