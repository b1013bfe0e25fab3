"""Releases of ONNX Runtime that are wrong about an operator: native kernels are kept, and who uses the runtime is warned.

Each case runs on the release that is wrong and on one that is not, in processes of their own. What is right is what the installed
onnxruntime says.
"""

from __future__ import annotations

import functools
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ensemble_recipe import Recipe
from ensembles import make
from models import Feed, run
from releases import library
from support import assert_columns, run_python
from trained_trees import BARE

#: Scores the pickled model and feed of the first argument on native kernels and on ONNX Runtime; pickles what it saw into the second.
SCORE = """
import pickle, sys, warnings
import edgeonnx as eo
with open(sys.argv[1], "rb") as file:
    model, feed = pickle.load(file)
seen = {}
for name, options in {"native": {}, "plain": {"native": False}}.items():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            scorer = eo.Scorer(model, **options)
            answers, explained = dict(scorer.score(feed)), scorer.explain()
        except eo.Unsupported as error:
            answers, explained = None, str(error)
    seen[name] = answers, explained, [(each.category.__name__, str(each.message), each.filename) for each in caught]
with open(sys.argv[2], "wb") as file:
    pickle.dump(seen, file)
"""


class Seen(NamedTuple):
    answers: Feed | None
    explained: str
    warnings: list[tuple[str, str, str]]


class Defect(NamedTuple):
    wrong: str
    right: str
    report: str
    case: Callable[[], tuple[bytes, Feed]]


def forest() -> tuple[bytes, Feed]:
    """Leaves of probabilities of the second class, as scikit-learn's forests of two classes have them."""
    case = BARE["forest-2"]()
    return case.model, case.feed(300)


def ensemble(operator: str, **options: Any) -> Callable[[], tuple[bytes, Feed]]:
    def build() -> tuple[bytes, Feed]:
        made = make(Recipe(operator, **options))
        return made.model, made.rows(200)

    return build


DEFECTS = {
    "forest of two classes": Defect("1.26.0", "1.25.1", "28557", forest),
    "logistic of positive leaves": Defect(
        "1.25.1",
        "1.26.0",
        "27533",
        ensemble("TreeEnsembleClassifier", n_outputs=2, leaf_values="positive", transform="LOGISTIC", seed=432),
    ),
    "root taken for a leaf": Defect("1.23.2", "1.25.1", "24679", ensemble("TreeEnsemble", seed=2044)),
    "members": Defect(
        "1.22.1",
        "1.25.1",
        "25400",
        ensemble("TreeEnsemble", mode="categories", n_outputs=2, aggregate="MIN", transform="SOFTMAX_ZERO", seed=2784),
    ),
    "equalities alone": Defect(
        "1.22.1",
        "1.25.1",
        "24636",
        ensemble(
            "TreeEnsembleRegressor",
            mode="EQ",
            depth=3,
            n_trees=4,
            n_outputs=3,
            cuts="whole",
            weights="every",
            tracks="random",
            aggregate="MIN",
            seed=10984,
        ),
    ),
}


@functools.cache
def reference(name: str) -> Feed:
    return run(*DEFECTS[name].case())


def score(name: str, version: str, folder: Path) -> dict[str, Seen]:
    given, seen = folder / "given.pickle", folder / "seen.pickle"
    given.write_bytes(pickle.dumps(DEFECTS[name].case()))
    run_python(SCORE, str(given), str(seen), env={"EDGEONNX_ORT_LIBRARY": library(version)})
    return {kind: Seen(*fields) for kind, fields in pickle.loads(seen.read_bytes()).items()}


def same(left: Feed, right: Feed) -> bool:
    try:
        assert_columns(left, right)
    except AssertionError:
        return False
    return True


@pytest.mark.parametrize("name", DEFECTS)
def test_wrong_release_keeps_native_kernels_and_says_why(name: str, tmp_path: Path) -> None:
    defect = DEFECTS[name]
    native = score(name, defect.wrong, tmp_path)["native"]
    assert native.explained.startswith("plan: native\n")
    assert f"self-check: what depends on a node is not compared: node {node_type(name)}" in native.explained
    assert f"ONNX Runtime {defect.wrong} " in native.explained
    assert f"microsoft/onnxruntime#{defect.report}" in native.explained
    assert native.warnings == []
    assert native.answers is not None
    assert_columns(native.answers, reference(name))


@pytest.mark.parametrize("name", [name for name in DEFECTS if name != "members"])
def test_wrong_release_that_runs_the_node_is_warned_of_and_is_wrong(name: str, tmp_path: Path) -> None:
    defect = DEFECTS[name]
    plain = score(name, defect.wrong, tmp_path)["plain"]
    [(kind, message, where)] = plain.warnings
    assert (kind, where) == ("RuntimeDefectWarning", "<string>")  # told where the scorer is made
    assert all(part in message for part in (node_type(name), defect.wrong, f"#{defect.report}", "are right"))
    assert f"warning: {message}\n" in plain.explained
    assert plain.answers is not None
    assert not same(plain.answers, reference(name))  # the release is as wrong as the table says


def test_release_that_may_never_come_back_is_refused(tmp_path: Path) -> None:
    plain = score("members", "1.22.1", tmp_path)["plain"]
    assert plain.answers is None
    assert "ONNX Runtime 1.22.1 gives wrong answers or never comes back where BRANCH_MEMBER is used" in plain.explained


@pytest.mark.parametrize("name", DEFECTS)
def test_right_release_is_compared_with_and_not_warned_of(name: str, tmp_path: Path) -> None:
    seen = score(name, DEFECTS[name].right, tmp_path)
    for each in seen.values():
        assert each.warnings == []
        assert "microsoft/onnxruntime#" not in each.explained
        assert each.answers is not None
        assert_columns(each.answers, reference(name))


def node_type(name: str) -> str:
    return {"forest of two classes": "TreeEnsembleClassifier", "logistic of positive leaves": "TreeEnsembleClassifier"}.get(
        name, "TreeEnsembleRegressor" if name == "equalities alone" else "TreeEnsemble"
    )
