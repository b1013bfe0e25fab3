"""Every option of CUDA, TensorRT and OpenVINO: its type, its refusals, and that the provider itself reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

import edgeonnx as eo
import models
import provider_builds
from support import refused

PROVIDERS = {provider.name: provider for provider in eo.providers()}
CHECKED = ("CUDAExecutionProvider", "TensorrtExecutionProvider", "OpenVINOExecutionProvider")
OPTIONS = [(name, option) for name in CHECKED for option in PROVIDERS[name].options]
IDS = [f"{name.removesuffix('ExecutionProvider')}.{option.key}" for name, option in OPTIONS]


def load(name: str, options: dict[str, object]) -> eo.Scorer:
    return eo.Scorer(models.identity(), providers=[name], provider_options=[options])


def wrong_values(option: eo.ProviderOption) -> list[object]:
    """Values that are of another type than the option's, or out of its range."""
    if option.type == "text":
        return [""]
    if option.type == "true or false":
        return ["maybe", "", "2", "on"]
    if option.type.startswith("a whole number") or option.type == "an address":
        return ["one", "", "1.0", "0x10", " 1", str(2**64)]
    if " to " in option.type:
        least, most = map(int, option.type.split(" to "))
        return [least - 1, most + 1, "low"]
    return ["nothing of the kind", ""]


def right_values(option: eo.ProviderOption) -> list[str]:
    """The default, if it says anything, and one more."""
    if option.type == "true or false":
        return ["0", "1", "True", "false"]
    if " to " in option.type:
        return option.type.split(" to ")
    if option.type.startswith("a whole number"):
        return [option.type.rpartition(" ")[2], option.default]
    if option.type == "an address":
        return ["0"]
    return option.type.replace(" or ", ", ").split(", ")


def test_every_option_says_what_it_is() -> None:
    assert {name: len(PROVIDERS[name].options) for name in CHECKED} == {CHECKED[0]: 23, CHECKED[1]: 49, CHECKED[2]: 16}
    for _, option in OPTIONS:
        assert option.key
        assert option.type
        assert option.meaning
    for name in CHECKED:
        keys = [option.key for option in PROVIDERS[name].options]
        assert len(keys) == len(set(keys))


@pytest.mark.parametrize(("name", "option"), OPTIONS, ids=IDS)
def test_option_with_a_letter_too_many_names_the_right_one(name: str, option: eo.ProviderOption) -> None:
    with refused(eo.InvalidArgument, name, f"it has no option '{option.key}s'", f"did you mean '{option.key}'?"):
        load(name, {option.key + "s": "1"})


@pytest.mark.parametrize(("name", "option"), OPTIONS, ids=IDS)
def test_option_of_another_type_says_what_is_expected(name: str, option: eo.ProviderOption) -> None:
    for value in wrong_values(option):
        with refused(eo.InvalidArgument, name, f"option '{option.key}' is {option.type}, not '{value}'"):
            load(name, {option.key: value})


def test_all_mistakes_of_a_provider_are_told_at_once() -> None:
    with refused(eo.InvalidArgument, "'device_ids' (did you mean 'device_id'?)", "'use_tf32' is true or false, not 'maybe'", "'qqqqqqq'"):
        load("CUDA", {"device_ids": 1, "use_tf32": "maybe", "qqqqqqq": 0})


def test_cpu_takes_no_options() -> None:
    with refused(eo.InvalidArgument, "it takes no options, but 'device_id' was given"):
        load("CPU", {"device_id": 0})


# What follows asks the providers.


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "identity.onnx"
    path.write_bytes(models.identity())
    return path


#: One that would give answers of other rows.
REFUSED_BY_US = {("trt_cuda_graph_enable", value): "keeps one graph for all runs of a session" for value in ("1", "True")}


def accepted(library: Path, name: str, beyond: str, model: Path) -> None:
    """Each right value of each option gets beyond the reading of options: the text says `beyond`, or the provider works."""
    options = [(option.key, value) for option in PROVIDERS[name].options for value in right_values(option) if option.type != "text"]
    options += [(option.key, "x:1x1") for option in PROVIDERS[name].options if option.type == "text"]
    answers = provider_builds.attempts(library, [([name], [{key: value}], None) for key, value in options], model)
    wrong = [
        (option, answer) for option, answer in zip(options, answers, strict=True) if REFUSED_BY_US.get(option, beyond) not in answer[1]
    ]
    assert not wrong


@pytest.fixture(scope="module")
def gpu(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return provider_builds.with_stand_ins(tmp_path_factory.mktemp("site"), tensorrt=True)


def test_cuda_reads_every_option(gpu: Path, model: Path) -> None:
    accepted(gpu, "CUDAExecutionProvider", "CUDA failure 100: no CUDA-capable device is detected", model)


def test_tensorrt_reads_every_option(gpu: Path, model: Path) -> None:
    accepted(gpu, "TensorrtExecutionProvider", "CUDA failure 100: no CUDA-capable device is detected", model)


def test_gpu_providers_refuse_what_is_not_in_the_table(gpu: Path, model: Path) -> None:
    # Asked past our check, through the session itself: what the table lacks they do not have either.
    code_words = ["cudnn_conv_algo", "trt_fp8_enable", "device"]
    answers = provider_builds.attempts(gpu, [([name], [{key: "1"}], None) for name in CHECKED[:2] for key in code_words], model)
    assert {kind for kind, _ in answers} == {"InvalidArgument"}


#: What OpenVINO itself says of values that the CPU, or a model of one node, has no use for.
OPENVINO_REFUSALS = {
    ("precision", "FP16"): "does not start with these options on this machine",
}
STATEFUL = {("enable_causallm", "1"), ("enable_causallm", "True")}  # of models that keep a state
HARDWARE = {("device_id", "GPU"), ("device_id", "NPU"), ("device_luid", "0")}  # may be there


def test_openvino_reads_every_option(tmp_path: Path, model: Path) -> None:
    name = "OpenVINOExecutionProvider"
    texts = {
        "device_type": "AUTO:CPU",
        "device_luid": "0",
        "cache_dir": str(tmp_path),
        "load_config": '{"CPU": {"INFERENCE_NUM_THREADS": "1"}}',
        "reshape_input": "x[1,1]",
        "layout": "x[NC]",
    }
    options = [(option.key, value) for option in PROVIDERS[name].options if option.type != "text" for value in right_values(option)]
    options = [(key, value) for key, value in options if (key, value) != ("num_of_threads", "0")] + list(texts.items())
    assert {key for key, _ in options} == {option.key for option in PROVIDERS[name].options}
    cases = [([name], [{key: value} if key.startswith("device_") else {"device_type": "CPU", key: value}], None) for key, value in options]
    answers = provider_builds.attempts(provider_builds.library("openvino"), cases, model)
    for option, (kind, text) in zip(options, answers, strict=True):
        if option in HARDWARE:
            assert kind in ("usable", "Unsupported"), (option, text)
        elif option in STATEFUL:
            assert (kind, "basic_backend.cc" in text) == ("ModelError", True), (option, text)
        elif option in OPENVINO_REFUSALS:
            assert (kind, OPENVINO_REFUSALS[option] in text) == ("Unsupported", True), (option, text)
        else:
            assert kind == "usable", (option, text)
