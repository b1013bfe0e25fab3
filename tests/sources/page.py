"""PARITY.md: what was measured, as tables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from sources.catalogue import NOT_TRIED
from sources.measure import Outcome

BEGIN, END = "<!-- make parity -->", "<!-- end -->"


@dataclass(frozen=True)
class Line:
    """An outcome and what is known about it."""

    outcome: Outcome
    note: str = ""


@dataclass(frozen=True)
class Results:
    """Of one environment."""

    versions: Mapping[str, str]
    lines: Sequence[Line]
    no_recipe: Mapping[str, str]
    no_converter: Sequence[str]

    def write(self, path: Path) -> None:
        """As JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1))

    @classmethod
    def read(cls, path: Path) -> Results:
        """What `write` wrote."""
        content = json.loads(path.read_text())
        lines = [Line(Outcome(**each["outcome"]), each["note"]) for each in content.pop("lines")]
        return cls(lines=lines, **content)


def tables(results: Iterable[Results]) -> str:
    """Everything between the marks of the page."""
    results = list(results)
    lines = [line for each in results for line in each.lines]
    parts = []
    for source in dict.fromkeys(line.outcome.source for line in lines):
        mine = [line for line in lines if line.outcome.source == source]
        parts.append(f"### {source}\n\n{_table(_HEADINGS, [cells(line) for line in mine if not line.outcome.refusal])}")
        refused = [refused_cells(line) for line in mine if line.outcome.refusal]
        if refused:
            parts.append(f"Refused by `eo.convert`:\n\n{_table(_REFUSED, refused)}")
    for each in results:
        if each.no_recipe:
            parts.append(f"### Not tried\n\n{_table(('', 'why'), [*each.no_recipe.items(), *NOT_TRIED.items()])}")
        if each.no_converter:
            parts.append(f"skl2onnx has no converter for {', '.join(each.no_converter)}.")
    versions = [", ".join(f"{name} {version}" for name, version in each.versions.items()) for each in results]
    return "\n\n".join([*parts, "### Versions\n\n" + "\n".join(f"- {each}" for each in versions)])


_HEADINGS = ("estimator", "table", "rows", "labels that differ", "worst difference", "runs in", "")
_REFUSED = ("estimator", "why", "labels that differ", "worst difference")


def cells(line: Line) -> tuple[str, ...]:
    """A line of the first kind of table."""
    outcome = line.outcome
    return (outcome.name, outcome.table, str(outcome.rows), _flips(outcome), _worst(outcome), outcome.runs_in, line.note)


def refused_cells(line: Line) -> tuple[str, ...]:
    """A line of the second kind."""
    outcome = line.outcome
    made = outcome.runs_in != ""
    return (outcome.name, line.note, _flips(outcome) if made else "no model", _worst(outcome) if made else "")


def _flips(outcome: Outcome) -> str:
    if outcome.flips is None:
        return ""
    ties = f" ({'tied' if outcome.ties == outcome.flips else f'{outcome.ties} tied'})" if outcome.ties else ""
    return f"{outcome.flips}{ties}"


def _worst(outcome: Outcome) -> str:
    return "" if outcome.worst is None else "0" if outcome.worst == 0 else f"{outcome.worst:.1e}"


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(each)} |" for each in (headings, ["---"] * len(headings), *rows))


def renewed(page: str, results: Iterable[Results]) -> str:
    """The page with other tables."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{tables(results)}\n{END}{after}"


def shown(page: str) -> dict[tuple[str, str], tuple[str, ...]]:
    """The lines of the page's tables, by source and estimator."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    source = ""
    for line in page.partition(BEGIN)[2].splitlines():
        if line.startswith("### "):
            source = line.removeprefix("### ")
        elif line.startswith("| ") and not line.startswith(("| estimator ", "| --- ")):
            first, *others = (cell.strip() for cell in line.strip("|").split(" | "))
            found[source, first.strip()] = tuple(others)
    return found
