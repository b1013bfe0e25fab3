"""Measure edgeonnx against its rivals: `python bench/run.py [--quick] [CASE ...]`."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import machine
import report
from cases import CASES, duels

HERE = Path(__file__).parent
RESULTS = HERE / "results"


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rows and rounds, all cores only")
    parser.add_argument("--scalar", action="store_true", help="also with kernels that use no vector instructions; informational")
    parser.add_argument("--readme", action="store_true", help="measure nothing: make the README's table and chart of the last full run")
    parser.add_argument("cases", metavar="CASE", nargs="*", help=f"default: all of {', '.join(CASES)}")
    arguments = parser.parse_args()
    arguments.cases = [case.replace("-", " ").replace("_", " ") for case in arguments.cases] or list(CASES)
    if unknown := [case for case in arguments.cases if case not in CASES]:
        parser.error(f"no case {', '.join(unknown)}; there are {', '.join(CASES)}")
    return arguments


def run_pytest(cases: list[str], *, quick: bool, scalar: bool) -> list[dict[str, object]]:
    """Run the benches; what they print on the way is pytest's, their verdicts are read from the JSON."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "benchmark.json"
        command = [
            sys.executable,
            "-m",
            "pytest",
            str(HERE / "bench_rivals.py"),
            "-q",
            "--tb=short",
            "--no-header",
            "-p",
            "no:cacheprovider",
        ]
        command += ["-W", "default::pytest_benchmark.logger.PytestBenchmarkWarning"]  # given when every bench broke
        command += ["--benchmark-quiet", f"--benchmark-json={results}", *(f"--case={case}" for case in cases)]
        subprocess.run(command + ["--quick"] * quick + ["--scalar"] * scalar, check=False)
        text = results.read_text() if results.exists() else ""
    return json.loads(text)["benchmarks"] if text else []


def prepare(cases: list[str], *, quick: bool) -> None:
    """Train and compile what is not there from an earlier run, saying so, since the slowest takes minutes."""
    wanted = [duel for duel in duels(quick=quick) if duel.case in cases]
    for contender, model in dict.fromkeys((contender, duel.model) for duel in wanted for contender in (duel.ours, duel.theirs)):
        began = time.perf_counter()
        try:
            contender.model(model)
        except Exception as error:  # its duels fail, and say why; the others are fought
            print(f"{model}: {error}", file=sys.stderr)
        if (took := time.perf_counter() - began) > 1:
            print(f"{model}: trained or compiled, once, in {took:.0f} s", flush=True)


def write_readme() -> int:
    """readme.md, a table to paste, and the chart that the README shows."""
    rows, measured_on, quick = report.read_record(RESULTS)
    if quick or {row.case for row in rows} != set(CASES):
        print("the last run was quick or left cases out; the README shows full runs only", file=sys.stderr)
        return 1
    report.write(rows, measured_on, RESULTS, quick=quick)
    shutil.copyfile(RESULTS / "results.png", HERE / "figures.png")
    print((RESULTS / "readme.md").read_text())
    return 0


def main() -> int:
    arguments = parse_arguments()
    try:
        machine.require_installed_wheel()
    except machine.NotInstalledError as error:
        print(error, file=sys.stderr)
        return 1
    if arguments.readme:
        return write_readme()
    options = {"quick": arguments.quick, "scalar": arguments.scalar}
    prepare(arguments.cases, quick=arguments.quick)
    rows = report.read_rows(run_pytest(arguments.cases, **options), arguments.cases, **options)
    report.write(rows, machine.describe(), RESULTS, quick=arguments.quick)
    report.show(rows, machine.describe(), quick=arguments.quick)
    for row in (row for row in rows if row.fails):
        print(f"{row.verdict}: {row.case} against {row.rival}, threads {row.threads}, {row.cpu}", file=sys.stderr)
    return 1 if any(row.fails for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
