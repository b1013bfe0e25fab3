"""Execution providers: which can be used and why others can't, plugins, and nodes that fall back to the CPU."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from onnx import TensorProto, helper

import edgeonnx as eo
import models
import plugin_provider
import provider_builds
from _command import edgeonnx
from support import refused, run_python


def network(last: str = "Relu") -> bytes:
    """`y` [N, 3] of `x` [N, 4]: a product, a difference, and one more node, named `mix`, `shift` and `last`."""
    last_node = (
        helper.make_node("Normalizer", ["shifted"], ["y"], name="last", domain="ai.onnx.ml", norm="L2")
        if last == "Normalizer"
        else helper.make_node(last, ["shifted"], ["y"], name="last")
    )
    return models.graph(
        [
            helper.make_node("MatMul", ["x", "w"], ["xw"], name="mix"),
            helper.make_node("Sub", ["xw", "b"], ["shifted"], name="shift"),
            last_node,
        ],
        [models.tensor("x", TensorProto.FLOAT, ("N", 4))],
        [models.tensor("y", TensorProto.FLOAT, ("N", 3))],
        [models.constant("w", np.linspace(-1, 1, 12).reshape(4, 3)), models.constant("b", [0.25, -0.5, 0.125])],
    )


ROWS = np.random.default_rng(3).normal(size=(1000, 4)).astype(np.float32)

#: Scores ROWS' file by a model with providers; prints the plan, or the error.
SCORE = """
import json, sys
import edgeonnx as eo
import numpy as np
model, rows, options = sys.argv[1], np.load(sys.argv[2]), json.loads(sys.argv[3])
try:
    scorer = eo.Scorer(model, **options)
    np.save(sys.argv[2] + ".out.npy", scorer.score(rows)["y"])
    print(scorer.explain())
except eo.Error as error:
    print(type(error).__name__, error)
