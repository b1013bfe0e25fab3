"""What is measured: every bench as a duel between edgeonnx and one rival, with the figures it must reach."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

import contenders
import databases
import sqlite_tables
import tree_rivals
from contenders import Contender, Table
from machine import kernel_level
from models import column_names


@dataclass(frozen=True)
class Target:
    """Ratios, rival's time over ours. Below `must_reach` the bench fails, unless it is informational."""

    must_reach: float
    aim: float
    informational: bool = False


class Compared:
    """What is one line of the table: a case of ours against one rival."""

    case: str
    rival: str
    n_rows: int
    target: Target
    threads: int | None
    cpu: str | None  # the instructions that our kernels may use; None: all that the machine has

    @property
    def name(self) -> str:
        return f"{self.case} | {self.rival} | {self.threads or 'all'} | {self.cpu or 'best'}"

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
    cpu: str | None = None
    exact: bool = False  # our answers are those of an ONNX Runtime session of one thread by the bit
    strays: float = 0.0  # share of rows that may differ: the rival compares in float64, and a row can lie between its cut and the float cut
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
FLOAT20, FLOAT30 = (("float64",) * width for width in (20, 30))
FOUR_TYPES = ("int32", "int64", "float32", "float64")

COLUMNS = contenders.edgeonnx_columns
MATRIX = contenders.edgeonnx_matrix
VALUES = contenders.edgeonnx_values
FIRST = contenders.edgeonnx_first_score
START = contenders.edgeonnx_start

READY = "run, ready matrix"
AHEAD = Target(1, 2)  # of those who compile the model: at least level


def trees(model: str, rival: str, theirs: Contender, target: Target, strays: float = 0.0) -> Duel:
    return Duel(model, rival, model, 200_000, REAL30, COLUMNS, theirs, target, exact=True, strays=strays)


LINEAR_DUELS = (
    Duel("tutorial", "run, 28 feeds", "tutorial", MILLION, REAL28, COLUMNS, contenders.ort_feeds, Target(20, 50)),
    Duel("logit", "column_stack + run", "logit", MILLION, REAL20, COLUMNS, contenders.ort_stack, Target(5, 20)),
    Duel("cast", "stack + astype + run", "logit", MILLION, FLOAT20, COLUMNS, contenders.ort_stack_cast, Target(8, 20)),
    Duel("four types", "run, 4 feeds", "four_types", MILLION, FOUR_TYPES, COLUMNS, contenders.ort_feeds, Target(3, 10)),
)
TREE_DUELS = (
    trees("lgbm", READY, contenders.ort_ready_matrix, Target(6, 12)),
    trees("lgbm", "lleaves", tree_rivals.lleaves_predict, AHEAD, strays=1e-3),
    trees("lgbm", "treelite (tl2cgen)", tree_rivals.tl2cgen_lightgbm, AHEAD, strays=1e-3),
    trees("lgbm63", READY, contenders.ort_ready_matrix, Target(4, 8)),
    trees("lgbm63", "lleaves", tree_rivals.lleaves_predict, AHEAD, strays=1e-3),
    trees("lgbm63", "treelite (tl2cgen)", tree_rivals.tl2cgen_lightgbm, AHEAD, strays=1e-3),
    trees("xgb", READY, contenders.ort_ready_matrix, Target(10, 20)),
    trees("xgb", "Booster.inplace_predict", tree_rivals.xgboost_inplace, Target(5, 10)),
    trees("xgb", "treelite (tl2cgen)", tree_rivals.tl2cgen_xgboost, AHEAD),
    trees("forest", READY, contenders.ort_ready_matrix, Target(3, 6)),
    trees("hist", READY, contenders.ort_ready_matrix, Target(6, 12)),
    trees("hist", "scikit-learn's predict", tree_rivals.sklearn_predict, Target(6, 12), strays=1e-3),
)
NETWORK_DUELS = (
    Duel("mlp", "column_stack + run", "mlp", MILLION, REAL28, COLUMNS, contenders.ort_stack, Target(3, 4)),
    Duel("mlp", READY, "mlp", MILLION, REAL28, COLUMNS, contenders.ort_ready_matrix, Target(1.5, 2)),
    Duel("mlp", "best hand-chunked", "mlp", MILLION, REAL28, COLUMNS, contenders.ort_chunked, Target(0.95, 1.1)),
)
OTHER_DUELS = (
    Duel("one row", "run, 1 input", "logit", 1, REAL20, MATRIX, contenders.ort_ready_matrix, Target(2, 4)),
    Duel("one row", "run, 20 inputs", "logit_separate", 1, REAL20, COLUMNS, contenders.ort_feeds, Target(5, 15)),
    Duel(
        "one row",
        "run, 20; plain values",
        "logit_separate",
        1,
        REAL20,
        VALUES,
        contenders.ort_feeds,
        Target(5, 15, informational=True),
    ),
    Duel("load", "session + first run", "lgbm", 1, REAL30, FIRST, contenders.ort_first_run, Target(1 / 1.5, 1), fresh=True),
    Duel(
        "load",
        "import + session + first run",
        "lgbm",
        1,
        REAL30,
        START,
        contenders.ort_start,
        Target(1 / 1.5, 1, informational=True),
        fresh=True,
    ),
)
FUNCTION, BESIDE = "Arrow function + run", "edgeonnx on NumPy columns"
IN_DUCKDB = databases.duckdb_extension
ROW_BY_ROW = Target(3, 5)
DATABASE_DUELS = (
    Duel("sqlite", "edgeonnx_predict, logit", "logit", MILLION, REAL20, sqlite_tables.score, sqlite_tables.predict, ROW_BY_ROW),
    Duel("sqlite", "edgeonnx_predict, lgbm", "lgbm", 200_000, REAL30, sqlite_tables.score, sqlite_tables.predict, ROW_BY_ROW),
    Duel("duckdb lgbm", FUNCTION, "lgbm", MILLION, FLOAT30, IN_DUCKDB, databases.duckdb_function, Target(5, 10)),
    Duel("duckdb lgbm", BESIDE, "lgbm", MILLION, FLOAT30, IN_DUCKDB, databases.scorer_beside, Target(1 / 1.3, 1)),
    Duel("duckdb logit", FUNCTION, "logit", MILLION, FLOAT20, IN_DUCKDB, databases.duckdb_function, Target(5, 10)),
    Duel("sql", "fetch, run, register", "lgbm", MILLION, FLOAT30, databases.sql_predict, databases.sql_by_hand, Target(5, 10)),
    Duel("sql", BESIDE, "lgbm", MILLION, FLOAT30, databases.sql_predict, databases.scorer_beside, Target(1 / 1.5, 1)),
    # Of a model this small, reading the table and writing the answers is the work.
    Duel("duckdb logit", BESIDE, "logit", MILLION, FLOAT20, IN_DUCKDB, databases.scorer_beside, Target(0.2, 1, informational=True)),
)
SCORED = (*LINEAR_DUELS, *TREE_DUELS, *NETWORK_DUELS, *OTHER_DUELS, *DATABASE_DUELS)


def duels(*, quick: bool, scalar: bool = False) -> list[Duel]:
    """Every duel of a run: on all cores; in a full run also on one thread and, where our own kernels score, with AVX2 alone.

    `scalar` adds what kernels without vector instructions do; that is informational.
    """
    levels: dict[str | None, bool] = {None: False}  # informational?
    if not quick and kernel_level() == "avx512":
        levels["avx2"] = False
    if scalar:
        levels["scalar"] = True
    chosen = []
    for duel in SCORED:
        for threads in (None,) if quick else (None, 1):
            for cpu, informational in levels.items() if duel not in (*OTHER_DUELS, *DATABASE_DUELS) else ((None, False),):
                target = replace(duel.target, informational=duel.target.informational or informational)
                chosen.append(replace(duel, threads=threads, cpu=cpu, target=target))
    return chosen


@dataclass(frozen=True)
class StreamCase:
    """The memory bench: the mlp over a stream of batches made on the fly."""

    name: str = "memory | - | all | best"
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
    cpu: str | None = None


STREAM = StreamCase()
CONVERSIONS = (
    ConversionCase("astype", "edgeonnx", "astype", Target(1, 1)),
    ConversionCase("plain copy, same width", "edgeonnx", "copy", Target(0.6, 1)),
    ConversionCase("astype, by eo.cast", "cast", "astype", Target(1, 1, informational=True)),
    ConversionCase("pyarrow, decimals by eo.cast", "cast", "pyarrow", Target(1, 1, informational=True)),
)
CASES = tuple(dict.fromkeys([*(duel.case for duel in SCORED), STREAM.case, CONVERSIONS[0].case]))
