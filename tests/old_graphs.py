"""Graphs as exporters of 2018 to 2020 wrote them: opsets 7 to 12 and ai.onnx.ml 1, sizes in attributes, weights listed among the inputs.

Each case says which opsets its form belongs to, and what NumPy makes of the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from models import Array
from old_answers import coerced, convolved, elu, gru, leaky, lstm, pooled, sigmoid, softmax

ML = "ai.onnx.ml"


@dataclass(frozen=True)
class OldCase:
    """One graph.

    Attributes
    ----------
    nodes
        In order; the last one makes `y`.
    expected
        `y` of the rows `x`, by NumPy.
    inner
        Sizes of a row of `x`.
    opsets
        Of ai.onnx, that the form belongs to.
    weights
        By name.
    out
        Sizes of a row of `y`.
    batches
        What the first size may be.
    """

    nodes: Sequence[NodeProto]
    expected: Callable[[Array], Array]
    inner: tuple[int, ...]
    opsets: range
    out: tuple[int, ...]
    weights: dict[str, Array] = field(default_factory=dict)
    dtype: str = "float32"
    out_dtype: str = "float32"
    batches: tuple[str | int, ...] = ("N", 1)

    def model(self, opset: int, batch: str | int, ir_version: int) -> bytes:
        """Up to IR 3 weights are inputs too."""
        kind, out_kind = (helper.np_dtype_to_tensor_dtype(np.dtype(each)) for each in (self.dtype, self.out_dtype))
        inputs = [helper.make_tensor_value_info("x", kind, [batch, *self.inner])]
        initializers = [numpy_helper.from_array(values, name) for name, values in self.weights.items()]
        if ir_version <= 3:
            inputs += [helper.make_tensor_value_info(each.name, each.data_type, list(each.dims)) for each in initializers]
        output = helper.make_tensor_value_info("y", out_kind, [batch, *self.out])
        graph = helper.make_graph(list(self.nodes), "old", inputs, [output], initializers)
        ml = any(node.domain == ML for node in self.nodes)
        opsets = [helper.make_opsetid("", opset), *([helper.make_opsetid(ML, 1)] if ml else [])]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=ir_version, producer_name="caffe2")
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString())

    def rows(self, n_rows: int) -> Array:
        rng = np.random.default_rng(8)
        shape = (n_rows, *self.inner)
        return rng.integers(0, 4, shape).astype(self.dtype) if self.dtype != "float32" else rng.normal(0, 2, shape).astype(np.float32)


def node(op_type: str, inputs: Sequence[str], outputs: Sequence[str] = ("y",), domain: str = "", **attributes: Any) -> NodeProto:
    return helper.make_node(op_type, list(inputs), list(outputs), domain=domain, **attributes)


def ints(*values: int) -> Array:
    return np.array(values, np.int64)


def floats(*shape: int) -> Array:
    return np.random.default_rng(sum(shape)).normal(0, 1, shape).astype(np.float32)


def scan_body() -> onnx.GraphProto:
    """The running sum of a sequence, and each step's."""
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [2]) for name in ("before", "step", "after", "told")]
    nodes = [node("Add", ["before", "step"], ["after"]), node("Identity", ["after"], ["told"])]
    return helper.make_graph(nodes, "body", value[:2], value[2:])


def branch(name: str, *nodes: NodeProto) -> onnx.GraphProto:
    return helper.make_graph(nodes, name, [], [helper.make_tensor_value_info(f"{name}_y", TensorProto.FLOAT, None)])


_SCALE, _SHIFT, _MEAN, _VARIANCE = floats(3), floats(3) + 1, floats(3) - 1, np.abs(floats(3)) + 0.5
_W, _R, _B = floats(1, 12, 2), floats(1, 12, 3), floats(1, 24)
_GRU_W, _GRU_R = floats(1, 9, 2), floats(1, 9, 3)
_CONV_W, _CONV_B = floats(2, 1, 3, 3), floats(2)
_TALL, _WIDE = floats(3, 4), floats(4, 3)

