"""The texts of a CSV column as numbers, with nothing lost on the way; the scorer then converts these to the input's own type."""

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

import edgeonnx
from edgeonnx import Port

# NULL as databases write it into CSV; "nan" is not among them, because NULL and NaN are two things.
NULL_WORDS = ["", "NULL", "null"]
_INTEGERS = frozenset(f"tensor({sign}int{bits})" for sign in ("", "u") for bits in (8, 16, 32, 64))
_FLOATS = frozenset(["tensor(float)", "tensor(double)", "tensor(float16)", "tensor(bfloat16)"])
_T_SQL_OVERFLOW = 232
_MOST = 1.7976931348623157e308
_EXACT = float(1 << 53)  # from here on, neighbouring integers share a float64


class TextError(ValueError):
    """A text is not a number that the input can take."""


@dataclass(frozen=True)
class NumberReader:
    """Reads the column that feeds one input.

    Attributes
    ----------
    column
        Its name, for messages.
    port
        The input.
    whole
        An integer input takes no numbers with a fraction, as if the column were of its type.
    overflow_is_null
        What is beyond float64 is left to the scorer, as a number that does not fit.
    """

    column: str
    port: Port
    whole: bool
    overflow_is_null: bool

    @property
    def is_number(self) -> bool:
        """Whether the input takes numbers at all."""
        return self.port.onnx_type in _INTEGERS | _FLOATS | {"tensor(bool)"}

    def type_for(self, suggested: pa.DataType) -> pa.DataType:
        """Type to write the column as, where the first rows suggest `suggested`."""
        if self.port.onnx_type in _FLOATS or (pa.types.is_floating(suggested) and not self.whole):
            return pa.float64()
        is_bit = self.port.onnx_type == "tensor(bool)" and not pa.types.is_integer(suggested)
        return pa.bool_() if is_bit else pa.int64()

    def read(self, texts: pa.Array, first_row: int) -> pa.Array:
        """The texts as int64, as uint64 or float64 where that is too narrow, or as truth values; `first_row` is the number of the first.

        Raises
        ------
        TextError
            A text is no number.
        edgeonnx.Overflow
            A number is beyond float64.
        """
        kinds = [] if self.port.onnx_type in _FLOATS else [pa.int64(), pa.uint64()]
        if self.port.onnx_type == "tensor(bool)":
            kinds.append(pa.bool_())
        for values in (texts, _without_nulls(texts)):
            for kind in kinds:
                numbers = _cast(values, kind)
                if numbers is not None:
                    return numbers
            if kinds and self.whole:
                continue
            numbers = _cast(values, pa.float64())
            if numbers is not None:
                return self._checked(values, numbers, first_row, exact=bool(kinds))
        row = _first_bad(values, pa.int64() if kinds and self.whole else pa.float64())
        wanted = "a whole number" if kinds and self.whole else "a number"
        raise TextError(
            f"{self._where(first_row + row, texts[row])}, not {wanted}; input '{self.port.name}' is {self._type}; "
            "leave a field empty, or write NULL, where there is no value"
        )

    def _checked(self, texts: pa.Array, numbers: pa.Array, first_row: int, exact: bool) -> pa.Array:
        infinite = pc.is_inf(numbers)
        if pc.any(infinite).as_py():
            beyond = pc.and_(infinite, pc.invert(pc.match_substring(texts, "inf", ignore_case=True)))
            row = pc.index(beyond, pa.scalar(True)).as_py()
            if row >= 0 and (not self.overflow_is_null or self.port.onnx_type == "tensor(double)"):
                # No float64 could carry it to the scorer, so the scorer's words are said here.
                text, at = texts[row].as_py(), first_row + row
                raise edgeonnx.Overflow(
                    f"Arithmetic overflow error for type float, value = {text}. "
                    f"At row {at} of column '{self.column}', for input '{self.port.name}'.",
                    sql_number=_T_SQL_OVERFLOW,
                    row=at,
                    column=self.column,
                    value=text,
                )
            numbers = pc.if_else(beyond, pc.multiply(pc.sign(numbers), _MOST), numbers)
        if exact:
            inexact = pc.and_(pc.greater_equal(pc.abs(numbers), _EXACT), pc.less(pc.abs(numbers), float(1 << 63)))
            inexact = pc.and_(inexact, pc.match_substring_regex(texts, r"^[+-]?\d+$"))
            row = pc.index(inexact, pa.scalar(True)).as_py()
            if row >= 0:
                raise TextError(f"{self._where(first_row + row, texts[row])}, too large to be read exactly beside numbers with a fraction")
        return numbers

    def _where(self, row: int, text: pa.Scalar) -> str:
        return f"row {row} of column '{self.column}' is '{text.as_py()}'"

    @property
    def _type(self) -> str:
        return self.port.sql_type or self.port.onnx_type


def _cast(texts: pa.Array, kind: pa.DataType) -> pa.Array | None:
    try:
        return pc.cast(texts, kind)
    except pa.ArrowInvalid:
        return None


def _without_nulls(texts: pa.Array) -> pa.Array:
    trimmed = pc.ascii_trim_whitespace(texts)
    return pc.if_else(pc.is_in(trimmed, value_set=pa.array(NULL_WORDS)), pa.scalar(None, pa.string()), trimmed)


def _first_bad(texts: pa.Array, kind: pa.DataType) -> int:
    start, stop = 0, len(texts)  # the first bad one lies between
    while stop - start > 1:
        middle = (start + stop) // 2
        if _cast(texts[start:middle], kind) is None:
            stop = middle
        else:
            start = middle
    return start
