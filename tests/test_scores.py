"""Ports, explain, and what `score` gives back: a mapping of arrays that is an Arrow stream too, with its report."""

from __future__ import annotations

import gc
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import polars
import pyarrow as pa
import pytest

import edgeonnx as eo
import models
import trained
from edgeonnx import _core
from support import assert_column, assert_columns, refused

pytestmark = pytest.mark.usefixtures("no_leak")

ABC = {"a": np.arange(5, dtype=np.float32), "b": np.ones(5, np.float32), "c": np.zeros(5, np.float32)}


def test_ports_name_types_and_shapes() -> None:
    scorer = eo.Scorer(models.four_types())
    assert isinstance(scorer.inputs, tuple)
    assert [(p.name, p.onnx_type, p.sql_type) for p in scorer.inputs] == [
        ("i", "tensor(int32)", "int"),
        ("l", "tensor(int64)", "bigint"),
        ("f", "tensor(float)", "real"),
        ("d", "tensor(double)", "float"),
    ]
    assert [(p.name, p.onnx_type, p.sql_type) for p in scorer.outputs] == [("variable1", "tensor(float)", "real")]
    assert len(scorer.inputs[0].shape) == 2
    assert scorer.inputs[0].shape[1] == 1


@pytest.mark.parametrize(("dtype", "sql_type"), models.SQL_TYPES.items())
def test_port_sql_type_matches_the_element_type(dtype: str, sql_type: str) -> None:
    assert eo.Scorer(models.identity(dtype)).inputs[0].sql_type == sql_type


def test_outputs_zipmap_shows_one_port_per_class() -> None:
    scorer = eo.Scorer(trained.logistic(3, True).model)
    assert [(p.name, p.sql_type) for p in scorer.outputs] == [
        ("output_label", "bigint"),
        ("output_probability_0", "real"),
        ("output_probability_1", "real"),
        ("output_probability_2", "real"),
    ]
    for port in scorer.outputs:
        assert port.name in scorer.explain()


def test_explain_tells_each_operator_set_once() -> None:
    proto = onnx.load_from_string(models.affine())
    proto.opset_import.append(proto.opset_import[0])
    proto.opset_import.append(onnx.helper.make_opsetid("ai.onnx", proto.opset_import[0].version))
    (line,) = (line for line in eo.Scorer(proto).explain().splitlines() if line.startswith("opset: "))
    assert line.count(f"ai.onnx {models.OPSET}") == 1


def test_explain_says_what_runs_the_model_and_with_how_many_threads() -> None:
    text = eo.Scorer(models.affine(), threads=3).explain()
    assert text.startswith("plan: native\n")
    assert "threads: up to 3" in text
    assert "plan: ONNX Runtime" in eo.Scorer(models.affine(), native=False).explain()


