"""Trained tree ensembles, and everything that pipelines put before them, equal plain onnxruntime (one thread) by the bit."""

from __future__ import annotations

import pathlib
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import onnxruntime
import pandas
import polars
import pyarrow as pa
import pytest

import edgeonnx as eo
import trained
import trained_trees
from models import Array, Feed
from native import assert_native, unread
from support import assert_columns, run_python
from thresholds import special, straddling
from trained import Case
from trained_trees import BARE, BESIDE_OTHERS, DOUBLE, MISDECLARED, MIXTURES, SCALED, TREES

EVERY = {**TREES, **BESIDE_OTHERS}
ROWS = [0, 1, 2, 31, 33, 127, 128, 129, 1000, 20011]

#: One of every library and of every way to read a column.
FEW = [
    "lightgbm-missing",
    "lightgbm-3-categorical-missing",
    "xgboost-3",
    "catboost",
    "forest-3-targets",
    "gradient-2-zipmap",
    "hist-2",
    "double-forest-3",
    "imputer-standard-gradient",
    "normalizer-forest",
    "minmax-forest-2",
    "onehot-forest",
    "columns-forest-3-zipmap",
]


def expected(case: Case, feed: Feed) -> Feed:
    return trained.reference(case, feed)


def check(case: Case, feed: Feed, scorer: eo.Scorer | None = None) -> None:
    assert_columns((scorer or eo.Scorer(case.model)).score(trained.columns_of(feed)), expected(case, feed))


@pytest.mark.parametrize("name", EVERY)
def test_score_any_number_of_rows_equals_onnxruntime(name: str) -> None:
    case = EVERY[name]()
    scorer = eo.Scorer(case.model)
    for n_rows in ROWS[1:] if name == "adaboost" else ROWS:  # onnxruntime can't run some of its operators on no rows
        check(case, case.feed(n_rows), scorer)


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("name", MISDECLARED)
def test_score_output_of_another_shape_than_declared_equals_onnxruntime(name: str, native: bool) -> None:
    case = MISDECLARED[name]()
    check(case, case.feed(500), eo.Scorer(case.model, native=native))


@pytest.mark.parametrize("name", TREES)
def test_scorer_tree_ensemble_and_what_stands_before_it_are_native(name: str) -> None:
    assert_native(eo.Scorer(TREES[name]().model))


@pytest.mark.parametrize("name", EVERY)
def test_score_any_morsels_and_threads_equal_onnxruntime(name: str) -> None:
    case = EVERY[name]()
    feed = case.feed(701)
    truth = expected(case, feed)
    for morsel_rows, threads in [(1, 2), (7, 1), (129, 2), (700, 2)]:
        scores = eo.Scorer(case.model, morsel_rows=morsel_rows, threads=threads).score(trained.columns_of(feed))
        assert_columns(scores, truth)


@pytest.mark.parametrize("name", [*BARE, *DOUBLE, *SCALED])
def test_score_rows_on_cuts_and_one_float_beside_equal_onnxruntime(name: str) -> None:
    case = TREES[name]()
    check(case, {"X": straddling(case.model, case.feed(400)["X"])})


def edges(name: str, case: Case, n_rows: int) -> Feed:
    """Special values that onnxruntime takes."""
    feed = special(case.feed(n_rows))
    return {"X": np.nan_to_num(feed["X"])} if name == "binarizer-tree" else feed


@pytest.mark.parametrize("name", TREES)
def test_score_special_values_equal_onnxruntime(name: str) -> None:
    case = TREES[name]()
    check(case, edges(name, case, 500))


def test_score_nan_that_a_binarizer_refuses_is_refused() -> None:
    case = TREES["binarizer-tree"]()
    x = case.feed(300)["X"]
    x[171, 2] = np.nan
    with pytest.raises(onnxruntime.capi.onnxruntime_pybind11_state.Fail, match="NaN"):
        expected(case, {"X": x})
    with pytest.raises(eo.InferenceError, match="NaN"):
        eo.Scorer(case.model).score({"X": x})


