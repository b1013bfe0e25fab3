"""Runs a duel: each side in a process of its own, rounds in turn, so that no thread pool spins beside the other's clock."""

from __future__ import annotations

import os
import time
import traceback
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Literal

import numpy as np

from cases import Duel, make_table
from contenders import Array, Call
from models import model_bytes

Side = Literal["edgeonnx", "rival"]
SIDES: tuple[Side, ...] = ("edgeonnx", "rival")


@dataclass(frozen=True)
class Started:
    """What a worker measures before its first round."""

    load_s: float
    first_call_s: float
    outputs: list[Array]
    n_threads: int | None  # as edgeonnx reports it


@dataclass(frozen=True)
class Rounds:
    """A finished duel: seconds per call, one entry per round, both sides measured in turn."""

    seconds: dict[Side, list[float]]
    started: dict[Side, Started]

    @property
    def ratio(self) -> float:
        return ratio_of(self.seconds["edgeonnx"], self.seconds["rival"])


def ratio_of(ours: list[float], theirs: list[float]) -> float:
    """The median of the round-by-round ratios: neighbours that slow some rounds down slow down both sides of a round."""
    return float(np.median(np.divide(theirs, ours)))


def fight(duel: Duel, *, quick: bool) -> Rounds:
    """Assert that both sides give the same scores, then time them: ours, rival, ours, rival."""
    n_rounds, round_s = (5, 0.05) if quick else (11, 0.1)
    n_rows = duel.rows(quick=quick)
    model_bytes(duel.model)  # trained here, once, and not by both workers at the same time
    with ExitStack() as stack:
        workers = {side: stack.enter_context(Worker(duel, side, n_rows)) for side in SIDES}
        started = {side: worker.started for side, worker in workers.items()}
        assert_parity(started["edgeonnx"].outputs, started["rival"].outputs, n_rows)
        seconds: dict[Side, list[float]] = {side: [] for side in SIDES}
        if not duel.fresh:
            for worker in workers.values():
                worker.ask("calibrate", round_s)
        for _ in range(n_rounds):
            for side, worker in workers.items():
                seconds[side].append(fresh_call_s(duel, side, n_rows) if duel.fresh else worker.ask("round"))
    return Rounds(seconds, started)


def fresh_call_s(duel: Duel, side: Side, n_rows: int) -> float:
    with Worker(duel, side, n_rows) as worker:
        return worker.started.first_call_s


class Worker:
    """One side of a duel in its own process, asked over a pipe. A context manager: leaving it ends the process."""

    def __init__(self, duel: Duel, side: Side, n_rows: int) -> None:
        context = get_context("spawn")  # a fork would inherit the parent's thread pools and allocator state
        self._pipe, other_end = context.Pipe()
        self._process = context.Process(target=serve, args=(other_end, duel, side, n_rows), daemon=True)
        self._process.start()
        other_end.close()
        self.started: Started = self._receive()

    def ask(self, *request: Any) -> Any:
        self._pipe.send(request)
        return self._receive()

    def _receive(self) -> Any:
        try:
            answer = self._pipe.recv()
        except EOFError:
            self._process.join()
            raise RuntimeError(f"a bench worker died with exit code {self._process.exitcode}") from None
        if isinstance(answer, str):
            raise RuntimeError(f"a bench worker failed:\n{answer}")
        return answer

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._pipe.close()
        self._process.join(timeout=10)
        if self._process.is_alive():
            self._process.kill()


def serve(pipe: Connection, duel: Duel, side: Side, n_rows: int) -> None:
    """The worker's life: load, first call, then rounds on request until the pipe closes. A failure is sent as text."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        contender = duel.ours if side == "edgeonnx" else duel.theirs
        model, table = model_bytes(duel.model), make_table(duel.dtypes, n_rows)
        began = time.perf_counter()
        loaded = contender.load(model, duel.threads)
        load_s = time.perf_counter() - began
        call = contender.bind(loaded, table)
        began = time.perf_counter()
        result = call()
        first_call_s = time.perf_counter() - began
        n_threads = getattr(getattr(result, "report", None), "n_threads", None)
        rest()
        pipe.send(Started(load_s, first_call_s, contender.outputs(result), n_threads))
        n_calls = 1
        while True:
            request, *arguments = pipe.recv()
            if request == "calibrate":
                n_calls = calls_per_round(call, *arguments)
                answer: float = n_calls
            else:
                answer = repeat(call, n_calls) / n_calls
            rest()
            pipe.send(answer)
    except EOFError:
        return  # the parent closed the pipe: the duel is over
    except Exception:
        pipe.send(traceback.format_exc())


def repeat(call: Call, n_calls: int) -> float:
    began = time.perf_counter()
    for _ in range(n_calls):
        call()
    return time.perf_counter() - began


def calls_per_round(call: Call, round_s: float) -> int:
    """How many calls fill a round of `round_s` seconds, once the calls are warm."""
    n_calls = 1
    repeat(call, 4)  # arenas still grow, and fault in fresh pages, during the first three calls or so
    while (took := repeat(call, n_calls)) < round_s / 4:
        n_calls *= 4
    return max(1, round(n_calls * round_s / took))


def rest(pause_s: float = 0.01, give_up_s: float = 2.0) -> None:
    """Return when no thread of this process runs any more: a pool spins for a while after its work, and the other side is next."""
    deadline = time.perf_counter() + give_up_s
    while time.perf_counter() < deadline:
        before = time.process_time()
        time.sleep(pause_s)
        if time.process_time() - before < pause_s / 10:
            return
    raise RuntimeError(f"threads still run {give_up_s} s after the last call; they would be timed with the other side")


def assert_parity(ours: list[Array], theirs: list[Array], n_rows: int) -> None:
    """Same number, shape and type of outputs; equal labels but where probabilities tie; close and non-constant scores."""
    assert len(ours) == len(theirs), f"edgeonnx gave {len(ours)} outputs, the rival {len(theirs)}"
    ties = np.zeros(n_rows, dtype=bool)
    for reference in theirs:
        if reference.ndim == 2:
            ordered = np.sort(reference, axis=1)
            ties |= ordered[:, -1] - ordered[:, -2] < 1e-6
    for index, (mine, reference) in enumerate(zip(ours, theirs, strict=True)):
        what = f"output {index}"
        assert mine.shape == reference.shape, f"{what}: edgeonnx gave shape {mine.shape}, the rival {reference.shape}"
        assert mine.dtype == reference.dtype, f"{what}: edgeonnx gave {mine.dtype}, the rival {reference.dtype}"
        assert n_rows == 1 or np.ptp(reference) > 0, f"{what}: constant, so it cannot tell a right score from a wrong one"
        if np.issubdtype(reference.dtype, np.integer):
            np.testing.assert_array_equal(mine[~ties], reference[~ties], err_msg=what)
        else:
            scale = max(1.0, float(np.abs(reference).mean()))
            np.testing.assert_allclose(mine, reference, rtol=1e-5, atol=1e-5 * scale, err_msg=what)
