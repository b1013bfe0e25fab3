"""Sides of the benches that live in a database: edgeonnx's extension, and ONNX Runtime in a function written in Python."""

from __future__ import annotations

from typing import Any

import numpy as np

import contenders
from contenders import Array, Call, Contender, Table, load_session, n_cores

# One output a model, so that a function of one value can give it too: the only one, or the probability of the second class.
PROBABILITIES = "probabilities"


def connect(threads: int | None) -> Any:
    import duckdb

    connection = duckdb.connect(config={"allow_unsigned_extensions": "true", "threads": str(threads or n_cores())})
    connection.execute("SET enable_progress_bar = false").fetchall()
    return connection


def fill(connection: Any, table: Table) -> str:
    """The table inside the database, and its columns as SQL lists them."""
    import pyarrow

    arrow = pyarrow.table(table)
    connection.register("arrow", arrow)
    connection.execute("CREATE OR REPLACE TABLE data AS FROM arrow").fetchall()
    connection.unregister("arrow")
    return ", ".join(table)


def column_to_arrays(columns: dict[str, Array]) -> list[Array]:
    return [np.asarray(column, np.float32) for column in columns.values()]


def load_extension(model: bytes, threads: int | None) -> Any:
    import edgeonnx.duckdb

    connection = edgeonnx.duckdb.load(connect(threads))
    connection.execute("SELECT edgeonnx_load('model', ?::BLOB)", [model]).fetchall()
    return connection


def bind_predict(connection: Any, table: Table) -> Call:
    columns = fill(connection, table)
    ports = connection.execute("SELECT name FROM edgeonnx_ports('model') WHERE direction = 'output'").fetchall()
    query = f"SELECT edgeonnx_predict('model', {columns}) AS score FROM data"
    if (PROBABILITIES,) in ports:
        chosen = f"{{'{PROBABILITIES}': 'real'}}"
        query = f"SELECT edgeonnx_predict_with('model', {chosen}, data).\"real\"[2] AS score FROM data"
    return lambda: connection.execute(query).fetchnumpy()


def load_sql(model: bytes, threads: int | None) -> Any:
    import edgeonnx.sql

    return edgeonnx.sql.connect(config={"threads": str(threads or n_cores())}), model


def bind_sql(loaded: Any, table: Table) -> Call:
    """PREDICT as users of SQL Edge write it, model table and all."""
    connection, model = loaded
    fill(connection.duckdb, table)
    connection.execute("CREATE TABLE models (id INT, data VARBINARY(MAX)); INSERT INTO models VALUES (1, ?)", [model])
    query = (
        "DECLARE @model VARBINARY(MAX) = (SELECT data FROM models WHERE id = 1);"
        "SELECT p.variable FROM PREDICT(MODEL = @model, DATA = data AS d, RUNTIME = ONNX) WITH (variable REAL) AS p"
    )
    return lambda: connection.execute(query).arrow()


def arrow_to_arrays(table: Any) -> list[Array]:
    return [column.to_numpy() for column in table.columns]


def bind_by_hand(loaded: Any, table: Table) -> Call:
    """What there is without PREDICT: fetch the columns, stack, narrow, run, and give the answers back to the database."""
    import pyarrow

    connection, session = loaded
    columns = fill(connection, table)
    name = session.get_inputs()[0].name

    def call() -> Any:
        fetched = connection.execute(f"SELECT {columns} FROM data").fetchnumpy()
        matrix = np.column_stack(list(fetched.values())).astype(np.float32)
        (result,) = session.run(None, {name: matrix})
        connection.register("answers", pyarrow.table({"variable": result.ravel()}))
        return connection.execute("SELECT variable FROM answers").fetchnumpy()

    return call


def load_function(model: bytes, threads: int | None) -> Any:
    return connect(threads), load_session(model, threads)


def bind_function(loaded: Any, table: Table) -> Call:
    """The Arrow function that a user without edgeonnx writes: stack, narrow, run."""
    import pyarrow

    connection, session = loaded
    name = session.get_inputs()[0].name
    has_classes = PROBABILITIES in [port.name for port in session.get_outputs()]

    def score(*columns: Any) -> Any:
        matrix = np.column_stack([column.to_numpy() for column in columns]).astype(np.float32)
        (result,) = session.run([PROBABILITIES] if has_classes else None, {name: matrix})
        return pyarrow.array(result[:, -1])

    connection.create_function("score", score, None, "FLOAT", type="arrow")  # None: as many columns as are given
    query = f"SELECT score({fill(connection, table)}) AS score FROM data"
    return lambda: connection.execute(query).fetchnumpy()


def bind_scorer(scorer: Any, table: Table) -> Call:
    outputs = [PROBABILITIES] if PROBABILITIES in [port.name for port in scorer.outputs] else None
    return lambda: scorer.score(table, outputs=outputs)


def last_column(scores: Any) -> list[Array]:
    return [array if array.ndim == 1 else array[:, -1] for array in contenders.scores_to_arrays(scores)]


duckdb_extension = Contender(load_extension, bind_predict, column_to_arrays)
duckdb_function = Contender(load_function, bind_function, column_to_arrays)
sql_predict = Contender(load_sql, bind_sql, arrow_to_arrays)
sql_by_hand = Contender(load_function, bind_by_hand, column_to_arrays)
scorer_beside = Contender(contenders.load_scorer, bind_scorer, last_column)
