"""One scorer for many threads, processes and interrupts; memory that stays flat and objects that are all given back."""

from __future__ import annotations

import gc
import hashlib
import os
import pathlib
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas
import polars
import psutil
import pyarrow as pa
import pytest

import edgeonnx as eo
import models
import trained
from edgeonnx import _core
from support import assert_columns, refused, run_python

pytestmark = pytest.mark.usefixtures("no_leak")


def floats(n_rows: int, seed: int = 0) -> models.Feed:
    rng = np.random.default_rng(seed)
    return {name: rng.normal(0, 1, n_rows).astype(np.float32) for name in "abc"}


def total(data: models.Feed) -> models.Array:
    return np.asarray(data["a"] + 2 * data["b"] + 4 * data["c"])


# --------------------------------------------------------------------------------------------------------------------------- threads

MAKERS: list[Callable[[models.Feed], Any]] = [
    dict,
    pandas.DataFrame,
    polars.DataFrame,
    pa.table,
    lambda d: np.column_stack(list(d.values())),
    lambda d: {name: column.astype(np.float64) for name, column in d.items()},
    lambda d: pa.table(d).to_reader(max_chunksize=777),
    lambda d: {name: column[::-1].copy()[::-1] for name, column in d.items()},
]


def test_score_eight_threads_with_eight_kinds_of_data_share_one_scorer() -> None:
    scorer = eo.Scorer(models.affine(), threads=3, morsel_rows=500)
    start = threading.Barrier(8)

    def work(index: int) -> int:
        start.wait()
        for turn in range(25):
            data = floats([1, 100, 5003, 20_000][turn % 4], seed=100 * index + turn)
            np.testing.assert_array_equal(scorer.score(MAKERS[index](data))["total"], total(data))
        return index

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == list(range(8))


def test_scorers_of_many_models_made_and_dropped_in_eight_threads() -> None:
    cases = [trained.TRAINED[name]() for name in ("linear", "logistic-zipmap", "forest-zipmap", "lightgbm")]
    feeds = [case.feed(300) for case in cases]
    expected = [trained.reference(case, feed) for case, feed in zip(cases, feeds, strict=True)]

    def work(index: int) -> None:
        for turn in range(8):
            at = (index + turn) % len(cases)
            scores = eo.Scorer(cases[at].model, morsel_rows=64).score(trained.columns_of(feeds[at]))
            assert_columns(scores, expected[at], ulps=4 if cases[at].blas else 0)

    with ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(work, index) for index in range(8)]:
            future.result()


def test_score_errors_in_some_threads_leave_the_others_alone() -> None:
    scorer = eo.Scorer(models.identity("int32"), threads=2, morsel_rows=100)

    def work(index: int) -> None:
        for turn in range(40):
            column = np.arange(2000, dtype=np.float64)
            if index % 2:
                column[turn * 40] = 1e300
                with pytest.raises(eo.Overflow) as info:
                    scorer.score({"x": column})
                assert info.value.row == turn * 40
            else:
                np.testing.assert_array_equal(scorer.score({"x": column})["y"], np.arange(2000))

    with ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(work, index) for index in range(8)]:
            future.result()


class Ticker:
    """A thread that does nothing but look at the clock; `longest` is the longest time that it could not."""

    def __init__(self) -> None:
        self.longest = 0.0
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.tick)

    def tick(self) -> None:
        last = time.perf_counter()
        while not self.stop.is_set():
            time.sleep(0.001)
            now = time.perf_counter()
            self.longest = max(self.longest, now - last)
            last = now

    def __enter__(self) -> Ticker:
        self.thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop.set()
        self.thread.join()


def test_score_lets_other_threads_run() -> None:
    scorer = eo.Scorer(models.deep_network(), threads=1)
    x = np.zeros((20_000, 4), np.float32)
    with Ticker() as ticker:
        start = time.perf_counter()
        while time.perf_counter() - start < 0.5:
            call = time.perf_counter()
            scorer.score(x)
            seconds = time.perf_counter() - call
    assert seconds > 0.1
    assert ticker.longest < seconds / 2


