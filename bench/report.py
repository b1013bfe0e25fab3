"""From pytest-benchmark's JSON to verdicts: one table on the terminal, the same as JSON and Markdown; charts are drawn by chart.py."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from cases import CASES, CONVERSIONS, STREAM, Compared, duels
from chart import draw
from duel import ROLES, ratio_of
from machine import kernel_level

Verdict = Literal["reached", "short", "failed"]
MIB = 1 << 20
HEADINGS = ("case", "rival", "threads", "cpu", "rows", "edgeonnx", "rival's", "ratio", "must reach", "aim", "verdict")
PHASES = ("case", "threads", "cpu", "side", "compile, once", "import and load", "first call", "steady state")


@dataclass(frozen=True)
class Row:
    """One line of the table; a measure is None where the bench broke before it had one."""

    case: str
    rival: str
    threads: str
    cpu: str
    n_rows: int
    ours_s: float | None
    rival_s: float | None
    ratio: float | None  # rival's time over ours; for memory: MiB grown
    must_reach: float
    aim: float
    informational: bool
    verdict: Verdict
    details: dict[str, Any]

    @property
    def fails(self) -> bool:
        return self.verdict == "failed" or (not self.informational and self.verdict == "short")

    @property
    def is_ratio(self) -> bool:
        return self.case != STREAM.case

    def figure(self, value: float | None) -> str:
        return "-" if value is None else f"{value:.3g}" + ("x" if self.is_ratio else " MiB")

    @property
    def required(self) -> str:
        return ("" if self.is_ratio else "< ") + self.figure(self.must_reach)

    def cells(self) -> tuple[str, ...]:
        verdict = f"({self.verdict})" if self.informational and self.verdict != "failed" else self.verdict
        seconds = (duration(self.ours_s), duration(self.rival_s))
        used = self.details.get("edgeonnx", {}).get("n_threads")
        threads = f"{self.threads} ({used})" if self.threads == "all" and used else self.threads
        aim = self.figure(self.aim) if self.is_ratio else "flat"
        ratio = self.figure(self.ratio)
        return (self.case, self.rival, threads, self.cpu, f"{self.n_rows:,}", *seconds, ratio, self.required, aim, verdict)


def duration(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    scale, unit = next((pair for pair in ((1, "s"), (1e3, "ms")) if seconds * pair[0] >= 1), (1e6, "us"))
    return f"{seconds * scale:.3g} {unit}"


def read_rows(benchmarks: list[dict[str, Any]], wanted: Sequence[str], *, quick: bool, scalar: bool = False) -> list[Row]:
    """One row for every bench that was wanted, in the order of the cases, measured or not."""
    groups: dict[str, dict[str, dict[str, Any]]] = {}
    for benchmark in benchmarks:
        groups.setdefault(benchmark["group"], {})[benchmark["extra_info"].get("side", "stream")] = benchmark
    compared = [case for case in (*duels(quick=quick, scalar=scalar), *CONVERSIONS) if case.case in wanted]
    rows = [compared_row(case, groups.get(case.name, {}), quick) for case in compared]
    if STREAM.case in wanted:
        rows.append(stream_row(groups.get(STREAM.name, {}), quick))
    return sorted(rows, key=lambda row: CASES.index(row.case))


def compared_row(case: Compared, sides: dict[str, dict[str, Any]], quick: bool) -> Row:
    target = case.target
    ours, theirs = (sides[role]["stats"]["median"] if role in sides else None for role in ROLES)
    ratio = ratio_of(*(sides[role]["stats"]["data"] for role in ROLES)) if len(sides) == len(ROLES) else None
    details = {role: {**benchmark["extra_info"], "seconds": benchmark["stats"]["data"]} for role, benchmark in sides.items()}
    pair = details.get("rival", {}).get("pair")
    rival = f"{case.rival}; worst: {pair}" if pair else case.rival
    return Row(
        case=case.case,
        rival=rival,
        threads=str(case.threads or "all"),
        cpu=case.cpu or kernel_level(),
        n_rows=case.rows(quick=quick),
        ours_s=ours,
        rival_s=theirs,
        ratio=ratio,
        must_reach=target.must_reach,
        aim=target.aim,
        informational=target.informational,
        verdict="failed" if ratio is None else "reached" if ratio >= target.must_reach else "short",
        details=details,
    )


def stream_row(sides: dict[str, dict[str, Any]], quick: bool) -> Row:
    streamed = sides.get("stream")
    details = streamed["extra_info"] if streamed else {}
    gate = STREAM.gate_bytes / MIB
    grown = details["grown_bytes"] / MIB if streamed else None
    return Row(
        case=STREAM.case,
        rival="-",
        threads="all",
        cpu=kernel_level(),
        n_rows=STREAM.rows(quick=quick),
        ours_s=streamed["stats"]["median"] if streamed else None,
        rival_s=None,
        ratio=grown,
        must_reach=gate,
        aim=0,
        informational=False,
        verdict="failed" if grown is None else "reached" if grown < gate else "short",
        details=details,
    )


def write(rows: list[Row], machine: dict[str, str | int], folder: Path, *, quick: bool) -> None:
    """results.json, results.md, readme.md and results.png in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    record = {"machine": machine, "quick": quick, "rows": [asdict(row) for row in rows]}
    (folder / "results.json").write_text(json.dumps(record, indent=1))
    phases = [cells for row in rows for cells in phase_cells(row)]
    tables = [markdown(HEADINGS, [row.cells() for row in rows])]
    tables += [markdown(PHASES, list(dict.fromkeys(phases)))] if phases else []
    tables += conversion_tables(rows)
    (folder / "results.md").write_text("\n\n".join([listed(machine) + ", quick" * quick, *tables]) + "\n")
    (folder / "readme.md").write_text(readme_table(rows) + "\n")
    draw(rows, listed({name: machine[name] for name in ("cpu", "cores", "edgeonnx", "onnxruntime")}), folder / "results.png")


