"""Which column feeds which input, as far as reading a file has to know it; the scorer itself decides and reports."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from edgeonnx import Port


@dataclass(frozen=True)
class Binding:
    """What the user said about columns, and the inputs that they are for."""

    inputs: Sequence[Port]
    rename: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def fed(self, names: Iterable[str], numeric: Iterable[str] = ()) -> tuple[dict[str, Port], bool]:
        """Input that each column feeds, and whether every input has its columns.

        `numeric` are the columns that hold numbers: a single [N, k] input takes them all.
        """
        names = list(names)
        groups = {name.lower(): group for name, group in self.columns.items()}
        bound: dict[str, Port] = {}
        complete = True
        for port in self.inputs:
            group = self.columns.get(port.name, groups.get(port.name.lower()))
            found = [name for wanted in group for name in _matches(wanted, names)] if group is not None else self._named(port, names)
            if group is None and len(self.inputs) == 1 and _width(port) != 1:
                found = list(numeric)
            complete = complete and len(found) == (1 if group is None else len(group)) and not bound.keys() & found
            for name in found:
                bound.setdefault(name, port)
        return bound, complete

    def _named(self, port: Port, names: Sequence[str]) -> list[str]:
        renamed = [name for name in names if self.rename.get(name) == port.name]
        return renamed or _matches(port.name, [name for name in names if name not in self.rename])


def _matches(wanted: str, names: Sequence[str]) -> list[str]:
    return [name for name in names if name == wanted] or [name for name in names if name.lower() == wanted.lower()]


def _width(port: Port) -> int:
    return math.prod(-1 if size is None else size for size in port.shape[1:])


def empty_batch(schema: pa.Schema) -> pa.RecordBatch:
    """A batch of these columns without rows."""
    return pa.RecordBatch.from_arrays([column.combine_chunks() for column in schema.empty_table().columns], schema=schema)
