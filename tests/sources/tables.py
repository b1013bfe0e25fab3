"""Tables that come with scikit-learn, in the types that databases have: int, bigint, real and float columns side by side."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn import datasets


@dataclass(frozen=True)
class Table:
    """Rows to learn from, and every third row held out."""

    name: str
    train: Any
    """DataFrame, or a mapping from names to arrays of shape (n_rows, ...)."""
    target: Any
    """Of the rows to learn from: (n_rows,) or (n_rows, k)."""
    held_out: Any


def typed(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns of whole numbers become int and bigint in turn, all others real and float."""
    whole = [name for name in frame if (frame[name] % 1 == 0).all()]
    others = [name for name in frame if name not in whole]
    types = {name: np.dtype((np.int32, np.int64)[k % 2]) for k, name in enumerate(whole)}
    types |= {name: np.dtype((np.float32, np.float64)[k % 2]) for k, name in enumerate(others)}
    return frame.astype(types)


def split(name: str, frame: pd.DataFrame, target: Any) -> Table:
    """Hold every third row out."""
    held_out = np.arange(len(frame)) % 3 == 0
    rows = [frame[chosen].reset_index(drop=True) for chosen in (~held_out, held_out)]
    return Table(name, rows[0], np.asarray(target)[~held_out], rows[1])


@functools.cache
def iris() -> Table:
    """4 features, 3 classes."""
    frame, target = datasets.load_iris(return_X_y=True, as_frame=True)
    return split("iris", typed(frame), target)


@functools.cache
def named_iris() -> Table:
    """The same, with classes of text."""
    table = iris()
    return Table("iris", table.train, datasets.load_iris().target_names[table.target], table.held_out)


@functools.cache
def wine() -> Table:
    """13 features, two of them whole numbers; 3 classes."""
    frame, target = datasets.load_wine(return_X_y=True, as_frame=True)
    return split("wine", typed(frame), target)


@functools.cache
def wine_gaps() -> Table:
    """The same with NaN among the real and float columns."""
    table = wine()
    rng = np.random.default_rng(5)

    def gaps(frame: pd.DataFrame) -> pd.DataFrame:
        holes = rng.random(frame.shape) < 0.1
        holes[:, [kind.kind == "i" for kind in frame.dtypes]] = False
        return frame.mask(holes)

    return Table("wine with NaN", gaps(table.train), table.target, gaps(table.held_out))


@functools.cache
def breast_cancer() -> Table:
    """30 features, 2 classes."""
    frame, target = datasets.load_breast_cancer(return_X_y=True, as_frame=True)
    return split("breast_cancer", typed(frame), target)


@functools.cache
def diabetes() -> Table:
    """10 features as they were measured; a whole number to learn."""
    frame, target = datasets.load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    return split("diabetes", typed(frame), target)


@functools.cache
def diabetes_gaps() -> Table:
    """The same with NaN among the real and float columns."""
    table = diabetes()
    rng = np.random.default_rng(6)

    def gaps(frame: pd.DataFrame) -> pd.DataFrame:
        holes = rng.random(frame.shape) < 0.1
        holes[:, [kind.kind == "i" for kind in frame.dtypes]] = False
        return frame.mask(holes)

    return Table("diabetes with NaN", gaps(table.train), table.target, gaps(table.held_out))


@functools.cache
def diabetes_pair() -> Table:
    """Two targets: the progress, and the last measurement, from the nine others."""
    frame, target = datasets.load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    return split("diabetes", typed(frame.drop(columns="s6")), np.column_stack([target, frame["s6"]]))


@functools.cache
def diabetes_classes() -> Table:
    """The same two as classes: above the middle or not."""
    table = diabetes_pair()
    return Table("diabetes, two classes", table.train, (table.target > [140, 90]).astype(np.int64), table.held_out)


@functools.cache
def linnerud() -> Table:
    """3 whole features, 3 targets, 20 rows."""
    frame, target = datasets.load_linnerud(return_X_y=True, as_frame=True)
    return split("linnerud", typed(frame), target)


@functools.cache
def digits() -> Table:
    """64 pixels of 0 to 16, 10 classes."""
    frame, target = datasets.load_digits(return_X_y=True, as_frame=True)
    return split("digits", typed(frame), target)


@functools.cache
def few_digits() -> Table:
    """The rows of three digits, whose pixels are counts of three values."""
    frame, target = datasets.load_digits(return_X_y=True, as_frame=True, n_class=3)
    return split("digits, 3 of 10", typed(frame // 6), target)


@functools.cache
def categories() -> Table:
    """Diabetes with three columns of few whole numbers among its measurements; the progress to learn, as a class of two."""
    frame, target = datasets.load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    frame = frame.assign(sex=frame["sex"] - 1, decade=frame["age"] // 10, s4=frame["s4"].round()).drop(columns="age")
    return split("diabetes, categories", typed(frame), (target > 140).astype(np.int64))


@functools.cache
def pictures(channels_last: bool) -> Table:
    """Digits as one column of pictures, (n_rows, 1, 8, 8) or (n_rows, 8, 8, 1)."""
    pixels, target = datasets.load_digits(return_X_y=True)
    images = (pixels / 16).astype(np.float32).reshape((-1, 8, 8, 1) if channels_last else (-1, 1, 8, 8))
    return split_arrays("digits", {"image": images}, target)


@functools.cache
def pictures_and_facts(channels_last: bool) -> Table:
    """The same with a column of two floats a row: how bright the halves of a picture are."""
    table = pictures(channels_last)

    def facts(arrays: dict[str, Any]) -> dict[str, Any]:
        halves = arrays["image"].reshape(-1, 2, 32).mean(axis=2)
        return {**arrays, "facts": halves.astype(np.float64)}

    return Table("digits, two columns of arrays", facts(table.train), table.target, facts(table.held_out))


@functools.cache
def tokens() -> Table:
    """The rows of a picture as bigint tokens, (n_rows, 8), and as floats, (n_rows, 8)."""
    pixels, target = datasets.load_digits(return_X_y=True)
    rows = pixels.reshape(-1, 8, 8)
    columns = {"tokens": rows.sum(axis=2).astype(np.int64), "weights": (rows.max(axis=2) / 16).astype(np.float32)}
    return split_arrays("digits, tokens", columns, target)


def split_arrays(name: str, columns: dict[str, Any], target: Any) -> Table:
    """Hold every third row of columns of arrays out."""
    held_out = np.arange(len(target)) % 3 == 0
    parts = [{key: values[chosen] for key, values in columns.items()} for chosen in (~held_out, held_out)]
    return Table(name, parts[0], np.asarray(target)[~held_out], parts[1])


def matrix(table: Any, dtype: Any = np.float32) -> Any:
    """All columns of a DataFrame side by side."""
    return np.ascontiguousarray(table.to_numpy(np.float64), dtype)


def row_count(table: Any) -> int:
    """Of a DataFrame or a mapping."""
    return len(next(iter(table.values()))) if isinstance(table, dict) else len(table)
