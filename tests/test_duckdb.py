"""What is DuckDB's own: its types, vectors, threads, interrupts, prepared statements; see test_conformance.py for the rest."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import Any

import duckdb
import numpy as np
import pytest

import edgeonnx as eo
import edgeonnx.duckdb
import models
import trained_linear
from edgeonnx import _core
from face_duckdb import connect
from support import run_python

Connection = duckdb.DuckDBPyConnection


@pytest.fixture
def db() -> Iterator[Connection]:
    """A database with the extension; the process's models are dropped at the end."""
    connection = connect()
    yield connection
    connection.execute("SELECT edgeonnx_drop(name) FROM (SELECT DISTINCT name FROM edgeonnx_models())")
    connection.close()


def load(db: Connection, name: str, model: bytes, settings: str | None = None) -> None:
    db.execute("SELECT edgeonnx_load(?, ?::BLOB, ?)", [name, model, settings])


def column(db: Connection, sql: str) -> list[Any]:
    return [row[0] for row in db.execute(sql).fetchall()]


def message(db: Connection, sql: str) -> str:
    with pytest.raises(duckdb.InvalidInputException) as caught:
        db.execute(sql).fetchall()
    return str(caught.value)


# ------------------------------------------------------------------------------------------------------------------------- columns

VALUES = [
    ("BOOLEAN", "true", 1),
    ("TINYINT", "-7", -7),
    ("UTINYINT", "200", 200),
    ("SMALLINT", "-300", -300),
    ("USMALLINT", "65535", 65535),
    ("INTEGER", "-70000", -70000),
    ("UINTEGER", "4294967295", 4294967295),
    ("BIGINT", "-5000000000", -5000000000),
    ("UBIGINT", "9007199254740992", 2**53),
    ("HUGEINT", "-9007199254740992", -(2**53)),
    ("FLOAT", "0.5", 0.5),
    ("DOUBLE", "0.1", 0.1),
    ("DECIMAL(4,1)", "-12.5", -12.5),
    ("DECIMAL(9,2)", "1234567.89", 1234567.89),
    ("DECIMAL(18,3)", "123456789012.345", 123456789012.345),
    ("DECIMAL(38,4)", "-1234567890123456.5", -1234567890123456.5),
]


@pytest.mark.parametrize(("kind", "text", "value"), VALUES, ids=[kind for kind, _, _ in VALUES])
def test_column_of_every_number_is_read(db: Connection, kind: str, text: str, value: float) -> None:
    load(db, "same", models.identity("float64"), "nulls=propagate")
    db.execute(f"CREATE TABLE t AS SELECT range AS i, CASE WHEN range % 3 < 2 THEN {text}::{kind} END AS x FROM range(5000)")
    expected = [value if i % 3 < 2 else None for i in range(5000)]
    assert column(db, "SELECT edgeonnx_predict('same', x) FROM t") == expected
    assert column(db, "SELECT edgeonnx_predict('same', x) FROM t WHERE i % 2 = 1") == expected[1::2]  # rows of a selection
    assert column(db, f"SELECT edgeonnx_predict('same', {text}::{kind})") == [value]  # a constant, folded
    assert column(db, f"SELECT edgeonnx_predict('same', {text}::{kind}) FROM t") == [value] * 5000
    assert column(db, "SELECT y FROM query(edgeonnx_predict_sql('same', 't'))") == expected


@pytest.mark.parametrize(
    ("kind", "text"), [("VARCHAR", "'a'"), ("DATE", "'2024-02-29'"), ("TIMESTAMP", "'2024-02-29'"), ("BLOB", "'a'"), ("UHUGEINT", "1"),
                       ("INTERVAL", "'1 day'"), ("INTEGER[]", "[1]"), ("UUID", "uuid()")],
)  # fmt: skip
def test_column_of_no_number_is_named_with_its_type(db: Connection, kind: str, text: str) -> None:
    load(db, "same", models.identity("float32"))
    text_of_error = message(db, f"SELECT edgeonnx_predict_struct('same', {{'x': {text}::{kind}}})")
    assert "TYPE_MISMATCH: model 'same': input 'x': expected real, column 'x' is " + ("LIST" if "[" in kind else kind) in text_of_error


