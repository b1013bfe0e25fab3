"""verify: what it takes, what it makes of it, and what the report tells. Which causes it names is in test_verify_causes.py."""

from __future__ import annotations

import doctest
import importlib
import json
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from onnx import TensorProto, helper

import edgeonnx as eo
import faults
import models
from edgeonnx._verify._align import align
from edgeonnx._verify._cuts import Front, cuts_of, probes_of
from edgeonnx._verify._ensembles import ensembles_of
from edgeonnx._verify._paths import path_to, put_on
from edgeonnx._verify._slots import numbers, ordinals, step
from edgeonnx._verify._warned import gathered
from ensemble_recipe import Recipe
from ensembles import make
from faults import converted, exported, table
from support import refused, run_python

pytestmark = pytest.mark.usefixtures("one_thread")

# --------------------------------------------------------------------------------------------------------------------- references


@pytest.fixture(scope="module")
def forest() -> onnx.ModelProto:
    return exported(faults.forest())


def test_verify_takes_models_and_references_of_every_kind(forest: onnx.ModelProto, tmp_path: Path) -> None:
    data = table("float32")
    path = tmp_path / "forest.onnx"
    path.write_bytes(forest.SerializeToString())
    answers = eo.Scorer(forest).score(data)
    stored = {"label": answers["label"], "probabilities": answers["probabilities"]}
    pa.parquet.write_table(pa.table({"label": answers["label"], **_columns(answers["probabilities"])}), tmp_path / "answers.parquet")
    pd.DataFrame({"label": answers["label"]}).to_csv(tmp_path / "labels.csv", index=False)
    for model in (forest, path, str(path), path.read_bytes()):
        for reference in (forest, path, path.read_bytes(), stored, str(tmp_path / "answers.parquet"), str(tmp_path / "labels.csv")):
            report = eo.verify(model, reference, data, generated_rows=500)
            assert report.ok, str(report)
            assert report.worst < 1e-6
            made = report.rows - len(data)
            assert made > 0 if reference is forest or str(reference).endswith(".onnx") or isinstance(reference, bytes) else made == 0


def _columns(matrix: models.Array) -> dict[str, models.Array]:
    return {f"probabilities_{k}": matrix[:, k] for k in range(matrix.shape[1])}


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(lambda: table("float32"), id="pandas"),
        pytest.param(lambda: table("float32").to_numpy(), id="matrix"),
        pytest.param(lambda: {"X": table("float32").to_numpy()}, id="vectors of the input's name"),
        pytest.param(lambda: pa.Table.from_pandas(table("float32")), id="pyarrow"),
        pytest.param(lambda: dict(table("float32").items()), id="mapping of Series"),
    ],
)
def test_verify_takes_tables_of_every_kind(forest: onnx.ModelProto, data: Any) -> None:
    estimator = faults.forest()
    reference = estimator if "X" not in data() else forest  # the estimator knows its columns by name
    if isinstance(data(), np.ndarray):
        reference = forest
    report = eo.verify(forest, reference, data(), generated_rows=500, leave_out=["NaN"])
    assert report.ok, str(report)
    assert report.patterns["thresholds"] > 100


def test_verify_columns_of_an_array_feed_inputs_one_by_one() -> None:
    model = models.affine(names=("a", "b"))
    values = np.random.default_rng(1).normal(size=(50, 2)).astype(np.float32)
    report = eo.verify(model, {"total": values[:, 0] + 2 * values[:, 1]}, values)
    assert report.ok, str(report)


@pytest.mark.parametrize(
    ("reference", "kind", "words"),
    [
        pytest.param(object(), eo.InvalidArgument, ["object", "table of stored answers"], id="no reference"),
        pytest.param({"other": [1.0]}, eo.NotFound, ["'label'", "'other'"], id="no output's name"),
        pytest.param({"label": [1, 2, 3]}, eo.ShapeError, ["3 rows", "1200"], id="other rows"),
        pytest.param("forest.pkl", eo.InvalidArgument, ["pickled", "runs code"], id="pickle"),
        pytest.param("forest.xyz", eo.InvalidArgument, ["name does not tell"], id="unknown file"),
    ],
)
def test_verify_reference_that_does_not_fit_is_refused(
    forest: onnx.ModelProto, reference: Any, kind: type[eo.Error], words: list[str]
) -> None:
    with refused(kind, *words):
        eo.verify(forest, reference, table("float32"))


