"""The command line: usage, versions, inspect, demo."""

import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import onnxruntime
import pyarrow as pa
import pyarrow.csv
import pyarrow.ipc
import pyarrow.parquet
import pytest
from click.testing import CliRunner
from onnx import TensorProto, helper

import edgeonnx as eo
from _command import Running, add_model, edgeonnx, failed_with_one_line
from edgeonnx.cli._app import app


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Y = a + b of an int and a real column."""
    return add_model(tmp_path / "add.onnx", {"a": TensorProto.INT32, "b": TensorProto.FLOAT})


# ------------------------------------------------------------------------------------------------------------------------- usage


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["score", "m.onnx", "t.csv"], "--output", id="no output"),
        pytest.param(["score", "m.onnx", "t.txt", "-o", "o.csv"], "t.txt", id="unknown input suffix"),
        pytest.param(["score", "m.onnx", "t.csv", "-o", "o"], "--to", id="no output suffix"),
        pytest.param(["score", "m.onnx", "t.csv", "-o", "-", "--to", "parquet"], "parquet needs a file", id="parquet stream"),
        pytest.param(["score", "m.onnx", "t.csv", "-o", "o.csv", "--with", "y"], "output type", id="with without type"),
        pytest.param(["score", "m.onnx", "t.csv", "-o", "o.csv", "--nulls", "a=maybe"], "input 'a'", id="unknown null policy"),
        pytest.param(["score", "m.onnx", "t.csv", "-o", "o.csv", "--with", "y real, y int"], "'y' is named twice", id="output twice"),
        pytest.param(
            ["score", "m.onnx", "t.csv", "-o", "o.csv", "--with", "y real", "--with", "y int"], "'y' is named twice", id="with twice"
        ),
        pytest.param(["score", "m.onnx", "t.csv", "-o", "o.csv", "--with", "y nchar(3)"], "'nchar(3)' is not a SQL type", id="no SQL type"),
        pytest.param(["score", "m.onnx", "t.csv", "-o", "o.csv", "--columns", "X"], "input=column", id="columns without names"),
        pytest.param(["score", "m.onnx", "t.csv", "-o", "o.csv", "--rename", "a"], "column=input", id="rename without input"),
        pytest.param(["score", "m.onnx", "t.csv", "-o", "o.csv", "--batch-rows", "0"], "--batch-rows", id="no rows a batch"),
        pytest.param(["score", "m.onnx", "t.csv", "-o", "o.csv", "--delimiter", "::"], "one character", id="two delimiters"),
        pytest.param(["score", "m.onnx", "t.parquet", "-o", "o.csv", "--delimiter", ";"], "--delimiter is for CSV", id="not CSV"),
        pytest.param(["score", "m.onnx", "t.csv", "-o", "o.csv", "--outputs", "y", "--with", "y real"], "--outputs and --with", id="both"),
        pytest.param(["guess"], "guess", id="unknown command"),
    ],
)
def test_app_wrong_usage_exits_2_and_names_the_argument(arguments: list[str], words: str) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert words in result.stderr


def test_version_tells_edgeonnx_and_runtime() -> None:
    text = edgeonnx("--version").stdout.decode()
    assert text.startswith(f"edgeonnx {eo.__version__}\n")
    assert onnxruntime.__version__ in text
    assert "libonnxruntime" in text


@pytest.mark.parametrize("package", ["click", "rich", "pyarrow"])
def test_main_without_an_extra_says_what_to_install(package: str) -> None:
    code = f"import sys; sys.modules['{package}'] = None; from edgeonnx.cli import main; main()"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
    assert failed_with_one_line(run, package, "pip install 'edgeonnx[cli]'")


# ----------------------------------------------------------------------------------------------------------------------- inspect


def test_inspect_shows_ports_in_sql_types(model: Path) -> None:
    run = edgeonnx("inspect", model)
    text = run.stdout.decode()
    assert run.returncode == 0
    assert run.stderr == b""
    assert [line.split() for line in text.splitlines() if "tensor(" in line] == [
        ["a", "int", "tensor(int32)", "[N,", "1]"],
        ["b", "real", "tensor(float)", "[N,", "1]"],
        ["y", "real", "tensor(float)", "[N,", "1]"],
    ]
    plan = eo.Scorer(model).explain().splitlines()
    assert {line for line in plan if not line.startswith(("input", "output"))} <= {line.strip() for line in text.splitlines()}


def test_inspect_says_why_an_input_cannot_be_fed(tmp_path: Path) -> None:
    path = tmp_path / "text.onnx"
    ports = [helper.make_tensor_value_info(name, TensorProto.STRING, ["N", 1]) for name in ("word", "same")]
    graph = helper.make_graph([helper.make_node("Identity", ["word"], ["same"])], "text", ports[:1], ports[1:])
    path.write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString())
    run = edgeonnx("inspect", path)
    text = run.stdout.decode()
    assert run.returncode == 0, run.stderr
    assert re.search(r"look out\n.*'word'.* text ", text), text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(None, "m.onnx", id="missing"),
        pytest.param(b"", "m.onnx", id="empty"),
        pytest.param(b"PK\3\4junk", "m.onnx", id="not ONNX"),
    ],
)
def test_inspect_bad_file_fails_with_one_line(tmp_path: Path, content: bytes | None, words: str) -> None:
    path = tmp_path / "m.onnx"
    if content is not None:
        path.write_bytes(content)
    assert failed_with_one_line(edgeonnx("inspect", path), words)


def test_inspect_into_a_closed_pipe_is_quiet(model: Path) -> None:
    with Running("inspect", model) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 141


# -------------------------------------------------------------------------------------------------------------------------- demo


def test_demo_prints_both_r2_and_leaves_its_files(tmp_path: Path) -> None:
    run = edgeonnx("demo", "--rows", "20000", "--folder", tmp_path / "demo")
    text = run.stdout.decode()
    assert run.returncode == 0, run.stderr
    assert text.count("0.5177484") == 4
    assert "rows/s" in text
    assert "edgeonnx inspect" in text
    scored = pa.parquet.read_table(tmp_path / "demo" / "scored.parquet")
    assert scored.num_rows == 442
    assert scored.column_names[-1] == "variable1"
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript((tmp_path / "demo" / "features.sql").read_text())
        rows = db.execute("SELECT * FROM features ORDER BY id").fetchall()
    assert [row[0] for row in rows] == list(range(1, 443))
    assert np.array_equal(np.array(rows)[:, 1:], np.column_stack(scored.columns[:-1]))
    assert edgeonnx("inspect", tmp_path / "demo" / "tutorial.onnx").returncode == 0