"""


@pytest.fixture
def score(tmp_path: Path):  # type: ignore[no-untyped-def]
    """Scores in another process, since what a process registers and opens stays."""

    def run(model: bytes, env: dict[str, str], **options: object) -> str:
        (tmp_path / "model.onnx").write_bytes(model)
        np.save(tmp_path / "rows.npy", ROWS)
        environment = {"PYTHONPATH": os.pathsep.join(sys.path), **env}
        arguments = (str(tmp_path / "model.onnx"), str(tmp_path / "rows.npy"), json.dumps(options))
        return run_python(SCORE, *arguments, env=environment).stdout

    run.answers = lambda: np.load(tmp_path / "rows.npy.out.npy")  # type: ignore[attr-defined]
    return run


def assert_near(actual: np.ndarray, model: bytes) -> None:
    np.testing.assert_allclose(actual, eo.Scorer(model, native=False).score(ROWS)["y"], rtol=1e-5, atol=1e-6)


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> str:
    if not plugin_provider.is_served():
        pytest.skip("plugins that compute on the CPU need ONNX Runtime 1.23.1 or newer")
    return str(plugin_provider.library(tmp_path_factory.mktemp("plugin")))


def with_plugin(library: str, **options: object) -> dict[str, object]:
    return {"providers": [plugin_provider.NAME], "provider_options": [{"library": library, **options}]}


without_cuda = pytest.mark.skipif(
    not next(each for each in eo.providers() if each.name == "CUDAExecutionProvider").reason.startswith("libonnxruntime_providers_cuda.so"),
    reason="the ONNX Runtime that is installed has CUDA",
)


# What is usable, and why not.


def test_cpu_is_usable_and_first() -> None:
    first = eo.providers()[0]
    assert (first.name, first.usable, first.reason, first.options) == ("CPUExecutionProvider", True, "", ())
    assert str(first) == "CPUExecutionProvider: usable"


@without_cuda
@pytest.mark.parametrize("name", ["CUDA", "TensorRT", "tensorrt", "CUDAExecutionProvider"])
def test_provider_that_the_build_lacks_names_the_file_and_the_package(name: str) -> None:
    library = eo.build_info()["onnxruntime_library"]
    with refused(eo.Unsupported, f"'{name}' cannot be used", ".so is not beside", str(library), "onnxruntime-gpu[cuda,cudnn]") as info:
        eo.Scorer(models.identity(), providers=[name])
    assert "\n" not in str(info.value)


def test_build_info_names_the_providers_that_are_built_in() -> None:
    told = eo.build_info()["providers"]
    assert told[0] == "CPUExecutionProvider"
    assert set(told) <= {each.name for each in eo.providers()}


def test_providers_and_options_may_be_written_as_for_onnxruntime(plugin: str) -> None:
    pair = (plugin_provider.NAME, {"library": plugin, "max_nodes": None})
    short = plugin_provider.NAME.removesuffix("ExecutionProvider")
    for arguments in (
        {"providers": [pair]},
        {"providers": iter([pair])},
        {"providers": [short], "provider_options": {plugin_provider.NAME: {"library": plugin}}},
    ):
        assert f"{plugin_provider.NAME} runs 3 nodes" in eo.Scorer(network(), **arguments).explain()  # type: ignore[arg-type]


def test_options_of_a_scorer_are_its_own(plugin: str) -> None:
    options = {"library": plugin}
    scorer = eo.Scorer(network(), providers=[plugin_provider.NAME], provider_options=[options])
    options["fail"] = "create"
    assert "runs 3 nodes" in pickle.loads(pickle.dumps(scorer)).explain()


def test_cpu_takes_no_library_and_no_option_on_any_plan() -> None:
    for options in ({"library": "/tmp/plugin.so"}, {"device_id": 0}):
        with refused(eo.InvalidArgument, "'CPU': it takes no options"):
            eo.Scorer(network(), providers=["CPU"], provider_options=[options], selfcheck=False)


def test_model_that_divides_integers_is_refused_beside_providers(plugin: str) -> None:
    model = models.graph(
        [helper.make_node("Div", ["a", "b"], ["q"], name="ratio")],
        [models.tensor("a", TensorProto.INT64), models.tensor("b", TensorProto.INT64)],
        [models.tensor("q", TensorProto.INT64)],
    )
    with refused(eo.Unsupported, "divides integers, in", "ratio", "load it without providers"):
        eo.Scorer(model, fallback="cpu", **with_plugin(plugin))  # type: ignore[arg-type]


def test_scorer_with_a_provider_refuses_in_a_child_of_fork(plugin: str, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(network())
    code = f"""
import os, sys
import numpy as np
import edgeonnx as eo
scorer = eo.Scorer(sys.argv[1], providers=[{plugin_provider.NAME!r}], provider_options=[{{"library": sys.argv[2]}}])
if os.fork() == 0:
    try:
        scorer.score(np.ones((2, 4), np.float32))
    except eo.InvalidState as error:
        print(error, flush=True)
    os._exit(0)
os.wait()
"""
    told = run_python(code, str(tmp_path / "model.onnx"), plugin, env={"PYTHONPATH": os.pathsep.join(sys.path)}).stdout
    assert "start workers by spawn or forkserver" in told


def test_provider_beside_another_onnxruntime_in_the_process_is_refused(tmp_path: Path) -> None:
    code = """
import sys
import onnxruntime
import edgeonnx as eo
try:
    eo.Scorer(sys.argv[1], providers=["OpenVINO"])
except eo.InvalidState as error:
    print(error)
