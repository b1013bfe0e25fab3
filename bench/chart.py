"""The chart of a run: a bar per case and rival on a logarithmic axis, with a tick where it must end or pass."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

REACHED, SHORT, INFORMATIONAL = "#2e7d5b", "#c0392b", "#9fb4c7"


class Drawn(Protocol):
    """What the chart reads of a row of the report."""

    case: str
    rival: str
    threads: str
    cpu: str
    ratio: float | None
    must_reach: float
    informational: bool

    @property
    def fails(self) -> bool: ...

    @property
    def is_ratio(self) -> bool: ...


def draw(rows: Sequence[Drawn], caption: str, path: Path) -> None:
    """Bars: all cores, or one thread where nothing else was measured. Circles: one thread. Diamonds: kernels held to AVX2, all cores."""
    lines: dict[tuple[str, str], list[Drawn]] = {}
    for row in rows:
        if row.is_ratio and row.ratio is not None and row.cpu != "scalar":
            lines.setdefault((row.case, row.rival), []).append(row)
    if not lines:
        return
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 1.3 + 0.28 * len(lines)), layout="constrained")
    for place, measured in enumerate(lines.values()):
        draw_line(axes, place, measured)
    axes.set_yticks(range(len(lines)), [f"{case}: {rival}" for case, rival in lines], fontsize=8)
    axes.set_ylim(len(lines) - 0.4, -0.6)
    axes.set_xscale("log")
    ratios = [figure for measured in lines.values() for row in measured for figure in (row.ratio or 1, row.must_reach)]
    axes.set_xlim(min(0.5, *ratios) / 1.1, 2 * max(2, *ratios))
    ticks = [tick for tick in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200) if axes.get_xlim()[0] <= tick <= axes.get_xlim()[1]]
    axes.set_xticks(ticks, [f"{tick:g}x" for tick in ticks], fontsize=8)
    axes.minorticks_off()
    axes.axvline(1, color="black", linewidth=0.8)
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    for label, style in legend(rows).items():
        axes.plot([], [], label=label, **style)
    figure.legend(loc="outside upper left", ncols=4, fontsize=8, frameon=False, title="the rival's time over edgeonnx's", alignment="left")
    figure.supxlabel(caption, fontsize=6, color="#555555")
    figure.savefig(path, dpi=110)
    plt.close(figure)


CIRCLE = {"marker": "o", "markersize": 5, "markerfacecolor": "white", "markeredgecolor": "#333333", "linestyle": ""}
DIAMOND = {**CIRCLE, "marker": "D", "markersize": 4.5, "markerfacecolor": "#f2c14e"}
TICK = {"color": "black", "linewidth": 2}


def draw_line(axes: Any, place: int, measured: list[Drawn]) -> None:
    """The first row is the bar; those that follow are marks on it."""
    first, *others = measured
    assert first.ratio is not None
    colour = SHORT if first.fails else INFORMATIONAL if first.informational else REACHED
    axes.barh(place, first.ratio - 1, left=1, height=0.62, color=colour)
    axes.plot([first.must_reach] * 2, [place - 0.42, place + 0.42], **TICK)
    for row in others:
        if row.cpu == first.cpu or row.threads == first.threads:
            axes.plot(row.ratio, place, **(CIRCLE if row.cpu == first.cpu else DIAMOND))
    axes.annotate(f"{first.ratio:.3g}x", (1, place), xycoords=("axes fraction", "data"), ha="right", va="center", fontsize=8)


def legend(rows: Sequence[Drawn]) -> dict[str, dict[str, Any]]:
    shown = {"all cores": {"color": REACHED, "linewidth": 6}}
    if any(row.threads == "1" and row.case != "convert" for row in rows):
        shown["one thread"] = CIRCLE
    if len({row.cpu for row in rows} - {"scalar"}) > 1:
        shown["all cores, AVX2 only"] = DIAMOND
    return {**shown, "must reach": TICK}
