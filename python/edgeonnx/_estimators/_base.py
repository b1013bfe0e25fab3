"""What every source of models has in common: what an estimator answers, how its trees are split, how it becomes ONNX."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

import numpy

from edgeonnx._errors import NotFound, ShapeError, Unsupported
from edgeonnx._tables._columns import Array
from edgeonnx._tables._masked import is_masked

Columns = Mapping[str, Array]


@dataclass(frozen=True)
class Answers:
    """What an estimator says of each row, in the same terms whatever its framework calls them."""

    scores: tuple[Array, ...]
    """Each of shape (n_rows, k) in the estimator's own dtype: probabilities by class (or decision values), k targets of a regressor, what a
    transformer makes, or the outputs of a network in their order."""
    labels: Array | None = None
    """(n_rows,): the class of a classifier, the cluster, 1 or -1 of an outlier detector."""
    classes: Array | None = None
    """(k,): the classes that the columns of `scores[0]` belong to."""


class Field(NamedTuple):
    """A column of the table that a model is made for."""

    name: str
    dtype: numpy.dtype[Any]
    shape: tuple[int, ...]
    """Of one row's value: () for plain columns."""


def is_float32(field: Field) -> bool:
    """Whether every value of the column is a float32."""
    return numpy.can_cast(field.dtype, numpy.float32)


class Split(NamedTuple):
    """A node of a decision tree that asks for one feature: at most `threshold`, or one of `categories`."""

    feature: int
    threshold: float
    yes: Split | None
    no: Split | None
    categories: tuple[float, ...] | None = None
    missing: bool | None = None
    """NaN goes to `yes`; None: not known."""


class Ensemble(NamedTuple):
    """Trees that a converter writes as one operator, or as several in a row."""

    compares_in: str
    """`float32`: columns are rounded to real before they are compared; `float64`: they are not."""
    trees: Sequence[Split | None] | None
    """None where they can't be told."""


@dataclass
class Draft:
    """A converted model before its inputs and outputs are dressed for tables."""

    model: Any
    """onnx.ModelProto."""
    groups: dict[str, list[str]] = field(default_factory=dict)
    """Input to the columns that make it up, side by side; inputs that are not in it take the column of their own name."""
    roles: dict[str, str] = field(default_factory=dict)
    """What outputs are called: those of whole numbers (`integer`), and those of real ones (`float`)."""


class Estimator(ABC):
    """A fitted estimator of some framework."""

    source: ClassVar[str]
    """The framework's name."""
    packages: ClassVar[tuple[str, ...]] = ()
    """That converting it needs."""
    compares_in: str | None = None
    """`"float32"`: its trees round columns to real and compare then; `"float64"`: they compare columns as they are; None: no trees."""

    reads_as_zero: float = 0.0
    """Numbers up to this magnitude are taken for 0."""

    def __init__(self, fitted: Any) -> None:
        self.fitted = fitted

    @property
    def splits_columns(self) -> bool:
        """Whether the features that its trees split are the columns of the table, in their order."""
        return self.compares_in is not None

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """The columns that it was fitted on, in order; None where it does not know."""
        return None

    def precisions_for(self, fields: Sequence[Field]) -> tuple[str, ...]:
        """In which the model may compute, `double` or `float`, the most exact first: each is tried until one agrees."""
        return ("float",)

    def known_among(self, columns: Sequence[str]) -> Sequence[str] | None:
        """The columns that it was fitted on, in its order, by their names in a table; None where it does not know or some are missing."""
        names = self.feature_names
        return names if names is not None and set(names) <= set(columns) else None

    def columns_read(self, columns: Sequence[str]) -> Sequence[str]:
        """Of the columns that it knows, those whose values matter."""
        return columns

    @abstractmethod
    def answers(self, columns: Columns) -> Answers:
        """Let the framework itself answer.

        Parameters
        ----------
        columns
            Table as `edgeonnx._tables.columns_of` gives it; columns that the estimator does not know are left out.

        Raises
        ------
        NotFound
            A column that it was fitted on is missing.
        Exception
            Whatever the framework raises for rows that it refuses.
        """

    @abstractmethod
    def to_onnx(self, fields: Sequence[Field], target_opset: int | None, precision: str) -> Draft:
        """Convert through the framework's own converter, computing in `precision` where there is a choice."""

    def ensembles(self) -> list[Ensemble]:
        """Its ensembles of trees; more than one where several estimators vote or are stacked."""
        if self.compares_in is None:
            return []
        trees = self.trees()
        return [Ensemble(self.compares_in, None if trees is None else list(trees))]

    def trees(self) -> Iterable[Split | None] | None:
        """The roots of its trees in the order of the ensemble, None for a tree that is a leaf; None where they can't be told."""
        return None


def ordered(columns: Columns, names: Sequence[str] | None, source: str) -> dict[str, Array]:
    """The columns that were fitted on, in order.

    Raises
    ------
    NotFound
        Some are missing; all are named.
    """
    if names is None:
        return dict(columns)
    missing = [name for name in names if name not in columns]
    if missing:
        raise NotFound(
            f"the {source} estimator was fitted on columns that the data does not have: {', '.join(map(repr, missing))}; "
            f"its columns are {', '.join(map(repr, columns))}"
        )
    return {name: columns[name] for name in names}


def dense(values: Array) -> Array:
    """NULLs become NaN, and whole numbers with NULLs floats."""
    if not is_masked(values):
        return values
    if values.dtype.kind not in "iufb":
        raise Unsupported(f"NULLs in a column of {values.dtype} can't be given to an estimator")
    floats: Array = numpy.array(values.data, values.dtype if values.dtype.kind == "f" else numpy.float64)
    floats[numpy.ma.getmaskarray(values)] = numpy.nan
    return floats


def matrix(columns: Columns) -> Array:
    """The columns side by side, (n_rows, k), in the dtype that holds them all."""
    parts = [dense(values) for values in columns.values()]
    if not parts:
        raise ShapeError("the table has no columns")
    return numpy.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)


def frame(columns: Columns) -> Any:
    """The columns as a pandas DataFrame."""
    import pandas

    return pandas.DataFrame({name: dense(values) for name, values in columns.items()})


def two_dimensional(values: Any) -> Array:
    """(n_rows,) and (n_rows, d, ...) as (n_rows, k)."""
    array = numpy.asarray(values.toarray() if hasattr(values, "toarray") else values)
    return array.reshape(len(array), -1)


def binary(probability: Array) -> Array:
    """The probability of the second class as that of both."""
    probability = numpy.asarray(probability).reshape(-1)
    return numpy.column_stack([1 - probability, probability])


Maker = Callable[[Any], Estimator]