def test_scorer_model_given_as_path_bytes_or_proto_scores_alike(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(models.affine())
    expected = models.run(models.affine(), {name: column[:, None] for name, column in ABC.items()})
    models_alike: tuple[Any, ...] = (
        path,
        str(path),
        models.affine(),
        bytearray(models.affine()),
        memoryview(models.affine()),
        np.frombuffer(models.affine(), np.uint8),
        onnx.load_from_string(models.affine()),
    )
    for model in models_alike:
        assert_columns(eo.Scorer(model).score(ABC), expected)


def test_scores_are_a_mapping_in_the_models_order() -> None:
    scores = eo.Scorer(trained.logistic().model).score(np.zeros((4, 4), np.float32))
    assert isinstance(scores, Mapping)
    assert isinstance(scores, eo.Scores)
    assert list(scores) == ["label", "probabilities"]
    assert len(scores) == 2
    assert "label" in scores
    assert "nothing" not in scores
    assert scores.get("nothing") is None
    assert [name for name, _ in scores.items()] == list(scores.keys())
    assert scores["probabilities"].shape == (4, 2)
    with pytest.raises(KeyError, match="nothing"):
        scores["nothing"]


def test_scores_repr_names_rows_and_outputs() -> None:
    text = repr(eo.Scorer(trained.logistic().model).score(np.zeros((4, 4), np.float32)))
    assert "label" in text
    assert "4" in text


def test_scores_outlive_scorer_and_data() -> None:
    data = {name: column.copy() for name, column in ABC.items()}
    scorer = eo.Scorer(models.affine())
    scores = scorer.score(data)
    total = scores["total"]
    table = pa.table(scores)
    del scorer, scores, data
    gc.collect()
    expected = ABC["a"] + 2 * ABC["b"]
    np.testing.assert_array_equal(total, expected)
    np.testing.assert_array_equal(table["total"].to_numpy(), expected)


def test_scores_arrow_stream_feeds_pyarrow_and_polars() -> None:
    scores = eo.Scorer(models.row_vectors()).score(np.arange(12, dtype=np.float32).reshape(4, 3))
    table = pa.table(scores)
    assert table.schema.field("doubled").type == pa.list_(pa.field(table.schema.field("doubled").type.value_field.name, pa.float32()), 3)
    assert table.schema.field("total").type == pa.float32()
    assert table["total"].to_pylist() == [3.0, 12.0, 21.0, 30.0]
    assert table["doubled"].to_pylist()[1] == [6.0, 8.0, 10.0]
    frame = polars.DataFrame(scores)
    assert frame.schema == {"doubled": polars.Array(polars.Float32, 3), "total": polars.Float32}
    assert frame["total"].to_list() == [3.0, 12.0, 21.0, 30.0]


def test_scores_output_of_no_values_is_empty_lists_in_arrow() -> None:
    scores = eo.Scorer(models.row_slice(0)).score(np.ones((4, 3), np.float32))
    assert scores["y"].shape == (4, 0)
    assert pa.table(scores)["y"].to_pylist() == [[]] * 4


def test_scores_output_of_more_dimensions_than_an_array_has_is_a_vector_a_row() -> None:
    rows = np.arange(30, dtype=np.float32).reshape(10, 3)
    np.testing.assert_array_equal(eo.Scorer(models.many_dimensions(70)).score(rows)["y"], rows)


def test_scores_arrow_stream_of_integers_and_booleans_keeps_types() -> None:
    data = {"x0": np.array([1, -2, 3]), "x1": np.array([True, False, True]), "x2": np.array([1, 2, 3], np.uint8)}
    table = pa.table(eo.Scorer(models.identities("int64", "bool", "uint8")).score(data))
    assert table.schema.types == [pa.int64(), pa.bool_(), pa.uint8()]
    assert table.to_pydict() == {"y0": [1, -2, 3], "y1": [True, False, True], "y2": [1, 2, 3]}


def test_scores_arrow_stream_can_be_read_again_and_dropped_unread() -> None:
    scores = eo.Scorer(models.affine()).score(ABC)
    before = _core.live_objects()
    assert pa.table(scores) == pa.table(scores)
    capsule = scores.__arrow_c_stream__()
    del capsule
    gc.collect()
    assert _core.live_objects() == before


def test_scores_null_results_are_masked_in_numpy_and_null_in_arrow() -> None:
    scorer = eo.Scorer(models.affine(), nulls="propagate")
    data = pa.table(
        {"a": pa.array([1, None, 3], pa.float32()), "b": pa.array([0, 0, None], pa.float32()), "c": pa.array([0, 0, 0], pa.float32())}
    )
    scores = scorer.score(data)
    assert isinstance(scores["total"], np.ma.MaskedArray)
    assert scores["total"].mask.tolist() == [False, True, True]
    assert scores["total"][0] == 1
    assert pa.table(scores)["total"].to_pylist() == [1.0, None, None]
    assert polars.DataFrame(scores)["total"].to_list() == [1.0, None, None]


def test_scores_without_rows_are_empty_and_typed() -> None:
    empty = {"X": np.empty((0, 4), np.float32)}
    scores = eo.Scorer(trained.logistic(3, True).model).score(empty)
    assert {name: (column.dtype.name, column.shape) for name, column in scores.items()} == {
        "output_label": ("int64", (0,)),
        "output_probability_0": ("float32", (0,)),
        "output_probability_1": ("float32", (0,)),
        "output_probability_2": ("float32", (0,)),
    }
    assert pa.table(scores).num_rows == 0
    assert pa.table(scores).schema.types == [pa.int64(), pa.float32(), pa.float32(), pa.float32()]


def test_score_outputs_chosen_come_in_the_order_asked_for() -> None:
    scorer = eo.Scorer(models.row_vectors())
    data = np.arange(12, dtype=np.float32).reshape(4, 3)
    assert list(scorer.score(data, outputs=["total"])) == ["total"]
    assert set(scorer.score(data, outputs=["total", "doubled"])) == {"total", "doubled"}


def test_score_unselected_sequence_output_does_not_matter() -> None:
    scores = eo.Scorer(models.sequence_output()).score({"x": np.arange(3, dtype=np.float32)}, outputs=["good"])
    assert scores["good"].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("sql_type", "dtype", "expected"),
    [
        ("int", np.int32, [1, -1, 2]),
        ("bigint", np.int64, [1, -1, 2]),
        ("real", np.float32, [1.5, -1.5, 2.0]),
        ("float", np.float64, [1.5, -1.5, 2.0]),
        ("FLOAT", np.float64, [1.5, -1.5, 2.0]),
    ],
)
def test_score_with_converts_to_the_declared_type(sql_type: str, dtype: type, expected: list[float]) -> None:
    scorer = eo.Scorer(models.identity())
    scores = scorer.score({"x": np.array([1.5, -1.5, 2.0], np.float32)}, with_={"y": sql_type})
    assert_column(scores["y"], np.array(expected, dtype))


