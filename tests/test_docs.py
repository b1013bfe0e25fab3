"""The examples in the docstrings do what they show."""

from __future__ import annotations

import doctest
import importlib

import pytest

import edgeonnx as eo
import models


@pytest.mark.parametrize("name", ["_runtime", "_scorer", "_sql_types", "duckdb"])
def test_docstring_examples_work_as_printed(name: str) -> None:
    module = importlib.import_module(f"edgeonnx.{name}")
    result = doctest.testmod(module, extraglobs={"scorer": eo.Scorer(models.affine(names=("a", "b")))})
    assert result.attempted > 0
    assert result.failed == 0
