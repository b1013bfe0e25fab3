"""What NumPy makes of operators as opsets 7 to 12 meant them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from models import Array


def softmax(x: Array) -> Array:
    shifted = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def coerced(x: Array, axis: int) -> Array:
    """Softmax of opset 12 and before: of all values from an axis on."""
    lines = x.reshape(*x.shape[:axis], -1)
    return softmax(lines).reshape(x.shape)


def sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def leaky(x: Array, slope: Array | float) -> Array:
    return np.where(x < 0, slope * x, x)


def elu(x: Array, alpha: float) -> Array:
    return np.where(x < 0, alpha * np.expm1(x), x)


def lstm(x: Array, w: Array, r: Array, b: Array) -> Array:
    """The last state of [N, T, D] rows; gates in the order i, o, f, c."""
    size = r.shape[2]
    h, c = np.zeros((len(x), size)), np.zeros((len(x), size))
    for step in range(x.shape[1]):
        gates = x[:, step] @ w[0].T + h @ r[0].T + b[0, : 4 * size] + b[0, 4 * size :]
        i, o, f, g = (gates[:, k * size : (k + 1) * size] for k in range(4))
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
    return h


def gru(x: Array, w: Array, r: Array) -> Array:
    """Gates in the order z, r, h; linear_before_reset 0."""
    size = r.shape[2]
    h = np.zeros((len(x), size))
    for step in range(x.shape[1]):
        z, reset = (sigmoid(x[:, step] @ w[0, k * size : (k + 1) * size].T + h @ r[0, k * size : (k + 1) * size].T) for k in range(2))
        new = np.tanh(x[:, step] @ w[0, 2 * size :].T + (reset * h) @ r[0, 2 * size :].T)
        h = (1 - z) * new + z * h
    return h


def convolved(x: Array, w: Array, b: Array) -> Array:
    """Padded by 1, as Conv and the networks of the time do."""
    wide = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(wide, w.shape[2:], (2, 3))
    return np.einsum("nchwij,ocij->nohw", windows, w) + b[:, None, None]


def pooled(x: Array, size: int, by: Callable[..., Array]) -> Array:
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), (2, 3))[:, :, ::size, ::size]
    return by(windows, axis=(4, 5))
