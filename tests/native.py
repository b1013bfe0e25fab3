"""Which road a scorer took, in the words of `explain()`: native kernels, ONNX Runtime, or a native front or tail beside it."""

from __future__ import annotations

import edgeonnx as eo

#: True once plans hold native kernels. Until then every scorer must be on ONNX Runtime, and nothing else passes.
NATIVE_KERNELS = False


def plan_of(scorer: eo.Scorer) -> str:
    """First line of `explain()`: `plan: native`, `plan: native front + ONNX Runtime ...`, `plan: ONNX Runtime ... + native tail` or
    `plan: ONNX Runtime ...`.
    """
    return scorer.explain().splitlines()[0]


def assert_native(scorer: eo.Scorer) -> None:
    """Every node of the graph runs in native kernels."""
    if not NATIVE_KERNELS:
        return assert_runtime(scorer)
    line = plan_of(scorer)
    assert line.startswith("plan: native"), scorer.explain()
    assert "ONNX Runtime" not in line, scorer.explain()


def assert_native_part(scorer: eo.Scorer) -> None:
    """Some nodes run in native kernels and some in ONNX Runtime."""
    if not NATIVE_KERNELS:
        return assert_runtime(scorer)
    line = plan_of(scorer)
    assert "native" in line, scorer.explain()
    assert "ONNX Runtime" in line, scorer.explain()


def assert_runtime(scorer: eo.Scorer) -> None:
    """Every node runs in ONNX Runtime."""
    line = plan_of(scorer)
    assert line.startswith("plan: ONNX Runtime"), scorer.explain()
    assert "native" not in line, scorer.explain()


def assert_unread(scorer: eo.Scorer, names: list[str]) -> None:
    """A line of `explain()` says that the plan reads none of these columns of a matrix, or inputs."""
    if not NATIVE_KERNELS:
        return
    lines = [line for line in scorer.explain().splitlines() if "unread" in line]
    assert all(any(f"'{name}'" in line for line in lines) for name in names), scorer.explain()
