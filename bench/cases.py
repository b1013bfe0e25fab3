"""What is measured: every bench as a duel between edgeonnx and one rival, with the figures it must reach."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

import contenders
from contenders import Contender, Table
from models import column_names


@dataclass(frozen=True)
class Target:
    """Ratios, rival's time over ours. Below `gate` the bench fails; without one the duel is informational."""

    must_reach: float
    aim: float
    gate: float | None = None


class Compared:
    """What is one line of the table: a case of ours against one rival."""

    case: str
    rival: str
    n_rows: int
    target: Target
    threads: int | None

    @property
    def name(self) -> str:
        return f"{self.case} | {self.rival} | {self.threads or 'all'}"

    @property
    def gate(self) -> float | None:
        return self.target.gate

    def rows(self, *, quick: bool) -> int:
        return max(1, self.n_rows // 4) if quick else self.n_rows


@dataclass(frozen=True)
class Duel(Compared):
    case: str
    rival: str
    model: str  # a name in models.RECIPES
    n_rows: int
    dtypes: tuple[str, ...]  # one per column
    ours: Contender = field(repr=False)
    theirs: Contender = field(repr=False)
    target: Target
    threads: int | None = None  # None: each side's default, all cores
    fresh: bool = False  # a new process for every call, so that loading can be measured


def make_table(dtypes: tuple[str, ...], n_rows: int, seed: int = 1) -> Table:
    """Columns of random values, every page written: untouched NumPy memory is a lazy zero page and would read too fast."""
    rng = np.random.default_rng(seed)

    def column(dtype: str) -> contenders.Array:
        if dtype.startswith("int"):
            return rng.integers(-1000, 1000, n_rows, dtype=np.dtype(dtype))
        return rng.standard_normal(n_rows, dtype=np.float32) if dtype == "float32" else rng.standard_normal(n_rows)

    return {name: column(dtype) for name, dtype in zip(column_names(len(dtypes)), dtypes, strict=True)}


MILLION = 1_000_000
REAL20, REAL28, REAL30 = (("float32",) * width for width in (20, 28, 30))
FLOAT20 = ("float64",) * 20
FOUR_TYPES = ("int32", "int64", "float32", "float64")

COLUMNS = contenders.edgeonnx_columns
MATRIX = contenders.edgeonnx_matrix
FIRST = contenders.edgeonnx_first_score

BASE_DUELS = (
    Duel("tutorial", "run, 28 feeds", "tutorial", MILLION, REAL28, COLUMNS, contenders.ort_feeds, Target(20, 50)),
    Duel("logit", "column_stack + run", "logit", MILLION, REAL20, COLUMNS, contenders.ort_stack, Target(5, 20, gate=1.5)),
    Duel("mlp", "column_stack + run", "mlp", MILLION, REAL28, COLUMNS, contenders.ort_stack, Target(3, 4, gate=2)),
    Duel("mlp", "run, ready matrix", "mlp", MILLION, REAL28, COLUMNS, contenders.ort_ready_matrix, Target(1.5, 2)),
    Duel("mlp", "best hand-chunked", "mlp", MILLION, REAL28, COLUMNS, contenders.ort_chunked, Target(0.95, 1.1, gate=0.95)),
    Duel("cast", "stack + astype + run", "logit", MILLION, FLOAT20, COLUMNS, contenders.ort_stack_cast, Target(8, 20, gate=2)),
    Duel("four types", "run, 4 feeds", "four_types", MILLION, FOUR_TYPES, COLUMNS, contenders.ort_feeds, Target(3, 10)),
    Duel("one row", "run, 1 input", "logit", 1, REAL20, MATRIX, contenders.ort_ready_matrix, Target(2, 4, gate=2)),
    Duel("one row", "run, 20 inputs", "logit_separate", 1, REAL20, COLUMNS, contenders.ort_feeds, Target(5, 15)),
    Duel("load", "session + first run", "lgbm", 1, REAL30, FIRST, contenders.ort_first_run, Target(1 / 1.5, 1), fresh=True),
)


def on_one_thread(duel: Duel) -> Duel:
    """The same duel with one thread on each side; informational, since the figures are set for all cores."""
    return replace(duel, threads=1, target=replace(duel.target, gate=None))


def duels(*, quick: bool) -> list[Duel]:
    """Every duel of a run; the one-thread ones only in a full run, and not where one thread is no news."""
    chosen = list(BASE_DUELS)
    if not quick:
        chosen += [on_one_thread(duel) for duel in BASE_DUELS if duel.n_rows > 1 and duel.theirs is not contenders.ort_chunked]
    return chosen


@dataclass(frozen=True)
class StreamCase:
    """The memory bench: the mlp over a stream of batches made on the fly."""

    name: str = "memory | - | all"
    case: str = "memory"
    model: str = "mlp"
    n_rows: int = 20 * MILLION
    batch_rows: int = 65_536
    dtypes: tuple[str, ...] = REAL28
    gate_bytes: int = 64 << 20

    def rows(self, *, quick: bool) -> int:
        return self.n_rows // 10 if quick else self.n_rows


@dataclass(frozen=True)
class ConversionCase(Compared):
    """The worst of the pairs of types that a rival converts beside us; see conversions.py."""

    rival: str
    ours: str  # what conversions.py calls our side
    contender: str  # and the rival's
    target: Target
    case: str = "convert"
    n_rows: int = MILLION
    threads: int | None = 1


STREAM = StreamCase()
CONVERSIONS = (
    ConversionCase("astype", "edgeonnx", "astype", Target(1, 1, gate=1)),
    ConversionCase("plain copy, same width", "edgeonnx", "copy", Target(0.6, 1, gate=0.6)),
    ConversionCase("astype, by eo.cast", "cast", "astype", Target(1, 1)),
    ConversionCase("pyarrow, decimals by eo.cast", "cast", "pyarrow", Target(1, 1)),
)
CASES = tuple(dict.fromkeys([*(duel.case for duel in BASE_DUELS[:-1]), STREAM.case, BASE_DUELS[-1].case, CONVERSIONS[0].case]))
