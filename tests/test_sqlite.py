"""The SQLite extension: what is SQLite's own. What every face has in common is asked by test_conformance.py."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import threading
import time
from typing import Any

import apsw
import numpy as np
import pytest

import edgeonnx as eo
import models
import trained_linear
from edgeonnx import _core, _runtime
from face_sqlite import can_load_extensions, connect
from sqlite_support import db, load, rows

__all__ = ["db"]

AFFINE = models.affine(("a", "b", "c"))


def fill(db: Any, n_rows: int = 1000) -> None:
    """Table t: id, a integer, b real, c mixed, note text."""
    db.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, a INTEGER, b REAL, c, note TEXT)")
    with db:
        db.executemany("INSERT INTO t VALUES(NULL, ?, ?, ?, ?)", [(i, i / 2, i if i % 2 else i + 0.5, f"n{i}") for i in range(n_rows)])


def affine(a: Any, b: Any, c: Any) -> Any:
    feed = {name: np.float32(values).reshape(-1, 1) for name, values in (("a", a), ("b", b), ("c", c))}
    return next(iter(models.run(AFFINE, feed).values())).tolist()


def expected(n_rows: int = 1000) -> list[float]:
    index = np.arange(n_rows)
    return affine(index, index / 2, np.where(index % 2, index, index + 0.5))


# --------------------------------------------------------------------------------------------------------------------------- load


def test_load_from_file_or_blob_and_list(db: Any, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(AFFINE)
    assert rows(db, "SELECT edgeonnx_load('file', ?), edgeonnx_load('blob', ?, 'nulls=nan')", str(path), AFFINE) == [("file", "blob")]
    listed = rows(db, "SELECT name, settings, n_bytes, length(digest) FROM edgeonnx_models ORDER BY name")
    assert listed == [("blob", "nulls=nan", len(AFFINE), 64), ("file", "", len(AFFINE), 64)]
    assert rows(db, "SELECT edgeonnx_drop('file')") == [(1,)]
    ports = rows(db, "SELECT kind, position, name, sql_type, onnx_type, width FROM edgeonnx_ports('blob')")
    assert ports[0] == ("input", 0, "a", "real", "tensor(float)", 1)
    assert ports[-1] == ("output", 0, "total", "real", "tensor(float)", 1)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT edgeonnx_load('m', '/nowhere/m.onnx')", "IO: the model file '/nowhere/m.onnx' can't be read: No such file"),
        ("SELECT edgeonnx_load('m', '/')", "IO: the model file '/' can't be read: Is a directory"),
        ("SELECT edgeonnx_load('m', 5)", "INVALID_ARGUMENT: edgeonnx_load: the model 'm' must be a BLOB"),
        ("SELECT edgeonnx_load(NULL, x'00')", "INVALID_ARGUMENT: edgeonnx_load: the model's name is NULL"),
        ("SELECT edgeonnx_load('m')", "INVALID_ARGUMENT: edgeonnx_load takes a name"),
        ("SELECT edgeonnx_load('m', x'')", "INVALID_MODEL: "),
        ("SELECT edgeonnx_load('m', NULL)", "the model 'm' is NULL, as readfile('x.onnx') is without that file"),
        ("SELECT edgeonnx_load('m', x'00', 'zeros=1')", "INVALID_ARGUMENT: there is no setting 'zeros'"),
        ("SELECT edgeonnx_drop('nobody')", "NOT_FOUND: there is no model 'nobody'; loaded are 'affine'"),
        ("SELECT edgeonnx_drop(NULL)", "INVALID_ARGUMENT: edgeonnx_drop"),
        ("SELECT edgeonnx_predict()", "INVALID_ARGUMENT: edgeonnx_predict takes a model's name"),
        ("SELECT edgeonnx_predict('affine', 1)", "SHAPE_MISMATCH: model 'affine': the data have 1 values a row, the model takes 3"),
        (
            "SELECT edgeonnx_predict('affine', 1, 'two', 3)",
            "TYPE_MISMATCH: model 'affine': column 'b': expected a number, the value is the text 'two'",
        ),
        ("SELECT edgeonnx_predict('affine', 1, 2, x'beef')", "column 'c': expected a number, the value is a BLOB of 2 bytes"),
        ("SELECT edgeonnx_predict('affine', 1, NULL, 3)", "NULL_VALUE: model 'affine': column 'b' is NULL"),
        ("SELECT edgeonnx_predict('affine.nix', 1, 2, 3)", "NOT_FOUND: the model 'affine' has no output 'nix'; its outputs are 'total'"),
        (
            "SELECT edgeonnx_predict('affine.total[1]', 1, 2, 3)",
            "INVALID_ARGUMENT: model 'affine.total[1]': total[1]: the output has 1 values a row",
        ),
        ("SELECT * FROM edgeonnx_score", "INVALID_ARGUMENT: edgeonnx_score takes a model, a query and the values"),
        ("SELECT * FROM edgeonnx_score('affine')", "INVALID_ARGUMENT: edgeonnx_score takes a model, a query and the values"),
        ("SELECT * FROM edgeonnx_score('affine', NULL)", "INVALID_ARGUMENT: the query is NULL"),
        ("SELECT * FROM edgeonnx_score(NULL, 'SELECT 1')", "INVALID_ARGUMENT: the model's name is NULL"),
        ("SELECT * FROM edgeonnx_score('affine', '')", "must be one statement that gives rows and changes nothing"),
        ("SELECT * FROM edgeonnx_score('affine', 'DELETE FROM t')", "must be one statement that gives rows and changes nothing"),
        (
            "SELECT * FROM edgeonnx_score('affine', 'DELETE FROM t RETURNING *')",
            "must be one statement that gives rows and changes nothing",
        ),
        ("SELECT * FROM edgeonnx_score('affine', 'SELECT 1; SELECT 2')", "must be one statement that gives rows and changes nothing"),
        ("SELECT * FROM edgeonnx_score('affine', 'SELECT 1) --')", "the query: "),
        (
            "SELECT * FROM edgeonnx_score('affine', 'SELECT * FROM t WHERE a > ?')",
            "the query has 1 parameters, and 0 values come for them behind it: SELECT * FROM t WHERE a > ?",
        ),
        ("SELECT * FROM edgeonnx_score('affine', 'SELECT * FROM nix')", "INVALID_ARGUMENT: the query: no such table: nix"),
        (
            "SELECT * FROM edgeonnx_score('affine', 'SELECT a, b FROM t')",
            "NOT_FOUND: model 'affine': input 'c' real: there is no column of that name",
        ),
        ("SELECT * FROM edgeonnx_score('affine', 'SELECT a, b, note AS c FROM t')", "TYPE_MISMATCH: model 'affine': row 0, column 'c'"),
        (
            "SELECT * FROM edgeonnx_score('affine', 'SELECT a, b, nullif(c, 501) AS c FROM t')",
            "NULL_VALUE: model 'affine': row 501 of column 'c' is NULL",
        ),
        (
            "SELECT * FROM edgeonnx_score('affine', 'SELECT a, b, abs(a) / (a < 700) AS c, json(note) FROM t')",
            "NULL_VALUE: model 'affine': row 700",
        ),
        ("SELECT * FROM edgeonnx_score('affine', 'SELECT a, b, json(note) AS c FROM t')", "malformed JSON"),
        ("SELECT * FROM edgeonnx_ports", "INVALID_ARGUMENT: edgeonnx_ports takes a model"),
        ("SELECT * FROM edgeonnx_ports('nobody')", "NOT_FOUND: there is no model 'nobody'"),
        ("SELECT edgeonnx_gather(1, 2)", "edgeonnx_gather is for edgeonnx_score's own use"),
        (
            "CREATE VIRTUAL TABLE temp.s USING edgeonnx('affine')",
            "INVALID_ARGUMENT: CREATE VIRTUAL TABLE temp.s USING edgeonnx('model', 'query')",
        ),
        ("CREATE VIRTUAL TABLE temp.s USING edgeonnx('nobody', 'SELECT 1')", "NOT_FOUND: there is no model 'nobody'"),
        ("CREATE VIRTUAL TABLE temp.s USING edgeonnx('affine', 'DELETE FROM t')", "must be one statement that gives rows"),
        (
            "CREATE VIRTUAL TABLE s USING edgeonnx('affine', 'SELECT * FROM t')",
            "lives no longer than the models: CREATE VIRTUAL TABLE temp.s",
        ),
        ("CREATE VIRTUAL TABLE temp.s USING edgeonnx('affine', 'SELECT a, b, c, 1 AS total FROM t')", "name them apart with AS"),
    ],
)
def test_mistake_is_named_with_the_way_out(db: Any, sql: str, message: str) -> None:
    load(db, "affine", AFFINE)
    fill(db)
    with pytest.raises(apsw.Error) as caught:
        rows(db, sql)
    assert message in str(caught.value)
    assert rows(db, "SELECT count(*) FROM t") == [(1000,)]


# ------------------------------------------------------------------------------------------------------------------------- values


def test_outputs_are_chosen_by_name_and_position(db: Any) -> None:
    wide = models.identity("float32", ("N", 3))
    load(db, "wide.model", wide)
    assert rows(db, "SELECT edgeonnx_predict('wide.model', 1, 2.5, 1e30)") == [("[1.0,2.5,1.0000000150474662e+30]",)]
    assert rows(db, "SELECT edgeonnx_predict('wide.model.y[1]', 1, 2.5, 3), edgeonnx_predict('wide.model.y', 1, 2, 3) ->> 2") == [
        (2.5, 3.0)
    ]
    assert rows(db, "SELECT json_array(edgeonnx_predict('wide.model', 1, 2, 3))") == [("[[1.0,2.0,3.0]]",)]
    assert rows(db, "SELECT value FROM edgeonnx_score('wide.model.y[2]', 'SELECT 7, 1, 2, 9')") == [(9.0,)]


def test_infinity_nan_and_null_are_json(db: Any) -> None:
    load(db, "wide", models.identity("float32", ("N", 2)), "nulls=nan")
    assert rows(db, "SELECT outputs FROM edgeonnx_score('wide', 'SELECT 0, 9e999, NULL')") == [('{"y":[9e999,null]}',)]
    load(db, "wide", models.identity("float32", ("N", 2)), "nulls=propagate")
    assert rows(db, "SELECT value, outputs FROM edgeonnx_score('wide', 'SELECT 0, 1, NULL')") == [(None, '{"y":null}')]
    assert rows(db, "SELECT edgeonnx_predict('wide', 1, NULL)") == [(None,)]


def test_model_of_several_outputs_names_them(db: Any) -> None:
    case = trained_linear.LINEAR["logistic-3-zipmap"]()
    load(db, "logit", case.model)
    values = ", ".join(["0.5"] * case.feed(1)["X"].shape[1])
    with pytest.raises(apsw.Error, match=r"several outputs; name one of 'logit\.output_label', 'logit\.output_probability_0'"):
        rows(db, f"SELECT edgeonnx_predict('logit', {values})")
    ((label, p0),) = rows(
        db, f"SELECT edgeonnx_predict('logit.output_label', {values}), edgeonnx_predict('logit.output_probability_0', {values})"
    )
    ((value, outputs),) = rows(db, f"SELECT value, outputs FROM edgeonnx_score('logit', 'SELECT 1, {values}')")
    assert value == label == json.loads(outputs)["output_label"]
    assert json.loads(outputs)["output_probability_0"] == pytest.approx(p0, rel=1e-8)


@pytest.mark.parametrize("dtype", ["int64", "float64", "float32"])
def test_integers_stay_exact_where_the_column_is_integer(db: Any, dtype: str) -> None:
    load(db, "same", models.identity(dtype))
    big = 2**53 + 1
    ((value,),) = rows(db, f"SELECT edgeonnx_predict('same', {big})")
    assert value == (big if dtype == "int64" else float(np.array(big, dtype)))
    assert isinstance(value, int if dtype == "int64" else float)
    scored = rows(db, f"SELECT value FROM edgeonnx_score('same', 'SELECT {big} AS x UNION ALL SELECT 7')")
    assert scored == [(value,), (7,)]


def test_mixed_column_goes_in_as_float(db: Any) -> None:
    """Also where a REAL comes long after the first INTEGERs, and NULLs before both."""
    load(db, "same", models.identity("float32"), "nulls=0")
    db.execute("CREATE TABLE mixed(x)")
    values = [None, 1, 2, 3] * 200 + [0.5, None, 7]
    with db:
        db.executemany("INSERT INTO mixed VALUES(?)", [(v,) for v in values])
    wanted = [(0.0 if v is None else float(v),) for v in values]
    assert rows(db, "SELECT value FROM edgeonnx_score('same', 'SELECT x FROM mixed')") == wanted
    assert rows(db, "SELECT edgeonnx_predict('same', x) FROM mixed") == wanted


def test_strict_coercion_decides_by_what_the_values_are(db: Any) -> None:
    load(db, "whole", models.identity("int64"), "coercion=strict")
    assert rows(db, "SELECT edgeonnx_predict('whole', 5)") == [(5,)]
    with pytest.raises(apsw.Error, match="TYPE_MISMATCH: model 'whole': input 'x': expected bigint, column 'x' is float"):
        rows(db, "SELECT edgeonnx_predict('whole', 5.0)")
    assert rows(db, "SELECT edgeonnx_predict('whole', 6)") == [(6,)]


def test_text_columns_pass_by_unless_an_input_has_their_name(db: Any) -> None:
    load(db, "wide", models.identity("float32", ("N", 2)))
    assert rows(db, "SELECT key, value FROM edgeonnx_score('wide', 'SELECT ''k'', ''text'', 1, x''00'', 2')") == [("k", "[1.0,2.0]")]
    with pytest.raises(apsw.Error, match="row 1, column 'f': expected a number, the value is the text 'x'"):
        rows(db, "SELECT * FROM edgeonnx_score('wide', 'SELECT 0, 1 AS f, 2 AS g UNION ALL SELECT 0, ''x'', 2')")
    with pytest.raises(apsw.Error, match=r"SHAPE_MISMATCH|NOT_FOUND") as caught:
        rows(db, "SELECT * FROM edgeonnx_score('wide', 'SELECT 1 AS f, 2 AS g')")
    assert "The query's first column, 'f', is the key" in str(caught.value)


# ------------------------------------------------------------------------------------------------------------------------- tables


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM t",
        "SELECT * FROM t;",
        "SELECT * FROM t -- all",
        "SELECT * FROM t /* all",
        "WITH u AS (SELECT * FROM t) SELECT * FROM u",
        "SELECT * FROM t ORDER BY id",
    ],
)
def test_score_gives_row_key_value_and_outputs(db: Any, query: str) -> None:
    load(db, "affine", AFFINE)
    fill(db, 5000)
    scored = rows(db, "SELECT row, key, value, outputs, rowid FROM edgeonnx_score('affine', ?)", query)
    assert [row[0] for row in scored] == [row[4] for row in scored] == list(range(5000))
    assert [row[1] for row in scored] == list(range(1, 5001))
    assert [row[2] for row in scored] == expected(5000)
    assert json.loads(scored[77][3]) == {"total": scored[77][2]}


@pytest.mark.parametrize(
    "query", ["SELECT * FROM t ORDER BY c DESC", "SELECT * FROM t ORDER BY c DESC LIMIT 700 OFFSET 3", "SELECT DISTINCT * FROM t"]
)
def test_score_keeps_the_order_of_the_query(db: Any, query: str) -> None:
    load(db, "affine", AFFINE)
    fill(db, 3000)
    wanted = [row[0] for row in rows(db, query)]
    assert [row[0] for row in rows(db, "SELECT key FROM edgeonnx_score('affine', ?)", query)] == wanted


def test_score_of_queries_that_stand_in_no_other(db: Any) -> None:
    load(db, "same", models.identity("int64"))
    fill(db, 10)
    assert rows(db, "SELECT value FROM edgeonnx_score('same', 'SELECT cid AS x FROM pragma_table_info(''t'')')") == [(i,) for i in range(5)]
    load(db, "wide", models.identity("int64", ("N", 4)), "nulls=7")  # notnull, dflt_value, pk and hidden: what holds no text
    assert rows(db, "SELECT key, value FROM edgeonnx_score('wide', 'PRAGMA table_xinfo(t)') LIMIT 2") == [
        (0, "[0,7,1,0]"),
        (1, "[0,7,0,0]"),
    ]
    db.execute("CREATE TABLE q AS SELECT 5 AS x")
    union = "SELECT 4 AS x UNION ALL SELECT x FROM q"
    assert rows(db, f"SELECT value FROM edgeonnx_score('same', '{union}')") == [(4,), (5,)]
    load(db, "pair", models.identity("int64", ("N", 2)))
    assert rows(db, "SELECT value FROM edgeonnx_score('pair.y[1]', 'VALUES(1, 2, 3), (4, 5, 6)')") == [(3,), (6,)]


def test_score_joins_and_limits(db: Any) -> None:
    load(db, "affine", AFFINE)
    fill(db, 3000)
    sql = "SELECT t.note, s.value FROM t JOIN edgeonnx_score('affine', 'SELECT * FROM t') s ON s.key = t.id WHERE t.id > 2990"
    assert rows(db, sql) == [(f"n{i}", expected(3000)[i]) for i in range(2990, 3000)]
    per_row = "SELECT m.column1, sum(s.value) FROM (VALUES('affine')) m, edgeonnx_score(m.column1, 'SELECT * FROM t') s GROUP BY 1"
    assert rows(db, per_row) == [("affine", pytest.approx(sum(expected(3000))))]
    assert rows(db, "SELECT value FROM edgeonnx_score('affine', 'SELECT * FROM t') LIMIT 1") == [(expected(1)[0],)]
    assert rows(db, "SELECT count(*) FROM edgeonnx_score('affine', 'SELECT * FROM t WHERE 0')") == [(0,)]


def test_virtual_table_has_the_querys_columns_and_the_outputs(db: Any) -> None:
    load(db, "affine", AFFINE)
    fill(db)
    db.execute("CREATE VIRTUAL TABLE temp.scored USING edgeonnx('affine', 'SELECT id, note, a, b, c FROM t WHERE note <> ''n3''')")
    columns = [(row[1], row[2]) for row in rows(db, "PRAGMA table_info(scored)")]
    assert columns == [("id", "INTEGER"), ("note", "TEXT"), ("a", "INTEGER"), ("b", "REAL"), ("c", ""), ("total", "REAL")]
    wanted = [(i + 1, f"n{i}", i, i / 2, i if i % 2 else i + 0.5, value) for i, value in enumerate(expected()) if i != 3]
    assert rows(db, "SELECT * FROM scored") == wanted
    assert rows(db, "SELECT total FROM scored WHERE note = 'n7'") == [(expected()[7],)]
    db.execute("UPDATE t SET a = a + 1")
    assert rows(db, "SELECT a FROM scored LIMIT 1") == [(1,)]
    db.execute("CREATE TABLE kept AS SELECT * FROM scored")
    db.execute("DROP TABLE scored")


def test_virtual_table_tells_that_its_model_changed(db: Any) -> None:
    load(db, "m", AFFINE)
    fill(db)
    db.execute('CREATE VIRTUAL TABLE temp.scored USING edgeonnx(m, "SELECT * FROM t")')
    load(db, "m", models.identity("float32"))
    with pytest.raises(apsw.Error, match="INVALID_STATE: the model 'm' or the query has other columns"):
        rows(db, "SELECT * FROM scored")
    db.execute("SELECT edgeonnx_drop('m')")
    with pytest.raises(apsw.Error, match="NOT_FOUND: there is no model 'm'"):
        rows(db, "SELECT * FROM scored")


def test_schema_of_a_file_can_neither_load_nor_run_queries(db: Any) -> None:
    load(db, "affine", AFFINE)
    fill(db)
    db.execute("CREATE VIEW loads AS SELECT edgeonnx_load('x', '/etc/hostname')")
    db.execute("CREATE VIEW runs AS SELECT * FROM edgeonnx_score('affine', 'SELECT * FROM t')")
    db.execute("CREATE VIEW harmless AS SELECT edgeonnx_predict('affine', a, b, c) AS total FROM t")
    for view in ("loads", "runs"):
        with pytest.raises(apsw.Error, match="unsafe use"):
            rows(db, f"SELECT * FROM {view}")
    db.execute("PRAGMA trusted_schema = OFF")
    assert [row[0] for row in rows(db, "SELECT total FROM harmless")] == expected()
    with pytest.raises(apsw.Error, match="non-deterministic"):
        db.execute("CREATE INDEX i ON t(edgeonnx_predict('affine', a, b, c))")


# ------------------------------------------------------------------------------------------------------- statements and connections


def test_statement_keeps_its_model_and_the_next_sees_the_new_one(db: Any) -> None:
    load(db, "m", models.identity("float32"))
    fill(db, 10)
    running = db.execute("SELECT edgeonnx_predict('m', a) FROM t")
    assert next(running) == (0.0,)
    other = connect()
    load(other, "m", models.ten_divided_by())
    assert [row[0] for row in running] == [float(i) for i in range(1, 10)]
    assert rows(db, "SELECT edgeonnx_predict('m', 1)") == rows(other, "SELECT edgeonnx_predict('m', 1)") == [(10.0,)]
    other.execute("SELECT edgeonnx_drop('m')")
    with pytest.raises(apsw.Error, match="NOT_FOUND"):
        rows(db, "SELECT edgeonnx_predict('m', 1)")
    other.close()


def test_nested_calls_and_many_models_in_one_statement(db: Any) -> None:
    load(db, "m", models.identity("float32"))
    assert rows(db, "SELECT edgeonnx_predict('m', edgeonnx_predict('m', edgeonnx_predict('m', 3)))") == [(3.0,)]
    for i in range(40):
        load(db, f"m{i}", models.identity("float32"))
    numbers = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 399) SELECT i"
    assert rows(db, f"{numbers}, edgeonnx_predict('m' || (i % 40), i) FROM n") == [(i, float(i)) for i in range(400)]


def test_query_that_scores_can_stand_in_one_that_scores(db: Any) -> None:
    load(db, "m", models.identity("float32"))
    inner = "SELECT value AS x FROM edgeonnx_score(''m'', ''SELECT 4 AS x'')"
    assert rows(db, f"SELECT value FROM edgeonnx_score('m', '{inner}')") == [(4.0,)]


def test_threads_and_connections_share_models(tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "data.db")
    first = connect(path)
    first.execute("PRAGMA journal_mode = wal")
    fill(first, 2000)
    load(first, "shared", AFFINE)
    wanted, failures = expected(2000), []

    def work(number: int) -> None:
        try:
            connection = connect(path)
            for round_number in range(8):
                load(connection, f"own{number}", AFFINE)
                load(connection, "shared", AFFINE)  # replaced while others use it
                sql = "SELECT value FROM edgeonnx_score('shared', 'SELECT * FROM t')"
                if round_number % 2:
                    sql = f"SELECT edgeonnx_predict('own{number}', a, b, c) FROM t"
                assert [row[0] for row in connection.execute(sql)] == wanted
            connection.execute("SELECT edgeonnx_drop(?)", (f"own{number}",))
            connection.close()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    first.execute("SELECT edgeonnx_drop('shared')")
    first.close()


def test_interrupt_ends_a_score_and_the_next_works(db: Any) -> None:
    load(db, "m", models.identity("float32"))
    numbers = "WITH RECURSIVE n(x) AS (SELECT 0 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n"
    timer = threading.Timer(0.2, db.interrupt)
    timer.start()
    began = time.perf_counter()
    with pytest.raises(apsw.InterruptError, match=r"CANCELLED|interrupted"):  # the scorer notices it, or SQLite between two batches
        rows(db, f"SELECT count(*) FROM edgeonnx_score('m', '{numbers}')")
    assert time.perf_counter() - began < 5
    timer.join()
    assert rows(db, "SELECT value FROM edgeonnx_score('m', 'SELECT 4 AS x')") == [(4.0,)]


def test_interrupt_is_heard_within_a_batch(db: Any) -> None:
    """The rows are one batch and read at once; nearly all of the time goes into scoring them."""
    n, n_layers = 256, 600
    nodes = []
    for i in range(n_layers):
        nodes.append(models.helper.make_node("MatMul", [f"h{i}" if i else "x", "weights"], [f"m{i}"]))
        nodes.append(models.helper.make_node("Sin", [f"m{i}"], [f"h{i + 1}" if i < n_layers - 1 else "y"]))
    ports = [models.tensor(name, models.TensorProto.FLOAT, ("N", n)) for name in "xy"]
    weights = models.constant("weights", np.random.default_rng(0).normal(size=(n, n)) / n)
    load(db, "slow", models.graph(nodes, ports[:1], ports[1:], [weights]))
    columns = ", ".join(f"x + {i} AS c{i}" for i in range(n))
    numbers = f"WITH RECURSIVE n(x) AS (SELECT 0.5 UNION ALL SELECT x + 1 FROM n LIMIT 255) SELECT x AS k, {columns} FROM n"
    sql = f"SELECT count(*) FROM edgeonnx_score('slow', '{numbers}')"
    began = time.perf_counter()
    rows(db, sql)
    whole = time.perf_counter() - began
    timer = threading.Timer(whole / 5, db.interrupt)
    timer.start()
    began = time.perf_counter()
    with pytest.raises(apsw.InterruptError, match="CANCELLED"):
        rows(db, sql)
    assert time.perf_counter() - began < 0.8 * whole
    timer.join()


def test_memory_stays_flat(db: Any) -> None:
    psutil = pytest.importorskip("psutil")
    load(db, "affine", AFFINE)
    fill(db, 2000)

    def some() -> None:
        for _ in range(20):
            rows(db, "SELECT sum(value), max(outputs) FROM edgeonnx_score('affine', 'SELECT note AS k, * FROM t')")
            rows(db, "SELECT sum(edgeonnx_predict('affine', a, b, c)) FROM t")
            db.execute("CREATE VIRTUAL TABLE temp.s USING edgeonnx('affine', 'SELECT note AS k, * FROM t')")
            rows(db, "SELECT * FROM s LIMIT 300")
            with pytest.raises(apsw.Error):
                rows(db, "SELECT max(key) FROM edgeonnx_score('affine', 'SELECT note AS k, a, b, nullif(c, 1501) AS c FROM t')")
            db.execute("DROP TABLE s")

    some()
    process = psutil.Process()
    before = process.memory_info().rss
    objects, held = _core.live_objects(), rows(db, "PRAGMA page_count")
    for _ in range(5):
        some()
    assert _core.live_objects() == objects
    assert rows(db, "PRAGMA page_count") == held
    assert process.memory_info().rss - before < 8 << 20


# -------------------------------------------------------------------------------------------------------------------------- hosts

#: Loads a model, scores a table by it both ways, prints what came out; `sqlite3` is the host's own module.
HOST = """
import sqlite3, sys
extension, model = sys.argv[1:]
db = sqlite3.connect(":memory:")
db.enable_load_extension(True)
db.load_extension(extension)
db.execute("SELECT edgeonnx_load('m', ?)", (model,))
db.execute("CREATE TABLE t(a, b, c)")
db.executemany("INSERT INTO t VALUES(?, ?, ?)", [(i, i / 2, 1) for i in range(1000)])
print(db.execute("SELECT count(*), sum(value) FROM edgeonnx_score('m', 'SELECT * FROM t')").fetchone())
print(db.execute("SELECT count(*), sum(edgeonnx_predict('m', a, b, c)) FROM t").fetchone())
try:
    db.execute("SELECT edgeonnx_predict('m', 'x', 1, 2)").fetchone()
