"""``edgeonnx verify``: files in, a verdict out that scripts can read."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

import edgeonnx as eo
import faults
from _command import edgeonnx, failed_with_one_line
from faults import converted, table

DIFFERS = 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good model, a bad one, their estimator and their data."""
    root = tmp_path_factory.mktemp("verify")
    estimator, data = faults.lightgbm(2, "float64", 0.05), table(missing=0.05)
    good = converted(estimator, data)
    (root / "good.onnx").write_bytes(good.SerializeToString())
    (root / "bad.onnx").write_bytes(faults.nan_flipped(good).SerializeToString())
    (root / "estimator.pkl").write_bytes(pickle.dumps(estimator))
    data.to_csv(root / "data.csv", index=False)
    data.to_parquet(root / "data.parquet")
    answers = eo.Scorer(good, nulls="nan").predict(data, keep=False)
    answers.to_csv(root / "answers.csv", index=False)
    return root


@pytest.mark.parametrize("reference", ["estimator.pkl", "good.onnx", "answers.csv"])
@pytest.mark.parametrize("data", ["data.csv", "data.parquet"])
def test_verify_same_answers_end_with_0(folder: Path, reference: str, data: str) -> None:
    run = edgeonnx("verify", "good.onnx", reference, data, "--nulls", "nan", "--generated-rows", "1000", cwd=folder)
    assert run.returncode == 0, run.stderr
    assert run.stdout.decode().splitlines()[0].endswith(": the same")
    assert run.stderr == b""


def test_verify_other_answers_end_with_3_and_files_are_written(folder: Path, tmp_path: Path) -> None:
    files = ["--html", tmp_path / "report.html", "--png", tmp_path / "report.png", "--exact", tmp_path / "exact.onnx"]
    run = edgeonnx("verify", "bad.onnx", "estimator.pkl", "data.parquet", "--nulls", "nan", "--json", *files, cwd=folder)
    assert run.returncode == DIFFERS, run.stderr
    found = json.loads(run.stdout)
    assert [cause["name"] for cause in found["causes"]] == ["NaN routing"]
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")
    assert (tmp_path / "report.png").read_bytes()[:4] == b"\x89PNG"
    again = edgeonnx("verify", tmp_path / "exact.onnx", "estimator.pkl", "data.parquet", "--nulls", "nan", cwd=folder)
    assert again.returncode == 0, again.stdout


def test_verify_exact_model_that_there_is_not_is_told(folder: Path, tmp_path: Path) -> None:
    command = ("verify", "good.onnx", "estimator.pkl", "data.csv", "--nulls", "nan", "--generated-rows", "0")
    run = edgeonnx(*command, "--exact", tmp_path / "exact.onnx", cwd=folder)
    assert run.returncode == 0
    assert b"exact.onnx is not written: nothing differs" in run.stderr
    assert not (tmp_path / "exact.onnx").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(("good.onnx", "estimator.pkl", "data.parquet"), ["is NULL and input", "--nulls nan"], id="NULL"),
        pytest.param(("good.onnx", "missing.pkl", "data.csv"), ["missing.pkl"], id="no reference"),
        pytest.param(("good.onnx", "data.csv", "data.csv"), ["no column of an output's name"], id="no answers"),
        pytest.param(("estimator.pkl", "estimator.pkl", "data.csv"), ["not an ONNX model"], id="no model"),
    ],
)
def test_verify_wrong_input_ends_with_1_and_one_line(folder: Path, arguments: tuple[str, ...], words: list[str]) -> None:
    assert failed_with_one_line(edgeonnx("verify", *arguments, cwd=folder), *words)


def test_verify_help_warns_of_pickles_and_lists_exit_codes() -> None:
    text = " ".join(edgeonnx("verify", "--help").stdout.decode().split())
    assert "unpickling runs code" in text
    assert "3: it differs" in text
