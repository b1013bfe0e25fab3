"""OneHotEncoder with zeros = 0, which is scikit-learn's default: a value that was never seen is an error, and made-up rows are none."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

import edgeonnx as eo
import models
from models import Array, Feed
from support import assert_columns, refused

CATEGORIES = (-7, 10, 11, 12, 14, 3_000_000_000)


def _feed(n_rows: int) -> Feed:
    rng = np.random.default_rng(8)
    return {"amount": rng.normal(size=(n_rows, 1)).astype(np.float32), "code": rng.choice(CATEGORIES, (n_rows, 1))}


@functools.cache
def pipeline(kind: str = "trees", n_categories: int = len(CATEGORIES)) -> bytes:
    """A scaled column and a column of codes, into trees or into a support vector machine that ONNX Runtime runs."""
    import pandas
    import skl2onnx
    from skl2onnx.common.data_types import FloatTensorType, Int64TensorType
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import GradientBoostingRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler
    from sklearn.svm import SVR

    x = pandas.DataFrame({name: values[:, 0] for name, values in _feed(400).items()})
    if n_categories > len(CATEGORIES):
        x["code"] = np.arange(400) % n_categories * 3 - 50
    y = x["amount"] + 3 * (x["code"] % 7)
    estimator: Any = GradientBoostingRegressor(n_estimators=20) if kind == "trees" else SVR()
    columns = ColumnTransformer([("amount", StandardScaler(), ["amount"]), ("code", OneHotEncoder(), ["code"])])
    types = [("amount", FloatTensorType([None, 1])), ("code", Int64TensorType([None, 1]))]
    fitted = make_pipeline(columns, estimator).fit(x, y)
    return bytes(skl2onnx.convert_sklearn(fitted, initial_types=types, target_opset={"": 18, "ai.onnx.ml": 3}).SerializeToString())


def _columns(feed: Feed) -> Feed:
    return {name: values[:, 0] for name, values in feed.items()}


@pytest.mark.parametrize("n_rows", [1, 5, 1000])
@pytest.mark.parametrize("options", [{}, {"native": False}, {"deterministic": True}, {"native": False, "deterministic": True}], ids=str)
def test_known_categories_score_as_onnxruntime(options: dict[str, Any], n_rows: int) -> None:
    feed = _feed(n_rows)
    assert_columns(eo.Scorer(pipeline(), **options).score(_columns(feed)), models.run(pipeline(), feed))


def test_known_categories_run_natively_in_front_of_trees() -> None:
    assert "plan: native\n" in eo.Scorer(pipeline()).explain()


def test_known_categories_run_natively_in_front_of_other_models() -> None:
    scorer = eo.Scorer(pipeline("svr"))
    assert "node OneHotEncoder 'OneHotEncoder': native" in scorer.explain()
    feed = _feed(300)
    assert_columns(scorer.score(_columns(feed)), models.run(pipeline("svr"), feed), ulps=8)


@pytest.mark.parametrize("kind", ["trees", "svr"])
@pytest.mark.parametrize("native", [True, False], ids=["native", "onnxruntime"])
@pytest.mark.parametrize("code", [0, 1, 13, -8, 2**62])
def test_unknown_category_is_an_error(kind: str, native: bool, code: int) -> None:
    columns = _columns(_feed(200))
    columns["code"][150] = code
    with refused(eo.InferenceError, "OneHotEncoder"):
        eo.Scorer(pipeline(kind), native=native).score(columns)


@pytest.mark.parametrize("code", [None, -51, 302])
def test_many_categories_are_searched(code: int | None) -> None:
    """More of them than are compared one by one."""
    model = pipeline("trees", 118)
    codes: Array = (np.arange(500) % 118 * 3 - 50).astype(np.int64)
    feed = {"amount": np.linspace(-2, 2, 500, dtype=np.float32)[:, None], "code": codes[:, None]}
    scorer = eo.Scorer(model)
    assert "plan: native\n" in scorer.explain()
    if code is None:
        assert_columns(scorer.score(_columns(feed)), models.run(model, feed))
        return
    feed["code"][77] = code
    with refused(eo.InferenceError, "none of the categories"):
        scorer.score(_columns(feed))


@pytest.mark.parametrize("level", ["scalar", "avx2", "avx512"])
def test_every_instruction_set_finds_categories(level: str) -> None:
    from support import run_python

    code = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np
import edgeonnx as eo
import models, test_known_categories as t
feed = t._feed(777)
got = eo.Scorer(t.pipeline()).score(t._columns(feed))
want = models.run(t.pipeline(), feed)
assert all(np.array_equal(got[name], want[name]) for name in want)
print(eo.build_info()["cpu"])
"""
    import pathlib

    run = run_python(code, str(pathlib.Path(__file__).parent), env={"EDGEONNX_CPU": level})
    assert run.returncode == 0, run.stderr
