"""Integers divided by 0, and the least integer by -1: an error of the call, where a processor would end the process.

Whatever might end it runs in a process of its own.
"""

from __future__ import annotations

import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import edgeonnx as eo
import models
from models import Array, Feed
from support import refused, run_python

pytestmark = pytest.mark.usefixtures("no_leak")

TYPES = {
    np.dtype(name): getattr(TensorProto, name.upper())
    for name in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")
}
WIDE = [np.dtype("int32"), np.dtype("int64")]
LEAST = {dtype: int(np.iinfo(dtype).min) for dtype in TYPES}

#: Scores the columns of an .npz file and prints what is raised, or the first column.
SCORE = """
import sys
import numpy as np
import edgeonnx as eo
try:
    scores = eo.Scorer(sys.argv[1], **eval(sys.argv[3])).score(dict(np.load(sys.argv[2])))
    print("scored", np.asarray(scores["y"]).ravel().tolist())
except eo.Error as error:
    print(type(error).__name__, error.sql_number, error)
"""


def value(name: str, element: int, shape: Sequence[Any] = ("N", 1)) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, element, list(shape))


def constant(name: str, dtype: np.dtype[Any], number: Any) -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(number, dtype), name)


def build(
    nodes: list[onnx.NodeProto],
    element: int,
    *,
    inputs: Sequence[str] = "ab",
    constants: Sequence[onnx.TensorProto] = (),
    made: int | None = None,
    opset: int = 17,
    functions: Sequence[onnx.FunctionProto] = (),
) -> bytes:
    graph = helper.make_graph(nodes, "g", [value(name, element) for name in inputs], [value("y", made or element)], list(constants))
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid("local", 1) for _ in functions[:1])]
    return bytes(helper.make_model(graph, opset_imports=opsets, functions=list(functions), ir_version=8).SerializeToString())