def test_verify_wrong_options_are_refused(forest: onnx.ModelProto) -> None:
    estimator, data = faults.forest(), table("float32")
    with refused(eo.InvalidArgument, "'nan'", "'NaN'"):
        eo.verify(forest, estimator, data, leave_out=["nan"])
    with refused(eo.InvalidArgument, "generated_rows"):
        eo.verify(forest, estimator, data, generated_rows=-1)
    with refused(eo.InvalidArgument, "no rows"):
        eo.verify(forest, estimator, data[:0])
    with refused(eo.NotFound, "dose"):
        eo.verify(forest, estimator, data.drop(columns="dose"), columns={"X": ["age", "bmi", "pulse", "age"]})
    with refused(eo.ModelError, "not an ONNX model"):
        eo.verify(b"no model at all", estimator, data)


# -------------------------------------------------------------------------------------------------------------------------- rows


def test_verify_given_rows_alone_where_none_are_to_be_made(forest: onnx.ModelProto) -> None:
    report = eo.verify(forest, faults.forest(), table("float32"), generated_rows=0)
    assert report.patterns == {"given": 1200}
    assert report.ok


def test_verify_rows_are_capped_and_the_report_says_so(forest: onnx.ModelProto) -> None:
    report = eo.verify(forest, faults.forest(), table("float32"), generated_rows=300, leave_out=["NaN"])
    assert 0 < report.rows - 1200 <= 300
    assert any("drawn by chance, because generated_rows is 300" in note for note in report.notes)


def test_verify_patterns_that_are_refused_are_left_out_with_the_reason(forest: onnx.ModelProto) -> None:
    report = eo.verify(forest, faults.forest(), table("float32"), generated_rows=500, leave_out=["NaN"])
    reasons = {each.pattern: each.reason for each in report.left_out}
    assert reasons["infinities"].startswith("the reference refuses them: Input X contains infinity")
    report = eo.verify(forest, forest, table("float64"), generated_rows=500)
    reasons = {each.pattern: each.reason for each in report.left_out}
    assert "Arithmetic overflow" in reasons["limits of float"]
    assert "infinities" in report.patterns


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_verify_threshold_rows_reach_every_split_on_both_sides(dtype: str) -> None:
    """Counted in the ensemble itself: rows made for a split come to it, and go to both of its sides."""
    model, data = exported(faults.forest(scaled=True)), dict(table(dtype).items())
    columns = {name: values.to_numpy() for name, values in data.items()}
    ensemble = ensembles_of(model)[0]
    front = Front(model, ensemble, {}, probes_of(columns))
    cuts = cuts_of(front, ensemble)
    assert (cuts.slot >= 0).all()
    parents = ensemble.parents()
    for split in range(0, len(ensemble.feature), 7):
        path = path_to(ensemble, cuts, parents, split)
        if path is None:
            continue
        rows = {name: values[:2].copy() for name, values in columns.items()}
        put_on(rows, front.slots, [path, path])
        slot = front.slots[cuts.slot[split]]
        slot.of(rows)[:] = [cuts.low[split], cuts.high[split]]
        assert step(slot.of(rows)[:1], 1) == slot.of(rows)[1], "neighbours"
        features = front.features(rows)
        lowest, highest = path.get(int(cuts.slot[split]), (-np.inf, np.inf))
        visited = [_visits(ensemble, row) for row in features]
        for number, value in enumerate((cuts.low[split], cuts.high[split])):
            assert (split in visited[number]) == (lowest <= value <= highest)
        goes = features[:, ensemble.feature[split]] <= ensemble.threshold[split]
        assert goes.tolist() == [True, False]


def _visits(ensemble: Any, row: models.Array) -> set[int]:
    found = set()
    for root in ensemble.roots.tolist():
        split = root
        while split >= 0:
            found.add(split)
            goes = row[ensemble.feature[split]] <= ensemble.threshold[split]
            split = int((ensemble.yes if goes else ensemble.no)[split])
    return found


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_verify_numbers_are_counted_in_their_order(dtype: str) -> None:
    kind = np.dtype(dtype)
    values = np.array([-1.5, -0.0, 0.0, 1e-7, 1.5, 1000], kind)
    assert (numbers(ordinals(values), kind) == values).all()
    assert (step(values, 1) == np.nextafter(values, np.array(np.inf, kind))).all()
    assert (step(values, -1) == np.nextafter(values, np.array(-np.inf, kind))).all()


