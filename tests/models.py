"""Small graphs built by hand for one property each, and plain onnxruntime to ask the same question.

Every builder is deterministic and runs once a session. Models that were trained stand in trained.py.
"""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Sequence
from typing import Any

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Array = NDArray[Any]
Feed = dict[str, Array]

OPSET = 18
IR_VERSION = 10


def session(model: bytes) -> onnxruntime.InferenceSession:
    """Plain onnxruntime, one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def run(model: bytes, feed: Feed, slice_rows: int | None = None, zipmaps: dict[str, tuple[Any, ...]] | None = None) -> Feed:
    """What onnxruntime says, as columns: outputs of one value a row flattened, one column per class for a map of probabilities.

    `slice_rows`: rows per call; None for all in one call. `zipmaps`: outputs that are such maps, with their classes.
    """
    ort = session(model)
    n_rows = len(next(iter(feed.values())))
    step = slice_rows or max(n_rows, 1)
    parts = [ort.run(None, {name: array[at : at + step] for name, array in feed.items()}) for at in range(0, max(n_rows, 1), step)]
    columns: Feed = {}
    for port, pieces in zip(ort.get_outputs(), zip(*parts, strict=True), strict=True):
        if zipmaps and port.name in zipmaps:
            for label in zipmaps[port.name]:
                values = [row[label] for piece in pieces for row in piece]
                columns[f"{port.name}_{label}"] = np.array(values, dtype=np.float32)
            continue
        whole = np.concatenate([np.asarray(piece) for piece in pieces])
        columns[port.name] = whole.reshape(-1) if math.prod(whole.shape[1:]) == 1 else whole
    return columns


# -------------------------------------------------------------------------------------------------------------- graphs built by hand

Shape = Sequence[int | str | None]


def tensor(name: str, onnx_type: int, shape: Shape = ("N", 1)) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, onnx_type, list(shape))


def constant(name: str, value: Any, dtype: Any = np.float32) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(value, dtype=dtype), name)


def graph(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    constants: Sequence[onnx.TensorProto] = (),
    *,
    opset: int = OPSET,
    ir_version: int = IR_VERSION,
) -> bytes:
    model = helper.make_model(
        helper.make_graph(list(nodes), "test", list(inputs), list(outputs), list(constants)),
        opset_imports=[helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 3)],
        ir_version=ir_version,
    )
    return bytes(model.SerializeToString())


ELEMENT_TYPES: dict[str, int] = {
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
    "float16": TensorProto.FLOAT16,
    "int8": TensorProto.INT8,
    "int16": TensorProto.INT16,
    "int32": TensorProto.INT32,
    "int64": TensorProto.INT64,
    "uint8": TensorProto.UINT8,
    "uint16": TensorProto.UINT16,
    "uint32": TensorProto.UINT32,
    "uint64": TensorProto.UINT64,
    "bool": TensorProto.BOOL,
}
"""numpy dtype -> ONNX element type."""

SQL_TYPES = {
    "float32": "real",
    "float64": "float",
    "int16": "smallint",
    "int32": "int",
    "int64": "bigint",
    "uint8": "tinyint",
    "bool": "bit",
}


@functools.cache
def identity(dtype: str = "float32", shape: tuple[int | str | None, ...] = ("N", 1), output: str = "y") -> bytes:
    """Gives y = x."""
    kind = ELEMENT_TYPES[dtype]
    return graph([helper.make_node("Identity", ["x"], [output])], [tensor("x", kind, shape)], [tensor(output, kind, shape)])


@functools.cache
def identities(*dtypes: str, shape: tuple[int | str | None, ...] = ("N", 1)) -> bytes:
    """Gives y0 = x0, y1 = x1 ..., one pair per dtype."""
    kinds = [ELEMENT_TYPES[dtype] for dtype in dtypes]
    return graph(
        [helper.make_node("Identity", [f"x{i}"], [f"y{i}"]) for i in range(len(kinds))],
        [tensor(f"x{i}", kind, shape) for i, kind in enumerate(kinds)],
        [tensor(f"y{i}", kind, shape) for i, kind in enumerate(kinds)],
    )


@functools.cache
def four_types() -> bytes:
    """int, bigint, real and float columns, each [N, 1], into Cast, Concat, MatMul and Add."""
    kinds = {"i": TensorProto.INT32, "l": TensorProto.INT64, "f": TensorProto.FLOAT, "d": TensorProto.DOUBLE}
    nodes = [helper.make_node("Cast", [name], [f"{name}_real"], to=TensorProto.FLOAT) for name in kinds]
    nodes += [
        helper.make_node("Concat", [f"{name}_real" for name in kinds], ["row"], axis=1),
        helper.make_node("MatMul", ["row", "weights"], ["product"]),
        helper.make_node("Add", ["product", "bias"], ["variable1"]),
    ]
    return graph(
        nodes,
        [tensor(name, kind) for name, kind in kinds.items()],
        [tensor("variable1", TensorProto.FLOAT)],
        [constant("weights", [[0.5], [-0.25], [2.0], [1.5]]), constant("bias", [3.0])],
    )


def four_types_feed(n_rows: int) -> Feed:
    rng = np.random.default_rng(3)
    return {
        "i": rng.integers(-1000, 1000, (n_rows, 1), dtype=np.int32),
        "l": rng.integers(-1000, 1000, (n_rows, 1), dtype=np.int64),
        "f": rng.normal(0, 1, (n_rows, 1)).astype(np.float32),
        "d": rng.normal(0, 1, (n_rows, 1)),
    }


@functools.cache
def affine(names: tuple[str, ...] = ("a", "b", "c"), shape: tuple[int | str | None, ...] = ("N", 1)) -> bytes:
    """Gives total = a + 2 b + 4 c ..., value by value: exact whatever the rows of one call."""
    nodes, last = [], ""
    for i, name in enumerate(names):
        nodes.append(helper.make_node("Mul", [name, f"weight{i}"], [f"term{i}"]))
        if i:
            nodes.append(helper.make_node("Add", [last, f"term{i}"], [f"sum{i}"]))
        last = f"sum{i}" if i else "term0"
    nodes.append(helper.make_node("Identity", [last], ["total"]))
    return graph(
        nodes,
        [tensor(name, TensorProto.FLOAT, shape) for name in names],
        [tensor("total", TensorProto.FLOAT, shape)],
        [constant(f"weight{i}", 2.0**i) for i in range(len(names))],
    )


@functools.cache
def summed(names: tuple[str, ...]) -> bytes:
    """Gives total, the sum of its inputs."""
    inputs = [tensor(name, TensorProto.FLOAT) for name in names]
    return graph([helper.make_node("Sum", list(names), ["total"])], inputs, [tensor("total", TensorProto.FLOAT)])


@functools.cache
def negated() -> bytes:
    """Gives y = -x."""
    return graph([helper.make_node("Neg", ["x"], ["y"])], [tensor("x", TensorProto.FLOAT)], [tensor("y", TensorProto.FLOAT)])


@functools.cache
def rank_one() -> bytes:
    """Gives y[N] = 2 x[N] + 1."""
    return graph(
        [helper.make_node("Mul", ["x", "two"], ["double"]), helper.make_node("Add", ["double", "one"], ["y"])],
        [tensor("x", TensorProto.FLOAT, ["N"])],
        [tensor("y", TensorProto.FLOAT, ["N"])],
        [constant("two", 2), constant("one", 1)],
    )


@functools.cache
def row_vectors(width: int = 3) -> bytes:
    """Gives doubled[N, K] = 2 x[N, K]; total[N, 1] = the sum of a row."""
    return graph(
        [
            helper.make_node("Mul", ["x", "two"], ["doubled"]),
            helper.make_node("ReduceSum", ["x", "axis"], ["total"], keepdims=1),
        ],
        [tensor("x", TensorProto.FLOAT, ["N", width])],
        [tensor("doubled", TensorProto.FLOAT, ["N", width]), tensor("total", TensorProto.FLOAT, ["N", 1])],
        [constant("two", 2), constant("axis", [1], np.int64)],
    )


@functools.cache
def row_slice(width: int) -> bytes:
    """Gives y[N, width] = the first values of x[N, 3]."""
    return graph(
        [helper.make_node("Slice", ["x", "begin", "end", "axis"], ["y"])],
        [tensor("x", TensorProto.FLOAT, ["N", 3])],
        [tensor("y", TensorProto.FLOAT, ["N", width])],
        [constant("begin", [0], np.int64), constant("end", [width], np.int64), constant("axis", [1], np.int64)],
    )


@functools.cache
def many_dimensions(rank: int) -> bytes:
    """Gives y[N, 1, ..., 1, 3] = x[N, 3]."""
    inner = [1] * (rank - 2) + [3]
    return graph(
        [helper.make_node("Reshape", ["x", "shape"], ["y"])],
        [tensor("x", TensorProto.FLOAT, ["N", 3])],
        [tensor("y", TensorProto.FLOAT, ["N", *inner])],
        [constant("shape", [-1, *inner], np.int64)],
    )


@functools.cache
def row_matrices() -> bytes:
    """Gives doubled[N, 2, 3] = 2 x[N, 2, 3]; total[N, 3] = its sum over the axis of two."""
    return graph(
        [
            helper.make_node("Mul", ["x", "two"], ["doubled"]),
            helper.make_node("ReduceSum", ["x", "axis"], ["total"], keepdims=0),
        ],
        [tensor("x", TensorProto.FLOAT, ["N", 2, 3])],
        [tensor("doubled", TensorProto.FLOAT, ["N", 2, 3]), tensor("total", TensorProto.FLOAT, ["N", 3])],
        [constant("two", 2), constant("axis", [1], np.int64)],
    )


@functools.cache
def token_sum() -> bytes:
    """Gives total[N] = the sum of ids[N, T], of any T."""
    return graph(
        [helper.make_node("ReduceSum", ["ids", "axis"], ["total"], keepdims=0)],
        [tensor("ids", TensorProto.INT64, ["N", "T"])],
        [tensor("total", TensorProto.INT64, ["N"])],
        [constant("axis", [1], np.int64)],
    )


@functools.cache
def two_inputs_mixed() -> bytes:
    """Gives total[N, 1] = the sum of features[N, 3] and bias[N, 1]."""
    return graph(
        [
            helper.make_node("ReduceSum", ["features", "axis"], ["sum"], keepdims=1),
            helper.make_node("Add", ["sum", "bias"], ["total"]),
        ],
        [tensor("features", TensorProto.FLOAT, ["N", 3]), tensor("bias", TensorProto.FLOAT)],
        [tensor("total", TensorProto.FLOAT)],
        [constant("axis", [1], np.int64)],
    )


@functools.cache
def mean_over_batch(batch: int = 1, dtype: str = "float32") -> bytes:
    """Batch fixed at 1: y = x + the mean over the batch. Freed, the answers would change without an error."""
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    return graph(
        [helper.make_node("ReduceMean", ["x", "axis"], ["mean"], keepdims=1), helper.make_node("Add", ["x", "mean"], ["y"])],
        [tensor("x", kind, [batch, 1])],
        [tensor("y", kind, [batch, 1])],
        [constant("axis", [0], np.int64)],
    )


@functools.cache
def reshape_to_one() -> bytes:
    """Batch fixed at 1 and a Reshape to a constant [1, 2]: freed, a run of two rows would fail."""
    return graph(
        [helper.make_node("Reshape", ["x", "shape"], ["row"]), helper.make_node("Mul", ["row", "two"], ["y"])],
        [tensor("x", TensorProto.FLOAT, [1, 2])],
        [tensor("y", TensorProto.FLOAT, [1, 2])],
        [constant("shape", [1, 2], np.int64), constant("two", 2)],
    )


@functools.cache
def ten_divided_by() -> bytes:
    """Gives y = 10 / x in integers: the processor traps a zero, so a row made up for a probe or for a NULL must not hold one."""
    kind = TensorProto.INT32
    return graph(
        [helper.make_node("Div", ["ten", "x"], ["y"])], [tensor("x", kind)], [tensor("y", kind)], [constant("ten", [10], np.int32)]
    )


@functools.cache
def no_shapes() -> bytes:
    """Gives y = x, declared without any shape for y."""
    return graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        [tensor("x", TensorProto.FLOAT, ["N", "K"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )


@functools.cache
def not_per_row() -> bytes:
    """Gives y[3]: the sum over all rows. Declared with three values whatever the number of rows."""
    return graph(
        [helper.make_node("ReduceSum", ["x", "axis"], ["y"], keepdims=0)],
        [tensor("x", TensorProto.FLOAT, ["N", 3])],
        [tensor("y", TensorProto.FLOAT, [3])],
        [constant("axis", [0], np.int64)],
    )


@functools.cache
def rows_dropped() -> bytes:
    """Gives y[M]: the positive values of x only. The declaration does not tell M from N."""
    return graph(
        [
            helper.make_node("Greater", ["x", "zero"], ["positive"]),
            helper.make_node("Compress", ["x", "positive"], ["y"], axis=0),
        ],
        [tensor("x", TensorProto.FLOAT, ["N"])],
        [tensor("y", TensorProto.FLOAT, ["M"])],
        [constant("zero", 0)],
    )


@functools.cache
def string_input() -> bytes:
    return graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        [tensor("x", TensorProto.STRING)],
        [tensor("y", TensorProto.STRING)],
    )


@functools.cache
def sequence_input() -> bytes:
    sequence = helper.make_tensor_sequence_value_info("s", TensorProto.FLOAT, ["N", 1])
    return graph([helper.make_node("ConcatFromSequence", ["s"], ["y"], axis=1)], [sequence], [tensor("y", TensorProto.FLOAT, ["N", "K"])])


@functools.cache
def sequence_output() -> bytes:
    """Gives good[N, 1] = x; parts = a sequence that no table can hold."""
    parts = helper.make_tensor_sequence_value_info("parts", TensorProto.FLOAT, ["N", 1])
    return graph(
        [helper.make_node("Identity", ["x"], ["good"]), helper.make_node("SequenceConstruct", ["x"], ["parts"])],
        [tensor("x", TensorProto.FLOAT)],
        [tensor("good", TensorProto.FLOAT), parts],
    )


@functools.cache
def future_opset(version: int = 9999) -> bytes:
    return graph(
        [helper.make_node("Identity", ["x"], ["y"])], [tensor("x", TensorProto.FLOAT)], [tensor("y", TensorProto.FLOAT)], opset=version
    )


@functools.cache
def initializer_input() -> bytes:
    """IR 3, where every initializer is also listed among the inputs: y = x + bias, and nobody feeds `bias`."""
    return graph(
        [helper.make_node("Add", ["x", "bias"], ["y"])],
        [tensor("x", TensorProto.FLOAT), tensor("bias", TensorProto.FLOAT, [1])],
        [tensor("y", TensorProto.FLOAT)],
        [constant("bias", [0.5])],
        opset=9,
        ir_version=3,
    )


@functools.cache
def unknown_operator() -> bytes:
    return graph([helper.make_node("NoSuchOperator", ["x"], ["y"])], [tensor("x", TensorProto.FLOAT)], [tensor("y", TensorProto.FLOAT)])


@functools.cache
def out_of_range_gather() -> bytes:
    """Gives y[N, 1] = table[x]: an index past the table's end makes onnxruntime fail while it runs."""
    return graph(
        [helper.make_node("Gather", ["table", "x"], ["y"], axis=0)],
        [tensor("x", TensorProto.INT64)],
        [tensor("y", TensorProto.FLOAT)],
        [constant("table", [10.0, 20.0, 30.0])],
    )


