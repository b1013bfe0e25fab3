"""columns_of: the values of every kind of table, for what works on them in Python."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import edgeonnx as eo
from edgeonnx._tables import columns_of
from support import refused

X = np.array([1.5, np.nan, -0.0])
K = np.array([1, 2, 3], np.int32)


def _pandas() -> Any:
    return pd.DataFrame({"x": X, "k": pd.array([1, None, 3], dtype="Int32"), 7: [True, False, True]})


TABLES: dict[str, Any] = {
    "mapping": lambda: {"x": X.tolist(), "k": np.ma.MaskedArray(K, [False, True, False]), "7": [True, False, True]},
    "pandas": _pandas,
    "pandas of arrow": lambda: pd.DataFrame(
        {"x": pd.array([1.5, np.nan, -0.0], dtype="double[pyarrow]"), "k": pd.array([1, None, 3], dtype="int32[pyarrow]"), "7": [1, 0, 1]}
    ).astype({"7": "bool"}),
    "polars": lambda: pl.DataFrame({"x": X, "k": pl.Series([1, None, 3], dtype=pl.Int32), "7": [True, False, True]}),
    "arrow": lambda: pa.table({"x": X, "k": pa.array([1, None, 3], pa.int32()), "7": [True, False, True]}),
    "chunks": lambda: pa.concat_tables([TABLES["arrow"]().slice(0, 1), TABLES["arrow"]().slice(1)]),
    "series": lambda: {"x": pd.Series(X), "k": pl.Series([1, None, 3], dtype=pl.Int32), "7": pa.array([True, False, True])},
}


@pytest.mark.parametrize("kind", TABLES)
def test_every_kind_gives_the_same_values_and_nulls(kind: str) -> None:
    columns = columns_of(TABLES[kind]())
    assert list(columns) == ["x", "k", "7"]
    if kind != "pandas of arrow":  # which takes NaN for NULL
        np.testing.assert_array_equal(columns["x"], X)
    assert (columns["k"].dtype, columns["k"].tolist()) == (np.int32, [1, None, 3])
    assert columns["7"].dtype == bool
    assert columns["7"].tolist() == [True, False, True]


def test_arrays_are_columns_in_order_and_arrays_of_arrays_one() -> None:
    matrix = np.arange(6.0).reshape(3, 2)
    assert {name: values.tolist() for name, values in columns_of(matrix).items()} == {"x0": [0, 2, 4], "x1": [1, 3, 5]}
    assert columns_of(np.zeros((3, 1, 2, 2)))["x0"].shape == (3, 1, 2, 2)
    structured = np.array([(1, 2.0), (3, 4.0)], [("a", "i4"), ("b", "f8")])
    assert {name: values.tolist() for name, values in columns_of(structured).items()} == {"a": [1, 3], "b": [2.0, 4.0]}


def test_lists_of_fixed_size_keep_their_shape_and_nulls() -> None:
    inner = pa.list_(pa.list_(pa.float32(), 2), 2)
    column = columns_of(pa.table({"image": pa.array([[[1, 2], [3, None]], None, [[5, 6], [7, 8]]], inner)}))["image"]
    assert column.shape == (3, 2, 2)
    assert column.tolist() == [[[1, 2], [3, None]], [[None, None], [None, None]], [[5, 6], [7, 8]]]


def test_text_stays_objects_and_one_row_is_a_table() -> None:
    assert columns_of(pa.table({"t": ["a", None]}))["t"].tolist() == ["a", None]
    assert {name: values.tolist() for name, values in columns_of({"a": 1.5, "b": 2}).items()} == {"a": [1.5], "b": [2]}


def test_no_table_is_refused() -> None:
    with refused(eo.InvalidArgument, "object", "no table"):
        columns_of(object())
    with refused(eo.ShapeError, "a has 2 rows", "b has 3 rows"):
        columns_of({"a": [1, 2], "b": [1, 2, 3]})