"""
    (tmp_path / "model.onnx").write_bytes(network())
    environment = {"EDGEONNX_ORT_LIBRARY": str(provider_builds.library("openvino")), "PYTHONPATH": os.pathsep.join(sys.path)}
    told = run_python(code, str(tmp_path / "model.onnx"), env=environment).stdout
    assert "this process has the ONNX Runtime in" in told


def test_unknown_provider_names_the_nearest_and_those_there_are() -> None:
    with refused(eo.InvalidArgument, "no execution provider 'CUDDA'", "did you mean 'CUDA'?", "CPUExecutionProvider", "'library'"):
        eo.Scorer(models.identity(), providers=["CUDDA"])


def test_provider_after_cpu_is_refused() -> None:
    with refused(eo.InvalidArgument, "'CUDA' stands after CPU"):
        eo.Scorer(models.identity(), providers=["CPU", "CUDA"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"providers": "CUDA"}, ["providers='CUDA': a sequence of names"]),
        ({"providers": {"CUDA": {}}}, ["a sequence of names"]),
        ({"providers": None}, ["a sequence of names"]),
        ({"providers": [7]}, ["the name of a provider is expected"]),
        ({"providers": [("CUDA", 7)]}, ["options of 'CUDA' are 7"]),
        ({"providers": ["CUDA"], "provider_options": 5}, ["provider_options=5"]),
        ({"providers": ["CPU\0junk"]}, ["NUL"]),
        ({"providers": ["CUDA"], "provider_options": {"TensorRT": {}}}, ["'TensorRT', which providers does not list"]),
        ({"providers": ["CUDA"], "provider_options": [{}, {}]}, ["2 entries for 1 providers"]),
        ({"providers": ["CUDA"], "provider_options": ["device_id"]}, ["a mapping of keys to values"]),
        ({"fallback": "gpu"}, ["fallback='gpu'", "'cpu', 'error'"]),
    ],
)
def test_arguments_of_the_wrong_form_say_which_is_right(arguments: dict[str, object], words: list[str]) -> None:
    with refused(eo.InvalidArgument, *words):
        eo.Scorer(models.identity(), **arguments)  # type: ignore[arg-type]


def test_cpu_by_its_short_name_keeps_native_kernels() -> None:
    assert "plan: native" in eo.Scorer(network(), providers=["cpu"]).explain()


def test_cuda_without_its_libraries_names_the_first_that_is_missing() -> None:
    reason = provider_builds.listed(provider_builds.library("gpu"))["CUDAExecutionProvider"]
    if not reason:
        pytest.skip("CUDA works here")
    assert ".so" in reason
    assert "\n" not in reason


def test_cuda_with_libraries_of_packages_but_no_driver_says_so(tmp_path: Path) -> None:
    reasons = provider_builds.listed(provider_builds.with_stand_ins(tmp_path, driver=False))
    assert reasons["CUDAExecutionProvider"].startswith("libcuda.so.1: cannot open shared object file")
    assert "driver" in reasons["CUDAExecutionProvider"]


def test_cuda_with_all_libraries_but_no_gpu_says_so(tmp_path: Path) -> None:
    reasons = provider_builds.listed(provider_builds.with_stand_ins(tmp_path))
    assert reasons["CUDAExecutionProvider"] == "CUDA failure 100: no CUDA-capable device is detected"
    assert reasons["TensorrtExecutionProvider"].startswith("libnvinfer.so.10: cannot open shared object file")
    assert "TensorRT" in reasons["TensorrtExecutionProvider"]


def test_two_packages_of_onnxruntime_in_one_folder_are_told(tmp_path: Path) -> None:
    (tmp_path / "onnxruntime").mkdir()
    real = Path(str(eo.build_info()["onnxruntime_library"])).parent
    (tmp_path / "onnxruntime" / "capi").symlink_to(real)
    for name in ("onnxruntime-1.31.1", "onnxruntime_gpu-1.31.1"):
        (tmp_path / f"{name}.dist-info").mkdir()
    library = next(real.glob("libonnxruntime.so.*"))
    reason = provider_builds.listed(tmp_path / "onnxruntime" / "capi" / library.name)["CUDAExecutionProvider"]
    assert "onnxruntime and onnxruntime-gpu are installed together" in reason or "onnxruntime-gpu and onnxruntime are" in reason


def test_provider_beside_the_library_of_another_package_is_refused(tmp_path: Path) -> None:
    real = provider_builds.library("openvino")
    (tmp_path / "onnxruntime").symlink_to(real.parent.parent)
    for name in ("onnxruntime-1.32.0", "onnxruntime_openvino-1.24.1"):
        (tmp_path / f"{name}.dist-info").mkdir()
    reason = provider_builds.listed(tmp_path / "onnxruntime" / "capi" / real.name)["OpenVINOExecutionProvider"]
    assert "installed together" in reason
    assert "uninstall them" in reason


def test_two_distributions_of_edgeonnx_in_one_folder_are_refused(tmp_path: Path) -> None:
    shutil.copytree(Path(eo.__file__).parent, tmp_path / "edgeonnx", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("edgeonnx-0.1.0", "edgeonnx_gpu-0.1.0"):
        (tmp_path / f"{name}.dist-info").mkdir()
    code = """
