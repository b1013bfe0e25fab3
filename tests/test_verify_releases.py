"""verify with a release of ONNX Runtime that is wrong about some trees."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from releases import library
from support import run_python


@pytest.mark.parametrize(
    ("how", "right", "words"),
    [
        pytest.param("as it runs", True, "edgeonnx's kernels give", id="native"),
        pytest.param("divided", True, "ONNX's reference implementation gives 64 right", id="divided"),
        pytest.param("native=False", False, "edgeonnx's kernels give", id="ONNX Runtime alone"),
    ],
)
def test_verify_defect_of_the_runtime_is_named(how: str, right: bool, words: str) -> None:
    code = """
import sys
import onnx
import edgeonnx as eo, faults
from faults import exported, forest, table
model, data, options = exported(forest()), table("float32"), {"leave_out": ["NaN"], "generated_rows": 1000}
reference, how = forest(), sys.argv[1]
if how == "divided":
    model.graph.node.append(onnx.helper.make_node("Erf", ["probabilities"], ["error"]))
    model.graph.output.append(onnx.helper.make_tensor_value_info("error", 1, [None, 2]))
    reference = {"label": forest().predict(data), "probabilities": forest().predict_proba(data)}
if how == "native=False":
    options["native"] = False
report = eo.verify(model, reference, data, **options)
print([cause.name for cause in report.causes], report.causes[0].evidence)
print(str(report).splitlines()[0])
print([note for note in report.notes if "onnxruntime 1.26.0" in note.lower() or "ONNX Runtime 1.26.0" in note])
"""
    folders = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    environment = {"EDGEONNX_ORT_LIBRARY": library("1.26.0"), "PYTHONPATH": os.pathsep.join(folders)}
    causes, verdict, notes = run_python(code, how, env=environment).stdout.splitlines()
    assert causes.startswith("['runtime defect']")
    assert words in causes
    assert ("edgeonnx is right, onnxruntime 1.26.0 is wrong" in verdict) == right
    assert "TreeEnsembleClassifier" in notes