@pytest.mark.parametrize("kind", ["FLOAT[3]", "DOUBLE[3]", "DECIMAL(4,1)[3]", "BIGINT[3]"])
def test_array_feeds_an_input_of_its_width(db: Connection, kind: str) -> None:
    load(db, "rows", models.identity("float32", ("N", 3)))
    db.execute(f"CREATE TABLE t AS SELECT [range % 500, range % 7, -2]::{kind} AS x FROM range(3000)")
    found = db.execute("SELECT x, y FROM query(edgeonnx_predict_sql('rows', 't')) WHERE x[1] % 7 = 1")
    assert [str(each[1]) for each in found.description or []][1] == "FLOAT[3]"
    for x, y in found.fetchall():
        assert tuple(map(float, x)) == y


def test_null_rows_and_null_names_give_null(db: Connection) -> None:
    load(db, "same", models.identity("float32"))
    db.execute("CREATE TABLE t AS SELECT range AS i, range::FLOAT AS x FROM range(3000)")
    pick = "CASE WHEN i % 2 = 0 THEN {'x': x} END"
    rows = column(db, f"SELECT edgeonnx_predict_struct('same', {pick}) FROM t")
    assert rows == [None if i % 2 else {"y": float(i)} for i in range(3000)]
    rows = column(db, f"SELECT edgeonnx_predict_lists('same', 'y real', {pick}) FROM t")
    assert [row and row.pop("real") for row in rows] == [None if i % 2 else [float(i)] for i in range(3000)]
    assert all(row is None or set(map(tuple, row.values())) == {()} for row in rows)
    assert column(db, "SELECT edgeonnx_predict(NULL, x) FROM t LIMIT 2") == [None, None]
    assert column(db, "SELECT edgeonnx_predict_struct('same', NULL::STRUCT(x FLOAT))") == [None]
    assert column(db, "SELECT edgeonnx_predict_struct('same', NULL)") == [None]
    assert "NULL_VALUE" in message(db, "SELECT edgeonnx_predict('same', NULL)")


# ------------------------------------------------------------------------------------------------------------------------- results


def test_outputs_keep_their_types(db: Connection) -> None:
    dtypes = {"bool": "BOOLEAN", "int8": "TINYINT", "uint8": "UTINYINT", "int16": "SMALLINT", "uint16": "USMALLINT", "int32": "INTEGER",
              "uint32": "UINTEGER", "int64": "BIGINT", "uint64": "UBIGINT", "float32": "FLOAT", "float64": "DOUBLE"}  # fmt: skip
    top = {"uint64": 2**64 - 1, "int64": -(2**63), "float64": 0.1, "float32": 0.5, "bool": True}
    values = [top.get(dtype, 3) for dtype in dtypes]
    load(db, "many", models.identities(*dtypes))
    columns = ", ".join(f"'{value}'::{kind} AS x{i}" for i, (value, kind) in enumerate(zip(values, dtypes.values(), strict=True)))
    db.execute(f"CREATE TABLE t AS SELECT {columns}")
    found = db.execute("FROM query(edgeonnx_predict_sql('many', 't'))")
    assert [str(each[1]) for each in found.description or []][len(dtypes) :] == list(dtypes.values())
    assert list((found.fetchone() or ())[len(dtypes) :]) == values
    (named,) = column(db, "SELECT edgeonnx_predict_struct('many', t) FROM t")
    assert named == {f"y{i}": value for i, value in enumerate(values)}
    assert column(db, "SELECT edgeonnx_predict_struct('many', t)['y7'].bigint FROM t") == [-(2**63)]


def test_wide_output_is_an_array_or_one_entry_a_value(db: Connection) -> None:
    load(db, "rows", models.identity("float32", ("N", 3)))
    db.execute("CREATE TABLE t AS SELECT 1 AS a, 2 AS b, 3 AS c")
    assert db.execute("SELECT y FROM query(edgeonnx_predict_sql('rows', 't'))").fetchall() == [((1.0, 2.0, 3.0),)]
    assert column(db, "SELECT edgeonnx_predict_struct('rows', t) FROM t") == [{"y[1]": 1.0, "y[2]": 2.0, "y[3]": 3.0}]
    assert "SHAPE_MISMATCH: edgeonnx_predict gives one value a row, model 'rows' has the outputs y (3 values)" in message(
        db, "SELECT edgeonnx_predict('rows', a, b, c) FROM t"
    )