CASES: dict[str, OldCase] = {
    "Gemm, transB and a row": OldCase(
        [node("Gemm", "xwb", alpha=0.5, beta=2.0, transB=1)],
        lambda x: 0.5 * x @ _WIDE.T + 2 * _TALL[0],
        (3,), range(7, 13), (4,), {"w": _WIDE, "b": _TALL[0]},
    ),
    "Gemm, a number for all": OldCase(
        [node("Gemm", "xwb")], lambda x: x @ _TALL + 0.25, (3,), range(7, 13), (4,), {"w": _TALL, "b": np.float32([0.25])}
    ),
    "Gemm, a matrix of one row": OldCase(
        [node("Gemm", "xwb")], lambda x: x @ _TALL + 1, (3,), range(7, 13), (4,), {"w": _TALL, "b": np.ones((1, 4), np.float32)}
    ),
    "MatMul, Add, Relu, Gemm": OldCase(
        [
            node("MatMul", "xw", ["m"]), node("Add", ["m", "b"], ["s"]), node("Relu", ["s"], ["h"]), node("Gemm", ["h", "v", "c"]),
        ],
        lambda x: np.maximum(x @ _TALL + _TALL[0], 0) @ _WIDE + 1,
        (3,), range(7, 13), (3,), {"w": _TALL, "b": _TALL[0], "v": _WIDE, "c": np.ones(3, np.float32)},
    ),
    "BatchNormalization, spatial": OldCase(
        [node("BatchNormalization", ["x", "scale", "shift", "mean", "variance"], spatial=1, epsilon=1e-3, momentum=0.9)],
        lambda x: (x - _MEAN) / np.sqrt(_VARIANCE + 1e-3) * _SCALE + _SHIFT,
        (3,), range(7, 9), (3,), {"scale": _SCALE, "shift": _SHIFT, "mean": _MEAN, "variance": _VARIANCE},
    ),
    "BatchNormalization": OldCase(
        [node("BatchNormalization", ["x", "scale", "shift", "mean", "variance"])],
        lambda x: (x - _MEAN) / np.sqrt(_VARIANCE + 1e-5) * _SCALE + _SHIFT,
        (3,), range(9, 13), (3,), {"scale": _SCALE, "shift": _SHIFT, "mean": _MEAN, "variance": _VARIANCE},
    ),
    "Dropout, with its mask": OldCase(
        [node("Dropout", "x", ["kept", "mask"], ratio=0.5), node("Add", ["kept", "w"])],
        lambda x: x + _SCALE, (3,), range(7, 12), (3,), {"w": _SCALE},
    ),
    "Upsample by attributes": OldCase(
        [node("Upsample", "x", mode="nearest", scales=[1.0, 1.0, 2.0, 2.0])],
        lambda x: x.repeat(2, 2).repeat(2, 3), (1, 2, 3), range(7, 9), (1, 4, 6),
    ),
    "Upsample by an input": OldCase(
        [node("Upsample", ["x", "scales"], mode="nearest")],
        lambda x: x.repeat(2, 2).repeat(2, 3), (1, 2, 3), range(9, 10), (1, 4, 6), {"scales": np.float32([1, 1, 2, 2])},
    ),
    "Reshape of -1, Unsqueeze, Squeeze": OldCase(
        [
            node("Reshape", ["x", "shape"], ["r"]), node("Unsqueeze", ["r"], ["u"], axes=[1, 3]), node("Squeeze", ["u"], axes=[1, 3]),
        ],
        lambda x: x.reshape(-1, 6), (2, 3), range(7, 13), (6,), {"shape": ints(-1, 6)},
    ),
    "Reshape that keeps the batch by 0": OldCase(
        [node("Reshape", ["x", "shape"])], lambda x: x.reshape(-1, 3, 2), (6,), range(7, 13), (3, 2), {"shape": ints(0, 3, -1)}
    ),
    "View of the batch's own size, as PyTorch traced it": OldCase(
        [
            node("Shape", "x", ["sizes"]),
            node("Gather", ["sizes", "zero"], ["n"], axis=0),
            node("Unsqueeze", "n", ["first"], axes=[0]),
            node("Unsqueeze", ["minus"], ["rest"], axes=[0]),
            node("Concat", ["first", "rest"], ["shape"], axis=0),
            node("Reshape", ["x", "shape"], ["f"]),
            node("Gemm", "fwb", transB=1),
        ],
        lambda x: x.reshape(-1, 3) @ _WIDE.T + _TALL[0], (3, 1), range(7, 13), (4,),
        {"zero": np.int64(0), "minus": np.int64(-1), "w": _WIDE, "b": _TALL[0]},
    ),
    "View of a batch of one that was traced as a number": OldCase(
        [node("Reshape", ["x", "shape"], ["f"]), node("MatMul", "fw")],
        lambda x: x.reshape(-1, 3) @ _TALL, (3, 1), range(7, 13), (4,), {"shape": ints(1, 3), "w": _TALL}, batches=(1,),
    ),
    "Weights by Constant nodes": OldCase(
        [
            node("Constant", "", ["w"], value=numpy_helper.from_array(_TALL)),
            node("Constant", "", ["b"], value=numpy_helper.from_array(_TALL[1])),
            node("MatMul", "xw", ["m"]),
            node("Add", "mb", ["s"]),
            node("Sigmoid", "s"),
        ],
        lambda x: sigmoid(x @ _TALL + _TALL[1]), (3,), range(7, 13), (4,),
    ),
    "Flatten": OldCase([node("Flatten", "x", axis=1)], lambda x: x.reshape(len(x), -1), (2, 3), range(7, 13), (6,)),
    "Slice by attributes": OldCase(
        [node("Slice", "x", axes=[1], starts=[1], ends=[2147483647])], lambda x: x[:, 1:], (4,), range(7, 10), (3,)
    ),
    "Clip by attributes": OldCase([node("Clip", "x", min=-1.0, max=0.5)], lambda x: np.clip(x, -1, 0.5), (3,), range(7, 11), (3,)),
    "Clip of one side": OldCase([node("Clip", "x", min=0.0)], lambda x: np.maximum(x, 0), (3,), range(7, 11), (3,)),
    "Pad by attributes": OldCase(
        [node("Pad", "x", mode="constant", pads=[0, 1, 0, 2], value=0.5)],
        lambda x: np.pad(x, ((0, 0), (1, 2)), constant_values=0.5), (3,), range(7, 11), (6,),
    ),
    "Softmax of two axes as one": OldCase([node("Softmax", "x", axis=1)], lambda x: coerced(x, 1), (2, 3), range(7, 13), (2, 3)),
    "Softmax of the last axis": OldCase([node("Softmax", "x", axis=2)], lambda x: coerced(x, 2), (2, 3), range(7, 13), (2, 3)),
    "Softmax of no axis": OldCase([node("Softmax", "x")], lambda x: coerced(x, 1), (2, 3), range(7, 13), (2, 3)),
    "LogSoftmax": OldCase([node("LogSoftmax", "x")], lambda x: np.log(coerced(x, 1)), (2, 3), range(7, 13), (2, 3)),
    "Gemm, Softmax": OldCase(
        [node("Gemm", "xwb", ["h"]), node("Softmax", "h")],
        lambda x: softmax(x @ _TALL + _TALL[0]), (3,), range(7, 13), (4,), {"w": _TALL, "b": _TALL[0]},
    ),
    "Hardmax": OldCase(
        [node("Hardmax", "x")], lambda x: np.eye(4)[x.argmax(1)].astype(np.float32), (4,), range(7, 13), (4,)
    ),
    "ReduceSum by attributes": OldCase(
        [node("ReduceSum", "x", axes=[1], keepdims=0)], lambda x: x.sum(1), (2, 3), range(7, 13), (3,)
    ),
    "ReduceMean by attributes": OldCase(
        [node("ReduceMean", "x", axes=[-1], keepdims=1)], lambda x: x.mean(2, keepdims=True), (2, 3), range(11, 13), (2, 1)
    ),
    "TopK by attributes": OldCase(
        [node("TopK", "x", ["y", "places"], k=2, axis=1)], lambda x: -np.sort(-x, axis=1)[:, :2], (4,), range(7, 10), (2,)
    ),
    "TopK by an input": OldCase(
        [node("TopK", "xk", ["y", "places"], axis=1)], lambda x: -np.sort(-x, axis=1)[:, :2], (4,), range(10, 11), (2,), {"k": ints(2)}
    ),
    "Split by attributes": OldCase(
        [node("Split", "x", ["a", "b"], axis=1, split=[1, 3]), node("Mul", "ba")], lambda x: x[:, 1:] * x[:, :1], (4,), range(7, 13), (3,)
    ),
    "Scan of one row, from an initial state": OldCase(
        [
            node("Squeeze", "x", ["t"], axes=[0]),
            node("Scan", ["zero", "t"], ["last", "told"], body=scan_body(), num_scan_inputs=1),
            node("Unsqueeze", ["told"], axes=[0]),
        ],
        lambda x: x.cumsum(1), (3, 2), range(9, 13), (3, 2), {"zero": np.zeros(2, np.float32)}, batches=(1,),
    ),
    "Scan of a batch": OldCase(
        [node("Scan", ["", "zero", "x"], ["last", "y"], body=scan_body(), num_scan_inputs=1)],
        lambda x: x.cumsum(1), (3, 2), range(8, 9), (3, 2), {"zero": np.zeros((1, 2), np.float32)}, batches=(1,),
    ),
    "LSTM": OldCase(
        [
            node("Transpose", "x", ["t"], perm=[1, 0, 2]),
            node("LSTM", ["t", "w", "r", "b"], ["", "h"], hidden_size=3),
            node("Squeeze", "h", axes=[0]),
        ],
        lambda x: lstm(x, _W, _R, _B), (5, 2), range(7, 13), (3,), {"w": _W, "r": _R, "b": _B},
    ),
    "GRU": OldCase(
        [
            node("Transpose", "x", ["t"], perm=[1, 0, 2]),
            node("GRU", ["t", "w", "r"], ["", "h"], hidden_size=3),
            node("Squeeze", "h", axes=[0]),
        ],
        lambda x: gru(x, _GRU_W, _GRU_R), (5, 2), range(7, 13), (3,), {"w": _GRU_W, "r": _GRU_R},
    ),
    "Conv, MaxPool, Flatten, Gemm": OldCase(
        [
            node("Conv", "xwb", ["c"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
            node("MaxPool", "c", ["p"], kernel_shape=[2, 2], strides=[2, 2]),
            node("Flatten", "p", ["f"]),
            node("Gemm", "fvd", transB=1),
        ],
        lambda x: pooled(convolved(x, _CONV_W, _CONV_B), 2, np.max).reshape(len(x), -1) @ floats(3, 8).T + 1,
        (1, 4, 4), range(7, 13), (3,), {"w": _CONV_W, "b": _CONV_B, "v": floats(3, 8), "d": np.ones(3, np.float32)},
    ),
    "AveragePool, GlobalAveragePool": OldCase(
        [
            node("AveragePool", "x", ["p"], kernel_shape=[2, 2], strides=[2, 2], pads=[0, 0, 0, 0], count_include_pad=1),
            node("GlobalAveragePool", "p"),
        ],
        lambda x: x.mean((2, 3), keepdims=True), (2, 4, 4), range(7, 13), (2, 1, 1),
    ),
    "PRelu, LeakyRelu, Elu": OldCase(
        [node("PRelu", ["x", "s"], ["p"]), node("LeakyRelu", "p", ["l"], alpha=0.1), node("Elu", "l", alpha=0.5)],
        lambda x: elu(leaky(leaky(x, np.abs(_SCALE)), 0.1), 0.5),
        (3,), range(7, 13), (3,), {"s": np.abs(_SCALE)},
    ),
    "Sum, Max, Min, Mean of several": OldCase(
        [node("Sum", "xwx", ["s"]), node("Max", "sw", ["m"]), node("Min", ["m", "x"], ["n"]), node("Mean", "nw")],
        lambda x: (np.minimum(np.maximum(2 * x + _SCALE, _SCALE), x) + _SCALE) / 2, (3,), range(8, 13), (3,), {"w": _SCALE},
    ),
    "Cast, Greater, Where": OldCase(
        [
            node("Greater", ["x", "w"], ["g"]), node("Cast", "g", ["c"], to=TensorProto.FLOAT), node("Where", "gxw", ["o"]),
            node("Sub", "oc"),
        ],
        lambda x: np.where(x > _SCALE, x, _SCALE) - (x > _SCALE), (3,), range(9, 13), (3,), {"w": _SCALE},
    ),
    "Embedding by Gather": OldCase(
        [node("Gather", "wx", ["e"]), node("ReduceMean", "e", axes=[1], keepdims=0)],
        lambda x: floats(4, 3)[x].mean(1),
        (5,), range(7, 13), (3,), {"w": floats(4, 3)}, dtype="int64",
    ),
    "ArgMax": OldCase(
        [node("ArgMax", "x", axis=1, keepdims=0)], lambda x: x.argmax(1), (4,), range(7, 13), (), out_dtype="int64"
    ),
    "If": OldCase(
        [
            node("ReduceSum", "w", ["s"], keepdims=0),
            node("Less", ["zero", "s"], ["c"]),
            node(
                "If", "c",
                then_branch=branch("yes", node("Add", ["x", "w"], ["yes_y"])),
                else_branch=branch("no", node("Sub", ["x", "w"], ["no_y"])),
            ),
        ],
        lambda x: x + np.abs(_SCALE), (3,), range(7, 11), (3,), {"w": np.abs(_SCALE), "zero": np.float32(0)},
    ),
    "Imputer": OldCase(
        [node("Imputer", "x", domain=ML, imputed_value_floats=[0.5, 1.5, 2.5], replaced_value_float=float("nan"))],
        lambda x: np.where(np.isnan(x), np.float32([0.5, 1.5, 2.5]), x), (3,), range(7, 13), (3,),
    ),
    "Scaler": OldCase(
        [node("Scaler", "x", domain=ML, offset=[1.0, 2.0, 3.0], scale=[0.5, 2.0, 0.1])],
        lambda x: (x - np.float32([1, 2, 3])) * np.float32([0.5, 2, 0.1]), (3,), range(7, 13), (3,),
    ),
    "OneHotEncoder": OldCase(
        [node("OneHotEncoder", "x", ["o"], domain=ML, cats_int64s=[0, 1, 3], zeros=1), node("Reshape", ["o", "shape"])],
        lambda x: (x == np.array([0, 1, 3])).astype(np.float32),
        (1,), range(7, 13), (3,), {"shape": ints(-1, 3)}, dtype="int64",
    ),
    "Normalizer, Binarizer": OldCase(
        [node("Normalizer", "x", ["n"], domain=ML, norm="L1"), node("Binarizer", "n", domain=ML, threshold=0.2)],
        lambda x: (x / np.abs(x).sum(1, keepdims=True) > 0.2).astype(np.float32), (3,), range(7, 13), (3,),
    ),
    "LinearRegressor": OldCase(
        [node("LinearRegressor", "x", domain=ML, coefficients=[1.0, 2.0, -1.0], intercepts=[0.5], targets=1)],
        lambda x: x @ np.float32([[1], [2], [-1]]) + np.float32(0.5), (3,), range(7, 13), (1,),
    ),
    "LinearClassifier": OldCase(
        [
            node(
                "LinearClassifier", "x", ["label", "y"], domain=ML, coefficients=[1.0, 2.0, -1.0, 0.5, -0.5, 1.0], intercepts=[0.5, 0.1],
                classlabels_ints=[3, 7], post_transform="SOFTMAX", multi_class=0,
            )
        ],
        lambda x: softmax(x @ np.float32([[1, 2, -1], [0.5, -0.5, 1]]).T + np.float32([0.5, 0.1])), (3,), range(7, 13), (2,),
    ),
    "ArrayFeatureExtractor, FeatureVectorizer": OldCase(
        [
            node("ArrayFeatureExtractor", ["x", "places"], ["a"], domain=ML),
            node("FeatureVectorizer", "ax", domain=ML, inputdimensions=[2, 3]),
        ],
        lambda x: np.concatenate([x[:, [2, 0]], x], axis=1), (3,), range(7, 13), (5,), {"places": ints(2, 0)},
    ),
    "TreeEnsembleRegressor": OldCase(
        [
            node(
                "TreeEnsembleRegressor", "x", domain=ML, n_targets=1,
                nodes_treeids=[0, 0, 0], nodes_nodeids=[0, 1, 2], nodes_featureids=[1, 0, 0], nodes_values=[0.25, 0.0, 0.0],
                nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF"], nodes_truenodeids=[1, 0, 0], nodes_falsenodeids=[2, 0, 0],
                target_treeids=[0, 0], target_nodeids=[1, 2], target_ids=[0, 0], target_weights=[-1.0, 3.0],
            )
        ],
        lambda x: np.where(x[:, 1:2] <= 0.25, -1, 3).astype(np.float32), (3,), range(7, 13), (1,),
    ),
}  # fmt: skip
