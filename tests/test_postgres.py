"""What is PostgreSQL's own: transactions, roles, cancelling, sessions, types. Scores as such are compared in test_conformance.py."""

from __future__ import annotations

import itertools
import os
import signal
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import psycopg
import pytest
from onnx import TensorProto, helper, numpy_helper
from psycopg import errors

import models
import trained_trees
from postgres_calls import Connection, load, model_of, scaled, value
from postgres_server import Server


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture(scope="module")
def extension(server: Server) -> None:
    with server.connect() as connection:
        connection.execute("CREATE EXTENSION edgeonnx")
        connection.execute("CREATE TABLE numbers AS SELECT i AS id, i / 4.0::float8 AS x FROM generate_series(1, 30000) AS i")


@pytest.fixture
def db(server: Server, extension: None) -> Iterator[Connection]:
    with server.connect() as connection:
        yield connection


def slow(n_layers: int = 300, width: int = 512) -> bytes:
    """Many products of matrices for one number: milliseconds a row."""
    nodes = [helper.make_node("MatMul", ["x", "first"], ["h0"])]
    for i in range(n_layers):
        nodes.append(helper.make_node("MatMul", [f"h{i}", "weights"], [f"p{i}"]))
        nodes.append(helper.make_node("Sin", [f"p{i}"], [f"h{i + 1}"]))
    nodes.append(helper.make_node("MatMul", [f"h{n_layers}", "last"], ["y"]))
    rng = np.random.default_rng(1)
    weights = {"first": (1, width), "weights": (width, width), "last": (width, 1)}
    graph = helper.make_graph(
        nodes,
        "slow",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 1])],
        [numpy_helper.from_array(rng.normal(0, 0.1, shape).astype(np.float32), name) for name, shape in weights.items()],
    )
    return model_of(graph)


SLOW_QUERY = "SELECT count(*) FROM edgeonnx.predict_rows('slow', 'SELECT x FROM numbers') AS p(y real)"


# -------------------------------------------------------------------------------------------------------------------- the extension


def test_extension_can_be_dropped_and_made_again(server: Server, extension: None) -> None:
    with server.connect() as db:
        db.execute("CREATE DATABASE other")
    with server.connect(dbname="other") as db:
        for _ in range(2):
            db.execute("CREATE EXTENSION edgeonnx")
            load(db, "scaled", scaled(2))
            assert value(db, "SELECT edgeonnx.predict('scaled', 4::real)") == 8
            db.execute("DROP EXTENSION edgeonnx")
            assert value(db, "SELECT count(*) FROM pg_class WHERE relnamespace = 'edgeonnx'::regnamespace") == 0
    with server.connect() as db:
        db.execute("DROP DATABASE other")


def test_models_are_dumped_with_the_database(server: Server, db: Connection) -> None:
    load(db, "dumped", scaled(2), settings="nulls=propagate")
    dump = server.dump("--table=edgeonnx.models", "--extension=edgeonnx", "postgres")
    assert "COPY edgeonnx.models" in dump
    assert "\ndumped\t1\t" in dump


def test_model_info_and_ports_tell_what_there_is(db: Connection) -> None:
    case = trained_trees.BARE["forest-2"]()
    load(db, "forest", case.model, settings="nulls=nan")
    info = db.execute("SELECT version, n_bytes, settings, length(sha256) FROM edgeonnx.model_info WHERE name = 'forest'").fetchall()
    assert info == [("1", len(case.model), "nulls=nan", 64)]
    ports = db.execute("SELECT kind, position, name, type, width FROM edgeonnx.ports('forest')").fetchall()
    assert ports[0][:3] == ("input", 1, "X")
    assert [port[3:] for port in ports if port[0] == "output"] == [("bigint", 1), ("real[]", 2)]


# -------------------------------------------------------------------------------------------------------------- the table is the truth


