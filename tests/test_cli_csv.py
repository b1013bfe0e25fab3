"""``edgeonnx score`` on CSV: what is scored, what is kept, and what is refused."""

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet
import pytest
from onnx import TensorProto

from _command import add_model, edgeonnx, failed_with_one_line

KINDS = {"real": TensorProto.FLOAT, "float": TensorProto.DOUBLE, "tinyint": TensorProto.UINT8, "bigint": TensorProto.INT64}
KINDS |= {"uint64": TensorProto.UINT64, "bit": TensorProto.BOOL}


def scored(model: Path, text: str, *options: str) -> list[str]:
    """Lines of the CSV that comes out."""
    run = edgeonnx("score", model, "-", "--format", "csv", "-o", "-", "--to", "csv", *options, input=text.encode())
    assert (run.returncode, run.stderr) == (0, b"")
    return run.stdout.decode().splitlines()


def refused(model: Path, text: str, *words: str, options: tuple[str, ...] = ()) -> bool:
    run = edgeonnx("score", model, "-", "--format", "csv", "-o", "-", "--to", "csv", "--no-keep", *options, input=text.encode())
    run.stdout = run.stdout.removeprefix(b"y\n")  # the header goes out before the rows come in
    return failed_with_one_line(run, *words)


def one_input(folder: Path, kind: str) -> Path:
    return add_model(folder / "m.onnx", {"a": KINDS[kind]})


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("real", "1e39"),
        ("real", "-1e39"),
        ("real", "1e400"),
        ("float", "1e400"),
        ("float", "-1e400"),
        ("tinyint", "300"),
        ("tinyint", "-1"),
        ("bigint", "9223372036854775808"),
        ("bigint", "1e400"),
        ("bigint", "inf"),
        ("uint64", "18446744073709551616"),
    ],
)
def test_score_csv_overflow_is_an_error_that_names_the_row(tmp_path: Path, kind: str, value: str) -> None:
    told = "value = " if kind == "real" or "e400" in value else "It is "
    assert refused(one_input(tmp_path, kind), f"a\n1\n{value}\n", "Arithmetic overflow error", "row 1 of column 'a'", told)


@pytest.mark.parametrize("value", ["300", "x"])
def test_score_csv_error_in_a_later_batch_counts_all_rows(tmp_path: Path, value: str) -> None:
    (tmp_path / "in.csv").write_text("a\n" + "1\n" * 25 + value + "\n")
    run = edgeonnx("score", one_input(tmp_path, "tinyint"), tmp_path / "in.csv", "-o", tmp_path / "out.csv", "--batch-rows", "10")
    assert failed_with_one_line(run, "row 25 of column 'a'", value)


@pytest.mark.parametrize(("kind", "value"), [("real", "1e39"), ("real", "1e400"), ("tinyint", "300"), ("bigint", "9223372036854775808")])
def test_score_csv_overflow_is_null_where_asked(tmp_path: Path, kind: str, value: str) -> None:
    assert scored(one_input(tmp_path, kind), f"a\n1\n{value}\n", "--on-overflow", "null") == ["a,y", "1,1", f"{value},"]


def test_score_csv_inf_and_nan_are_values(tmp_path: Path) -> None:
    lines = scored(one_input(tmp_path, "real"), "a\ninf\n-Infinity\nNaN\n")
    assert lines == ["a,y", "inf,inf", "-Infinity,-inf", "NaN,nan"]


def test_score_csv_integers_are_read_exactly(tmp_path: Path) -> None:
    batch = "a\n18446744073709551615\n 7 \n"
    assert scored(one_input(tmp_path, "uint64"), batch) == ["a,y", "18446744073709551615,1.8446744e+19", " 7 ,7"]
    # float64, which the fraction asks for, cannot hold the other number.
    assert refused(one_input(tmp_path, "bigint"), "a\n2.5\n9007199254740993\n", "row 1 of column 'a'", "9007199254740993")


def test_score_csv_bit_takes_words_and_numbers(tmp_path: Path) -> None:
    assert scored(one_input(tmp_path, "bit"), "a\ntrue\nfalse\n") == ["a,y", "true,1", "false,0"]
    assert scored(one_input(tmp_path, "bit"), "a\n2\n0\n") == ["a,y", "2,1", "0,0"]


@pytest.mark.parametrize("coercion", ["safe", "strict"])
def test_score_csv_fraction_for_an_integer_is_refused_by_strict_coercions(tmp_path: Path, coercion: str) -> None:
    model = one_input(tmp_path, "tinyint")
    assert scored(model, "a\n7\n", "--coercion", coercion) == ["a,y", "7,7"]
    assert refused(model, "a\n7\n2.5\n", "row 1 of column 'a' is '2.5', not a whole number", options=("--coercion", coercion))


def test_score_csv_to_csv_keeps_every_text(tmp_path: Path) -> None:
    rows = [
        "zip,a,big,word,more",
        '00123,123456789,12345678901234567890,"say ""hi""",',
        '1.50,0.10,1e5,"y, z",""',
        "NULL,1e0,-0,NA,é",
    ]
    lines = scored(one_input(tmp_path, "real"), "\n".join(rows))
    assert [line.rsplit(",", 1)[0] for line in lines] == rows
    assert [line.rsplit(",", 1)[1] for line in lines] == ["y", "123456790", "0.1", "1"]


