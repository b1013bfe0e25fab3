"""Linear models and small networks against their own weights in extended precision.

The bound, for every value: |ours - reference| <= 4 units, or <= |onnxruntime's - reference| + 4 units, where a unit is one unit in the last
place, in the output's type, of the value's scale: the sum of the magnitudes that were added to make it (double_reference.py).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas
import pyarrow as pa
import pytest

import edgeonnx as eo
import trained
from double_reference import reference, units
from models import Array, Feed
from native import assert_native
from support import assert_columns, run_python
from trained import Case
from trained_linear import DENSE, LINEAR, NETWORKS

NATIVE = {**LINEAR, **NETWORKS}
EVERY = {**NATIVE, **DENSE}
UNITS = 4


def by_port(case: Case, columns: dict[str, Array]) -> dict[str, Array]:
    """Columns of a map of probabilities side by side again, under the output's name, as [N, k]."""
    whole = {}
    for port, labels in case.zipmaps.items():
        whole[port] = np.column_stack([np.asarray(columns[f"{port}_{label}"]) for label in labels])
    rest = {name: np.asarray(c) for name, c in columns.items() if not any(name.startswith(port + "_") for port in case.zipmaps)}
    return {**rest, **whole}


def source_of(case: Case, port: str) -> str:
    """The tensor that holds the scores of an output: what feeds its ZipMap."""
    makers = {name: node for node in onnx.load_from_string(case.model).graph.node for name in node.output}
    return makers[port].input[0] if makers[port].op_type == "ZipMap" else port


def check(case: Case, feed: Feed, scores: Any, slice_rows: int | None = None, clear: float = 0.9) -> None:
    """`slice_rows`: rows of one call of onnxruntime; `clear`: the share of rows, at the least, whose label is no close call."""
    ours, theirs = by_port(case, scores), by_port(case, trained.reference(case, feed, slice_rows))
    assert set(ours) == set(theirs)
    is_clear = np.ones(len(next(iter(ours.values()))), bool)
    for port, values in ours.items():
        if "label" in port:
            continue
        assert (values.dtype, values.shape) == (theirs[port].dtype, theirs[port].shape)
        truth = reference(case.model, feed, source_of(case, port))
        unit = units(truth, values.dtype).reshape(values.shape)
        exact = truth.value.reshape(values.shape)
        bound = np.abs(theirs[port] - exact) + UNITS * unit
        error = np.abs(values - exact)
        assert np.isfinite(values).all()
        assert (error <= bound).all(), f"{port}: {float((error / unit).max())} units, {float((np.abs(theirs[port] - exact) / unit).max())}"
        both = np.sort(exact.reshape(len(values), -1), axis=1)
        margin = both[:, -1] - both[:, -2] if both.shape[1] > 1 else np.abs(both[:, 0])
        is_clear = margin > 4 * UNITS * unit.reshape(len(values), -1).max(axis=1)
    for port, values in ours.items():
        if "label" in port:
            assert is_clear.mean() > clear
            np.testing.assert_array_equal(values[is_clear], theirs[port][is_clear])


@pytest.mark.parametrize("name", EVERY)
def test_score_any_number_of_rows_is_within_the_bound(name: str) -> None:
    case = EVERY[name]()
    scorer = eo.Scorer(case.model)
    for n_rows in (1, 2, 31, 33, 129, 1000, 20011):
        feed = case.feed(n_rows)
        check(case, feed, scorer.score(trained.columns_of(feed)))


@pytest.mark.parametrize("name", EVERY)
def test_score_large_and_small_values_are_within_the_bound(name: str) -> None:
    case = EVERY[name]()
    rng = np.random.default_rng(41)
    feed = {
        key: values if values.dtype.kind == "i" else (values * 10.0 ** rng.uniform(-6, 2, values.shape)).astype(values.dtype)
        for key, values in case.feed(2000).items()
    }
    check(case, feed, eo.Scorer(case.model).score(trained.columns_of(feed)), clear=0.5)


@pytest.mark.parametrize("name", EVERY)
def test_score_no_rows_gives_empty_columns(name: str) -> None:
    case = EVERY[name]()
    some, none = (eo.Scorer(case.model).score(trained.columns_of(case.feed(n))) for n in (3, 0))
    assert_columns(none, {key: np.asarray(column)[:0] for key, column in some.items()})