def test_replaced_model_is_seen_by_the_next_statement_of_every_session(server: Server, db: Connection) -> None:
    with server.connect() as other:
        for factor in (2, 3, 4):
            load(db, "changing", scaled(factor))
            assert value(other, "SELECT edgeonnx.predict('changing', 1::real)") == factor
            assert value(db, "SELECT y FROM edgeonnx.predict_rows('changing', 'SELECT 1::real AS x') AS p(y real)") == factor
        db.execute("UPDATE edgeonnx.models SET settings = 'nulls=-7' WHERE name = 'changing'")
        assert value(other, "SELECT edgeonnx.predict('changing', NULL::real)") == -28
        db.execute("SELECT edgeonnx.drop_model('changing')")
        with pytest.raises(errors.UndefinedObject):
            other.execute("SELECT edgeonnx.predict('changing', 1::real)")
        with pytest.raises(errors.UndefinedObject):
            db.execute("SELECT edgeonnx.drop_model('changing')")


def test_replaced_bytes_do_not_stay_loaded(db: Connection) -> None:
    load(db, "nightly", scaled(1))
    before = value(db, "SELECT edgeonnx.live_objects()")
    for factor in range(2, 8):
        load(db, "nightly", scaled(factor))
        assert value(db, "SELECT edgeonnx.predict('nightly', 1::real)") == factor
    assert value(db, "SELECT edgeonnx.live_objects()") == before


def test_model_of_a_transaction_is_its_own_until_it_commits(server: Server, db: Connection) -> None:
    load(db, "private", scaled(2))
    with server.connect() as other:
        with db.transaction(force_rollback=True):
            load(db, "private", scaled(9))
            assert value(db, "SELECT edgeonnx.predict('private', 1::real)") == 9
            assert value(other, "SELECT edgeonnx.predict('private', 1::real)") == 2
        assert value(db, "SELECT edgeonnx.predict('private', 1::real)") == 2


def test_newest_version_is_taken_unless_one_is_named(db: Connection) -> None:
    load(db, "versions", scaled(1), version="1")
    load(db, "versions", scaled(2), version="2")
    query = "SELECT edgeonnx.predict('versions', 1::real), edgeonnx.predict('versions@1', 1::real)"
    assert db.execute(query).fetchall() == [(2.0, 1.0)]
    db.execute("SELECT edgeonnx.drop_model('versions', '2')")
    assert db.execute(query).fetchall() == [(1.0, 1.0)]
    with pytest.raises(errors.UndefinedObject):
        db.execute("SELECT edgeonnx.predict('versions@2', 1::real)")


def test_plpgsql_sees_a_model_that_it_replaces_and_a_rollback(db: Connection) -> None:
    """Simple expressions of PL/pgSQL live as long as their transaction."""
    db.execute("CREATE TABLE spare AS SELECT 0 AS factor, ''::bytea AS model WITH NO DATA")
    for factor in (1, 2, 3):
        db.execute("INSERT INTO spare VALUES (%s, %s)", [factor, scaled(factor)])
    load(db, "loop", scaled(10))
    db.execute("""
      CREATE FUNCTION looped() RETURNS float8[] LANGUAGE plpgsql AS $$
      DECLARE
        seen float8[];
        answer float8;
        bytes bytea;
      BEGIN
        FOR i IN 0..4 LOOP
          BEGIN
            IF i IN (1, 2, 3) THEN
              UPDATE edgeonnx.models SET model = s.model FROM spare s WHERE name = 'loop' AND factor = i;
            END IF;
            IF i = 2 THEN
              PERFORM edgeonnx.predict('loop', 1::real);
              RAISE division_by_zero;
            END IF;
          EXCEPTION WHEN division_by_zero THEN NULL;
          END;
          answer := edgeonnx.predict('loop', 1::real);
          seen := seen || answer;
        END LOOP;
        RETURN seen;
      END $$""")
    assert value(db, "SELECT looped()") == [10, 1, 1, 3, 3]
    db.execute("DROP FUNCTION looped; DROP TABLE spare")