def test_macro_gives_a_struct_and_scores_once(db: Connection) -> None:
    case = trained_linear.LINEAR["logistic-3-zipmap"]()
    load(db, "logit", case.model)
    x = case.feed(100)["X"]
    names = [f"f{i}" for i in range(x.shape[1])]
    db.execute(f"CREATE TABLE t AS SELECT * FROM (VALUES {', '.join(map(str, map(tuple, x.tolist())))}) AS t ({', '.join(names)})")
    edgeonnx.duckdb.macro(db, "logit", "churn")
    uses = "SELECT uses FROM edgeonnx_models()"
    (before,) = column(db, uses)
    found = db.execute("SELECT unnest(churn(t)) FROM t")
    kinds = {each[0]: str(each[1]) for each in found.description or []}
    assert kinds == {"output_label": "BIGINT"} | {f"output_probability_{i}": "FLOAT" for i in range(3)}
    expected = models.run(case.model, case.feed(100), zipmaps=case.zipmaps)
    got = np.array(found.fetchall(), np.float64)
    for i, name in enumerate(kinds):
        np.testing.assert_allclose(got[:, i], expected[name], rtol=1e-5, atol=1e-6)
    assert column(db, uses) == [before + 1]


def test_views_and_joins_take_scores_like_any_table(db: Connection) -> None:
    load(db, "sum", models.affine(("a", "b")))
    db.execute("CREATE TABLE t AS SELECT range AS a, 1.5 AS b, 'note ' || range AS note FROM range(10)")
    db.execute("CREATE VIEW scored AS FROM query(edgeonnx_predict_sql('sum', '(SELECT * FROM t WHERE a > 3)'))")
    assert column(db, "SELECT total FROM scored JOIN t USING (a) ORDER BY a DESC") == [a + 3.0 for a in range(9, 3, -1)]
    load(db, "sum", models.affine(("b", "a")))
    assert column(db, "SELECT total FROM scored ORDER BY a") == [1.5 + 2 * a for a in range(4, 10)]


# -------------------------------------------------------------------------------------------------------------------------- models