import edgeonnx as eo, sys
info = eo.build_info()
print(info["distributions"], info["onnxruntime_error"])
try:
    eo.Scorer(sys.argv[1])
except eo.InvalidState as error:
    print(error)
"""
    model = tmp_path / "model.onnx"
    model.write_bytes(models.identity())
    told = run_python(code, str(model), env={"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}).stdout.splitlines()
    assert told[0].startswith("{'edgeonnx': '0.1.0', 'edgeonnx-gpu': '0.1.0'} edgeonnx and edgeonnx-gpu are both installed")
    assert "pip uninstall edgeonnx edgeonnx-gpu" in told[1]


# A provider of a plugin.


def test_plugin_runs_the_nodes_that_it_takes(score, plugin: str) -> None:  # type: ignore[no-untyped-def]
    told = score(network(), {}, **with_plugin(plugin))
    assert f"providers: {plugin_provider.NAME} runs 3 nodes\n" in told
    assert "CPUExecutionProvider" not in told
    assert_near(score.answers(), network())


def test_nodes_that_a_plugin_leaves_are_refused_unless_the_cpu_may_run_them(score, plugin: str) -> None:  # type: ignore[no-untyped-def]
    model = network("Normalizer")
    told = score(model, {}, **with_plugin(plugin))
    assert told.startswith("Unsupported")
    assert "leave 1 of 3 nodes to the CPU: 'last' (Normalizer); list CPUExecutionProvider last, or fallback='cpu'" in told
    assert "fastest without providers" in told
    listed = {"providers": [plugin_provider.NAME, "CPUExecutionProvider"], "provider_options": [{"library": plugin}, {}]}
    for options in (with_plugin(plugin) | {"fallback": "cpu"}, listed):
        told = score(model, {}, **options)
        assert "providers: CPUExecutionProvider runs 1 node that no other takes: 'last' (Normalizer)\n" in told
        assert_near(score.answers(), model)
    assert score(model, {}, fallback="error", **listed).startswith("Unsupported")


@pytest.mark.parametrize(
    ("options", "env", "words"),
    [
        ({"fail": "create"}, {}, ["cannot be used: asked to fail"]),
        ({"colour": "red"}, {}, ["has no option 'colour'"]),
        ({"device": "1"}, {}, ["option 'device' is 0 to 0 on this machine, not '1'"]),
        ({}, {"EDGEONNX_TEST_PROVIDER_DEVICES": "0"}, ["offers no device of that name", "CPUExecutionProvider"]),
        ({}, {"EDGEONNX_TEST_PROVIDER_FACTORIES": "0"}, ["cannot be used: asked not to start"]),
    ],
    ids=["create", "option", "device", "no-device", "no-factory"],
)
def test_plugin_that_cannot_be_used_says_why(score, plugin, options, env, words) -> None:  # type: ignore[no-untyped-def]
    told = score(network(), env, **with_plugin(plugin, **options))
    assert [word for word in words if word not in told] == []
    assert told.count("\n") == 1


def test_plugin_that_fails_while_it_runs_fails_the_call(score, plugin: str) -> None:  # type: ignore[no-untyped-def]
    # At load a few rows of ones are run to learn the shapes; that failure is noted, the next one told.
    told = score(network(), {}, **with_plugin(plugin, fail="run"))
    assert told.startswith("InferenceError")
    assert "asked to fail" in told


def test_plugin_whose_library_is_not_there_or_none_says_so(score, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    assert "there is no library '/nonexistent/plugin.so'" in score(network(), {}, **with_plugin("/nonexistent/plugin.so"))
    (tmp_path / "text.so").write_text("no library")
    assert "text.so" in score(network(), {}, **with_plugin(str(tmp_path / "text.so")))


def test_scorer_with_a_provider_is_pickled_with_it(plugin: str) -> None:
    scorer = eo.Scorer(network(), **with_plugin(plugin), fallback="error")  # type: ignore[arg-type]
    again = pickle.loads(pickle.dumps(scorer))
    assert f"providers: {plugin_provider.NAME} runs 3 nodes" in again.explain()
    np.testing.assert_array_equal(again.score(ROWS)["y"], scorer.score(ROWS)["y"])


# A provider that is built in, and runs everywhere.


def test_openvino_scores_as_the_cpu_does(score) -> None:  # type: ignore[no-untyped-def]
    library = str(provider_builds.library("openvino"))
    options = {"providers": ["OpenVINO"], "provider_options": [{"device_type": "CPU", "num_of_threads": 1, "precision": "ACCURACY"}]}
    told = score(network(), {"EDGEONNX_ORT_LIBRARY": library}, **options)
    assert "providers: OpenVINOExecutionProvider runs 3 nodes\n" in told
    assert_near(score.answers(), network())
    told = score(network("Normalizer"), {"EDGEONNX_ORT_LIBRARY": library}, fallback="cpu", **options)
    assert "providers: CPUExecutionProvider runs 1 node that no other takes: 'last' (Normalizer)\n" in told
    assert_near(score.answers(), network("Normalizer"))


# The command line.


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str, str]:
    """A model, a table, and where the scored table goes."""
    (tmp_path / "model.onnx").write_bytes(network())
    pq.write_table(pa.table({name: ROWS[:, i] for i, name in enumerate("abcd")}), tmp_path / "rows.parquet")
    return str(tmp_path / "model.onnx"), str(tmp_path / "rows.parquet"), str(tmp_path / "scored.parquet")


@without_cuda
def test_command_lists_providers_and_the_options_of_one() -> None:
    run = edgeonnx("providers", text=True)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith("CPUExecutionProvider  usable\nCUDAExecutionProvider  no\n  libonnxruntime_providers_cuda.so is not")
    run = edgeonnx("providers", "cuda", text=True)
    assert run.returncode == 0
    assert "device_id" in run.stdout
    assert "kNextPowerOfTwo or kSameAsRequested" in run.stdout
    run = edgeonnx("providers", "azure-gpu", text=True)
    assert (run.returncode, run.stdout) == (1, "")
    assert "there is no execution provider 'azure-gpu'; there are CPU, CUDA" in run.stderr


@without_cuda
def test_command_that_asks_for_cuda_fails_with_one_line(files: tuple[str, str, str]) -> None:
    model, rows, scored = files
    for command in (["score", model, rows, "-o", scored], ["inspect", model]):
        run = edgeonnx(*command, "--provider", "CUDA", "--provider-option", "CUDAExecutionProvider.device_id=0", text=True)
        assert (run.returncode, run.stdout, run.stderr.count("\n")) == (1, "", 1)
        assert "libonnxruntime_providers_cuda.so is not beside" in run.stderr
    assert not Path(scored).exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--provider-option", "CUDA.device_id=0"], "there is no --provider CUDA"),
        (["--provider", "CUDA", "--provider-option", "device_id=0"], "expected provider.key=value"),
        (["--provider", "CUDA", "--provider-option", "CUDA.a=0", "--provider-option", "CUDA.a=1"], "CUDA.a is given twice"),
        (["--fallback", "cpu"], "none was chosen"),
    ],
)
def test_command_with_options_that_do_not_fit_is_wrong_usage(files: tuple[str, str, str], options: list[str], words: str) -> None:
    model, rows, scored = files
    run = edgeonnx("score", model, rows, "-o", scored, *options, text=True)
    assert run.returncode == 2
    assert words in run.stderr


def test_command_scores_on_a_plugin(files: tuple[str, str, str], plugin: str) -> None:
    model, rows, scored = files
    name = plugin_provider.NAME
    run = edgeonnx(
        "score", model, rows, "-o", scored, "--provider", name, "--provider-option", f"{name}.library={plugin}", "--no-keep", text=True
    )
    assert run.returncode == 0, run.stderr
    answers = np.stack(pq.read_table(scored)["y"].to_pylist())
    assert_near(answers, network())
