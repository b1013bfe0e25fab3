"""Types of the inputs of an estimator that chooses its columns by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgeonnx._errors import Unsupported
from edgeonnx._estimators._base import Field

# These look for values among categories, and whole numbers must stay whole numbers for that.
_ENCODERS = {"OneHotEncoder", "OrdinalEncoder", "TargetEncoder"}


def column_types(fitted: Any, fields: Sequence[Field], precision: str) -> dict[str, str] | None:
    """Element type by column, or None for an estimator that takes all columns as one matrix.

    Each transformer of a ColumnTransformer gets one block of columns, as one array: all of one type. Blocks that share a column share the
    type. `precision` is that of everything but the whole numbers that an encoder reads.
    """
    transformer = _front(fitted)
    if transformer is None:
        return None
    kinds = {each.name: each.dtype.kind for each in fields}
    names = [each.name for each in fields]
    types: dict[str, str] = {}
    whole: list[list[str]] = []
    for _, step, chosen in transformer.transformers_:
        block = _names(chosen, names, transformer)
        if step == "drop" or not block:
            continue
        if _encodes(step) and all(kinds[name] in "iub" for name in block):
            whole.append(block)
        types.update(dict.fromkeys(block, precision))
    computed = {name for _, step, chosen in transformer.transformers_ if step != "drop" and not _encodes(step)
                for name in _names(chosen, names, transformer)}  # fmt: skip
    for block in whole:
        if not computed.intersection(block):
            types.update(dict.fromkeys(block, "int64"))
    if _chooses_by_place(transformer):  # the converter counts inputs then, those that nobody reads too
        types = {**dict.fromkeys(names, precision), **types}
    return {name: types[name] for name in names if name in types}


def names_read(fitted: Any, names: Sequence[str]) -> set[str] | None:
    """The columns that some transformer reads by name; None for an estimator that counts columns, or takes all as one matrix."""
    transformer = _front(fitted)
    if transformer is None or _chooses_by_place(transformer):
        return None
    return {name for _, step, chosen in transformer.transformers_ if step != "drop" for name in _names(chosen, names, transformer)}


def _chooses_by_place(transformer: Any) -> bool:
    for _, step, chosen in transformer.transformers_:
        if step == "drop" or isinstance(chosen, str):
            continue
        if isinstance(chosen, (int, slice)) or not all(isinstance(each, str) for each in chosen):
            return True
    return False


def _front(fitted: Any) -> Any | None:
    """The ColumnTransformer that sees the table first."""
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

    front = fitted
    while True:
        if isinstance(front, ColumnTransformer):
            return front
        if isinstance(front, Pipeline) and front.steps:
            front = front.steps[0][1]
        elif hasattr(front, "best_estimator_"):
            front = front.best_estimator_
        else:
            return None


def _encodes(step: Any) -> bool:
    if hasattr(step, "steps"):
        return any(_encodes(each) for _, each in step.steps)
    return type(step).__name__ in _ENCODERS


def _names(chosen: Any, names: Sequence[str], transformer: Any) -> list[str]:
    """Column names, whether they were given as names, places, a mask or a slice."""
    fitted_on = [str(name) for name in getattr(transformer, "feature_names_in_", names)]
    if isinstance(chosen, str):
        return [chosen]
    if isinstance(chosen, slice):
        if isinstance(chosen.start, str) or isinstance(chosen.stop, str):
            first = fitted_on.index(chosen.start) if chosen.start is not None else 0
            last = fitted_on.index(chosen.stop) if chosen.stop is not None else len(fitted_on) - 1
            return fitted_on[first : last + 1]
        return fitted_on[chosen]
    if callable(chosen):
        raise Unsupported("a ColumnTransformer that was not fitted chooses its columns by a function; fit it first")
    chosen = [chosen] if isinstance(chosen, int) else list(chosen)
    if chosen and all(isinstance(each, bool) for each in map(_plain, chosen)):
        return [name for name, each in zip(fitted_on, chosen, strict=True) if each]
    return [str(each) if isinstance(each, str) else fitted_on[int(each)] for each in chosen]


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
