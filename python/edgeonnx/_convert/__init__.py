"""convert: from a fitted estimator, or from any ONNX model, to one whose inputs are the columns of a table."""

from __future__ import annotations

import os
import re
import warnings
from typing import Any

import numpy

from edgeonnx._convert._columnar import columnar
from edgeonnx._convert._endings import count_labels, cut_zipmaps, finish_outputs
from edgeonnx._convert._front import put_front
from edgeonnx._convert._graph import drop_unread_inputs, set_metadata
from edgeonnx._convert._like import names_text, read_like, sql_names, without_nulls
from edgeonnx._convert._proof import EQUAL, Distance, distance, sampled, ties, with_threshold_rows
from edgeonnx._convert._rewrites import rewrite
from edgeonnx._convert._trees import make_exact, read_doubles
from edgeonnx._core import version
from edgeonnx._errors import Error, InvalidArgument, ModelError, ParityWarning, Unsupported
from edgeonnx._estimators import Answers, Ensemble, Estimator, Field, estimator_of, expected_outputs, is_float32
from edgeonnx._extras import needed
from edgeonnx._model import Serializable, model_bytes, read_file
from edgeonnx._options import position_of
from edgeonnx._scorer import Scorer
from edgeonnx._tables._columns import Array

__all__ = ["convert"]

_COLUMNS = ("separate", "matrix")
_CHECKS = ("error", "warn", "off")
_MOST_BYTES = 2 << 30
# Of scores, over the largest: what sums in float32 leave, with room for long ones. What is right by this is not looked at again.
_TOLERANCE = 1e-4
_GOOD = 1e-6


def convert(estimator: Any, like: Any, *, columns: str = "separate", target_opset: int | None = None, check: str = "error") -> bytes:
    """Make an ONNX model that takes the columns of a table.

    The frameworks' own converters do the work (skl2onnx, onnxmltools, CatBoost, torch.onnx, Keras, tf2onnx). Around it: one input per
    column, named and typed as the table has it (int, bigint, real, float are kept, and cast inside; smaller integers become int); outputs
    called `label` and `probability_<class>`, or `prediction`; thresholds of trees exactly as the estimator compares them; a check that the
    model answers as the estimator does.

    Parameters
    ----------
    estimator
        A fitted estimator of scikit-learn, LightGBM, XGBoost, CatBoost, PyTorch, Keras, TensorFlow or Spark ML. Or an ONNX model (path,
        bytes, ModelProto): its inputs become columns, and its outputs stay as they are.
    like
        Some rows of the data, as the estimator was fitted on: any table that `score` takes. A few hundred rows make a good check.
    columns
        `"separate"`: one input [N, 1] per column. `"matrix"`: one input [N, k] of all columns, in the order of `like`.
    target_opset
        Of the model; None: the newest that the converter knows.
    check
        `like`, and rows on thresholds of trees, are scored with the model and with the estimator. Where they differ, `"error"` refuses the
        model, and `"warn"` warns (`ParityWarning`); `"off"` skips it.

    Returns
    -------
    bytes
        The model. Its metadata hold the classes of a classifier (`edgeonnx.classes`, labels of text are counted by their place there), and
        names of columns that SQL cannot carry (`edgeonnx.names`).

    Raises
    ------
    InvalidArgument
        An option has no such value; `like` has no rows, or rows that the estimator refuses; the estimator has not been fitted.
    Unsupported
        The estimator is of no kind that is known here or to its converter, or a package is missing: the message has its pip line.
    CoercionError
        A column of `like` holds no numbers.
    NotFound
        The estimator was fitted on columns that `like` does not have.
    ModelError
        The converter failed, or the model does not answer as the estimator does.
    FileError, ShapeError
        An ONNX model can't be read, or takes another number of values than the columns of `like` have.

    Warns
    -----
    ParityWarning
        See `check`.

    Examples
    --------
    >>> model = convert(LinearRegression().fit(patients, progress), like=patients)  # doctest: +SKIP
    >>> Scorer(model).predict(patients)  # doctest: +SKIP
    """
    is_separate = position_of(columns, _COLUMNS, "columns") == 0
    position_of(check, _CHECKS, "check")
    if target_opset is not None and (isinstance(target_opset, bool) or not isinstance(target_opset, int) or target_opset < 1):
        raise InvalidArgument(f"target_opset: expected a number of an opset such as 18, got {target_opset!r}")
    needed("onnx", "converting a model")
    if isinstance(estimator, (str, os.PathLike)):
        path = os.fspath(estimator)
        if not path.lower().endswith(".onnx") and os.path.exists(path):
            raise InvalidArgument(f"{path!r} is no .onnx file; load the estimator that it holds, by pickle.load for instance")
        return columnar(read_file(path, _MOST_BYTES), *read_like(like), is_separate, check != "off")
    if isinstance(estimator, (Serializable, bytes, bytearray, memoryview)):
        return columnar(model_bytes(estimator), *read_like(like), is_separate, check != "off")
    known = estimator_of(estimator)
    for package in known.packages:
        needed(package, f"converting a {known.source} model")
    return _from_estimator(known, *read_like(like, known), is_separate, target_opset, check)


