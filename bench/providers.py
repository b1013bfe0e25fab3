"""Networks on an execution provider, streamed from columns, beside onnxruntime with the same provider: `python bench/providers.py CUDA`.

Needs the provider in the onnxruntime that is installed. On a CUDA device the bandwidth of its own copies is measured too: no more rows can
come from the host than that lets through.
"""

from __future__ import annotations

import argparse
import ctypes
import functools
import os
import sys
import time
from typing import Any

import numpy as np

import contenders
import models
from cases import Duel, Target
from contenders import Contender
from duel import Rounds, fight
from machine import require_installed_wheel

N_ROWS = {"mlp": 4_000_000, "cnn": 400_000}
N_COLUMNS = {"mlp": 28, "cnn": 64}


def cnn() -> bytes:
    """Two convolutions over rows of 64 values as 8 x 8 images, and a layer of 10; random weights, since only time is measured."""
    from onnx import TensorProto, checker, helper, numpy_helper

    rng = np.random.default_rng(0)
    shapes = {"w1": (16, 1, 3, 3), "w2": (32, 16, 3, 3), "w3": (2048, 10)}
    weights = [numpy_helper.from_array(rng.normal(0, 0.1, shape).astype(np.float32), name) for name, shape in shapes.items()]
    weights.append(numpy_helper.from_array(np.int64([-1, 1, 8, 8]), "image"))
    nodes = [
        helper.make_node("Reshape", ["features", "image"], ["x"]),
        helper.make_node("Conv", ["x", "w1"], ["c1"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c1"], ["r1"]),
        helper.make_node("Conv", ["r1", "w2"], ["c2"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c2"], ["r2"]),
        helper.make_node("Flatten", ["r2"], ["f"]),
        helper.make_node("MatMul", ["f", "w3"], ["score"]),
    ]
    graph = helper.make_graph(
        nodes,
        "cnn",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", 64])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["N", 10])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", models.OPSET)], ir_version=8)
    checker.check_model(model)
    return bytes(model.SerializeToString())


def network(name: str) -> bytes:
    """The model of a case."""
    return cnn() if name == "cnn" else models.model_bytes(name)


def load_scorer(provider: str, options: dict[str, str], model: bytes, threads: int | None) -> Any:
    import edgeonnx

    return edgeonnx.Scorer(model, providers=[provider], provider_options=[options], threads=threads)


def load_session(provider: str, options: dict[str, str], model: bytes, threads: int | None) -> Any:
    import onnxruntime

    if hasattr(onnxruntime, "preload_dlls"):
        onnxruntime.preload_dlls()
    session = onnxruntime.InferenceSession(model, providers=[(provider, options)])
    if session.get_providers()[0] != provider:
        raise RuntimeError(f"onnxruntime has left {provider} out; it runs on {session.get_providers()}")
    return session


def duels(provider: str, options: dict[str, str]) -> list[Duel]:
    ours = Contender(functools.partial(load_scorer, provider, options), contenders.bind_score_columns, contenders.scores_to_arrays, network)
    load = functools.partial(load_session, provider, options)
    rivals = {
        "column_stack + run": Contender(load, contenders.bind_stack, contenders.run_to_arrays, network),
        "run, ready matrix": Contender(load, contenders.bind_ready_matrix, contenders.run_to_arrays, network),
    }
    return [
        Duel(case, name, case, n_rows, ("float32",) * N_COLUMNS[case], ours, theirs, Target(1, 1, informational=True))
        for case, n_rows in N_ROWS.items()
        for name, theirs in rivals.items()
    ]


def copy_limit() -> float | None:
    """Bytes a second from pinned host memory to device 0, the best of 20 copies of 256 MiB; None without CUDA's runtime library."""
    cuda = next((library for name in ("libcudart.so.13", "libcudart.so.12") if (library := opened(name))), None)
    if cuda is None:
        return None
    n_bytes, host, device = 256 << 20, ctypes.c_void_p(), ctypes.c_void_p()
    if cuda.cudaHostAlloc(ctypes.byref(host), ctypes.c_size_t(n_bytes), 0) or cuda.cudaMalloc(
        ctypes.byref(device), ctypes.c_size_t(n_bytes)
    ):
        return None
    seconds = []
    for _ in range(20):
        began = time.perf_counter()
        if cuda.cudaMemcpy(device, host, ctypes.c_size_t(n_bytes), 1) or cuda.cudaDeviceSynchronize():
            return None
        seconds.append(time.perf_counter() - began)
    return n_bytes / min(seconds)


def opened(name: str) -> ctypes.CDLL | None:
    """A library that the loader finds, or that lies in a package of NVIDIA's."""
    folders = ["", *(os.path.join(path, "nvidia", "cu13", "lib", "") for path in sys.path)]
    for folder in folders:
        try:
            return ctypes.CDLL(folder + name)
        except OSError:
            continue
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("provider", help="CUDA, OpenVINO ...")
    parser.add_argument("--option", action="append", default=[], metavar="KEY=VALUE", help="of the provider, on both sides")
    parser.add_argument("--quick", action="store_true", help="a quarter of the rows, fewer rounds")
    arguments = parser.parse_args()
    require_installed_wheel()
    provider = arguments.provider.removesuffix("ExecutionProvider") + "ExecutionProvider"
    options = dict(option.split("=", 1) for option in arguments.option)
    matches: dict[str, list[Duel]] = {}
    for each in duels(provider, options):
        matches.setdefault(each.case, []).append(each)
    failed = False
    for case, match in matches.items():
        for name, result in fight(match, quick=arguments.quick).items():
            if not isinstance(result, Rounds):
                failed = True
                print(f"{name}: {result}", file=sys.stderr)
                continue
            rows = match[0].rows(quick=arguments.quick)
            ours, theirs = (rows / float(np.median(result.seconds[role])) for role in ("edgeonnx", "rival"))
            print(f"{name}: {ours / 1e6:.2f} M rows/s, the rival {theirs / 1e6:.2f}: {result.ratio:.2f}x", flush=True)
        limit = copy_limit() if provider.startswith(("CUDA", "Tensorrt")) else None
        if limit:
            print(f"{case}: copies of {limit / 1e9:.1f} GB/s let {limit / (4 * N_COLUMNS[case]) / 1e6:.0f} M rows/s through", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
