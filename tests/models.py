"""Real models for the tests: trained ones of every common kind, and small graphs built by hand for one property each.

Every builder is deterministic and runs once a session. A `Case` carries the model and a recipe for the feeds, so that a test can ask
onnxruntime and edgeonnx the same question.
"""

from __future__ import annotations

import functools
import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
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


@dataclass(frozen=True)
class Case:
    """A model and how to feed it."""

    model: bytes
    feed: Callable[[int], Feed]
    """Rows -> one array per input, in the shape that onnxruntime wants."""
    blas: bool = False
    """True where a matrix product makes the outputs: its summation order may depend on how many rows one call gets."""
    row_by_row: bool = False
    """True where onnxruntime takes one row a call."""
    zipmaps: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    """Outputs that are maps of probabilities, with their classes."""


def session(model: bytes) -> onnxruntime.InferenceSession:
    """Plain onnxruntime, one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def columns_of(feed: Feed) -> Feed:
    """The feeds as a caller would hold them: [N, 1] arrays become plain columns."""
    return {name: array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array for name, array in feed.items()}


def reference(case: Case, feed: Feed, slice_rows: int | None = None) -> Feed:
    """What onnxruntime says, as columns: [N, 1] outputs flattened, one column per class for a map of probabilities.

    `slice_rows`: rows per call; None for all in one call.
    """
    return run(case.model, feed, 1 if case.row_by_row else slice_rows, case.zipmaps)


def run(model: bytes, feed: Feed, slice_rows: int | None = None, zipmaps: dict[str, tuple[Any, ...]] | None = None) -> Feed:
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
        columns[port.name] = whole[:, 0] if whole.ndim == 2 and whole.shape[1] == 1 else whole
    return columns


# ------------------------------------------------------------------------------------------------------------------- trained models


def trained(build: Callable[..., Case]) -> Callable[..., Case]:
    """Once a session, and deaf to what the training libraries and converters warn of among themselves."""

    @functools.cache
    @functools.wraps(build)
    def quietly(*args: Any) -> Case:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return build(*args)

    return quietly


def _floats(names: Sequence[str], scale: float = 1.0, missing: float = 0.0) -> Callable[[int], Feed]:
    def feed(n_rows: int) -> Feed:
        rng = np.random.default_rng(11)
        return {name: _with_missing(rng, rng.normal(0, scale, (n_rows, 1)), missing) for name in names}

    return feed


def _matrix(n_columns: int, name: str = "X", missing: float = 0.0) -> Callable[[int], Feed]:
    def feed(n_rows: int) -> Feed:
        rng = np.random.default_rng(12)
        return {name: _with_missing(rng, rng.normal(0, 1, (n_rows, n_columns)), missing)}

    return feed


def _with_missing(rng: np.random.Generator, values: Array, share: float) -> Array:
    values = values.astype(np.float32)
    if share:
        values[rng.random(values.shape) < share] = np.nan
    return values


@functools.cache
def training_data() -> tuple[Array, Array, Array]:
    """4 features; a number, and one of three classes, to learn."""
    rng = np.random.default_rng(7)
    x = rng.normal(0, 1, (600, 4)).astype(np.float32)
    y = (x @ np.array([1.5, -2.0, 0.5, 0.0]) + np.sin(3 * x[:, 3]) + rng.normal(0, 0.1, 600)).astype(np.float32)
    return x, y, np.digitize(y, [-1.0, 1.0])


NAMES = ("a", "b", "c", "d")


def _sklearn(estimator: Any, *, per_column: bool = False, rows: int | None = None, n_classes: int = 0, zipmap: bool = False) -> bytes:
    import skl2onnx
    from skl2onnx.common.data_types import FloatTensorType

    x, y, classes = training_data()
    if n_classes == 0:
        estimator.fit(x, y)
    else:
        estimator.fit(x, classes if n_classes == 3 else (y > 0).astype(np.int64))
    types = [(name, FloatTensorType([rows, 1])) for name in NAMES] if per_column else [("X", FloatTensorType([rows, 4]))]
    options = {id(estimator): {"zipmap": zipmap}} if n_classes else None
    model = skl2onnx.convert_sklearn(estimator, initial_types=types, options=options, target_opset={"": OPSET, "ai.onnx.ml": 3})
    return bytes(model.SerializeToString())


@trained
def linear() -> Case:
    """Scaler and linear regression, one [N, 1] input per column."""
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import RobustScaler

    return Case(_sklearn(make_pipeline(RobustScaler(), LinearRegression()), per_column=True), _floats(NAMES), blas=True)


@trained
def linear_fixed() -> Case:
    """The same with a batch fixed at 1, as the SQL Edge tutorial makes it."""
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import RobustScaler

    model = _sklearn(make_pipeline(RobustScaler(), LinearRegression()), per_column=True, rows=1)
    return Case(model, _floats(NAMES), blas=True, row_by_row=True)


@trained
def logistic(n_classes: int = 2, zipmap: bool = False) -> Case:
    from sklearn.linear_model import LogisticRegression

    model = _sklearn(LogisticRegression(), n_classes=n_classes, zipmap=zipmap)
    zipmaps = {"output_probability": tuple(range(n_classes))} if zipmap else {}
    return Case(model, _matrix(4), blas=True, zipmaps=zipmaps)


@trained
def forest() -> Case:
    from sklearn.ensemble import RandomForestClassifier

    return Case(_sklearn(RandomForestClassifier(20, max_depth=6, random_state=0), n_classes=3, zipmap=True), _matrix(4),
                zipmaps={"output_probability": (0, 1, 2)})  # fmt: skip


@trained
def boosting() -> Case:
    from sklearn.ensemble import GradientBoostingRegressor

    return Case(_sklearn(GradientBoostingRegressor(n_estimators=30, random_state=0)), _matrix(4))


@trained
def hist_boosting() -> Case:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return Case(_sklearn(HistGradientBoostingClassifier(max_iter=20, random_state=0), n_classes=3), _matrix(4, missing=0.1))


@trained
def mlp() -> Case:
    from sklearn.neural_network import MLPClassifier

    return Case(_sklearn(MLPClassifier((16, 16), random_state=0, max_iter=40, tol=1e9), n_classes=3), _matrix(4), blas=True)


@trained
def svc() -> Case:
    from sklearn.svm import SVC

    return Case(_sklearn(SVC(probability=True, random_state=0), n_classes=3), _matrix(4), blas=True)


@trained
def pipeline() -> Case:
    """Scaler, then logistic regression, in one pipeline with its ZipMap."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = _sklearn(make_pipeline(StandardScaler(), LogisticRegression()), per_column=True, n_classes=3, zipmap=True)
    return Case(model, _floats(NAMES), blas=True, zipmaps={"output_probability": (0, 1, 2)})


