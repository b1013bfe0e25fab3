"""The self-check, against a release of ONNX Runtime that answers otherwise: it answers what it and a native plan answer differently.

ONNX Runtime 1.26.0 compares the score of a class with 0 and later releases with 0.5, where LOGISTIC is to be applied to leaves that have
weights for one of two classes, none of them negative. No standard says who is right.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from releases import library
from support import run_python

OTHER = "1.26.0"

#: Scores rows in three ways of edgeonnx.
SCORE = """
import json
import edgeonnx as eo
from ensemble_recipe import Recipe
from ensembles import make

ensemble = make(Recipe("TreeEnsembleClassifier", n_outputs=2, leaf_values="positive", transform="LOGISTIC", n_trees=1, seed=430))
options = {"checked": {}, "unchecked": {"selfcheck": False}, "plain": {"native": False}}
scorers = {name: eo.Scorer(ensemble.model, **chosen) for name, chosen in options.items()}
print(json.dumps({
    "explained": {name: scorer.explain() for name, scorer in scorers.items()},
    "labels": {name: scorer.score(ensemble.rows(300))["label"].tolist() for name, scorer in scorers.items()},
}))
"""


@pytest.fixture(scope="module")
def scored() -> dict[str, Any]:
    """What SCORE prints with the other ONNX Runtime."""
    path = os.pathsep.join(filter(None, (str(Path(__file__).parent), os.environ.get("PYTHONPATH"))))
    done = run_python(SCORE, env={"PYTHONPATH": path, "EDGEONNX_ORT_LIBRARY": library(OTHER)})
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_selfcheck_with_a_runtime_that_answers_otherwise_leaves_the_model_to_it(scored: dict[str, Any]) -> None:
    explained, labels = scored["explained"]["checked"], scored["labels"]
    assert explained.startswith(f"plan: ONNX Runtime, one session, intra_op 1, version {OTHER}\n")
    assert "native kernels are not used: self-check: output 'label': probe row " in explained
    assert "node TreeEnsembleClassifier: ONNX Runtime\n" in explained
    assert labels["checked"] == labels["plain"]


def test_selfcheck_skipped_keeps_the_native_plan_and_its_answers(scored: dict[str, Any]) -> None:
    assert scored["explained"]["unchecked"].startswith("plan: native\n")
    assert scored["labels"]["unchecked"] != scored["labels"]["plain"]
