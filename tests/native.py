"""Which road a scorer took, in the words of `explain()`: native kernels, ONNX Runtime, or a native front or tail beside it."""

from __future__ import annotations

import re

import edgeonnx as eo


def plan_of(scorer: eo.Scorer) -> str:
    """First line of `explain()`: `plan: native`, `plan: native front + ONNX Runtime ...`, `plan: ONNX Runtime ... + native tail` or
    `plan: ONNX Runtime ...`.
    """
    return scorer.explain().splitlines()[0]


def assert_native(scorer: eo.Scorer) -> None:
    """Every node of the graph runs in native kernels."""
    line = plan_of(scorer)
    assert line.startswith("plan: native"), scorer.explain()
    assert "ONNX Runtime" not in line, scorer.explain()


def assert_native_part(scorer: eo.Scorer) -> None:
    """Some nodes run in native kernels and some in ONNX Runtime."""
    line = plan_of(scorer)
    assert "native" in line, scorer.explain()
    assert "ONNX Runtime" in line, scorer.explain()


def assert_runtime(scorer: eo.Scorer) -> None:
    """Every node runs in ONNX Runtime."""
    line = plan_of(scorer)
    assert line.startswith("plan: ONNX Runtime"), scorer.explain()
    assert "native" not in line, scorer.explain()


def unread(scorer: eo.Scorer) -> list[int]:
    """Places in a row of the model's matrix that no node uses."""
    lines = [line.split(":")[1] for line in scorer.explain().splitlines() if line.startswith("unread values of ")]
    return [int(place) for line in lines for place in re.findall(r"'(\d+)'", line)]


def assert_unread(scorer: eo.Scorer, names: list[str]) -> None:
    """A line of `explain()` says that the plan reads none of these columns of a matrix, or inputs."""
    lines = [line for line in scorer.explain().splitlines() if "unread" in line]
    assert all(any(f"'{name}'" in line for line in lines) for name in names), scorer.explain()
