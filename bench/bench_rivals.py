"""The benches, as pytest-benchmark tests: every case of cases.py, both sides in one group."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cases import CONVERSIONS, STREAM, Compared, ConversionCase, Duel, duels
from conversions import Race, measure_conversions, slowest
from duel import ROLES, Role, Rounds, fight, match_of
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


def marked(case: Compared) -> Any:
    return pytest.param(case, id=case.name, marks=pytest.mark.informational if case.target.informational else pytest.mark.gate)


def chosen_duels(config: pytest.Config) -> list[Duel]:
    wanted = config.getoption("--case")
    every = duels(quick=config.getoption("--quick"), scalar=config.getoption("--scalar"))
    return [duel for duel in every if not wanted or duel.case in wanted]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "duel" in metafunc.fixturenames:
        metafunc.parametrize("duel", [marked(duel) for duel in chosen_duels(metafunc.config)], scope="module")


@pytest.fixture(scope="module")
def fought() -> dict[str, Rounds | str]:
    """What the matches of this run have come to so far, by name of the duel."""
    return {}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.benchmark(timer=replay.timer)
def test_duel_parity_asserted_reaches_gate(
    request: pytest.FixtureRequest, fought: dict[str, Rounds | str], duel: Duel, role: Role, benchmark: Any
) -> None:
    if duel.name not in fought:
        match = [other for other in chosen_duels(request.config) if match_of(other) == match_of(duel)]
        fought |= fight(match, quick=request.config.getoption("--quick"))
    measured = fought[duel.name]
    if isinstance(measured, str):
        pytest.fail(f"{duel.name}: {measured}", pytrace=False)
    started = measured.started[role]
    benchmark.group = duel.name
    benchmark.extra_info.update(side=role, **{name: value for name, value in vars(started).items() if name != "outputs"})
    replay.record(benchmark, measured.seconds[role])
    if role == "rival" and not duel.target.informational and measured.ratio < duel.target.must_reach:
        pytest.fail(f"{duel.name}: {measured.ratio:.2f}x, it must reach {duel.target.must_reach:g}x", pytrace=False)


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


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("case", [marked(case) for case in CONVERSIONS])
@pytest.mark.benchmark(timer=replay.timer)
def test_conversion_of_every_pair_reaches_gate(races: list[Race], case: ConversionCase, role: Role, benchmark: Any) -> None:
    raced = [race for race in races if {case.contender, case.ours} <= race.seconds.keys()]
    worst = slowest(raced, case.contender, case.ours)
    benchmark.group = case.name
    benchmark.extra_info.update(side=role, pair=worst.name, pairs=[(race.source, race.target, race.speeds()) for race in raced])
    replay.record(benchmark, worst.seconds[case.contender if role == "rival" else case.ours])
    ratios = {race.name: race.ratio(case.contender, case.ours) for race in raced}
    must_reach = 0.0 if case.target.informational else case.target.must_reach
    short = [f"{name} {ratio:.2f}x" for name, ratio in ratios.items() if ratio < must_reach]
    if role == "rival" and short:
        pytest.fail(f"{case.name}: {len(short)} of {len(raced)} pairs are below {must_reach:g}x: {', '.join(short)}", pytrace=False)
