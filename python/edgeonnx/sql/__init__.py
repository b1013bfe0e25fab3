"""T-SQL with PREDICT, on an embedded DuckDB.

>>> import edgeonnx.sql
>>> with edgeonnx.sql.connect() as connection:
...     connection.execute("CREATE TABLE t (id INT IDENTITY(1,1), x FLOAT); INSERT INTO t (x) VALUES (2.5), (?)", [7]).rowcount
2
"""

from __future__ import annotations

try:
    from edgeonnx.sql._connection import Connection, connect
except ImportError as error:
    if error.name not in ("duckdb", "sqlglot"):
        raise
    raise ImportError(f"edgeonnx.sql needs {error.name}: pip install 'edgeonnx[sql]'", name=error.name) from None

__all__ = ["Connection", "connect"]
