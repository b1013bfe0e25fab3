"""verify names the fault that was planted, with the rows that it touches, and names nothing where there is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest

import edgeonnx as eo
import faults
from faults import converted, exported, table, target

pytestmark = pytest.mark.usefixtures("one_thread")
Planted = tuple[Any, Any, pd.DataFrame, dict[str, Any]]


def names(report: eo.VerifyReport) -> list[str]:
    return [cause.name for cause in report.causes]


def checked(model: Any, reference: Any, data: Any, **options: Any) -> eo.VerifyReport:
    """The report, after what must hold of every report."""
    report = eo.verify(model, reference, data, **{"generated_rows": 4000, **options})
    assert report.ok == bool(report) == (not report.causes)
    assert report.ok == (not any(each.rows for each in report.outputs))
    assert report.rows == sum(report.patterns.values())
    for cause in report.causes:
        assert cause.rows > 0
        assert cause.outputs
        assert cause.worst > 0
        assert cause.evidence
        assert cause.remedy
    assert {name for row in report.differing for name in row.cause.split(", ")} == set(names(report))
    return report


# ------------------------------------------------------------------------------------------------------------------ healthy models


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("train", "missing"),
    [
        pytest.param(faults.lightgbm, 0.05, id="lightgbm, missing values"),
        pytest.param(lambda dtype, missing: faults.lightgbm(3, dtype, missing), 0.0, id="lightgbm, 3 classes"),
        pytest.param(lambda dtype, missing: faults.histogram(0, dtype, missing), 0.05, id="histogram regressor"),
        pytest.param(lambda dtype, missing: faults.histogram(3, dtype, missing), 0.05, id="histogram classifier, 3 classes"),
        pytest.param(lambda dtype, missing: faults.linear(0, dtype), 0.0, id="linear regression"),
        pytest.param(lambda dtype, missing: faults.linear(3, dtype), 0.0, id="logistic regression"),
    ],
)
def test_verify_healthy_model_names_nothing(train: Callable[..., Any], missing: float, dtype: str) -> None:
    data = table(dtype, missing)
    estimator = train(dtype=dtype, missing=missing)
    report = checked(converted(estimator, data), estimator, data)
    assert names(report) == []
    assert report.ok
    assert report.rows > len(data)
    assert report.exact is None


def test_verify_healthy_forest_names_nothing_where_nan_is_left_out() -> None:
    estimator, data = faults.forest(), table("float32")
    report = checked(exported(estimator), estimator, data, leave_out=["NaN"])
    assert report.ok
    assert "NaN" not in report.patterns


# ------------------------------------------------------------------------------------------------------------------ float32 thresholds


@pytest.mark.parametrize(
    "estimator",
    [
        pytest.param(lambda: faults.lightgbm(2), id="lightgbm"),
        pytest.param(lambda: faults.lightgbm(0), id="lightgbm regressor"),
        pytest.param(lambda: faults.histogram(0), id="histogram regressor"),
        pytest.param(lambda: faults.histogram(3), id="histogram classifier"),
    ],
)
def test_verify_rounded_thresholds_are_named_and_an_exact_model_is_offered(estimator: Callable[[], Any]) -> None:
    fitted = estimator()
    report = checked(exported(fitted), fitted, table())
    assert names(report) == ["float32 threshold"]
    assert report.causes[0].rows > 100
    assert "is on the other side of a threshold" in report.causes[0].evidence
    assert report.exact is not None
    proven = checked(report.exact, fitted, table(), generated_rows=20_000, seed=1)
    assert proven.ok, str(proven)
    ports = eo.Scorer(report.exact).inputs
    assert [port.sql_type for port in ports] == ["float"]


def test_verify_rounded_thresholds_without_the_estimator_keep_its_float32_thresholds() -> None:
    """Against a model whose thresholds are the same float32 numbers and whose columns are not rounded."""
    fitted = faults.lightgbm(2)
    single = exported(fitted)
    double = eo.verify(single, fitted, table(), generated_rows=2000).exact
    assert double is not None
    report = checked(single, double, table())
    assert names(report) == ["float32 threshold"]
    assert report.exact is not None
    assert checked(report.exact, double, table(), seed=2).ok


def test_verify_trees_of_float32_offer_no_exact_model_and_say_why() -> None:
    estimator = faults.forest()
    report = checked(faults.leaf_changed(exported(estimator)), estimator, table("float32"), leave_out=["NaN"])
    assert report.exact is None
    assert "rounds columns to float32 itself" in report.exact_note


# ------------------------------------------------------------------------------------------------------------------------ planted faults


def planted(kind: str) -> Planted:
    """Model, reference, data, options."""
    if kind == "dropped":
        good = faults.lightgbm(2, "float64", 0.05)
        return faults.nan_dropped(converted(good, table(missing=0.05))), good, table(missing=0.05), {}
    if kind == "flipped":
        good = faults.histogram(0, "float32", 0.05)
        return faults.nan_flipped(converted(good, table("float32", 0.05))), good, table("float32", 0.05), {}
    if kind == "forest":
        good = faults.forest(missing=0.05)
        return exported(good), good, table("float32", 0.05), {}
    if kind in ("LOGISTIC dropped", "SOFTMAX dropped"):
        good = faults.lightgbm(2) if kind.startswith("LOGISTIC") else faults.lightgbm(3)
        return faults.post_transform(converted(good, table()), "NONE"), good, table(), {}
    if kind == "LOGISTIC for SOFTMAX":
        good = faults.lightgbm(3)
        return faults.post_transform(converted(good, table()), "LOGISTIC"), good, table(), {}
    if kind == "shifted":
        good = faults.lightgbm(3)
        return faults.labels_shifted(converted(good, table())), good, table(), {}
    if kind == "swapped":
        good = faults.histogram(0)
        return faults.features_swapped(converted(good, table()), 0, 2), good, table(), {}
    if kind == "base":
        good = faults.histogram(0)
        return faults.base_lost(converted(good, table())), good, table(), {}
    if kind == "halved":
        good = faults.lightgbm(0)
        return faults.weights_times(converted(good, table()), 0.5), good, table(), {}
    if kind == "scaler":
        good = faults.forest(scaled=True)
        return faults.scaler_unfolded(exported(good)), good, table("float32"), {"leave_out": ["NaN"]}
    if kind == "rounding":
        good = faults.forest()
        return faults.rounding_lost(exported(good)), good, table(), {"leave_out": ["NaN"]}
    assert kind == "leaf"
    good = faults.lightgbm(0)
    return faults.leaf_changed(converted(good, table())), good, table(), {}


@pytest.mark.parametrize(
    ("kind", "name", "words"),
    [
        pytest.param("dropped", "NaN routing", "sent where the reference sends it", id="NaN dropped"),
        pytest.param("flipped", "NaN routing", "0 rows without NaN differ", id="NaN flipped"),
        pytest.param("forest", "NaN routing", "0 rows without NaN differ", id="NaN of a forest"),
        pytest.param("LOGISTIC dropped", "post transform", "is NONE; with LOGISTIC", id="LOGISTIC dropped"),
        pytest.param("SOFTMAX dropped", "post transform", "is NONE; with SOFTMAX", id="SOFTMAX dropped"),
        pytest.param("LOGISTIC for SOFTMAX", "post transform", "is LOGISTIC; with SOFTMAX", id="LOGISTIC for SOFTMAX"),
        pytest.param("shifted", "labels", "-1 on every label", id="labels shifted"),
        pytest.param("swapped", "columns in another order", "'pulse' in place of 'age'", id="columns swapped"),
        pytest.param("base", "output scale or offset", "plus", id="base score lost"),
        pytest.param("halved", "output scale or offset", "times 2 plus", id="scores halved"),
        pytest.param("scaler", "scaler rounding", "units in the last place", id="scaler folded otherwise"),
        pytest.param("rounding", "unrounded columns", "rounded to float32 in front of them", id="rounding lost"),
        pytest.param("leaf", "unknown", "row", id="no name"),
    ],
)
def test_verify_planted_fault_is_the_one_that_is_named(kind: str, name: str, words: str) -> None:
    model, reference, data, options = planted(kind)
    report = checked(model, reference, data, **options)
    assert names(report) == [name], str(report)
    assert words in report.causes[0].evidence
    for output in report.outputs:
        assert report.causes[0].rows >= output.rows


def test_verify_columns_of_other_types_put_side_by_side_in_another_order_are_named() -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier

    rng = np.random.default_rng(0)
    table = pd.DataFrame({"age": rng.integers(18, 90, 400), "income": rng.lognormal(8, 1, 400), "pulse": rng.normal(70, 9, 400)})
    estimator = HistGradientBoostingClassifier(max_iter=8).fit(table, (table["income"] > 3000) ^ (table["age"] > 50))
    model = onnx.load_model_from_string(eo.convert(estimator, table))
    (concat,) = [node for node in model.graph.node if node.op_type == "Concat"]
    concat.input[0], concat.input[1] = concat.input[1], concat.input[0]
    report = eo.verify(model, estimator, table, generated_rows=500)
    assert [cause.name for cause in report.causes] == ["columns in another order"]
    assert "'age' in place of 'income'" in report.causes[0].evidence
    assert eo.verify(report.exact, estimator, table, generated_rows=500).ok


def test_verify_scaler_that_is_wrong_by_more_than_rounding_is_not_called_rounding() -> None:
    good, data = faults.forest(scaled=True), table("float32")
    model = faults.copied(exported(good))
    for each in faults.node_of(model, "Scaler").attribute:
        if each.name == "scale":
            each.floats[:] = [value * 1.01 for value in each.floats]
    report = checked(model, good, data, leave_out=["NaN"])
    unknown = next(cause for cause in report.causes if cause.name == "unknown")
    assert unknown.rows > 0.5 * max(output.rows for output in report.outputs), str(report)


@pytest.mark.parametrize("kind", ["dropped", "flipped", "forest", "LOGISTIC dropped", "SOFTMAX dropped", "rounding"])
def test_verify_fault_of_the_graph_is_put_right_in_the_model_that_is_offered(kind: str) -> None:
    model, reference, data, options = planted(kind)
    report = checked(model, reference, data, **options)
    assert report.exact is not None, report.exact_note
    assert checked(report.exact, reference, data, seed=3, **options).ok


# ------------------------------------------------------------------------------------------------------------------ several at once


def test_verify_several_faults_are_found_in_turn() -> None:
    good, data = faults.lightgbm(3, "float64", 0.05), table(missing=0.05)
    model = faults.labels_shifted(faults.post_transform(faults.nan_flipped(exported(good)), "NONE"))
    report = checked(model, good, data)
    assert sorted(names(report)) == ["NaN routing", "float32 threshold", "labels", "post transform"], str(report)
    assert report.exact is None
    assert "beside the graph" in report.exact_note


def test_verify_two_faults_of_the_graph_are_put_right_together() -> None:
    good, data = faults.lightgbm(2, "float64", 0.05), table(missing=0.05)
    report = checked(faults.nan_dropped(exported(good)), good, data)
    assert sorted(names(report)) == ["NaN routing", "float32 threshold"], str(report)
    assert report.exact is not None
    assert checked(report.exact, good, data, seed=4).ok


def test_verify_ensembles_of_several_estimators_are_told_apart() -> None:
    """The one compares doubles, the other rounds them."""
    from sklearn.ensemble import VotingClassifier

    parts = [("forest", faults.forest(dtype="float64")), ("lightgbm", faults.lightgbm(2))]
    good = VotingClassifier(parts, voting="soft", flatten_transform=False).fit(table(), target(2))
    report = checked(converted(good, table()), good, table(), leave_out=["NaN"])
    assert set(names(report)) <= {"float32 threshold", "unrounded columns"}, str(report)
    for row in report.differing:
        assert row.pattern != "given"


# ------------------------------------------------------------------------------------------------------------------ ties, sums, text


def test_verify_ties_of_a_forest_are_named_unless_they_are_allowed() -> None:
    estimator, data = faults.forest(depth=None), table("float32")
    options = {"leave_out": ["NaN"], "generated_rows": 20_000}
    report = checked(exported(estimator), estimator, data, **options)
    assert names(report) == ["tied scores"], str(report)
    assert report.causes[0].outputs == ("label",) or "label" in report.causes[0].outputs[0]
    assert checked(exported(estimator), estimator, data, ties=True, **options).ok


def test_verify_sums_that_float32_cannot_hold_are_named() -> None:
    from sklearn.linear_model import LinearRegression

    data = pd.DataFrame({"day": np.linspace(1.7e9, 1.7e9 + 5e4, 500), "load": np.linspace(1, 2, 500)})
    model = LinearRegression().fit(data - [1.7e9, 0], data["day"] - 1.7e9)
    model.intercept_ -= 1.7e9 * model.coef_[0]
    import skl2onnx

    graph = skl2onnx.to_onnx(model, data[:1].to_numpy(np.float32))
    graph.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 2
    report = checked(graph, model, data)
    assert names(report) == ["float32 arithmetic"], str(report)


def test_verify_function_that_no_attribute_tells_is_named() -> None:
    estimator, data = faults.histogram(0), table()
    said = 1 / (1 + np.exp(-estimator.predict(data)))
    report = checked(converted(estimator, data), {"prediction": said}, data)
    assert names(report) == ["post transform"], str(report)
    assert "the logistic function of the model's scores is what the reference says" in report.causes[0].evidence


def test_verify_text_labels_of_stored_answers_are_named() -> None:
    estimator, data = faults.lightgbm(3), table()
    model = converted(estimator, data)
    said = np.array(["low", "middle", "high"], object)[estimator.predict(data)]
    report = checked(model, {"label": said}, data)
    assert names(report) == ["labels"]
    assert "0 for 'low', 1 for 'middle', 2 for 'high'" in report.causes[0].evidence
    assert report.patterns == {"given": len(data)}


def test_verify_classes_in_another_order_are_named() -> None:
    estimator, data = faults.lightgbm(3), table()
    model = converted(estimator, data)
    scores = estimator.predict_proba(data)[:, [2, 0, 1]]
    said = {"label": scores.argmax(axis=1), **{f"probability_{k}": scores[:, k] for k in range(3)}}
    report = checked(model, said, data)
    assert names(report) == ["labels"], str(report)
    assert "columns of scores" in report.causes[0].evidence


def test_verify_rows_that_depend_on_each_other_are_named() -> None:
    from models import constant, graph, tensor

    nodes = [
        onnx.helper.make_node("ReduceMean", ["x", "axes"], ["mean"], keepdims=1),
        onnx.helper.make_node("Sub", ["x", "mean"], ["y"]),
    ]
    model = graph(nodes, [tensor("x", 1)], [tensor("y", 1)], [constant("axes", [0], np.int64)])
    data = {"x": table("float32")["age"].to_numpy()}
    report = eo.verify(model, {"y": data["x"] - data["x"].mean(dtype=np.float32)}, data, morsel_rows=1 << 20, threads=1)
    assert "rows depend on each other" in names(report), str(report)
    assert not report.ok


def test_verify_target_is_not_degenerate() -> None:
    """The faults above would touch nothing if the estimators had learned nothing."""
    assert np.mean(faults.lightgbm(3).predict(table()) == target(3)) > 0.8