def test_models_come_from_paths_bytes_and_duckdbs_own_files(db: Connection, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "it's.onnx"
    path.write_bytes(models.identity("float32"))
    assert db.execute("SELECT edgeonnx_load('one', ?)", [str(path)]).fetchall() == [(True,)]
    assert db.execute("SELECT edgeonnx_load('two', content) FROM read_blob(?)", [str(path)]).fetchall() == [(True,)]
    assert db.execute("SELECT name, bytes, settings FROM edgeonnx_models()").fetchall() == [
        ("one", path.stat().st_size, ""), ("two", path.stat().st_size, "")
    ]  # fmt: skip
    assert column(db, "SELECT edgeonnx_drop('one')") == [1]
    assert "NOT_FOUND: there is no model 'one'; loaded are 'two'" in message(db, "SELECT edgeonnx_predict('one', 1)")


def test_ports_tell_inputs_and_outputs(db: Connection) -> None:
    load(db, "m", models.identities("float32", "int64", shape=("N", 2)))
    assert db.execute("FROM edgeonnx_ports('m')").fetchall() == [
        ("input", 1, "x0", "real", "tensor(float)", [None, 2]),
        ("input", 2, "x1", "bigint", "tensor(int64)", [None, 2]),
        ("output", 1, "y0", "real", "tensor(float)", [None, 2]),
        ("output", 2, "y1", "bigint", "tensor(int64)", [None, 2]),
    ]


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT edgeonnx_load('m', 'nowhere.onnx')", "IO: the model file 'nowhere.onnx' can't be read: No such file"),
        ("SELECT edgeonnx_load('m', '/')", "IO: the model file '/' can't be read: Is a directory"),
        ("SELECT edgeonnx_load('m', 'none'::BLOB)", "INVALID_MODEL"),
        ("SELECT edgeonnx_load(NULL, 'm.onnx')", "INVALID_ARGUMENT: edgeonnx_load needs a name and a model"),
        ("SELECT edgeonnx_drop(NULL)", "INVALID_ARGUMENT: edgeonnx_drop needs a name"),
        ("FROM edgeonnx_ports(NULL)", "INVALID_ARGUMENT: edgeonnx_ports needs the name of a model"),
        ("FROM edgeonnx_ports('who')", "NOT_FOUND: there is no model 'who'"),
        ("SELECT edgeonnx_predict_sql('who', 't')", "NOT_FOUND: there is no model 'who'"),
        ("SELECT edgeonnx_predict_struct('same', 1)", "TYPE_MISMATCH: the last argument must be a STRUCT of the columns"),
        ("SELECT edgeonnx_predict('same')", "SHAPE_MISMATCH"),
        ("SELECT edgeonnx_predict('same', 1, 2)", "the data have 2 values a row, the model takes 1"),
        ("SELECT edgeonnx_predict('whole', 3e10)", "OVERFLOW 232: model 'whole': Arithmetic overflow error for type int"),
        ("SELECT edgeonnx_load('', 'm.onnx')", "IO"),
        ("SELECT edgeonnx_predict_sql('same', ' ')", "edgeonnx_predict_sql needs a table's name or a query"),
        ("SELECT edgeonnx_predict_with('same', 1, {'x': 1})", "the second argument must be a STRUCT of outputs and their types"),
        ("SELECT edgeonnx_predict_with('same', {'y': 1}, {'x': 1})", "the type of output 'y' must be text"),
        ("SELECT edgeonnx_predict_with('same', {'y': 'date'}, {'x': 1})", "INVALID_ARGUMENT"),
        (
            "SELECT edgeonnx_predict_with('same', {'z': 'float'}, {'x': 1})",
            "NOT_FOUND: model 'same': output 'z': the model has no such output",
        ),
        ("SELECT edgeonnx_check('same', {'y': 'float'}, {'q': 1})", "NOT_FOUND: model 'same': input 'x'"),
        ("SELECT edgeonnx_model('abc', NULL, '')", "INVALID_MODEL: the model is NULL"),
        ("SELECT edgeonnx_cast_int('1.5')", "Conversion failed when converting the value '1.5' to data type int"),
        ("SELECT edgeonnx_cast_int(DATE '2024-02-29')", "TYPE_MISMATCH: column 'value' is DATE, asked for as int"),
        ("SELECT edgeonnx_cast_decimal(1, 'int')", "edgeonnx_cast_decimal makes decimals, 'int' is none"),
    ],
)
def test_bad_call_says_what_is_wrong(db: Connection, sql: str, words: str) -> None:
    load(db, "same", models.identity("float32"))
    load(db, "whole", models.identity("int32"))
    with pytest.raises(duckdb.Error) as caught:
        db.execute(sql).fetchall()
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "words"), [("nulls=maybe", "nulls=maybe is no setting"), ("nulls=nan, NULLS=error", "NULLS is set twice")]
)
def test_bad_setting_is_named(db: Connection, settings: str, words: str) -> None:
    with pytest.raises(duckdb.InvalidInputException, match=words):
        load(db, "m", models.identity("float32"), settings)


def test_model_needs_a_name(db: Connection) -> None:
    with pytest.raises(duckdb.InvalidInputException, match="a model needs a name"):
        load(db, "", models.identity("float32"))


def test_hundred_models_by_row(db: Connection) -> None:
    for i in range(100):
        load(db, f"m{i}", models.affine(tuple("ab")) if i % 2 else models.affine(tuple("ba")))
    db.execute("CREATE TABLE t AS SELECT range AS i, 'm' || range % 100 AS which, range % 10 AS a, 2 AS b FROM range(10000)")
    assert column(db, "SELECT edgeonnx_predict(which, a, b) FROM t") == [i % 10 + 4.0 for i in range(10000)]


