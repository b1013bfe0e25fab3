"""``edgeonnx seal``, and ``--golden`` of the commands that load models."""

from pathlib import Path

import numpy as np
import onnx
import pyarrow as pa
import pyarrow.parquet
import pytest
from click.testing import CliRunner, Result

import edgeonnx as eo
import models
from _command import edgeonnx as command
from _command import failed_with_one_line
from edgeonnx._golden import _cache
from edgeonnx.cli._app import app


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where model and table lie, and all that is written."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EDGEONNX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(_cache, "_known", set())
    (tmp_path / "m.onnx").write_bytes(models.affine(("a",)))
    pa.parquet.write_table(pa.table({"a": np.arange(100, dtype=np.float64)}), tmp_path / "t.parquet")
    return tmp_path


def edgeonnx(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def spoil(path: Path) -> None:
    """Change the model and leave its seal."""
    model = onnx.load(path)
    model.doc_string = "other"
    path.write_bytes(model.SerializeToString())


def test_seal_writes_a_sealed_model_and_says_what_it_holds(folder: Path) -> None:
    result = edgeonnx("seal", "m.onnx", "t.parquet", "-o", "s.onnx", "--rows", "5")
    assert result.exit_code == 0
    said = "s.onnx: golden rows: 5 rows re-scored, worst difference 0 of the largest value; 5 rows sealed by edgeonnx "
    assert result.output.startswith(said)
    assert (folder / "s.onnx").read_bytes() == eo.seal("m.onnx", {"a": np.arange(100.0)}, rows=5)


def test_seal_may_write_over_its_model_and_takes_renames(folder: Path) -> None:
    pa.parquet.write_table(pa.table({"A thing": [1, 2, None]}), folder / "t.parquet")
    result = edgeonnx("seal", "m.onnx", "t.parquet", "-o", "m.onnx", "--rename", "A thing=a", "--nulls", "-1")
    assert result.exit_code == 0
    assert "3 rows re-scored" in result.output


def test_inspect_shows_the_seal_and_what_is_wrong_with_it(folder: Path) -> None:
    edgeonnx("seal", "m.onnx", "t.parquet", "-o", "s.onnx")
    shown = edgeonnx("inspect", "s.onnx").output
    assert "golden rows: checked before with this runtime, 32 rows sealed by" in " ".join(shown.split())
    assert "look out" not in shown
    spoil(folder / "s.onnx")
    shown = " ".join(edgeonnx("inspect", "s.onnx").output.split())
    assert "look out" in shown
    assert "s.onnx was changed after it was sealed" in shown


def test_score_refuses_warns_or_does_not_look(folder: Path) -> None:
    edgeonnx("seal", "m.onnx", "t.parquet", "-o", "s.onnx")
    spoil(folder / "s.onnx")
    score = ("score", "s.onnx", "t.parquet", "-o", "o.parquet")
    assert failed_with_one_line(command(*score), "s.onnx was changed after it was sealed", "--golden warn loads it all the same")
    assert not (folder / "o.parquet").exists()
    assert edgeonnx(*score, "--golden", "off").exit_code == 0
    (folder / "o.parquet").unlink()
    result = edgeonnx(*score, "--golden", "warn")
    assert result.exit_code == 0
    assert "edgeonnx: s.onnx was changed after it was sealed" in result.stderr
    assert "--golden warn loads it all the same" in result.stderr
    assert (folder / "o.parquet").exists()