def test_score_with_names_a_subset() -> None:
    scores = eo.Scorer(models.row_vectors()).score(np.ones((2, 3), np.float32), with_={"total": "float"})
    assert_columns(scores, {"total": np.array([3.0, 3.0])})


def test_score_with_value_that_does_not_fit_is_an_overflow_at_its_row() -> None:
    scorer = eo.Scorer(models.identity("float64"))
    with refused(eo.Overflow, "y") as info:
        scorer.score({"x": np.array([1.0, 3e9, 4e9])}, with_={"y": "int"})
    assert (info.value.row, info.value.column, info.value.sql_number) == (1, "y", 232)


def test_score_with_overflow_policy_null_masks_the_value() -> None:
    scorer = eo.Scorer(models.identity("float64"), on_overflow="null")
    scores = scorer.score({"x": np.array([1.0, 3e9, 4.0])}, with_={"y": "int"})
    assert scores["y"].tolist() == [1, None, 4]
    assert scores["y"].dtype == np.int32


def test_report_counts_rows_morsels_threads_and_seconds() -> None:
    scorer = eo.Scorer(models.affine(), threads=2, morsel_rows=10)
    report = scorer.score({name: np.ones(95, np.float32) for name in "abc"}).report
    assert report.n_rows == 95
    assert report.n_morsels == 10
    assert 1 <= report.n_threads <= 2
    assert report.bytes_copied == 0
    assert report.bytes_borrowed == 95 * 3 * 4
    assert report.casts == ()
    assert set(report.seconds) >= {"total", "convert", "run", "write"}
    assert report.seconds["total"] > 0
    assert all(value >= 0 for value in report.seconds.values())


def test_report_names_casts_and_counts_the_bytes_they_read() -> None:
    data = {"a": np.ones(100), "b": np.ones(100, np.float32), "c": np.ones(100, np.int32)}
    report = eo.Scorer(models.affine()).score(data).report
    assert report.bytes_copied == 100 * 8 + 100 * 4
    assert report.bytes_borrowed == 100 * 4
    text = " ".join(map(str, report.casts))
    assert len(report.casts) == 2
    assert "a" in text
    assert "float" in text
    assert "int" in text


def test_explain_takes_the_options_of_score() -> None:
    scorer = eo.Scorer(models.affine())
    text = scorer.explain({"first": np.ones(3), "b": np.ones(3, np.float32), "c": np.ones(3, np.int32)}, rename={"first": "a"})
    assert "'first': float -> real" in text
    assert "opset: ai.onnx" in text


def test_scores_name_that_is_no_output_lists_the_outputs() -> None:
    scores = eo.Scorer(models.row_vectors()).score(np.zeros((2, 3), np.float32))
    with refused(eo.NotFound, "'probabilities'", "'doubled', 'total'") as info:
        scores["probabilities"]
    assert isinstance(info.value, KeyError)
    assert "probabilities" not in scores
    assert scores.get("probabilities") is None
