"""What a seal says: the rows as the inputs are fed, their answers, the model that they belong to, and who computed them."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

__all__ = ["Maker", "Record"]

_FORMAT = 1

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Maker:
    """What computed answers."""

    edgeonnx: str
    onnxruntime: str
    """Empty where it was not opened."""
    plan: str
    """What the plan is called in `explain()`: "native", "ONNX Runtime" and so on."""
    cpu: str
    providers: tuple[str, ...]

    def __str__(self) -> str:
        runtime = f"ONNX Runtime {self.onnxruntime}" if self.onnxruntime else "no ONNX Runtime"
        return f"edgeonnx {self.edgeonnx} with {runtime} (plan {self.plan}, {self.cpu}, {' '.join(self.providers)})"


@dataclass(frozen=True)
class Record:
    """Golden rows.

    Attributes
    ----------
    model
        SHA-256 of the model without its seal.
    maker
        What computed the answers.
    inputs, outputs
        One array of `n_rows` rows a name, in the input's and the output's own type.
    """

    model: str
    maker: Maker
    inputs: Arrays
    outputs: Arrays

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(next(iter(self.inputs.values())))

    def text(self) -> str:
        """JSON, with a checksum over all else that it says."""
        body = {
            "format": _FORMAT,
            "model": self.model,
            "maker": {**vars(self.maker), "providers": list(self.maker.providers)},
            "inputs": {name: _packed(array) for name, array in self.inputs.items()},
            "outputs": {name: _packed(array) for name, array in self.outputs.items()},
        }
        return _json({**body, "checksum": checksum_of(_json(body))})


def checksum_of(text: str) -> str:
    """SHA-256 in hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def read_record(text: str) -> Record:
    """The record of a seal.

    Raises
    ------
    ValueError
        Anything is missing, or is not as it was written, be it by a bit; or a later edgeonnx wrote it.
    """
    try:
        body = json.loads(text)
        written = body.pop("format")
        if written == _FORMAT:
            maker = Maker(**{**body["maker"], "providers": tuple(body["maker"]["providers"])})
            inputs, outputs = ({name: _unpacked(packed) for name, packed in body[side].items()} for side in ("inputs", "outputs"))
            record = Record(body["model"], maker, inputs, outputs)
            is_whole = bool(inputs and outputs) and len({len(array) for array in (*inputs.values(), *outputs.values())}) == 1
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ValueError(f"they are damaged: {type(error).__name__}: {error}") from error
    if written != _FORMAT:
        raise ValueError(f"they have format {written}, and this edgeonnx reads format {_FORMAT}; install the edgeonnx that wrote them")
    # Written again they must read the same, letter by letter: a checksum alone would let pass what JSON and base64 do not look at.
    if not is_whole or record.text() != text:
        raise ValueError("they are damaged: their checksum is not that of their rows")
    return record


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def _packed(array: NDArray[Any]) -> dict[str, object]:
    little = numpy.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return {"dtype": little.dtype.str, "shape": list(array.shape), "data": base64.b64encode(little.tobytes()).decode()}


def _unpacked(packed: dict[str, Any]) -> NDArray[Any]:
    dtype = numpy.dtype(packed["dtype"])
    if dtype.hasobject:
        raise TypeError(f"no array of a seal has the type {dtype}")
    return numpy.frombuffer(base64.b64decode(packed["data"], validate=True), dtype).reshape(packed["shape"])
