"""What a model is compared with: a fitted estimator, another model, or answers that were stored."""

from __future__ import annotations

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy

from edgeonnx._errors import Error, InvalidArgument, NotFound, ShapeError, Unsupported
from edgeonnx._estimators import Estimator, Split, estimator_of, expected_outputs
from edgeonnx._estimators._outputs import CLASSES_KEY
from edgeonnx._port import Port
from edgeonnx._scorer import Scorer
from edgeonnx._tables import columns_of
from edgeonnx._tables._columns import Array
from edgeonnx._verify._ask import ask
from edgeonnx._verify._ensembles import ensembles_of
from edgeonnx._verify._graph import load
from edgeonnx._verify._slots import Table

__all__ = ["Reference", "reference_of"]


class Reference(ABC):
    """Where the right answers come from."""

    name: str
    given_rows_only = False
    compares_in: str | None = None
    feature_names: tuple[str, ...] | None = None
    reads_as_zero: float = 0.0

    @abstractmethod
    def answers(self, table: Table) -> dict[str, Array]:
        """The right answers under the names of the model's outputs; raises whatever the reference raises for rows that it refuses."""

    def trees(self) -> list[Split | None] | None:
        """The trees of the reference, where they can be told."""
        return None


class _Fitted(Reference):
    def __init__(self, estimator: Estimator, ports: Sequence[Port], metadata: Mapping[str, str]) -> None:
        self.name = f"{estimator.source} {type(estimator.fitted).__qualname__}"
        self.compares_in = estimator.compares_in
        self.feature_names = estimator.feature_names
        self.reads_as_zero = estimator.reads_as_zero
        self._estimator, self._ports, self._metadata = estimator, ports, metadata

    def answers(self, table: Table) -> dict[str, Array]:
        return expected_outputs(self._estimator.answers(table), self._ports, self._metadata)

    def trees(self) -> list[Split | None] | None:
        return _trees_in(self._estimator)


def _trees_in(estimator: Estimator) -> list[Split | None] | None:
    """Its trees, or those of the estimators that it puts together, one after the other."""
    found = estimator.trees()
    if found is not None:
        return list(found)
    last = getattr(estimator, "_last", estimator.fitted)
    parts = [part for part in getattr(last, "estimators_", ()) if hasattr(part, "predict")] if not isinstance(last, Mapping) else []
    trees = [_trees_in(estimator_of(part)) for part in parts]
    joined = [tree for each in trees if each is not None for tree in each]
    return joined or None


class _Model(Reference):
    def __init__(self, model: object, ports: Sequence[Port], options: Mapping[str, Any]) -> None:
        self.name = os.path.basename(os.fspath(model)) if isinstance(model, (str, os.PathLike)) else "another ONNX model"
        self._graph = load(model)
        self._scorer = Scorer(self._graph, **options)
        self._pairs = _paired(ports, self._scorer.outputs)

    def answers(self, table: Table) -> dict[str, Array]:
        scores = ask(self._scorer, table)
        return {mine: numpy.ma.getdata(scores[other]) for mine, other in self._pairs.items() if other in scores}

    def trees(self) -> list[Split | None] | None:
        found = ensembles_of(self._graph)
        return found[0].trees() if len(found) == 1 else None


def _paired(mine: Sequence[Port], others: Sequence[Port]) -> dict[str, str]:
    """Outputs by name, or by place where no name is the same."""
    names = {port.name for port in others}
    shared = {port.name: port.name for port in mine if port.name in names}
    if shared:
        return shared
    if len(mine) != len(others):
        ours, theirs = (", ".join(repr(port.name) for port in ports) for ports in (mine, others))
        raise NotFound(f"the two models share no output: {ours} and {theirs}")
    return {port.name: other.name for port, other in zip(mine, others, strict=True)}


class _Stored(Reference):
    name = "stored answers"
    given_rows_only = True

    def __init__(self, table: Mapping[str, Array], ports: Sequence[Port], metadata: Mapping[str, str], n_rows: int) -> None:
        self._answers: dict[str, Array] = {}
        for port in ports:
            parts = [f"{port.name}_{k}" for k in range(len(table))]
            if port.name in table:
                self._answers[port.name] = _counted(table[port.name], port, metadata)
            elif parts[0] in table:
                self._answers[port.name] = numpy.column_stack([table[name] for name in parts if name in table])
        if not self._answers:
            raise NotFound(
                f"the stored answers have no column of an output's name; the outputs are {', '.join(repr(port.name) for port in ports)}, "
                f"the columns {', '.join(map(repr, table))}"
            )
        for name, values in self._answers.items():
            if len(values) != n_rows:
                raise ShapeError(f"the stored answers of '{name}' have {len(values)} rows, and the data has {n_rows}")

    def answers(self, table: Table) -> dict[str, Array]:
        return self._answers


def _counted(values: Array, port: Port, metadata: Mapping[str, str]) -> Array:
    """Classes of text as their places, where the model says which classes its labels count."""
    if values.dtype.kind not in "OUS" or port.onnx_type != "tensor(int64)" or CLASSES_KEY not in metadata:
        return values
    places = {name: place for place, name in enumerate(json.loads(metadata[CLASSES_KEY]))}
    if not any(str(value) in places for value in values):
        return values
    return numpy.array([places.get(str(value), -1) for value in values], numpy.int64)


def reference_of(
    reference: object, ports: Sequence[Port], metadata: Mapping[str, str], options: Mapping[str, Any], n_rows: int
) -> Reference:
    """Recognise a reference.

    Raises
    ------
    InvalidArgument
        It is none.
    NotFound, ShapeError
        Stored answers, or another model, have other outputs or rows.
    """
    if isinstance(reference, (str, os.PathLike)):
        path = os.fspath(reference)
        if path.lower().endswith(".onnx"):
            return _Model(path, ports, options)
        return _Stored(columns_of(_read_file(path)), ports, metadata, n_rows)
    if isinstance(reference, (bytes, bytearray, memoryview)) or hasattr(reference, "SerializeToString"):
        return _Model(reference, ports, options)
    try:
        return _Fitted(estimator_of(reference), ports, metadata)
    except Unsupported as unsupported:
        try:
            table = columns_of(reference)
        except Error:
            raise InvalidArgument(f"{unsupported}; nor is it a model, or a table of stored answers") from None
        return _Stored(table, ports, metadata, n_rows)


def _read_file(path: str) -> Any:
    """A table in a file, through pyarrow."""
    from edgeonnx._extras import needed

    suffix = os.path.splitext(path)[1].lower()
    if suffix in (".pkl", ".pickle", ".joblib"):
        raise InvalidArgument(
            f"{path!r} holds pickled objects, and loading them runs code that they bring; load it yourself and pass the estimator"
        )
    if suffix in (".parquet", ".pq"):
        return needed("pyarrow.parquet", "reading stored answers").read_table(path)
    if suffix == ".csv":
        return needed("pyarrow.csv", "reading stored answers").read_csv(path)
    if suffix in (".arrow", ".feather", ".ipc"):
        return needed("pyarrow.feather", "reading stored answers").read_table(path)
    raise InvalidArgument(f"{path!r}: the name does not tell what it holds; expected .onnx, .parquet, .csv or .arrow")