except sqlite3.OperationalError as error:
    print(error)
"""


def environment() -> dict[str, str]:
    """For hosts that do not know where the onnxruntime of this Python is."""
    return {**os.environ, "EDGEONNX_ORT_LIBRARY": _runtime.library_path()}


@pytest.fixture
def affine_file(tmp_path: pathlib.Path) -> str:
    path = tmp_path / "affine.onnx"
    path.write_bytes(AFFINE)
    return str(path)


def pythons() -> list[str]:
    """Interpreters whose sqlite3 loads extensions."""
    found = [sys.executable] if can_load_extensions() else []
    debian = "/usr/bin/python3"
    probe = "import sqlite3; sqlite3.Connection.enable_load_extension"
    if os.path.exists(debian) and subprocess.run([debian, "-c", probe], capture_output=True, check=False).returncode == 0:
        found.append(debian)
    return found


def test_host_python_sqlite3(affine_file: str) -> None:
    hosts = pythons()
    if not hosts:
        pytest.skip("no Python here has a sqlite3 that loads extensions")
    total = sum(affine(np.arange(1000), np.arange(1000) / 2, np.ones(1000)))
    for python in hosts:
        output = subprocess.run(
            [python, "-c", HOST, eo.sqlite_extension(), affine_file], env=environment(), capture_output=True, text=True, check=True
        )
        scored, predicted, refusal = output.stdout.splitlines()
        assert scored == predicted == f"(1000, {total})"
        assert refusal.startswith("TYPE_MISMATCH: model 'm': column 'a': expected a number")


@pytest.mark.skipif(shutil.which("sqlite3") is None, reason="needs the sqlite3 command")
def test_host_command_line(affine_file: str) -> None:
    script = f"""
