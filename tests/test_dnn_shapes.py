"""Networks over images, tokens and series: inputs of any rank, sizes that the data decide, halves and bytes, and memory that stays flat."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb
import nanoarrow
import numpy as np
import pandas
import polars
import pyarrow as pa
import pytest
import torch

import edgeonnx as eo
import models
import networks
from models import Array, Feed
from support import assert_columns, refused, run_python

pytestmark = pytest.mark.usefixtures("no_leak")

#: Sums of many terms, added in another order: units in the last place of the largest answer.
ULPS = 64


def nested(values: Array) -> pa.Array:
    """Rows of an array as fixed-size lists in each other."""
    array = pa.array(values.ravel())
    for size in reversed(values.shape[1:]):
        array = pa.FixedSizeListArray.from_arrays(array, size)
    return array


def flat(values: Array) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values[0].size)


def sliced(array: pa.Array) -> pa.Array:
    return pa.concat_arrays([array[-3:], array]).slice(3)


IMAGES: dict[str, Callable[[Array], Any]] = {
    "array": lambda x: x,
    "array in a mapping": lambda x: {"image": x},
    "without the channel": lambda x: {"image": x[:, 0]},
    "values in a line": lambda x: {"image": x.reshape(len(x), -1)},
    "columns of values": lambda x: polars.DataFrame(x.reshape(len(x), -1)),
    "channels last in memory": lambda x: {"image": np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)},
    "every other row": lambda x: {"image": np.repeat(x, 2, axis=0)[::2]},
    "reversed": lambda x: {"image": x[::-1].copy()[::-1]},
    "float64": lambda x: {"image": x.astype(np.float64)},
    "tensor": torch.from_numpy,
    "tensor in a mapping": lambda x: {"image": torch.from_numpy(x)},
    "lists in lists": lambda x: pa.table({"image": nested(x)}),
    "lists in lists, sliced": lambda x: pa.table({"image": sliced(nested(x))}),
    "lists in lists, several batches": lambda x: pa.concat_tables([pa.table({"image": nested(part)}) for part in (x[:7], x[7:])]),
    "lists in lists in a mapping": lambda x: {"image": nested(x)},
    "one list": lambda x: pa.table({"image": flat(x)}),
    "one list, sliced": lambda x: pa.table({"image": sliced(flat(x))}),
    "fixed-shape tensors": lambda x: pa.table({"image": pa.FixedShapeTensorArray.from_numpy_ndarray(x)}),
    "polars": lambda x: polars.DataFrame({"image": polars.Series(x.tolist(), dtype=polars.Array(polars.Float32, x.shape[1:]))}),
    "nanoarrow": lambda x: nanoarrow.Array(pa.record_batch({"image": nested(x)})),
    "duckdb": lambda x: duckdb.connect().from_arrow(pa.table({"image": nested(x)})),
}


@pytest.mark.parametrize("kind", IMAGES)
def test_score_images_of_any_make_equal_onnxruntime_and_torch(kind: str) -> None:
    images = networks.digits()[0][:300]
    scores = eo.Scorer(networks.digit_model(), morsel_rows=64).score(IMAGES[kind](images))
    assert_columns(scores, models.run(networks.digit_model(), {"image": images}), ulps=ULPS)
    (expected,) = networks.said(networks.digit_network(), images)
    assert_columns(scores, {"probabilities": expected}, ulps=ULPS)


def test_score_images_are_told_apart_and_read_in_place() -> None:
    images, labels = networks.digits()
    scores = eo.Scorer(networks.digit_model()).score({"image": images})
    assert (scores["probabilities"].argmax(1) == labels).mean() > 0.9
    assert (scores.report.bytes_copied, scores.report.bytes_borrowed) == (0, images.nbytes)
    for data in (pa.table({"image": nested(images)}), torch.from_numpy(images)):
        assert eo.Scorer(networks.digit_model()).score(data).report.bytes_copied == 0


def test_predict_keeps_images_beside_their_answers() -> None:
    images = networks.digits()[0][:20]
    table = pa.table({"id": pa.array(range(20)), "image": nested(images)})
    done = eo.Scorer(networks.digit_model()).predict(table)
    assert isinstance(done, pa.Table)
    assert done.column_names == ["id", "image", "probabilities"]
    assert done["image"].equals(table["image"])
    expected = networks.said(networks.digit_network(), images)[0]
    np.testing.assert_allclose(np.array(done["probabilities"].to_pylist()), expected, rtol=0, atol=1e-5)


def test_score_one_image_equals_one_of_many() -> None:
    images = networks.digits()[0]
    scorer = eo.Scorer(networks.digit_model())
    whole = scorer.score({"image": images})["probabilities"]
    for row in (0, 17, 1796):
        one = scorer.score({"image": images[row : row + 1]})["probabilities"]
        np.testing.assert_allclose(one, whole[row : row + 1], rtol=0, atol=1e-6)


def test_score_image_that_is_null_propagates() -> None:
    images = networks.digits()[0][:4]
    column = pa.array([None if row == 2 else value for row, value in enumerate(nested(images).to_pylist())], nested(images).type)
    assert column.values.null_count == 1
    scores = eo.Scorer(networks.digit_model(), nulls="propagate").score(pa.table({"image": column}))
    expected = networks.said(networks.digit_network(), images)[0]
    assert scores["probabilities"].mask.all(axis=1).tolist() == [False, False, True, False]
    np.testing.assert_allclose(scores["probabilities"].data[[0, 1, 3]], expected[[0, 1, 3]], rtol=0, atol=1e-6)


def test_score_list_that_is_null_inside_a_row_is_refused() -> None:
    column = pa.array([[[1.0, 2.0, 3.0], None]], pa.list_(pa.list_(pa.float32(), 3), 2))
    with refused(eo.NullError, "'x'", "NULL lists inside its lists", "make the whole row NULL"):
        eo.Scorer(models.row_matrices(), nulls="propagate").score(pa.table({"x": column}))


# --------------------------------------------------------------------------------------------------------------- sizes that the data decide

SEQUENCES: dict[str, Callable[[Feed], Any]] = {
    "arrays": dict,
    "tensors": lambda feed: {name: torch.from_numpy(values) for name, values in feed.items()},
    "lists in lists": lambda feed: pa.table({name: nested(values) for name, values in feed.items()}),
    "lists": lambda feed: pa.table({name: flat(values) for name, values in feed.items()}),
    "polars": lambda feed: polars.DataFrame(pa.table({name: nested(values) for name, values in feed.items()})),
    "tokens of int16, series of float64": lambda feed: {
        "ids": feed["ids"].astype(np.int16),
        "series": feed["series"].astype(np.float64),
        "known": feed["known"],
    },
}


@pytest.mark.parametrize("n_steps", [1, 7, 33])
@pytest.mark.parametrize("kind", SEQUENCES)
def test_score_sequences_of_the_length_that_the_data_have(kind: str, n_steps: int) -> None:
    feed = networks.encoder_feed(50, n_steps)
    scorer = eo.Scorer(networks.encoder_model(), morsel_rows=16)
    scores = scorer.score(SEQUENCES[kind](feed))
    assert_columns(scores, models.run(networks.encoder_model(), feed), ulps=ULPS)
    expected = dict(zip(["scores", "states"], networks.said(networks.encoder(), *feed.values()), strict=True))
    assert_columns(scores, expected, ulps=ULPS)


def test_score_lengths_may_change_from_call_to_call() -> None:
    scorer = eo.Scorer(networks.encoder_model())
    for n_steps in (4, 9, 4, 1):
        for n_rows in (1, 20):
            feed = networks.encoder_feed(n_rows, n_steps)
            assert_columns(scorer.score(feed), models.run(networks.encoder_model(), feed), ulps=ULPS)


def test_score_sequences_that_differ_in_length_are_refused_by_name() -> None:
    feed = networks.encoder_feed(10, 6) | {"series": np.zeros((10, 8, 4), np.float32)}
    scorer = eo.Scorer(networks.encoder_model())
    for kind in ("arrays", "lists in lists", "lists"):
        with refused(eo.ShapeError, "'ids' bigint [N, T]", "'series' real [N, T, 4]", "'T'", "6", "8", "pad or cut") as info:
            scorer.score(SEQUENCES[kind](feed))
        assert info.value.column == "series"


def test_explain_names_sizes_as_the_model_does() -> None:
    text = eo.Scorer(networks.encoder_model()).explain()
    assert "input 'ids' bigint [N, T]\n" in text
    assert "input 'series' real [N, T, 4]\n" in text
    assert "output 'states' real [N, T, 16]\n" in text


@pytest.mark.parametrize("size", [(9, 11), (16, 16), (5, 40)], ids=str)
@pytest.mark.parametrize("make", [lambda x: x, nested, torch.from_numpy], ids=["array", "lists in lists", "tensor"])
def test_score_pictures_of_any_size_as_bytes(make: Callable[[Array], Any], size: tuple[int, int]) -> None:
    pictures = networks.photographs(30, *size)
    scorer = eo.Scorer(networks.photograph_model(), morsel_rows=8)
    scores = scorer.score({"picture": make(pictures)})
    assert scores.report.bytes_copied == 0
    assert_columns(scores, models.run(networks.photograph_model(), {"picture": pictures}), ulps=ULPS)
    (expected,) = networks.said(networks.photograph_network(), pictures)
    assert_columns(scores, {"scores": expected}, ulps=ULPS)


def test_score_pictures_of_the_same_number_of_bytes_and_another_shape_are_not_confused() -> None:
    scorer = eo.Scorer(networks.photograph_model())
    for size in ((12, 16), (16, 12), (8, 24)):
        pictures = networks.photographs(5, *size)
        assert_columns(scorer.score(pictures), models.run(networks.photograph_model(), {"picture": pictures}), ulps=ULPS)


def test_score_two_free_sizes_of_a_line_of_values_are_refused() -> None:
    pictures = networks.photographs(5, 8, 8)
    with refused(eo.ShapeError, "'picture' tinyint [N, H, W, 3]", "can't be told from 192 values a row", "array"):
        eo.Scorer(networks.photograph_model()).score(pa.table({"picture": flat(pictures)}))


@pytest.mark.parametrize("make", [lambda x: x, nested, torch.from_numpy], ids=["array", "lists in lists", "tensor"])
def test_score_rows_of_another_shape_are_refused(make: Callable[[Array], Any]) -> None:
    x = np.zeros((4, 3, 2), np.float32)
    with refused(eo.ShapeError, "'x' real [N, 2, 3]", "[3, 2]", "transpose or reshape") as info:
        eo.Scorer(models.row_matrices()).score({"x": make(x)})
    assert info.value.column == "x"


RAGGED: dict[str, Callable[[list[list[int]]], Any]] = {
    "arrow": lambda rows: pa.table({"ids": rows}),
    "arrow, large": lambda rows: pa.table({"ids": pa.array(rows, pa.large_list(pa.int64()))}),
    "arrow in a mapping": lambda rows: {"ids": pa.array(rows)},
    "polars": lambda rows: polars.DataFrame({"ids": rows}),
    "polars in a mapping": lambda rows: {"ids": polars.Series(rows)},
    "pandas": lambda rows: pandas.DataFrame({"ids": [np.array(row) for row in rows]}),
    "pandas, lists": lambda rows: pandas.DataFrame({"ids": rows}),
    "duckdb": lambda rows: duckdb.sql(f"SELECT unnest({rows}) AS ids"),
}


@pytest.mark.parametrize("kind", RAGGED)
def test_score_rows_of_lists_of_any_length_are_refused(kind: str) -> None:
    with refused(eo.CoercionError, "'ids'", "list", "pad them to one length", "numpy.stack") as info:
        eo.Scorer(models.token_sum()).score(RAGGED[kind]([[1, 2], [3], [4, 5]]))
    assert info.value.column == "ids"


@pytest.mark.parametrize("make", [list, np.array], ids=["lists", "arrays"])
def test_score_objects_of_one_length_are_rows(make: Callable[[Any], Any]) -> None:
    images = networks.digits()[0][:10]
    frame = pandas.DataFrame({"id": range(10), "image": [make(image) for image in images.tolist()]})
    scores = eo.Scorer(networks.digit_model()).score(frame)
    assert_columns(scores, models.run(networks.digit_model(), {"image": images}), ulps=ULPS)
    assert scores.report.bytes_copied >= images.nbytes
    ids = pandas.DataFrame({"ids": [make([1, 2, 3]), make([4, 5, 6])]})
    assert_columns(eo.Scorer(models.token_sum()).score(ids), {"total": np.array([6, 15])})


# --------------------------------------------------------------------------------------------------------------------------------- halves


@pytest.mark.parametrize("make", [lambda x: x, nested, flat, torch.from_numpy], ids=["array", "lists in lists", "list", "tensor"])
def test_score_halves_equal_onnxruntime(make: Callable[[Array], Any]) -> None:
    images = networks.digits()[0][:200].astype(np.float16)
    scores = eo.Scorer(networks.half_digit_model(), morsel_rows=64).score({"image": make(images)})
    expected = models.run(networks.half_digit_model(), {"image": images})
    assert scores["probabilities"].dtype == np.float16
    assert scores.report.bytes_copied == 0
    assert_columns(scores, expected, ulps=2)
    single = networks.said(networks.digit_network(), images.astype(np.float32))[0]
    np.testing.assert_allclose(scores["probabilities"].astype(np.float32), single, rtol=0, atol=0.02)


def test_score_floats_are_rounded_to_halves_and_halves_widened() -> None:
    images = networks.digits()[0][:50]
    expected = models.run(networks.half_digit_model(), {"image": images.astype(np.float16)})
    assert_columns(eo.Scorer(networks.half_digit_model()).score({"image": images}), expected, ulps=2)
    widened = images.astype(np.float16)
    expected = models.run(networks.digit_model(), {"image": widened.astype(np.float32)})
    assert_columns(eo.Scorer(networks.digit_model()).score({"image": widened}), expected, ulps=ULPS)


def test_score_halves_that_depend_on_their_batch_keep_it() -> None:
    model = models.mean_over_batch(dtype="float16")
    x = np.array([1, 2, 4, 8], np.float16)
    assert_columns(eo.Scorer(model).score({"x": x}), {"y": 2 * x})


# ------------------------------------------------------------------------------------------------------------------- many rows, flat memory


def test_score_many_images_are_split_among_threads() -> None:
    images = np.broadcast_to(networks.digits()[0][0], (20_000, 1, 8, 8))
    report = eo.Scorer(networks.digit_model(), threads=2).score({"image": images}).report
    assert report.n_threads == 2
    assert report.n_morsels > 4


def test_score_longer_sequences_are_scored_fewer_at_a_time() -> None:
    scorer = eo.Scorer(networks.encoder_model())
    short, long = (scorer.score(networks.encoder_feed(1024, n_steps)).report.n_morsels for n_steps in (2, 64))
    assert long > 4 * short
    assert "rows, since these are long" in scorer.explain(networks.encoder_feed(2, 64))


PEAK = """
import resource, sys
import numpy as np
import edgeonnx as eo
feed_of = FEED
scorer = eo.Scorer(sys.argv[1], threads=2)
peaks = []
for n_rows in (2_000, int(sys.argv[2])):
    scorer.score(feed_of(n_rows))
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
print(peaks[1] - peaks[0])
"""


@pytest.mark.parametrize(
    ("model", "shapes", "n_rows", "most"),
    [
        pytest.param(networks.digit_model, {"image": ((1, 8, 8), "float32")}, 300_000, 40 * 300_000 + (24 << 20), id="images"),
        pytest.param(
            networks.encoder_model,
            {"ids": ((128,), "int64"), "series": ((128, 4), "float32"), "known": ((3,), "float32")},
            6_000,
            6_000 * 4 * (2 + 128 * 16) + (24 << 20),
            id="sequences",
        ),
    ],
)
def test_score_memory_stays_flat(model: Callable[[], bytes], shapes: dict[str, Any], n_rows: int, most: int, tmp_path: Any) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(model())
    columns = ", ".join(
        f"'{name}': np.broadcast_to(np.ones({shape}, '{dtype}'), (n,) + {shape})" for name, (shape, dtype) in shapes.items()
    )
    code = PEAK.replace("FEED", f"lambda n: {{{columns}}}")
    grown = int(run_python(code, str(path), str(n_rows)).stdout)
    assert grown * 1024 < most
