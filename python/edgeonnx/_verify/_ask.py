"""What a scorer says of a table, in all outputs that can be read."""

from __future__ import annotations

from edgeonnx._errors import Unsupported
from edgeonnx._scorer import Scorer
from edgeonnx._tables._columns import Array
from edgeonnx._verify._slots import Table

__all__ = ["ask"]


def ask(scorer: Scorer, table: Table) -> dict[str, Array]:
    """Answers by output; those of text are left out.

    Raises
    ------
    Unsupported
        There are no others.
    """
    readable = [port.name for port in scorer.outputs if port.onnx_type != "tensor(string)"]
    if len(readable) == len(scorer.outputs):
        return dict(scorer.score(table))
    if not readable:
        raise Unsupported("all outputs of the model are text, which can't be read yet; there is nothing to compare")
    return dict(scorer.score(table, outputs=readable))
