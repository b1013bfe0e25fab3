"""PostgreSQL as SQL people expect it: domains, schemas, dumps, time limits, names; errors that say the way out in SQL."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import psycopg
import pytest
from onnx import TensorProto, helper
from psycopg import errors

import edgeonnx as eo
import models
import trained_linear
import trained_trees
from models import constant, graph, tensor
from postgres_calls import Connection, load, scaled, value
from postgres_server import ADAPTER, Server, builder


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    made = Server()
    with made.connect() as connection:
        connection.execute("CREATE EXTENSION edgeonnx")
    yield made
    made.close()


@pytest.fixture
def db(server: Server) -> Iterator[Connection]:
    with server.connect() as connection:
        connection.execute("DELETE FROM edgeonnx.models")
        yield connection


@pytest.fixture
def other(server: Server) -> Iterator[Connection]:
    """A database of its own."""
    with server.connect() as db:
        db.execute("CREATE DATABASE other")
    try:
        with server.connect(dbname="other") as connection:
            yield connection
    finally:
        with server.connect() as db:
            db.execute("DROP DATABASE other")


def refused(db: Connection, query: str, *parameters: Any) -> psycopg.Error:
    with pytest.raises(psycopg.Error) as caught:
        db.execute(query, parameters)
    return caught.value


def hint(error: psycopg.Error) -> str:
    return error.diag.message_hint or ""


def matrix(width: int = 4, name: str = "X") -> bytes:
    """Sums its one input's values."""
    return graph(
        [helper.make_node("ReduceSum", [name, "axes"], ["y"], keepdims=1)],
        [tensor(name, TensorProto.FLOAT, ("N", width))],
        [tensor("y", TensorProto.FLOAT)],
        [constant("axes", [1], np.int64)],
    )


