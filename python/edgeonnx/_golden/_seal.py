"""seal: give a model its golden rows."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy
from numpy.typing import NDArray

from edgeonnx._errors import Error, GoldenWarning, InvalidArgument, ModelError, RuntimeDefectWarning
from edgeonnx._golden._answers import answers, maker_of
from edgeonnx._golden._check import damage
from edgeonnx._golden._compare import Comparison, compare, ties
from edgeonnx._golden._file import bare, identities, with_entry
from edgeonnx._golden._record import Maker, Record
from edgeonnx._model import Serializable, model_bytes, read_file
from edgeonnx._options import NullPolicy, positive

if TYPE_CHECKING:
    from edgeonnx._scorer import Scorer

__all__ = ["seal"]

_MOST_BYTES = 2 << 30
_MOST_ROWS = 4096
_CPU = ("CPUExecutionProvider",)


def seal(
    model: str | os.PathLike[str] | bytes | bytearray | memoryview | Serializable,
    data: object,
    *,
    rows: int = 32,
    rename: Mapping[str, str] | None = None,
    columns: Mapping[str, Sequence[str]] | None = None,
    nulls: NullPolicy | Mapping[str | None, NullPolicy] | Mapping[str, NullPolicy] = "error",
    coercion: str = "tsql",
    on_overflow: str = "error",
    external_data: bool = False,
) -> bytes:
    """Give a model golden rows: a few rows of a table and their answers, which are scored again wherever the model is loaded.

    The rows are kept as the inputs are fed, after binding and conversion, so that whoever loads the model needs none of the options
    here. `Scorer` scores them once with each ONNX Runtime, edgeonnx and instruction set that it meets; see its option `golden`. The seal
    is an entry of the model's metadata, `edgeonnx.golden`, and every other reader of ONNX passes over it. It is no secret: it tells rows
    of the table to whoever has the file. It guards against accidents, not against forgers.

    Parameters
    ----------
    model
        As in `Scorer`. A seal that it has is replaced.
    data
        A table as in `Scorer.score`; it is read as a whole, so a sample of a large one will do. Rows are taken from the first to the
        last, all different, without those that have a NULL under `nulls="propagate"` and those whose two largest scores are so close that
        rounding may turn the label.
    rows
        How many, at most 4096; fewer where the table has fewer that are different.
    rename, columns, nulls, coercion, on_overflow
        As in `Scorer`, for reading `data`. All inputs count, those that no node reads too.
    external_data
        True: weights may lie in other files, below the folder of `model`, a path. The seal says nothing of those files, so such a
        model is checked at every load.

    Returns
    -------
    bytes
        The model with its seal.

    Raises
    ------
    ModelError
        Native kernels and ONNX Runtime give different answers, or this ONNX Runtime is known to be wrong about the model: neither may
        become the measure of others.
    InvalidArgument
        No row is left.
    Error
        As `Scorer` and `Scorer.score`.

    Examples
    --------
    >>> sealed = eo.seal(model, {"a": [1.0, 2.0], "b": [0.5, 0.5]})
    >>> eo.Scorer(sealed).score({"a": [1.0], "b": [0.5]})["total"]
    array([2.], dtype=float32)
    """
    from edgeonnx._scorer import Scorer  # a scorer checks seals itself

    n_rows = positive(rows, "rows", _MOST_ROWS) or 1
    path = os.fspath(model) if isinstance(model, (str, os.PathLike)) else None
    if external_data and path is None:
        raise InvalidArgument("external_data=True needs a model given by its path")
    content = model_bytes(model) if path is None else read_file(path, _MOST_BYTES)
    pieces = bare(content).pieces
    if (broken := damage(content, path or "the model")) is not None:
        warnings.warn(f"{broken}; its seal is replaced", GoldenWarning, stacklevel=2)
    source = path if external_data and path is not None else b"".join(pieces)
    scorer = Scorer(source, external_data=external_data, golden="off")
    runtime = _runtime_scorer(source, external_data)
    reader = Scorer(identities(scorer.inputs), nulls=nulls, coercion=coercion, on_overflow=on_overflow)
    reader._metadata = scorer._metadata  # columns find their inputs as they do in the model
    try:
        scores = reader.score(data, rename=rename, columns=columns)
    except Error as error:
        error.message = error.message.partition(" and returns 'fed_0'")[0]  # which are no outputs of the model
        raise
    fed = {port.name: scores[f"fed_{i}"] for i, port in enumerate(scorer.inputs)}
    # Twice as many rows as are wanted, so that there are others for those that can't be used.
    inputs = _taken(fed, _distinct(fed, 2 * n_rows))
    names = [port.name for port in scorer.outputs if port.onnx_type.startswith("tensor(") and port.onnx_type != "tensor(string)"]
    outputs = answers(scorer._core, inputs, names)
    usable = _usable(outputs, n_rows)
    inputs, outputs = _taken(inputs, usable), _taken(outputs, usable)
    found = compare(outputs, answers(runtime._core, inputs, names))
    maker = maker_of(scorer._core, _CPU)
    if found.n_different:
        raise _refusal(path or "the model", maker, maker_of(runtime._core, _CPU), found)
    maker = Maker(maker.edgeonnx, runtime._core.runtime, maker.plan, maker.cpu, maker.providers)
    return with_entry(pieces, Record(bare(content).digest(), maker, inputs, outputs).text())


def _runtime_scorer(source: str | bytes, external_data: bool) -> Scorer:
    """Of ONNX Runtime alone. Throws ModelError where it is known to be wrong."""
    from edgeonnx._scorer import Scorer

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeDefectWarning)
        scorer = Scorer(source, external_data=external_data, golden="off", native=False)
    if scorer._core.warnings:
        raise ModelError(f"not sealed: {scorer._core.warnings[0]}; seal the model with one of those")
    return scorer


def _refusal(name: str, native: Maker, runtime: Maker, found: Comparison) -> ModelError:
    return ModelError(f"{name} is not sealed: {native} and {runtime} give different answers, the second one last: {found.first}")


def _taken(arrays: Mapping[str, NDArray[Any]], rows: Sequence[int]) -> dict[str, NDArray[Any]]:
    return {name: numpy.asarray(array[rows]) for name, array in arrays.items()}


def _distinct(fed: Mapping[str, NDArray[Any]], n_wanted: int) -> list[int]:
    """Rows that differ from each other, in the order of the table: evenly spread, and where that finds too few, any."""
    n_rows = len(next(iter(fed.values())))
    complete = numpy.ones(n_rows, bool)
    for array in fed.values():
        complete &= ~numpy.ma.getmaskarray(array).any(axis=tuple(range(1, array.ndim)))
    rows = numpy.flatnonzero(complete)
    if not len(rows):
        raise InvalidArgument("data has no row to seal" + ("; each has a NULL" if n_rows else ""))
    spread = rows[numpy.unique(numpy.linspace(0, len(rows) - 1, min(n_wanted, len(rows))).round().astype(int))]
    plain = [numpy.ascontiguousarray(numpy.ma.getdata(array)) for array in fed.values()]
    found: dict[bytes, int] = {}
    for row in _each_once(spread, rows):
        found.setdefault(b"".join(array[row].tobytes() for array in plain), row)
        if len(found) == n_wanted:
            break
    return sorted(found.values())


def _each_once(first: NDArray[Any], then: NDArray[Any]) -> Iterable[int]:
    yield from map(int, first)
    yield from map(int, numpy.setdiff1d(then, first, assume_unique=True))


def _usable(outputs: Mapping[str, NDArray[Any]], n_wanted: int) -> list[int]:
    """Rows without ties, or all where there is no other: evenly spread, the first and the last among them."""
    tied = ties(outputs)
    rows = numpy.flatnonzero(~tied) if not tied.all() else numpy.arange(len(tied))
    return [int(row) for row in rows[numpy.unique(numpy.linspace(0, len(rows) - 1, min(n_wanted, len(rows))).round().astype(int))]]
