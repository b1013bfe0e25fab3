"""A model of one matrix, or of anything else, made to take columns."""

from __future__ import annotations

from math import prod

import numpy

from edgeonnx._convert._front import put_front
from edgeonnx._convert._graph import loaded, set_metadata
from edgeonnx._convert._like import names_text, sql_names, without_nulls
from edgeonnx._errors import InvalidArgument, ModelError, NotFound, ShapeError
from edgeonnx._estimators import Field
from edgeonnx._golden._file import bare
from edgeonnx._port import Port
from edgeonnx._scorer import Scorer
from edgeonnx._tables._columns import Array


def columnar(content: bytes, fields: list[Field], table: dict[str, Array], is_separate: bool, check: bool) -> bytes:
    """The same model with an input per column.

    Raises
    ------
    NotFound, ShapeError
        The table's columns do not fill the model's inputs.
    ModelError
        The new model answers otherwise than the old one.
    """
    if not is_separate:
        raise InvalidArgument("columns='matrix' is for estimators; an ONNX model is made columnar, or stays as it is")
    before = Scorer(content)
    content = b"".join(bare(content).pieces)  # golden rows are of the model that was, not of the one that is made
    groups = _groups(before.inputs, fields)
    model = loaded(content)
    used = [each for each in fields if any(each.name in columns for columns in groups.values())]
    names = sql_names([each.name for each in used])
    put_front(model, used, groups, names)
    set_metadata(model, names_text(names))
    made = bytes(model.SerializeToString())
    if check:
        rows = without_nulls({each.name: table[each.name] for each in used})
        _prove(content, made, rows, groups, names)
    return made


def _groups(inputs: tuple[Port, ...], fields: list[Field]) -> dict[str, list[str]]:
    by_name = {each.name: each for each in fields}
    groups: dict[str, list[str]] = {}
    for port in inputs:
        if port.name in by_name:
            groups[port.name] = [port.name]
        elif len(inputs) == 1:
            groups[port.name] = [each.name for each in fields]
    missing = [port.name for port in inputs if port.name not in groups]
    if missing:
        raise NotFound(
            f"like has no column for input {', '.join(map(repr, missing))}; a model of several inputs takes columns of their names "
            f"({', '.join(port.name for port in inputs)}), and only the columns of a single input are put together"
        )
    for port in inputs:
        sizes = port.shape[1:]
        width = sum(prod(by_name[name].shape) for name in groups[port.name])
        if len(sizes) == 1 and sizes[0] is not None and sizes[0] != width:
            raise ShapeError(
                f"input '{port.name}' takes {sizes[0]} values a row, and the columns of like have {width}: "
                f"{', '.join(groups[port.name])}; leave out those that the model does not read"
            )
    return groups


def _prove(before: bytes, after: bytes, rows: dict[str, Array], groups: dict[str, list[str]], names: dict[str, str]) -> None:
    """Both models give the same bits, on native kernels and on ONNX Runtime."""
    columns = {port: chosen for port, chosen in groups.items() if chosen != [port]}
    for native in (True, False):
        expected = Scorer(before, native=native, deterministic=True).score(rows, columns=columns or None)
        renamed = {names.get(name, name): values for name, values in rows.items()}
        actual = Scorer(after, native=native, deterministic=True).score(renamed)
        for output, wanted in expected.items():
            if not numpy.array_equal(wanted, actual[output], equal_nan=wanted.dtype.kind == "f"):
                where = "native kernels" if native else "ONNX Runtime"
                raise ModelError(
                    f"made columnar, the model gives other values of '{output}' on {where}; this is a defect, please report it"
                )