def test_models_by_row_that_name_their_outputs_otherwise_are_refused(db: Connection) -> None:
    load(db, "one", models.identity("float32"))
    load(db, "two", models.identity("float32", output="other"))
    db.execute("CREATE TABLE t AS SELECT CASE WHEN range % 2 = 0 THEN 'one' ELSE 'two' END AS which, 1.0 AS x FROM range(10)")
    text = message(db, "SELECT edgeonnx_predict_struct(which, {'x': x}) FROM t")
    assert "models 'one' and 'two' give their outputs other names ('y', 'other')" in text


def test_macro_of_a_model_that_returns_something_else_is_refused(db: Connection) -> None:
    load(db, "turning", models.identity("float32"))
    edgeonnx.duckdb.macro(db, "turning", "turn")
    load(db, "turning", models.negated())  # of the same outputs
    assert column(db, "SELECT turn({'x': 1}).y") == [-1.0]
    load(db, "turning", models.identity("int64"))
    assert "model 'turning' returns y bigint now; this macro was made of a model that returned y real" in message(
        db, "SELECT turn({'x': 1}).y"
    )


def test_source_of_predict_sql_needs_no_parentheses(db: Connection) -> None:
    load(db, "same", models.identity("float32"))
    for source in ("SELECT 5 AS x", " select 5 AS x -- five", "(SELECT 5 AS x) -- five", "FROM (VALUES (5)) AS v(x)"):
        assert db.execute("FROM query(edgeonnx_predict_sql('same', ?))", [source]).fetchall() == [(5, 5.0)]


@pytest.mark.parametrize(
    ("declared", "kind", "value", "member", "expected"),
    [
        ("float", "FLOAT", "1.5", "float", 1.5),
        ("real", "FLOAT", "1.5", "real", 1.5),
        ("bigint NOT NULL", "FLOAT", "-1.9", "bigint", -1),
        ("tinyint", "FLOAT", "255.9", "bigint", 255),
        ("bit", "FLOAT", "0.4", "bit", True),
        ("numeric(25,17)", "FLOAT", "0.5", "decimal", "0.50000000000000000"),
        ("decimal(9,2)", "FLOAT", "-0.125", "decimal", "-0.13"),
        ("decimal", "FLOAT", "2.5", "decimal", "3"),
        ("money", "FLOAT", "-1234.5", "decimal", "-1234.5000"),
        ("decimal(38,0)", "FLOAT", "1e30", "decimal", "1000000015047466219876688855040"),
    ],
)
def test_with_list_converts_as_tsql_does(db: Connection, declared: str, kind: str, value: str, member: str, expected: Any) -> None:
    load(db, "same", models.identity("float32"))
    sql = f"SELECT edgeonnx_predict_with('same', {{'y': '{declared}'}}, {{'x': {value}::{kind}}}).\"{member}\""
    assert column(db, sql) == [[expected]]
    assert column(db, sql.replace("edgeonnx_predict_with", "edgeonnx_check").rsplit(".", 1)[0]) == [True]


def test_model_by_content_is_loaded_once(db: Connection) -> None:
    keep = "SELECT edgeonnx_model(sha256(?::BLOB), ?::BLOB, ?)"
    model = models.identity("float32")
    names = {db.execute(keep, [model, model, settings]).fetchone()[0] for settings in ("", "", "nulls=nan", "nulls=nan")}  # type: ignore[index]
    assert names == set(column(db, "SELECT name FROM edgeonnx_models()"))
    assert sorted(column(db, "SELECT settings FROM edgeonnx_models()")) == ["", "nulls=nan"]
    (plain,) = [name for name in names if " " not in name]
    assert column(db, f"SELECT edgeonnx_predict('{plain}', 7)") == [7.0]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("edgeonnx_cast_int(10.6496)", 10),
        ("edgeonnx_cast_int(-10.6496::DOUBLE)", -10),
        ("edgeonnx_cast_int(' -12 ')", -12),
        ("edgeonnx_cast_int('')", 0),
        ("edgeonnx_cast_int(NULL)", None),
        ("edgeonnx_cast_bit('TRUE')", True),
        ("edgeonnx_cast_bit('false')", False),
        ("edgeonnx_cast_bit(0.4)", True),
        ("edgeonnx_cast_tinyint(255::HUGEINT)", 255),
        ("edgeonnx_cast_real(16777217)", 16777216.0),
        ("edgeonnx_cast_float('1e3')", 1000.0),
        ("edgeonnx_cast_decimal(2.345::DOUBLE, 'decimal(9,2)')", "2.35"),
        ("edgeonnx_cast_decimal(' 12.345 ', 'decimal(9,2)')::DECIMAL(9,2)::VARCHAR", "12.35"),
        ("edgeonnx_try_cast_int('1.5')", None),
        ("edgeonnx_try_cast_tinyint(300)", None),
        ("edgeonnx_try_cast_float('nan')", None),
        ("edgeonnx_try_cast_decimal(1000, 'decimal(3,1)')", None),
    ],
)
def test_casts_are_those_of_tsql(db: Connection, sql: str, expected: Any) -> None:
    assert column(db, f"SELECT {sql}") == [expected]


