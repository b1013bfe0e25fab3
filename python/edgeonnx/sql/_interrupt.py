"""Ctrl-C while DuckDB works."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

import duckdb

__all__ = ["interruptible"]

T = TypeVar("T")

_WAKE_S = 0.1


def interruptible(connection: duckdb.DuckDBPyConnection, call: Callable[[], T]) -> T:
    """What `call` returns; Ctrl-C in the main thread ends it.

    Python hears of Ctrl-C in its main thread alone, and there only once DuckDB is done; so another thread makes the call.
    """
    if threading.current_thread() is not threading.main_thread():
        return call()
    results: list[T] = []
    errors: list[BaseException] = []
    ended = threading.Event()

    def work() -> None:
        try:
            results.append(call())
        except BaseException as error:  # raised again by who waits
            errors.append(error)
        finally:
            ended.set()

    worker = threading.Thread(target=work, daemon=True)
    stopped: BaseException | None = None
    worker.start()
    while not ended.is_set():  # until the connection is free again, however often Ctrl-C is pressed
        try:
            ended.wait(_WAKE_S)  # a signal that another thread got does not wake this one
            if stopped is not None:
                connection.interrupt()  # again: what was to be interrupted may only have begun after
        except BaseException as error:
            stopped = error
            connection.interrupt()
    if stopped is not None:
        raise stopped
    if errors:
        raise errors[0]
    return results[0]
