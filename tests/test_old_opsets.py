"""Models of opsets 7 to 12 and ai.onnx.ml 1, as exporters wrote them: the answers of onnxruntime and of NumPy."""

from __future__ import annotations

import numpy as np
import pandas
import pytest

import edgeonnx as eo
import models
from models import Array
from old_answers import softmax
from old_graphs import CASES
from support import assert_columns

pytestmark = pytest.mark.usefixtures("no_leak")

N_ROWS = 37
#: Sums in another order, and exponentials of another library: units in the last place of the largest answer.
ULPS = 16


def rows(name: str) -> Array:
    x = CASES[name].rows(N_ROWS)
    if name == "Imputer":
        x[::3, 0] = x[5, 2] = np.nan
    return x


def check(model: bytes, name: str, batch: str | int, **options: bool) -> None:
    x, case = rows(name), CASES[name]
    scores = eo.Scorer(model, morsel_rows=16, **options).score({"x": x})
    assert_columns(scores, models.run(model, {"x": x}, slice_rows=1 if batch == 1 else None), ulps=ULPS)
    expected = case.expected(x.astype(np.float64) if case.dtype == "float32" else x)
    np.testing.assert_allclose(scores["y"].reshape(N_ROWS, -1), expected.reshape(N_ROWS, -1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "opset", "batch"), [(name, opset, batch) for name, case in CASES.items() for opset in case.opsets for batch in case.batches]
)
def test_score_old_model_equals_onnxruntime_and_numpy(name: str, opset: int, batch: str | int) -> None:
    check(CASES[name].model(opset, batch, ir_version=3), name, batch)


@pytest.mark.parametrize("name", CASES)
def test_score_old_model_without_native_kernels_is_the_same(name: str) -> None:
    case = CASES[name]
    check(case.model(case.opsets[0], case.batches[0], ir_version=3), name, case.batches[0], native=False)


@pytest.mark.parametrize("name", CASES)
def test_score_old_model_whose_weights_are_no_inputs_is_the_same(name: str) -> None:
    case = CASES[name]
    check(case.model(case.opsets[-1], case.batches[-1], ir_version=6), name, case.batches[-1])


@pytest.mark.parametrize("ir_version", [3, 4])
def test_scorer_of_an_old_model_has_no_weights_among_its_inputs(ir_version: int) -> None:
    case = CASES["Conv, MaxPool, Flatten, Gemm"]
    scorer = eo.Scorer(case.model(7, "N", ir_version))
    assert [(port.name, port.shape) for port in scorer.inputs] == [("x", (None, 1, 4, 4))]


@pytest.mark.parametrize(
    "name", ["Gemm, Softmax", "MatMul, Add, Relu, Gemm", "Scaler", "Imputer", "TreeEnsembleRegressor", "Clip by attributes"]
)
def test_old_tabular_model_runs_on_native_kernels(name: str) -> None:
    """Their old forms are no reason to leave them to ONNX Runtime."""
    case = CASES[name]
    scorer = eo.Scorer(case.model(case.opsets[0], "N", ir_version=3))
    assert scorer.explain().startswith("plan: native"), scorer.explain()


def test_score_a_table_by_an_old_model_of_one_row() -> None:
    """SQL Edge's tutorial fixed the batch at 1 in opset 9 and scored whole tables."""
    case = CASES["Gemm, Softmax"]
    model = case.model(9, 1, ir_version=4)
    x = rows("Gemm, Softmax")
    frame = pandas.DataFrame(x.astype(np.float64), columns=["p", "q", "r"])
    scores = eo.Scorer(model).score(frame)
    np.testing.assert_allclose(scores["y"], softmax(x @ case.weights["w"] + case.weights["b"]), rtol=1e-5, atol=1e-6)
