"""polars: read and extended through its Arrow face, without pyarrow."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from edgeonnx._tables._arrow import ArrowStream, read
from edgeonnx._tables._columns import Array, refuse_clashes

__all__ = ["append", "read"]


def append(data: Any, scores: Mapping[str, Array], keep: bool) -> Any:
    outputs = sys.modules["polars"].DataFrame(ArrowStream(scores))
    if not keep:
        return outputs
    refuse_clashes(data.columns, outputs.columns)
    return data.hstack(outputs.get_columns())
