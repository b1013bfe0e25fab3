"""Tables of three real columns in many guises, and what `models.affine` says of them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

import models
from models import Array, Feed

N = 1000
NAMES = ("a", "b", "c")


def floats(n_rows: int = N, names: tuple[str, ...] = NAMES) -> Feed:
    rng = np.random.default_rng(9)
    return {name: rng.normal(0, 1, n_rows).astype(np.float32) for name in names}


def totals(data: Feed) -> Feed:
    """What `models.affine` says, by onnxruntime."""
    return models.run(models.affine(tuple(data)), {name: column[:, None] for name, column in data.items()})


def chunked(data: Feed, *sizes: int) -> pa.Table:
    """A table in batches that begin at odd offsets of larger arrays."""
    batches, at = [], 0
    for size in sizes:
        arrays = [pa.concat_arrays([pa.nulls(3 + i, pa.float32()), pa.array(column[at : at + size])]).slice(3 + i)
                  for i, column in enumerate(data.values())]  # fmt: skip
        batches.append(pa.record_batch(arrays, names=list(data)))
        at += size
    assert at == len(next(iter(data.values())))
    return pa.Table.from_batches(batches)


def structured(data: Feed) -> Array:
    array = np.empty(len(next(iter(data.values()))), dtype=[(name, np.float32) for name in data])
    for name, column in data.items():
        array[name] = column
    return array


def matrix(data: Feed) -> Array:
    return np.column_stack(list(data.values()))


def frozen(array: Array) -> Array:
    array.flags.writeable = False
    return array
