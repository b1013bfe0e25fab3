"""Thresholds of tree ensembles: those of the estimator, exactly, in the precision that the estimator compares in.

Converters write thresholds as float32. Where an estimator compares in float64, a column between a threshold and its rounded value takes
the other branch. For columns of float32 the remedy is to round thresholds down: x <= t holds for a float32 x exactly where x <= floor32(t)
does. For columns of float64 they become float64, which `nodes_values_as_tensor` of ai.onnx.ml 3 carries.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy

from edgeonnx._convert._graph import TREES, element_types, free_name, names_in, require_opset
from edgeonnx._estimators import Ensemble, Split
from edgeonnx._extras import needed
from edgeonnx._tables._columns import Array

_AT_MOST, _GREATER, _EQUAL, _LEAF = "BRANCH_LEQ", "BRANCH_GT", "BRANCH_EQ", "LEAF"
_FLOAT, _DOUBLE = 1, 11  # of onnx.TensorProto


def tree_nodes(model: Any) -> list[Any]:
    return [node for node in model.graph.node if node.op_type in TREES]


def read_doubles(model: Any, tensor: str) -> None:
    """Let an input of float that only tree ensembles read be double, in place."""
    readers = [node for node in model.graph.node if tensor in node.input]
    port = next((each for each in model.graph.input if each.name == tensor), None)
    if port is not None and port.type.tensor_type.elem_type == _FLOAT and all(node.op_type in TREES for node in readers):
        port.type.tensor_type.elem_type = _DOUBLE


def make_exact(model: Any, ensembles: Sequence[Ensemble]) -> None:
    """Give the model's tree operators the estimator's comparisons, in place.

    An operator is known by its trees. Where those of no ensemble mirror them, thresholds stay as they are, and columns are rounded to real
    if all ensembles that are left would do so.

    Parameters
    ----------
    model
        ModelProto with operators of ai.onnx.ml 1 or 3.
    ensembles
        Of the estimator.
    """
    types = element_types(model)
    for node, compares_in, mirror in _assigned(tree_nodes(model), list(ensembles)):
        if mirror is not None:
            _set_missing(node, mirror.missing)
        source = _source(model, node.input[0], types) if compares_in == "float64" else node.input[0]
        if mirror is not None and types.get(source) == _DOUBLE and compares_in == "float64":
            node.input[0] = source
            _widen(model, node, mirror.thresholds)
            continue
        if types.get(node.input[0]) == _DOUBLE and compares_in == "float32":
            _round_input(model, node)
        if mirror is not None:
            _set_floats(node, "nodes_values", round_down(mirror.thresholds))


def _assigned(nodes: list[Any], ensembles: list[Ensemble]) -> Iterator[tuple[Any, str | None, _Mirror | None]]:
    """For each operator how it compares, and what the trees of its ensemble say."""
    if len(ensembles) == 1 and ensembles[0].trees is not None:  # one may be written as several operators
        mirrors = _mirrored(nodes, ensembles[0].trees)
        if mirrors is not None:
            yield from ((node, ensembles[0].compares_in, mirror) for node, mirror in zip(nodes, mirrors, strict=True))
            return
    unknown = []
    for node in nodes:
        for each in ensembles:
            mirror = None if each.trees is None else _mirrored([node], each.trees)
            if mirror is not None:
                ensembles.remove(each)
                yield node, each.compares_in, mirror[0]
                break
        else:
            unknown.append(node)
    left = {each.compares_in for each in ensembles}
    compares_in = left.pop() if len(left) == 1 else None
    yield from ((node, compares_in, None) for node in unknown)


def round_down(thresholds: Array) -> Array:
    """The largest float32 at most each float64."""
    with numpy.errstate(over="ignore"):
        rounded = thresholds.astype(numpy.float32)
    above = rounded.astype(numpy.float64) > thresholds
    rounded[above] = numpy.nextafter(rounded[above], numpy.float32(-numpy.inf))
    return rounded


def _source(model: Any, tensor: str, types: dict[str, int]) -> str:
    """The double that a Cast made a float of, or the tensor itself."""
    for node in model.graph.node:
        if node.op_type == "Cast" and node.output[0] == tensor and types.get(node.input[0]) == _DOUBLE:
            return str(node.input[0])
    return tensor


def _round_input(model: Any, node: Any) -> None:
    """Cast the doubles that an ensemble reads, as the estimator does."""
    onnx = needed("onnx", "converting a model")
    rounded = free_name(f"{node.input[0]}_real", names_in(model))
    cast = onnx.helper.make_node("Cast", [node.input[0]], [rounded], name=rounded, to=_FLOAT)
    model.graph.node.insert(list(model.graph.node).index(node), cast)
    for each in tree_nodes(model):
        if each.output[0] == node.output[0]:
            each.input[0] = rounded


def _widen(model: Any, node: Any, thresholds: Array) -> None:
    """Let an ensemble read doubles and compare them with thresholds of double."""
    require_opset(model, "ai.onnx.ml", 3)
    onnx = needed("onnx", "converting a model")
    for name in ("nodes_values", "target_weights", "class_weights", "base_values", "nodes_hitrates"):
        attribute = next((each for each in node.attribute if each.name == name), None)
        if attribute is None:
            continue
        values = thresholds if name == "nodes_values" else numpy.array(attribute.floats, numpy.float64)
        node.attribute.remove(attribute)
        if len(values):
            node.attribute.append(onnx.helper.make_attribute(f"{name}_as_tensor", onnx.numpy_helper.from_array(values, name)))


def _set_floats(node: Any, name: str, values: Array) -> None:
    attribute = next(each for each in node.attribute if each.name == name)
    attribute.floats[:] = [float(value) for value in values]


def _set_missing(node: Any, missing: Array) -> None:
    """Send NaN where the estimator sends it, at the nodes where that is known."""
    name = "nodes_missing_value_tracks_true"
    attribute = next((each for each in node.attribute if each.name == name), None)
    before = numpy.array(attribute.ints if attribute is not None and attribute.ints else numpy.zeros(len(missing)), numpy.int64)
    tracks = numpy.where(missing < 0, before, missing)
    if (tracks == before).all():
        return
    if attribute is not None:
        node.attribute.remove(attribute)
    node.attribute.append(needed("onnx", "converting a model").helper.make_attribute(name, tracks.tolist()))


class _Mirror(NamedTuple):
    """What an estimator's trees say at each node of an ensemble."""

    thresholds: Array
    missing: Array
    """1 where NaN takes the branch for true, 0 where the other, -1 where it is not known."""


