"""The output file of ``edgeonnx score`` appears whole or not at all, whatever ends the run."""

import os
import resource
import signal
import stat
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet
import pytest
from onnx import TensorProto

from _command import Running, add_model, edgeonnx, failed_with_one_line, leftovers

OLD = b"what was there before"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return add_model(tmp_path / "add.onnx", {"a": TensorProto.INT32, "b": TensorProto.FLOAT})


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An output that exists already, in a folder of its own."""
    folder = tmp_path / "results"
    folder.mkdir()
    path = folder / "out.parquet"
    path.write_bytes(OLD)
    return path


def data(path: Path, n_rows: int = 1000, **columns: pa.Array) -> Path:
    rng = np.random.default_rng(2)
    numbers = {"a": rng.integers(0, 1 << 30, n_rows, np.int32), "b": rng.random(n_rows, np.float32)}
    pa.parquet.write_table(pa.table(numbers | columns), path)
    return path


def untouched(out: Path) -> bool:
    return out.read_bytes() == OLD and leftovers(out.parent) == []


def test_score_replaces_an_old_output_and_keeps_its_mode(tmp_path: Path, model: Path, out: Path) -> None:
    out.chmod(0o640)
    assert edgeonnx("score", model, data(tmp_path / "in.parquet"), "-o", out).returncode == 0
    assert pa.parquet.read_table(out).num_rows == 1000
    assert stat.S_IMODE(out.stat().st_mode) == 0o640
    assert leftovers(out.parent) == []


def test_score_through_a_link_replaces_its_target(tmp_path: Path, model: Path, out: Path) -> None:
    link = tmp_path / "link.parquet"
    link.symlink_to(out)
    assert edgeonnx("score", model, data(tmp_path / "in.parquet"), "-o", link).returncode == 0
    assert link.is_symlink()
    assert pa.parquet.read_table(out).num_rows == 1000


@pytest.mark.parametrize(
    ("column", "words"),
    [
        pytest.param(pa.array([1] * 999 + [None], pa.int32()), ["'a'", "999"], id="a NULL in the last row"),
        pytest.param(pa.array([1] * 999 + [1 << 40], pa.int64()), ["'a'", "999", "1099511627776"], id="an overflow in the last row"),
        pytest.param(pa.array(["x"] * 1000), ["'a'"], id="a column of text"),
    ],
)
def test_score_bad_column_leaves_the_old_output(tmp_path: Path, model: Path, out: Path, column: pa.Array, words: list[str]) -> None:
    run = edgeonnx("score", model, data(tmp_path / "in.parquet", a=column), "-o", out, "--batch-rows", "100")
    assert failed_with_one_line(run, *words)
    assert untouched(out)


def test_score_file_size_limit_leaves_the_old_output(tmp_path: Path, model: Path, out: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))

    run = edgeonnx("score", model, data(tmp_path / "in.parquet", 100_000), "-o", out, preexec_fn=limit)
    assert failed_with_one_line(run, "cannot write", "out.parquet", "File too large", "unchanged")
    assert untouched(out)


@pytest.mark.parametrize("format", ["parquet", "csv", "arrow", "arrows"])
def test_score_full_device_fails_with_one_line(tmp_path: Path, model: Path, format: str) -> None:
    run = edgeonnx("score", model, data(tmp_path / "in.parquet", 100_000), "-o", "/dev/full", "--to", format)
    assert failed_with_one_line(run, "cannot write '/dev/full'", "No space left on device")


def test_score_full_stdout_fails_with_one_line(tmp_path: Path, model: Path) -> None:
    with open("/dev/full", "wb") as full, Running("score", model, data(tmp_path / "in.parquet"), "-o", "-", stdout=full) as process:
        text = process.stderr.read().decode()
        assert process.wait(60) == 1
    assert text == "edgeonnx: cannot write 'standard output': No space left on device\n"


@pytest.mark.parametrize("folder", ["missing", "out.parquet"])
def test_score_into_no_folder_fails_with_one_line(tmp_path: Path, model: Path, out: Path, folder: str) -> None:
    run = edgeonnx("score", model, data(tmp_path / "in.parquet"), "-o", out.parent / folder / "new.parquet")
    assert failed_with_one_line(run, "cannot write", "new.parquet")
    assert untouched(out)


def test_score_onto_a_folder_fails_with_one_line(tmp_path: Path, model: Path, out: Path) -> None:
    run = edgeonnx("score", model, data(tmp_path / "in.parquet"), "-o", out.parent, "--to", "csv")
    assert failed_with_one_line(run, "cannot write", "Is a directory")
    assert untouched(out)


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [(signal.SIGINT, 130, b"edgeonnx: interrupted\n"), (signal.SIGTERM, 143, b""), (signal.SIGHUP, 129, b"")],
    ids=["Ctrl-C", "terminate", "hang up"],
)
def test_score_signal_leaves_the_old_output(model: Path, out: Path, number: int, code: int, words: bytes) -> None:
    batch = pa.record_batch({"a": pa.array([1, 2], pa.int32()), "b": pa.array([1.0, 2.0], pa.float32())})
    with Running("score", model, "-", "-o", out) as process:
        with pa.ipc.new_stream(process.stdin, batch.schema) as writer:
            writer.write_batch(batch)
            process.stdin.flush()
            deadline = time.monotonic() + 60
            while not leftovers(out.parent):  # the output is open once its temporary file is there
                assert time.monotonic() < deadline
                assert process.poll() is None
                time.sleep(0.02)
            process.send_signal(number)
            assert process.wait(60) == code
        assert process.stderr.read() == words
    assert untouched(out)


def test_score_stream_cut_short_leaves_the_old_output(model: Path, out: Path, tmp_path: Path) -> None:
    table = pa.parquet.read_table(data(tmp_path / "in.parquet"))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=100)
    whole = sink.getvalue().to_pybytes()
    assert failed_with_one_line(edgeonnx("score", model, "-", "-o", out, input=whole[: len(whole) // 2]), "standard input")
    assert untouched(out)


def test_score_data_deleted_while_it_is_read_is_scored_whole(model: Path, out: Path, tmp_path: Path) -> None:
    path = data(tmp_path / "in.parquet", 200_000)
    fifo = tmp_path / "pipe.csv"
    os.mkfifo(fifo)
    with Running("score", model, path, "-o", fifo, "--batch-rows", "1000") as process:
        with fifo.open("rb") as reader:  # the pipe holds 64 KiB, so most rows are still to be read now
            reader.readline()
            path.unlink()
            assert reader.read().count(b"\n") == 200_000
        assert process.wait(60) == 0
