"""pytest options of the benches, and the refusal to measure what is not an installed wheel."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # also in force in the workers, which inherit it

from machine import NotInstalledError, require_installed_wheel


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="fewer rows and rounds, all cores only")
    parser.addoption("--scalar", action="store_true", help="also with kernels that use no vector instructions; informational")
    parser.addoption("--case", action="append", default=[], help="measure this case only; may be repeated")


def pytest_configure() -> None:
    try:
        require_installed_wheel()
    except NotInstalledError as error:
        raise pytest.UsageError(str(error)) from None
