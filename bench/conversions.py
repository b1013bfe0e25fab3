"""The conversion bench: every NumPy type to every other, on its way into a model and by eo.cast, beside NumPy's own ways; one thread."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np

from contenders import Array, Call
from duel import calls_per_round, ratio_of

# What eo.cast calls the type of a dtype.
NAMES = {"bool": "bit", "uint8": "tinyint", "int16": "smallint", "int32": "int", "int64": "bigint", "float32": "real", "float64": "float"}
NAMES |= {name: f"tensor({name})" for name in ("int8", "uint16", "uint32", "uint64", "float16")}
DECIMAL = "decimal128(18,2)"


@dataclass(frozen=True)
class Race:
    """One pair of types, measured; seconds of a call by contender, one entry per round."""

    source: str
    target: str
    n_bytes: int  # read and written by one call
    seconds: dict[str, list[float]]

    @property
    def name(self) -> str:
        return f"{self.source} to {self.target}"

    def ratio(self, rival: str, ours: str = "edgeonnx") -> float:
        return ratio_of(self.seconds[ours], self.seconds[rival])

    def speeds(self) -> dict[str, float]:
        """GB/s by contender."""
        return {contender: self.n_bytes / float(np.median(rounds)) * 1e-9 for contender, rounds in self.seconds.items()}


def slowest(races: list[Race], rival: str, ours: str) -> Race:
    """Where we are worst off."""
    return min(races, key=lambda race: race.ratio(rival, ours))


def measure_conversions(n_rows: int, *, quick: bool) -> list[Race]:
    """All races, in a fresh process."""
    n_rounds, round_s = (5, 0.002) if quick else (11, 0.005)
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(race_here, (n_rows, n_rounds, round_s))


def race_here(n_rows: int, n_rounds: int, round_s: float) -> list[Race]:
    rng = np.random.default_rng(3)
    races = [race_arrays(rng, n_rows, source, target) for source, target in itertools.product(NAMES, repeat=2)]
    races += [race_decimals(rng, n_rows, target) for target in ("float64", "int64")]
    return [run(*race, n_rounds, round_s) for race in races]


Prepared = tuple[str, str, int, Callable[[], dict[str, Call]]]


def race_arrays(rng: np.random.Generator, n_rows: int, source: str, target: str) -> Prepared:
    def contenders() -> dict[str, Call]:
        import edgeonnx as eo

        values = values_that_fit(rng, n_rows, source, target)
        ready, same = np.empty(n_rows, target), np.empty_like(values)
        scorer = eo.Scorer(identity(target), threads=1)
        table = {"x": values}
        calls: dict[str, Call] = {
            "cast": lambda: eo.cast(values, NAMES[target], out=ready, threads=1),
            "astype": lambda: values.astype(target),
            "copyto": lambda: np.copyto(ready, values, casting="unsafe"),
        }
        if source != target:  # otherwise the column is borrowed, and there is nothing to convert
            calls["edgeonnx"] = lambda: scorer.score(table).report.seconds["convert"]
            if ready.itemsize == values.itemsize:
                calls["copy"] = lambda: np.copyto(same, values)
        for converted in (eo.cast(values, NAMES[target]), scorer.score(table)["y"]):
            np.testing.assert_array_equal(converted, values.astype(target), err_msg=f"{source} to {target}", strict=True)
        return calls

    return source, target, n_rows * (np.dtype(source).itemsize + np.dtype(target).itemsize), contenders


def race_decimals(rng: np.random.Generator, n_rows: int, target: str) -> Prepared:
    def contenders() -> dict[str, Call]:
        import pyarrow as pa
        import pyarrow.compute as pc

        import edgeonnx as eo

        wholes = np.stack([rng.integers(-(10**15), 10**15, n_rows), np.zeros(n_rows, np.int64)], axis=1)
        wholes[:, 1] = wholes[:, 0] >> 63
        values = pa.Array.from_buffers(pa.decimal128(18, 2), n_rows, [None, pa.py_buffer(wholes)])
        ready, to = np.empty(n_rows, target), pa.from_numpy_dtype(target)
        theirs = pc.cast(values, to, safe=False).to_numpy()  # truncates, and may be off by one in the last place
        np.testing.assert_allclose(eo.cast(values, NAMES[target]), theirs, rtol=1e-15)
        return {
            "cast": lambda: eo.cast(values, NAMES[target], out=ready, threads=1),
            "pyarrow": lambda: pc.cast(values, to, safe=False),
        }

    return DECIMAL, target, n_rows * (16 + 8), contenders


def identity(dtype: str) -> bytes:
    """A model y = x, so that a score is little but the conversion."""
    from onnx import helper

    element = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    x, y = (helper.make_tensor_value_info(name, element, ["N", 1]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "identity", [x], [y])
    return bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString())


def timed(call: Call, n_calls: int) -> float:
    """Seconds of the calls; of a call that tells its own, what it tells."""
    began = time.perf_counter()
    told = [call() for _ in range(n_calls)]
    return sum(told) if isinstance(told[0], float) else time.perf_counter() - began


def run(source: str, target: str, n_bytes: int, contenders: Callable[[], dict[str, Call]], n_rounds: int, round_s: float) -> Race:
    calls = contenders()
    n_calls = {name: calls_per_round(call, round_s) for name, call in calls.items()}
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(n_rounds):
        for name, call in calls.items():
            seconds[name].append(timed(call, n_calls[name]) / n_calls[name])
    return Race(source, target, n_bytes, seconds)


def values_that_fit(rng: np.random.Generator, n_rows: int, source: str, target: str) -> Array:
    """Random values of the source, with fractions where it has them, that fit the target; T-SQL and NumPy agree on all of these."""
    (low, high), (target_low, target_high) = inner_range(source), inner_range(target)
    low, high = max(low, target_low), min(high, target_high)
    kind = np.dtype(source)
    if kind.kind == "f":
        zero_or_one = rng.integers(0, 2, n_rows) if target == "bool" else 1
        return np.asarray(rng.uniform(low, high, n_rows) * zero_or_one).astype(kind)
    return rng.integers(low, high, n_rows, dtype=np.uint64 if kind == np.uint64 else np.int64, endpoint=True).astype(kind)


def inner_range(dtype: str) -> tuple[int, int]:
    """Three quarters of the range, so that no value leaves it by rounding; for wide floats, what reals hold beside all integers."""
    kind = np.dtype(dtype)
    if kind.kind == "b":
        return 0, 1
    if kind.kind == "f":
        return (-48_000, 48_000) if kind.itemsize == 2 else (-(2**80), 2**80)
    limits = np.iinfo(kind)
    return limits.min * 3 // 4, limits.max * 3 // 4
