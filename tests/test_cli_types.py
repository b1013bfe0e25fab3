"""``edgeonnx score`` and types: results as --with declares them, and what --report tells of conversions."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet
import pytest
from onnx import TensorProto, helper

from _command import add_model, edgeonnx, failed_with_one_line


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Y = a + b of an int and a real column."""
    return add_model(tmp_path / "add.onnx", {"a": TensorProto.INT32, "b": TensorProto.FLOAT})


def write(path: Path, **columns: object) -> Path:
    pa.parquet.write_table(pa.table(columns), path)
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write(tmp_path / "in.parquet", a=np.array([1.5, 2, -3.9]), b=np.array([0.125, 16777217, -1]))


# --------------------------------------------------------------------------------------------------------------------------- with


@pytest.mark.parametrize("target", ["out.parquet", "out.arrow", "out.arrows"])
def test_score_with_decimal_writes_decimals(tmp_path: Path, model: Path, data: Path, target: str) -> None:
    out = tmp_path / target
    run = edgeonnx("score", model, data, "-o", out, "--with", "y decimal(12,2) NOT NULL", "--no-keep")
    assert (run.returncode, run.stdout, run.stderr) == (0, b"", b"")
    opened = {".parquet": pa.parquet.ParquetFile, ".arrow": pa.ipc.open_file, ".arrows": pa.ipc.open_stream}[out.suffix](out)
    with opened:
        table = opened.read() if out.suffix == ".parquet" else opened.read_all()
    assert table.schema.field("y").type == pa.decimal128(12, 2)
    assert table["y"].to_pylist() == [Decimal("1.13"), Decimal("16777218.00"), Decimal("-4.00")]


def test_score_with_decimal_writes_all_digits_into_csv(tmp_path: Path, model: Path, data: Path) -> None:
    run = edgeonnx("score", model, data, "-o", "-", "--to", "csv", "--with", "y decimal(25,17) NOT NULL", "--no-keep")
    assert run.stdout.decode().split() == ["y", "1.12500000000000000", "16777218.00000000000000000", "-4.00000000000000000"]


def test_score_with_decimal_writes_null_where_a_row_has_no_answer(tmp_path: Path, model: Path) -> None:
    (tmp_path / "in.csv").write_text("a,b\n1,0.125\n,1\n")
    command = ("score", model, tmp_path / "in.csv", "-o", tmp_path / "out.csv", "--no-keep", "--nulls", "propagate", "--with")
    assert edgeonnx(*command, "y decimal(5,2) NULL").returncode == 0
    assert (tmp_path / "out.csv").read_text() == "y\n1.13\n\n"
    assert failed_with_one_line(edgeonnx(*command, "y decimal(5,2) NOT NULL"), "row 1 of output 'y' is NULL", "NOT NULL")


def test_score_with_decimal_overflow_names_row_and_option(tmp_path: Path, model: Path, data: Path) -> None:
    command = ("score", model, data, "-o", tmp_path / "out.parquet", "--batch-rows", "1", "--with", "y numeric(4,2)")
    words = ("Arithmetic overflow error converting real to data type numeric.", "row 1 of output 'y'", "--on-overflow null")
    assert failed_with_one_line(edgeonnx(*command), *words)
    assert edgeonnx(*command, "--on-overflow", "null").returncode == 0
    assert pa.parquet.read_table(tmp_path / "out.parquet")["y"].to_pylist() == [Decimal("1.13"), None, Decimal("-4.00")]


@pytest.mark.parametrize(
    "declared",
    [
        pytest.param(["y decimal(12,2) NOT NULL, n bigint"], id="NOT NULL before a comma"),
        pytest.param(["y  DEC ( 12 , 2 )  not  null ,n bigint null"], id="spaces and case"),
        pytest.param(["n bigint NULL,y decimal(12,2) NULL"], id="NULL"),
        pytest.param(["[y] numeric(12, 2)", '"n" bigint not null'], id="quoted names in two options"),
    ],
)
def test_score_with_list_takes_types_and_nullability(tmp_path: Path, data: Path, declared: list[str]) -> None:
    nodes = [helper.make_node("Identity", ["b"], ["y"]), helper.make_node("Cast", ["a"], ["n"], to=TensorProto.INT64)]
    ports = {"a": TensorProto.INT32, "b": TensorProto.FLOAT, "y": TensorProto.FLOAT, "n": TensorProto.INT64}
    infos = [helper.make_tensor_value_info(name, kind, ["N", 1]) for name, kind in ports.items()]
    graph = helper.make_graph(nodes, "two", infos[:2], infos[2:])
    path = tmp_path / "two.onnx"
    path.write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString())
    lists = [part for text in declared for part in ("--with", text)]
    run = edgeonnx("score", path, data, "-o", tmp_path / "out.parquet", "--no-keep", *lists)
    assert run.returncode == 0, run.stderr
    table = pa.parquet.read_table(tmp_path / "out.parquet")
    assert {field.name: field.type for field in table.schema} == {"y": pa.decimal128(12, 2), "n": pa.int64()}
    assert table["n"].to_pylist() == [1, 2, -3]


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ("y decimal(10,2", "'output type'"),
        ("y decimal(10,2) NULLS", "'nulls' is too much"),
        ("y decimal(10,2) NOT NULL n bigint", "'n' is too much"),
        ("y decimal(39,2)", "decimal(39,2)"),
        ("y decimal(10,11)", "decimal(10,11)"),
        ("y real NOT", "real NOT"),
    ],
)
def test_score_with_malformed_type_is_wrong_usage(model: Path, data: Path, declared: str, words: str) -> None:
    run = edgeonnx("score", model, data, "-o", "out.parquet", "--with", declared)
    assert run.returncode == 2
    assert words in run.stderr.decode()


