"""Decimals between the core, which has 16 raw bytes for each, and Python."""

from __future__ import annotations

import decimal
from typing import Any

import numpy
from numpy.typing import NDArray

__all__ = ["objects_of"]

_EXACT = decimal.Context(prec=decimal.MAX_PREC)


def objects_of(raw: NDArray[Any], scale: int) -> NDArray[Any]:
    """Decimals as objects.

    Parameters
    ----------
    raw : array of any shape, V16
        Two's complement, lowest byte first, of the value times 10^scale.
    scale
        Digits behind the point.

    Returns
    -------
    array of the same shape, object
        `decimal.Decimal`, each with `scale` digits behind the point.
    """
    halves = numpy.ascontiguousarray(raw).reshape(-1).view([("low", "<u8"), ("high", "<i8")])
    objects = numpy.empty(halves.size, object)
    objects[:] = [
        _EXACT.scaleb(decimal.Decimal((high << 64) | low), -scale)
        for low, high in zip(halves["low"].tolist(), halves["high"].tolist(), strict=True)
    ]
    return objects.reshape(raw.shape)
