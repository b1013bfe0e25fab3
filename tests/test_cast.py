"""eo.cast where it is more than the matrix: threads, memory of the caller's, odd objects; and branches that rounding changes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pandas
import pyarrow as pa
import pytest
from onnx import TensorProto, helper

import edgeonnx as eo
import models
from support import refused

pytestmark = pytest.mark.usefixtures("no_leak")


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_cast_first_bad_row_is_reported_whatever_the_threads(threads: int) -> None:
    values = np.zeros(400_000)
    values[[250_001, 250_002, 399_999]] = 1e300
    for _ in range(5):
        with refused(eo.Overflow) as info:
            eo.cast(values, "int", threads=threads)
        assert (info.value.row, info.value.value) == (250_001, "1e+300")


@pytest.mark.parametrize("threads", [1, 3])
def test_cast_threads_write_every_row(threads: int) -> None:
    values = np.arange(300_001, dtype=np.int64)
    masked = np.ma.MaskedArray(values, mask=values % 7 == 3)
    np.testing.assert_array_equal(eo.cast(values, "float", threads=threads), values.astype(float))
    result = eo.cast(masked, "real", threads=threads)
    np.testing.assert_array_equal(np.ma.getmaskarray(result), masked.mask)
    np.testing.assert_array_equal(result.compressed(), masked.compressed().astype(np.float32))


def test_cast_out_is_written_and_returned() -> None:
    out = np.empty(3, np.int32)
    assert eo.cast([1.5, -1.5, 0.0], "int", out=out) is out
    assert out.tolist() == [1, -1, 0]


@pytest.mark.parametrize(
    ("out", "word"),
    [
        (np.empty(3), "dtype int32"),
        (np.empty(4, np.int32), "shape"),
        (np.empty(6, np.int32)[::2], "contiguous"),
        ([0, 0, 0], "numpy array"),
    ],
    ids=["dtype", "shape", "gaps", "list"],
)
def test_cast_out_that_does_not_suit_is_refused(out: Any, word: str) -> None:
    with pytest.raises(eo.Error, match=word):
        eo.cast([1.0, 2.0, 3.0], "int", out=out)


def test_cast_out_over_its_own_values_is_refused() -> None:
    values = np.array([1.5, 2.5])
    with refused(eo.InvalidArgument, "overlaps"):
        eo.cast(values, "real", out=values.view(np.float32)[:2])
    assert values.tolist() == [1.5, 2.5]


def test_cast_lists_of_single_values_keep_their_nulls() -> None:
    column = pa.array([[1.5], [None], None], pa.list_(pa.float64(), 1))
    assert eo.cast(column, "int").tolist() == [1, None, None]


def test_cast_array_that_was_moved_away_is_refused() -> None:
    class Once:
        def __init__(self) -> None:
            self.capsules = pa.array([1.0]).__arrow_c_array__()

        def __arrow_c_array__(self, requested_schema: object = None) -> Any:
            return self.capsules

    column = Once()
    assert eo.cast(column, "int").tolist() == [1]
    with refused(eo.InvalidArgument, "released"):
        eo.cast(column, "int")


@pytest.mark.parametrize(
    ("values", "to", "expected"),
    [
        ([1, None], "real", [1.0, None]),
        ([1.5, None, float("nan")], "bit", [True, None, True]),
        ([True, None], "int", [1, None]),
        (pandas.Series([1, None, 2], dtype=object), "bigint", [1, None, 2]),
        (pandas.Series([Decimal("1.5"), float("nan"), pandas.NA], dtype=object), "decimal(5,2)", [Decimal("1.50"), None, None]),
    ],
    ids=["int", "float", "bool", "series", "decimal series"],
)
def test_cast_python_objects_with_nulls_are_read(values: Any, to: str, expected: list[Any]) -> None:
    assert eo.cast(values, to).tolist() == expected


@pytest.mark.parametrize("text", ["NaN", "Infinity", "sNaN"])
def test_cast_decimal_that_is_no_number_names_its_row(text: str) -> None:
    with refused(eo.InvalidArgument, "row 1", text, "'values'"):
        eo.cast([Decimal(1), Decimal(text)], "float")


def stump() -> bytes:
    """X <= 0.5: 1, else 2."""
    attributes: dict[str, Any] = {"nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF"], "nodes_nodeids": [0, 1, 2], "nodes_treeids": [0, 0, 0]}
    attributes |= {"nodes_featureids": [0, 0, 0], "nodes_values": [0.5, 0.0, 0.0], "nodes_truenodeids": [1, 0, 0]}
    attributes |= {"nodes_falsenodeids": [2, 0, 0], "target_nodeids": [1, 2], "target_treeids": [0, 0], "target_ids": [0, 0]}
    attributes |= {"target_weights": [1.0, 2.0], "n_targets": 1}
    node = helper.make_node("TreeEnsembleRegressor", ["x"], ["y"], domain="ai.onnx.ml", **attributes)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 1]) for name in "xy"]
    model = helper.make_model(helper.make_graph([node], "stump", ports[:1], ports[1:]), opset_imports=opsets, ir_version=8)
    return bytes(model.SerializeToString())


@pytest.mark.parametrize(
    "column",
    [
        np.array([0.5, 0.5 + 1e-12, 0.7, 0.5 - 1e-12]),
        pa.array([Decimal("0.5"), Decimal("0.500000000001"), None, Decimal("0.499999999999")], pa.decimal128(20, 12)),
        np.ma.MaskedArray([0.5, 0.5 + 1e-12, 0.5 + 1e-12], mask=[False, False, True]),
    ],
    ids=["float", "decimal", "masked"],
)
def test_score_report_branches_counts_rows_that_rounding_changes(column: Any) -> None:
    scorer = eo.Scorer(stump(), report="branches", nulls="nan")
    assert scorer.score({"x": column}).report.n_branch_changes == 1
    assert "rounded to real" in scorer.explain({"x": column})
    assert eo.Scorer(stump(), nulls="nan").score({"x": column}).report.n_branch_changes is None


def test_score_report_branches_of_a_model_without_trees_is_none() -> None:
    assert eo.Scorer(models.identity(), report="branches").score({"x": np.zeros(3)}).report.n_branch_changes is None


def test_score_with_list_tells_all_its_mistakes() -> None:
    scorer = eo.Scorer(models.row_vectors())
    with refused(eo.InvalidArgument, "with_['total']", "with_['doubled']", "deciml", "float(99)"):
        scorer.score({name: np.zeros(2) for name in "pqr"}, with_={"total": "deciml", "doubled": "float(99)"})
    with refused(eo.InvalidArgument, "mapping"):
        scorer.score({name: np.zeros(2) for name in "pqr"}, with_="total float")  # type: ignore[arg-type]