@pytest.mark.parametrize("name", NATIVE)
def test_scorer_sums_of_products_and_what_stands_before_them_are_native(name: str) -> None:
    assert_native(eo.Scorer(NATIVE[name]().model))


def walk() -> int:
    """Every network against the bound; how many there were."""
    for case in (make() for make in NETWORKS.values()):
        feed = case.feed(333)
        check(case, feed, eo.Scorer(case.model).score(trained.columns_of(feed)))
    return len(NETWORKS)


@pytest.mark.parametrize("cpu", ["scalar", "avx2", "avx512"])
def test_score_network_on_any_instructions_is_within_the_bound(cpu: str) -> None:
    here = str(Path(__file__).parent)
    done = run_python("import test_linear_parity as t; print(t.walk())", env={"EDGEONNX_CPU": cpu, "PYTHONPATH": here})
    assert int(done.stdout) == len(NETWORKS)


@pytest.mark.parametrize("name", EVERY)
def test_score_any_number_of_threads_gives_the_same_bits(name: str) -> None:
    case = EVERY[name]()
    data = trained.columns_of(case.feed(1501))
    one = eo.Scorer(case.model, threads=1, morsel_rows=128).score(data)
    assert_columns(eo.Scorer(case.model, threads=2, morsel_rows=128).score(data), dict(one))


@pytest.mark.parametrize("morsel_rows", [1, 37, 1000])
@pytest.mark.parametrize("name", NATIVE)
def test_score_native_model_gives_the_same_bits_in_any_morsels_and_order(name: str, morsel_rows: int) -> None:
    """A row's answer is its own: neither its neighbours nor its place among them matter. ONNX Runtime does not promise that."""
    case = NATIVE[name]()
    feed = case.feed(701)
    whole = eo.Scorer(case.model).score(trained.columns_of(feed))
    chosen = np.random.default_rng(3).permutation(701)[:500]
    part = eo.Scorer(case.model, morsel_rows=morsel_rows, threads=2).score(
        trained.columns_of({key: values[chosen] for key, values in feed.items()})
    )
    assert_columns(part, {key: np.asarray(column)[chosen] for key, column in whole.items()})


LAYOUTS: dict[str, Callable[[Array], Any]] = {
    "columns together": np.asfortranarray,
    "columns apart": lambda x: np.repeat(np.repeat(x, 2, axis=1), 3, axis=0)[::3, ::2],
    "a column each": lambda x: {f"c{i}": x[:, i].copy() for i in range(x.shape[1])},
    "a strided column each": lambda x: {f"c{i}": np.repeat(x[:, i], 5)[::5] for i in range(x.shape[1])},
    "pandas": lambda x: pandas.DataFrame(x, columns=[f"c{i}" for i in range(x.shape[1])]),
    "arrow with an offset": lambda x: pa.table({f"c{i}": np.concatenate([x[:3, i], x[:, i]]) for i in range(x.shape[1])}).slice(3),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["linear", "logistic-3-zipmap", "logistic-3-double", "ridge-whole", "mlp-classifier-3"])
def test_score_any_layout_gives_the_same_bits(name: str, layout: str) -> None:
    case = EVERY[name]()
    x = case.feed(389)["X"]
    scorer = eo.Scorer(case.model, morsel_rows=100)
    assert_columns(scorer.score(LAYOUTS[layout](x)), dict(scorer.score({"X": x})))


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf], ids=str)
@pytest.mark.parametrize(
    "name", ["linear", "standard-linear-columns", "logistic-2", "logistic-3-zipmap", "svc-3", "mlp-tanh", "logistic-10"]
)
def test_score_value_that_is_no_number_spoils_its_own_row_alone(name: str, special: float) -> None:
    case = NATIVE[name]()
    feed = case.feed(300)
    hurt = {key: values.copy() for key, values in feed.items()}
    next(iter(hurt.values()))[150, 0] = special
    clean, spoilt = (by_port(case, eo.Scorer(case.model).score(trained.columns_of(each))) for each in (feed, hurt))
    theirs = by_port(case, trained.reference(case, hurt))
    for port, values in clean.items():
        others = np.arange(300) != 150
        np.testing.assert_array_equal(spoilt[port][others], values[others])
        if "label" not in port:
            np.testing.assert_array_equal(np.isnan(spoilt[port][150]), np.isnan(theirs[port][150]))
            np.testing.assert_allclose(spoilt[port][150], theirs[port][150], rtol=1e-6)
