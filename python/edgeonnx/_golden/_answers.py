"""Golden rows through a scorer of the core, whatever options its user has chosen for tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from numpy.typing import NDArray

from edgeonnx import _core
from edgeonnx._golden._record import Maker
from edgeonnx._options import COERCIONS
from edgeonnx._port import Port
from edgeonnx._tables import read_table

__all__ = ["answers", "maker_of"]

_STRICT = COERCIONS.index("strict")
_OWN_TYPE = (0, 0, 0, False)


def answers(core: _core.Scorer, inputs: Mapping[str, NDArray[Any]], outputs: Iterable[str]) -> dict[str, NDArray[Any]]:
    """What the model makes of its inputs, fed as they are: nothing is renamed, converted or missing."""
    table = read_table(dict(inputs), tuple(Port(*port) for port in core.inputs)).table
    results = [(name, _OWN_TYPE) for name in outputs]
    return core.bind(table, _STRICT, 0, False, [], [], [], results, False).score(table, {}, 0)[0]


def maker_of(core: _core.Scorer, providers: Iterable[str]) -> Maker:
    """What computes the answers of this scorer, here."""
    plan = core.explain.partition("\n")[0].removeprefix("plan: ").partition(",")[0]
    return Maker(_core.version(), core.runtime, plan, _core.cpu(), tuple(providers))
