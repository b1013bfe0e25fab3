"""Which output of a model must say what of an estimator's answers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import prod

import numpy

from edgeonnx._errors import ShapeError
from edgeonnx._estimators._base import Answers
from edgeonnx._port import Port
from edgeonnx._tables._columns import Array

CLASSES_KEY = "edgeonnx.classes"


def expected_outputs(answers: Answers, ports: Sequence[Port], metadata: Mapping[str, str] | None = None) -> dict[str, Array]:
    """An estimator's answers under the names of a model's outputs.

    The label is the first output of whole numbers; outputs of floats take the scores in their order: one of the same width whole, several
    of one value a row one column each. A single output beside two classes is the second one's.

    Parameters
    ----------
    answers
        Of the estimator.
    ports
        The outputs of the model; those of text are passed over.
    metadata
        Of the model: it may say which classes its labels count (`edgeonnx.classes`). By default they count those of the estimator.

    Returns
    -------
    dict of arrays of shape (n_rows,) or (n_rows, k)
        For each output that has a counterpart.

    Raises
    ------
    ShapeError
        An output of floats has no counterpart.
    """
    expected: dict[str, Array] = {}
    floats = [port for port in ports if _element(port) in ("float", "double", "float16", "bfloat16")]
    labels = [port for port in ports if _element(port) in ("int64", "int32", "bool")]
    if answers.labels is not None and labels:
        expected[labels[0].name] = _label_numbers(answers, metadata or {})
    rest = list(answers.scores)
    if len(floats) == 1 and _width(floats[0]) == 1 and len(rest) == 1 and rest[0].shape[1] == 2:
        rest = [rest[0][:, 1:]]
    columns: list[Array] = []  # of a score that outputs of one value a row share
    for port in floats:
        width = _width(port)
        if columns and width == 1:
            expected[port.name] = columns.pop(0)
            continue
        if columns or not rest or (width not in (None, 1, rest[0].shape[1])):
            raise ShapeError(
                f"the model's scores are {', '.join(map(_shown, floats))}, and the estimator answers "
                f"{', '.join(f'{score.shape[1]} a row' for score in answers.scores) or 'none'}; is it the one that the model was made from?"
            )
        score = rest.pop(0)
        if width == 1:
            columns = [score[:, k] for k in range(score.shape[1])]
            expected[port.name] = columns.pop(0)
        else:
            expected[port.name] = score
    return expected


def _label_numbers(answers: Answers, metadata: Mapping[str, str]) -> Array:
    """Labels as a model gives them: whole numbers, or the places of text labels among the classes."""
    labels = numpy.asarray(answers.labels).reshape(-1)
    if labels.dtype.kind in "iub":
        return labels
    if labels.dtype.kind == "f":
        return labels.astype(numpy.int64)
    known = numpy.unique(labels) if answers.classes is None else answers.classes
    classes = json.loads(metadata[CLASSES_KEY]) if CLASSES_KEY in metadata else [str(each) for each in known]
    places = {name: place for place, name in enumerate(classes)}
    return numpy.array([places.get(str(label), -1) for label in labels], numpy.int64)


def _shown(port: Port) -> str:
    return f"'{port.name}' ({_width(port) or 'any number'} a row)"


def _element(port: Port) -> str:
    return port.onnx_type.removeprefix("tensor(").removesuffix(")")


def _width(port: Port) -> int | None:
    inner = port.shape[1:]
    return None if any(size is None for size in inner) else prod(size for size in inner if size is not None)
