"""Outputs of the SQLite extension: how they are named, and reals in JSON."""

from __future__ import annotations

import json
from typing import Any

import apsw
import numpy as np
import pytest

import models
from sqlite_support import db, load, rows

__all__ = ["db"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_real_in_json_is_the_real_that_its_position_gives(db: Any, dtype: str) -> None:
    load(db, "pair", models.identity(dtype, ("N", 2)))
    generator = np.random.default_rng(7)
    values = [
        0.1,
        1.0,
        100.0,
        1e15,
        123456789.5,
        1e16,
        1e30,
        2.5e-30,
        -0.5,
        0.0,
        *(generator.normal(size=500) * 10.0 ** generator.integers(-20, 20, 500)),
    ]
    db.execute("CREATE TABLE v(id INTEGER PRIMARY KEY, x REAL)")
    db.executemany("INSERT INTO v(x) VALUES(?)", [(float(x),) for x in values])
    wanted = [float(np.dtype(dtype).type(x)) for x in values]
    query = "SELECT id, x AS a, x AS b FROM v"
    assert [row[0] for row in rows(db, "SELECT value FROM edgeonnx_score('pair.y[1]', ?)", query)] == wanted
    texts = [row[0] for row in rows(db, "SELECT value FROM edgeonnx_score('pair', ?)", query)]
    assert [json.loads(text)[1] for text in texts] == wanted
    assert all(isinstance(json.loads(text)[1], float) for text in texts)
    assert rows(db, "SELECT DISTINCT typeof(value ->> 1) FROM edgeonnx_score('pair', ?)", query) == [("real",)]
    digits = [text[1:].split(",")[0] for text in texts]
    assert digits[:3] == ["0.1" if dtype == "float64" else "0.10000000149011612", "1.0", "100.0"]
    assert [len(text.strip("-")) <= 22 for text in digits] == [True] * len(digits)


def test_output_is_found_whatever_its_case_where_one_has_the_name(db: Any) -> None:
    load(db, "m", models.identity("float32", ("N", 2), output="Scores"))
    assert rows(db, "SELECT edgeonnx_predict('m.scores[1]', 1, 2), edgeonnx_predict('m.SCORES', 1, 2)") == [(2.0, "[1.0,2.0]")]
    assert rows(db, "SELECT outputs FROM edgeonnx_score('m.sCORES', 'SELECT 0, 1, 2')") == [('{"Scores":[1.0,2.0]}',)]
    db.execute("CREATE VIRTUAL TABLE temp.v USING edgeonnx('m.scores[0]', 'SELECT 0 AS k, 1 AS a, 2 AS b')")
    assert rows(db, "SELECT Scores FROM v") == [(1.0,)]


def test_output_whose_name_two_have_but_for_case_is_taken_exactly(db: Any) -> None:
    make, tensor, kind = models.helper.make_node, models.tensor, models.TensorProto.FLOAT
    nodes = [make("Identity", ["x"], ["y"]), make("Neg", ["x"], ["Y"])]
    load(db, "m", models.graph(nodes, [tensor("x", kind, ("N", 1))], [tensor(name, kind, ("N", 1)) for name in "yY"]))
    assert rows(db, "SELECT edgeonnx_predict('m.y', 1), edgeonnx_predict('m.Y', 1)") == [(1.0, -1.0)]
    load(
        db,
        "m",
        models.graph(
            [make("Identity", ["x"], ["ab"]), make("Neg", ["x"], ["AB"])],
            [tensor("x", kind, ("N", 1))],
            [tensor(name, kind, ("N", 1)) for name in ("ab", "AB")],
        ),
    )
    with pytest.raises(apsw.Error, match="the model 'm' has no output 'Ab'; its outputs are 'ab', 'AB'"):
        rows(db, "SELECT edgeonnx_predict('m.Ab', 1)")
