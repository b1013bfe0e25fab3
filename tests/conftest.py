"""Settings of the whole test-suite."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import hypothesis
import pytest

# The same examples in every run: a red build says something about the change, not about the dice. They are rolled by
# --hypothesis-profile=explore.
hypothesis.settings.register_profile("fixed", derandomize=True, deadline=None, max_examples=40)
hypothesis.settings.register_profile("explore", deadline=None, max_examples=1000)
hypothesis.settings.load_profile("fixed")


@pytest.fixture
def no_leak() -> Iterator[None]:
    """Scorers, bindings, tokens and exported arrays are all released when the test is over."""
    from edgeonnx import _core

    # A full collection costs a quarter of a second among the libraries that the tests import: only where something may be left.
    if _core.live_objects():
        gc.collect()
    before = _core.live_objects()
    yield
    if _core.live_objects() != before:
        gc.collect()
    assert _core.live_objects() <= before