def test_model_that_was_put_into_the_table_by_hand_is_checked_when_used(db: Connection) -> None:
    db.execute("INSERT INTO edgeonnx.models (name, version, model) VALUES ('junk', '1', 'no model')")
    for query in ("SELECT edgeonnx.predict('junk', 1)", "SELECT edgeonnx.check_model('junk', '1')"):
        with pytest.raises(errors.DataException, match="'junk") as caught:
            db.execute(query)
        assert caught.value.diag.message_detail == "INVALID_MODEL"
    db.execute("DELETE FROM edgeonnx.models WHERE name = 'junk'")


def test_refused_model_or_setting_leaves_the_old_row(db: Connection) -> None:
    load(db, "kept", scaled(5))
    with pytest.raises(errors.DataException):
        load(db, "kept", b"no model")
    with pytest.raises(errors.InvalidParameterValue, match="nulls"):
        load(db, "kept", scaled(6), settings="nulls=perhaps")
    with pytest.raises(errors.NotNullViolation):
        db.execute("SELECT edgeonnx.load_model('kept', '1', NULL)")
    assert value(db, "SELECT edgeonnx.predict('kept', 1::real)") == 5


# ------------------------------------------------------------------------------------------------------------------------------ roles


def test_role_uses_models_that_it_may_read(server: Server, db: Connection) -> None:
    load(db, "scaled", scaled(2))
    db.execute("CREATE ROLE analyst LOGIN")
    use = "SELECT edgeonnx.predict('scaled', 1::real)"
    with server.connect(user="analyst") as analyst:
        with pytest.raises(errors.InsufficientPrivilege):
            analyst.execute(use)
        db.execute("GRANT SELECT ON edgeonnx.models TO analyst")
        assert value(analyst, use) == 2
        with pytest.raises(errors.InsufficientPrivilege):
            load(analyst, "scaled", scaled(3))
        with pytest.raises(errors.InsufficientPrivilege):
            analyst.execute("SET edgeonnx.ort_library = '/tmp/mine.so'")
        db.execute("ALTER TABLE edgeonnx.models ENABLE ROW LEVEL SECURITY")
        with pytest.raises(errors.UndefinedObject):
            analyst.execute(use)
        db.execute("ALTER TABLE edgeonnx.models DISABLE ROW LEVEL SECURITY")
        assert value(analyst, use) == 2
        db.execute("REVOKE SELECT ON edgeonnx.models FROM analyst")
        with pytest.raises(errors.InsufficientPrivilege):
            analyst.execute(use)
    db.execute("DROP ROLE analyst")


# ------------------------------------------------------------------------------------------------------------------------------ types


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("true", 1),
        ("7::smallint", 7),
        ("-7", -7),
        ("2::bigint ^ 40", 2.0**40),
        ("12.34::numeric(9,2)", 12.34),
        ("-0.05::numeric(3,2)", -0.05),
        ("7::numeric(38,0)", 7),
        ("1.5::numeric", 1.5),
        ("'NaN'::numeric", float("nan")),
        ("12345678901234567890123456789012345678901234567890::numeric(50,0)", 1.2345678901234568e49),
        ("'-infinity'::float8", float("-inf")),
        ("5::positive", 5),
        ("6.25::cents", 6.25),
    ],
)
def test_expression_of_any_number_is_read(db: Connection, expression: str, expected: float) -> None:
    db.execute("CREATE DOMAIN pg_temp.positive AS int CHECK (value > 0); CREATE DOMAIN pg_temp.cents AS numeric(12,2)")
    load(db, "identity", models.identity("float64"))
    expression = expression.replace("::positive", "::pg_temp.positive").replace("::cents", "::pg_temp.cents")
    assert value(db, f"SELECT edgeonnx.predict('identity', {expression})") == pytest.approx(expected, rel=1e-15, nan_ok=True)
    answer = value(db, "SELECT y FROM edgeonnx.predict_rows('identity', %s) AS p(y float8)", f"SELECT {expression} AS x")
    assert answer == pytest.approx(expected, rel=1e-15, nan_ok=True)


