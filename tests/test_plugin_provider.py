"""The plugin execution provider of the tests by itself, in plain onnxruntime: what others test with it is true of it."""

from __future__ import annotations

import collections
import gc
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

import plugin_provider
from plugin_provider import NAME

VERSION = tuple(map(int, re.findall(r"\d+", ort.__version__)[:3]))
pytestmark = pytest.mark.skipif(VERSION < (1, 23, 1), reason="plugins that compute on the CPU need ONNX Runtime 1.23.1 or newer")

Register = Callable[[], list[Any]]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return plugin_provider.library(tmp_path_factory.mktemp("provider"))


@pytest.fixture
def register(library: Path) -> Iterator[Register]:
    """Registers the library, for this test alone, and returns the devices that it finds."""
    registered = []

    def found() -> list[Any]:
        return [device for device in ort.get_ep_devices() if device.ep_name == NAME]

    def devices() -> list[Any]:
        n_before = len(found())  # edgeonnx may have registered a copy in the same environment
        ort.register_execution_provider_library("the provider by itself", str(library))
        registered.append("the provider by itself")
        return found()[n_before:]

    yield devices
    gc.collect()  # no session may outlive the library
    for name in registered:
        ort.unregister_execution_provider_library(name)


def model(nodes: list[Any], inputs: dict[str, list[Any]], constants: dict[str, Any] | None = None) -> bytes:
    """Nodes from float32 inputs to the float32 output `y`."""
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in (constants or {}).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def mlp() -> bytes:
    """Two layers of 4, 8 and 3. ONNX Runtime, where it optimises, makes a Gemm of the first two nodes, which is not the provider's."""
    rng = np.random.default_rng(7)
    nodes = [
        helper.make_node("MatMul", ["x", "w1"], ["p1"]),
        helper.make_node("Add", ["p1", "b1"], ["s1"]),
        helper.make_node("Relu", ["s1"], ["h1"]),
        helper.make_node("MatMul", ["h1", "w2"], ["p2"]),
        helper.make_node("Sub", ["p2", "b2"], ["s2"]),
        helper.make_node("Mul", ["s2", "scale"], ["m2"]),
        helper.make_node("Softmax", ["m2"], ["y"]),
    ]
    shapes = {"w1": (4, 8), "b1": (8,), "w2": (8, 3), "b2": (3,), "scale": (1,)}
    constants = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    return model(nodes, {"x": ["N", 4]}, constants)


def options(devices: list[Any], settings: dict[str, str], *, optimize: bool = False) -> ort.SessionOptions:
    made = ort.SessionOptions()
    made.log_severity_level = 4  # failures are asked for
    if not optimize:
        made.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    made.add_provider_for_devices(devices, settings)
    return made


def session(content: bytes, made: ort.SessionOptions) -> ort.InferenceSession:
    return ort.InferenceSession(content, made, enable_fallback=0)  # older versions would try again without the provider


class Failed(Exception):
    """What ONNX Runtime said. Its own exception holds the session, which must be gone before the library is."""


def run(content: bytes, feeds: dict[str, Any], made: ort.SessionOptions | None = None) -> Any:
    try:
        if made is None:
            return ort.InferenceSession(content, providers=["CPUExecutionProvider"]).run(None, feeds)[0]
        return session(content, made).run(None, feeds)[0]
    except Exception as error:
        text = str(error)
    raise Failed(text)


def shares(content: bytes, feeds: dict[str, Any], made: ort.SessionOptions, folder: Path) -> dict[str, int]:
    """How many nodes each provider ran, from ONNX Runtime's profile."""
    made.enable_profiling = True
    made.profile_file_prefix = str(folder / "profile")
    profiled = session(content, made)
    profiled.run(None, feeds)
    events = json.loads(Path(profiled.end_profiling()).read_text())
    return dict(collections.Counter(event["args"]["provider"] for event in events if event.get("args", {}).get("provider")))


X = np.random.default_rng(3).normal(size=(5, 4)).astype(np.float32)


@pytest.mark.skipif(shutil.which("nm") is None, reason="needs nm (binutils)")
def test_library_shows_two_names(library: Path) -> None:
    listing = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True).stdout
    assert sorted(line.split()[-1] for line in listing.splitlines()) == ["CreateEpFactories", "ReleaseEpFactory"]


def test_devices_are_the_cpu(register: Register) -> None:
    (device,) = register()
    assert (device.ep_vendor, device.device.type) == ("edgeonnx tests", ort.OrtHardwareDeviceType.CPU)


@pytest.mark.parametrize("optimize", [False, True], ids=["as written", "optimised"])
@pytest.mark.parametrize("n_rows", [0, 1, 5])
def test_network_answers_as_the_cpu_does(register: Register, n_rows: int, optimize: bool) -> None:
    feeds = {"x": X[:n_rows]}
    ours = run(mlp(), feeds, options(register(), {}, optimize=optimize))
    assert ours.shape == (n_rows, 3)
    np.testing.assert_allclose(ours, run(mlp(), feeds), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("settings", "n_ours"), [({}, 6), ({"max_nodes": "2"}, 2), ({"max_nodes": "0"}, 0)])
