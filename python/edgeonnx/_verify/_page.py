"""The report as a page that needs no other file."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from edgeonnx._verify._plot import png_of
from edgeonnx._verify._text import figure, verdict

if TYPE_CHECKING:
    from edgeonnx._verify._report import VerifyReport

__all__ = ["page_of"]

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1d2733; max-width: 68rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem } h3 { font-size: 1rem; margin: 1.2rem 0 .2rem }
.same { color: #00704f } .differs { color: #b34700 }
table { border-collapse: collapse } th { text-align: left; font-weight: 600 } .scroll { overflow-x: auto }
th, td { padding: .2rem 1.2rem .2rem 0; border-bottom: 1px solid #dde2e8; white-space: nowrap } td.number { text-align: right }
img { max-width: 100%; margin-top: 1rem } p { margin: .2rem 0 } .quiet { color: #5c6875 }
"""


def page_of(report: VerifyReport) -> str:
    plot = base64.b64encode(png_of(report)).decode()
    patterns = ", ".join(f"{n:,} {name}" for name, n in report.patterns.items())
    title = f"{report.model} beside {report.reference}"
    parts = [
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style></head><body>',
        f'<h1>{escape(title)}: <span class="{"same" if report.ok else "differs"}">{escape(verdict(report))}</span></h1>',
        f"<p>{report.rows:,} rows compared: {escape(patterns)}</p>",
        *(f"<p>{escape(engine)}: {escape(what)}</p>" for engine, what in report.engines.items()),
        f'<img alt="Differences of scores over the expected scores, and labels" src="data:image/png;base64,{plot}">',
        "<h2>Outputs</h2>",
        _table(
            ("output", "engine", "rows that differ", "worst", "median", "99 %", "tolerance"),
            [
                (each.name, each.engine, f"{each.rows:,}", *(["", "", "", ""] if each.is_label else _figures(each)))
                for each in report.outputs
            ],
        ),
        "<h2>Causes</h2>" if report.causes else "",
    ]
    for cause in report.causes:
        parts.append(
            f"<h3>{escape(cause.name)}: {cause.rows:,} rows of {escape(', '.join(cause.outputs))}, worst {figure(cause.worst)}</h3>"
        )
        parts.append(f"<p>{escape(cause.evidence)}</p><p><b>To do:</b> {escape(cause.remedy)}</p>")
    if report.exact_note:
        parts.append(f"<h2>Exact model</h2><p>{escape(report.exact_note)}</p>")
    if report.differing:
        parts += ["<h2>Rows that differ</h2>", _rows(report)]
    notes = [f"left out: {each.pattern} ({each.rows:,} rows), {each.reason}" for each in report.left_out]
    notes += [f"not compared: output '{name}', which is text or has no counterpart in the reference" for name in report.not_compared]
    parts += ["<h2>Notes</h2>", *(f'<p class="quiet">{escape(note)}</p>' for note in (*notes, *report.notes)), "</body></html>"]
    return "\n".join(part for part in parts if part)


def _figures(each: Any) -> list[str]:
    return [figure(value) for value in (each.worst, each.median, each.p99, each.tolerance)]


def _rows(report: VerifyReport) -> str:
    first = report.differing[0]
    heads = (
        "row",
        "pattern",
        "cause",
        *first.values,
        *(f"{name}, expected" for name in first.expected),
        *(f"{name}, model" for name in first.got),
    )
    return _table(
        heads,
        [
            (f"{each.row:,}", each.pattern, each.cause, *_words(each.values), *_words(each.expected), *_words(each.got))
            for each in report.differing
        ],
    )


def _words(values: Mapping[str, Any]) -> Iterable[str]:
    return ("NULL" if value is None else repr(value) if isinstance(value, float) else str(value) for value in values.values())


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><tr>{head}</tr>{body}</table></div>'
