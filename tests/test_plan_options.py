"""Options that choose what runs a model: native, selfcheck, deterministic. What they promise holds whatever the plan is."""

from __future__ import annotations

import itertools
import pathlib
import pickle

import numpy as np
import onnx
import pytest

import edgeonnx as eo
import models
from edgeonnx import _core
from support import assert_columns, run_python

pytestmark = pytest.mark.usefixtures("no_leak")

CHOICES = [
    pytest.param({"native": native, "selfcheck": selfcheck, "deterministic": deterministic}, id=f"{native}-{selfcheck}-{deterministic}")
    for native, selfcheck, deterministic in itertools.product((True, False), repeat=3)
]
DATA = {name: np.arange(1000, dtype=np.float32) for name in "abc"}


@pytest.mark.parametrize("options", CHOICES)
def test_score_answers_alike_under_all_plan_options(options: dict[str, bool]) -> None:
    assert_columns(eo.Scorer(models.affine(), **options).score(DATA), {"total": 7 * DATA["a"]})  # type: ignore[arg-type]


@pytest.mark.parametrize("options", CHOICES)
def test_plan_options_travel_into_the_core_and_through_pickle(options: dict[str, bool], monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    core = _core.Scorer

    def spy(*arguments: object, **given: object) -> _core.Scorer:
        seen.append({name: given[name] for name in options})
        return core(*arguments, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(_core, "Scorer", spy)
    scorer = eo.Scorer(models.affine(), **options)  # type: ignore[arg-type]
    again = pickle.loads(pickle.dumps(scorer))
    assert seen == [options, options]
    assert again.score(DATA)["total"].tolist() == scorer.score(DATA)["total"].tolist()


def test_deterministic_results_depend_on_neither_morsels_nor_threads() -> None:
    model = models.deep_network()
    width = eo.Scorer(model).inputs[0].shape[1]
    rows = np.random.default_rng(3).normal(size=(300, width or 1)).astype(np.float32)
    (expected,) = eo.Scorer(model, deterministic=True).score(rows).values()
    for limits in ({"morsel_rows": 7, "threads": 2}, {"morsel_rows": 1}, {"threads": 3}):
        (values,) = eo.Scorer(model, deterministic=True, **limits).score(rows).values()
        assert values.tobytes() == expected.tobytes()
    scorer = eo.Scorer(model, deterministic=True)
    for n_rows in (1, 2, 5, 64, 299):
        (values,) = scorer.score(rows[:n_rows]).values()
        assert values.tobytes() == expected[:n_rows].tobytes()


def rows_of_a_run() -> bytes:
    """Gives y = x + the number of rows that the model is run over, which no cut of the rows may change."""
    return models.graph(
        [
            onnx.helper.make_node("Shape", ["x"], ["n"], start=0, end=1),
            onnx.helper.make_node("Cast", ["n"], ["n_rows"], to=onnx.TensorProto.FLOAT),
            onnx.helper.make_node("Add", ["x", "n_rows"], ["y"]),
        ],
        [models.tensor("x", onnx.TensorProto.FLOAT)],
        [models.tensor("y", onnx.TensorProto.FLOAT)],
    )


def test_deterministic_runs_have_one_size_whatever_the_call() -> None:
    x = np.arange(100, dtype=np.float32)
    free, fixed = (eo.Scorer(rows_of_a_run(), deterministic=deterministic) for deterministic in (False, True))
    assert {float(free.score({"x": x[:n]})["y"][0]) for n in (1, 5, 32, 100)} == {1.0, 5.0, 32.0, 100.0}
    expected = fixed.score({"x": x})["y"]
    for n in (1, 5, 32, 99):
        assert_columns(fixed.score({"x": x[:n]}), {"y": expected[:n]})


def test_native_model_without_selfcheck_does_not_need_the_runtime(tmp_path: pathlib.Path) -> None:
    code = """
import sys
sys.modules["onnxruntime"] = None
import edgeonnx as eo, numpy as np
print(eo.Scorer(sys.argv[1], selfcheck=False).score({name: np.float32([1]) for name in "abc"})["total"].tolist())
"""
    path = tmp_path / "model.onnx"
    path.write_bytes(models.affine())
    done = run_python(code, str(path), env={"EDGEONNX_ORT_LIBRARY": "", "LD_LIBRARY_PATH": ""})
    assert done.stdout == "[7.0]\n"