def loop() -> bytes:
    """Adds 1 as often as its input says: a row takes any time."""
    value_of = helper.make_tensor_value_info
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["go_on"]), helper.make_node("Add", ["sum", "one"], ["next"])],
        "body",
        [value_of("i", TensorProto.INT64, []), value_of("go", TensorProto.BOOL, []), value_of("sum", TensorProto.FLOAT, None)],
        [value_of("go_on", TensorProto.BOOL, []), value_of("next", TensorProto.FLOAT, None)],
        [constant("one", 1)],
    )
    return graph(
        [
            helper.make_node("ReduceMax", ["x"], ["trips"], keepdims=0),
            helper.make_node("Cast", ["x"], ["start"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["start", "zero"], ["from"]),
            helper.make_node("Loop", ["trips", "true", "from"], ["y"], body=body),
        ],
        [tensor("x", TensorProto.INT64)],
        [tensor("y", TensorProto.FLOAT)],
        [constant("zero", 0), constant("true", True, np.bool_)],
    )


# ----------------------------------------------------------------------------------------------------------------------------- domains


def test_domain_of_an_answer_is_checked(db: Connection) -> None:
    load(db, "v", models.identity("float64"))
    db.execute("CREATE DOMAIN pg_temp.pos AS numeric(10,3) CHECK (value > 0)")
    db.execute("CREATE DOMAIN pg_temp.pairs AS float8[] CHECK (array_length(value, 1) = 2)")
    query = "SELECT y FROM edgeonnx.predict_rows('v', 'SELECT {}::numeric(5,2) AS x') AS p(y pg_temp.{})"
    assert float(value(db, query.format(11.5, "pos"))) == 11.5
    with pytest.raises(errors.CheckViolation, match="pos"):
        db.execute(query.format(-11.5, "pos"))
    with pytest.raises(errors.CheckViolation, match="pairs"):
        db.execute(query.format(11.5, "pairs"))


def test_not_null_domain_takes_no_null(db: Connection) -> None:
    load(db, "v", models.identity("float64"), settings="nulls=propagate")
    db.execute("CREATE DOMAIN pg_temp.given AS float8 NOT NULL")
    query = "SELECT y FROM edgeonnx.predict_rows('v', 'SELECT NULL::float8 AS x') AS p(y {})"
    assert value(db, query.format("float8")) is None
    with pytest.raises(errors.NotNullViolation, match="given"):
        db.execute(query.format("pg_temp.given"))


# ------------------------------------------------------------------------------------------------------------------------- time limits


@pytest.mark.parametrize("threads", [0, 1, 2])
@pytest.mark.parametrize(
    "query",
    [
        "SELECT edgeonnx.predict('loop', 1000000000000)",
        "SELECT * FROM edgeonnx.predict_rows('loop', 'SELECT 1000000000000 AS x') AS p(y real)",
    ],
    ids=["predict", "predict_rows"],
)
def test_time_limit_ends_a_single_row(db: Connection, query: str, threads: int) -> None:
    load(db, "loop", loop())
    assert value(db, query.replace("1000000000000", "1000::bigint")) == 1000
    db.execute(f"SET edgeonnx.threads = {threads}; SET statement_timeout = '500ms'")
    begin = time.monotonic()
    with pytest.raises(errors.QueryCanceled, match="statement timeout"):
        db.execute(query)
    assert 0.4 < time.monotonic() - begin < 1.5
    db.execute("SET statement_timeout = 0")
    assert value(db, query.replace("1000000000000", "1000::bigint")) == 1000


# ------------------------------------------------------------------------------------------------------------- schema, dump, settings


def test_extension_belongs_to_its_own_schema(other: Connection) -> None:
    with pytest.raises(errors.FeatureNotSupported, match='schema "edgeonnx"'):
        other.execute("CREATE EXTENSION edgeonnx SCHEMA public")
    other.execute("CREATE EXTENSION edgeonnx")
    load(other, "scaled", scaled(2))
    other.execute("DROP SCHEMA public CASCADE")
    assert value(other, "SELECT edgeonnx.predict('scaled', 1)") == 2
    other.execute("DROP EXTENSION edgeonnx; CREATE EXTENSION edgeonnx")
    assert value(other, "SELECT count(*) FROM edgeonnx.models") == 0


def test_restored_dump_scores_for_the_roles_that_it_scored_for(server: Server, db: Connection, other: Connection) -> None:
    load(db, "dumped", scaled(3), settings="nulls=-1")
    db.execute("CREATE ROLE reader LOGIN; GRANT SELECT ON edgeonnx.models TO reader")
    dump = server.dump("--inserts", "postgres")
    other.execute("\n".join(line for line in dump.splitlines() if not line.startswith("\\")))
    with server.connect(dbname="other", user="reader") as reader:
        assert value(reader, "SELECT edgeonnx.predict('dumped', NULL::real)") == -3
    other.execute("DROP OWNED BY reader")
    db.execute("DROP OWNED BY reader; DROP ROLE reader")


def test_roles_need_the_rights_that_the_readme_tells(server: Server, db: Connection) -> None:
    db.execute("CREATE ROLE loader LOGIN")
    try:
        with server.connect(user="loader") as loader:
            for right in ("INSERT", "UPDATE", "SELECT"):
                with pytest.raises(errors.InsufficientPrivilege):
                    load(loader, "scaled", scaled(2))
                db.execute(f"GRANT {right} ON edgeonnx.models TO loader")
            load(loader, "scaled", scaled(2))
            with pytest.raises(errors.InsufficientPrivilege):
                loader.execute("SELECT edgeonnx.drop_model('scaled')")
            db.execute("GRANT DELETE ON edgeonnx.models TO loader; REVOKE INSERT, UPDATE ON edgeonnx.models FROM loader")
            assert value(loader, "SELECT edgeonnx.drop_model('scaled')") == 1
    finally:
        db.execute("DROP OWNED BY loader; DROP ROLE loader")


def test_every_function_has_a_comment(db: Connection) -> None:
    query = "SELECT proname FROM pg_proc WHERE pronamespace = 'edgeonnx'::regnamespace AND obj_description(oid, 'pg_proc') IS NULL"
    assert db.execute(query).fetchall() == []


def test_settings_are_those_of_the_readme(server: Server, db: Connection) -> None:
    load(db, "scaled", scaled(2))
    try:
        db.execute("ALTER ROLE postgres SET session_preload_libraries = 'edgeonnx_pg'")
        with server.connect() as fresh:
            assert value(fresh, "SHOW edgeonnx.max_models") == "32"
        db.execute("ALTER ROLE postgres RESET ALL; ALTER DATABASE postgres SET edgeonnx.threads = 3")
        with server.connect() as fresh:
            assert value(fresh, "SELECT edgeonnx.predict('scaled', 1)") == 2
            assert value(fresh, "SHOW edgeonnx.threads") == "3"
        for statement in ("LOAD 'edgeonnx_pg'", "ALTER SYSTEM SET edgeonnx.threads = 2", "ALTER SYSTEM RESET edgeonnx.threads"):
            db.execute(statement)
    finally:
        db.execute("ALTER ROLE postgres RESET ALL; ALTER DATABASE postgres RESET ALL")


def test_wrong_library_is_named_and_may_be_set_right_in_the_session(server: Server, db: Connection) -> None:
    db.execute("LOAD 'edgeonnx_pg'; SET edgeonnx.ort_library = '/nowhere/libonnxruntime.so'")
    error = refused(db, "SELECT edgeonnx.load_model('any', '1', %s)", loop())
    assert "edgeonnx.ort_library is '/nowhere/libonnxruntime.so'" in hint(error)
    db.execute("RESET edgeonnx.ort_library")
    load(db, "any", loop())


# ------------------------------------------------------------------------------------------------------------------ names and versions


def test_missing_version_is_told_which_there_are(db: Connection) -> None:
    load(db, "iris", scaled(1), version="1")
    load(db, "iris", scaled(2), version="2")
    for query in ("SELECT edgeonnx.predict('iris@9', 1)", "SELECT edgeonnx.check_model('iris', '9')"):
        error = refused(db, query)
        assert "model 'iris': edgeonnx.models has no version '9' of it" in str(error)
        assert "'2', '1'." in hint(error)


def test_missing_name_is_told_the_like_of_it_first_and_how_many_there_are(db: Connection) -> None:
    load(db, "churn_model", scaled(1))
    db.execute(
        "INSERT INTO edgeonnx.models (name, version, model) SELECT 'a' || i, '1', model FROM edgeonnx.models, generate_series(1, 30) AS i"
    )
    told = hint(refused(db, "SELECT edgeonnx.predict('Churn', 1)"))
    assert told.startswith("It has 'churn_model', 'a1', ")
    assert " and 11 more, which edgeonnx.model_info lists. " in told


def test_name_with_an_at_sign_is_refused(db: Connection) -> None:
    with pytest.raises(errors.CheckViolation, match="no @, which begins a version"):
        load(db, "a@b", scaled(1))


def test_check_model_without_a_version_checks_the_one_put_last(db: Connection) -> None:
    load(db, "c", scaled(1))
    db.execute("INSERT INTO edgeonnx.models (name, version, model) VALUES ('c', '2', 'no model')")
    db.execute("SELECT edgeonnx.check_model('c', '1')")
    for query in ("SELECT edgeonnx.check_model('c')", "SELECT edgeonnx.check_model('c', NULL)"):
        assert (refused(db, query).diag.message_detail or "").startswith("INVALID_MODEL")
    with pytest.raises(errors.NullValueNotAllowed):
        db.execute("SELECT edgeonnx.check_model(NULL)")


def test_predict_gives_the_output_and_the_value_that_is_named(db: Connection) -> None:
    case = trained_trees.BARE["forest-2"]()
    feed = case.feed(1)
    label, probabilities = models.run(case.model, feed).items()
    for name, version in (("iris", "1"), ("iris", "2.5"), ("iris.v", "1")):
        load(db, name, case.model, version=version)
    features = ", ".join(f"{x}::real" for x in feed["X"][0])

    def predicted(name: str) -> float:
        return float(value(db, f"SELECT edgeonnx.predict('{name}', {features})"))

    for model in ("iris", "iris@1", "iris@2.5", "iris.v", "iris.v@1"):
        assert predicted(f"{model}.{label[0]}") == label[1][0]
        for i in (0, 1):
            assert predicted(f"{model}.{probabilities[0]}[{i}]") == probabilities[1][0][i]
    for output, told in (
        (probabilities[0], f"'iris.{probabilities[0]}[0]'"),
        (f"{probabilities[0]}[2]", "counted from 0"),
        ("nope", f"Its outputs are '{label[0]}', '{probabilities[0]}'."),
    ):
        assert told in hint(refused(db, f"SELECT edgeonnx.predict('iris.{output}', {features})"))


def test_outputs_of_one_model_stand_side_by_side(db: Connection) -> None:
    case = trained_linear.LINEAR["logistic-3-zipmap"]()
    load(db, "m", case.model)
    feed = case.feed(50)
    expected = models.run(case.model, feed, zipmaps=case.zipmaps)
    n = feed["X"].shape[1]
    db.execute(f"CREATE TEMP TABLE t (i int, {', '.join(f'f{i} real' for i in range(n))})")
    with db.cursor().copy("COPY t FROM STDIN") as copy:
        for i, row in enumerate(feed["X"]):
            copy.write_row((i, *map(float, row)))
    features = ", ".join(f"f{i}" for i in range(n))
    calls = ", ".join(f"edgeonnx.predict('m.{name}', {features})" for name in expected)
    rows = db.execute(f"SELECT {calls} FROM t ORDER BY i").fetchall()
    for found, wanted in zip(zip(*rows, strict=True), expected.values(), strict=True):
        np.testing.assert_allclose(np.array(found, np.float64), wanted, rtol=1e-5, atol=1e-6)


def test_name_that_the_server_cuts_is_matched(db: Connection) -> None:
    long, like = "é" * 40 + "_input", "é" * 40 + "_other"
    load(db, "long", models.summed((long, "b")))
    output = value(db, "SELECT name FROM edgeonnx.ports('long') WHERE kind = 'output'")
    query = f"SELECT {output} FROM edgeonnx.predict_rows('long', 'SELECT 1 AS \"{long}\", 2 AS b') AS p({output} real)"
    assert value(db, query) == 3
    load(db, "long", models.summed((long, like)))
    assert refused(db, query).diag.sqlstate == errors.UndefinedObject.sqlstate
    load(
        db,
        "long",
        graph([helper.make_node("Identity", ["x"], [long])], [tensor("x", TensorProto.FLOAT)], [tensor(long, TensorProto.FLOAT)]),
    )
    assert value(db, f"SELECT * FROM edgeonnx.predict_rows('long', 'SELECT 5 AS x') AS p(\"{long}\" real)") == 5


# ------------------------------------------------------------------------------------------------------------------------------ errors

MATRIX_ROWS = "SELECT * FROM edgeonnx.predict_rows('matrix', 'SELECT {}') AS p(y real)"
ROWS = "SELECT * FROM edgeonnx.predict_rows('one', 'SELECT {}') AS p(y {})"
WAYS_OUT = {
    "too few columns": (MATRIX_ROWS.format("1 AS a, 2 AS b"), "Select as many numeric columns as the input takes"),
    "array for a matrix": (MATRIX_ROWS.format('ARRAY[1, 2, 3, 4]::real[] AS "X"'), "a[1] AS a1"),
    "one column for a matrix": (MATRIX_ROWS.format('1 AS "X"'), "a[1] AS a1"),
    "features": ("SELECT edgeonnx.predict('one', 1, 2)", "in the order of the inputs"),
    "no such column": (ROWS.format("1 AS w", "real"), "with AS"),
    "no such output": (ROWS.format("1 AS x", "real").replace("p(y", "p(z"), "edgeonnx.ports"),
    "lookalike": (ROWS.format('1 AS "x_"', "real"), "with AS"),
    "text": (ROWS.format("''a''::text AS x", "real"), "x::real"),
    "untyped null": (ROWS.format("NULL AS x", "real"), "NULL::real"),
    "null": (ROWS.format("NULL::real AS x", "real"), "load_model's fourth argument"),
    "null of predict": ("SELECT edgeonnx.predict('one', NULL::real)", "'nulls=propagate'"),
    "overflow": (ROWS.format("1e30::float8 AS x", "smallint"), "on_overflow=null"),
    "strict": ("SELECT edgeonnx.predict('strict', 'a'::text)", "bit is boolean here"),
    "text output": ("SELECT * FROM edgeonnx.predict_rows('words', 'SELECT 1::real AS x') AS p(words real)", "Declare only the outputs"),
}


@pytest.mark.parametrize("case", WAYS_OUT)
def test_error_tells_the_way_out_in_sql_and_the_model(db: Connection, case: str) -> None:
    load(db, "one", models.identity("float32"))
    load(db, "matrix", matrix())
    load(db, "strict", models.identity("bool"), settings="coercion=strict")
    load(db, "words", words())
    query, told = WAYS_OUT[case]
    error = refused(db, query)
    assert told in hint(error), f"{error}"
    function, model = query.split("edgeonnx.")[1].split("'")[:2]
    assert f"edgeonnx.{function.rstrip('(')}, model '{model}'" in (error.diag.context or "")


def words() -> bytes:
    """Gives y = x, and its words."""
    return graph(
        [helper.make_node("Identity", ["x"], ["y"]), helper.make_node("Cast", ["x"], ["words"], to=TensorProto.STRING)],
        [tensor("x", TensorProto.FLOAT)],
        [tensor("y", TensorProto.FLOAT), tensor("words", TensorProto.STRING)],
    )


@pytest.mark.parametrize("settings", ["null=nan", "nulls=perhaps", "nulls=nan, nulls=0", "coercion=any"])
def test_wrong_setting_tells_where_settings_stand(db: Connection, settings: str) -> None:
    error = refused(db, "SELECT edgeonnx.load_model('one', '1', %s, %s)", models.identity("float32"), settings)
    assert "load_model's fourth argument" in hint(error)
    assert "model 'one'" in (error.diag.context or "")


def test_setting_may_be_copied_from_a_message(db: Connection) -> None:
    load(db, "one", models.identity("float32"), settings="nulls='nan'")
    assert np.isnan(value(db, "SELECT edgeonnx.predict('one', NULL::real)"))


def test_hints_name_no_argument_of_another_language(db: Connection) -> None:
    load(db, "matrix", matrix())
    error = refused(db, MATRIX_ROWS.format('1 AS "X", ARRAY[1] AS b'))
    assert not any(word in hint(error) for word in ("={", "=[", "pandas", "external_data="))


NEVER: dict[str, Callable[[], bytes]] = {
    "text": models.string_input,
    "no inputs": lambda: graph(
        [helper.make_node("Identity", ["one"], ["y"])], [], [tensor("y", TensorProto.FLOAT)], [constant("one", [[1]])]
    ),
    "scalar output": lambda: graph(
        [helper.make_node("ReduceSum", ["x"], ["y"], keepdims=0)], [tensor("x", TensorProto.FLOAT)], [tensor("y", TensorProto.FLOAT, ())]
    ),
    "text output of an open input": lambda: graph(
        [helper.make_node("Cast", ["x"], ["y"], to=TensorProto.STRING)],
        [tensor("x", TensorProto.FLOAT, ("N", None))],
        [tensor("y", TensorProto.STRING, ("N", None))],
    ),
    "text output": lambda: graph(
        [helper.make_node("Cast", ["x"], ["y"], to=TensorProto.STRING)], [tensor("x", TensorProto.FLOAT)], [tensor("y", TensorProto.STRING)]
    ),
}


@pytest.mark.parametrize("case", NEVER)
def test_model_that_can_never_score_is_not_loaded(db: Connection, case: str) -> None:
    error = refused(db, "SELECT edgeonnx.load_model('never', '1', %s)", NEVER[case]())
    assert "predict_rows" not in hint(error)
    assert "Export it" in hint(error) if "output" in case else not hint(error)
    assert value(db, "SELECT count(*) FROM edgeonnx.models") == 0


# ------------------------------------------------------------------------------------------------------------------------------- build


def test_build_follows_the_prefix_that_it_is_given(tmp_path: pathlib.Path) -> None:
    config = builder()
    source = tmp_path / "source"
    shutil.copytree(ADAPTER, source, ignore=shutil.ignore_patterns("*.o", "*.so", "*.bc", ".built_for"))

    def make(prefix: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["make", "-C", source, f"PG_CONFIG={config}", f"EDGEONNX_PREFIX={prefix}"], capture_output=True, text=True)

    for name in ("first", "second"):
        prefix = tmp_path / name
        shutil.copytree(eo.get_include(), prefix / "include")
        (prefix / "lib").mkdir()
        (prefix / "lib" / "libedgeonnx.so").symlink_to(eo.get_library())
        assert make(prefix).returncode == 0
        assert str(prefix / "lib").encode() in (source / "edgeonnx_pg.so").read_bytes()
        assert "gcc" not in make(prefix).stdout
    for wrong in ("/nowhere", ""):
        failed = make(wrong)
        assert failed.returncode != 0
        assert "edgeonnx.h" in failed.stderr
