"""What T-SQL's conversions give, value by value, in exact arithmetic that shares nothing with edgeonnx; and columns to hold the values.

A value is an int, a Fraction (decimal and money) or a float (NaN, infinities and -0.0 exist there only).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

Value = int | Fraction | float


class SqlType(NamedTuple):
    """A type by the name that messages give it; precision and scale are those of a decimal."""

    name: str
    precision: int = 0
    scale: int = 0

    def __str__(self) -> str:
        return f"decimal({self.precision},{self.scale})" if self.name == "decimal" else self.name


class Format(NamedTuple):
    """A binary floating-point format; exponents are those of the leading digit, as IEEE 754 counts them."""

    n_digits: int
    least_exponent: int
    most_exponent: int

    @property
    def overflow(self) -> Fraction:
        """The least value that rounds to infinity."""
        return Fraction(2) ** (self.most_exponent + 1) - Fraction(2) ** (self.most_exponent - self.n_digits)

    @property
    def least(self) -> Fraction:
        return Fraction(2) ** (self.least_exponent - self.n_digits + 1)


INTEGERS = {
    "bit": (0, 1),
    "tinyint": (0, 2**8 - 1),
    "smallint": (-(2**15), 2**15 - 1),
    "int": (-(2**31), 2**31 - 1),
    "bigint": (-(2**63), 2**63 - 1),
    "int8": (-(2**7), 2**7 - 1),
    "uint16": (0, 2**16 - 1),
    "uint32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
}
FLOATS = {"real": Format(24, -126, 127), "float": Format(53, -1022, 1023), "float16": Format(11, -14, 15), "bfloat16": Format(8, -126, 127)}
DTYPES = {
    "bit": "bool",
    "tinyint": "uint8",
    "smallint": "int16",
    "int": "int32",
    "bigint": "int64",
    "int8": "int8",
    "uint16": "uint16",
    "uint32": "uint32",
    "uint64": "uint64",
    "real": "float32",
    "float": "float64",
    "float16": "float16",
}
"""name -> NumPy dtype, of the types that have one."""
ONNX = DTYPES | {"bit": "bool", "real": "float", "float": "double", "bfloat16": "bfloat16"}
"""name -> ONNX element type."""
SQL = ("bit", "tinyint", "smallint", "int", "bigint", "real", "float", "decimal", "money")
MONEY = (-(2**63), 2**63 - 1)
"""Limits of money, in ten-thousandths."""


# ------------------------------------------------------------------------------------------------------------------------ conversions


class Outcome(NamedTuple):
    """A value converted, or the number and the sentence of the error."""

    value: int | float | Decimal | None
    changed: bool = False
    sql_number: int | None = None
    sentence: str = ""


def cast(value: Value, source: SqlType, target: SqlType) -> Outcome:
    """What CAST makes of one value that is not NULL."""
    if isinstance(value, float) and not math.isfinite(value):
        if target.name in FLOATS:
            return Outcome(value)
        return Outcome(1, changed=True) if target.name == "bit" else overflow(value, source, target)
    exact = Fraction(value)
    if target.name == "bit":
        return Outcome(int(exact != 0), changed=exact not in (0, 1))
    if target.name in FLOATS:
        rounded = nearest(exact, FLOATS[target.name])
        if rounded is None:
            return overflow(value, source, target)
        return Outcome(math.copysign(float(rounded), -1 if is_negative(value) else 1), changed=rounded != exact)
    if target.name in INTEGERS:
        whole = half_away(exact) if source.name == "money" else math.trunc(exact)
        low, high = INTEGERS[target.name]
        return Outcome(whole, changed=whole != exact) if low <= whole <= high else overflow(value, source, target)
    scale = scale_of(target)
    unscaled = half_away(exact * Fraction(10) ** scale)
    low, high = limits(target)
    if not low <= unscaled <= high:
        return overflow(value, source, target)
    return Outcome(decimal(unscaled, scale), changed=Fraction(unscaled) / Fraction(10) ** scale != exact)


def overflow(value: Value, source: SqlType, target: SqlType) -> Outcome:
    number = overflow_number(source, target)
    if target.name == "decimal":
        sentence = f"Arithmetic overflow error converting {numeric(source)} to data type numeric."
    elif number == 220:
        sentence = f"Arithmetic overflow error for data type {target}, value = {value}."
    elif number == 232:
        text = repr(float(value)) if abs(value) >= 1e38 else f"{Decimal(f'{value:.16e}'):.6f}"
        digits = f"{text}." if math.isfinite(value) else ""
        sentence = f"Arithmetic overflow error for type {target}, value = {digits}"
    elif number == 237:
        sentence = f"There is insufficient result space to convert a money value to {target}."
    elif (source.name, target.name) == ("decimal", "money"):
        sentence = "Arithmetic overflow error converting numeric to data type money."
    else:
        sentence = f"Arithmetic overflow error converting expression to data type {target}."
    return Outcome(None, sql_number=number, sentence=sentence)


def overflow_number(source: SqlType, target: SqlType) -> int:
    if target.name == "decimal":
        return 8115
    if source.name == "money":
        return 237
    if source.name in FLOATS:
        return 8115 if target.name in ("bigint", "uint32", "uint64") else 232
    return 8115 if source.name in ("bigint", "uint32", "uint64", "decimal") else 220


def rule(source: SqlType, target: SqlType) -> str:
    """The rule of the matrix' cell; `exact` also stands where the precisions make it so."""
    if source == target:
        return "same"
    if target.name == "bit":
        return "nonzero"
    if target.name in FLOATS:
        return "nearest"
    if source.name in INTEGERS:
        return "checked"
    return "truncate" if target.name in INTEGERS and source.name != "money" else "round"


def numeric(source: SqlType) -> str:
    return "numeric" if source.name == "decimal" else source.name


def is_negative(value: Value) -> bool:
    """Whether a value has the minus sign; -0.0 does."""
    return math.copysign(1, value) < 0 if isinstance(value, float) else value < 0


def half_away(exact: Fraction) -> int:
    """The nearest whole number, halves away from zero."""
    whole = math.floor(abs(exact) + Fraction(1, 2))
    return -whole if exact < 0 else whole


def quantum(exact: Fraction, form: Format) -> Fraction:
    """The distance between neighbours in the binade of `exact`."""
    size = abs(exact)
    exponent = form.least_exponent
    if size:
        exponent = max(exponent, size.numerator.bit_length() - size.denominator.bit_length() - 1)
        while Fraction(2) ** (exponent + 1) <= size:
            exponent += 1
    return Fraction(2) ** (exponent - form.n_digits + 1)


def nearest(exact: Fraction, form: Format) -> Fraction | None:
    """The nearest value of the format, halves to the even one; None beyond its range."""
    step = quantum(exact, form)
    rounded = round(exact / step) * step
    return rounded if abs(rounded) < Fraction(2) ** (form.most_exponent + 1) else None


def decimal(unscaled: int, scale: int) -> Decimal:
    """A Decimal with exactly `scale` digits behind the point, whatever the context's precision."""
    return Decimal((int(unscaled < 0), tuple(map(int, str(abs(unscaled)))), -scale))


def scale_of(kind: SqlType) -> int:
    return 4 if kind.name == "money" else kind.scale


def limits(kind: SqlType) -> tuple[int, int]:
    """The least and the greatest value of a type of fixed point, in units of its last digit."""
    if kind.name == "money":
        return MONEY
    return INTEGERS[kind.name] if kind.name in INTEGERS else (1 - 10**kind.precision, 10**kind.precision - 1)


# ------------------------------------------------------------------------------------------------------------------------- boundaries


def around(exact: Fraction, kind: SqlType) -> Iterator[Value]:
    """The values of a type next to a number: below, at and above it."""
    if kind.name in FLOATS:
        form = FLOATS[kind.name]
        step = quantum(exact, form)
        for neighbour in (math.floor(exact / step) + d for d in (-1, 0, 1, 2)):
            rounded = nearest(neighbour * step, form)
            if rounded is not None:
                yield float(rounded)
        return
    unit = Fraction(10) ** scale_of(kind)
    low, high = limits(kind)
    for unscaled in (math.floor(exact * unit) + d for d in (-1, 0, 1, 2)):
        if low <= unscaled <= high:
            yield value_of(unscaled, kind)


def value_of(unscaled: int, kind: SqlType) -> Value:
    return unscaled if kind.name in INTEGERS else Fraction(unscaled) / Fraction(10) ** scale_of(kind)


def edges(kind: SqlType) -> Iterator[Fraction]:
    """Where conversions to or from a type change their mind."""
    half = Fraction(1, 2)
    if kind.name in FLOATS:
        form = FLOATS[kind.name]
        whole = Fraction(2) ** form.n_digits
        yield from (form.overflow, form.overflow - Fraction(2) ** (form.most_exponent - form.n_digits))
        yield from (Fraction(2) ** form.least_exponent, form.least, form.least / 2, form.least * 3 / 2, form.least * 5 / 2)
        yield from (whole, whole + 1, whole + 3, 1 + 1 / whole, 1 + 3 / whole, 1 - half / whole)
    else:
        unit = Fraction(10) ** scale_of(kind)
        for limit in limits(kind):
            yield from (delta / unit + Fraction(limit) / unit for delta in (-1, -half, 0, half, 1))
        yield from (half / unit, 1 / unit, half * 3 / unit)


SMALL = (Fraction(0), Fraction(1, 2), Fraction(1), Fraction(3, 2), Fraction(5, 2), Fraction(10_6496, 10**4))


@functools.cache
def boundaries(source: SqlType, target: SqlType | None = None) -> tuple[Value, ...]:
    """Values of `source` at its own limits and around those of `target`, of either sign."""
    points = [*SMALL, *edges(source), *(edges(target) if target else ())]
    found: dict[tuple[Value, bool], Value] = {}
    for point in (*points, *(-point for point in points)):
        for value in around(point, source):
            found[value, is_negative(value)] = value
    values = list(found.values())
    if source.name in FLOATS:
        values += [-0.0, math.nan, math.inf, -math.inf]
    return tuple(values)


@functools.cache
def survives(source: SqlType, target: SqlType) -> bool:
    """Whether every value of the one type is a value of the other."""
    outcomes = [cast(value, source, target) for value in boundaries(source, target)]
    return all(outcome.sql_number is None and not outcome.changed for outcome in outcomes)


# ---------------------------------------------------------------------------------------------------------------------------- columns

ARROW = {name: pa.from_numpy_dtype(np.dtype(dtype)) for name, dtype in DTYPES.items()}
_WIDTHS = {"decimal32": 9, "decimal64": 18, "decimal128": 38, "decimal256": 76}
STORAGES: dict[str, int] = {name: most for name, most in _WIDTHS.items() if hasattr(pa, name)}
"""Arrow's decimals and the digits that each holds."""
MONEY_FIELD = {"ARROW:FLIGHT:SQL:TYPE_NAME": "money"}
"""Metadata of a field whose decimal128(19,4) is money."""


def arrow_type(kind: SqlType, storage: str = "decimal128") -> pa.DataType:
    if kind.name == "money":
        return pa.decimal128(19, 4)
    return getattr(pa, storage)(kind.precision, kind.scale) if kind.name == "decimal" else ARROW[kind.name]


def numpy_column(values: Sequence[Value], kind: SqlType, nulls: Sequence[bool] = ()) -> Any:
    """An array, masked where there are NULLs."""
    array = np.array(values, DTYPES[kind.name])
    return np.ma.MaskedArray(array, mask=list(nulls)) if any(nulls) else array


def arrow_column(
    values: Sequence[Value],
    kind: SqlType,
    nulls: Sequence[bool] = (),
    *,
    storage: str = "decimal128",
    garbage: bytes = b"\0",
    lead: int = 0,
) -> pa.Array:
    """An Arrow array over its own buffers, `lead` values into them; the byte `garbage` fills what lies under NULL and before."""
    type_ = arrow_type(kind, storage)
    missing = np.array([True] * lead + (list(nulls) or [False] * len(values)), dtype=bool)
    validity = np.packbits(~missing, bitorder="little").tobytes() if missing.any() else None
    if kind.name == "bit":
        bits = [bool(garbage[0] & 1)] * lead + [bool(value) for value in values]
        data = np.packbits(np.array(bits, bool), bitorder="little").tobytes()
    else:
        width = type_.bit_width // 8
        cells = [garbage * width] * lead + [encoded(value, kind, width) for value in values]
        data = b"".join(garbage * width if null else cell for cell, null in zip(cells, missing, strict=True))
    buffers = [None if validity is None else pa.py_buffer(validity), pa.py_buffer(data)]
    return pa.Array.from_buffers(type_, len(missing), buffers).slice(lead)


def encoded(value: Value, kind: SqlType, width: int) -> bytes:
    """The bytes of one value in an Arrow buffer."""
    if kind.name in DTYPES:
        return np.array(value, DTYPES[kind.name]).tobytes()
    unscaled = Fraction(value) * Fraction(10) ** scale_of(kind)
    assert unscaled.denominator == 1, (value, kind)
    return int(unscaled).to_bytes(width, "little", signed=True)
