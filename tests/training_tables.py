"""Tables to train on and to feed, and what is put right in an exported model so that onnxruntime can be asked about it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx

from models import OPSET, Array, Feed

N_FEATURES = 6
OPSETS = {"": OPSET, "ai.onnx.ml": 3}

#: Features of the pipelines with one input per column: a count, a level of a few, an amount, a real and two doubles.
MIXED: dict[str, Any] = {
    "count": np.int64,
    "level": np.int64,
    "amount": np.float32,
    "real": np.float32,
    "rate": np.float64,
    "sum": np.float64,
}


def draw(n_rows: int, missing: float = 0.0, seed: int = 21) -> Array:
    """Rows as the models were trained on: four features of continuous values, one of a few whole ones, one of ten levels."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1, (n_rows, N_FEATURES))
    x[:, 3] = np.round(x[:, 3] * 3)
    x[:, 4] = rng.integers(0, 10, n_rows)
    x = x.astype(np.float32)
    if missing:
        x[rng.random(x.shape) < missing] = np.nan
    return x


@functools.cache
def training(missing: float = 0.0) -> tuple[Array, Array, Array]:
    """Features; a number, and one of three classes, to learn."""
    x = draw(500, seed=7)
    y = x @ np.array([1.5, -2.0, 0.5, 0.2, 0.0, 0.0]) + np.sin(3 * x[:, 2]) + np.isin(x[:, 4], [1, 4, 7]) * 2.0
    y = y.astype(np.float32)
    if missing:
        x = np.where(np.random.default_rng(8).random(x.shape) < missing, np.float32(np.nan), x)
    return x, y, np.digitize(y, [-1.0, 1.5])


def matrix_feed(dtype: Any = np.float32, missing: float = 0.0) -> Callable[[int], Feed]:
    return lambda n_rows: {"X": draw(n_rows, missing).astype(dtype)}


def mixed_feed(n_rows: int) -> Feed:
    rng = np.random.default_rng(23)
    x = rng.normal(0, 1, (n_rows, len(MIXED)))
    x[:, 0] = np.round(x[:, 0] * 50)
    x[:, 1] = rng.integers(0, 4, n_rows)
    return {name: x[:, i : i + 1].astype(dtype) for i, (name, dtype) in enumerate(MIXED.items())}


def target_of(n_classes: int, y: Array, classes: Array) -> Array:
    if n_classes > 3:
        return np.digitize(y, np.quantile(y, np.arange(1, n_classes) / n_classes))
    return y if n_classes == 0 else classes if n_classes == 3 else (classes > 0).astype(np.int64)


def declared(model: onnx.ModelProto, as_exported: bool, index: int, *sizes: str | int) -> bytes:
    """The model with the shape that an output really has; where exporters write another, onnxruntime refuses memory to write into."""
    if not as_exported:
        output = model.graph.output[index]
        output.CopyFrom(onnx.helper.make_tensor_value_info(output.name, output.type.tensor_type.elem_type, sizes))
    return bytes(model.SerializeToString())
