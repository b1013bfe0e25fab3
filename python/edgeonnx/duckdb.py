"""edgeonnx inside DuckDB: SQL functions that score ONNX models; cpp/adapters/duckdb/README.md describes them.

>>> import duckdb
>>> import edgeonnx.duckdb
>>> connection = edgeonnx.duckdb.load(duckdb.connect(config={"allow_unsigned_extensions": "true"}))
>>> connection.execute("SELECT name FROM edgeonnx_models() WHERE name = 'churn'").fetchall()
[]
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeVar

from edgeonnx import _core
from edgeonnx._errors import FileError, InvalidState
from edgeonnx._runtime import get_library, library_path

__all__ = ["extension_path", "load", "macro"]

Connection = TypeVar("Connection")


def extension_path() -> str:
    """Path of `edgeonnx.duckdb_extension`, for LOAD in a DuckDB of any language.

    Raises
    ------
    FileError
        This edgeonnx was built without it.
    """
    path = Path(get_library()).with_name("edgeonnx.duckdb_extension")
    if not path.exists():
        raise FileError(
            f"there is no {path}: this edgeonnx was built without the DuckDB extension. Build it with "
            "`pip install -C cmake.define.EDGEONNX_DUCKDB=ON .` in a clone, which tells why DuckDB's headers can't be fetched"
        )
    return str(path)


def load(connection: Connection) -> Connection:
    """Load the extension into the database of a DuckDB connection.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Made with `config={"allow_unsigned_extensions": "true"}`. All connections of its database get the functions.

    Returns
    -------
    duckdb.DuckDBPyConnection
        The same one.

    Raises
    ------
    InvalidState
        The database takes no unsigned extensions; only `duckdb.connect` can say that it does.
    FileError
        This edgeonnx was built without the extension.
    """
    path = extension_path()
    execute = connection.execute  # type: ignore[attr-defined]  # duckdb has types that mypy is not asked to read
    (allowed,) = execute("SELECT current_setting('allow_unsigned_extensions')").fetchone()
    if not allowed:
        raise InvalidState(
            "this database takes no unsigned extensions, and edgeonnx's is unsigned; open it with "
            'duckdb.connect(..., config={"allow_unsigned_extensions": "true"})'
        )
    _show_runtime()
    execute(f"LOAD '{_quoted(path)}'")
    return connection


def macro(connection: Connection, model: str, name: str) -> None:
    """Make a SQL macro that scores rows by a model and returns a STRUCT of its outputs, with their names and types.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        One that `load` had. The macro becomes part of its database.
    model : str
        Name of a model that edgeonnx_load was given.
    name : str
        Name of the macro: `SELECT name(t) FROM t`, or `SELECT name({'a': 1, 'b': 2}).score`.
    """
    execute = connection.execute  # type: ignore[attr-defined]
    (text,) = execute("SELECT edgeonnx_macro_sql(?, ?)", [model, name]).fetchone()
    execute(text)


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def _show_runtime() -> None:
    """Opens ONNX Runtime where the library would not find it by itself: in another folder than beside this package."""
    path = library_path()
    beside = Path(__file__).parent.parent / "onnxruntime"
    if path and not os.environ.get("EDGEONNX_ORT_LIBRARY") and beside not in Path(path).parents:
        _core.runtime_open(path)