# ---------------------------------------------------------------------------------------------- threads, interrupts, forks, leaks


def test_statement_is_scored_by_one_model_or_fails(db: Connection) -> None:
    plus, minus = models.identity(), models.negated()
    load(db, "turning", plus)
    db.execute("CREATE TABLE t AS SELECT 1.0::FLOAT AS x FROM range(2000000)")
    outcomes: set[Any] = set()
    stop = threading.Event()

    def score() -> None:
        own = db.cursor()
        while not stop.is_set():
            try:
                outcomes.add(tuple(sorted(column(own, "SELECT DISTINCT y FROM query(edgeonnx_predict_sql('turning', 't'))"))))
            except duckdb.Error as error:
                outcomes.add(
                    "replaced" if "INVALID_STATE: model 'turning' was replaced while this statement ran" in str(error) else str(error)
                )

    threads = [threading.Thread(target=score) for _ in range(2)]
    for thread in threads:
        thread.start()
    for i in range(80):
        load(db, "turning", plus if i % 2 else minus)
        time.sleep(0.01)
    stop.set()
    for thread in threads:
        thread.join()
    assert "replaced" in outcomes
    assert outcomes <= {(1.0,), (-1.0,), "replaced"}


def test_threads_of_duckdb_give_the_answers_of_one(db: Connection) -> None:
    load(db, "logit", trained_linear.LINEAR["logistic-3-zipmap"]().model)
    columns = ", ".join(f"sin(range * {i + 1})::FLOAT AS f{i}" for i in range(6))
    db.execute(f"CREATE TABLE t AS SELECT {columns} FROM range(500000)")
    sums = []
    for n_threads in (1, 4):
        db.execute(f"SET threads = {n_threads}")
        sums.append(db.execute("SELECT count(*), sum(output_label), bit_xor(hash(output_probability_1)) FROM query("
                               "edgeonnx_predict_sql('logit', 't'))").fetchall())  # fmt: skip
    assert sums[0] == sums[1]
    assert sums[0][0][0] == 500000


def test_connections_score_while_the_model_is_replaced(db: Connection) -> None:
    ab, ba = models.affine(("a", "b")), models.affine(("b", "a"))
    load(db, "turning", ab)
    wrong: list[Any] = []
    stop = threading.Event()

    def score() -> None:
        own = db.cursor()
        try:
            while not stop.is_set():
                found = set(column(own, "SELECT DISTINCT edgeonnx_predict('turning', 1, range * 0) FROM range(5000)"))
                if not found <= {1.0}:
                    wrong.append(found)
        except duckdb.Error as error:
            wrong.append(str(error))

    threads = [threading.Thread(target=score) for _ in range(3)]
    for thread in threads:
        thread.start()
    for i in range(60):
        load(db, "turning", ab if i % 2 else ba)
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_interrupt_ends_a_query_soon(db: Connection) -> None:
    load(db, "deep", models.deep_network())
    timer = threading.Timer(0.5, db.interrupt)
    timer.start()
    start = time.monotonic()
    with pytest.raises(duckdb.InterruptException):
        db.execute("SELECT sum(edgeonnx_predict('deep', x, x, x, x)) FROM (SELECT sin(range) AS x FROM range(100_000_000))").fetchall()
    timer.join()
    assert time.monotonic() - start < 20
    assert column(db, "SELECT 1") == [1]


