"""`edgeonnx convert`."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import edgeonnx as eo
from _command import edgeonnx


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import catboost
    import joblib
    import lightgbm
    import torch
    import xgboost
    from sklearn.datasets import load_iris
    from sklearn.ensemble import RandomForestClassifier

    folder = tmp_path_factory.mktemp("convert")
    x, y = load_iris(return_X_y=True, as_frame=True)
    x.columns = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
    names = load_iris().target_names[y]
    forest = RandomForestClassifier(5, random_state=0).fit(x, names)
    with open(folder / "forest.pkl", "wb") as file:
        pickle.dump(forest, file)
    joblib.dump(forest, folder / "forest.joblib")
    options: dict[str, Any] = {"verbose": -1, "objective": "regression", "num_threads": 1}
    lightgbm.train(options, lightgbm.Dataset(x, y), 5).save_model(folder / "booster.txt")
    xgboost.XGBClassifier(n_estimators=5).fit(x, y).save_model(folder / "booster.json")
    catboost.CatBoostClassifier(iterations=5, verbose=0, allow_writing_files=False).fit(x, y).save_model(str(folder / "cat.cbm"))
    torch.save(torch.nn.Linear(4, 2), folder / "linear.pt")
    x.to_csv(folder / "iris.csv", index=False)
    x.assign(species=names).to_parquet(folder / "iris.parquet")
    return folder


@pytest.mark.parametrize("estimator", ["forest.pkl", "forest.joblib", "booster.txt", "booster.json", "cat.cbm", "linear.pt"])
def test_convert_reads_every_kind_of_file(folder: Path, estimator: str, tmp_path: Path) -> None:
    run = edgeonnx("convert", str(folder / estimator), "--like", str(folder / "iris.csv"), "-o", str(tmp_path / "model.onnx"), text=True)
    assert run.returncode == 0, run.stderr
    assert "model.onnx: 4 inputs, outputs " in run.stdout
    scorer = eo.Scorer(tmp_path / "model.onnx")
    assert [port.sql_type for port in scorer.inputs] == ["float"] * 4
    assert len(scorer.score(pd.read_csv(folder / "iris.csv"))) == len(scorer.outputs)


def test_convert_then_score_and_make_columnar(folder: Path, tmp_path: Path) -> None:
    matrix, model, scored = (str(tmp_path / name) for name in ("matrix.onnx", "model.onnx", "scored.parquet"))
    like = str(folder / "iris.parquet")
    run = edgeonnx("convert", str(folder / "forest.pkl"), "--like", like, "-o", matrix, "--columns", "matrix", "--opset", "15", text=True)
    assert run.returncode == 0, run.stderr
    assert "matrix.onnx: 1 inputs" in run.stdout
    run = edgeonnx("convert", matrix, "--like", like, "-o", model, text=True)
    assert (run.returncode, "'species' holds text" in run.stderr) == (1, True)
    run = edgeonnx("convert", matrix, "--like", like, "--drop", "species", "-o", model, text=True)
    assert run.returncode == 0, run.stderr
    run = edgeonnx("score", model, like, "-o", scored, text=True)
    assert run.returncode == 0, run.stderr
    frame = pd.read_parquet(scored)
    with open(folder / "forest.pkl", "rb") as file:
        forest = pickle.load(file)
    np.testing.assert_array_equal(forest.classes_[frame["label"]], forest.predict(frame.iloc[:, :4]))


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nothing.pkl", "--like", "iris.csv"], 1, ["nothing.pkl", "No such file"]),
        (["iris.csv", "--like", "iris.csv"], 1, ["the name does not tell", ".joblib"]),
        (["broken.pkl", "--like", "iris.csv"], 1, ["cannot read 'broken.pkl'"]),
        (["forest.pkl", "--like", "gone.parquet"], 1, ["gone.parquet"]),
        (["forest.pkl", "--like", "iris.csv", "--drop", "color"], 2, ["--drop", "'color'"]),
        (["forest.pkl", "--like", "iris.csv", "--drop", "petal_width"], 1, ["petal_width", "fitted on"]),
        (["forest.pkl"], 2, ["--like"]),
    ],
    ids=["missing", "ending", "broken", "table", "drop", "needed", "like"],
)
def test_wrong_input_is_one_line(folder: Path, tmp_path: Path, arguments: list[str], code: int, words: list[str]) -> None:
    (folder / "broken.pkl").write_bytes(b"no pickle")
    run = edgeonnx("convert", *arguments, "-o", str(tmp_path / "model.onnx"), cwd=folder, text=True)
    assert run.returncode == code
    assert all(word in run.stderr for word in words), run.stderr
    assert "Traceback" not in run.stderr
    assert not (tmp_path / "model.onnx").exists()
