"""Sealed models that move to another release of ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgeonnx as eo
import models
import trained
from releases import library
from support import run_python
from trained_trees import BARE

#: Loads the model twice and prints the lines that explain() has of its golden rows; with options for the second argument.
LOAD = """
import sys, warnings
import edgeonnx as eo
warnings.simplefilter("ignore")
for _ in range(2):
    try:
        scorer = eo.Scorer(sys.argv[1], **eval(sys.argv[2]))
        print(next(line for line in scorer.explain().splitlines() if line.startswith("golden rows: ")))
    except eo.ModelError as error:
        print(error)
"""


def load(path: Path, version: str, cache: Path, **options: Any) -> list[str]:
    env = {"EDGEONNX_ORT_LIBRARY": library(version), "EDGEONNX_CACHE": str(cache)}
    return run_python(LOAD, str(path), repr(options), env=env).stdout.splitlines()


@pytest.mark.parametrize("name", ["forest", "linear", "mlp", "uint8"])
def test_oldest_release_checks_once_and_only_once(name: str, tmp_path: Path) -> None:
    cache, path = tmp_path / "cache", tmp_path / "m.onnx"
    if name == "uint8":
        path.write_bytes(eo.seal(models.identity("uint8"), {"x": np.arange(100, dtype=np.uint8)}))
    else:
        case = BARE[name]() if name == "forest" else trained.TRAINED[name]()
        path.write_bytes(eo.seal(case.model, trained.columns_of(case.feed(200))))
    installed = str(eo.build_info()["onnxruntime_version"])
    first, second = load(path, "1.19.0", cache)
    assert first.startswith("golden rows: 32 rows re-scored, worst difference ")
    assert f"sealed by edgeonnx {eo.__version__} with ONNX Runtime {installed} (" in first
    assert second.startswith("golden rows: checked before with this runtime")
    assert len(list((cache / "golden").iterdir())) == 1
    assert all(line.startswith("golden rows: checked before") for line in load(path, "1.19.0", cache))
    assert load(path, "1.25.1", cache)[0].startswith("golden rows: 32 rows re-scored")
    assert len(list((cache / "golden").iterdir())) == 2


def test_release_with_wrong_labels_is_refused_where_it_runs_the_trees(tmp_path: Path) -> None:
    case = BARE["forest-2"]()
    cache, path = tmp_path / "cache", tmp_path / "m.onnx"
    path.write_bytes(eo.seal(case.model, case.feed(200)))
    native = load(path, "1.26.0", cache)
    assert native[0].startswith("golden rows: 32 rows re-scored, worst difference 0 of")
    for line in load(path, "1.26.0", cache, native=False):
        assert "does not give its golden answers here: output 'label', row " in line
        assert "now edgeonnx" in line
        assert "with ONNX Runtime 1.26.0 (plan ONNX Runtime, " in line
        assert "ONNX Runtime 1.26.0 gives wrong labels" in line
        assert "go back to ONNX Runtime" in line
    assert len(list((cache / "golden").iterdir())) == 1


def test_release_with_wrong_labels_seals_nothing(tmp_path: Path) -> None:
    case = BARE["forest-2"]()
    (tmp_path / "m.onnx").write_bytes(case.model)
    np.save(tmp_path / "x.npy", case.feed(50)["X"])
    code = """
import sys
import edgeonnx as eo, numpy as np
try:
    eo.seal(sys.argv[1], {"X": np.load(sys.argv[2])})
except eo.ModelError as error:
    print(error)
"""
    arguments = (str(tmp_path / "m.onnx"), str(tmp_path / "x.npy"))
    said = run_python(code, *arguments, env={"EDGEONNX_ORT_LIBRARY": library("1.26.0")}).stdout
    assert said.startswith("not sealed: node TreeEnsembleClassifier 'TreeEnsembleClassifier': ONNX Runtime 1.26.0 gives wrong labels")
