"""The race: contenders agree, then take turns at batches of growing size, as far as the time goes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy

from edgeonnx._bench._agreement import Agreement, compare
from edgeonnx._bench._contenders import EDGEONNX, ESTIMATOR
from edgeonnx._bench._worker import Worker
from edgeonnx._bench._workload import Workload
from edgeonnx._errors import InvalidArgument

_ROUNDS = 7
_FEWEST_ROUNDS = 3
# onnxruntime's threads spin for a while after a run; the next turn is not to pay for it.
_PAUSE_S = 0.05
_TURN_S = 0.2
_CHECKED_ROWS = 1000
_ALWAYS = 0.1  # of the time: what takes less is measured even where the time is over
_FOR_MEMORY = 0.15  # of the time; processes have to start anew for it


@dataclass(frozen=True)
class Budget:
    """How long it may all take, and how many rounds there are at the most."""

    seconds: float = 20.0
    n_rounds: int = _ROUNDS


@dataclass(frozen=True)
class Measured:
    """One contender at one batch size.

    Attributes
    ----------
    round_s
        Seconds of a call, the mean of each round.
    call_s
        Seconds of single calls of all rounds, in ascending order.
    """

    round_s: tuple[float, ...]
    call_s: tuple[float, ...]

    @property
    def median_s(self) -> float:
        """The median round."""
        return statistics.median(self.round_s)

    @property
    def spread(self) -> float:
        """The slowest round over the fastest."""
        return max(self.round_s) / min(self.round_s)

    def percentile_s(self, percent: float) -> float:
        """Of single calls."""
        return float(numpy.percentile(self.call_s, percent))


@dataclass(frozen=True)
class Batch:
    """All contenders at one batch size, measured in the same rounds."""

    n_rows: int
    measured: dict[str, Measured]

    def ratio(self, name: str) -> float:
        """How many times as long as edgeonnx a contender takes: the median of the rounds' ratios."""
        ours = self.measured[EDGEONNX].round_s
        return statistics.median(b / a for a, b in zip(ours, self.measured[name].round_s, strict=True))


@dataclass
class Race:
    """What was measured.

    Attributes
    ----------
    versions, load_s, peak_bytes
        By contender; `peak_bytes` is how far its process grew at the most while it scored the largest batch, in a process of its own.
    agreements
        By contender, with edgeonnx.
    batches
        In ascending order.
    left_out
        Batch sizes that were asked for and not measured, and why.
    """

    versions: dict[str, str]
    load_s: dict[str, float]
    agreements: dict[str, Agreement] = field(default_factory=dict)
    batches: list[Batch] = field(default_factory=list)
    peak_bytes: dict[str, int] = field(default_factory=dict)
    left_out: dict[int, str] = field(default_factory=dict)