def divide(op: str = "Div", a: str = "a", b: str = "b", y: str = "y", **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(op, [a, b], [y], name=f"ratio_{y}", **attributes)


def said(folder: pathlib.Path, model: bytes, columns: Feed, **options: Any) -> str:
    """What a process of its own prints of scoring the columns."""
    (folder / "m.onnx").write_bytes(model)
    np.savez(folder / "columns.npz", allow_pickle=False, **columns)
    return run_python(SCORE, str(folder / "m.onnx"), str(folder / "columns.npz"), repr(options)).stdout.strip()


def columns_with(dtype: np.dtype[Any], a: int, b: int, n: int = 11) -> Feed:
    """Good rows, and a bad one among them."""
    columns = {"a": np.arange(1, n + 1).astype(dtype), "b": np.full(n, 3, dtype)}
    columns["a"][7], columns["b"][7] = a, b
    return columns


def expected(op: str, a: Array, b: Array, fmod: bool = False) -> Array:
    if op == "Mod":
        rest: Array = np.fmod(a, b) if fmod else np.mod(a, b)
        return rest
    quotient = np.abs(a.astype(object)) // np.abs(b.astype(object))
    signed: Array = np.where((a < 0) != (b < 0), -quotient, quotient)
    return signed.astype(a.dtype)


def is_implemented(model: bytes) -> bool:
    try:
        eo.Scorer(model)
    except eo.Unsupported:
        return False
    return True


OPERATORS = [("Div", {}), ("Mod", {"fmod": 0}), ("Mod", {"fmod": 1})]
OPERATOR_IDS = ["div", "mod", "fmod"]


@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize(("op", "attributes"), OPERATORS, ids=OPERATOR_IDS)
def test_divisor_of_zero_is_an_error_of_the_call(op: str, attributes: dict[str, Any], dtype: np.dtype[Any], tmp_path: pathlib.Path) -> None:
    model = build([divide(op, **attributes)], TYPES[dtype])
    if not is_implemented(model):
        pytest.skip("ONNX Runtime has no kernel for it")
    text = said(tmp_path, model, columns_with(dtype, 5, 0))
    assert text.startswith(f"InferenceError 8134 integer division by zero: node 'ratio_y' ({op}) divides by 'b', which is 0"), text


@pytest.mark.parametrize("n", [1, 8])
@pytest.mark.parametrize("dtype", WIDE, ids=str)
def test_least_integer_by_minus_one_overflows(dtype: np.dtype[Any], n: int, tmp_path: pathlib.Path) -> None:
    columns = {"a": np.full(n, LEAST[dtype], dtype), "b": np.full(n, -1, dtype)}
    text = said(tmp_path, build([divide()], TYPES[dtype]), columns)
    assert text.startswith(f"InferenceError 8115 integer overflow: node 'ratio_y' (Div) divides {LEAST[dtype]}"), text


@pytest.mark.parametrize("dtype", [dtype for dtype in TYPES if dtype.kind == "i"], ids=str)
@pytest.mark.parametrize("fmod", [0, 1])
def test_least_integer_modulo_minus_one_is_zero(fmod: int, dtype: np.dtype[Any], tmp_path: pathlib.Path) -> None:
    text = said(tmp_path, build([divide("Mod", fmod=fmod)], TYPES[dtype]), columns_with(dtype, LEAST[dtype], -1))
    a = np.arange(1, 12)
    a[7] = 0
    assert text == f"scored {(a % 3).tolist()}"


@pytest.mark.parametrize("opset", [7, 11, 13, 17, 21])
@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize(("op", "attributes"), OPERATORS, ids=OPERATOR_IDS)
def test_good_rows_are_divided_as_ever(op: str, attributes: dict[str, Any], dtype: np.dtype[Any], opset: int) -> None:
    if op == "Mod":
        opset = max(opset, 10)
    model = build([divide(op, **attributes)], TYPES[dtype], opset=opset)
    try:
        scorer = eo.Scorer(model)
    except (eo.Unsupported, eo.ModelError):
        pytest.skip("ONNX Runtime has no kernel for it, or the opset not the type")
    random = np.random.default_rng(0)
    limits = np.iinfo(dtype)
    top = limits.max if not attributes.get("fmod") else min(limits.max, 1 << 50)  # fmod computes in double
    a = random.integers(max(limits.min + 1, -top), top, 1000, dtype=dtype, endpoint=True)
    b = np.where(random.random(1000) < 0.5, random.integers(1, 9, 1000), random.integers(1, top, 1000, dtype=dtype)).astype(dtype)
    if dtype.kind == "i":
        b[::3] = -b[::3]
        a[::50], b[::50] = LEAST[dtype] if not attributes.get("fmod") else 7, 2
        b[1::50] = -1
    for n in (0, 1, 7, 1000):
        np.testing.assert_array_equal(scorer.score({"a": a[:n], "b": b[:n]})["y"], expected(op, a[:n], b[:n], bool(attributes.get("fmod"))))


@pytest.mark.parametrize(
    ("a", "b"), [((3, 1), (3, 1)), ((3, 4), (1,)), ((3, 1), (1, 4)), ((), (3, 1)), ((3, 1), ()), ((1,), (3, 2))], ids=str
)
def test_broadcast_divisors_keep_the_shapes(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    """The one that has no rows is a graph's own value, not a constant: the sum of two."""
    names, nodes, tensors, feed = [], [], [], {}
    for name, shape, number in (("a", a, 100), ("b", b, 7)):
        if len(shape) == 2 and shape[0] == 3:
            names.append(value(name, TensorProto.INT64, ["N", shape[1]]))
            feed[name] = np.full(shape, number)
        else:
            tensors.append(constant(f"half_{name}", np.dtype("int64"), np.full(shape, number)))
            nodes.append(helper.make_node("Abs", [f"half_{name}"], [name]))
    width = np.broadcast_shapes(a, b)[1]
    graph = helper.make_graph([*nodes, divide()], "g", names, [value("y", TensorProto.INT64, ["N", width])], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    columns = eo.Scorer(model, native=False).score(feed)
    np.testing.assert_array_equal(np.asarray(columns["y"]).reshape(3, -1), np.full((3, width), 14))


def inner_graph(nodes: list[onnx.NodeProto], inputs: list[onnx.ValueInfoProto], outputs: list[onnx.ValueInfoProto]) -> onnx.GraphProto:
    return helper.make_graph(nodes, "inner", inputs, outputs)


def in_if(element: int) -> bytes:
    then = inner_graph([divide(y="quotient")], [], [value("quotient", element)])
    other = inner_graph([helper.make_node("Identity", ["a"], ["same"])], [], [value("same", element)])
    yes = constant("yes", np.dtype(bool), True)
    choose = helper.make_node("If", ["ask"], ["y"], then_branch=then, else_branch=other)
    # Not a constant, or ONNX Runtime would keep one branch alone.
    nodes = [helper.make_node("ReduceMax", ["a"], ["most"], keepdims=0), helper.make_node("Equal", ["most", "most"], ["same_most"])]
    return build([*nodes, helper.make_node("And", ["same_most", "yes"], ["ask"]), choose], element, constants=[yes])


def in_loop(element: int) -> bytes:
    step = [divide(a="before", y="after"), helper.make_node("Identity", ["go"], ["go_on"])]
    body = inner_graph(
        step,
        [value("i", TensorProto.INT64, []), value("go", TensorProto.BOOL, []), value("before", element)],
        [value("go_on", TensorProto.BOOL, []), value("after", element)],
    )
    once = constant("once", np.dtype("int64"), 1)
    return build([helper.make_node("Loop", ["once", "", "a"], ["y"], body=body)], element, constants=[once])


def in_scan(element: int) -> bytes:
    """Whose graph is fed what the model does not declare a type of."""
    untyped = [onnx.ValueInfoProto(name=f"{name}_row") for name in "ab"]
    body = inner_graph([divide(a="a_row", b="b_row", y="y_row")], untyped, [value("y_row", element, [1])])
    return build([helper.make_node("Scan", ["a", "b"], ["y"], body=body, num_scan_inputs=2)], element)


def in_function(element: int) -> bytes:
    function = helper.make_function("local", "Ratio", ["p", "q"], ["r"], [divide(a="p", b="q", y="r")], [helper.make_opsetid("", 17)])
    return build([helper.make_node("Ratio", ["a", "b"], ["y"], domain="local")], element, functions=[function])


def behind_a_sequence(element: int) -> bytes:
    """Where the model does not tell the type of anything that is divided."""
    zero = constant("zero", np.dtype("int64"), 0)
    nodes = []
    for name in "ab":
        nodes.append(helper.make_node("SequenceConstruct", [name], [f"list_{name}"]))
        nodes.append(helper.make_node("SequenceAt", [f"list_{name}", "zero"], [f"own_{name}"]))
    ratio = divide(a="own_a", b="own_b", y="quotient")
    back = [helper.make_node("SequenceConstruct", ["quotient"], ["list_y"]), helper.make_node("SequenceAt", ["list_y", "zero"], ["y"])]
    return build([*nodes, ratio, *back], element, constants=[zero])


def behind_a_cast(element: int) -> bytes:
    nodes = [helper.make_node("Cast", [name], [f"cast_{name}"], to=element) for name in "ab"]
    return build([*nodes, divide(a="cast_a", b="cast_b", y="quotient"), helper.make_node("Identity", ["quotient"], ["y"])], element)


def with_names_taken(element: int) -> bytes:
    nodes = [helper.make_node("Identity", ["b"], ["edgeonnx_division0_0"]), helper.make_node("Identity", ["a"], ["edgeonnx_division_"])]
    return build([*nodes, divide(a="edgeonnx_division_", b="edgeonnx_division0_0")], element)


PLACES = [in_if, in_loop, in_scan, in_function, behind_a_sequence, behind_a_cast, with_names_taken]


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("dtype", WIDE, ids=str)
@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_division_in_any_place_is_guarded(place: Any, dtype: np.dtype[Any], native: bool, tmp_path: pathlib.Path) -> None:
    model = place(TYPES[dtype])
    zero = said(tmp_path, model, columns_with(dtype, 5, 0), native=native)
    assert zero.startswith("InferenceError 8134 integer division by zero: node"), zero
    least = said(tmp_path, model, columns_with(dtype, LEAST[dtype], -1), native=native)
    assert least.startswith("InferenceError 8115 integer overflow: node"), least
    good = columns_with(dtype, -20, 7)
    np.testing.assert_array_equal(eo.Scorer(model, native=native).score(good)["y"], expected("Div", good["a"], good["b"]))


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_floats_in_the_same_places_are_left_alone(place: Any) -> None:
    model = place(TensorProto.FLOAT)
    a = np.array([1, -1, 0, 5], np.float32)
    b = np.array([0, 0, 0, 2], np.float32)
    feed = {"a": a, "b": b}
    np.testing.assert_array_equal(eo.Scorer(model, native=False).score(feed)["y"], np.array([np.inf, -np.inf, np.nan, 2.5], np.float32))
    plain = models.run(model, {name: column[:, None] for name, column in feed.items()})
    np.testing.assert_array_equal(eo.Scorer(model).score(feed)["y"], plain["y"])


def test_function_over_several_types_of_floats_loads() -> None:
    function = helper.make_function("local", "Ratio", ["p", "q"], ["r"], [divide(a="p", b="q", y="r")], [helper.make_opsetid("", 17)])
    nodes = [
        helper.make_node("Ratio", ["a", "b"], ["single"], domain="local"),
        *(helper.make_node("Cast", [name], [f"wide_{name}"], to=TensorProto.DOUBLE) for name in "ab"),
        helper.make_node("Ratio", ["wide_a", "wide_b"], ["double"], domain="local"),
        helper.make_node("Cast", ["double"], ["narrow"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["single", "narrow"], ["y"]),
    ]
    scorer = eo.Scorer(build(nodes, TensorProto.FLOAT, functions=[function]), native=False)
    assert np.asarray(scorer.score({"a": np.array([1], np.float32), "b": np.array([4], np.float32)})["y"]) == [0.5]


def test_function_over_floats_and_integers_is_refused() -> None:
    function = helper.make_function("local", "Ratio", ["p", "q"], ["r"], [divide(a="p", b="q", y="r")], [helper.make_opsetid("", 17)])
    nodes = [
        helper.make_node("Ratio", ["a", "b"], ["whole"], domain="local"),
        *(helper.make_node("Cast", [name], [f"real_{name}"], to=TensorProto.FLOAT) for name in "ab"),
        helper.make_node("Ratio", ["real_a", "real_b"], ["real"], domain="local"),
        helper.make_node("Cast", ["real"], ["cut"], to=TensorProto.INT64),
        helper.make_node("Add", ["whole", "cut"], ["y"]),
    ]
    with refused(eo.Unsupported, "node 'ratio_r' (Div)", "several types", "functions"):
        eo.Scorer(build(nodes, TensorProto.INT64, functions=[function]), native=False)


def test_two_divisions_of_unknown_and_different_types_are_told_apart(tmp_path: pathlib.Path) -> None:
    zero = constant("zero", np.dtype("int64"), 0)
    nodes = []
    for kind, element in (("real", TensorProto.FLOAT), ("whole", TensorProto.INT64)):
        for name in "ab":
            nodes.append(helper.make_node("Cast", [name], [f"{kind}_{name}"], to=element))
            nodes.append(helper.make_node("SequenceConstruct", [f"{kind}_{name}"], [f"{kind}_list_{name}"]))
            nodes.append(helper.make_node("SequenceAt", [f"{kind}_list_{name}", "zero"], [f"{kind}_own_{name}"]))
        nodes.append(divide(a=f"{kind}_own_a", b=f"{kind}_own_b", y=kind))
    nodes += [helper.make_node("Cast", ["whole"], ["back"], to=TensorProto.FLOAT), helper.make_node("Add", ["real", "back"], ["y"])]
    model = build(nodes, TensorProto.INT32, constants=[zero], made=TensorProto.FLOAT)
    dtype = np.dtype("int32")
    assert said(tmp_path, model, columns_with(dtype, 5, 0)).startswith("InferenceError 8134 integer division by zero: node 'ratio_whole'")
    good = columns_with(dtype, -20, 7)
    quotient = expected("Div", good["a"], good["b"]).astype(np.float32) + good["a"].astype(np.float32) / good["b"].astype(np.float32)
    np.testing.assert_array_equal(eo.Scorer(model).score(good)["y"], quotient)


@pytest.mark.parametrize("numbers", [[0], [3, 0], [-1], [5]], ids=str)
def test_constant_divisors_never_end_the_process(numbers: list[int], tmp_path: pathlib.Path) -> None:
    """Where ONNX Runtime computes constants ahead it finds the 0 at load, otherwise in the first run."""
    dtype = np.dtype("int64")
    graph = helper.make_graph(
        [divide()],
        "g",
        [value("a", TensorProto.INT64)],
        [value("y", TensorProto.INT64, ["N", len(numbers)])],
        [constant("b", dtype, numbers)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    text = said(tmp_path, model, {"a": np.array([LEAST[dtype], 10])})
    if 0 in numbers:
        assert "ModelError None the model divides integers by a constant that is 0" in text or "InferenceError 8134" in text, text
    elif numbers == [-1]:
        assert text.startswith("InferenceError 8115"), text
    else:
        assert text == f"scored {[LEAST[dtype] // 5 + 1, 2]}"


@pytest.mark.parametrize("a", [1, LEAST[np.dtype("int64")]], ids=["zero", "least"])
def test_constants_divided_at_load_never_end_the_process(a: int, tmp_path: pathlib.Path) -> None:
    dtype = np.dtype("int64")
    constants = [constant("p", dtype, [a]), constant("q", dtype, [0 if a == 1 else -1])]
    nodes = [divide(a="p", b="q", y="r"), helper.make_node("Add", ["a", "r"], ["y"])]
    text = said(tmp_path, build(nodes, TensorProto.INT64, inputs="a", constants=constants), {"a": np.array([1, 2])})
    assert text.startswith(("ModelError", "InferenceError")), text


def ending_in_a_kernel() -> bytes:
    """An integer division that ONNX Runtime makes, between a front and a tail of native kernels."""
    weights = constant("w", np.dtype("float32"), [[2.0]])
    nodes = [
        divide(y="quotient"),
        helper.make_node("Cast", ["quotient"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["real", "w"], ["product"]),
        helper.make_node("Tanh", ["product"], ["y"]),
    ]
    return build(nodes, TensorProto.INT64, constants=[weights], made=TensorProto.FLOAT)


@pytest.mark.parametrize("options", [{}, {"selfcheck": False}, {"native": False}, {"deterministic": True}], ids=str)
def test_division_beside_native_kernels_is_guarded(options: dict[str, Any], tmp_path: pathlib.Path) -> None:
    model, dtype = ending_in_a_kernel(), np.dtype("int64")
    for a, b, number in ((5, 0, 8134), (LEAST[dtype], -1, 8115)):
        text = said(tmp_path, model, columns_with(dtype, a, b), **options)
        assert text.startswith(f"InferenceError {number} integer "), text
    good = columns_with(dtype, -20, 7)
    wanted = np.tanh(2 * expected("Div", good["a"], good["b"]).astype(np.float32))
    np.testing.assert_allclose(eo.Scorer(model, **options).score(good)["y"], wanted, rtol=1e-5)


def test_scorer_goes_on_after_a_bad_row() -> None:
    scorer = eo.Scorer(build([divide()], TensorProto.INT64))
    n = 100_000
    good = {"a": np.arange(n), "b": np.full(n, 2)}
    bad = {**good, "b": np.where(np.arange(n) == n - 1, 0, 2)}
    for _ in range(3):
        with refused(eo.InferenceError, "integer division by zero", "node 'ratio_y' (Div)"):
            scorer.score(bad)
        np.testing.assert_array_equal(scorer.score(good)["y"], np.arange(n) // 2)


def test_row_with_a_null_divisor_has_no_result() -> None:
    scorer = eo.Scorer(build([divide()], TensorProto.INT64), nulls="propagate")
    b = np.ma.array([2, 0, 5], mask=[False, True, False])
    result = scorer.score({"a": np.array([10, 10, 10]), "b": b})["y"]
    assert np.ma.getmaskarray(result).tolist() == [False, True, False]
    assert result[[0, 2]].tolist() == [5, 2]