def _from_estimator(
    estimator: Estimator, fields: list[Field], table: dict[str, Array], is_separate: bool, target_opset: int | None, check: str
) -> bytes:
    ensembles = estimator.ensembles()
    rows, answers = _rows_and_answers(estimator, fields, table, ensembles)
    best: tuple[Distance, bytes] | None = None
    failures: list[str] = []
    for precision in estimator.precisions_for(fields):
        try:
            model = _made(estimator, fields, answers, ensembles, is_separate, target_opset, precision)
            apart = _apart(model, fields, rows, answers) if check != "off" else EQUAL
        except Exception as error:  # of the converter, or of a runtime that refuses what it made
            if type(error).__name__ in ("MissingConverter", "MissingShapeCalculator"):
                raise Unsupported(f"{estimator.source}'s converter knows no {_unknown_kind(error, estimator)}") from error
            failures.append(_first_line(error))
            continue
        if best is None or apart[:2] < best[0][:2]:
            best = apart, model
        if best[0].n_labels == 0 and best[0].worst <= _GOOD:
            break
    if best is None:
        raise ModelError(f"{type(estimator.fitted).__qualname__} can't be converted: {'; '.join(dict.fromkeys(failures))}")
    apart, model = best
    if apart.n_labels or apart.worst > _TOLERANCE:
        message = (
            f"the model that {estimator.source}'s converter makes of {type(estimator.fitted).__qualname__} does not answer as it does: "
            f"{apart.n_labels} of {n_rows_of(rows)} rows have another label, and scores differ by up to {apart.worst:.2g} of the largest, "
            f"as output '{apart.output}' does, {apart.got} in place of {apart.expected}, of the row {_row_text(rows, apart.row)}"
        )
        if check == "error":
            raise ModelError(f"{message}; check='warn' returns the model all the same, and verify() tells more")
        warnings.warn(message, ParityWarning, stacklevel=3)
    return model


def _rows_and_answers(
    estimator: Estimator, fields: list[Field], table: dict[str, Array], ensembles: list[Ensemble]
) -> tuple[dict[str, Array], Answers]:
    """Rows to compare on, and what the estimator says of them."""
    rows = sampled(without_nulls(table))
    if not n_rows_of(rows):
        raise InvalidArgument("every row of like has a NULL in a column of whole numbers; give some rows without")
    if estimator.splits_columns and ensembles[0].trees is not None:
        more = with_threshold_rows(rows, fields, ensembles[0].trees, estimator.reads_as_zero)
        try:
            return more, estimator.answers(more)
        except Exception:  # it refuses values that were never in its data, such as categories
            pass
    try:
        return rows, estimator.answers(rows)
    except Error:
        raise
    except Exception as error:
        raise InvalidArgument(
            f"{type(estimator.fitted).__qualname__} refuses the rows of like, whose columns are {', '.join(map(repr, rows))}: "
            f"{type(error).__name__}: {error}; give the columns that it was fitted on, without the target"
        ) from error


def _made(
    estimator: Estimator,
    fields: list[Field],
    answers: Answers,
    ensembles: list[Ensemble],
    is_separate: bool,
    target_opset: int | None,
    precision: str,
) -> bytes:
    draft = estimator.to_onnx(fields, target_opset, precision)
    model = draft.model
    del model.graph.value_info[:]
    cut_zipmaps(model)
    names = sql_names([each.name for each in fields])
    if estimator.compares_in == "float64" and not all(map(is_float32, fields)):
        for tensor in draft.groups:
            read_doubles(model, tensor)
    if is_separate or all(len(columns) == 1 for columns in draft.groups.values()):
        put_front(model, fields, draft.groups, names)
    make_exact(model, ensembles)
    count_labels(model)
    rewrite(model)
    finish_outputs(model, draft.roles, answers, {port.name for port in model.graph.input})
    drop_unread_inputs(model)
    source = f"{estimator.source} {type(estimator.fitted).__qualname__}"
    set_metadata(model, {"edgeonnx.version": version(), "edgeonnx.source": source, **names_text(names)})
    return bytes(model.SerializeToString())


def _apart(model: bytes, fields: list[Field], rows: dict[str, Array], answers: Answers) -> Distance:
    scorer = Scorer(model)
    names = [port.name for port in scorer.inputs]
    renamed = sql_names([each.name for each in fields])
    given = {renamed.get(name, name): values for name, values in rows.items() if values.dtype.kind != "O"}
    if not set(names) <= set(given):  # one matrix of them all
        given = {names[0]: numpy.concatenate([values.reshape(len(values), -1) for values in rows.values()], axis=1)}
    expected = expected_outputs(answers, scorer.outputs)
    return distance(scorer.score(given, outputs=list(expected)), expected, ties(answers))


def _row_text(rows: dict[str, Array], row: int) -> str:
    shown = ", ".join(f"{name}={values[row]!s}" for name, values in list(rows.items())[:8])
    return f"{{{shown}{', ...' if len(rows) > 8 else ''}}}"


def n_rows_of(columns: dict[str, Array]) -> int:
    return len(next(iter(columns.values())))


def _unknown_kind(error: Exception, estimator: Estimator) -> str:
    """The class that a converter misses: that of the estimator, or of one in it."""
    found = re.search(r"<class '([\w.]+)'>", str(error))
    return found[1] if found else type(estimator.fitted).__qualname__


def _first_line(error: Exception) -> str:
    lines = [line.strip(" -") for line in str(error).strip().splitlines()[:2]] or [""]
    text = " ".join(lines) if lines[0].endswith(":") else lines[0]
    return text if isinstance(error, Error) else f"{type(error).__name__}: {text}"