@pytest.mark.parametrize("expression", ["'a'::text", "now()", "'1 day'::interval", "ARRAY[1.0]", "'a'", "1::money"])
def test_other_types_are_refused_by_name(db: Connection, expression: str) -> None:
    load(db, "identity", models.identity("float64"))
    with pytest.raises(errors.DatatypeMismatch, match="feature 1"):
        db.execute(f"SELECT edgeonnx.predict('identity', {expression})")
    with pytest.raises(errors.DatatypeMismatch, match="'x'"):
        db.execute("SELECT * FROM edgeonnx.predict_rows('identity', %s) AS p(y float8)", [f"SELECT {expression} AS x"])


def test_nan_is_no_decimal(db: Connection) -> None:
    load(db, "identity", models.identity("float64"))
    with pytest.raises(errors.NumericValueOutOfRange, match="feature 1"):
        db.execute("SELECT edgeonnx.predict('identity', 'NaN'::numeric(9,2))")


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ("smallint", 12),
        ("int", 12),
        ("bigint", 12),
        ("real", 12.5),
        ("float8", 12.5),
        ("numeric(6,2)", Decimal("12.50")),
        ("numeric(38,36)", Decimal("12.5")),
        ("boolean", True),
        ("real[]", [12.5]),
    ],
)
def test_answer_comes_in_the_declared_type(db: Connection, declared: str, expected: Any) -> None:
    load(db, "identity", models.identity("float64"))
    query = f"SELECT y FROM edgeonnx.predict_rows('identity', 'SELECT 12.5::float8 AS x') AS p(y {declared})"
    assert value(db, query) == expected


@pytest.mark.parametrize("number", ["-0.05", "-123456.78", "0", "0.5", "99999999999.99"])
def test_decimals_come_back_as_they_went(db: Connection, number: str) -> None:
    load(db, "identity", models.identity("float64"))
    query = f"SELECT y FROM edgeonnx.predict_rows('identity', 'SELECT {number}::numeric(14,2) AS x') AS p(y numeric(14,2))"
    assert value(db, query) == Decimal(number)


def test_answer_that_does_not_fit_is_an_error(db: Connection) -> None:
    load(db, "identity", models.identity("float64"))
    query = "SELECT 123456.5::float8 * i AS x FROM generate_series(0, 3) AS i"
    with pytest.raises(errors.NumericValueOutOfRange) as caught:
        db.execute("SELECT * FROM edgeonnx.predict_rows('identity', %s) AS p(y smallint)", [query])
    assert caught.value.diag.message_detail.startswith("OVERFLOW, row 1, value 123456.5")
    assert caught.value.diag.column_name == "y"


def test_array_of_features_may_be_of_any_length_and_hold_nulls(db: Connection) -> None:
    load(db, "affine", models.affine(("a", "b", "c")), settings="nulls=0")
    plain = value(db, "SELECT edgeonnx.predict('affine', 1::real, 0::real, 3::real)")
    assert value(db, "SELECT edgeonnx.predict('affine', VARIADIC ARRAY[1, NULL, 3])") == plain
    with pytest.raises(psycopg.Error, match="3"):
        db.execute("SELECT edgeonnx.predict('affine', VARIADIC ARRAY[1, 2])")
    with pytest.raises(errors.NullValueNotAllowed):
        db.execute("SELECT edgeonnx.predict('affine', VARIADIC NULL::real[])")
    assert value(db, "SELECT edgeonnx.predict(NULL, 1::real)") is None


def test_unknown_model_is_told_which_there_are(db: Connection) -> None:
    load(db, "known", scaled(2))
    with pytest.raises(errors.UndefinedObject, match="'unknown'") as caught:
        db.execute("SELECT edgeonnx.predict('unknown', 1)")
    assert "'known'" in caught.value.diag.message_hint


