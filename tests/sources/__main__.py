"""`python -m sources measure ENVIRONMENT FILE` runs recipes; `python -m sources page FILE...` renews PARITY.md."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from sources.catalogue import ENVIRONMENTS
from sources.measure import measured
from sources.page import Line, Results, renewed

PAGE = Path(__file__).parents[2] / "PARITY.md"


def measure(environment: str) -> Results:
    """Run every recipe of an environment; a conversion that ends otherwise than its recipe says ends the command."""
    lines = []
    for recipe in ENVIRONMENTS[environment].recipes():
        start = time.perf_counter()
        outcome = measured(recipe)
        if bool(outcome.refusal) != bool(recipe.refused):
            sys.exit(f"{recipe} is {'' if outcome.refusal else 'not '}refused, against what its recipe says: {outcome.refusal}")
        lines.append(Line(outcome, recipe.note))
        shown = "refused" if outcome.refusal else outcome.runs_in
        print(f"{recipe}: {outcome.flips} {outcome.worst} {shown} ({time.perf_counter() - start:.1f} s)", file=sys.stderr)
    if environment != "main":
        return Results(ENVIRONMENTS[environment].versions(), lines, {}, [])
    from sources.scikit_learn import coverage

    without = sorted(coverage.estimators() - coverage.convertible())
    return Results(ENVIRONMENTS[environment].versions(), lines, coverage.NO_RECIPE, without)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m sources", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("measure")
    command.add_argument("environment", choices=ENVIRONMENTS)
    command.add_argument("file", type=Path)
    command = commands.add_parser("page")
    command.add_argument("files", type=Path, nargs="+")
    given = parser.parse_args()
    if given.command == "measure":
        measure(given.environment).write(given.file)
    else:
        PAGE.write_text(renewed(PAGE.read_text(), [Results.read(file) for file in given.files]))


if __name__ == "__main__":
    main()