@functools.cache
def external_data() -> bytes:
    """Gives y = x + bias, with `bias` in another file, bias.bin."""
    bias = onnx.TensorProto(name="bias", data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    for key, value in (("location", "bias.bin"), ("offset", "0"), ("length", "4")):
        bias.external_data.add(key=key, value=value)
    return graph(
        [helper.make_node("Add", ["x", "bias"], ["y"])], [tensor("x", TensorProto.FLOAT)], [tensor("y", TensorProto.FLOAT)], [bias]
    )


@functools.cache
def deep_network(width: int = 256, depth: int = 8) -> bytes:
    """Gives y[N, 1] from x[N, 4] through `depth` square layers: slow on purpose, about width^2 * depth * 2 operations a row."""
    rng = np.random.default_rng(5)
    weights = [constant("w0", rng.normal(0, 0.5, (4, width)))]
    weights += [constant(f"w{i}", rng.normal(0, width**-0.5, (width, width))) for i in range(1, depth)]
    weights += [constant(f"w{depth}", rng.normal(0, width**-0.5, (width, 1)))]
    nodes = []
    for i in range(depth + 1):
        nodes.append(helper.make_node("MatMul", [f"h{i}" if i else "x", f"w{i}"], [f"p{i}"]))
        nodes.append(helper.make_node("Tanh", [f"p{i}"], ["y" if i == depth else f"h{i + 1}"]))
    return graph(nodes, [tensor("x", TensorProto.FLOAT, ["N", 4])], [tensor("y", TensorProto.FLOAT)], weights)


@functools.cache
def long_chain(n_nodes: int) -> bytes:
    """Slow to load: the runtime optimises every node of a long graph."""
    nodes = [
        helper.make_node("Tanh" if i % 2 else "Sin", [f"v{i}" if i else "x"], ["y" if i == n_nodes - 1 else f"v{i + 1}"])
        for i in range(n_nodes)
    ]
    return graph(nodes, [tensor("x", TensorProto.FLOAT)], [tensor("y", TensorProto.FLOAT)])
