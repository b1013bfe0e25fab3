"""Scores equal plain onnxruntime (one thread), by the bit where the batch is not split inside one matrix product."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest

import edgeonnx as eo
import models
import trained
from support import assert_columns
from trained import TRAINED, Case

ROWS = [1, 2, 7, 1000, 20011]

#: A matrix product may add in another order when it gets another number of rows. A handful of units in the last place of the largest
#: value of a column covers that; anything wrong in an input, a weight or a row is far outside.
BLAS_ULPS = 4

TREES = ["forest-zipmap", "boosting", "hist-boosting", "lightgbm", "xgboost"]


def scorer_of(case: Case, **options: Any) -> eo.Scorer:
    """Trees by native kernels; matrix products by ONNX Runtime, whose bits native kernels do not give: they have tests of their own."""
    return eo.Scorer(case.model, native=not case.blas, **options)


def ulps(case: Case) -> int:
    return BLAS_ULPS if case.blas else 0


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("name", TRAINED)
def test_score_trained_model_equals_onnxruntime(name: str, rows: int) -> None:
    case = TRAINED[name]()
    feed = case.feed(rows)
    scores = scorer_of(case).score(trained.columns_of(feed))
    assert_columns(scores, trained.reference(case, feed), ulps=ulps(case))
    assert scores.report.n_rows == rows


@pytest.mark.parametrize("morsel_rows", [1, 96, 1000])
@pytest.mark.parametrize("name", [name for name in TRAINED if name != "linear-fixed-batch"])
def test_score_morsels_equal_onnxruntime_slice_by_slice(name: str, morsel_rows: int) -> None:
    case = TRAINED[name]()
    feed = case.feed(1501)
    scores = scorer_of(case, morsel_rows=morsel_rows).score(trained.columns_of(feed))
    assert_columns(scores, trained.reference(case, feed, morsel_rows))
    assert scores.report.n_morsels == math.ceil(1501 / morsel_rows)


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("name", TRAINED)
def test_score_any_number_of_threads_gives_the_same_bits(name: str, threads: int) -> None:
    case = TRAINED[name]()
    data = trained.columns_of(case.feed(3000))
    one = eo.Scorer(case.model, threads=1, morsel_rows=128).score(data)
    assert_columns(eo.Scorer(case.model, threads=threads, morsel_rows=128).score(data), dict(one))


@pytest.mark.parametrize("rows", [0, 1, 63, 64, 65, 127, 128, 129, 1000])
def test_score_rows_around_a_morsel_equal_onnxruntime(rows: int) -> None:
    feed = TRAINED["xgboost"]().feed(rows)
    expected = models.run(TRAINED["xgboost"]().model, feed)
    assert_columns(eo.Scorer(TRAINED["xgboost"]().model, morsel_rows=64, threads=3).score(feed), expected)


@pytest.mark.parametrize("name", TRAINED)
def test_score_without_native_kernels_equals_onnxruntime(name: str) -> None:
    case = TRAINED[name]()
    feed = case.feed(500)
    assert_columns(eo.Scorer(case.model, native=False).score(trained.columns_of(feed)), trained.reference(case, feed), ulps=ulps(case))


def thresholds(model: bytes, n_columns: int) -> models.Array:
    """Rows that lie on, just below and just above the cuts of a tree ensemble."""
    rng = np.random.default_rng(2)
    cuts = [
        np.asarray(attribute.floats, dtype=np.float32)
        for node in onnx.load_from_string(model).graph.node
        for attribute in node.attribute
        if attribute.name == "nodes_values"
    ]
    picked = rng.choice(np.concatenate(cuts), (1000, n_columns))
    towards = rng.choice(np.array([-np.inf, np.inf], dtype=np.float32), picked.shape)
    return np.where(rng.random(picked.shape) < 1 / 3, picked, np.nextafter(picked, towards)).astype(np.float32)


@pytest.mark.parametrize("name", TREES)
def test_score_tree_rows_on_thresholds_equal_onnxruntime(name: str) -> None:
    case = TRAINED[name]()
    feed = {"X": thresholds(case.model, 4)}
    assert_columns(eo.Scorer(case.model).score(feed), trained.reference(case, feed))


SPECIAL = np.array(
    [0.0, -0.0, np.nan, np.inf, -np.inf, 1e-45, -1e-45, 1.1754944e-38, 3.4028235e38, -3.4028235e38, 1.0, -1.0], dtype=np.float32
)


@pytest.mark.parametrize("name", TREES)
def test_score_tree_special_values_equal_onnxruntime(name: str) -> None:
    case = TRAINED[name]()
    feed = {"X": np.random.default_rng(1).choice(SPECIAL, (400, 4))}
    assert_columns(eo.Scorer(case.model).score(feed), trained.reference(case, feed))


LIMITS: dict[str, list[float | int | bool]] = {
    **{name: [0, 1, np.iinfo(name).min, np.iinfo(name).max] for name in models.ELEMENT_TYPES if np.dtype(name).kind in "iu"},
    **{
        name: [0.0, -0.0, np.nan, np.inf, -np.inf, float(np.finfo(name).max), float(np.finfo(name).smallest_subnormal)]
        for name in models.ELEMENT_TYPES
        if np.dtype(name).kind == "f"
    },
    "bool": [True, False],
}


@pytest.mark.parametrize("shape", [("N", 1), ("N",), ("N", 3), ("N", 2, 3)], ids=str)
@pytest.mark.parametrize("dtype", models.ELEMENT_TYPES)
def test_score_identity_returns_every_value_of_the_type(dtype: str, shape: tuple[int | str | None, ...]) -> None:
    width = math.prod(size for size in shape[1:] if isinstance(size, int))
    values = np.resize(np.array(LIMITS[dtype], dtype=dtype), 100 * width)
    column = values if width == 1 else values.reshape(100, *(int(size) for size in shape[1:] if size))
    scores = eo.Scorer(models.identity(dtype, shape), morsel_rows=32).score({"x": column})
    assert_columns(scores, {"y": column})


def test_score_four_types_equals_onnxruntime() -> None:
    feed = models.four_types_feed(20011)
    scores = eo.Scorer(models.four_types()).score(trained.columns_of(feed))
    assert_columns(scores, models.run(models.four_types(), feed), ulps=BLAS_ULPS)


def single(model: Callable[[], bytes], shape: tuple[int, ...]) -> tuple[bytes, models.Feed]:
    return model(), {"x": np.random.default_rng(4).normal(0, 1, shape).astype(np.float32)}


@pytest.mark.parametrize(
    ("model", "feed"),
    [
        pytest.param(*single(models.rank_one, (1000,)), id="[N]"),
        pytest.param(*single(models.row_vectors, (1000, 3)), id="[N, 3]"),
        pytest.param(*single(models.row_matrices, (1000, 2, 3)), id="[N, 2, 3]"),
        pytest.param(*single(models.initializer_input, (1000, 1)), id="initializer among the inputs"),
    ],
)
def test_score_shapes_equal_onnxruntime(model: bytes, feed: models.Feed) -> None:
    assert_columns(eo.Scorer(model, morsel_rows=128).score(trained.columns_of(feed)), models.run(model, feed))


def test_scorer_initializer_listed_as_input_is_not_a_port() -> None:
    assert [port.name for port in eo.Scorer(models.initializer_input()).inputs] == ["x"]


@pytest.mark.parametrize("rows", [0, 1, 2, 300])
@pytest.mark.parametrize(("model", "width"), [(models.mean_over_batch, 1), (models.reshape_to_one, 2)], ids=["mean", "reshape"])
def test_score_fixed_batch_that_cannot_be_freed_is_scored_row_by_row(model: Callable[[], bytes], width: int, rows: int) -> None:
    feed = {"x": np.random.default_rng(4).normal(0, 1, (rows, width)).astype(np.float32)}
    scorer = eo.Scorer(model())
    expected = models.run(model(), feed, 1) if rows else {"y": np.empty((0, width) if width > 1 else 0, np.float32)}
    assert_columns(scorer.score(trained.columns_of(feed)), expected)
    assert "1 at a time" in scorer.explain()


def test_score_fixed_batch_that_can_be_freed_is_scored_in_morsels() -> None:
    case = TRAINED["linear-fixed-batch"]()
    scores = eo.Scorer(case.model, morsel_rows=1000).score(trained.columns_of(case.feed(5000)))
    assert scores.report.n_morsels == 5


@pytest.mark.parametrize("rows", [0, 4, 400])
def test_score_fixed_batch_of_four_that_cannot_be_freed_is_scored_four_rows_at_a_time(rows: int) -> None:
    feed = {"x": np.random.default_rng(4).normal(0, 1, (rows, 1)).astype(np.float32)}
    expected = models.run(models.mean_over_batch(4), feed, 4) if rows else {"y": np.empty(0, np.float32)}
    assert_columns(eo.Scorer(models.mean_over_batch(4)).score(trained.columns_of(feed)), expected)


def test_score_fixed_batch_whose_rows_depend_on_each_other_refuses_a_part_of_a_batch() -> None:
    """No rows can be made up for the rest of the batch: they would change the answers of the real ones."""
    with pytest.raises(eo.Error, match="4"):
        eo.Scorer(models.mean_over_batch(4)).score({"x": np.arange(7, dtype=np.float32)})


def test_score_fixed_batch_of_five_that_can_be_freed_takes_any_rows() -> None:
    x = np.arange(12, dtype=np.float32)
    scores = eo.Scorer(models.identity("float32", (5, 1))).score({"x": x})
    assert_columns(scores, {"y": x})
    assert scores.report.n_morsels == 1


@pytest.mark.parametrize("width", [1, 3])
def test_score_sizes_that_the_model_leaves_open_come_from_the_data(width: int) -> None:
    x = np.random.default_rng(4).normal(0, 1, (100, width)).astype(np.float32)
    assert_columns(eo.Scorer(models.no_shapes(), morsel_rows=32).score(x), {"y": x[:, 0] if width == 1 else x})
