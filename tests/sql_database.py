"""The SQL Edge tutorial's database, for tests of edgeonnx.sql."""

from __future__ import annotations

from typing import Any

import numpy as np

import edgeonnx as eo
import edgeonnx.duckdb
import edgeonnx.sql
import trained_linear
from edgeonnx import _tutorial
from faces import lacking

FEATURES, TARGET = _tutorial.load()
MODEL = _tutorial.convert(_tutorial.train(FEATURES, TARGET), list(FEATURES.columns))
IDS = np.arange(1, len(FEATURES) + 1)


def connect(database: Any = ":memory:", **options: Any) -> edgeonnx.sql.Connection:
    """`edgeonnx.sql.connect`, where the extension is there."""
    try:
        edgeonnx.duckdb.extension_path()
    except eo.FileError as error:
        lacking(str(error))
    return edgeonnx.sql.connect(database, **options)


def tutorial(database: Any = ":memory:", **options: Any) -> edgeonnx.sql.Connection:
    """A connection to tables models (1: the tutorial's, 2: a classifier), features and target."""
    connection = connect(database, **options)
    connection.execute(
        "CREATE TABLE models ([id] [int] IDENTITY(1,1) NOT NULL, [data] [varbinary](max) NULL, [description] varchar(1000))\n"
        "INSERT INTO models (data, description) VALUES (?, 'diabetes')\n"
        "INSERT INTO models ([data], [description]) VALUES (?, 'logit')",
        [MODEL, trained_linear.LINEAR["logistic-3-zipmap"]().model],
    )
    connection.execute(_tutorial.features_script(FEATURES))
    connection.execute("CREATE TABLE target (progress float, id int)")
    connection.executemany("INSERT INTO target VALUES (?, ?)", list(zip(TARGET.tolist(), IDS.tolist(), strict=True)))
    return connection
