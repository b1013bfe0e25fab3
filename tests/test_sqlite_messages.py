"""Errors of the SQLite extension: the model they are about, and the way out as SQL has it."""

from __future__ import annotations

from typing import Any

import apsw
import pytest

import edgeonnx as eo
import models
from face_sqlite import connect
from sqlite_support import db, load, rows

__all__ = ["db"]


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        (
            "SELECT edgeonnx_predict('affine', 1, NULL, 2)",
            ["NULL_VALUE: model 'affine': column 'b' is NULL", "(in SQL: edgeonnx_load's third argument, as in 'nulls=propagate')"],
        ),
        (
            "SELECT edgeonnx_predict('short', 40000)",
            ["OVERFLOW: model 'short': ", "40000 at column 'x'", "(in SQL: edgeonnx_load's third argument, 'on_overflow=null')"],
        ),
        (
            "SELECT * FROM edgeonnx_score('affine', 'SELECT 1 AS a, 2 AS b_, 3 AS c')",
            ["NOT_FOUND: model 'affine': input 'b'", "(in SQL: SELECT column AS input)"],
        ),
        (
            "SELECT * FROM edgeonnx_score('pair', 'SELECT 1 AS k, 2 AS l')",
            ["model 'pair': ", "(in SQL: a model of one such input takes the query's columns of numbers behind the first"],
        ),
        (
            "SELECT edgeonnx_predict('strict', 1.0)",
            ["model 'strict': ", "(SQLite has bigint and float alone", "is to be loaded without this coercion)"],
        ),
        ("SELECT edgeonnx_predict('affine[0]', 1, 2, 3)", ["no model 'affine[0]'; of an output, one value is 'affine.total[0]'"]),
        ("SELECT edgeonnx_predict('affin[0]', 1, 2, 3)", ["NOT_FOUND: there is no model 'affin[0]'; loaded are 'affine'"]),
        ("CREATE VIRTUAL TABLE temp.v USING edgeonnx('affine', 'SELECT 1 AS a, 2 AS b')", ["NOT_FOUND: model 'affine': input 'c' real"]),
    ],
)
def test_mistake_is_told_in_the_words_of_sql(db: Any, sql: str, words: list[str]) -> None:
    load(db, "affine", models.affine(("a", "b", "c")))
    load(db, "short", models.identity("int16"))
    load(db, "pair", models.identity("float32", ("N", 2)))
    load(db, "strict", models.identity("float32"), "coercion=strict")
    with pytest.raises(apsw.Error) as caught:
        rows(db, sql)
    for word in words:
        assert word in str(caught.value)


def test_hint_stands_once_where_a_query_scores(db: Any) -> None:
    load(db, "m", models.identity("float32"))
    with pytest.raises(apsw.Error) as caught:
        rows(db, "SELECT * FROM edgeonnx_score('m', 'SELECT value AS x FROM edgeonnx_score(''m'', ''SELECT NULL AS x'')')")
    assert str(caught.value).count("third argument") == 1


def test_extension_may_be_loaded_again_and_by_a_statement(db: Any) -> None:
    load(db, "m", models.identity("float32"))
    for _ in range(2):
        assert rows(db, "SELECT load_extension(?)", eo.sqlite_extension()) == [(None,)]
    assert rows(db, "SELECT edgeonnx_predict('m', 4), value FROM edgeonnx_score('m', 'SELECT 5 AS x')") == [(4.0, 5.0)]
    connection = connect()
    assert rows(connection, "SELECT edgeonnx_predict('m', 4)") == [(4.0,)]
    connection.close()
