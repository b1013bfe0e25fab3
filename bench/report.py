"""From pytest-benchmark's JSON to verdicts: one table on the terminal, the same as JSON and Markdown, and a chart."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from cases import CASES, CONVERSIONS, STREAM, Compared, duels
from duel import SIDES, ratio_of

Verdict = Literal["reached", "short", "failed"]
MIB = 1 << 20
HEADINGS = ("case", "rival", "threads", "rows", "edgeonnx", "rival's", "ratio", "must reach", "final", "aim", "verdict")
PHASES = ("case", "threads", "side", "import and load", "first call", "steady state")


@dataclass(frozen=True)
class Row:
    """One line of the table; a measure is None where the bench broke before it had one."""

    case: str
    rival: str
    threads: str
    n_rows: int
    ours_s: float | None
    rival_s: float | None
    ratio: float | None  # rival's time over ours; for memory: MiB grown
    gate: float | None  # None: informational
    must_reach: float  # the final figure, gate or not
    aim: float
    verdict: Verdict
    details: dict[str, Any]

    @property
    def fails(self) -> bool:
        return self.verdict == "failed" or (self.gate is not None and self.verdict == "short")

    @property
    def unit(self) -> str:
        return " MiB" if self.case == STREAM.case else "x"

    def cells(self) -> tuple[str, ...]:
        at_most = "< " if self.case == STREAM.case else ""
        figures = [f"{at_most}{figure:.3g}{self.unit}" for figure in (self.must_reach, self.aim)]
        if self.case == STREAM.case:
            figures[1] = "flat"
        gate = f"{at_most}{self.gate:.3g}{self.unit}" if self.gate is not None else "-"
        verdict = self.verdict if self.gate is not None or self.verdict == "failed" else f"({self.verdict})"
        ratio = f"{self.ratio:.3g}{self.unit}" if self.ratio is not None else "-"
        seconds = (duration(self.ours_s), duration(self.rival_s))
        used = self.details.get("edgeonnx", {}).get("n_threads")
        threads = f"{self.threads} ({used})" if self.threads == "all" and used else self.threads
        return (self.case, self.rival, threads, f"{self.n_rows:,}", *seconds, ratio, gate, *figures, verdict)


def duration(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    scale, unit = next((pair for pair in ((1, "s"), (1e3, "ms")) if seconds * pair[0] >= 1), (1e6, "us"))
    return f"{seconds * scale:.3g} {unit}"


def read_rows(benchmarks: list[dict[str, Any]], wanted: Sequence[str], *, quick: bool) -> list[Row]:
    """One row for every bench that was wanted, in the order of the cases, measured or not."""
    groups: dict[str, dict[str, dict[str, Any]]] = {}
    for benchmark in benchmarks:
        groups.setdefault(benchmark["group"], {})[benchmark["extra_info"].get("side", "stream")] = benchmark
    compared = [case for case in (*duels(quick=quick), *CONVERSIONS) if case.case in wanted]
    rows = [compared_row(case, groups.get(case.name, {}), quick) for case in compared]
    if STREAM.case in wanted:
        rows.append(stream_row(groups.get(STREAM.name, {}), quick))
    return sorted(rows, key=lambda row: (row.threads != "all", CASES.index(row.case)))


def compared_row(case: Compared, sides: dict[str, dict[str, Any]], quick: bool) -> Row:
    target = case.target
    ours, theirs = (sides[side]["stats"]["median"] if side in sides else None for side in SIDES)
    ratio = ratio_of(*(sides[side]["stats"]["data"] for side in SIDES)) if len(sides) == len(SIDES) else None
    threshold = target.gate if target.gate is not None else target.must_reach
    verdict: Verdict = "failed" if ratio is None else "reached" if ratio >= threshold else "short"
    details = {side: {**benchmark["extra_info"], "seconds": benchmark["stats"]["data"]} for side, benchmark in sides.items()}
    pair = details.get("rival", {}).get("pair")
    rival = f"{case.rival}; worst: {pair}" if pair else case.rival
    threads = str(case.threads or "all")
    figures = (target.gate, target.must_reach, target.aim)
    return Row(case.case, rival, threads, case.rows(quick=quick), ours, theirs, ratio, *figures, verdict, details)


def stream_row(sides: dict[str, dict[str, Any]], quick: bool) -> Row:
    streamed = sides.get("stream")
    details = streamed["extra_info"] if streamed else {}
    gate = STREAM.gate_bytes / MIB
    grown = details["grown_bytes"] / MIB if streamed else None
    verdict: Verdict = "failed" if grown is None else "reached" if grown < gate else "short"
    seconds = streamed["stats"]["median"] if streamed else None
    return Row(STREAM.case, "-", "all", STREAM.rows(quick=quick), seconds, None, grown, gate, gate, 0, verdict, details)


def write(rows: list[Row], machine: dict[str, str | int], folder: Path, *, quick: bool) -> None:
    """results.json, results.md and results.png in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    record = {"machine": machine, "quick": quick, "rows": [asdict(row) for row in rows]}
    (folder / "results.json").write_text(json.dumps(record, indent=1))
    caption = ", ".join(f"{name} {value}" for name, value in machine.items())
    phases = [cells for row in rows for cells in phase_cells(row)]
    tables = [markdown(HEADINGS, [row.cells() for row in rows])]
    tables += [markdown(PHASES, phases)] if phases else []
    tables += conversion_tables(rows)
    (folder / "results.md").write_text("\n\n".join([caption + ", quick" * quick, *tables]) + "\n")
    draw([row for row in rows if row.ratio is not None and row.unit == "x"], caption, folder / "results.png")