@pytest.mark.parametrize("mode", ["LEQ", "LT", "GTE", "GT"])
def test_verify_trees_of_ai_onnx_ml_5_are_read_as_those_of_3(mode: str) -> None:
    listed, nested = (
        ensembles_of(onnx.load_from_string(make(Recipe(seed=5, operator=operator, mode=mode, tracks="some")).model))[0]
        for operator in ("TreeEnsembleRegressor", "TreeEnsemble")
    )
    assert len(listed.feature) > 20
    assert sorted(zip(listed.feature, listed.threshold, listed.tracks, strict=True)) == sorted(
        zip(nested.feature, nested.threshold, nested.tracks, strict=True)
    )
    assert listed.trees() == nested.trees()
    alignment = align(nested, listed.trees())
    assert alignment is not None
    assert alignment.complete
    assert (alignment.tracks == nested.tracks).all()


# ----------------------------------------------------------------------------------------------------------------------- tolerance


@pytest.fixture(scope="module")
def doubled() -> tuple[bytes, pd.DataFrame]:
    """The identity of numbers up to 100, off by 1e-4 of that."""
    nodes = [helper.make_node("Add", ["x", "c"], ["y"])]
    model = models.graph(
        nodes, [models.tensor("x", TensorProto.FLOAT)], [models.tensor("y", TensorProto.FLOAT)], [models.constant("c", [[0.01]])]
    )
    return model, pd.DataFrame({"x": np.linspace(0, 100, 200, dtype=np.float32)})


def test_verify_tolerance_is_relative_to_the_largest_score_of_the_given_rows(doubled: tuple[bytes, pd.DataFrame]) -> None:
    model, data = doubled
    stored = {"y": data["x"].to_numpy()}
    strict = eo.verify(model, stored, data)
    assert not strict.ok
    assert strict.worst == pytest.approx(0.01, rel=1e-3)
    figures = strict.outputs[0]
    assert (figures.name, figures.engine, figures.rows) == ("y", "edgeonnx", 200)
    assert figures.tolerance == pytest.approx(1e-3)
    assert figures.median == pytest.approx(0.01, rel=1e-2)
    assert eo.verify(model, stored, data, rtol=1e-3).ok
    assert eo.verify(model, stored, data, rtol=0, atol=0.0101).ok
    assert not eo.verify(model, stored, data, rtol=0, atol=0.0099).ok


@pytest.mark.parametrize(
    ("got", "expected", "same"), [("nan", "nan", True), ("inf", "inf", True), ("inf", "-inf", False), ("nan", "1", False)]
)
def test_verify_nan_and_infinities_are_equal_to_themselves_alone(got: str, expected: str, same: bool) -> None:
    model = models.graph(
        [helper.make_node("Identity", ["x"], ["y"])], [models.tensor("x", TensorProto.FLOAT)], [models.tensor("y", TensorProto.FLOAT)]
    )
    report = eo.verify(model, {"y": [1.0, float(expected)]}, {"x": np.array([1.0, float(got)], np.float32)})
    assert report.ok == same
    assert same or report.worst == np.inf
    assert json.loads(report.to_json())["ok"] == same


def test_verify_answers_that_are_null_by_the_users_rule_are_not_compared() -> None:
    model = models.affine(names=("a", "b"))
    data = pd.DataFrame({"a": pd.array([1.0, None, 3.0], "Float32"), "b": np.ones(3, np.float32)})
    report = eo.verify(model, {"total": [3.0, -1.0, 5.0]}, data, nulls="propagate")
    assert report.ok, str(report)
    with refused(eo.NullError, "'a'"):
        eo.verify(model, {"total": [3.0, -1.0, 5.0]}, data)


def test_verify_null_rows_are_made_where_null_has_a_rule() -> None:
    estimator, data = faults.lightgbm(2, "float32", 0.05), table("float32", 0.05)
    report = eo.verify(converted(estimator, data), estimator, data, nulls="nan", generated_rows=500)
    assert report.ok, str(report)
    assert report.patterns["NULL"] > 0


# -------------------------------------------------------------------------------------------------------------------------- report


@pytest.fixture(scope="module")
def differing() -> eo.VerifyReport:
    estimator, data = faults.lightgbm(3, "float64", 0.05), table(missing=0.05)
    return eo.verify(faults.nan_flipped(converted(estimator, data)), estimator, data, generated_rows=2000)


