"""Settings of the whole test-suite."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
os.environ.setdefault("KERAS_BACKEND", "torch")

import hypothesis
import pytest

# The same examples in every run: a red build says something about the change, not about the dice. They are rolled by
# --hypothesis-profile=explore.
hypothesis.settings.register_profile("fixed", derandomize=True, deadline=None, max_examples=40)
hypothesis.settings.register_profile("explore", deadline=None, max_examples=1000)
hypothesis.settings.load_profile("fixed")


def pytest_collection_finish() -> None:
    """Take the libraries that the tests import out of every later collection, which would cost a quarter of a second among them."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    """Let the interpreter take down at its end what those libraries hold, or some complain of leaks."""
    gc.unfreeze()


@pytest.fixture
def no_leak() -> Iterator[None]:
    """Scorers, bindings, tokens and exported arrays are all released when the test is over."""
    from edgeonnx import _core

    if _core.live_objects():  # left by an earlier test, perhaps in a cycle
        gc.collect()
    before = _core.live_objects()
    yield
    if _core.live_objects() != before:
        gc.collect()
    assert _core.live_objects() <= before


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Estimators answer in one thread: for few rows that is faster than to wake up several, and much faster on a busy machine."""
    import sklearn.ensemble  # noqa: F401 - its pools are limited only once they are there
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield
