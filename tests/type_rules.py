"""T-SQL's conversion matrix cell by cell, and an exact model of what its rules make of a value.

Written from Microsoft's documentation ("CAST and CONVERT", the pages of the data types, "Database Engine events and errors") and from what
SQL Server was seen to do; types that only ONNX has follow the nearest SQL type. Nothing here asks the library.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

Value = Fraction | float | None
"""A number exactly; a float stands only for -0.0, NaN and the infinities. None: NULL, or what does not fit."""

MATRIX_TEXT = """
from\\to bit tinyint smallint int    bigint decimal money  real   float int8   uint16 uint32 uint64 float16 bfloat16
bit      =   E       E        E      E      X:8115  E      E      E     E      E      E      E      E       E
tinyint  B   =       E        E      E      X:8115  E      E      E     X:220  E      E      E      E       E
smallint B   X:220   =        E      E      X:8115  E      E      E     X:220  X:220  X:220  X:220  P       P
int      B   X:220   X:220    =      E      X:8115  E      P      E     X:220  X:220  X:220  X:220  P:220   P
bigint   B   X:8115  X:8115   X:8115 =      X:8115  X:8115 P      P     X:8115 X:8115 X:8115 X:8115 P:8115  P
decimal  B   T:8115  T:8115   T:8115 T:8115 R:8115  R:8115 P:8115 P     T:8115 T:8115 T:8115 T:8115 P:8115  P:8115
money    B   R:237   R:237    R:237  R      R:8115  =      P      P     R:237  R:237  R:237  R:237  P:237   P
real     B   T:232   T:232    T:232  T:8115 R:8115  R:232  =      E     T:232  T:232  T:8115 T:8115 P:232   P:232
float    B   T:232   T:232    T:232  T:8115 R:8115  R:232  P:232  =     T:232  T:232  T:8115 T:8115 P:232   P:232
int8     B   X:220   E        E      E      X:8115  E      E      E     =      X:220  X:220  X:220  E       E
uint16   B   X:220   X:220    E      E      X:8115  E      E      E     X:220  =      E      E      P:220   P
uint32   B   X:8115  X:8115   X:8115 E      X:8115  E      P      E     X:8115 X:8115 =      E      P:8115  P
uint64   B   X:8115  X:8115   X:8115 X:8115 X:8115  X:8115 P      P     X:8115 X:8115 X:8115 =      P:8115  P
float16  B   T:232   T:232    T:232  T:8115 R:8115  R:232  E      E     T:232  T:232  T:8115 T:8115 =       P
bfloat16 B   T:232   T:232    T:232  T:8115 R:8115  R:232  E      E     T:232  T:232  T:8115 T:8115 P:232   =
"""
"""Rule and, after the colon, the number of the error.

= same, E exact, P nearest with ties to even, X exact or an error, T truncation toward zero, R rounding half away from zero, B nonzero to 1.
Decimals overflow real and bfloat16 with more digits, or scales below zero, than SQL's have.
"""

RULE_NAMES = {"=": "same", "E": "exact", "P": "nearest", "X": "checked", "T": "truncate", "R": "round", "B": "nonzero"}


def _parsed(text: str) -> dict[tuple[str, str], tuple[str, int | None]]:
    header, *rows = (line.split() for line in text.strip().splitlines())
    cells = {}
    for source, *row in rows:
        for target, cell in zip(header[1:], row, strict=True):
            letter, _, number = cell.partition(":")
            cells[source, target] = (letter, int(number) if number else None)
    return cells


MATRIX = _parsed(MATRIX_TEXT)

# ---------------------------------------------------------------------------------------------------------------------------------- types


@functools.cache
def power(base: int, exponent: int) -> Fraction:
    return Fraction(base) ** exponent


@dataclass(frozen=True)
class Fixed:
    """Numbers of `scale` digits after the point; `lowest` and `highest` are ends in units of the last digit."""

    name: str
    family: str
    dtype: str
    lowest: int
    highest: int
    scale: int = 0

    @property
    def unit(self) -> Fraction:
        return power(10, -self.scale)


@dataclass(frozen=True)
class Binary:
    """IEEE numbers of `digits` bits, subnormals down to 2^`bottom`, all below 2^`top`."""

    name: str
    family: str
    dtype: str
    digits: int
    bottom: int
    top: int

    def unit(self, value: Fraction) -> Fraction:
        """Distance of neighbours at `value`."""
        exponent = abs(value.numerator).bit_length() - value.denominator.bit_length()
        if power(2, exponent) > abs(value):
            exponent -= 1
        return power(2, max(exponent - self.digits + 1, self.bottom))

    def nearest(self, value: Fraction) -> Value:
        unit = self.unit(value)
        rounded = round(value / unit) * unit  # a Fraction rounds half to even
        if abs(rounded) >= power(2, self.top):
            return None
        return -0.0 if rounded == 0 and value < 0 else rounded

    @property
    def largest(self) -> Fraction:
        return power(2, self.top) - power(2, self.top - self.digits)


Type = Fixed | Binary


def _integer(name: str, dtype: str, bits: int, *, signed: bool = True) -> Fixed:
    return Fixed(name, name, dtype, -(2 ** (bits - 1)) if signed else 0, 2 ** (bits - signed) - 1)


def decimal(precision: int, scale: int) -> Fixed:
    return Fixed(f"decimal({precision},{scale})", "decimal", "object", 1 - 10**precision, 10**precision - 1, scale)


BIT = Fixed("bit", "bit", "bool", 0, 1)
MONEY = Fixed("money", "money", "object", -(2**63), 2**63 - 1, 4)
INTEGERS = (
    _integer("tinyint", "uint8", 8, signed=False),
    _integer("smallint", "int16", 16),
    _integer("int", "int32", 32),
    _integer("bigint", "int64", 64),
    _integer("int8", "int8", 8),
    _integer("uint16", "uint16", 16, signed=False),
    _integer("uint32", "uint32", 32, signed=False),
    _integer("uint64", "uint64", 64, signed=False),
)
REAL = Binary("real", "real", "float32", 24, -149, 128)
FLOAT = Binary("float", "float", "float64", 53, -1074, 1024)
FLOAT16 = Binary("float16", "float16", "float16", 11, -24, 16)
BFLOAT16 = Binary("bfloat16", "bfloat16", "float32", 8, -133, 128)
BINARIES = (REAL, FLOAT, FLOAT16, BFLOAT16)

DECIMAL_TARGETS = tuple(decimal(*ps) for ps in ((18, 0), (38, 0), (38, 10), (38, 38), (5, 2), (1, 1)))
#: of every width that Arrow has; scales below zero and digits past 38, which SQL does not have, are read all the same
DECIMAL_SOURCES = tuple(
    decimal(*ps) for ps in ((9, 2), (18, 4), (19, 4), (38, 0), (38, 10), (38, 38), (7, -3), (38, -5), (76, 0), (76, 20), (76, 76))
)

SOURCES: tuple[Type, ...] = (BIT, *INTEGERS, *DECIMAL_SOURCES, MONEY, *BINARIES)
TARGETS: tuple[Type, ...] = (BIT, *INTEGERS, *DECIMAL_TARGETS, MONEY, *BINARIES)
BY_NAME: dict[str, Type] = {t.name: t for t in (*SOURCES, *TARGETS)}

# ---------------------------------------------------------------------------------------------------------------------------------- rules


def truncated(value: Fraction) -> int:
    return math.trunc(value)


def half_away(value: Fraction) -> int:
    rounded = math.floor(abs(value) + Fraction(1, 2))
    return -rounded if value < 0 else rounded


def apply(letter: str, value: Value, target: Type) -> Value:
    """What a rule makes of a value; None where it does not fit, and for NULL."""
    if value is None:
        return None
    if letter == "B":
        return Fraction(value != 0)  # NaN is not zero either
    if isinstance(target, Binary):
        return value if isinstance(value, float) else target.nearest(value)
    if isinstance(value, float):
        if value != 0:
            return None
        value = Fraction(0)
    scaled = value / target.unit
    whole = {"T": truncated, "R": half_away}.get(letter, Fraction)(scaled)
    assert whole == int(whole), f"rule {letter} meets digits that {target.name} has not"
    return whole * target.unit if target.lowest <= whole <= target.highest else None


def rule(source: Type, target: Type) -> tuple[str, int | None]:
    return MATRIX[source.family, target.family]


def convert(value: Value, source: Type, target: Type) -> Value:
    return apply(rule(source, target)[0], value, target)


def same(a: Value, b: Value) -> bool:
    """Equal as values: NaN equals NaN, and -0.0 equals 0."""
    return a == b or (isinstance(a, float) and isinstance(b, float) and math.isnan(a) and math.isnan(b))


# -------------------------------------------------------------------------------------------------------------------------------- messages


def six_decimals(value: Value) -> str | None:
    """Six decimals of the 17 significant digits of a float, or from 1e38 on the shortest text; None where the two roundings leave a doubt,
    or SQL has no such value.
    """
    if isinstance(value, float):
        return "0.000000" if value == 0 else None
    assert value is not None
    if abs(value) >= 1e38:
        return repr(float(value))
    digits = Fraction(f"{float(value):.16e}")  # as exact as the value is: it was a float
    millionths = half_away(digits * 10**6)
    if abs(abs(digits * 10**6) - abs(millionths)) == Fraction(1, 2):
        return None
    return f"{'-' if value < 0 else ''}{abs(millionths) // 10**6}.{abs(millionths) % 10**6:06d}"


def sentence(source: Type, target: Type, value: Value) -> str:
    """What SQL Server says of a value that does not fit; up to the value where its text is in doubt."""
    number = rule(source, target)[1]
    if number == 220:
        assert value is not None
        return f"Arithmetic overflow error for data type {target.name}, value = {int(value)}."
    if number == 232:
        text = six_decimals(value)
        return f"Arithmetic overflow error for type {target.name}, value = " + (f"{text}." if text else "")
    if number == 237:
        return f"There is insufficient result space to convert a money value to {target.name}."
    spelled = "numeric" if source.family == "decimal" else source.family
    if target.family == "decimal":
        return f"Arithmetic overflow error converting {spelled} to data type numeric."
    if (source.family, target.family) == ("decimal", "money"):
        return "Arithmetic overflow error converting numeric to data type money."
    return f"Arithmetic overflow error converting expression to data type {target.name}."


# ---------------------------------------------------------------------------------------------------------------------------------- limits


@functools.cache
def _marks() -> tuple[Fraction, ...]:
    """Where something happens for some pair: the ends of types and their surroundings, ties, halves, the smallest of the small."""
    half, tenth = Fraction(1, 2), Fraction(1, 10)
    marks = {Fraction(n) for n in (0, 1, 2, 3, 255, 257, 259, 2047, 2049, 2051, 2**24 - 1, 2**24, 2**24 + 1, 2**24 + 3)}
    marks |= {Fraction(n) for n in (2**53 - 1, 2**53, 2**53 + 1, 2**53 + 3, 2**63, 2**64)}
    marks |= {half, 3 * half, 5 * half, 4 * tenth, 6 * tenth, 9 * tenth, tenth / 2, Fraction("10.6496"), Fraction("2.675"), half**3}
    marks |= {Fraction("0.00005"), Fraction("0.00015"), Fraction("0.005"), Fraction("99.95"), Fraction(1, 3), 10**15 + half}
    # Nearest to the exact value and nearest to a double of it, or a real, are two numbers here.
    marks |= {2**24 + 1 + tenth**10, 2**53 + 1 + tenth**10, Fraction(2**62 + 2**38 + 1), Fraction(2**63 + 2**39 + 1)}
    marks |= {1 + half**11 + half**40, 1 + half**8 + half**40, Fraction(2**30 + 2**22 + 1), 1 + half**24 + half**50}
    for fixed in (BIT, *INTEGERS, MONEY, *DECIMAL_TARGETS):
        for end in {fixed.lowest * fixed.unit, fixed.highest * fixed.unit}:
            away = fixed.unit if end > 0 else -fixed.unit
            marks |= {end, end + away * half, end + away * 9 * tenth, end + away, end - away, end + 2 * away, end + away * 49 * tenth**2}
    for binary in BINARIES:
        largest, smallest = binary.largest, half**-binary.bottom
        marks |= {largest, largest + binary.unit(largest) * half, 2 * half**-binary.top, largest / 3}
        marks |= {smallest, smallest * half, smallest * 3 * half, smallest * half**2, smallest * 2 ** (binary.digits - 1), smallest * 7}
    return tuple(sorted(marks | {-mark for mark in marks}))


def _beside(mark: Fraction, source: Type) -> Iterable[Fraction]:
    """The values of a type at and around `mark`."""
    if isinstance(source, Fixed):
        whole = half_away(mark / source.unit)
        steps = (-1, 0, 1) if source.family in ("decimal", "money") else (0,)
        return [(whole + step) * source.unit for step in steps if source.lowest <= whole + step <= source.highest]
    middle = source.nearest(mark)
    if not isinstance(middle, Fraction):
        return []
    found = (source.nearest(middle + step * source.unit(middle)) for step in (-1, 0, 1))
    return [value for value in found if isinstance(value, Fraction)]


@functools.cache
def limits(source: Type) -> tuple[Value, ...]:
    """The values at which conversions from this type go one way or the other, in ascending order, then those that are not numbers."""
    values: list[Value] = [*sorted({value for mark in _marks() for value in _beside(mark, source)})]
    if isinstance(source, Binary):
        values += [-0.0, math.nan, math.inf, -math.inf]
    return tuple(values)


@functools.cache
def converted(source: Type, target: Type) -> tuple[Value, ...]:
    """`limits(source)`, converted."""
    return tuple(convert(value, source, target) for value in limits(source))