# ------------------------------------------------------------------------------------------------------------------------- report


def report(*command: str | Path) -> list[str]:
    """Lines on stderr, the first one without its seconds."""
    run = edgeonnx("score", *command)
    assert (run.returncode, run.stdout) == (0, b""), run.stderr
    first, *others = run.stderr.decode().splitlines()
    return [re.sub(r" in [0-9.e-]+ s,", ",", first), *others]


@pytest.mark.parametrize("batch_rows", ["1", "2", "100"])
def test_score_report_adds_up_batches(tmp_path: Path, model: Path, data: Path, batch_rows: str) -> None:
    lines = report(model, data, "-o", tmp_path / "out.csv", "--with", "y decimal(12,2)", "--batch-rows", batch_rows, "--report")
    assert lines == [
        "3 rows scored, reading and writing not counted",
        "a: float to int, truncate, 2 altered",
        "b: float to real, nearest, 1 altered",
        "y: real to decimal(12,2), round, 1 altered",
    ]


def test_score_report_without_conversions_or_rows_has_one_line(tmp_path: Path, model: Path) -> None:
    one = write(tmp_path / "one.parquet", a=np.int32([1]), b=np.float32([1]))
    assert report(model, one, "-o", tmp_path / "out.csv", "--report") == ["1 rows scored, reading and writing not counted"]
    none = write(tmp_path / "none.parquet", a=np.float64([]), b=np.float64([]))
    assert report(model, none, "-o", tmp_path / "out.csv", "--report") == ["0 rows scored, reading and writing not counted"]


def test_score_report_on_csv_tells_the_types_that_batches_were_read_as(tmp_path: Path, model: Path) -> None:
    (tmp_path / "in.csv").write_text("a,b\n1,16777217\n2,0.1\n2.5,1\n")
    assert report(model, tmp_path / "in.csv", "-o", tmp_path / "out.csv", "--batch-rows", "2", "--report") == [
        "3 rows scored, reading and writing not counted",
        "a: bigint to int, checked, 0 altered",
        "b: float to real, nearest, 2 altered",
        "a: float to int, truncate, 1 altered",
        "CSV text was read as these types first; what that rounded is not counted",
    ]


def test_score_report_is_apart_from_the_output_and_absent_after_an_error(tmp_path: Path, model: Path, data: Path) -> None:
    run = edgeonnx("score", model, data, "-o", "-", "--to", "csv", "--no-keep", "--report")
    assert run.stdout.splitlines() == [b"y", b"1.125", b"16777218", b"-4"]
    assert run.stderr.startswith(b"3 rows scored in ")
    bad = write(tmp_path / "bad.parquet", a=np.array([1, 2, 1e10]), b=np.zeros(3))
    run = edgeonnx("score", model, bad, "-o", tmp_path / "out.csv", "--batch-rows", "1", "--report")
    assert failed_with_one_line(run, "row 2 of column 'a'")


def test_score_report_branches_counts_rows_over_batches(tmp_path: Path) -> None:
    attributes = {"nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF"], "nodes_nodeids": [0, 1, 2], "nodes_treeids": [0, 0, 0]}
    attributes |= {"nodes_featureids": [0, 0, 0], "nodes_values": [0.5, 0.0, 0.0], "nodes_truenodeids": [1, 0, 0]}
    attributes |= {"nodes_falsenodeids": [2, 0, 0], "target_nodeids": [1, 2], "target_treeids": [0, 0], "target_ids": [0, 0]}
    attributes |= {"target_weights": [1.0, 2.0], "n_targets": 1}
    node = helper.make_node("TreeEnsembleRegressor", ["x"], ["y"], domain="ai.onnx.ml", **attributes)
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 1]) for name in ("x", "y")]
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    tree = tmp_path / "tree.onnx"
    tree.write_bytes(
        helper.make_model(helper.make_graph([node], "tree", ports[:1], ports[1:]), opset_imports=opsets, ir_version=8).SerializeToString()
    )
    data = write(tmp_path / "in.parquet", x=np.array([0.5, 0.5 + 1e-12, 0.7, 0.5 - 1e-12, 0.5 + 1e-13]))
    lines = report(tree, data, "-o", tmp_path / "out.csv", "--batch-rows", "2", "--count-branches")
    assert lines == [
        "5 rows scored, reading and writing not counted",
        "x: float to real, nearest, 4 altered",
        "2 rows went down another branch of a tree because values were rounded to real",
    ]
    assert lines[:-1] == report(tree, data, "-o", tmp_path / "out.csv", "--report")


def test_score_report_of_branches_without_trees_says_so(tmp_path: Path, model: Path, data: Path) -> None:
    assert report(model, data, "-o", tmp_path / "out.csv", "--count-branches")[-1].startswith("no tree of the model")
