"""Numbers for the shapes of ensembles.py: features, cuts and weights, as the attributes of the three operators."""

from __future__ import annotations

from typing import Any

import numpy as np

from ensemble_recipe import SPECIAL_CUTS, WHOLE_CUTS, Recipe, Tree, tensor_of
from models import Array

V5_MODES = {"LEQ": 0, "LT": 1, "GTE": 2, "GT": 3, "EQ": 4, "NEQ": 5, "MEMBER": 6}


def attributes_of(recipe: Recipe, trees: list[Tree], rng: np.random.Generator) -> tuple[dict[str, Any], Array]:
    """Attributes of the recipe's operator, and the cuts that rows should lie around."""
    flat = _Flat(recipe, trees, rng)
    return (flat.version_5() if recipe.operator == "TreeEnsemble" else flat.version_3()), flat.cuts()


def _pool(recipe: Recipe, rng: np.random.Generator) -> Array:
    if recipe.cuts == "few":
        return rng.normal(0, 1, 3)
    if recipe.cuts == "whole" or recipe.mode == "categories":
        return np.array(WHOLE_CUTS)
    if recipe.cuts == "special":
        return np.array(SPECIAL_CUTS)
    return rng.normal(0, 1, 4000) * rng.choice([1.0, 1.0, 1e-3, 1e6], 4000)


def _leaf_values(recipe: Recipe, n: int, rng: np.random.Generator) -> Array:
    if recipe.leaf_values == "positive":
        return rng.random(n)
    if recipe.leaf_values == "halves":
        return rng.choice([0.0, 0.5, 1.0, -0.5], n)
    if recipe.leaf_values == "special":
        return rng.choice([0.0, -0.0, 1e-45, -1e-42, 3e38, -3e38, np.inf, -np.inf, np.nan, 1e-7, 1.0], n)
    return rng.normal(0, 1, n)


