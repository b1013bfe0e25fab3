"""Sides of the benches: edgeonnx, and the ways a careful user would call ONNX Runtime. Other rivals are in tree_rivals.py."""

from __future__ import annotations

import itertools
import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from models import model_bytes

Array = np.ndarray[Any, Any]
Table = dict[str, Array]  # one 1-D array per column
Call = Callable[[], Any]  # what a round repeats and times

CHUNK_ROWS = (1_024, 2_048, 4_096, 8_192, 32_768)


@dataclass(frozen=True)
class Contender:
    """One way to score a table, in three steps: only what `bind` returns is timed in the steady state."""

    load: Callable[[Any, int | None], Any]  # what `model` gave, threads (None: the library's default) -> scorer or session
    bind: Callable[[Any, Table], Call]  # untimed: lays out the table as this contender wants it
    outputs: Callable[[Any], list[Array]]  # a call's result as arrays in the model's order, [N, 1] as [N]
    model: Callable[[str], Any] = model_bytes  # name -> ONNX bytes, or the files that this contender reads; untimed, cached


def n_cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def matrix_of(columns: Table) -> Array:
    return np.ascontiguousarray(np.column_stack(list(columns.values())))


# edgeonnx


def load_scorer(model: bytes, threads: int | None) -> Any:
    import edgeonnx

    return edgeonnx.Scorer(model, threads=threads)


def scores_to_arrays(scores: Any) -> list[Array]:
    return [np.asarray(array) for array in scores.values()]


def bind_score_columns(scorer: Any, table: Table) -> Call:
    return lambda: scorer.score(table)


def bind_score_matrix(scorer: Any, table: Table) -> Call:
    matrix = matrix_of(table)
    return lambda: scorer.score(matrix)


def bind_score_values(scorer: Any, table: Table) -> Call:
    values = {name: column[0].item() for name, column in table.items()}
    return lambda: scorer.score(values)


edgeonnx_columns = Contender(load_scorer, bind_score_columns, scores_to_arrays)
edgeonnx_values = Contender(load_scorer, bind_score_values, scores_to_arrays)
edgeonnx_matrix = Contender(load_scorer, bind_score_matrix, scores_to_arrays)


# ONNX Runtime


def load_session(model: bytes, threads: int | None) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    if threads is not None:
        options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def run_to_arrays(results: Sequence[Array]) -> list[Array]:
    return [array.ravel() if array.ndim == 2 and array.shape[1] == 1 else array for array in results]


def bind_feeds(session: Any, table: Table) -> Call:
    feeds = {name: column.reshape(-1, 1) for name, column in table.items()}
    return lambda: session.run(None, feeds)


def bind_stack(session: Any, table: Table) -> Call:
    name = session.get_inputs()[0].name
    return lambda: session.run(None, {name: np.column_stack(list(table.values()))})


def bind_stack_cast(session: Any, table: Table) -> Call:
    name = session.get_inputs()[0].name
    return lambda: session.run(None, {name: np.column_stack(list(table.values())).astype(np.float32)})


def bind_ready_matrix(session: Any, table: Table) -> Call:
    feeds = {session.get_inputs()[0].name: matrix_of(table)}
    return lambda: session.run(None, feeds)


EXACT_ROWS = 4_099  # a few morsels and an odd rest


def load_session_of_one_thread(model: bytes, threads: int | None) -> Any:
    return load_session(model, 1)


def bind_first_rows(session: Any, table: Table) -> Call:
    return bind_ready_matrix(session, {name: column[:EXACT_ROWS] for name, column in table.items()})


ort_feeds = Contender(load_session, bind_feeds, run_to_arrays)
ort_stack = Contender(load_session, bind_stack, run_to_arrays)
ort_stack_cast = Contender(load_session, bind_stack_cast, run_to_arrays)
ort_ready_matrix = Contender(load_session, bind_ready_matrix, run_to_arrays)
ort_reference = Contender(load_session_of_one_thread, bind_first_rows, run_to_arrays)  # whose bits ours must be


def load_session_per_thread(model: bytes, threads: int | None) -> list[Any]:
    return [load_session(model, 1) for _ in range(threads or n_cores())]


def bind_chunked(sessions: list[Any], table: Table) -> Call:
    """Chunks handed out to one thread per session as each gets free; the fastest of `CHUNK_ROWS` on this table is kept."""
    matrix = matrix_of(table)
    name = sessions[0].get_inputs()[0].name
    pool = ThreadPoolExecutor(len(sessions))

    def run_chunked(chunk_rows: int) -> list[Array]:
        result = np.empty((len(matrix), 1), np.float32)
        starts = deque(range(0, len(matrix), chunk_rows))

        def work(session: Any) -> None:
            while True:
                try:
                    start = starts.popleft()
                except IndexError:
                    return
                result[start : start + chunk_rows] = session.run(None, {name: matrix[start : start + chunk_rows]})[0]

        list(pool.map(work, sessions))
        return [result]

    seconds = dict.fromkeys(CHUNK_ROWS, np.inf)
    for _, chunk_rows in itertools.product(range(3), CHUNK_ROWS):
        began = time.perf_counter()
        run_chunked(chunk_rows)
        seconds[chunk_rows] = min(seconds[chunk_rows], time.perf_counter() - began)
    best = min(CHUNK_ROWS, key=seconds.__getitem__)
    return lambda: run_chunked(best)


ort_chunked = Contender(load_session_per_thread, bind_chunked, run_to_arrays)


# From bytes to the first score. `load` only imports; a worker that lives for one call makes every object fresh.


def import_edgeonnx(model: bytes, threads: int | None) -> tuple[bytes, int | None]:
    import edgeonnx

    edgeonnx.build_info()  # opens ONNX Runtime, as importing onnxruntime does
    return model, threads


def import_onnxruntime(model: bytes, threads: int | None) -> tuple[bytes, int | None]:
    import onnxruntime  # noqa: F401

    return model, threads


def import_nothing(model: bytes, threads: int | None) -> tuple[bytes, int | None]:
    return model, threads


def bind_first_score(arguments: tuple[bytes, int | None], table: Table) -> Call:
    matrix = matrix_of(table)
    return lambda: load_scorer(*arguments).score(matrix)


def bind_first_run(arguments: tuple[bytes, int | None], table: Table) -> Call:
    return lambda: bind_ready_matrix(load_session(*arguments), table)()


edgeonnx_first_score = Contender(import_edgeonnx, bind_first_score, scores_to_arrays)
edgeonnx_start = Contender(import_nothing, bind_first_score, scores_to_arrays)
ort_first_run = Contender(import_onnxruntime, bind_first_run, run_to_arrays)
ort_start = Contender(import_nothing, bind_first_run, run_to_arrays)
