"""Spark ML."""

from __future__ import annotations

import functools
import os
import shutil
from collections.abc import Callable
from typing import Any

import numpy as np

from sources.recipe import Answers, Recipe
from sources.tables import Table, breast_cancer, diabetes, iris, wine


@functools.cache
def session() -> Any:
    """One thread, no web page, nothing on the terminal."""
    if "JAVA_HOME" not in os.environ and shutil.which("java") is None:
        raise RuntimeError("Spark needs Java 17; Debian has it in openjdk-17-jre-headless")
    from pyspark.sql import SparkSession

    settings = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": "1",
        "spark.default.parallelism": "1",
        "spark.log.level": "OFF",
        "spark.sql.codegen.wholeStage": "false",  # compiling takes longer than a few hundred rows do
        "spark.sql.adaptive.enabled": "false",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
    }
    builder = SparkSession.builder.master("local[1]").appName("edgeonnx")
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def rows(table: Any, **more: Any) -> Any:
    """A DataFrame of Spark's with every column of a table, in its own type as far as Spark has it, numbered."""
    named = {name: table[name].tolist() for name in table} | {name: values.tolist() for name, values in more.items()}
    numbered = zip(range(len(table)), *named.values(), strict=True)
    made = session().createDataFrame(list(numbered), ["row", *named]).cache()
    made.count()  # else every pass over them starts Python again, and one that stops early breaks its pipe
    return made


def trained(*stages: Callable[[], Any]) -> Callable[[Table], Any]:
    """A pipeline of an assembler and what `stages` make."""

    def fit(table: Table) -> Any:
        from pyspark.ml import Pipeline
        from pyspark.ml.feature import VectorAssembler

        session()
        target = table.target.astype(np.float64)
        assembler = VectorAssembler(inputCols=list(table.train.columns), outputCol="features", handleInvalid="keep")
        return Pipeline(stages=[assembler, *(make() for make in stages)]).fit(rows(table.train, label=target))

    return fit


def answers(model: Any, table: Any) -> Answers:
    """Predictions, and probabilities where there are such, in the order of the rows."""
    made = model.transform(rows(table)).orderBy("row")
    has_classes = "probability" in made.columns
    found = made.select("prediction", *(["probability"] if has_classes else [])).collect()
    predictions = np.array([row[0] for row in found])
    if has_classes:
        return Answers(predictions.astype(np.int64), np.array([row[1].toArray() for row in found]))
    return Answers(None, predictions.reshape(-1, 1))


def scaler() -> Any:
    """Between the assembler and the model."""
    from pyspark.ml.feature import StandardScaler

    return StandardScaler(inputCol="features", outputCol="scaled", withMean=True)


def model(module: str, name: str, **settings: Any) -> Callable[[], Any]:
    """An estimator of `pyspark.ml`, made when Spark runs."""

    def make() -> Any:
        import importlib

        return getattr(importlib.import_module(f"pyspark.ml.{module}"), name)(**settings)

    return make


def recipes() -> list[Recipe]:
    """All of them."""

    def recipe(name: str, table: Callable[[], Table], *stages: Callable[[], Any], **known: Any) -> Recipe:
        return Recipe("Spark ML", name, table, trained(*stages), answers, **known)

    logistic = model("classification", "LogisticRegression", featuresCol="scaled", maxIter=20)
    return [
        recipe("LogisticRegression, 2 classes", breast_cancer, scaler, logistic),
        recipe("LogisticRegression, 3 classes", wine, scaler, logistic),
        recipe("LinearRegression", diabetes, model("regression", "LinearRegression")),
        recipe("DecisionTreeClassifier", iris, model("classification", "DecisionTreeClassifier", seed=0)),
        recipe("DecisionTreeRegressor", diabetes, model("regression", "DecisionTreeRegressor", seed=0)),
        recipe("RandomForestClassifier", wine, model("classification", "RandomForestClassifier", numTrees=5, seed=0)),
        recipe("RandomForestRegressor", diabetes, model("regression", "RandomForestRegressor", numTrees=5, seed=0)),
        recipe("StandardScaler, RandomForestClassifier", iris, scaler,
               model("classification", "RandomForestClassifier", featuresCol="scaled", numTrees=5, seed=0)),
        recipe("GBTClassifier", breast_cancer, model("classification", "GBTClassifier", maxIter=4, seed=0)),
        recipe("GBTRegressor", diabetes, model("regression", "GBTRegressor", maxIter=4, seed=0)),
    ]  # fmt: skip