@pytest.mark.parametrize("name", EVERY)
def test_score_any_choice_of_rows_gives_the_same_bits(name: str) -> None:
    case = EVERY[name]()
    feed = edges(name, case, 300) if name in TREES else case.feed(300)
    scorer = eo.Scorer(case.model)
    whole = scorer.score(trained.columns_of(feed))
    chosen = np.random.default_rng(3).permutation(300)[:201]
    part = scorer.score(trained.columns_of({key: values[chosen] for key, values in feed.items()}))
    assert_columns(part, {key: np.asarray(column)[chosen] for key, column in whole.items()})


# ----------------------------------------------------------------------------------------------------------------------------- layouts


def unaligned(values: Array) -> Array:
    buffer = np.empty(values.nbytes + 1, np.uint8)[1:].view(values.dtype).reshape(values.shape)
    buffer[...] = values
    return buffer


def padded(values: Array, lead: int) -> pa.Array:
    """An Arrow array that begins `lead` values inside its buffer."""
    return pa.array(np.concatenate([np.full(lead, 77).astype(values.dtype), values])).slice(lead)


MATRICES: dict[str, Callable[[Array], Any]] = {
    "rows together": lambda x: x,
    "columns together": np.asfortranarray,
    "columns apart": lambda x: np.repeat(np.repeat(x, 2, axis=1), 3, axis=0)[::3, ::2],
    "rows reversed": lambda x: x[::-1].copy()[::-1],
    "unaligned": unaligned,
    "byte-swapped": lambda x: x.astype(x.dtype.newbyteorder()),
    "lists with an offset": lambda x: pa.table(
        {"X": pa.FixedSizeListArray.from_arrays(padded(np.concatenate([x[:2], x]).ravel(), 5), x.shape[1]).slice(2)}
    ),
    "a column each": lambda x: {f"c{i}": x[:, i].copy() for i in range(x.shape[1])},
    "a strided column each": lambda x: {f"c{i}": np.repeat(x[:, i], 5)[::5] for i in range(x.shape[1])},
    "an unaligned column each": lambda x: {f"c{i}": unaligned(x[:, i]) for i in range(x.shape[1])},
    "views of one matrix": lambda x: {f"c{i}": x[:, i] for i in range(x.shape[1])},
    "pandas": lambda x: pandas.DataFrame(x, columns=[f"c{i}" for i in range(x.shape[1])]),
    "polars": lambda x: polars.DataFrame(x, schema=[f"c{i}" for i in range(x.shape[1])]),
    "arrow with offsets": lambda x: pa.table({f"c{i}": padded(x[:, i], 3 * i + 1) for i in range(x.shape[1])}),
    "arrow in batches": lambda x: pa.concat_tables(
        pa.table({f"c{i}": padded(part[:, i], i) for i in range(x.shape[1])}) for part in np.array_split(x, [1, 1, 130, 259])
    ),
}


@pytest.mark.parametrize("layout", MATRICES)
@pytest.mark.parametrize("name", [name for name in FEW if name not in MIXTURES])
def test_score_matrix_in_any_layout_equals_onnxruntime(name: str, layout: str) -> None:
    case = TREES[name]()
    x = special(case.feed(389))["X"]
    scores = eo.Scorer(case.model, morsel_rows=100, threads=2).score(MATRICES[layout](x))
    assert_columns(scores, expected(case, {"X": x}))


COLUMNS: dict[str, Callable[[Array, int], Any]] = {
    "strided": lambda values, i: np.repeat(values, i + 2)[:: i + 2],
    "unaligned": lambda values, i: unaligned(values),
    "reversed": lambda values, i: values[::-1].copy()[::-1],
    "byte-swapped": lambda values, i: values.astype(values.dtype.newbyteorder()),
    "arrow with an offset": lambda values, i: padded(values, 3 * i + 1),
}


@pytest.mark.parametrize("layout", COLUMNS)
@pytest.mark.parametrize("name", ["columns-gradient", "columns-forest-3-zipmap"])
def test_score_columns_of_several_types_in_any_layout_equal_onnxruntime(name: str, layout: str) -> None:
    case = TREES[name]()
    feed = special(case.feed(389))
    data = {key: COLUMNS[layout](values[:, 0], i) for i, (key, values) in enumerate(feed.items())}
    scores = eo.Scorer(case.model, morsel_rows=100).score(pa.table(data) if "arrow" in layout else data)
    assert_columns(scores, expected(case, feed))


