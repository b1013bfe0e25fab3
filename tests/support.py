"""What several test files share: comparing columns by the bit, checking errors, running Python in another process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import edgeonnx as eo
from models import Array, Feed

#: class -> (code, builtin), as the table of status codes gives them.
STATUS: dict[type[eo.Error], tuple[int, type[BaseException]]] = {
    eo.InvalidArgument: (1, ValueError),
    eo.InvalidState: (2, RuntimeError),
    eo.NotFound: (3, KeyError),
    eo.FileError: (4, OSError),
    eo.ModelError: (5, ValueError),
    eo.CoercionError: (6, TypeError),
    eo.ShapeError: (7, ValueError),
    eo.NullError: (8, ValueError),
    eo.Overflow: (9, OverflowError),
    eo.Unsupported: (10, NotImplementedError),
    eo.OutOfMemory: (11, MemoryError),
    eo.InferenceError: (13, RuntimeError),
    eo.RuntimeMissing: (14, ImportError),
}


def assert_column(actual: Any, expected: Array, *, ulps: int = 0, name: str = "") -> None:
    """Equal dtype, shape and bits (any NaN equals any NaN, -0.0 differs from 0.0).

    `ulps` > 0: floats may differ by that many units in the last place of the column's largest magnitude.
    """
    actual = np.asarray(actual)
    assert (actual.dtype, actual.shape) == (expected.dtype, expected.shape), name
    if ulps and actual.dtype.kind == "f":
        finite = np.isfinite(expected)
        np.testing.assert_array_equal(actual[~finite], expected[~finite], err_msg=name)
        if finite.any():
            tolerance = ulps * np.spacing(np.abs(expected[finite]).max())
            np.testing.assert_allclose(actual[finite], expected[finite], rtol=0, atol=tolerance, err_msg=name)
        return
    np.testing.assert_array_equal(actual, expected, err_msg=name)
    if actual.dtype.kind == "f":
        number = ~np.isnan(expected)
        np.testing.assert_array_equal(np.signbit(actual[number]), np.signbit(expected[number]), err_msg=name)


def assert_columns(actual: Mapping[str, Any], expected: Feed, *, ulps: int = 0) -> None:
    """The same columns in the same order with the same values; see `assert_column`."""
    assert list(actual) == list(expected)
    for name, column in expected.items():
        assert not np.ma.is_masked(actual[name]), name
        assert_column(actual[name], column, ulps=ulps, name=name)


@contextmanager
def refused(kind: type[eo.Error], *words: str) -> Iterator[pytest.ExceptionInfo[eo.Error]]:
    """The block raises `kind` with its code and builtin, and a message that holds every one of `words`."""
    with pytest.raises(eo.Error) as info:
        yield info
    error = info.value
    assert type(error) is kind, f"{type(error).__name__}: {error}"
    code, builtin = STATUS[kind]
    assert error.code == code
    assert isinstance(error, builtin)
    missing = [word for word in words if word not in str(error)]
    assert not missing, f"message lacks {missing}: {error}"


def run_python(
    code: str, *arguments: str, env: Mapping[str, str] | None = None, prefix: tuple[str, ...] = (), timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """Runs `code` in a fresh interpreter and gives back what it printed; fails the test when it does not exit with 0."""
    done = subprocess.run(
        [*prefix, sys.executable, "-c", code, *arguments],
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done