def test_scorer_lets_other_threads_run_while_it_loads() -> None:
    model = models.long_chain(20_000)
    with Ticker() as ticker:
        start = time.perf_counter()
        eo.Scorer(model)
        seconds = time.perf_counter() - start
    assert seconds > 0.1
    assert ticker.longest < seconds / 2


# ------------------------------------------------------------------------------------------------------------------------- interrupt

LONG_SCORE = """
import sys, time
import numpy as np
import edgeonnx as eo
scorer = eo.Scorer(sys.argv[1], threads=2)
x = np.broadcast_to(np.zeros(4, np.float32), (50_000_000, 4))
print("ready", flush=True)
try:
    scorer.score({"x": x})
except KeyboardInterrupt:
    assert scorer.score({"x": x[:10]})["y"].shape == (10,)
    print("stopped", flush=True)
"""


def test_score_stops_at_ctrl_c_and_the_scorer_lives_on(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(models.deep_network())
    with subprocess.Popen(
        [sys.executable, "-c", LONG_SCORE, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
            time.sleep(1)
            assert child.poll() is None, "the score was over before it could be interrupted"
            asked = time.perf_counter()
            child.send_signal(signal.SIGINT)
            out, err = child.communicate(timeout=30)
            assert time.perf_counter() - asked < 10
        finally:
            child.kill()
    assert (out, child.returncode) == ("stopped\n", 0), err


# ------------------------------------------------------------------------------------------------------------------------------ fork

FORK = """
import os, sys, threading
import numpy as np
import edgeonnx as eo

scorer = eo.Scorer(sys.argv[1], threads=2, morsel_rows=100)
data = {name: np.arange(5000, dtype=np.float32) for name in "abc"}
expected = 7 * np.arange(5000, dtype=np.float32)
assert (scorer.score(data)["total"] == expected).all()

stop = threading.Event()
def work():
    while not stop.is_set():
        scorer.score(data)
busy = [threading.Thread(target=work) for _ in range(int(sys.argv[2]))]
for thread in busy:
    thread.start()

for _ in range(int(sys.argv[3])):
    pid = os.fork()
    if pid == 0:
        for _ in range(3):
            assert (scorer.score(data)["total"] == expected).all()
        assert [port.name for port in scorer.outputs] == ["total"]
        fresh = eo.Scorer(sys.argv[1])
        assert (fresh.score(data)["total"] == expected).all()
        sys.exit(0)
    assert os.waitpid(pid, 0)[1] == 0, "the child failed"
    assert (scorer.score(data)["total"] == expected).all()
stop.set()
for thread in busy:
    thread.join()
print("done")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize(("busy_threads", "forks"), [(0, 2), (2, 8)], ids=["idle parent", "parent that scores"])
def test_score_in_a_forked_child_works_and_the_child_ends_well(tmp_path: pathlib.Path, busy_threads: int, forks: int) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(models.affine())
    assert run_python(FORK, str(path), str(busy_threads), str(forks), timeout=60).stdout == "done\n"


def test_score_in_a_child_whose_model_file_has_gone_says_so_and_the_parent_goes_on(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(models.affine())
    code = """
import os, sys
import numpy as np
import edgeonnx as eo
scorer = eo.Scorer(sys.argv[1])
data = {name: np.ones(3, np.float32) for name in "abc"}
os.unlink(sys.argv[1])
pid = os.fork()
if pid == 0:
    try:
        scorer.score(data)
    except eo.FileError as error:
        assert sys.argv[1] in str(error)
        sys.exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
assert scorer.score(data)["total"].tolist() == [7, 7, 7]
"""
    run_python(code, str(path))


# ---------------------------------------------------------------------------------------------------------------------------- pickle

UNPICKLE = """
import pathlib, pickle, sys
import numpy as np
scorer = pickle.loads(pathlib.Path(sys.argv[1]).read_bytes())
import edgeonnx as eo
data = {"a": np.array([1, np.nan, 3], np.float32), "b": np.zeros(3, np.float32), "c": np.zeros(3)}
try:
    print(scorer.score(data)["total"].tolist(), scorer.score(data).report.n_morsels)
except eo.Error as error:
    print(type(error).__name__, error)
"""


def pickled_elsewhere(scorer: eo.Scorer, folder: pathlib.Path) -> str:
    (folder / "scorer.pickle").write_bytes(pickle.dumps(scorer))
    return run_python(UNPICKLE, str(folder / "scorer.pickle")).stdout


def test_scorer_pickled_from_bytes_scores_in_another_process_with_its_options(tmp_path: pathlib.Path) -> None:
    assert pickled_elsewhere(eo.Scorer(models.affine(), morsel_rows=1), tmp_path) == "[1.0, nan, 3.0] 3\n"
    strict = pickled_elsewhere(eo.Scorer(models.affine(), coercion="strict"), tmp_path)
    assert strict.startswith("CoercionError")
    assert "'c'" in strict


def test_scorer_pickled_from_a_path_carries_the_path_and_not_the_model(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(models.affine())
    scorer = eo.Scorer(path, morsel_rows=2)
    assert pickled_elsewhere(scorer, tmp_path) == "[1.0, nan, 3.0] 2\n"
    big = tmp_path / "big.onnx"
    big.write_bytes(models.deep_network())
    assert len(pickle.dumps(eo.Scorer(big))) < 10_000


def test_scorer_pickled_from_a_path_whose_file_changed_is_refused(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(models.affine())
    blob = pickle.dumps(eo.Scorer(path))
    path.write_bytes(models.affine(("a", "b")))
    with pytest.raises(eo.Error, match=r"model\.onnx") as info:
        pickle.loads(blob).score(floats(3))
    assert hashlib.sha256(models.affine()).hexdigest()[:8] in str(info.value)
    path.unlink()
    with refused(eo.FileError, "model.onnx"):
        pickle.loads(blob).score(floats(3))


def test_scorer_pickle_round_trips_in_the_same_process() -> None:
    scorer = pickle.loads(pickle.dumps(eo.Scorer(models.row_vectors(), nulls={"x": 1.5}, on_overflow="null", threads=2)))
    x = pa.FixedSizeListArray.from_arrays(pa.array([1, None, 3], pa.float32()), 3)
    assert scorer.score(pa.table({"x": x}))["total"].tolist() == [5.5]


# ---------------------------------------------------------------------------------------------------------------------- nothing kept


def test_live_objects_return_to_their_start() -> None:
    gc.collect()
    before = _core.live_objects()
    scorer = eo.Scorer(models.affine())
    assert _core.live_objects() > before
    scores = scorer.score(floats(10))
    table = pa.table(scores)
    with pytest.raises(eo.Error):
        scorer.score({"a": np.zeros(3, np.float32)})
    with pytest.raises(eo.Error):
        eo.Scorer(models.affine()[:50])
    stream = scorer.stream([pa.record_batch(floats(5))] * 3)
    next(stream)
    del scorer, scores, table, stream
    gc.collect()
    assert _core.live_objects() == before


def rss() -> int:
    return int(psutil.Process().memory_info().rss)


def test_stream_memory_stays_flat() -> None:
    scorer = eo.Scorer(models.deep_network(64, 2), morsel_rows=4096)
    rng = np.random.default_rng(0)

    def batches(count: int) -> Any:
        for _ in range(count):
            x = rng.normal(0, 1, (50_000, 4)).astype(np.float32)
            yield pa.record_batch({name: x[:, i].copy() for i, name in enumerate("abcd")})

    for _ in scorer.stream(batches(20)):
        pass
    before = rss()
    rows = 0
    for batch in scorer.stream(batches(200)):
        rows += pa.record_batch(batch).num_rows
    assert rows == 200 * 50_000
    assert rss() - before < 32 << 20


def test_score_many_layouts_and_sizes_does_not_grow() -> None:
    scorer = eo.Scorer(models.affine(), morsel_rows=1000)

    def work(count: int) -> None:
        for turn in range(count):
            data = floats(1 + turn % 997)
            scorer.score({f"extra_{turn}": data["a"], **data})

    work(500)
    gc.collect()
    before = rss()
    work(3000)
    gc.collect()
    assert rss() - before < 16 << 20


def test_scorer_made_and_dropped_does_not_grow() -> None:
    model = trained.lightgbm().model
    for _ in range(20):
        eo.Scorer(model)
    before = rss()
    for _ in range(100):
        eo.Scorer(model)
    assert rss() - before < 16 << 20