def test_verify_report_prints_verdict_figures_cause_and_rows(differing: eo.VerifyReport) -> None:
    text = str(differing)
    assert text.splitlines()[0] == "the model beside LightGBM LGBMClassifier: differs"
    assert "1. NaN routing: " in text
    assert "To do: " in text
    assert max(map(len, text.splitlines())) <= 140
    assert re.search(r"^probability_0 +edgeonnx +\d", text, re.MULTILINE)


def test_verify_report_shows_rows_that_differ_as_they_are(differing: eo.VerifyReport) -> None:
    assert 0 < len(differing.differing) <= 100
    for row in differing.differing[:5]:
        assert set(row.values) == set(faults.COLUMNS)
        assert any(np.isnan(value) for value in row.values.values())
        assert row.expected != row.got
        estimator = faults.lightgbm(3, "float64", 0.05)
        again = estimator.predict_proba(pd.DataFrame([row.values]))[0]
        assert [row.expected[f"probability_{k}"] for k in range(3)] == pytest.approx(again.tolist())


def test_verify_report_as_json_and_dict_has_what_it_prints(differing: eo.VerifyReport) -> None:
    found = json.loads(differing.to_json())
    assert found["ok"] is False
    assert [cause["name"] for cause in found["causes"]] == ["NaN routing"]
    assert found["rows"] == differing.rows == sum(found["patterns"].values())
    assert found["exact"] == len(differing.exact or b"")
    assert differing.to_dict()["outputs"][0]["name"] == "label"


def test_verify_report_as_page_needs_no_other_file(differing: eo.VerifyReport) -> None:
    page = differing.to_html()
    assert page.startswith("<!doctype html>")
    assert "NaN routing" in page
    assert "data:image/png;base64,iVBOR" in page
    assert not re.search(r"(src|href)=\"(?!data:)", page)
    assert differing.to_png()[:8] == b"\x89PNG\r\n\x1a\n"


def test_verify_report_of_a_model_without_labels_or_scores_has_a_plot() -> None:
    model = models.affine(names=("a", "b"))
    data = {"a": np.ones(3, np.float32), "b": np.ones(3, np.float32)}
    assert eo.verify(model, {"total": [3.0, 3.0, 3.0]}, data).to_png()[:4] == b"\x89PNG"


def test_verify_outputs_without_a_counterpart_are_told(forest: onnx.ModelProto) -> None:
    data = table("float32")
    report = eo.verify(forest, {"label": faults.forest().predict(data)}, data)
    assert report.not_compared == ("probabilities",)
    assert "'probabilities'" in str(report)


def test_verify_text_labels_are_left_out_and_the_scores_compared() -> None:
    import skl2onnx
    from sklearn.tree import DecisionTreeClassifier

    data = table("float32").to_numpy()
    classes = np.array(["low", "high"])[faults.target(2)]
    tree = DecisionTreeClassifier(max_depth=3, random_state=0).fit(data, classes)
    model = skl2onnx.to_onnx(tree, data[:1])
    report = eo.verify(model, tree, data, leave_out="NaN")
    assert report.ok, str(report)
    assert report.not_compared == ("output_label",)
    assert [each.name for each in report.outputs[::2]] == ["output_probability_high", "output_probability_low"]
    with refused(eo.NotFound, "'output_label'"):
        eo.verify(model, {"output_label": classes}, data)


def test_verify_warnings_of_edgeonnx_are_notes_and_others_are_passed_on() -> None:
    with warnings.catch_warnings(record=True) as passed:
        warnings.simplefilter("always")
        with gathered() as texts:
            for _ in range(3):
                warnings.warn("the model is odd", eo.ParityWarning, stacklevel=1)
            warnings.warn("of others", DeprecationWarning, stacklevel=1)
    assert texts == ["the model is odd"]
    assert [str(each.message) for each in passed] == ["of others"]


def test_verify_docstring_example_works_as_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("total.onnx").write_bytes(models.affine(names=("a", "b")))
    result = doctest.testmod(importlib.import_module("edgeonnx._verify"))
    assert result.attempted > 0
    assert result.failed == 0


def test_verify_without_onnx_says_what_to_install() -> None:
    code = """
import sys
sys.modules["onnx"] = None
import edgeonnx as eo
try:
    eo.verify(b"", {}, {"x": [1.0]})
except eo.Unsupported as error:
    print(error)
"""
    said = run_python(code).stdout
    assert "verify" in said
    assert "pip install onnx" in said
