"""Measure edgeonnx against onnxruntime: `python bench/run.py [--quick] [CASE ...]`."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import machine
import report
from cases import CASES

HERE = Path(__file__).parent


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rows and rounds, all cores only")
    parser.add_argument("cases", metavar="CASE", nargs="*", help=f"default: all of {', '.join(CASES)}")
    arguments = parser.parse_args()
    arguments.cases = [case.replace("-", " ").replace("_", " ") for case in arguments.cases] or list(CASES)
    if unknown := [case for case in arguments.cases if case not in CASES]:
        parser.error(f"no case {', '.join(unknown)}; there are {', '.join(CASES)}")
    return arguments


def run_pytest(cases: list[str], *, quick: bool) -> list[dict[str, object]]:
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
        subprocess.run(command + ["--quick"] * quick, check=False)
        text = results.read_text() if results.exists() else ""
    return json.loads(text)["benchmarks"] if text else []


def main() -> int:
    arguments = parse_arguments()
    try:
        machine.require_installed_wheel()
    except machine.NotInstalledError as error:
        print(error, file=sys.stderr)
        return 1
    rows = report.read_rows(run_pytest(arguments.cases, quick=arguments.quick), arguments.cases, quick=arguments.quick)
    report.write(rows, machine.describe(), HERE / "results", quick=arguments.quick)
    report.show(rows, machine.describe(), quick=arguments.quick)
    for row in (row for row in rows if row.fails):
        print(f"{row.verdict}: {row.case} against {row.rival}, threads {row.threads}", file=sys.stderr)
    return 1 if any(row.fails for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