FORKED = """
import os, sys, warnings
sys.path.insert(0, sys.argv[1])
warnings.simplefilter("ignore")  # of newer Pythons: a fork with threads about
from face_duckdb import connect
import models
model = models.identity("float32")
def score():
    db = connect(threads="1")
    names = [name for name, in db.execute("SELECT name FROM edgeonnx_models()").fetchall()]
    db.execute("SELECT edgeonnx_load('same', ?::BLOB)", [model])
    return names, db.execute("SELECT edgeonnx_predict('same', range) FROM range(3)").fetchall()
assert score() == ([], [(0.0,), (1.0,), (2.0,)])
child = os.fork()
if child == 0:
    os._exit(0 if score() == ([], [(0.0,), (1.0,), (2.0,)]) else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_child_of_a_fork_begins_without_models() -> None:
    run_python(FORKED, str(pathlib.Path(__file__).parent))


def memory() -> int:
    return int(pathlib.Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_nothing_is_left_behind() -> None:
    def once() -> None:
        db = connect()
        load(db, "leak", models.affine(("a", "b")))
        for sql in (
            "SELECT edgeonnx_predict('leak', range, 2) FROM range(3000)",
            "SELECT edgeonnx_predict_struct('leak', {'a': range, 'b': 2.0::DECIMAL(4,1)}) FROM range(3000)",
            "FROM query(edgeonnx_predict_sql('leak', '(SELECT range AS a, 1 AS b FROM range(3000))'))",
            "FROM edgeonnx_ports('leak')",
        ):
            db.execute(sql).fetchall()
        for sql in ("SELECT edgeonnx_predict('leak', 'text', 2)", "SELECT edgeonnx_predict('leak', NULL, 2)", "FROM edgeonnx_ports('who')"):
            with pytest.raises(duckdb.Error):
                db.execute(sql).fetchall()
        db.execute("SELECT edgeonnx_drop('leak')")
        db.close()

    once()
    objects, bytes_before = _core.live_objects(), 0
    for i in range(60):
        once()
        if i == 20:
            bytes_before = memory()
    assert _core.live_objects() == objects
    assert memory() - bytes_before < 16 << 20


def test_closed_database_lets_go_of_its_file(tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "data.db")
    db = connect(path)
    load(db, "same", models.identity("float32"))
    db.execute("CREATE TABLE t AS SELECT 1.5 AS x")
    db.close()
    other = "import duckdb, sys; print(duckdb.connect(sys.argv[1]).execute('FROM t').fetchall())"
    assert "1.5" in run_python(other, path).stdout
    with connect() as again:
        again.execute("SELECT edgeonnx_drop('same')")


# ------------------------------------------------------------------------------------------------------------------------- loading


def test_load_needs_a_database_that_takes_unsigned_extensions() -> None:
    with duckdb.connect() as plain, pytest.raises(eo.InvalidState, match=r"open it with duckdb\.connect"):
        edgeonnx.duckdb.load(plain)


def test_load_without_the_extension_says_how_to_build_it(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setattr(edgeonnx.duckdb, "get_library", lambda: str(tmp_path / "libedgeonnx.so"))
    with duckdb.connect() as plain, pytest.raises(eo.FileError, match="EDGEONNX_DUCKDB=ON"):
        edgeonnx.duckdb.load(plain)


README = pathlib.Path(__file__).parent.parent / "cpp" / "adapters" / "duckdb" / "README.md"


@pytest.mark.skipif(not README.exists(), reason="needs the sources: the adapter's README is among them")
def test_readme_of_the_adapter_works_as_printed() -> None:
    (snippet,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert "182.67" in run_python(snippet).stdout


@pytest.mark.skipif(shutil.which("nm") is None, reason="needs nm (binutils)")
def test_extension_exports_its_entry_point_alone() -> None:
    listing = subprocess.run(["nm", "-D", "--defined-only", edgeonnx.duckdb.extension_path()], capture_output=True, text=True, check=True)
    assert [line.split()[-1] for line in listing.stdout.splitlines()] == ["edgeonnx_init_c_api"]
