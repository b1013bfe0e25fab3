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

import contenders
from cases import Duel, make_table
from compiled import Compiled
from contenders import Array, Call, Contender

Role = Literal["edgeonnx", "rival"]
ROLES: tuple[Role, ...] = ("edgeonnx", "rival")


@dataclass(frozen=True)
class Side:
    """Who calls, and how: duels that have a side in common share its process and its rounds."""

    contender: Contender
    cpu: str | None = None


def side_of(duel: Duel, role: Role) -> Side:
    return Side(duel.ours, duel.cpu) if role == "edgeonnx" else Side(duel.theirs)


@dataclass(frozen=True)
class Started:
    """What a worker measures before its first round."""

    load_s: float
    first_call_s: float
    outputs: list[Array]
    n_threads: int | None  # as edgeonnx reports it
    compile_s: float | None  # of a rival that compiles the model, when it was compiled


@dataclass(frozen=True)
class Rounds:
    """A finished duel: seconds per call, one entry per round, both sides measured in turn."""

    seconds: dict[Role, list[float]]
    started: dict[Role, Started]

    @property
    def ratio(self) -> float:
        return ratio_of(self.seconds["edgeonnx"], self.seconds["rival"])


def ratio_of(ours: list[float], theirs: list[float]) -> float:
    """The median of the round-by-round ratios: neighbours that slow some rounds down slow down both sides of a round."""
    return float(np.median(np.divide(theirs, ours)))


def match_of(duel: Duel) -> tuple[Any, ...]:
    """What duels must have in common to be fought in the same rounds."""
    return duel.case, duel.model, duel.n_rows, duel.dtypes, duel.threads, duel.fresh


N_ROUNDS, MIN_ROUNDS, ENOUGH_S = 11, 5, 15.0  # slow calls get fewer rounds: none starts after `ENOUGH_S`, but for the first few
FRESH_ROUNDS = 7


def fight(duels: list[Duel], *, quick: bool) -> dict[str, Rounds | str]:
    """Assert of every duel of a match that both sides give the same scores, then time all sides in turn, round by round.

    By name of the duel; where one broke, why. The others go on without it.
    """
    n_rounds, round_s = (MIN_ROUNDS, 0.05) if quick else (FRESH_ROUNDS if duels[0].fresh else N_ROUNDS, 0.1)
    fought: dict[str, Rounds | str] = {}
    sides = dict.fromkeys(side_of(duel, role) for duel in duels for role in ROLES)
    with ExitStack() as stack:
        workers: dict[Side, Worker] = {}
        broken: dict[Side, str] = {}
        for side in sides:
            try:
                side.contender.model(duels[0].model)  # trained or compiled here, once, and not by every worker
                workers[side] = stack.enter_context(Worker(duels[0], side, quick=quick))
            except Exception:
                broken[side] = traceback.format_exc()
        for duel in duels:
            ours, theirs = (side_of(duel, role) for role in ROLES)
            try:
                if causes := [broken[side] for side in (ours, theirs) if side in broken]:
                    fought[duel.name] = causes[0]
                else:
                    assert_parity(workers[ours].started.outputs, workers[theirs].started.outputs, duel.rows(quick=quick), duel.strays)
            except AssertionError as error:
                fought[duel.name] = str(error)
        exact = [duel for duel in duels if duel.exact and duel.name not in fought]
        if exact:
            with Worker(exact[0], Side(contenders.ort_reference), quick=quick) as reference:
                for duel in exact:
                    if differing := bits_that_differ(workers[side_of(duel, "edgeonnx")].started.outputs, reference.started.outputs):
                        fought[duel.name] = differing
        standing = [duel for duel in duels if duel.name not in fought]
        in_turn = {side: workers[side] for side in sides if any(side in map(side_of, (duel,) * 2, ROLES) for duel in standing)}
        seconds: dict[Side, list[float]] = {side: [] for side in in_turn}
        if not duels[0].fresh:
            for worker in in_turn.values():
                worker.ask("calibrate", round_s)
        began = time.perf_counter()
        for n_done in range(n_rounds):
            if n_done >= MIN_ROUNDS and time.perf_counter() - began > ENOUGH_S:
                break
            for side, worker in in_turn.items():
                seconds[side].append(fresh_call_s(duels[0], side, quick=quick) if duels[0].fresh else worker.ask("round"))
    for duel in standing:
        by_role = {role: side_of(duel, role) for role in ROLES}
        fought[duel.name] = Rounds(
            {role: seconds[side] for role, side in by_role.items()}, {role: workers[side].started for role, side in by_role.items()}
        )
    return fought


def fresh_call_s(duel: Duel, side: Side, *, quick: bool) -> float:
    with Worker(duel, side, quick=quick) as worker:
        return worker.started.first_call_s


class Worker:
    """One side of a match in its own process, asked over a pipe. A context manager: leaving it ends the process."""

    def __init__(self, duel: Duel, side: Side, *, quick: bool) -> None:
        context = get_context("spawn")  # a fork would inherit the parent's thread pools and allocator state
        self._pipe, other_end = context.Pipe()
        self._process = context.Process(target=serve, args=(other_end, duel, side, duel.rows(quick=quick)), daemon=True)
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
    if side.cpu is not None:
        os.environ["EDGEONNX_CPU"] = side.cpu
    try:
        contender = side.contender
        model, table = contender.model(duel.model), make_table(duel.dtypes, n_rows)
        began = time.perf_counter()
        loaded = contender.load(model, duel.threads)
        load_s = time.perf_counter() - began
        call = contender.bind(loaded, table)
        began = time.perf_counter()
        result = call()
        first_call_s = time.perf_counter() - began
        n_threads = getattr(getattr(result, "report", None), "n_threads", None)
        rest()
        compile_s = model.compile_s if isinstance(model, Compiled) else None
        pipe.send(Started(load_s, first_call_s, contender.outputs(result), n_threads, compile_s))
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


def warm_up(call: Call) -> float:
    """Seconds of the last of four calls: arenas still grow and fault in fresh pages during the first three or so. Of a slow call, fewer."""
    deadline = time.perf_counter() + 1.0
    for _ in range(4):
        took = repeat(call, 1)
        if time.perf_counter() > deadline:
            break
    return took


def calls_per_round(call: Call, round_s: float) -> int:
    """How many calls fill a round of `round_s` seconds, once the calls are warm."""
    n_calls, took = 1, warm_up(call)
    while took < round_s / 4:
        n_calls *= 4
        took = repeat(call, n_calls)
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


def assert_parity(ours: list[Array], theirs: list[Array], n_rows: int, strays: float = 0.0) -> None:
    """Same number, shape and type of outputs; equal labels but where probabilities tie; close and non-constant scores.

    `strays` is the share of the rows whose scores need not be close.
    """
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
            near = np.isclose(mine, reference, rtol=1e-5, atol=1e-5 * scale)
            if np.mean(~near) > strays:
                np.testing.assert_allclose(mine, reference, rtol=1e-5, atol=1e-5 * scale, err_msg=what)


def bits_that_differ(ours: list[Array], reference: list[Array]) -> str | None:
    """How the first rows of ours differ from a session of one thread, if they do by a single bit."""
    for index, (mine, expected) in enumerate(zip(ours, reference, strict=True)):
        differing = int(np.count_nonzero(mine[: len(expected)].view(np.uint8) != expected.view(np.uint8)))
        if mine.dtype != expected.dtype or differing:
            return f"output {index}: {differing} bytes of {len(expected)} rows differ from a session of one thread"
    return None
