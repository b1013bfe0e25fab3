"""Rows that lie on the cuts of a tree ensemble, and one float to either side, through whatever the graph does to them first."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import onnx

import models
from models import Array, Feed


class Cuts(NamedTuple):
    """What the splits of an ensemble compare: features and thresholds, side by side."""

    features: Array
    values: Array


def ensemble_of(model: onnx.ModelProto) -> onnx.NodeProto:
    return next(node for node in model.graph.node if node.op_type.startswith("TreeEnsemble"))


def cuts_of(model: bytes) -> Cuts:
    """Every split of the first tree ensemble, once."""
    attributes = {a.name: a for a in ensemble_of(onnx.load_from_string(model)).attribute}
    split = np.array([mode != b"LEAF" for mode in attributes["nodes_modes"].strings])
    features = np.array(attributes["nodes_featureids"].ints)[split]
    values = np.array(attributes["nodes_values"].floats, np.float32)[split]
    pairs = sorted(set(zip(features.tolist(), values.tolist(), strict=True)))
    return Cuts(np.array([pair[0] for pair in pairs]), np.array([pair[1] for pair in pairs], np.float32))


def _front(model: bytes) -> bytes | None:
    """The graph up to what the ensemble reads; None where that is the graph's input."""
    whole = onnx.load_from_string(model)
    ensemble = ensemble_of(whole)
    read = ensemble.input[0]
    if read == whole.graph.input[0].name:
        return None
    before = list(whole.graph.node)[: list(whole.graph.node).index(ensemble)]
    del whole.graph.node[:]
    whole.graph.node.extend(before)
    del whole.graph.output[:]
    kind = whole.graph.input[0].type.tensor_type.elem_type
    whole.graph.output.append(onnx.helper.make_tensor_value_info(read, kind, None))
    return bytes(whole.SerializeToString())


def _ordinal(values: Array) -> Array:
    """Floats as integers in the same order, neighbours one apart. Its own inverse, but for the dtype."""
    bits = values.view(f"i{values.itemsize}") if values.dtype.kind == "f" else values
    return np.where(bits < 0, bits ^ np.iinfo(bits.dtype).max, bits)


def _float(ordinals: Array) -> Array:
    return _ordinal(ordinals).view(f"f{ordinals.itemsize}")


def straddling(model: bytes, rows: Array) -> Array:
    """Rows after `rows` in which one value is moved to a cut of its feature: the last float that is not above it, or the next one.

    For a graph with one matrix whose column i alone, and never falling, makes feature i. Found by bisection over the floats
    with onnxruntime, so that whatever rounds before the tree rounds here as well.
    """
    cuts = cuts_of(model)
    rng = np.random.default_rng(17)
    picked = rng.integers(0, len(cuts.values), len(rows))
    features, values = cuts.features[picked], cuts.values[picked]
    every = np.arange(len(rows))
    front = _front(model)
    name = onnx.load_from_string(model).graph.input[0].name
    ort = models.session(front) if front else None

    def seen(column: Array) -> Array:
        """What the tree reads where the picked value is `column`."""
        moved = rows.copy()
        moved[every, features] = column
        return (ort.run(None, {name: moved})[0] if ort else moved)[every, features]

    low, high = (_ordinal(np.full(len(rows), bound, rows.dtype)) for bound in (-1e6, 1e6))
    while (high - low > 1).any():
        middle = (low >> 1) + (high >> 1) + (low & high & 1)
        goes_left = seen(_float(middle)) <= values
        low, high = np.where(goes_left, middle, low), np.where(goes_left, high, middle)
    on, above = _float(low), _float(high)
    assert np.mean((seen(on) <= values) & (seen(above) > values)) > 0.9
    moved = np.concatenate([rows, rows])
    moved[np.arange(len(moved)), np.tile(features, 2)] = np.concatenate([on, above])
    return moved


SPECIAL = [0.0, -0.0, np.nan, np.inf, -np.inf, 1e-45, -1e-45, 1.1754944e-38, 3.4028235e38, -3.4028235e38, 1.0, -1.0, 16777216.0, 16777217.0]


def special(feed: Feed) -> Feed:
    """Two values in three replaced by what floats have at their edges, or integers at theirs."""
    rng = np.random.default_rng(19)
    changed: Feed = {}
    for name, values in feed.items():
        if values.dtype.kind == "f":
            edges = np.array([*SPECIAL, *([5e-324, 1e300, -1e300, 1e39] if values.itemsize == 8 else [])]).astype(values.dtype)
        else:
            limits = np.iinfo(values.dtype)
            edges = np.array([limits.min, limits.max, limits.max - 1, 2**24 + 1, -(2**24) - 1, 0, -1, 1], values.dtype)
        changed[name] = np.where(rng.random(values.shape) < 2 / 3, rng.choice(edges, values.shape), values)
    return changed
