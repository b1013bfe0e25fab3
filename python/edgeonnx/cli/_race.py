"""Times scoring of the same columns by edgeonnx and by ONNX Runtime's own session, each in a process of its own.

Two runtimes in one process would share the cores with each other's idle threads; one after the other would charge a slow moment
of the machine to one side only. So the two take turns, and the median round counts.
"""

import signal
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeonnx import Scorer, _tutorial
from edgeonnx.cli._error import CommandError

_ROUNDS = 7
# ONNX Runtime's pool spins for a while after a run; the next round is not to pay for it.
_PAUSE_S = 0.1
# float32 sums of ten terms, added in another order.
_TOLERANCE = 1e-5

_score: Callable[[], NDArray[Any]]


@dataclass(frozen=True)
class Race:
    """Median seconds of each side for the same rows, and how far the answers lay apart."""

    n_rows: int
    edgeonnx_s: float
    onnxruntime_s: float
    worst_difference: float


def race(model: bytes, n_rows: int) -> Race:
    """Score `n_rows` rows with both.

    Raises
    ------
    CommandError
        If the answers differ by more than float32 rounding.
    """
    with _side(_prepare_edgeonnx, model, n_rows) as ours, _side(_prepare_onnxruntime, model, n_rows) as theirs:
        mine, other = ours.submit(_answer).result(), theirs.submit(_answer).result()
        worst = float(np.max(np.abs(mine - other), initial=0.0))
        if not np.allclose(mine, other, rtol=_TOLERANCE, atol=0.0):
            raise CommandError(f"edgeonnx and onnxruntime disagree by {worst:g}: please report this")
        rounds = [(_timed(ours), _timed(theirs)) for _ in range(_ROUNDS)]
    return Race(n_rows, statistics.median(a for a, _ in rounds), statistics.median(b for _, b in rounds), worst)


def _side(prepare: Callable[[bytes, int], None], model: bytes, n_rows: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=prepare, initargs=(model, n_rows))


def _timed(side: ProcessPoolExecutor) -> float:
    time.sleep(_PAUSE_S)
    return side.submit(_seconds).result()


# What follows runs in the two processes. Ctrl-C is for their parent, which ends them.


def _prepare_edgeonnx(model: bytes, n_rows: int) -> None:
    global _score
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    scorer = Scorer(model)
    columns = _tutorial.sample(_tutorial.load()[0], n_rows)
    _score = lambda: scorer.score(columns)[_tutorial.OUTPUT]  # noqa: E731


def _prepare_onnxruntime(model: bytes, n_rows: int) -> None:
    global _score
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import onnxruntime

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    feeds = {name: column.reshape(-1, 1) for name, column in _tutorial.sample(_tutorial.load()[0], n_rows).items()}
    _score = lambda: session.run([_tutorial.OUTPUT], feeds)[0]  # noqa: E731


def _answer() -> NDArray[Any]:
    return np.asarray(_score()).ravel()


def _seconds() -> float:
    started = time.perf_counter()
    _score()
    return time.perf_counter() - started
