"""The memory bench: how much a process grows while it scores a stream far larger than its memory should be."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from cases import StreamCase, make_table
from contenders import load_scorer, ort_stack
from models import model_bytes

PROC = Path("/proc/self")


@dataclass(frozen=True)
class Streamed:
    n_rows: int
    seconds: float
    grown_bytes: int  # the peak while streaming, over what the process held before the first batch
    late_grown_bytes: int  # what it held at the end, over what it held after a tenth of the stream


def measure_stream(case: StreamCase, n_rows: int) -> Streamed:
    """Score the stream in a fresh process."""
    model_bytes(case.model)
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(stream_here, (case, n_rows))


def resident_bytes(field: str) -> int:
    """VmRSS (now) or VmHWM (the peak since `forget_peak`) of this process."""
    line = next(line for line in (PROC / "status").read_text().splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1]) * 1024


def forget_peak() -> None:
    (PROC / "clear_refs").write_text("5")


def stream_here(case: StreamCase, n_rows: int) -> Streamed:
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import pyarrow as pa

    def make_batch(seed: int, n_batch_rows: int) -> Any:
        table = make_table(case.dtypes, n_batch_rows, seed)
        return pa.record_batch([pa.array(column) for column in table.values()], names=list(table))

    def batches() -> Iterator[Any]:
        for seed, start in enumerate(range(0, n_rows, case.batch_rows)):
            yield make_batch(seed, min(case.batch_rows, n_rows - start))

    model = model_bytes(case.model)
    scorer = load_scorer(model, None)
    make_batch(0, case.batch_rows)  # what the generator itself needs is not growth
    first, seen, early, tenth = None, 0, 0, n_rows // 10
    before = resident_bytes("VmRSS")
    forget_peak()
    began = time.perf_counter()
    for scored in scorer.stream(batches()):
        batch = pa.record_batch(scored)
        if first is None:
            first = batch
        seen += batch.num_rows
        if not early and seen >= tenth:
            early = resident_bytes("VmRSS")
    seconds = time.perf_counter() - began
    streamed = Streamed(seen, seconds, resident_bytes("VmHWM") - before, resident_bytes("VmRSS") - early)

    assert seen == n_rows, f"{n_rows} rows went into the stream, {seen} came out"
    assert first is not None
    assert_first_batch(first, model, scorer.outputs[0].name, make_table(case.dtypes, case.batch_rows, 0))
    return streamed


def assert_first_batch(batch: Any, model: bytes, output: str, table: dict[str, Any]) -> None:
    """The first batch's scores are ONNX Runtime's; after the measurement, since loading it takes memory."""
    (expected,) = ort_stack.outputs(ort_stack.bind(ort_stack.load(model, None), table)())
    scores = batch.column(output).to_numpy()[: len(expected)]
    np.testing.assert_allclose(scores, expected[: len(scores)], rtol=1e-5, atol=1e-5 * max(1.0, float(np.abs(expected).mean())))