def phase_cells(row: Row) -> list[tuple[str, ...]]:
    """Load (with the import), first call and steady state of both sides: three numbers that must not be mixed up."""
    names, medians = {"edgeonnx": "edgeonnx", "rival": row.rival}, {"edgeonnx": row.ours_s, "rival": row.rival_s}
    cells = []
    for side in (side for side in names if "load_s" in row.details.get(side, {})):
        measured = row.details[side]
        phases = (measured["load_s"], measured["first_call_s"], medians[side])
        cells.append((row.case, row.threads, names[side], *map(duration, phases)))
    return cells


def conversion_tables(rows: list[Row]) -> list[str]:
    """GB/s, read and written, of every pair of types, ours and theirs; nothing where the pairs were not measured."""
    raced = [(source, target, speeds) for row in rows for source, target, speeds in row.details.get("edgeonnx", {}).get("pairs", [])]
    tables = []
    for rival in dict.fromkeys(list(speeds)[1] for _, _, speeds in raced):
        cells = {(source, target): speeds for source, target, speeds in raced if rival in speeds}
        contenders = max(cells.values(), key=len)
        sources, targets = (list(dict.fromkeys(pair[side] for pair in cells)) for side in (0, 1))
        lines = [
            (source, *(" / ".join(f"{speed:.3g}" for speed in cells[source, target].values()) for target in targets)) for source in sources
        ]
        tables.append(f"convert, GB/s: {' / '.join(contenders)}\n\n{markdown(('from', *targets), lines)}")
    return tables


def markdown(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [headings, ["---"] * len(headings), *rows])


def show(rows: list[Row], machine: dict[str, str | int], *, quick: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="edgeonnx against its rivals: median of interleaved rounds" + (" (quick)" if quick else ""))
    for heading in HEADINGS:
        table.add_column(heading, justify="left" if heading in ("case", "rival", "verdict") else "right")
    for row in rows:
        style = "red" if row.fails else "dim" if row.gate is None else "green"
        table.add_row(*row.cells(), style=style)
    console = Console() if Console().is_terminal else Console(width=160)
    console.print(table)
    console.print(", ".join(f"{name} {value}" for name, value in machine.items()))
    console.print("ratio: rival's time over ours, round by round; must reach: this run's gate (-: none); final, aim: the design's")


def draw(rows: list[Row], caption: str, path: Path) -> None:
    """A bar per duel on a logarithmic axis; the gate is a black mark, the final figure a grey one."""
    if not rows:
        return
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 1.6 + 0.34 * len(rows)), layout="constrained")
    for place, row in enumerate(rows):
        assert row.ratio is not None
        colour = "#c0392b" if row.fails else "#9fb4c7" if row.gate is None else "#2e7d5b"
        axes.barh(place, row.ratio - 1, left=1, height=0.62, color=colour)
        axes.plot([row.must_reach] * 2, [place - 0.38, place + 0.38], color="#8a8a8a", linewidth=1.5)
        if row.gate is not None:
            axes.plot([row.gate] * 2, [place - 0.38, place + 0.38], color="black", linewidth=2.5)
        axes.annotate(f"{row.ratio:.3g}x", (max(row.ratio, 1), place), (4, 0), textcoords="offset points", va="center", fontsize=8)
    names = [f"{row.case}: {row.rival}" + (f", {row.threads} thread" if row.threads != "all" else "") for row in rows]
    axes.set_yticks(range(len(rows)), names, fontsize=8)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlim(min(0.4, *(row.ratio or 1 for row in rows)), 1.8 * max(2, *(max(row.ratio or 1, row.must_reach) for row in rows)))
    ticks = [tick for tick in (0.5, 1, 2, 5, 10, 20, 50, 100) if axes.get_xlim()[0] <= tick <= axes.get_xlim()[1]]
    axes.set_xticks(ticks, [f"{tick:g}x" for tick in ticks])
    axes.minorticks_off()
    axes.axvline(1, color="black", linewidth=0.8)
    axes.grid(axis="x", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title("rival's time over edgeonnx's (black: gate, grey: final figure)", fontsize=10, loc="left")
    figure.supxlabel(caption, fontsize=6, color="#555555")
    figure.savefig(path, dpi=150)
    plt.close(figure)
