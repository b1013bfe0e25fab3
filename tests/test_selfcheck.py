"""The self-check, against a release of ONNX Runtime that is wrong: what it and a native plan answer differently, it answers.

Releases 1.26.0 and 1.27.0 give wrong labels for binary forests whose leaves hold probabilities (microsoft/onnxruntime 27552). The wheel
is no part of the test environment: pip fetches it, and it is kept in pytest's cache.
"""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from support import run_python

WRONG = "1.26.0"

#: Scores rows in three ways of edgeonnx, and by the plain onnxruntime that stands first on the path.
SCORE = """
import json
import edgeonnx as eo, onnxruntime
from trained import reference
from trained_trees import BARE

case = BARE["forest-2"]()
feed = case.feed(300)
options = {"checked": {}, "unchecked": {"selfcheck": False}, "plain": {"native": False}}
scorers = {name: eo.Scorer(case.model, **chosen) for name, chosen in options.items()}
answers = {name: scorer.score(feed) for name, scorer in scorers.items()} | {"runtime": reference(case, feed)}
print(json.dumps({
    "version": onnxruntime.__version__,
    "explained": {name: scorer.explain() for name, scorer in scorers.items()},
    "answers": {name: {column: values.tolist() for column, values in columns.items()} for name, columns in answers.items()},
}))
"""


def fetch_wheel(folder: Path) -> Path:
    """The wheel of ONNX Runtime 1.26.0 for this Python, from the folder, or by pip into it; skips without a network."""
    pattern = f"onnxruntime-{WRONG}-cp{sys.version_info.major}{sys.version_info.minor}-*.whl"
    if not any(folder.glob(pattern)):
        pip = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--retries=1", "--no-deps", "--only-binary=:all:"]
        done = subprocess.run([*pip, f"--dest={folder}", f"onnxruntime=={WRONG}"], capture_output=True, text=True, check=False, timeout=300)
        if done.returncode and "connection broken" in done.stderr:
            pytest.skip(f"no network to fetch onnxruntime {WRONG}, which the self-check is tested with")
        assert done.returncode == 0, done.stderr
    return next(folder.glob(pattern))


@pytest.fixture(scope="session")
def scored(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What SCORE prints where the wrong ONNX Runtime is the installed one."""
    cache: pytest.Cache | None = getattr(request.config, "cache", None)  # absent under -p no:cacheprovider
    folder = tmp_path_factory.mktemp("onnxruntime")
    with zipfile.ZipFile(fetch_wheel(cache.mkdir("onnxruntime-wheels") if cache else folder)) as wheel:
        wheel.extractall(folder)
    library = folder / "onnxruntime" / "capi" / f"libonnxruntime.so.{WRONG}"
    here = Path(__file__).parent
    done = run_python(SCORE, env={"PYTHONPATH": f"{folder}:{here}", "EDGEONNX_ORT_LIBRARY": str(library)})
    result: dict[str, Any] = json.loads(done.stdout)
    assert result["version"] == WRONG
    return result


def test_selfcheck_with_a_runtime_that_answers_otherwise_leaves_the_model_to_it(scored: dict[str, Any]) -> None:
    explained, answers = scored["explained"]["checked"], scored["answers"]
    assert explained.startswith(f"plan: ONNX Runtime, one session, intra_op 1, version {WRONG}\n")
    assert "native kernels are not used: self-check: output 'label': probe row " in explained
    assert "node TreeEnsembleClassifier 'TreeEnsembleClassifier': ONNX Runtime\n" in explained
    assert answers["checked"] == answers["plain"] == answers["runtime"]


def test_selfcheck_skipped_keeps_the_native_plan_and_its_answers(scored: dict[str, Any]) -> None:
    unchecked, runtime = scored["answers"]["unchecked"], scored["answers"]["runtime"]
    assert scored["explained"]["unchecked"].startswith("plan: native\n")
    assert unchecked["label"] == [int(second > first) for first, second in unchecked["probabilities"]]
    assert unchecked["label"] != runtime["label"]
