"""Port: what an input or an output of a model is."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Port"]


class Port(NamedTuple):
    """One input or output of a model."""

    name: str
    onnx_type: str
    """`tensor(float)`, `tensor(int64)` ..."""
    sql_type: str
    """`real`, `bigint` ...; empty where SQL has no such type."""
    shape: tuple[int | None, ...]
    """Sizes, rows first; None where free: (None, 1) for a column, (None, 20) for 20 values a row, (None,) for a plain vector."""
