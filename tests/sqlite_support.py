"""What the tests of the SQLite extension share: a connection with it, and models in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from edgeonnx import _core
from face_sqlite import connect


def forget_models(db: Any) -> None:
    for (name,) in list(db.execute("SELECT name FROM edgeonnx_models")):
        db.execute("SELECT edgeonnx_drop(?)", (name,))


@pytest.fixture
def db() -> Iterator[Any]:
    """A connection with the extension, and nothing left when it is closed but what the models are."""
    connection = connect()
    forget_models(connection)
    before = _core.live_objects()
    yield connection
    forget_models(connection)
    connection.close()
    assert _core.live_objects() <= before


def load(db: Any, name: str, model: bytes, settings: str | None = None) -> None:
    db.execute("SELECT edgeonnx_load(?, ?, ?)", (name, model, settings))


def rows(db: Any, sql: str, *values: Any) -> list[Any]:
    return list(db.execute(sql, values))
