"""Random tree ensembles, built straight from ONNX's attributes: what no training library writes, but a model file may hold.

All is made by NumPy from the seed of a `Recipe`, so that whoever draws recipes draws few numbers. Left out is what onnxruntime itself
leaves undefined: memory that it never writes or reads past its end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, helper

from ensemble_attributes import attributes_of
from ensemble_recipe import SPECIAL_CUTS, Recipe, Tree
from models import ELEMENT_TYPES, IR_VERSION, OPSET, Array, Feed


class _Growth:
    """Grows the shape of one tree."""

    def __init__(self, recipe: Recipe, rng: np.random.Generator) -> None:
        self.recipe, self.rng = recipe, rng
        self.tree = Tree([-1], [-1], {}, {})

    def leaf(self) -> int:
        self.tree.true.append(-1)
        self.tree.false.append(-1)
        return len(self.tree.true) - 1

    def split(self, node: int) -> list[int]:
        """Makes a leaf a split, or with categories sometimes a chain of splits that share their true side; gives the new leaves."""
        tree = self.tree
        tree.true[node], tree.false[node] = self.leaf(), self.leaf()
        if self.recipe.mode != "categories" or self.recipe.operator == "TreeEnsemble" or self.rng.random() < 0.3:
            return [tree.true[node], tree.false[node]]
        first, shared = node, tree.true[node]
        copied = self.rng.random() < 0.5
        for _ in range(int(self.rng.integers(1, 6))):
            node = tree.false[node]
            tree.true[node], tree.false[node] = self.leaf() if copied else shared, self.leaf()
            tree.same[node] = first
            if copied:
                tree.copies[tree.true[node]] = shared
        return [tree.false[node]] if copied else [shared, tree.false[node]]

    def grow(self) -> Tree:
        recipe, rng = self.recipe, self.rng
        budget = max(1, recipe.max_nodes // recipe.n_trees)
        open_leaves, depth = [0], 0
        while open_leaves and depth < recipe.depth and len(self.tree.true) < budget:
            depth += 1
            grown = [node for leaf in open_leaves if len(self.tree.true) < budget for node in self.split(leaf)]
            if recipe.shape == "chain":
                open_leaves = [grown[int(rng.integers(len(grown)))]] if rng.random() < 0.5 else grown[-1:]
            elif recipe.shape == "complete":
                open_leaves = grown
            else:
                open_leaves = [node for node in grown if rng.random() < 0.75]
        return self.tree


@dataclass(frozen=True)
class Ensemble:
    """A model of one ensemble over X [N, n_features], and the cuts that its rows may be drawn around."""

    model: bytes
    cuts: Array
    recipe: Recipe

    def rows(self, n_rows: int) -> Feed:
        """Values on cuts, one step beside them, at random, whole, and special."""
        recipe = self.recipe
        rng = np.random.default_rng([recipe.seed, n_rows, 7])
        shape = (n_rows, recipe.n_features)
        kind = rng.random(shape)
        cuts = rng.choice(self.cuts, shape)
        if recipe.dtype.startswith("int"):
            limits = np.iinfo(recipe.dtype)
            near = np.nan_to_num(cuts, nan=0.0, posinf=2.0**40, neginf=-(2.0**40)).clip(limits.min / 2, limits.max / 2).astype(recipe.dtype)
            values = near + rng.integers(-1, 2, shape).astype(recipe.dtype)
            edges = rng.choice(np.array([limits.min, limits.max, 2**24 + 1, -(2**24) - 1, 0], recipe.dtype), shape)
            return {"X": np.where(kind < 0.85, values, edges)}
        with np.errstate(all="ignore"):
            beside = np.nextafter(cuts.astype(recipe.dtype), rng.choice([-np.inf, np.inf], shape).astype(recipe.dtype))
            values = np.select(
                [kind < 0.3, kind < 0.6, kind < 0.75, kind < 0.9],
                [cuts, beside, rng.normal(0, 1, shape), rng.integers(-2, 70, shape) + rng.choice([0.0, 0.0, 0.5], shape)],
                rng.choice(SPECIAL_CUTS, shape),
            )
            return {"X": values.astype(recipe.dtype)}


def parts(recipe: Recipe) -> tuple[dict[str, Any], Array]:
    """Attributes of the operator, and the cuts that rows should lie around."""
    rng = np.random.default_rng(recipe.seed)
    return attributes_of(recipe, [_Growth(recipe, rng).grow() for _ in range(recipe.n_trees)], rng)


def make(recipe: Recipe) -> Ensemble:
    """The ensemble that a recipe gives, always the same one."""
    attributes, cuts = parts(recipe)
    return Ensemble(model_of(recipe, attributes), cuts, recipe)


def model_of(recipe: Recipe, attributes: dict[str, Any]) -> bytes:
    """One node over X [N, n_features]. Attributes by name: a number, text, a list of bytes, an array of integers or floats, or a tensor."""
    outputs = [helper.make_tensor_value_info("label", TensorProto.INT64, ["N"])] if recipe.is_classifier else []
    kind = TensorProto.DOUBLE if recipe.operator == "TreeEnsemble" and recipe.dtype == "float64" else TensorProto.FLOAT
    outputs.append(helper.make_tensor_value_info("Y", kind, ["N", recipe.n_outputs]))
    node = onnx.NodeProto(op_type=recipe.operator, domain="ai.onnx.ml", input=["X"], output=[output.name for output in outputs])
    node.attribute.extend(_attribute(name, value) for name, value in attributes.items() if value is not None)
    inputs = [helper.make_tensor_value_info("X", ELEMENT_TYPES[recipe.dtype], ["N", recipe.n_features])]
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", 5 if recipe.operator == "TreeEnsemble" else 3)]
    model = helper.make_model(helper.make_graph([node], "ensemble", inputs, outputs), opset_imports=opsets, ir_version=IR_VERSION)
    return bytes(model.SerializeToString())


def _attribute(name: str, value: Any) -> AttributeProto:
    """As helper.make_attribute, which looks at every number of a list."""
    if isinstance(value, TensorProto):
        return AttributeProto(name=name, type=AttributeProto.TENSOR, t=value)
    if isinstance(value, int):
        return AttributeProto(name=name, type=AttributeProto.INT, i=value)
    if isinstance(value, str):
        return AttributeProto(name=name, type=AttributeProto.STRING, s=value.encode())
    if isinstance(value, list):
        return AttributeProto(name=name, type=AttributeProto.STRINGS, strings=value)
    if value.dtype.kind == "i":
        return AttributeProto(name=name, type=AttributeProto.INTS, ints=value.tolist())
    return AttributeProto(name=name, type=AttributeProto.FLOATS, floats=value.astype(np.float32).tolist())
