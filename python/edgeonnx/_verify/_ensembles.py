"""Tree ensembles in a graph: the splits of every operator that ONNX has for them, in one form, read and written back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy

from edgeonnx._estimators import Split
from edgeonnx._tables._columns import Array
from edgeonnx._verify._graph import attributes, copy_of, put, tensor

__all__ = ["MODES", "Ensemble", "ensembles_of"]

MODES = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ", "BRANCH_MEMBER")
"""As the numbers of ai.onnx.ml 5 count them."""


@dataclass(frozen=True)
class Ensemble:
    """The splits of one node of the graph; leaves are not among them."""

    place: int
    """Of the node in the graph."""
    reads: str
    """The matrix whose columns the splits name."""
    places: Array
    """(n_splits,): of each split in the attributes."""
    feature: Array
    threshold: Array
    """float64; thresholds of float models are float32 values."""
    mode: Array
    """(n_splits,): a place in `MODES`."""
    yes: Array
    """(n_splits,): the split where the comparison leads to, or -1 for a leaf."""
    no: Array
    tracks: Array
    """(n_splits,) bool: NaN takes the true side."""
    roots: Array
    """(n_trees,): -1 for a tree of one leaf."""

    def parents(self) -> tuple[Array, Array]:
        """(n_splits,): the split above, or -1; and whether the way from there is its true side."""
        above = numpy.full(len(self.feature), -1)
        by_yes = numpy.zeros(len(self.feature), bool)
        for children, flag in ((self.yes, True), (self.no, False)):
            has = numpy.flatnonzero(children >= 0)
            above[children[has]] = has
            by_yes[children[has]] = flag
        return above, by_yes

    def trees(self) -> list[Split | None]:
        """The trees as those of an estimator; where the true side is that of large numbers, the sides are swapped."""
        built: dict[int, Split] = {-1: None}  # type: ignore[dict-item]
        waiting = [root for root in self.roots.tolist() if root >= 0]
        while waiting:
            split = waiting[-1]
            below = int(self.yes[split]), int(self.no[split])
            missing = [child for child in below if child not in built]
            if missing:
                waiting.extend(missing)
                continue
            waiting.pop()
            swapped = MODES[self.mode[split]] in ("BRANCH_GTE", "BRANCH_GT")
            yes, no = (built[child] for child in (reversed(below) if swapped else below))
            categories = (
                (float(self.threshold[split]),) if MODES[self.mode[split]] in ("BRANCH_EQ", "BRANCH_NEQ", "BRANCH_MEMBER") else None
            )
            built[split] = Split(
                int(self.feature[split]), float(self.threshold[split]), yes, no, categories, bool(self.tracks[split]) != swapped
            )
        return [built[root] for root in self.roots.tolist()]

    def with_tracks(self, model: Any, tracks: Array) -> Any:
        """The model with other sides for NaN."""
        changed = copy_of(model)
        node = changed.graph.node[self.place]
        old = attributes(node)
        size = len(old["nodes_featureids"])
        values = numpy.zeros(size, numpy.int64)
        values[self.places] = tracks
        put(node, nodes_missing_value_tracks_true=values.tolist())
        return changed

    def with_double_thresholds(self, model: Any, thresholds: Array) -> Any:
        """The model with thresholds in double, to read a matrix of doubles."""
        changed = copy_of(model)
        node = changed.graph.node[self.place]
        old = attributes(node)
        if node.op_type == "TreeEnsemble":
            splits = numpy.asarray(old["nodes_splits"], numpy.float64).copy()
            splits[self.places] = thresholds
            others = {
                name: tensor(numpy.asarray(old[name], numpy.float64)) for name in ("leaf_weights", "membership_values") if name in old
            }
            put(node, nodes_splits=tensor(splits), **others)
            return changed
        values = numpy.asarray(old.get("nodes_values_as_tensor", old.get("nodes_values")), numpy.float64).copy()
        values[self.places] = thresholds
        renewed: dict[str, Any] = {"nodes_values": None, "nodes_values_as_tensor": tensor(values)}
        for name in ("class_weights", "target_weights", "base_values", "nodes_hitrates"):
            given = old.get(f"{name}_as_tensor", old.get(name))
            if given is not None:
                renewed |= {name: None, f"{name}_as_tensor": tensor(numpy.asarray(given, numpy.float64))}
        put(node, **renewed)
        return changed


def ensembles_of(model: Any) -> list[Ensemble]:
    """The tree ensembles of a graph, in its order."""
    return [_read(place, node) for place, node in enumerate(model.graph.node) if node.op_type.startswith("TreeEnsemble")]


def _read(place: int, node: Any) -> Ensemble:
    given = attributes(node)
    return (_read_nested if node.op_type == "TreeEnsemble" else _read_listed)(place, node.input[0], given)


def _read_listed(place: int, reads: str, given: dict[str, Any]) -> Ensemble:
    """TreeEnsembleClassifier and TreeEnsembleRegressor: leaves and splits in one list, children by their numbers in the tree."""
    modes = [mode.decode() for mode in given["nodes_modes"]]
    is_split = numpy.array([mode != "LEAF" for mode in modes], bool)
    places = numpy.flatnonzero(is_split)
    number = numpy.where(is_split, numpy.cumsum(is_split) - 1, -1)
    trees, nodes = numpy.asarray(given["nodes_treeids"]), numpy.asarray(given["nodes_nodeids"])
    order = {pair: at for at, pair in enumerate(zip(trees.tolist(), nodes.tolist(), strict=True))}

    def children(name: str) -> Array:
        ids = numpy.asarray(given[name])
        found = [number[order[int(trees[at]), int(ids[at])]] for at in places]
        return numpy.array(found, numpy.int64)

    yes, no = children("nodes_truenodeids"), children("nodes_falsenodeids")
    values = numpy.asarray(given.get("nodes_values_as_tensor", given.get("nodes_values")), numpy.float64)
    tracks = numpy.asarray(given.get("nodes_missing_value_tracks_true") or numpy.zeros(len(modes)), bool)
    below = set(yes.tolist()) | set(no.tolist())
    first = {tree: at for at, tree in reversed(list(enumerate(trees.tolist())))}
    roots = dict.fromkeys(sorted(first, key=first.__getitem__), -1)
    for at in places:
        if int(number[at]) not in below:
            roots[int(trees[at])] = int(number[at])
    return Ensemble(
        place,
        reads,
        places,
        numpy.asarray(given["nodes_featureids"], numpy.int64)[places],
        values[places],
        numpy.array([MODES.index(modes[at]) for at in places], numpy.int64),
        yes,
        no,
        tracks[places],
        numpy.array(list(roots.values()), numpy.int64),
    )


def _read_nested(place: int, reads: str, given: dict[str, Any]) -> Ensemble:
    """TreeEnsemble of ai.onnx.ml 5: splits and leaves in lists of their own."""
    features = numpy.asarray(given["nodes_featureids"], numpy.int64)

    def children(name: str, leaf: str) -> Array:
        return numpy.where(numpy.asarray(given[leaf], bool), -1, numpy.asarray(given[name], numpy.int64))

    return Ensemble(
        place,
        reads,
        numpy.arange(len(features)),
        features,
        numpy.asarray(given["nodes_splits"], numpy.float64),
        numpy.asarray(given["nodes_modes"], numpy.int64),
        children("nodes_truenodeids", "nodes_trueleafs"),
        children("nodes_falsenodeids", "nodes_falseleafs"),
        numpy.asarray(given.get("nodes_missing_value_tracks_true") or numpy.zeros(len(features)), bool),
        numpy.asarray(given["tree_roots"], numpy.int64),
    )
