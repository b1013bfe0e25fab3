"""Spark ML, through onnxmltools."""

from __future__ import annotations

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
    """A model over a column of vectors, which all columns of the table make up, or a pipeline that begins with a VectorAssembler."""

    source = "Spark ML"
    packages = ("onnxmltools",)
    compares_in = "float64"

    @property
    def _stages(self) -> list[Any]:
        return list(getattr(self.fitted, "stages", [self.fitted]))

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        if not hasattr(self.fitted, "stages"):
            return None
        assemblers = [stage for stage in self._stages if type(stage).__name__ == "VectorAssembler"]
        if not assemblers:
            raise Unsupported("a pipeline of Spark ML needs a VectorAssembler, which tells the columns that it reads")
        made = {stage.getOutputCol() for stage in self._stages if hasattr(stage, "getOutputCol")}
        return tuple(name for each in assemblers for name in each.getInputCols() if name not in made)

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

        if hasattr(self.fitted, "stages"):
            types = [(each.name, FloatTensorType([None, 1])) for each in fields]
            groups = {}
        else:
            vector = self.fitted.getFeaturesCol()
            types = [(vector, FloatTensorType([None, len(fields)]))]
            groups = {vector: [each.name for each in fields]}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = convert_sparkml(self.fitted, "model", types, target_opset=target_opset, spark_session=_session())
        has_classes = _column(self._stages[-1], "getProbabilityCol") is not None
        return Draft(model, groups, {"integer": "label", "float": "probability"} if has_classes else {"float": "prediction"})

    def trees(self) -> Iterable[Split | None] | None:
        last = self._stages[-1]
        members = list(last.trees) if hasattr(last, "trees") else [last] if hasattr(last, "depth") else None
        return None if members is None else [_split(each._java_obj.rootNode()) for each in members]

    def _transformed(self, columns: Columns) -> Any:
        from pyspark.ml.feature import VectorAssembler

        table = _session().createDataFrame(list(_rows(columns)), [_ROW, *columns])
        if not hasattr(self.fitted, "stages"):
            vector = self.fitted.getFeaturesCol()
            table = VectorAssembler(inputCols=list(columns), outputCol=vector, handleInvalid="keep").transform(table)
        return self.fitted.transform(table)


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
