"""Masked arrays, without importing numpy.ma, which takes longer than most scores: who has one has imported it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import TypeGuard

    from numpy.ma import MaskedArray


def is_masked(values: object) -> TypeGuard[MaskedArray[Any, Any]]:
    ma = sys.modules.get("numpy.ma")
    return ma is not None and isinstance(values, ma.MaskedArray)