def race(
    names: Sequence[str],
    workload: Workload,
    batch_sizes: Sequence[int],
    budget: Budget = Budget(),
    *,
    measures_memory: bool = True,
    on_progress: Callable[[str], object] = lambda step: None,
) -> Race:
    """Let contenders score the same rows; the first must be edgeonnx.

    Raises
    ------
    Disagreement
        Their answers differ.
    InvalidArgument
        No batch size can be measured in the time.
    edgeonnx.Error
        What a contender raised.
    """
    began = time.perf_counter()
    with ExitStack() as stack:
        workers: dict[str, Worker] = {}
        for name in names:
            on_progress(f"loading, {name}")
            workers[name] = stack.enter_context(Worker(name, workload))
        result = Race(
            {name: worker.started.version for name, worker in workers.items()},
            {name: worker.started.load_s for name, worker in workers.items()},
        )
        fixed = max(worker.started.fixed_batch for worker in workers.values()) or 1
        on_progress("comparing answers")
        n_checked = max(1, min(_CHECKED_ROWS, workload.n_rows) // fixed) * fixed
        ours = workers[EDGEONNX].answers(n_checked)
        for name in names[1:]:
            theirs = workers[name].answers(n_checked)
            result.agreements[name] = compare(name, ours, theirs, is_estimator=name == ESTIMATOR)
        # However slow processes start, half of the time is for what is measured.
        ready = time.perf_counter()
        deadline = max(began + budget.seconds * (1 - _FOR_MEMORY * measures_memory), ready + budget.seconds / 2)
        sizes = sorted(set(batch_sizes))
        for place, n_rows in enumerate(sizes):
            if n_rows % fixed:
                result.left_out[n_rows] = f"the model takes exactly {fixed} rows at a time"
                continue
            on_progress(f"{n_rows:,} rows a call")
            seconds = (deadline - time.perf_counter()) / (len(sizes) - place)
            allowed_s = max(deadline - time.perf_counter(), budget.seconds * _ALWAYS)
            expected_s = _expected_s(workers, result.batches[-1], n_rows, allowed_s) if result.batches else 0.0
            if expected_s > allowed_s:
                result.left_out |= {each: _too_long(expected_s * each / n_rows) for each in sizes[place:]}
                break
            batch, needed_s = _batch(workers, n_rows, seconds, allowed_s, budget.n_rounds)
            if batch is None:
                result.left_out |= {each: _too_long(needed_s * each / n_rows) for each in sizes[place:]}
                break
            result.batches.append(batch)
    if not result.batches:
        raise InvalidArgument(
            "none of the batch sizes was measured: " + "; ".join(f"{size:,} rows: {why}" for size, why in result.left_out.items())
        )
    if measures_memory:
        for name in names:
            on_progress(f"memory, {name}")
            with Worker(name, workload) as worker:
                result.peak_bytes[name] = worker.peak_growth(result.batches[-1].n_rows, fixed)
                result.load_s[name] = min(result.load_s[name], worker.started.load_s)
    return result


def _expected_s(workers: dict[str, Worker], before: Batch, n_rows: int, allowed_s: float) -> float:
    """Of the fewest rounds, by a smaller batch. Of few rows most time is for the call itself, so batches between are tried where rows
    would cost too much if each cost as much as those.
    """
    at, call_s = before.n_rows, sum(each.median_s for each in before.measured.values())
    while True:
        expected_s = (1 + _FEWEST_ROUNDS) * call_s * n_rows / at
        if expected_s <= allowed_s or at * 10 >= n_rows or call_s * 10 > allowed_s:
            return expected_s
        at *= 10
        call_s = sum(worker.turn(at, 0)[0] for worker in workers.values())


def _too_long(seconds: float) -> str:
    return f"would take about {max(1.0, seconds):.0f} s; give more time by --seconds"


def _batch(workers: dict[str, Worker], n_rows: int, seconds: float, allowed_s: float, n_rounds: int) -> tuple[Batch | None, float]:
    """Measure one batch size in about that time, or find that it would take longer than is allowed: then nothing, and how long."""
    # The first call of each makes its batch and warms it up; it also tells how long a round will be.
    first_s: dict[str, float] = {}
    for name, worker in workers.items():
        first_s[name] = worker.turn(n_rows, 0)[0]
        needed_s = sum(first_s.values()) * (1 + _FEWEST_ROUNDS)
        if needed_s > allowed_s:
            return None, needed_s * len(workers) / len(first_s)
    n_turns = len(workers) * n_rounds
    turn_s = min(_TURN_S, max(0.0, seconds / n_turns - _PAUSE_S))
    times: dict[str, list[list[float]]] = {name: [] for name in workers}
    end = time.perf_counter() + seconds
    for done in range(n_rounds):
        if done >= _FEWEST_ROUNDS and time.perf_counter() > end:
            break
        for name, worker in workers.items():
            time.sleep(_PAUSE_S)
            times[name].append(worker.turn(n_rows, turn_s))
    measured = {
        name: Measured(tuple(statistics.fmean(each) for each in rounds), tuple(sorted(s for each in rounds for s in each)))
        for name, rounds in times.items()
    }
    return Batch(n_rows, measured), needed_s