def test_score_csv_to_parquet_writes_fed_columns_as_numbers_and_others_as_text(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("zip,a\n00123,123456789\n,NULL\n")
    run = edgeonnx("score", one_input(tmp_path, "real"), tmp_path / "in.csv", "-o", tmp_path / "out.parquet", "--nulls", "propagate")
    assert run.returncode == 0, run.stderr
    out = pa.parquet.read_table(tmp_path / "out.parquet")
    assert out.schema.types == [pa.string(), pa.float64(), pa.float32()]
    assert out.to_pydict() == {"zip": ["00123", None], "a": [123456789.0, None], "y": [123456792.0, None]}


def late(last: str) -> str:
    """More rows than the types are guessed from, and then another kind."""
    return "a,other\n" + "1,2\n" * 1_200_000 + last + "\n"


def test_score_csv_text_late_in_a_column_that_is_only_kept(tmp_path: Path) -> None:
    lines = scored(one_input(tmp_path, "bigint"), late("1,word"))
    assert (len(lines), lines[1], lines[-1]) == (1_200_002, "1,2,1", "1,word,1")


def test_score_csv_fraction_late_in_an_integer_column(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(late("2.5,2"))
    command = ("score", one_input(tmp_path, "bigint"), tmp_path / "in.csv", "-o")
    run = edgeonnx(*command, tmp_path / "out.csv")
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "out.csv").read_text().endswith("\n1,2,1\n2.5,2,2\n")
    assert failed_with_one_line(edgeonnx(*command, tmp_path / "out.parquet"), "row 1200000 of column 'a' is '2.5'", "int64", "--no-keep")


# ----------------------------------------------------------------------------------------------------------------------- columns


def test_score_columns_option_chooses_and_orders_a_matrix(tmp_path: Path) -> None:
    model = add_model(tmp_path / "m.onnx", {"X": TensorProto.FLOAT}, ["N", 2])
    text = "id,u,v,age x\n7,1,2,3\n"
    assert refused(model, text, "--columns 'X=column,...'")
    assert scored(model, text, "--columns", "X=v,age x") == ["id,u,v,age x,y_0,y_1", "7,1,2,3,2,3"]
    assert scored(model, text, "--columns", 'x="age x",u', "--no-keep") == ["y_0,y_1", "3,1"]
    assert refused(model, text, "'w'", options=("--columns", "X=v,w"))


def test_score_columns_option_on_arrow(tmp_path: Path) -> None:
    model = add_model(tmp_path / "m.onnx", {"X": TensorProto.FLOAT, "b": TensorProto.FLOAT}, ["N", 2])
    sink = io.BytesIO()
    table = pa.table({name: np.float32([index]) for index, name in enumerate("pqrs")})
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    options = ("--columns", "X=p,q", "--columns", "b=s,r", "--to", "csv")
    run = edgeonnx("score", model, "-", "-o", "-", *options, input=sink.getvalue())
    assert run.stdout.splitlines() == [b"p,q,r,s,y_0,y_1", b"0,1,2,3,3,3"]


def test_score_csv_words_for_null_are_those_of_databases(tmp_path: Path) -> None:
    model = one_input(tmp_path, "real")
    assert scored(model, "a,b\n1,NA\nNULL,x\nnull,x\n,x\n", "--nulls", "7")[1:] == ["1,NA,1", "NULL,x,7", "null,x,7", ",x,7"]
    for word in ("NA", "n/a", "#N/A"):
        assert refused(model, f"a\n1\n{word}\n", f"row 1 of column 'a' is '{word}', not a number", "NULL", options=("--nulls", "7"))


@pytest.mark.parametrize(("delimiter", "shown"), [(";", ";"), ("\t", r"\t"), ("|", "|")], ids=["semicolon", "tab", "bar"])
def test_score_csv_with_another_delimiter_is_told_and_read(tmp_path: Path, delimiter: str, shown: str) -> None:
    model = add_model(tmp_path / "m.onnx", {"a": TensorProto.FLOAT, "b": TensorProto.FLOAT})
    text = f"a{delimiter}b\n1{delimiter}2\n"
    assert refused(model, text, f"'a{delimiter}b'", f"--delimiter '{shown}'")
    assert scored(model, text, "--delimiter", shown) == ["a,b,y", "1,2,3"]
    assert refused(model, "a,b\n1,2\n", "--delimiter ','", options=("--delimiter", shown))


# ---------------------------------------------------------------------------------------------------------------------- messages


def test_score_csv_taken_for_arrow_names_the_option(tmp_path: Path) -> None:
    run = edgeonnx("score", one_input(tmp_path, "real"), "-", "-o", "-", input=b"a\n1\n2\n3\n")
    assert failed_with_one_line(run, "standard input", "--format csv")


def test_score_messages_name_options_of_the_command_line(tmp_path: Path) -> None:
    model = one_input(tmp_path, "real")
    assert refused(model, "a,b\n,2\n", "NULL", "--nulls nan")
    run = edgeonnx("score", model, "-", "--format", "csv", "-o", "-", input=b"a,y\n1,2\n")
    assert failed_with_one_line(run, "'y'", "--no-keep")
