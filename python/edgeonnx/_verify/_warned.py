"""Warnings of edgeonnx as notes of the report: every changed model that is tried would give them again."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["gathered"]


@contextmanager
def gathered() -> Iterator[list[str]]:
    """Within the block edgeonnx's warnings become texts in a list, once each; those of others are given when it ends."""
    texts: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield texts
        mine = [each for each in caught if each.category.__module__.partition(".")[0] == "edgeonnx"]
        texts.extend(dict.fromkeys(str(each.message) for each in mine))
    for each in caught:
        if each not in mine:
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno, source=each.source)