@pytest.mark.parametrize("name", ["lightgbm-missing", "xgboost-3", "standard-gradient", "columns-gradient"])
def test_score_columns_of_other_types_are_converted_as_if_by_hand(name: str) -> None:
    case = TREES[name]()
    feed = {key: np.clip(np.round(np.nan_to_num(values) * 4), -100, 100) for key, values in case.feed(500).items()}
    matrix = np.column_stack(list(feed.values()))
    for dtype in ("int8", "int32", "int64", "float64", "float16"):
        data: Any = matrix.astype(dtype) if "X" in feed else {key: values[:, 0].astype(dtype) for key, values in feed.items()}
        assert_columns(eo.Scorer(case.model).score(data), expected(case, feed))


# ------------------------------------------------------------------------------------------------------------------------------- nulls


def nulls_in(x: Array) -> tuple[pa.Table, Array]:
    """Columns c0, c1 ... as Arrow with one value in nine NULL, and where."""
    mask = np.random.default_rng(29).random(x.shape) < 1 / 9
    mask[:, -1] = False
    return pa.table({f"c{i}": pa.array(x[:, i], mask=mask[:, i]).slice(0) for i in range(x.shape[1])}), mask


@pytest.mark.parametrize("policy", ["nan", "propagate", 2.5, "error"])
@pytest.mark.parametrize("name", [name for name in FEW if name not in MIXTURES])
def test_score_nulls_by_any_policy_equal_onnxruntime_on_what_they_become(name: str, policy: Any) -> None:
    case = TREES[name]()
    x = case.feed(389)["X"]
    table, mask = nulls_in(x)
    scorer = eo.Scorer(case.model, nulls=policy, morsel_rows=100)
    mask[:, unread(scorer)] = False  # a NULL that no node reads is none
    if policy == "error":
        with pytest.raises(eo.NullError) as info:
            scorer.score(table)
        assert info.value.row == int(mask.any(axis=1).argmax())
        return
    filled = np.where(mask, x.dtype.type(np.nan if policy != 2.5 else policy), x)
    scores = scorer.score(table)
    keep = ~mask.any(axis=1) if policy == "propagate" else np.ones(len(x), bool)
    for key, column in expected(case, {"X": filled}).items():
        np.testing.assert_array_equal(np.ma.getmaskarray(scores[key])[:, ...].reshape(len(x), -1).any(axis=1), ~keep)
        np.testing.assert_array_equal(np.ma.getdata(scores[key])[keep], column[keep], err_msg=key)


# --------------------------------------------------------------------------------------------------------------- every kind of processor


def cases() -> Iterator[tuple[str, bytes, Feed, Feed]]:
    """Name, model, columns, and what onnxruntime says."""
    for name in FEW:
        case = TREES[name]()
        parts = [case.feed(800), special(case.feed(333))]
        if name not in MIXTURES:
            parts.append({"X": straddling(case.model, case.feed(200)["X"])})
        feed = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
        yield name, case.model, trained.columns_of(feed), expected(case, feed)


WALK = """
import pickle, sys
import edgeonnx as eo
from support import assert_columns
with open(sys.argv[1], "rb") as file:
    cases = pickle.load(file)
for name, model, data, truth in cases:
    for morsel_rows in (None, 37):
        assert_columns(eo.Scorer(model, morsel_rows=morsel_rows, threads=2).score(data), truth)
print(len(cases))
"""


@pytest.fixture(scope="module", name="packed")
def packed_cases(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The cases in a file, so that no other process has to train them again."""
    path = tmp_path_factory.mktemp("trees") / "cases"
    path.write_bytes(pickle.dumps(list(cases())))
    return path


@pytest.mark.parametrize("cpu", ["scalar", "avx2", "avx512"])
def test_score_on_every_processor_equals_onnxruntime(packed: pathlib.Path, cpu: str) -> None:
    here = str(pathlib.Path(__file__).parent)
    assert int(run_python(WALK, str(packed), env={"EDGEONNX_CPU": cpu, "PYTHONPATH": here}).stdout) == len(FEW)


def test_straddling_rows_take_both_branches_of_their_cut() -> None:
    """The rows that the tests above are about are what they claim to be: a step of one float changes answers."""
    case = trained_trees.BARE["tree"]()
    rows = straddling(case.model, case.feed(400)["X"])
    answers = np.asarray(eo.Scorer(case.model).score({"X": rows})["variable"])
    assert np.mean(answers[:400] != answers[400:]) > 0.05