def test_nodes_are_shared_out(register: Register, tmp_path: Path, settings: dict[str, str], n_ours: int) -> None:
    expected = {NAME: n_ours, "CPUExecutionProvider": 7 - n_ours}
    assert shares(mlp(), {"x": X}, options(register(), settings), tmp_path) == {name: n for name, n in expected.items() if n}


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul"])
@pytest.mark.parametrize(
    ("a", "b"),
    [((5, 4), (4,)), ((4,), (5, 4)), ((5, 4), (1,)), ((5, 1), (1, 4)), ((5, 4), ()), ((2, 1, 3), (4, 1)), ((0, 4), (4,))],
    ids=str,
)
def test_operands_of_two_shapes_are_broadcast(register: Register, tmp_path: Path, op: str, a: tuple[int, ...], b: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    feeds = {"a": rng.normal(size=a).astype(np.float32), "b": np.asarray(rng.normal(size=b), np.float32)}
    content = model([helper.make_node(op, ["a", "b"], ["y"])], {"a": [None] * len(a), "b": [None] * len(b)})
    made = options(register(), {})
    np.testing.assert_array_equal(run(content, feeds, made), run(content, feeds))
    assert shares(content, feeds, made, tmp_path) == {NAME: 1}


def test_shapes_that_do_not_fit_are_an_error(register: Register) -> None:
    content = model([helper.make_node("Add", ["a", "b"], ["y"])], {"a": [None], "b": [None]})
    with pytest.raises(Failed, match="cannot broadcast 3 values and 2"):
        run(content, {"a": np.zeros(3, np.float32), "b": np.zeros(2, np.float32)}, options(register(), {}))


def test_one_value_twice_and_a_constant_in_front(register: Register, tmp_path: Path) -> None:
    nodes = [helper.make_node("Mul", ["x", "x"], ["square"]), helper.make_node("Sub", ["one", "square"], ["y"])]
    content = model(nodes, {"x": ["N", 4]}, {"one": np.ones(1, np.float32)})
    made = options(register(), {})
    np.testing.assert_array_equal(run(content, {"x": X}, made), 1 - X * X)
    assert shares(content, {"x": X}, made, tmp_path) == {NAME: 2}


def test_relu_keeps_nan_and_infinity(register: Register) -> None:
    x = np.array([-np.inf, -1, -0.0, 0, 2, np.inf, np.nan], np.float32)
    y = run(model([helper.make_node("Relu", ["x"], ["y"])], {"x": [None]}), {"x": x}, options(register(), {}))
    np.testing.assert_array_equal(y, np.array([0, 0, 0, 0, 2, np.inf, np.nan], np.float32))


def test_other_types_and_ranks_are_left_to_the_cpu(register: Register, tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Cast", ["x"], ["doubles"], to=TensorProto.DOUBLE),
        helper.make_node("Add", ["doubles", "doubles"], ["sum"]),
        helper.make_node("Cast", ["sum"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["floats", "first"], ["stack"]),
        helper.make_node("MatMul", ["stack", "w"], ["y"]),
    ]
    content = model(nodes, {"x": ["N", 4]}, {"w": np.ones((1, 4, 2), np.float32), "first": np.array([0])})
    assert shares(content, {"x": X}, options(register(), {}), tmp_path) == {"CPUExecutionProvider": 5}


@pytest.mark.skipif(
    VERSION < (1, 24, 4), reason="ONNX Runtime before 1.24.4 gives fused nodes of two graphs the same name, and refuses them"
)
def test_branches_read_from_outside(register: Register, tmp_path: Path) -> None:
    def branch(op: str) -> Any:
        output = helper.make_tensor_value_info("z", TensorProto.FLOAT, None)
        return helper.make_graph([helper.make_node(op, ["x", "c"], ["z"])], op, [], [output])

    nodes = [
        helper.make_node("ReduceSum", ["x"], ["total"], keepdims=0),
        helper.make_node("Greater", ["total", "zero"], ["positive"]),
        helper.make_node("If", ["positive"], ["y"], then_branch=branch("Add"), else_branch=branch("Mul")),
    ]
    content = model(nodes, {"x": ["N", 4]}, {"c": np.full(1, 2, np.float32), "zero": np.array(0, np.float32)})
    made = options(register(), {})
    for x in (np.abs(X), -np.abs(X)):
        np.testing.assert_array_equal(run(content, {"x": x}, made), run(content, {"x": x}))
        assert shares(content, {"x": x}, made, tmp_path) == {NAME: 1, "CPUExecutionProvider": 3}


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"fail": "create"}, "asked to fail"),
        ({"fail": "never"}, "option fail is 'create' or 'run', not 'never'"),
        ({"max_nodes": "-1"}, "option max_nodes is a number from 0, not '-1'"),
        ({"max_nodes": "2x"}, "option max_nodes is a number from 0, not '2x'"),
        ({"max_node": "2"}, f"{NAME} has no option 'max_node'; its options are fail and max_nodes"),
    ],
    ids=["create", "another failure", "negative", "not a number", "misspelt"],
)
def test_session_is_refused(register: Register, settings: dict[str, str], text: str) -> None:
    with pytest.raises(Failed, match=re.escape(text) + r"\s*$"):
        run(mlp(), {"x": X}, options(register(), settings))


def test_run_fails_on_request(register: Register) -> None:
    made = options(register(), {"fail": "run"})
    session(mlp(), made)
    with pytest.raises(Failed, match=f"while running {NAME}.*asked to fail"):
        run(mlp(), {"x": X}, made)


def test_no_hardware_no_device(register: Register, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEONNX_TEST_PROVIDER_DEVICES", "0")
    assert register() == []


def test_library_does_not_start(register: Register, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEONNX_TEST_PROVIDER_FACTORIES", "0")
    with pytest.raises(Exception, match="asked not to start"):
        register()
