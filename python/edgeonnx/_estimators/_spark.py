"""Spark ML, through onnxmltools."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy

from edgeonnx._errors import Unsupported
from edgeonnx._estimators._base import Answers, Columns, Draft, Estimator, Field, Split, dense, ordered

_ROW = "edgeonnx row"  # Spark keeps no order of rows


def estimator(fitted: Any) -> Estimator:
    return Spark(fitted)


class Spark(Estimator):
    """A model over vectors, which all columns of the table make up, or a pipeline that begins with their VectorAssembler."""

    source = "Spark ML"
    packages = ("onnxmltools",)

    def __init__(self, fitted: Any) -> None:
        super().__init__(fitted)
        self._stages = list(getattr(fitted, "stages", [fitted]))
        self._assembles = type(self._stages[0]).__name__ == "VectorAssembler"
        if hasattr(fitted, "stages") and not self._assembles:
            raise Unsupported(
                "a pipeline of Spark ML has to begin with the VectorAssembler that tells its columns; "
                f"this one begins with {type(self._stages[0]).__name__}"
            )

    @property
    def splits_columns(self) -> bool:
        return self.compares_in is not None and len(self._stages) == 1 + self._assembles

    @property
    def compares_in(self) -> str | None:  # type: ignore[override]  # of the last stage
        return None if self._members() is None else "float64"

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        return tuple(self._stages[0].getInputCols()) if self._assembles else None

    def answers(self, columns: Columns) -> Answers:
        mine = {name: dense(values) for name, values in ordered(columns, self.feature_names, self.source).items()}
        last = self._stages[-1]
        wanted = [name for name in (_column(last, "getPredictionCol"), _column(last, "getProbabilityCol")) if name]
        made = self._transformed(mine).select(_ROW, *(wanted or [last.getOutputCol()])).collect()
        rows = [row[1:] for row in sorted(made, key=lambda row: row[0])]
        if not wanted:
            return Answers((numpy.array([row[0].toArray() for row in rows]),))
        values = numpy.array([row[0] for row in rows])
        if len(wanted) == 2:
            probability = numpy.array([row[1].toArray() for row in rows])
            return Answers((probability,), values.astype(numpy.int64), numpy.arange(probability.shape[1]))
        if hasattr(last, "clusterCenters"):
            return Answers((), values.astype(numpy.int64))
        return Answers((values.reshape(-1, 1),))

    def to_onnx(self, fields: Sequence[Field], target_opset: int | None, precision: str) -> Draft:
        from onnxmltools import convert_sparkml
        from onnxmltools.convert.common.data_types import FloatTensorType
        from pyspark.ml import PipelineModel

        vector = self._stages[0].getOutputCol() if self._assembles else self.fitted.getFeaturesCol()
        steps = self._stages[self._assembles :]
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):  # it prints the coefficients
            warnings.simplefilter("ignore")
            model = convert_sparkml(
                PipelineModel(steps) if len(steps) > 1 else steps[0],
                "model",
                [(vector, FloatTensorType([None, len(fields)]))],
                target_opset=target_opset,
                spark_session=_session(),
            )
        if type(steps[-1]).__name__ == "GBTRegressionModel":
            _return_sum(model)
        elif type(steps[-1]).__name__ == "LogisticRegressionModel" and steps[-1].numClasses > 2:
            _take_softmax(model)
        groups = {model.graph.input[0].name: [each.name for each in fields]}
        has_classes = _column(steps[-1], "getProbabilityCol") is not None
        return Draft(model, groups, {"integer": "label", "float": "probability"} if has_classes else {"float": "prediction"})

    def trees(self) -> Iterable[Split | None] | None:
        members = self._members()
        return None if members is None else [_split(each._java_obj.rootNode()) for each in members]

    def _members(self) -> list[Any] | None:
        last = self._stages[-1]
        return list(last.trees) if hasattr(last, "trees") else [last] if hasattr(last, "depth") else None

    def _transformed(self, columns: Columns) -> Any:
        from pyspark.ml.feature import VectorAssembler

        table = _session().createDataFrame(list(_rows(columns)), [_ROW, *columns])
        if not self._assembles:
            vector = self.fitted.getFeaturesCol()
            table = VectorAssembler(inputCols=list(columns), outputCol=vector, handleInvalid="keep").transform(table)
        return self.fitted.transform(table)


def _return_sum(model: Any) -> None:
    """Return the weighted sum of the trees: onnxmltools converts a regressor as if it were a classifier, and returns a class."""
    (product,) = (node for node in model.graph.node if node.op_type == "MatMul")
    (output,) = model.graph.output
    for node in model.graph.node:
        if output.name in node.output:
            node.output[:] = [f"{output.name}_class"]
    output.type.tensor_type.elem_type = 1
    product.output[0], before = output.name, product.output[0]
    for node in model.graph.node:
        node.input[:] = [output.name if name == before else name for name in node.input]


def _take_softmax(model: Any) -> None:
    """Probabilities of several classes as Spark has them: onnxmltools takes the logistic of each, over their sum."""
    for node in model.graph.node:
        for attribute in node.attribute:
            if node.op_type == "LinearClassifier" and attribute.name == "post_transform":
                attribute.s = b"SOFTMAX"


def _rows(columns: Columns) -> Iterator[tuple[Any, ...]]:
    return zip(range(len(next(iter(columns.values())))), *(values.tolist() for values in columns.values()), strict=True)


def _session() -> Any:
    from pyspark.sql import SparkSession

    return SparkSession.getActiveSession() or SparkSession.builder.getOrCreate()


def _column(stage: Any, getter: str) -> str | None:
    return str(getattr(stage, getter)()) if hasattr(stage, getter) else None


def _split(node: Any) -> Split | None:
    """A node of Spark's tree, which lies in the Java virtual machine."""
    if node.getClass().getSimpleName() == "LeafNode":
        return None
    split = node.split()
    categories = None
    if split.getClass().getSimpleName() == "CategoricalSplit":
        categories = tuple(float(each) for each in split.leftCategories())
    threshold = 0.0 if categories is not None else float(split.threshold())
    return Split(int(split.featureIndex()), threshold, _split(node.leftChild()), _split(node.rightChild()), categories)
