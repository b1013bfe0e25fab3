"""Whatever the dtype, the layout, the NULLs and the split into batches: the scores equal onnxruntime on dense arrays of the right type."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import edgeonnx as eo
import models
import trained
from support import assert_column, assert_columns

TARGETS = ("int32", "int64", "float32", "float64")
SOURCES = ("bool", *TARGETS)
NAMES = tuple(f"x{i}" for i in range(len(TARGETS)))


@pytest.fixture(scope="module", name="four")
def four_identities() -> bytes:
    """One [N, 1] input and output of each of the four types."""
    return models.identities(*TARGETS)


def values_of(source: str) -> st.SearchStrategy[Any]:
    """Values that every one of the four types can hold once converted."""
    if source == "bool":
        return st.booleans()
    if source.startswith("int"):
        return st.integers(-(2**31), 2**31 - 1)
    return st.floats(-(2.0**30), 2.0**30, width=32 if source == "float32" else 64)


LAYOUTS = ("contiguous", "strided", "reversed", "byte-swapped", "records", "read-only")


def laid_out(values: models.Array, layout: str) -> models.Array:
    if layout == "strided":
        return np.repeat(values, 3)[::3]
    if layout == "reversed":
        return values[::-1].copy()[::-1]
    if layout == "byte-swapped":
        return values.astype(values.dtype.newbyteorder())
    if layout == "records":
        record = np.zeros(len(values), dtype=[("pad", "u1"), ("x", values.dtype)])
        record["x"] = values
        return record["x"]
    if layout == "read-only":
        values = values.copy()
        values.flags.writeable = False
    return values


@st.composite
def column(draw: st.DrawFn, n_rows: int, nulls: bool) -> tuple[models.Array, models.Array]:
    """Values of one of the source types, and where they are NULL."""
    source = draw(st.sampled_from(SOURCES))
    values = np.array(draw(st.lists(values_of(source), min_size=n_rows, max_size=n_rows)), dtype=source)
    mask = np.array(draw(st.lists(st.booleans(), min_size=n_rows, max_size=n_rows)), dtype=bool) if nulls else np.zeros(n_rows, bool)
    return values, mask


@st.composite
def table(draw: st.DrawFn, nulls: bool = False) -> dict[str, tuple[models.Array, models.Array]]:
    n_rows = draw(st.integers(0, 40))
    return {name: draw(column(n_rows, nulls)) for name in NAMES}


def dense(columns: dict[str, tuple[models.Array, models.Array]]) -> models.Feed:
    """Each column as its input wants it: NumPy truncates and rounds as T-SQL does where the value fits."""
    return {name: columns[name][0].astype(target)[:, None] for name, target in zip(NAMES, TARGETS, strict=True)}


def arrow(values: models.Array, mask: models.Array, lead: int) -> pa.Array:
    """An Arrow array that begins `lead` values inside its buffers."""
    padded = np.concatenate([np.zeros(lead, values.dtype), values])
    return pa.array(padded, mask=np.concatenate([np.ones(lead, bool), mask])).slice(lead)


def split(table: pa.Table, cuts: list[int]) -> pa.Table:
    """The same rows in batches that end at `cuts`."""
    edges = [0, *sorted(min(cut, table.num_rows) for cut in cuts), table.num_rows]
    return pa.concat_tables([table.slice(begin, end - begin) for begin, end in itertools.pairwise(edges)])


@given(columns=table(), layouts=st.lists(st.sampled_from(LAYOUTS), min_size=4, max_size=4), morsel_rows=st.integers(1, 50))
def test_score_any_dtype_and_layout_equals_onnxruntime(
    four: bytes, columns: dict[str, tuple[models.Array, models.Array]], layouts: list[str], morsel_rows: int
) -> None:
    data = {name: laid_out(columns[name][0], layout) for name, layout in zip(NAMES, layouts, strict=True)}
    scores = eo.Scorer(four, morsel_rows=morsel_rows, threads=2).score(data)
    assert_columns(scores, models.run(four, dense(columns)))


@given(
    columns=table(nulls=True),
    leads=st.lists(st.integers(0, 20), min_size=4, max_size=4),
    cuts=st.lists(st.integers(0, 40), max_size=5),
    morsel_rows=st.integers(1, 50),
)
def test_score_any_dtype_nulls_and_batches_equals_onnxruntime(
    four: bytes, columns: dict[str, tuple[models.Array, models.Array]], leads: list[int], cuts: list[int], morsel_rows: int
) -> None:
    data = split(pa.table({name: arrow(*columns[name], lead) for name, lead in zip(NAMES, leads, strict=True)}), cuts)
    expected = models.run(four, dense(columns))
    scores = eo.Scorer(four, nulls="propagate", morsel_rows=morsel_rows, threads=2).score(data)
    null_rows = np.logical_or.reduce([mask for _, mask in columns.values()])
    for name, values in expected.items():
        np.testing.assert_array_equal(np.ma.getmaskarray(scores[name]), null_rows)
        assert_column(np.ma.getdata(scores[name])[~null_rows], values[~null_rows], name=name)


@given(columns=table(nulls=True), cuts=st.lists(st.integers(0, 40), max_size=5), constant=st.integers(-1000, 1000))
def test_score_any_nulls_with_constants_and_nan_equals_onnxruntime(
    four: bytes, columns: dict[str, tuple[models.Array, models.Array]], cuts: list[int], constant: int
) -> None:
    data = split(pa.table({name: arrow(*pair, 0) for name, pair in columns.items()}), cuts)
    feeds = dense(columns)
    for name, (_, mask) in columns.items():
        feeds[name][mask, 0] = np.nan if name == NAMES[2] else constant
    nulls = {name: "nan" if name == NAMES[2] else constant for name in NAMES}
    assert_columns(eo.Scorer(four, nulls=nulls, morsel_rows=7).score(data), models.run(four, feeds))


def fits(value: float, target: str) -> bool:
    """The T-SQL rule: truncate first, then look at the range; a real takes what does not round to infinity."""
    if target == "float32":
        with np.errstate(over="ignore"):
            return not math.isfinite(value) or bool(np.isfinite(np.float32(value)))
    info = np.iinfo(target)
    return math.isfinite(value) and info.min <= math.trunc(value) <= info.max


wild = st.one_of(
    st.floats(),
    st.sampled_from(
        [2.0**31, -(2.0**31) - 1, 2147483647.5, -2147483648.5, 2.0**63, -(2.0**63), 3.4028235677973366e38, 3.4028235677973362e38]
    ),
    st.integers(-5, 5).map(lambda d: float(np.nextafter(2.0**31, d * np.inf)) if d else 2.0**31),
)


@settings(max_examples=80)
@given(
    values=st.lists(wild, min_size=1, max_size=30), target=st.sampled_from(["int32", "int64", "float32"]), morsel_rows=st.integers(1, 20)
)
@example(values=[0.0, 2147483648.0], target="int32", morsel_rows=1)
@example(values=[-9223372036854775808.0, 9223372036854775808.0], target="int64", morsel_rows=1)
def test_score_any_double_is_converted_or_is_the_first_overflow(values: list[float], target: str, morsel_rows: int) -> None:
    column = np.array(values)
    bad = [row for row, value in enumerate(values) if not fits(value, target)]
    scorer = eo.Scorer(models.identity(target), morsel_rows=morsel_rows, threads=2)
    if not bad:
        assert_columns(scorer.score({"x": column}), {"y": column.astype(target)})
        return
    with pytest.raises(eo.Overflow) as info:
        scorer.score({"x": column})
    assert info.value.row == bad[0]
    lenient = eo.Scorer(models.identity(target), morsel_rows=morsel_rows, on_overflow="null", nulls="propagate").score({"x": column})
    mask = np.array([not fits(value, target) for value in values])
    np.testing.assert_array_equal(np.ma.getmaskarray(lenient["y"]), mask)
    assert_column(np.ma.getdata(lenient["y"])[~mask], column[~mask].astype(target))


@given(
    rows=st.integers(0, 300),
    morsel_rows=st.integers(1, 130),
    threads=st.integers(1, 5),
    cuts=st.lists(st.integers(0, 300), max_size=6),
    name=st.sampled_from(["boosting", "lightgbm", "xgboost", "forest-zipmap"]),
)
def test_score_any_split_of_a_tree_model_equals_onnxruntime(rows: int, morsel_rows: int, threads: int, cuts: list[int], name: str) -> None:
    case = trained.TRAINED[name]()
    feed = case.feed(rows)
    data = split(pa.table({"X": pa.FixedSizeListArray.from_arrays(pa.array(feed["X"].ravel()), 4)}), cuts)
    assert_columns(eo.Scorer(case.model, morsel_rows=morsel_rows, threads=threads).score(data), trained.reference(case, feed))


@given(
    shape=st.lists(st.integers(1, 4), max_size=2),
    dtype=st.sampled_from(list(models.ELEMENT_TYPES)),
    rows=st.integers(0, 30),
    order=st.sampled_from("CF"),
    step=st.sampled_from([1, -1, 2]),
)
@example(shape=[3], dtype="float32", rows=0, order="C", step=1)
@example(shape=[2, 3], dtype="int64", rows=1, order="F", step=-1)
def test_score_any_shape_and_stride_equals_onnxruntime(shape: list[int], dtype: str, rows: int, order: Any, step: int) -> None:
    model = models.identity(dtype, ("N", *shape))
    whole = np.arange(rows * abs(step) * math.prod(shape)).reshape(rows * abs(step), *shape)
    x = np.asarray(whole % 100, dtype=dtype, order=order)[::step]
    assert_columns(eo.Scorer(model, morsel_rows=8).score({"x": x}), models.run(model, {"x": np.ascontiguousarray(x)}))
