"""The command line: edgeonnx sql."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet
import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

import models
from _command import Running, edgeonnx, failed_with_one_line
from edgeonnx.cli._repl import repl
from edgeonnx.cli._results import show_result
from sql_database import FEATURES, MODEL, connect


@pytest.fixture(scope="module", autouse=True)
def extension() -> None:
    connect().close()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "tutorial.onnx").write_bytes(MODEL)
    return tmp_path / "tutorial.onnx"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    FEATURES.to_parquet(tmp_path / "features.parquet", index=False)
    return tmp_path / "features.parquet"


def out(*arguments: str | Path, **options: object) -> str:
    run = edgeonnx("sql", *arguments, **options)
    assert run.returncode == 0, run.stderr
    return run.stdout.decode()


def test_rows_are_csv_in_a_pipe() -> None:
    assert out("SELECT 1 AS a, NULL AS b, 'x,y' AS c SELECT CAST(2.5 AS decimal(9,2)) AS d") == 'a,b,c\n1,,"x,y"\nd\n2.50\n'


def test_messages_leave_standard_output_to_rows() -> None:
    run = edgeonnx("sql", "USE onnx PRINT 'hello' SELECT 1 AS a")
    assert run.stdout == b"a\n1\n"
    assert "USE onnx: no database of that name" in run.stderr.decode()
    assert run.stderr.decode().endswith("hello\n")


def test_table_shows_some_rows_and_says_so() -> None:
    text = out("--to", "table", "--rows", "3", "SELECT range AS n, range * 0.5 AS half FROM range(10)")
    assert [line.split() for line in text.splitlines()[:4]] == [["n", "half"], ["0", "0.0"], ["1", "0.5"], ["2", "1.0"]]
    assert "the first 3 rows" in text
    assert "10 rows" in out("--to", "table", "SELECT range AS n FROM range(10)")
    assert "NULL" in out("--to", "table", "SELECT NULL AS n, '[bold]' AS brackets")


def test_json_is_a_line_a_row() -> None:
    lines = out(
        "--to", "json", "SELECT 1 AS a, 0x0AFF AS b, CAST(2.5 AS money) AS c, CAST('2024-02-29' AS date) AS d, NULL AS e"
    ).splitlines()
    assert [json.loads(line) for line in lines] == [{"a": 1, "b": "0x0AFF", "c": "2.5000", "d": "2024-02-29", "e": None}]


@pytest.mark.parametrize(
    ("name", "read"), [("out.parquet", pa.parquet.read_table), ("out.arrow", lambda p: pa.ipc.open_file(p).read_all())]
)
def test_predict_from_file_to_file(tmp_path: Path, model: Path, data: Path, name: str, read: object) -> None:
    script = f"SELECT d.age, p.variable1 FROM PREDICT(MODEL = @m, DATA = '{data}' AS d, RUNTIME = ONNX) WITH (variable1 FLOAT) AS p"
    assert out("-p", f"m=@{model}", "-o", tmp_path / name, script) == ""
    table = read(tmp_path / name)  # type: ignore[operator]
    assert table.num_rows == 442
    assert table.schema.names == ["age", "variable1"]
    assert table.schema.field("variable1").type == pa.float64()


def test_database_script_and_parameters(tmp_path: Path) -> None:
    database, script = tmp_path / "a.duckdb", tmp_path / "a.sql"
    script.write_text("CREATE TABLE t (x int, s varchar(9));\nGO\nINSERT INTO t VALUES (@x, @s), (NULL, @t);\n", encoding="utf-8-sig")
    assert out("-d", database, "-f", script, "-p", "x=7", "-p", "@s='8'", "-p", "t=NULL") == ""
    assert out("-d", database, input=b"SELECT x, s FROM t") == "x,s\n7,8\n,\n"
    assert out("-d", database, "--read-only", "SELECT COUNT(*) AS n FROM t") == "n\n2\n"
    assert failed_with_one_line(edgeonnx("sql", "-d", database, "--read-only", "DELETE FROM t"), "read-only")


def test_options_of_conversion(model: Path) -> None:
    query = "SELECT p.y FROM PREDICT(MODEL = @m, DATA = (SELECT CAST(NULL AS real) AS x)) WITH (y float) AS p"
    model.write_bytes(models.identity("float32"))
    assert out("-p", f"m=@{model}", "--nulls", "5", query) == "y\n5\n"
    assert failed_with_one_line(edgeonnx("sql", "-p", f"m=@{model}", query), "column 'x'", "--nulls")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (
            ["SELECT CAST(300 AS tinyint)"],
            1,
            "Arithmetic overflow error for data type tinyint, value = 300. TRY_CAST makes NULL of it (error 220)",
        ),
        (["SELECT * FROM nosuch"], 1, "nosuch"),
        (["-f", "nosuch.sql"], 1, "cannot read 'nosuch.sql': No such file or directory"),
        (["-f", "a.sql", "SELECT 1"], 2, "give SQL or --file, not both"),
        (["-p", "7=7", "SELECT 1"], 2, "expected name=value"),
        (["-p", "m=@nosuch.onnx", "SELECT 1"], 2, "parameter 'm': cannot read 'nosuch.onnx'"),
        (["-p", "a=1", "-p", "a=2", "SELECT 1"], 2, "a name is given twice"),
        (["-o", "out", "SELECT 1"], 2, "does not tell a format"),
        (["--to", "parquet", "SELECT 1"], 2, "parquet is binary; give a file with --output"),
        (["-o", "x.csv", "--to", "table", "SELECT 1"], 2, "a table is for people"),
        (["-o", "x.csv", "CREATE TABLE t (x int)"], 1, "the last statement gives no rows to write to 'x.csv'"),
        (["--nulls", "maybe", "SELECT 1"], 2, "expected error, nan, propagate or a number"),
    ],
)
def test_wrong_input_and_wrong_usage(tmp_path: Path, arguments: list[str], code: int, words: str) -> None:
    run = edgeonnx("sql", *arguments, cwd=tmp_path)
    assert run.returncode == code
    assert words in run.stderr.decode()
    assert not list(tmp_path.iterdir())


def test_failed_statement_leaves_the_output_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("before")
    run = edgeonnx("sql", "-o", "x.csv", "SELECT CAST(range * 100 AS tinyint) AS t FROM range(100000)", cwd=tmp_path)
    assert run.returncode == 1
    assert [each.name for each in tmp_path.iterdir()] == ["x.csv"]
    assert (tmp_path / "x.csv").read_text() == "before"


def test_ctrl_c_ends_a_query() -> None:
    with Running(
        "sql", "SELECT COUNT(*) FROM range(100000) a, range(100000) b, range(1000) c WHERE hash(a.range + b.range + c.range) = 5"
    ) as run:
        time.sleep(3)
        run.send_signal(signal.SIGINT)
        assert run.wait(timeout=20) == 130


def test_prompt_runs_what_is_typed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    typed = [
        "DECLARE @x int = 4;",
        "SELECT @x + 1 AS a,",
        "@x + 2 AS b;",
        "SELECT nosuch;",
        "GO",
        "SELECT @x;",
        "SELECT 7 AS c",
        "GO",
        "quit",
    ]
    with connect() as connection, create_pipe_input() as keys:
        keys.send_text("".join(f"{line}\r" for line in typed))
        with create_app_session(input=keys, output=DummyOutput()):
            repl(connection, {}, lambda: show_result(connection, "csv", 10))
    printed = capsys.readouterr()
    assert "a,b\n5,6\n" in printed.out
    assert "c\n7\n" in printed.out
    assert "nosuch" in printed.err
    assert 'the variable "@x" is not declared' in printed.err
    assert "SELECT 7 AS c" in (tmp_path / "edgeonnx" / "history").read_text()