class _Flat:
    """All nodes of all trees, one array per property; a node's place is its tree's offset plus its number."""

    def __init__(self, recipe: Recipe, trees: list[Tree], rng: np.random.Generator) -> None:
        self.recipe, self.rng, self.trees = recipe, rng, trees
        self.sizes = np.array([len(tree.true) for tree in trees])
        self.offsets = np.concatenate([[0], np.cumsum(self.sizes)[:-1]])
        self.n = int(self.sizes.sum())
        self.tree = np.repeat(np.arange(len(trees)), self.sizes)
        self.true, self.false = (
            np.concatenate([np.array(getattr(tree, side)) + offset for tree, offset in zip(trees, self.offsets, strict=True)])
            for side in ("true", "false")
        )
        self.leaf = np.concatenate([np.array(tree.true) < 0 for tree in trees])
        self.copies, self.same = (
            {int(o + a): int(o + b) for tree, o in zip(trees, self.offsets, strict=True) for a, b in getattr(tree, what).items()}
            for what in ("copies", "same")
        )
        self.pool = _pool(recipe, rng).astype(recipe.real)
        # A few of many features, so that some stay unused and others get many cuts.
        used = rng.choice(recipe.n_features, min(recipe.n_features, int(rng.integers(1, 12))), replace=False)
        self.feature = rng.choice(used, self.n)
        self.value = rng.choice(self.pool, self.n)
        names = ["LEQ", "LT", "GTE", "GT", "EQ", "NEQ"]
        if recipe.mode == "categories":
            self.mode = rng.choice(names, self.n, p=[0.1, 0, 0, 0, 0.9, 0]).astype(object)
        else:
            self.mode = (rng.choice(names, self.n) if recipe.mode == "mixed" else np.full(self.n, recipe.mode)).astype(object)
        for node, first in self.same.items():
            self.feature[node] = self.feature[first]
            self.mode[node] = self.mode[first] = "EQ"
        self.tracks = {"none": np.zeros, "all": np.ones}.get(recipe.tracks, lambda n, dtype: rng.integers(0, 2, n))(self.n, dtype=np.int64)

    def cuts(self) -> Array:
        cuts = self.value[~self.leaf]
        return cuts if len(cuts) else self.pool

    # ---------------------------------------------------------------------------------------------------------------- versions 1 to 3

    def version_3(self) -> dict[str, Any]:
        recipe, rng = self.recipe, self.rng
        order, ids, tree_ids = self._places()
        kept = ~self.leaf | (rng.random(self.n) < 0.3 if recipe.weights == "some" else False)  # a leaf without weights gives its value
        values = np.where(kept, self.value, 0)
        node, target, weight = self._weights()
        if recipe.shuffled:
            shuffle = rng.permutation(len(node))
            node, target, weight = node[shuffle], target[shuffle], weight[shuffle]
        children = [np.where(self.leaf, 0, ids[side]) for side in (self.true, self.false)]
        what = "class" if recipe.is_classifier else "target"
        attributes: dict[str, Any] = {
            "nodes_treeids": tree_ids[self.tree][order],
            "nodes_nodeids": ids[order],
            "nodes_featureids": np.where(self.leaf, 0, self.feature)[order],
            "nodes_modes": [b"LEAF" if self.leaf[i] else b"BRANCH_" + str(self.mode[i]).encode() for i in order],
            "nodes_truenodeids": children[0][order],
            "nodes_falsenodeids": children[1][order],
            "nodes_missing_value_tracks_true": self.tracks[order] if recipe.tracks != "none" else None,
            f"{what}_treeids": tree_ids[self.tree][node],
            f"{what}_nodeids": ids[node],
            f"{what}_ids": target,
            "post_transform": recipe.transform,
        }
        self._numbers(attributes, "nodes_values", values[order].astype(recipe.real))
        self._numbers(attributes, f"{what}_weights", weight)
        base = self._base(target, weight)
        if base is not None:
            self._numbers(attributes, "base_values", base)
        if recipe.is_classifier:
            attributes["classlabels_int64s"] = rng.choice(np.arange(-5, 20), recipe.n_outputs, replace=False)
            if recipe.n_outputs == 2 and recipe.transform == "PROBIT" and (base is None or len(base) < 2):
                attributes["post_transform"] = "LOGISTIC"  # onnxruntime leaves the second score unwritten
        else:
            attributes.update(n_targets=recipe.n_outputs, aggregate_function=recipe.aggregate)
        return attributes

    def _numbers(self, attributes: dict[str, Any], name: str, values: Array) -> None:
        if self.recipe.as_tensor and len(values):
            attributes[name + "_as_tensor"] = tensor_of(values.astype(self.recipe.real))
        else:
            attributes[name] = values

    def _places(self) -> tuple[Array, Array, Array]:
        """Order of the nodes in the attributes, the id of every node, the id of every tree."""
        rng, order = self.rng, np.arange(self.n)
        ids, tree_ids = order - np.repeat(self.offsets, self.sizes), np.arange(len(self.trees))
        if self.recipe.shuffled:
            tree_ids = rng.permutation(3 * len(self.trees))[: len(self.trees)]
            for offset, size in zip(self.offsets, self.sizes, strict=True):
                order[offset + 1 : offset + size] = offset + 1 + rng.permutation(size - 1)  # the root stays first
                ids[offset : offset + size] = rng.permutation(self.n)[:size]
        return order, ids, tree_ids

    def _weights(self) -> tuple[Array, Array, Array]:
        """Node, target and value of every weight."""
        recipe, rng, k = self.recipe, self.rng, self.recipe.n_outputs
        leaves = np.flatnonzero(self.leaf)
        own = leaves[[int(leaf) not in self.copies for leaf in leaves]]
        if recipe.weights == "every":
            node, target = np.repeat(own, k), np.tile(np.arange(k), len(own))
        else:
            counts = np.ones(len(own), np.int64)
            if recipe.weights == "some":
                # Where categories may be folded onnxruntime looks at the weight of every leaf, be there one or not.
                may_fold = recipe.mode in ("EQ", "mixed", "categories")
                # A row that gives no class of three a score is an error of its run, and of any probe that happens on such a row.
                has_no_class = recipe.is_classifier and k > 2 and recipe.base == "none"
                counts = rng.integers(1 if may_fold or has_no_class else 0, 4, len(own))
            node = np.repeat(own, counts)
            one_class = recipe.is_classifier and recipe.weights == "one" and k == 2 and rng.random() < 0.7
            target = np.full(len(node), rng.integers(2)) if one_class else rng.integers(0, k, len(node))
        weight = _leaf_values(recipe, len(node), rng).astype(recipe.real)
        for copy, original in self.copies.items():
            there = node == original
            node, target, weight = (np.concatenate([a, b]) for a, b in zip(
                (node, target, weight), (np.full(there.sum(), copy), target[there], weight[there]), strict=True))  # fmt: skip
        if recipe.weights == "some" and not self.leaf.all() and rng.random() < 0.3:  # of a split: ignored
            inner = rng.choice(np.flatnonzero(~self.leaf), 2)
            node = np.concatenate([node, inner])
            target, weight = np.concatenate([target, rng.integers(0, k, 2)]), np.concatenate([weight, [-1, 2]]).astype(recipe.real)
        return node, target, weight

    def _base(self, target: Array, weight: Array) -> Array | None:
        recipe, k = self.recipe, self.recipe.n_outputs
        n = {"none": 0, "one": 1, "all": k}[recipe.base]
        if recipe.is_classifier:
            if n == 1 and k == 2 and recipe.weights != "every" and len(set(target.tolist())) != 1:
                n = 2  # onnxruntime leaves the second score of some rows unwritten
            if n == 1 and k > 2:
                n = k
        elif n == 1 and k > 1:
            n = k
        return self.rng.normal(0, 1, n).astype(recipe.real) if n else None

    # ----------------------------------------------------------------------------------------------------------------------- version 5

    def version_5(self) -> dict[str, Any]:
        recipe, rng = self.recipe, self.rng
        splits, leaves = np.flatnonzero(~self.leaf), np.flatnonzero(self.leaf)
        if recipe.shuffled:
            splits, leaves = rng.permutation(splits), rng.permutation(leaves)
        place = np.empty(self.n, np.int64)
        place[splits], place[leaves] = np.arange(len(splits)), np.arange(len(leaves))
        modes = self.mode[splits].copy()
        value = self.value[splits]
        alone = [int(offset) for offset in self.offsets if self.leaf[offset]]  # a tree of one leaf: a split whose sides are that leaf
        if recipe.mode == "categories":
            modes[rng.random(len(modes)) < 0.6] = "MEMBER"
        sides = {}
        for name, side in (("true", self.true), ("false", self.false)):
            sides[f"nodes_{name}nodeids"] = np.concatenate([place[side[splits]], place[alone]]).astype(np.int64)
            sides[f"nodes_{name}leafs"] = np.concatenate([self.leaf[side[splits]], np.ones(len(alone))]).astype(np.int64)
        extra = {leaf: len(splits) + i for i, leaf in enumerate(alone)}
        roots = [extra.get(int(offset), int(place[offset])) for offset in self.offsets]
        kinds = np.array([V5_MODES[mode] for mode in modes] + [0] * len(alone), np.uint8)
        tracks = np.concatenate([self.tracks[splits], np.zeros(len(alone), np.int64)])
        return {
            "tree_roots": np.array(roots),
            "n_targets": recipe.n_outputs,
            "aggregate_function": {"AVERAGE": 0, "SUM": 1, "MIN": 2, "MAX": 3}[recipe.aggregate],
            "post_transform": {"NONE": 0, "SOFTMAX": 1, "LOGISTIC": 2, "SOFTMAX_ZERO": 3, "PROBIT": 4}[recipe.transform],
            **sides,
            "nodes_featureids": np.concatenate([self.feature[splits], np.zeros(len(alone), np.int64)]),
            "nodes_modes": tensor_of(kinds),
            "nodes_splits": tensor_of(np.concatenate([value, np.zeros(len(alone))]).astype(recipe.real)),
            "nodes_missing_value_tracks_true": tracks if recipe.tracks != "none" else None,
            "membership_values": self._members(int((kinds == V5_MODES["MEMBER"]).sum())),
            "leaf_targetids": rng.integers(0, recipe.n_outputs, len(leaves)),
            "leaf_weights": tensor_of(_leaf_values(recipe, len(leaves), rng).astype(recipe.real)),
        }

    def _members(self, n_sets: int) -> Any:
        """Sets of whole numbers, some small enough for a bit mask and some not, with a NaN after each."""
        if not n_sets:
            return None
        sets = []
        for _ in range(n_sets):
            top, most = ((30, 8), (30, 31), (64, 12), (2000, 90))[int(self.rng.integers(4))]
            members = self.rng.choice(
                np.arange(-4 if self.rng.random() < 0.2 else 0, top + 1), int(self.rng.integers(1, most)), replace=False
            )
            sets.append(np.concatenate([members, [np.nan]]))
        return tensor_of(np.concatenate(sets).astype(self.recipe.real))
