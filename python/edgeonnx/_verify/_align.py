"""Which split of a reference's trees each split of a model came from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy

from edgeonnx._estimators import Split
from edgeonnx._tables._columns import Array
from edgeonnx._verify._ensembles import MODES, Ensemble

__all__ = ["Alignment", "align"]

_NEAR = 1e-5  # thresholds that were rounded to float32, or printed
_TRUE_IS_UP = (MODES.index("BRANCH_GTE"), MODES.index("BRANCH_GT"))
_STRICT = (MODES.index("BRANCH_LT"), MODES.index("BRANCH_GTE"))
_EQUALITY = (MODES.index("BRANCH_EQ"), MODES.index("BRANCH_NEQ"), MODES.index("BRANCH_MEMBER"))


class Alignment(NamedTuple):
    """What the reference has at each split of an ensemble."""

    threshold: Array
    """(n_splits,) float64: NaN where no split of the reference corresponds."""
    tracks: Array
    """(n_splits,): 1 where NaN takes the model's true side, 0 where it takes the other, -1 where that is not known."""
    complete: bool
    """Every split has its counterpart."""


def align(ensemble: Ensemble, trees: Sequence[Split | None]) -> Alignment | None:
    """Walk the trees of both side by side; None where they are others.

    Trees are taken in order, or where that fails each by the one that it is most like.
    """
    threshold = numpy.full(len(ensemble.feature), numpy.nan)
    tracks = numpy.full(len(ensemble.feature), -1)
    n_matched = 0
    in_order = len(trees) == len(ensemble.roots)
    for place, root in enumerate(ensemble.roots.tolist()):
        pairs = _walk(ensemble, root, trees[place]) if in_order else []
        if not pairs:
            pairs = max((_walk(ensemble, root, tree) for tree in trees), key=len, default=[])
        n_matched += len(pairs)
        for split, theirs in pairs:
            swapped = ensemble.mode[split] in _TRUE_IS_UP
            if ensemble.mode[split] not in _STRICT:  # the reference's threshold is the largest number that goes one way
                threshold[split] = theirs.threshold
            if theirs.missing is not None:
                tracks[split] = theirs.missing != swapped
    if n_matched == 0:
        return None
    return Alignment(threshold, tracks, n_matched == len(ensemble.feature))


def _walk(ensemble: Ensemble, root: int, tree: Split | None) -> list[tuple[int, Split]]:
    """Splits of one tree and their counterparts, from the root down to where the two part."""
    if root < 0 or tree is None or not _near(ensemble, root, tree):
        return []
    pairs: list[tuple[int, Split]] = []
    waiting: list[tuple[int, Split]] = [(root, tree)]
    while waiting:
        split, theirs = waiting.pop()
        pairs.append((split, theirs))
        swapped = ensemble.mode[split] in _TRUE_IS_UP
        yes, no = (theirs.no, theirs.yes) if swapped else (theirs.yes, theirs.no)
        for mine, below in ((int(ensemble.yes[split]), yes), (int(ensemble.no[split]), no)):
            if mine >= 0 and below is not None and _near(ensemble, mine, below):
                waiting.append((mine, below))
    return pairs


def _near(ensemble: Ensemble, split: int, theirs: Split) -> bool:
    if theirs.categories is not None or ensemble.mode[split] in _EQUALITY or ensemble.feature[split] != theirs.feature:
        return False
    mine = float(ensemble.threshold[split])
    return mine == theirs.threshold or abs(mine - theirs.threshold) <= _NEAR * max(abs(mine), abs(theirs.threshold), 1e-30)
