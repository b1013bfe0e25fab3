"""What tests of PostgreSQL ask of a session, and small models for it."""

from __future__ import annotations

from typing import Any

import numpy as np
import psycopg
from onnx import TensorProto, helper, numpy_helper

import models

Connection = psycopg.Connection[Any]


def load(db: Connection, name: str, model: bytes, version: str = "1", settings: str = "") -> None:
    db.execute("SELECT edgeonnx.load_model(%s, %s, %s, %s)", [name, version, model, settings])


def value(db: Connection, query: str, *parameters: Any) -> Any:
    (row,) = db.execute(query, parameters).fetchall()
    return row[0]


def scaled(factor: float) -> bytes:
    """Multiplies its one real input."""
    graph = helper.make_graph(
        [helper.make_node("Mul", ["x", "factor"], ["y"])],
        "scaled",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 1])],
        [numpy_helper.from_array(np.array([[factor]], np.float32), "factor")],
    )
    return model_of(graph)


def model_of(graph: Any) -> bytes:
    opsets = [helper.make_opsetid("", models.OPSET)]
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=models.IR_VERSION).SerializeToString())