# ----------------------------------------------------------------------------------------------------------------------- predict_rows


def test_columns_pass_through_beside_answers(db: Connection) -> None:
    load(db, "scaled", scaled(2))
    rows = db.execute("""
      SELECT * FROM edgeonnx.predict_rows('scaled', $$
        SELECT i AS id, i::real AS x,
          repeat('é', i % 3000) AS label, NULL::date AS day, ARRAY[i] AS list FROM generate_series(1, 20000) AS i
      $$) AS p(label text, y real, id int, day date, list int[]) ORDER BY id""").fetchall()
    assert rows == [("é" * (i % 3000), 2.0 * i, i, None, [i]) for i in range(1, 20001)]


def test_nulls_stand_where_they_stood_in_every_batch(db: Connection) -> None:
    load(db, "scaled", scaled(2), settings="nulls=propagate")
    query = "SELECT i, CASE WHEN i % (7 + i / 5000) <> 0 THEN i::real END AS x FROM generate_series(1, 40000) AS i"
    rows = db.execute("SELECT i, y FROM edgeonnx.predict_rows('scaled', %s) AS p(i int, y real)", [query]).fetchall()
    assert rows == [(i, 2.0 * i if i % (7 + i // 5000) else None) for i in range(1, 40001)]
    alone = db.execute(f"SELECT i, edgeonnx.predict('scaled', x) FROM ({query}) AS s").fetchall()
    assert alone == rows


def test_passed_columns_are_kept_from_a_matrix(db: Connection) -> None:
    case = trained_trees.BARE["forest-2"]()
    load(db, "forest", case.model)
    features = ", ".join(f"0::real AS f{i}" for i in range(case.feed(1)["X"].shape[1]))
    ports = [name for kind, name in db.execute("SELECT kind, name FROM edgeonnx.ports('forest')") if kind == "output"]
    query = f"SELECT id FROM edgeonnx.predict_rows('forest', 'SELECT 5 AS id, {features}') AS p(id int, {ports[0]} bigint)"
    assert value(db, query) == 5
    with pytest.raises(psycopg.Error, match="id"):  # not in the list: one of the features
        value(db, query.replace("p(id int, ", "p(").replace("SELECT id", "SELECT 1"))


WRONG = {
    "no output": ("SELECT 1::real AS x", "x real", errors.UndefinedObject, "outputs are 'y'"),
    "unknown output": ("SELECT 1::real AS x", "z real", errors.UndefinedObject, "'z'"),
    "missing input": ("SELECT 1::real AS w", "y real", errors.UndefinedObject, "'x'"),
    "type of a passed column": ("SELECT 1::real AS x, 2 AS id", "id text, y real", errors.DatatypeMismatch, "'id'"),
    "text answer": ("SELECT 1::real AS x", "y text", errors.DatatypeMismatch, "'y'"),
    "numeric without digits": ("SELECT 1::real AS x", "y numeric", errors.DatatypeMismatch, "'y'"),
    "twice the same column": ("SELECT 1::real AS x, 1 AS id, 2 AS id", "id int, y real", errors.AmbiguousColumn, "'id'"),
    "two queries": ("SELECT 1::real AS x; SELECT 2::real AS x", "y real", errors.InvalidParameterValue, "one query"),
    "no rows returned": ("SET work_mem = '1MB'", "y real", psycopg.Error, ""),
    "a write": ("INSERT INTO numbers VALUES (0, 0) RETURNING x", "y real", errors.FeatureNotSupported, "INSERT"),
    "broken query": ("SELEC", "y real", errors.SyntaxError, ""),
    "error within the query": ("SELECT 1::real / (3 - i)::real AS x FROM generate_series(1, 5) AS i", "y real", errors.DivisionByZero, ""),
    "null in the query": ("SELECT NULL::real AS x", "y real", errors.NullValueNotAllowed, "'x'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_call_of_predict_rows_names_the_culprit_and_leaks_nothing(db: Connection, case: str) -> None:
    query, declared, error, text = WRONG[case]
    load(db, "scaled", scaled(2))
    before = value(db, "SELECT edgeonnx.live_objects()")
    for _ in range(20):
        with pytest.raises(error) as caught:
            db.execute(f"SELECT * FROM edgeonnx.predict_rows('scaled', %s) AS p({declared})", [query])
        assert text in str(caught.value)
    assert value(db, "SELECT edgeonnx.live_objects()") == before


def test_predict_rows_without_a_list_is_refused(db: Connection) -> None:
    load(db, "scaled", scaled(2))
    for place in ("SELECT", "SELECT * FROM"):
        with pytest.raises(errors.SyntaxError, match="column definition list"):
            db.execute(f"{place} edgeonnx.predict_rows('scaled', 'SELECT 1::real AS x')")


def test_model_of_several_outputs_is_no_scalar(db: Connection) -> None:
    case = trained_trees.BARE["forest-2"]()
    load(db, "forest", case.model)
    outputs = [name for kind, name in db.execute("SELECT kind, name FROM edgeonnx.ports('forest')") if kind == "output"]
    with pytest.raises(errors.InvalidParameterValue) as caught:
        db.execute("SELECT edgeonnx.predict('forest', 1::real)")
    assert all(f"'{name}'" in str(caught.value) for name in outputs)
    assert caught.value.diag.message_hint.startswith(f"Name it after the model, 'forest.{outputs[0]}'")
    features = ", ".join(f"0::real AS f{i}" for i in range(case.feed(1)["X"].shape[1]))
    with pytest.raises(errors.DataException, match="array"):
        db.execute(f"SELECT * FROM edgeonnx.predict_rows('forest', 'SELECT {features}') AS p({outputs[1]} real)")


def test_predict_rows_works_in_joins_cursors_and_prepared_statements(db: Connection) -> None:
    load(db, "double", scaled(2))
    load(db, "triple", scaled(3))
    rows = db.execute("""
      SELECT name, sum(y::float8) FROM edgeonnx.model_info AS m,
        LATERAL edgeonnx.predict_rows(m.name, 'SELECT x FROM numbers') AS p(y real)
      WHERE name IN ('double', 'triple') GROUP BY name ORDER BY name""").fetchall()
    total = value(db, "SELECT sum(x) FROM numbers")
    assert [name for name, _ in rows] == ["double", "triple"]
    assert [answer for _, answer in rows] == pytest.approx([2 * total, 3 * total], rel=1e-5)
    with db.transaction(), db.cursor(name="some") as cursor:
        cursor.execute("SELECT y FROM edgeonnx.predict_rows('double', 'SELECT x FROM numbers ORDER BY id') AS p(y real)")
        assert cursor.fetchmany(3) == [(0.5,), (1.0,), (1.5,)]
    db.execute("PREPARE one(real) AS SELECT edgeonnx.predict('double', $1)")
    assert [value(db, f"EXECUTE one({i})") for i in range(12)] == [2.0 * i for i in range(12)]
    load(db, "double", scaled(20))
    assert value(db, "EXECUTE one(1)") == 20


def test_parallel_workers_give_the_same_answers(db: Connection) -> None:
    load(db, "double", scaled(2))
    query = "SELECT sum(edgeonnx.predict('double', x)) FROM numbers"
    serial = value(db, query)
    db.execute("SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0")
    plan = "\n".join(line for (line,) in db.execute("EXPLAIN ANALYZE " + query))
    assert "Workers Launched: 2" in plan or "Workers Launched: 1" in plan
    assert value(db, query) == serial


# ---------------------------------------------------------------------------------------------------------------- text, names, memory


def test_names_of_any_script_work_in_databases_of_any_encoding(server: Server, extension: None) -> None:
    for encoding in ("UTF8", "LATIN1"):
        with server.connect() as db:
            db.execute(f"CREATE DATABASE encoded ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
        with server.connect(dbname="encoded") as db:
            db.execute("CREATE EXTENSION edgeonnx")
            load(db, "größe", models.affine(("länge", "b")))
            answer = value(db, "SELECT edgeonnx.predict('größe', 1, 2)")
            query = "SELECT y FROM edgeonnx.predict_rows('größe', 'SELECT 1 AS \"länge\", 2 AS b') AS p(y real)"
            output = value(db, "SELECT name FROM edgeonnx.ports('größe') WHERE kind = 'output'")
            assert value(db, query.replace("SELECT y", f"SELECT {output}").replace("p(y", f"p({output}")) == pytest.approx(answer)
            with pytest.raises(errors.UndefinedObject, match="länge"):
                db.execute(f"SELECT * FROM edgeonnx.predict_rows('größe', 'SELECT 2 AS b') AS p({output} real)")
        with server.connect() as db:
            db.execute("DROP DATABASE encoded")


def resident(pid: int) -> int:
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def test_long_query_takes_no_more_memory_than_a_short_one(db: Connection) -> None:
    load(db, "scaled", scaled(2))
    query = (
        "SELECT count(*) FROM edgeonnx.predict_rows('scaled', 'SELECT i::real AS x, repeat(''a'', 100) AS label "
        "FROM generate_series(1, {}) AS i') AS p(label text, y real)"
    )
    assert value(db, query.format(20_000)) == 20_000
    before = resident(db.info.backend_pid)
    assert value(db, query.format(600_000)) == 600_000
    assert resident(db.info.backend_pid) - before < 16 * 1024


def test_long_values_that_pass_through_shorten_the_batches(db: Connection) -> None:
    load(db, "scaled", scaled(2))
    db.execute("SET work_mem = '1MB'")
    query = (
        "SELECT sum(length(label)) FROM edgeonnx.predict_rows('scaled', 'SELECT i::real AS x, repeat(''a'', 100000) AS label "
        "FROM generate_series(1, {}) AS i') AS p(label text, y real)"
    )
    assert value(db, query.format(500)) == 50_000_000
    before = resident(db.info.backend_pid)
    assert value(db, query.format(3000)) == 300_000_000
    assert resident(db.info.backend_pid) - before < 32 * 1024


def test_many_statements_leak_nothing(db: Connection) -> None:
    load(db, "scaled", scaled(2))

    def statements(n: int) -> None:
        for _ in range(n):
            db.execute("SELECT edgeonnx.predict('scaled', 1::real), edgeonnx.predict('scaled@1', VARIADIC ARRAY[1])")
            db.execute("SELECT * FROM edgeonnx.predict_rows('scaled', 'SELECT 1::real AS x') AS p(y real)")
            with pytest.raises(errors.NullValueNotAllowed):
                db.execute("SELECT edgeonnx.predict('scaled', NULL::real)")

    statements(100)
    objects, memory = value(db, "SELECT edgeonnx.live_objects()"), resident(db.info.backend_pid)
    statements(1000)
    assert value(db, "SELECT edgeonnx.live_objects()") == objects
    assert resident(db.info.backend_pid) - memory < 1024


def test_session_keeps_as_many_models_as_it_is_told(server: Server, db: Connection) -> None:
    for i in range(6):
        load(db, f"kept{i}", scaled(i))
    with server.connect() as other:
        other.execute("SET edgeonnx.max_models = 2")
        for i in itertools.chain(range(6), range(6)):
            assert value(other, f"SELECT edgeonnx.predict('kept{i}', 1::real)") == i
        assert value(other, "SELECT sum(edgeonnx.predict('kept' || i, 1::real)) FROM generate_series(0, 5) AS i") == 15


# ------------------------------------------------------------------------------------------------------ cancelling, killing, many at once


def cancelled_after(db: Connection, seconds: float, cancel: Any) -> float:
    """Seconds from the cancel request to the end of the statement."""
    asked: list[float] = []

    def ask() -> None:
        asked.append(time.monotonic())
        cancel()

    timer = threading.Timer(seconds, ask)
    timer.start()
    with pytest.raises(psycopg.Error):
        db.execute(SLOW_QUERY)
    timer.join()
    return time.monotonic() - asked[0]


def test_cancel_and_timeout_reach_a_running_score_call(server: Server, db: Connection) -> None:
    load(db, "slow", slow())
    first = "SELECT count(*) FROM edgeonnx.predict_rows('slow', 'SELECT x FROM numbers LIMIT 1') AS p(y real)"
    assert value(db, first) == 1
    objects = value(db, "SELECT edgeonnx.live_objects()")
    with server.connect() as other:
        waited = cancelled_after(db, 1.0, lambda: other.execute("SELECT pg_cancel_backend(%s)", [db.info.backend_pid]))
    assert waited < 1.0
    db.execute("SET statement_timeout = '700ms'")
    start = time.monotonic()
    with pytest.raises(errors.QueryCanceled, match="statement timeout"):
        db.execute(SLOW_QUERY)
    assert 0.6 < time.monotonic() - start < 1.7
    db.execute("SET statement_timeout = 0")
    assert value(db, first) == 1
    assert value(db, "SELECT edgeonnx.live_objects()") == objects


def test_terminated_session_harms_nobody(server: Server, db: Connection) -> None:
    load(db, "slow", slow())
    load(db, "scaled", scaled(2))
    with server.connect() as victim:
        pid = victim.info.backend_pid
        waited = cancelled_after(victim, 1.0, lambda: db.execute("SELECT pg_terminate_backend(%s)", [pid]))
    assert waited < 1.5
    assert value(db, "SELECT edgeonnx.predict('scaled', 1::real)") == 2
    assert value(db, "SELECT count(*) FROM pg_stat_activity WHERE pid = %s", pid) == 0


def test_killed_backend_is_recovered_from(server: Server, extension: None) -> None:
    """The server then restarts all sessions, as after any crash of one; the models are still there."""
    with server.connect() as db:
        load(db, "slow", slow())
        load(db, "scaled", scaled(2))
    with server.connect() as victim:
        cancelled_after(victim, 1.0, lambda: os.kill(victim.info.backend_pid, signal.SIGKILL))
    deadline = time.monotonic() + 30
    while True:
        try:
            with server.connect() as db:
                assert value(db, "SELECT edgeonnx.predict('scaled', 1::real)") == 2
                return
        except psycopg.OperationalError:
            assert time.monotonic() < deadline
            time.sleep(0.2)


def test_sessions_score_at_once_while_models_change(server: Server, db: Connection) -> None:
    load(db, "busy", scaled(1))
    failures: list[BaseException] = []
    done = threading.Event()

    def score() -> None:
        try:
            with server.connect() as mine:
                while not done.is_set():
                    rows = "edgeonnx.predict_rows('busy', 'SELECT x FROM numbers') AS p(x float8, y float8)"
                    ((low, high),) = mine.execute(f"SELECT min(y / x), max(y / x) FROM {rows}").fetchall()
                    assert low == pytest.approx(high, rel=1e-5), "one statement, two models"
                    low, high = mine.execute(
                        "SELECT min(y), max(y) FROM (SELECT edgeonnx.predict('busy', 1::real) AS y FROM numbers LIMIT 3000) AS s"
                    ).fetchone()
                    assert low == high, "one statement, two models"
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=score) for _ in range(4)]
    for thread in threads:
        thread.start()
    for factor in range(2, 22):
        load(db, "busy", scaled(factor))
        time.sleep(0.05)
    done.set()
    for thread in threads:
        thread.join()
    assert failures == []


def test_server_logged_no_crash_but_the_one_that_was_asked_for(server: Server, extension: None) -> None:
    lines = [line for line in server.log().splitlines() if "PANIC" in line or "was terminated by signal" in line]
    assert [line for line in lines if "signal 9" not in line] == []