def read_record(folder: Path) -> tuple[list[Row], dict[str, str | int], bool]:
    """What `write` stored: the rows, the machine, and whether it was a quick run."""
    record = json.loads((folder / "results.json").read_text())
    return [Row(**row) for row in record["rows"]], record["machine"], record["quick"]


def listed(machine: dict[str, str | int]) -> str:
    return ", ".join(f"{name} {value}" for name, value in machine.items())


def readme_table(rows: list[Row]) -> str:
    """A line per case and rival, a column per way to run: the table of the project's README."""
    lines: dict[tuple[str, str], dict[tuple[str, str], Row]] = {}
    for row in rows:
        lines.setdefault((row.case, row.rival), {})[row.threads, row.cpu] = row
    ways = list(dict.fromkeys((row.threads, row.cpu) for row in rows))

    def cells(by_way: dict[tuple[str, str], Row]) -> list[str]:
        first = next(iter(by_way.values()))
        return [first.case, first.rival, first.required, *(by_way[way].figure(by_way[way].ratio) if way in by_way else "" for way in ways)]

    headings = [f"{'all cores' if threads == 'all' else '1 thread'}, {cpu}" for threads, cpu in ways]
    return markdown(("case", "rival", "must reach", *headings), [cells(by_way) for by_way in lines.values()])


def phase_cells(row: Row) -> list[tuple[str, ...]]:
    """Load (with the import), first call and steady state of both sides: three numbers that must not be mixed up."""
    names, medians = {"edgeonnx": "edgeonnx", "rival": row.rival}, {"edgeonnx": row.ours_s, "rival": row.rival_s}
    cells = []
    for role in (role for role in names if "load_s" in row.details.get(role, {})):
        measured = row.details[role]
        phases = (measured["compile_s"], measured["load_s"], measured["first_call_s"], medians[role])
        cells.append((row.case, row.threads, row.cpu if role == "edgeonnx" else "", names[role], *map(duration, phases)))
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
        style = "red" if row.fails else "dim" if row.informational else "green"
        table.add_row(*row.cells(), style=style)
    console = Console() if Console().is_terminal else Console(width=160)
    console.print(table)
    console.print(listed(machine))
    console.print("ratio: rival's time over ours, round by round; verdict in brackets: informational")
