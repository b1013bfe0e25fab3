"""What `edgeonnx bench` prints: tables for people, or one JSON object."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from rich.bar import Bar
from rich.console import Console
from rich.table import Table

from edgeonnx._bench import EDGEONNX, Machine, Race
from edgeonnx.cli._progress import n_short

_BAR_WIDTH = 32
_MUCH = 1.5
_PERCENTS = (50, 90, 99)
_LEAST_BEYOND = 5  # calls slower than a percentile; fewer say nothing of it
_MOST_FOR_LATENCY = 100  # rows: beyond, calls are too few and too long for percentiles to tell more than the rate does


def print_tables(console: Console, race: Race, labels: Mapping[str, str]) -> None:
    """Rows a second by batch size, latencies of small batches, load time and memory."""
    names = list(race.versions)
    rates = Table(title="rows a second, median round", title_justify="left", box=None, padding=(0, 3, 0, 0), header_style="dim")
    rates.add_column("rows a call", justify="right")
    for name in names:
        rates.add_column(labels[name], justify="right", overflow="fold")
    for batch in race.batches:
        cells = []
        for name in names:
            rate = f"{n_short(batch.n_rows / batch.measured[name].median_s)}"
            cells.append(f"[bold]{rate}[/]" if name == EDGEONNX else f"{rate} [dim]({batch.ratio(name):.2f}x)[/]")
        rates.add_row(f"{batch.n_rows:,}", *cells)
    console.print(rates)
    console.print("[dim]in parentheses: how many times as long as edgeonnx it takes in the same rounds[/]\n")
    _print_bars(console, race, labels)
    _print_latencies(console, race, labels)
    sides = Table(box=None, padding=(0, 3, 0, 0), header_style="dim")
    for heading in ("", "load", f"memory, {race.batches[-1].n_rows:,} rows", "worst difference"):
        sides.add_column(heading, justify="left" if not heading else "right")
    for name in names:
        agreement = race.agreements.get(name)
        difference = f"{agreement.worst_difference:.1g} in {agreement.n_rows:,} rows" if agreement else ""
        peak = f"{race.peak_bytes[name] / (1 << 20):.1f} MiB" if name in race.peak_bytes else ""
        sides.add_row(labels[name], f"{_duration(race.load_s[name])}", peak, difference)
    console.print(sides)
    for name, agreement in race.agreements.items():
        if agreement.n_rows_beyond:
            console.print(
                f"{agreement.n_rows_beyond} of {agreement.n_rows:,} rows have another answer by {labels[name]}: a tie, or a branch"
            )
    if (spread := max(each.spread for batch in race.batches for each in batch.measured.values())) > _MUCH:
        console.print(f"[dim]rounds of the same batch took up to {spread:.1f} times as long as others: this machine is busy[/]")
    for n_rows, why in race.left_out.items():
        console.print(f"[dim]left out: {n_rows:,} rows a call, {why}[/]")


def _print_bars(console: Console, race: Race, labels: Mapping[str, str]) -> None:
    last = race.batches[-1]
    rates = {name: last.n_rows / measured.median_s for name, measured in last.measured.items()}
    grid = Table.grid(padding=(0, 2))
    for name, rate in rates.items():
        bar = Bar(max(rates.values()), 0, rate, width=_BAR_WIDTH, color="green" if name == EDGEONNX else "blue")
        grid.add_row(labels[name], f"{n_short(rate)} rows/s", bar)
    console.print(grid)
    console.print()


def _print_latencies(console: Console, race: Race, labels: Mapping[str, str]) -> None:
    batches = [batch for batch in race.batches if batch.n_rows <= _MOST_FOR_LATENCY]
    if not batches:
        return
    table = Table(title="time of a call", title_justify="left", box=None, padding=(0, 3, 0, 0), header_style="dim")
    for heading in ("rows a call", "", *(f"p{percent}" for percent in _PERCENTS), "calls"):
        table.add_column(heading, justify="left" if not heading else "right")
    for batch in batches:
        for place, (name, measured) in enumerate(batch.measured.items()):
            n_calls = len(measured.call_s)
            times = [_duration(measured.percentile_s(each)) if n_calls * (100 - each) >= 100 * _LEAST_BEYOND else "-" for each in _PERCENTS]
            table.add_row("" if place else f"{batch.n_rows:,}", labels[name], *times, f"{len(measured.call_s):,}")
    console.print(table)
    console.print()


def _duration(seconds: float) -> str:
    for size, unit in ((1.0, "s"), (1e-3, "ms")):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs"


def as_json(race: Race, here: Machine, about: Mapping[str, Any]) -> dict[str, Any]:
    """All figures, in seconds and bytes."""
    return {
        **about,
        "machine": asdict(here),
        "contenders": [
            {
                "name": name,
                "version": version,
                "load_s": race.load_s[name],
                "peak_growth_bytes": race.peak_bytes.get(name),
                "agreement": race.agreements[name]._asdict() if name in race.agreements else None,
            }
            for name, version in race.versions.items()
        ],
        "batches": [
            {
                "rows": batch.n_rows,
                "rounds": len(batch.measured[EDGEONNX].round_s),
                "results": [
                    {
                        "contender": name,
                        "median_s": measured.median_s,
                        "rows_per_s": batch.n_rows / measured.median_s,
                        "times_as_long_as_edgeonnx": batch.ratio(name),
                        "calls": len(measured.call_s),
                        **{f"p{percent}_s": measured.percentile_s(percent) for percent in _PERCENTS},
                    }
                    for name, measured in batch.measured.items()
                ],
            }
            for batch in race.batches
        ],
        "left_out": [{"rows": n_rows, "why": why} for n_rows, why in race.left_out.items()],
    }
