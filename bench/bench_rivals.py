"""The benches, as pytest-benchmark tests: every case of cases.py, both sides in one group."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cases import CONVERSIONS, STREAM, ConversionCase, Duel, duels
from conversions import Race, measure_conversions, slowest
from duel import SIDES, Rounds, Side, fight
from stream import measure_stream


class Replay:
    """Hands seconds that workers measured to pytest-benchmark, which can only time its own process, one side at a time.

    It is both the benchmark's timer and its target: a call moves the timer on by the next measured round.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self._rounds: Iterator[float] = iter(())

    def timer(self) -> float:
        return self.now

    def __call__(self) -> None:
        self.now += next(self._rounds)

    def record(self, benchmark: Any, seconds: list[float]) -> None:
        self._rounds = iter(seconds)
        benchmark.pedantic(self, rounds=len(seconds))


replay = Replay()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "rounds" not in metafunc.fixturenames:
        return
    wanted = metafunc.config.getoption("--case")
    chosen = [duel for duel in duels(quick=metafunc.config.getoption("--quick")) if not wanted or duel.case in wanted]
    marked = [pytest.param(duel, id=duel.name, marks=pytest.mark.gate if duel.gate else pytest.mark.informational) for duel in chosen]
    metafunc.parametrize("rounds", marked, indirect=True, scope="module")


@pytest.fixture(scope="module")
def rounds(request: pytest.FixtureRequest) -> tuple[Duel, Rounds]:
    """Both sides' rounds, measured in turn; the two tests of a duel share them."""
    duel: Duel = request.param
    return duel, fight(duel, quick=request.config.getoption("--quick"))


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.benchmark(timer=replay.timer)
def test_duel_parity_asserted_reaches_gate(rounds: tuple[Duel, Rounds], side: Side, benchmark: Any) -> None:
    duel, measured = rounds
    started = measured.started[side]
    benchmark.group = duel.name
    benchmark.extra_info.update(side=side, load_s=started.load_s, first_call_s=started.first_call_s, n_threads=started.n_threads)
    replay.record(benchmark, measured.seconds[side])
    if side == "rival" and duel.gate is not None and measured.ratio < duel.gate:
        pytest.fail(f"{duel.name}: {measured.ratio:.2f}x, the gate is {duel.gate:g}x", pytrace=False)


@pytest.mark.gate
@pytest.mark.benchmark(timer=replay.timer)
def test_stream_of_many_batches_keeps_memory_bounded(request: pytest.FixtureRequest, benchmark: Any) -> None:
    wanted = request.config.getoption("--case")
    if wanted and STREAM.case not in wanted:
        pytest.skip("not among the chosen cases")
    streamed = measure_stream(STREAM, STREAM.rows(quick=request.config.getoption("--quick")))
    benchmark.group = STREAM.name
    benchmark.extra_info.update(streamed.__dict__)
    replay.record(benchmark, [streamed.seconds])
    if streamed.grown_bytes >= STREAM.gate_bytes:
        grown, gate = streamed.grown_bytes >> 20, STREAM.gate_bytes >> 20
        pytest.fail(f"the process grew by {grown} MiB over {streamed.n_rows:,} rows, the gate is {gate} MiB", pytrace=False)


@pytest.fixture(scope="module")
def races(request: pytest.FixtureRequest) -> list[Race]:
    wanted, quick = (request.config.getoption(option) for option in ("--case", "--quick"))
    if wanted and CONVERSIONS[0].case not in wanted:
        pytest.skip("not among the chosen cases")
    return measure_conversions(CONVERSIONS[0].rows(quick=quick), quick=quick)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    "case", [pytest.param(case, id=case.name, marks=pytest.mark.gate if case.gate else pytest.mark.informational) for case in CONVERSIONS]
)
@pytest.mark.benchmark(timer=replay.timer)
def test_conversion_of_every_pair_reaches_gate(races: list[Race], case: ConversionCase, side: Side, benchmark: Any) -> None:
    raced = [race for race in races if {case.contender, case.ours} <= race.seconds.keys()]
    worst = slowest(raced, case.contender, case.ours)
    benchmark.group = case.name
    benchmark.extra_info.update(side=side, pair=worst.name, pairs=[(race.source, race.target, race.speeds()) for race in raced])
    replay.record(benchmark, worst.seconds[case.contender if side == "rival" else case.ours])
    ratios = {race.name: race.ratio(case.contender, case.ours) for race in raced}
    short = [f"{name} {ratio:.2f}x" for name, ratio in ratios.items() if ratio < (case.gate or 0)]
    if side == "rival" and short:
        pytest.fail(f"{case.name}: {len(short)} of {len(raced)} pairs are below {case.gate:g}x: {', '.join(short)}", pytrace=False)
