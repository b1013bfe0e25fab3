"""What the README shows runs as printed."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from _command import edgeonnx

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    """The fenced blocks of one language; "" for those that name none."""
    return [body for name, body in re.findall(r"^```(\w*)\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL) if name == language]


def test_readme_first_snippet_is_short_and_early() -> None:
    snippet = blocks("python")[0]
    assert len([line for line in snippet.splitlines() if line.strip()]) <= 12
    assert snippet in "\n".join(README.splitlines()[:40]) + "\n"
    assert "pip install" in "\n".join(README.splitlines()[:15])


def test_readme_first_snippet_runs_as_printed(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", blocks("python")[0]]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    assert "variable" in run.stdout.splitlines()[0]
    assert run.stdout.splitlines()[-1] == "442 rows, mean 152.1"


def test_readme_sql_runs_as_printed(tmp_path: Path) -> None:
    code = blocks("python")[0] + blocks("python")[1] + "print(len(rows), round(sum(y for _, y in rows) / len(rows), 1))"
    run = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-1] == "442 152.1"


def test_readme_page_on_sameness_runs_as_printed(tmp_path: Path) -> None:
    block = next(block for block in blocks("python") if "eo.verify(" in block)
    command = [sys.executable, "-W", "error", "-c", blocks("python")[0] + block]
    env = {**os.environ, "EDGEONNX_CACHE": str(tmp_path)}
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, env=env)
    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    assert "the model beside scikit-learn Pipeline: the same" in lines
    assert any(line.startswith("golden rows: 32 rows re-scored, worst difference 0 ") for line in lines)


def test_readme_commands_run_as_printed(tmp_path: Path) -> None:
    files = """
import pickle
open("model.onnx", "wb").write(to_onnx(pipeline, patients[:1].astype("float32")).SerializeToString())
open("pipeline.pkl", "wb").write(pickle.dumps(pipeline))
patients.to_parquet("patients.parquet")
"""
    subprocess.run([sys.executable, "-c", blocks("python")[0] + files], cwd=tmp_path, capture_output=True, check=True, timeout=120)
    commands = [line for block in blocks("") for line in block.splitlines() if line.startswith("edgeonnx ")]
    assert [shlex.split(command)[1] for command in commands] == ["inspect", "score", "sql", "convert", "verify", "seal", "bench"]
    for command in commands:
        run = edgeonnx(*shlex.split(command)[1:], cwd=tmp_path, env={**os.environ, "EDGEONNX_CACHE": str(tmp_path / "cache")})
        assert run.returncode == 0, run.stderr
    assert pa.parquet.read_schema(tmp_path / "scored.parquet").field("variable").type == pa.float64()
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")


@pytest.mark.skipif(not (ROOT / "Makefile").exists(), reason="needs the sources: the Makefile is among them")
def test_readme_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)`", README))
    assert {"demo", "test"} <= named <= targets


def test_readme_providers_are_listed_as_printed() -> None:
    block = next(block for block in blocks("python") if "eo.providers()" in block)
    run = subprocess.run([sys.executable, "-c", "import edgeonnx as eo\n" + block], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[0] == "CPUExecutionProvider: usable"