.load {eo.sqlite_extension()}
SELECT edgeonnx_load('m', readfile('{affine_file}'));
CREATE TABLE t AS SELECT value AS a, value / 2.0 AS b, 1 AS c FROM generate_series(0, 999);
SELECT count(*), sum(value) FROM edgeonnx_score('m', 'SELECT * FROM t');
"""
    output = subprocess.run(["sqlite3"], input=script, env=environment(), capture_output=True, text=True, check=True)
    total = sum(affine(np.arange(1000), np.arange(1000) / 2, np.ones(1000)))
    assert output.stdout.splitlines() == ["m", f"1000|{total}"]
    assert output.stderr == ""


@pytest.mark.skipif(not can_load_extensions(), reason="this Python's sqlite3 loads no extensions")
def test_second_sqlite_of_a_process_is_refused() -> None:
    import sqlite3

    connect().close()
    with contextlib.closing(sqlite3.connect(":memory:")) as other:
        other.enable_load_extension(True)
        with pytest.raises(sqlite3.OperationalError, match="already loaded by another SQLite library of this process"):
            other.load_extension(eo.sqlite_extension())


def test_child_of_fork_loads_its_own_models() -> None:
    code = f"""
import os, apsw, sys
sys.path.insert(0, {str(pathlib.Path(__file__).parent)!r})
import models
from face_sqlite import connect
db = connect()
db.execute("SELECT edgeonnx_load('m', ?)", (models.identity(),))
if os.fork() == 0:
    child = connect()
    assert list(child.execute("SELECT * FROM edgeonnx_models")) == []
    child.execute("SELECT edgeonnx_load('m', ?)", (models.ten_divided_by(),))
    assert list(child.execute("SELECT edgeonnx_predict('m', 1)")) == [(10.0,)]
    os._exit(0)
assert os.waitstatus_to_exitcode(os.wait()[1]) == 0
assert list(db.execute("SELECT edgeonnx_predict('m', 1)")) == [(1.0,)]
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=120)


def test_extension_missing_from_the_build_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setattr(_runtime, "_PACKAGE", tmp_path)
    with pytest.raises(eo.Unsupported, match=r"no SQLite extension at .*libsqlite3-dev.*: pip install .* \. in a clone"):
        eo.sqlite_extension()
