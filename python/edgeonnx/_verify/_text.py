"""The report as a page of text."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgeonnx._verify._report import VerifyReport

__all__ = ["figure", "text_of", "verdict"]

_WIDTH = 118


def verdict(report: VerifyReport) -> str:
    """In one line: the same or not, and which engine is wrong."""
    if report.ok:
        return "the same"
    wrong = {engine: any(each.rows for each in report.outputs if each.engine == engine) for engine in report.engines}
    if all(wrong.values()) or not any(wrong.values()):
        return "differs"
    right = ", ".join(engine for engine, each in wrong.items() if not each)
    return f"differs: {right} is right, {', '.join(engine for engine, each in wrong.items() if each)} is wrong"


def text_of(report: VerifyReport) -> str:
    patterns = ", ".join(f"{n:,} {name}" for name, n in report.patterns.items())
    lines = [
        f"{report.model} beside {report.reference}: {verdict(report)}",
        f"{report.rows:,} rows compared: {patterns}",
        *(f"{engine}: {what}" for engine, what in report.engines.items()),
        "",
        *_figures(report),
    ]
    for number, cause in enumerate(report.causes, 1):
        lines += ["", f"{number}. {cause.name}: {cause.rows:,} rows of {', '.join(cause.outputs)}, worst {figure(cause.worst)}"]
        lines += _wrapped(cause.evidence, "   ")
        lines += _wrapped(f"To do: {cause.remedy}", "   ")
    if report.exact_note:
        lines += ["", *_wrapped(f"exact model: {report.exact_note}", "")]
    notes = [f"left out: {each.pattern} ({each.rows:,} rows), {each.reason}" for each in report.left_out]
    notes += [f"not compared: output '{name}', which is text or has no counterpart in the reference" for name in report.not_compared]
    notes += report.notes
    if notes:
        lines += ["", *(line for note in notes for line in _wrapped(note, ""))]
    return "\n".join(lines)


def _figures(report: VerifyReport) -> list[str]:
    rows = [("output", "engine", "differ", "worst", "median", "99 %", "tolerance")]
    for each in report.outputs:
        if each.is_label:
            rows.append((each.name, each.engine, f"{each.rows:,} labels", "", "", "", ""))
        else:
            rows.append(
                (
                    each.name,
                    each.engine,
                    f"{each.rows:,}",
                    figure(each.worst),
                    figure(each.median),
                    figure(each.p99),
                    figure(each.tolerance),
                )
            )
    return _aligned(rows)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def figure(value: float) -> str:
    return f"{value:.3g}"


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent=indent, subsequent_indent=indent or "  ", break_long_words=False, break_on_hyphens=False
    )