@trained
def lightgbm() -> Case:
    import lightgbm
    from onnxmltools import convert_lightgbm
    from onnxmltools.convert.common.data_types import FloatTensorType

    x, y, _ = training_data()
    booster = lightgbm.train({"objective": "regression", "verbose": -1, "num_leaves": 15, "num_threads": 1}, lightgbm.Dataset(x, y), 25)
    model = convert_lightgbm(booster, initial_types=[("X", FloatTensorType([None, 4]))], target_opset=15)
    return Case(model.SerializeToString(), _matrix(4, missing=0.1))


@trained
def xgboost() -> Case:
    import xgboost
    from onnxmltools import convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType

    x, _, classes = training_data()
    estimator = xgboost.XGBClassifier(n_estimators=15, max_depth=4, n_jobs=1, random_state=0).fit(x, classes)
    model = convert_xgboost(estimator, initial_types=[("X", FloatTensorType([None, 4]))], target_opset=15)
    return Case(model.SerializeToString(), _matrix(4, missing=0.1))


@trained
def torch_mlp() -> Case:
    import torch

    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(4, 32), torch.nn.ReLU(), torch.nn.Linear(32, 32), torch.nn.Tanh(), torch.nn.Linear(32, 2))
    program = torch.onnx.export(
        network.eval(),
        (torch.zeros(3, 4),),
        input_names=["X"],
        output_names=["y"],
        dynamic_shapes=({0: torch.export.Dim("rows")},),
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    assert program is not None
    return Case(program.model_proto.SerializeToString(), _matrix(4), blas=True)


TRAINED: dict[str, Callable[[], Case]] = {
    "linear": linear,
    "linear-fixed-batch": linear_fixed,
    "logistic": logistic,
    "logistic-zipmap": functools.partial(logistic, 2, True),
    "logistic-3": functools.partial(logistic, 3),
    "logistic-3-zipmap": functools.partial(logistic, 3, True),
    "forest-zipmap": forest,
    "boosting": boosting,
    "hist-boosting": hist_boosting,
    "mlp": mlp,
    "svc": svc,
    "pipeline-zipmap": pipeline,
    "lightgbm": lightgbm,
    "xgboost": xgboost,
    "torch-mlp": torch_mlp,
}

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
def identity(dtype: str = "float32", shape: tuple[int | str | None, ...] = ("N", 1)) -> bytes:
    """y = x."""
    kind = ELEMENT_TYPES[dtype]
    return graph([helper.make_node("Identity", ["x"], ["y"])], [tensor("x", kind, shape)], [tensor("y", kind, shape)])


@functools.cache
def identities(*dtypes: str, shape: tuple[int | str | None, ...] = ("N", 1)) -> bytes:
    """y0 = x0, y1 = x1 ..., one pair per dtype."""
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
    """total = a + 2 b + 4 c ..., value by value: exact whatever the rows of one call."""
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
def rank_one() -> bytes:
    """y[N] = 2 x[N] + 1."""
    return graph(
        [helper.make_node("Mul", ["x", "two"], ["double"]), helper.make_node("Add", ["double", "one"], ["y"])],
        [tensor("x", TensorProto.FLOAT, ["N"])],
        [tensor("y", TensorProto.FLOAT, ["N"])],
        [constant("two", 2), constant("one", 1)],
    )


@functools.cache
def row_vectors(width: int = 3) -> bytes:
    """doubled[N, K] = 2 x[N, K]; total[N, 1] = the sum of a row."""
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
def row_matrices() -> bytes:
    """doubled[N, 2, 3] = 2 x[N, 2, 3]; total[N, 3] = its sum over the axis of two."""
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
def two_inputs_mixed() -> bytes:
    """total[N, 1] = the sum of features[N, 3] and bias[N, 1]."""
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
def mean_over_batch() -> bytes:
    """Batch fixed at 1: y = x + the mean over the batch. Freed, the answers would change without an error."""
    return graph(
        [helper.make_node("ReduceMean", ["x", "axis"], ["mean"], keepdims=1), helper.make_node("Add", ["x", "mean"], ["y"])],
        [tensor("x", TensorProto.FLOAT, [1, 1])],
        [tensor("y", TensorProto.FLOAT, [1, 1])],
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
def not_per_row() -> bytes:
    """y[3]: the sum over all rows. Declared with three values whatever the number of rows."""
    return graph(
        [helper.make_node("ReduceSum", ["x", "axis"], ["y"], keepdims=0)],
        [tensor("x", TensorProto.FLOAT, ["N", 3])],
        [tensor("y", TensorProto.FLOAT, [3])],
        [constant("axis", [0], np.int64)],
    )


@functools.cache
def rows_dropped() -> bytes:
    """y[M]: the positive values of x only. The declaration does not tell M from N."""
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
    """good[N, 1] = x; parts = a sequence that no table can hold."""
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
    """y[N, 1] = table[x]: an index past the table's end makes onnxruntime fail while it runs."""
    return graph(
        [helper.make_node("Gather", ["table", "x"], ["y"], axis=0)],
        [tensor("x", TensorProto.INT64)],
        [tensor("y", TensorProto.FLOAT)],
        [constant("table", [10.0, 20.0, 30.0])],
    )


@functools.cache
def external_data() -> bytes:
    """y = x + bias, with `bias` in another file, bias.bin."""
    bias = onnx.TensorProto(name="bias", data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    for key, value in (("location", "bias.bin"), ("offset", "0"), ("length", "4")):
        bias.external_data.add(key=key, value=value)
    return graph(
        [helper.make_node("Add", ["x", "bias"], ["y"])], [tensor("x", TensorProto.FLOAT)], [tensor("y", TensorProto.FLOAT)], [bias]
    )


@functools.cache
def deep_network(width: int = 256, depth: int = 8) -> bytes:
    """y[N, 1] from x[N, 4] through `depth` square layers: slow on purpose, about width^2 * depth * 2 operations a row."""
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
def long_chain(n_nodes: int = 6000) -> bytes:
    """y = x + b0 + b1 ...: slow to load, since the runtime optimises a long graph."""
    nodes = [
        helper.make_node("Tanh" if i % 2 else "Sin", [f"v{i}" if i else "x"], ["y" if i == n_nodes - 1 else f"v{i + 1}"])
        for i in range(n_nodes)
    ]
    return graph(nodes, [tensor("x", TensorProto.FLOAT)], [tensor("y", TensorProto.FLOAT)])