def _mirrored(nodes: list[Any], trees: Sequence[Split | None]) -> list[_Mirror] | None:
    """The estimator's trees at each node of each ensemble; None where trees and ensembles do not mirror each other."""
    rest = list(trees)
    found = []
    for node in nodes:
        listed = _Listed(node)
        if len(listed.roots) > len(rest):
            return None
        mine, rest = rest[: len(listed.roots)], rest[len(listed.roots) :]
        mirror = _Mirror(listed.values.copy(), numpy.full(len(listed.values), -1))
        if not all(listed.mirror(root, tree, mirror) for root, tree in zip(listed.roots, mine, strict=True)):
            return None
        found.append(mirror)
    return None if rest else found


class _Listed:
    """The nodes of an ensemble, as its attributes list them."""

    def __init__(self, node: Any) -> None:
        helper = needed("onnx", "converting a model").helper
        attributes = {each.name: helper.get_attribute_value(each) for each in node.attribute if each.name.startswith("nodes_")}
        self.values = numpy.array(attributes.get("nodes_values", ()), numpy.float64)
        self.modes = [mode.decode() for mode in attributes["nodes_modes"]]
        self.features = attributes["nodes_featureids"]
        keys = list(zip(attributes["nodes_treeids"], attributes["nodes_nodeids"], strict=True))
        places = {key: place for place, key in enumerate(keys)}
        self.yes = [places.get((tree, child), -1) for (tree, _), child in zip(keys, attributes["nodes_truenodeids"], strict=True)]
        self.no = [places.get((tree, child), -1) for (tree, _), child in zip(keys, attributes["nodes_falsenodeids"], strict=True)]
        inner = [place for place, mode in enumerate(self.modes) if mode != _LEAF]
        children = {self.yes[place] for place in inner} | {self.no[place] for place in inner}
        self.roots = [place for place in range(len(keys)) if place not in children]

    def mirror(self, root: int, tree: Split | None, into: _Mirror) -> bool:
        """Write down what a tree says; False where the ensemble's tree is another one."""
        if len(into.thresholds) != len(self.modes):
            return False
        rest: list[tuple[int, Split | None]] = [(root, tree)]
        while rest:
            place, split = rest.pop()
            if place < 0 or (self.modes[place] == _LEAF) != (split is None):
                return False
            if split is None:
                continue
            if self.features[place] != split.feature:
                return False
            if split.categories is not None:
                last = self._mirror_categories(place, split, rest)
                if last is None:
                    return False
                rest.append((last, split.no))
                continue
            if self.modes[place] not in (_AT_MOST, _GREATER) or not _is_near(self.values[place], split.threshold):
                return False
            into.thresholds[place] = split.threshold
            is_yes = self.modes[place] == _AT_MOST
            yes, no = (self.yes, self.no) if is_yes else (self.no, self.yes)
            if split.missing is not None:
                into.missing[place] = split.missing == is_yes
            rest += [(yes[place], split.yes), (no[place], split.no)]
        return True

    def _mirror_categories(self, place: int, split: Split, rest: list[tuple[int, Split | None]]) -> int | None:
        """A question for several categories is a chain of questions for one; returns where its last "no" leads."""
        assert split.categories is not None
        for _ in split.categories:
            if place < 0 or self.modes[place] != _EQUAL or self.features[place] != split.feature:
                return None
            rest.append((self.yes[place], split.yes))
            place = self.no[place]
        return place


def _is_near(listed: float, threshold: float) -> bool:
    """Whether a float32 can be what a converter made of a threshold."""
    with numpy.errstate(over="ignore"):
        rounded = numpy.float32(threshold)
    return bool(listed == rounded or abs(listed - threshold) <= 2 * float(numpy.spacing(numpy.abs(rounded))))
