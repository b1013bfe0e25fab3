"""Columns of exact values for every type of the conversion matrix, and the ways they take into the library and out of it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
from onnx import TensorProto, helper

import edgeonnx as eo
import models
from models import Array
from type_rules import BFLOAT16, MONEY, Binary, Fixed, Type, Value, power


def as_decimal(value: Fraction, scale: int) -> Decimal:
    whole = value * power(10, scale)
    assert whole.denominator == 1
    return Decimal((int(whole < 0), tuple(int(digit) for digit in str(abs(whole.numerator))), -scale))


def as_numpy(kind: Type, values: Sequence[Value]) -> Array:
    """The values in the dtype that a result of the type has; None, which has no place there, is 0."""
    numbers = [Fraction(0) if value is None else value for value in values]
    if isinstance(kind, Binary):
        return np.array([float(number) for number in numbers], np.float64).astype(kind.dtype)
    if kind.dtype == "object":
        column = np.empty(len(numbers), object)
        column[:] = [as_decimal(Fraction(number), kind.scale) for number in numbers]
        return column
    return np.array([int(number) for number in numbers], kind.dtype)


def arrow_decimal(kind: Fixed) -> pa.DataType:
    """The narrowest of Arrow's decimals."""
    precision = len(str(kind.highest))
    makers = ((9, pa.decimal32), (18, pa.decimal64), (38, pa.decimal128), (76, pa.decimal256))
    return next(make for digits, make in makers if precision <= digits)(precision, kind.scale)


def as_arrow(kind: Type, values: Sequence[Value]) -> pa.Array:
    missing = np.array([value is None for value in values], bool)
    if isinstance(kind, Binary) or kind.dtype != "object":
        return pa.array(as_numpy(kind, values), mask=missing)
    # By the bytes: pyarrow does not make decimals of every scale below zero out of Python's.
    to = arrow_decimal(kind)
    wholes = (0 if value is None else int(Fraction(value) / kind.unit) for value in values)
    data = b"".join(whole.to_bytes(to.bit_width // 8, "little", signed=True) for whole in wholes)
    validity = pa.py_buffer(np.packbits(~missing, bitorder="little").tobytes()) if missing.any() else None
    return pa.Array.from_buffers(to, len(values), [validity, pa.py_buffer(data)])


MONEY_FIELD = pa.field("x", pa.decimal128(19, 4), metadata={"ARROW:FLIGHT:SQL:TYPE_NAME": "money"})


class MoneyColumn:
    """An Arrow column that says that it is money: an array of pyarrow has no place for a field's metadata."""

    def __init__(self, column: pa.Array | pa.ChunkedArray) -> None:
        self.array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column

    def __arrow_c_array__(self, requested_schema: Any = None) -> Any:
        return MONEY_FIELD.__arrow_c_schema__(), self.array.__arrow_c_array__()[1]


def routes(source: Type) -> dict[str, Callable[[Sequence[Value]], Any]]:
    """How a column of the type reaches the library."""
    made: dict[str, Callable[[Sequence[Value]], Any]] = {
        "numpy": functools.partial(as_numpy, source),
        "arrow": functools.partial(as_arrow, source),
    }
    if source.dtype == "object":
        del made["numpy"]
    if source is BFLOAT16:
        del made["arrow"]  # a model makes it, out of a column of real
    return made


# ---------------------------------------------------------------------------------------------------------------------------- conversions


def _bfloat16_port(name: str) -> Any:
    return models.tensor(name, TensorProto.BFLOAT16)


@functools.cache
def bfloat16_input() -> bytes:
    """Gives y, real = x, bfloat16."""
    return models.graph(
        [helper.make_node("Cast", ["x"], ["y"], to=TensorProto.FLOAT)], [_bfloat16_port("x")], [models.tensor("y", TensorProto.FLOAT)]
    )


@functools.cache
def bfloat16_output() -> bytes:
    """Gives y, bfloat16 = x, real."""
    return models.graph(
        [helper.make_node("Cast", ["x"], ["y"], to=TensorProto.BFLOAT16)], [models.tensor("x", TensorProto.FLOAT)], [_bfloat16_port("y")]
    )


@functools.cache
def taking(kind: Type, on_overflow: str) -> eo.Scorer:
    """Takes a column of the type and gives it back; bfloat16 as real."""
    model = bfloat16_input() if kind is BFLOAT16 else models.identity(kind.dtype)
    return eo.Scorer(model, nulls="propagate", on_overflow=on_overflow, threads=1)


@functools.cache
def giving_bfloat16(on_overflow: str) -> eo.Scorer:
    return eo.Scorer(bfloat16_output(), on_overflow=on_overflow, threads=1)


def is_sql(kind: Type) -> bool:
    return kind.family not in ("int8", "uint16", "uint32", "uint64", "float16", "bfloat16")


def spelled(target: Type) -> str:
    return target.name if is_sql(target) else f"tensor({target.name})"


def table_of(column: Any, source: Type) -> Any:
    """The column, named x, in a table that tells its type."""
    return pa.table([column], schema=pa.schema([MONEY_FIELD])) if source is MONEY else {"x": column}


def cast(column: Any, source: Type, target: Type, on_overflow: str = "error") -> Any:
    """The column as the target's type: by `eo.cast`, or through a model for what only a model or a table has."""
    if source is BFLOAT16:
        return giving_bfloat16(on_overflow).score({"x": column}, with_={"y": target.name})["y"]
    if target is BFLOAT16 or (source is MONEY and target.dtype != "object"):
        return taking(target, on_overflow).score(table_of(column, source))["y"]
    return eo.cast(MoneyColumn(column) if source is MONEY else column, spelled(target), on_overflow=on_overflow)
