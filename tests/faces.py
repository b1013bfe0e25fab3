"""What every way into edgeonnx has in common: a model under a name, a table, answers; and what each of them does otherwise, declared.

A face is one way in: Python, DuckDB, SQLite, PostgreSQL. test_conformance.py asks all of them the same questions.
"""

from __future__ import annotations

import abc
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar, NoReturn

import numpy as np
import pytest

import edgeonnx as eo


@dataclass(frozen=True)
class Column:
    """Values of one SQL type: bit, tinyint (unsigned), smallint, int, bigint, real, float, decimal(p, s) or text; None is NULL."""

    sql_type: str
    values: Sequence[Any]


Table = Mapping[str, Column]
Answers = dict[str, list[Any]]
"""One list an output, in the model's order: a number a row, a list of numbers where the output is wider, None for NULL."""


def lacking(what: str) -> NoReturn:
    """A face that can't be tried here: the test is skipped, unless EDGEONNX_ADAPTERS=all says that every one must be there."""
    if os.environ.get("EDGEONNX_ADAPTERS") == "all":
        pytest.fail(what)
    pytest.skip(what)


class FaceError(Exception):
    """A refusal, by the name of its status: NOT_FOUND, OVERFLOW ..."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Face(abc.ABC):
    """One way in. Quirks: what it does otherwise, and why; a test that meets one says so and checks what is done instead."""

    name: ClassVar[str]
    quirks: ClassVar[Mapping[str, str]] = {}

    @abc.abstractmethod
    def load(self, name: str, model: bytes, settings: str = "") -> None:
        """Puts a model under a name; `settings` as in edgeonnx_settings_parse."""

    @abc.abstractmethod
    def drop(self, name: str) -> None:
        """Takes it away again."""

    @abc.abstractmethod
    def by_name(self, model: str, table: Table) -> Answers:
        """Scores the table, its columns bound to the inputs by name; all outputs."""

    @abc.abstractmethod
    def by_position(self, model: str, table: Table) -> list[Any]:
        """Scores the table by a model of one output, the columns bound in their order."""

    @abc.abstractmethod
    def by_row(self, models: Sequence[str | None], table: Table) -> list[Any]:
        """As by_position; every row by the model that it names, or NULL where it names none."""

    @abc.abstractmethod
    def close(self) -> None:
        """Ends connections and servers."""


#: Names of the status codes of edgeonnx.h, by number.
STATUSES = (
    "OK", "INVALID_ARGUMENT", "INVALID_STATE", "NOT_FOUND", "IO", "INVALID_MODEL", "TYPE_MISMATCH", "SHAPE_MISMATCH", "NULL_VALUE",
    "OVERFLOW", "UNSUPPORTED", "OUT_OF_MEMORY", "CANCELLED", "INFERENCE_FAILED", "RUNTIME_MISSING", "INTERNAL",
)  # fmt: skip

DTYPES = {
    "bit": np.bool_,
    "tinyint": np.uint8,
    "smallint": np.int16,
    "int": np.int32,
    "bigint": np.int64,
    "real": np.float32,
    "float": np.float64,
}


def array_of(column: Column) -> Any:
    """The column as NumPy has it: masked where it has NULLs, objects where its type is none of NumPy's."""
    if column.sql_type not in DTYPES:
        return np.array([Decimal(v) if column.sql_type.startswith("decimal") and v is not None else v for v in column.values], object)
    mask = [value is None for value in column.values]
    values = np.array([0 if value is None else value for value in column.values], DTYPES[column.sql_type])
    return np.ma.masked_array(values, mask) if any(mask) else values


class Python(Face):
    """`edgeonnx.Scorer`."""

    name = "python"
    quirks: ClassVar[Mapping[str, str]] = {"one model a call": "a Scorer is one model; rows are chosen with NumPy or a data frame"}

    def __init__(self) -> None:
        self._scorers: dict[str, eo.Scorer] = {}

    def load(self, name: str, model: bytes, settings: str = "") -> None:
        options: dict[str, Any] = {}
        for setting in filter(None, settings.split(",")):
            key, value = (part.strip() for part in setting.split("="))
            is_number = value.replace(".", "").lstrip("-").isdigit()
            options[key] = (float(value) if "." in value else int(value)) if is_number else value
        try:
            self._scorers[name] = eo.Scorer(model, **options)
        except eo.Error as error:
            raise FaceError(STATUSES[error.code], str(error)) from error

    def drop(self, name: str) -> None:
        del self._scorers[name]

    def _score(self, model: str, data: Any) -> Answers:
        if model not in self._scorers:
            raise FaceError("NOT_FOUND", model)
        try:
            scores = self._scorers[model].score(data)
        except eo.Error as error:
            raise FaceError(STATUSES[error.code], str(error)) from error
        return {name: values.tolist() for name, values in scores.items()}

    def by_name(self, model: str, table: Table) -> Answers:
        return self._score(model, {name: array_of(column) for name, column in table.items()})

    def by_position(self, model: str, table: Table) -> list[Any]:
        scorer = self._scorers.get(model)
        names = [port.name for port in scorer.inputs] if scorer else []
        if len(names) != len(table):
            return next(iter(self.by_name(model, table).values()))
        return next(iter(self.by_name(model, dict(zip(names, table.values(), strict=True))).values()))

    def by_row(self, models: Sequence[str | None], table: Table) -> list[Any]:
        raise NotImplementedError(self.quirks["one model a call"])

    def close(self) -> None:
        self._scorers.clear()
