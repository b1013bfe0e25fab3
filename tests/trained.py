"""Trained models of every common kind, with the feeds that onnxruntime and edgeonnx are both asked about.

Every builder is deterministic and runs once a session; the libraries that train are imported by the builder that needs them.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from models import OPSET, Array, Feed, run


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


def columns_of(feed: Feed) -> Feed:
    """The feeds as a caller would hold them: [N, 1] arrays become plain columns."""
    return {name: array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array for name, array in feed.items()}


def reference(case: Case, feed: Feed, slice_rows: int | None = None) -> Feed:
    """What onnxruntime says, as columns: outputs of one value a row flattened, one column per class for a map of probabilities.

    `slice_rows`: rows per call; None for all in one call.
    """
    return run(case.model, feed, 1 if case.row_by_row else slice_rows, case.zipmaps)


def trained(build: Callable[..., Case]) -> Callable[..., Case]:
    """Once a session, and deaf to what the training libraries and converters warn of among themselves."""

    @functools.cache
    @functools.wraps(build)
    def quietly(*args: Any, **options: Any) -> Case:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return build(*args, **options)

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
