"""What `eo.convert` says to models of networks and of Spark that it can't take; each part runs where its framework is."""

from __future__ import annotations

import importlib.util
import warnings
from typing import Any

import numpy as np
import pytest

import edgeonnx as eo
from edgeonnx._estimators._inputs import arrays, fed_by
from support import refused

COLUMNS = {"a": np.float32([1, 2, 3]), "b": np.int64([4, 5, 6])}


def needs(package: str, where: str) -> pytest.MarkDecorator:
    """For tests of a framework that has an environment of its own."""
    return pytest.mark.skipif(importlib.util.find_spec(package) is None, reason=f"needs {package}; {where}")


def test_fed_by_names_then_all_columns_then_order() -> None:
    assert fed_by(["b", "a"], ["a", "b", "c"], "model") == {"b": ["b"], "a": ["a"]}
    assert fed_by(["x"], ["a", "b"], "model") == {"x": ["a", "b"]}
    assert fed_by(["x", "y"], ["a", "b"], "model") == {"x": ["a"], "y": ["b"]}
    with refused(eo.ShapeError, "the model takes x, y", "the table has the columns a, b, c", "one input take all columns"):
        fed_by(["x", "y"], ["a", "b", "c"], "model")


def test_arrays_columns_side_by_side_and_alone() -> None:
    image = np.zeros((3, 2, 2), np.float64)
    side, alone = arrays({**COLUMNS, "image": image}, {"x": ["a", "b"], "y": ["image"]}, [np.float32, np.float32])
    np.testing.assert_array_equal(side, np.float32([[1, 4], [2, 5], [3, 6]]))
    assert (alone.shape, alone.dtype) == ((3, 2, 2), np.float32)


@needs("keras", "in the test group")
def test_convert_keras_model_without_inputs_is_refused() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import keras

        model = keras.Sequential([keras.layers.Dense(1)])
        with refused(eo.InvalidArgument, "has no inputs yet", "call it once"):
            eo.convert(model, COLUMNS)


@needs("tensorflow", "make sources")
def test_convert_function_without_signature_is_refused() -> None:
    import tensorflow as tf

    for function in (tf.function(lambda x: x), tf.Module()):
        with refused(eo.InvalidArgument, "input signature", "tf.TensorSpec([None, 4], tf.float32)"):
            eo.convert(function, COLUMNS)


@needs("tensorflow", "make sources")
def test_convert_saved_model_takes_its_signature(tmp_path: Any) -> None:
    import tensorflow as tf

    module = tf.Module()
    module.scale = tf.Variable(2.0)
    called = tf.function(lambda x: {"y": x * module.scale}, input_signature=[tf.TensorSpec((None, 2), tf.float32, "x")])
    tf.saved_model.save(module, str(tmp_path), signatures=called)
    scores = eo.Scorer(eo.convert(tf.saved_model.load(str(tmp_path)), COLUMNS)).score(COLUMNS)
    np.testing.assert_array_equal(np.asarray(scores["prediction"]), np.float32([[2, 8], [4, 10], [6, 12]]))


@needs("pyspark", "make sources")
def test_convert_pipeline_without_assembler_is_refused() -> None:
    from pyspark.ml import PipelineModel

    import sources.spark

    sources.spark.session()
    with refused(eo.Unsupported, "VectorAssembler", "begins with PipelineModel"):
        eo.convert(PipelineModel([PipelineModel([])]), COLUMNS)


@needs("pyspark", "make sources")
def test_convert_model_without_pipeline_takes_all_columns_as_its_vector() -> None:
    from pyspark.ml.feature import VectorAssembler
    from pyspark.ml.regression import LinearRegression

    import sources.spark

    rows = [(float(a), float(b), 2.0 * a - b + 1) for a, b in zip([1, 2, 3, 5], [4, 6, 5, 1], strict=True)]
    table = sources.spark.session().createDataFrame(rows, ["a", "b", "label"])
    model = LinearRegression().fit(VectorAssembler(inputCols=["a", "b"], outputCol="features").transform(table))
    scores = eo.Scorer(eo.convert(model, COLUMNS)).score(COLUMNS)
    np.testing.assert_allclose(np.asarray(scores["prediction"]), 2 * COLUMNS["a"] - COLUMNS["b"] + 1, rtol=1e-5, atol=1e-5)
