"""Which column feeds which input, as far as reading a file has to know it; the scorer itself decides and reports."""

from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa

from edgeonnx import Port

_ARROW_TYPES: dict[str, pa.DataType] = {
    "tensor(float)": pa.float32(),
    "tensor(float16)": pa.float32(),
    "tensor(bfloat16)": pa.float32(),
    "tensor(double)": pa.float64(),
    "tensor(int8)": pa.int8(),
    "tensor(int16)": pa.int16(),
    "tensor(int32)": pa.int32(),
    "tensor(int64)": pa.int64(),
    "tensor(uint8)": pa.uint8(),
    "tensor(uint16)": pa.uint16(),
    "tensor(uint32)": pa.uint32(),
    "tensor(uint64)": pa.uint64(),
    "tensor(bool)": pa.bool_(),
}


def bound_columns(inputs: Sequence[Port], names: Iterable[str], rename: Mapping[str, str]) -> dict[str, Port] | None:
    """Input that each column feeds by its name; None if some input has no column, or more than one, of its name."""
    names = list(names)
    bound: dict[str, Port] = {}
    for port in inputs:
        renamed = [name for name in names if rename.get(name) == port.name]
        exact = [name for name in names if name == port.name and name not in rename]
        folded = [name for name in names if name.lower() == port.name.lower() and name not in rename]
        found = renamed or exact or folded
        if len(found) != 1 or found[0] in bound:
            return None
        bound[found[0]] = port
    return bound


def csv_types(sample: pa.Schema, inputs: Sequence[Port], rename: Mapping[str, str]) -> dict[str, pa.DataType]:
    """Types to read the columns of a CSV file as: text takes the type of the input that it feeds, as in T-SQL.

    `sample` has the types that the first rows suggest. They stay for columns that feed no input, and where an integer input
    gets numbers with a fraction: these are the scorer's to convert.
    """
    types = {field.name: field.type for field in sample}
    bound = bound_columns(inputs, types, rename)
    if bound is None and len(inputs) == 1:  # one [N, k] input takes all numeric columns
        bound = {name: inputs[0] for name, kind in types.items() if _is_number(kind)}
    for name, port in (bound or {}).items():
        target = _ARROW_TYPES.get(port.onnx_type)
        if target is not None and not (pa.types.is_integer(target) and pa.types.is_floating(types[name])):
            types[name] = target
    return types


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def empty_batch(schema: pa.Schema) -> pa.RecordBatch:
    """A batch of these columns without rows."""
    return pa.RecordBatch.from_arrays([column.combine_chunks() for column in schema.empty_table().columns], schema=schema)
