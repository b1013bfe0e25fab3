"""The sides: how a user of each library loads the model and scores a batch. Run in the processes of their own."""

from __future__ import annotations

import sys
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from itertools import chain
from typing import Any

import numpy

from edgeonnx._bench._workload import Array, Columns, Workload
from edgeonnx._providers import short_name

EDGEONNX = "edgeonnx"
STACKED = "onnxruntime, columns stacked"
READY = "onnxruntime, run alone"
ESTIMATOR = "estimator"

Call = Callable[[], Any]


class Contender(ABC):
    """A loaded model."""

    version: str

    @abstractmethod
    def prepare(self, columns: Columns) -> Call:
        """What is timed. Whatever a user has at hand before that is made here."""

    @abstractmethod
    def answers(self, result: Any) -> dict[str, Array]:
        """What a call gave, by the names of edgeonnx's outputs."""

    @property
    def fixed_batch(self) -> int:
        """Rows that the model takes at a time, where it fixes them; 0 where any number will do."""
        return 0


def contender(name: str, workload: Workload) -> Contender:
    """Load the model as the contender of that name does."""
    made: dict[str, Callable[[Workload], Contender]] = {
        EDGEONNX: _Edgeonnx,
        STACKED: _Stacked,
        READY: _Ready,
        ESTIMATOR: _Estimator,
    }
    return made[name](workload)


class _Edgeonnx(Contender):
    def __init__(self, workload: Workload) -> None:
        import edgeonnx

        self.version = edgeonnx.__version__
        self.scorer = edgeonnx.Scorer(workload.model, **workload.options)
        several = len(self.scorer.inputs) > 1
        self.arguments: dict[str, Any] = {"columns": workload.groups} if several and workload.groups else {}
        if workload.outputs is not None:
            self.arguments["outputs"] = workload.outputs
        self.used = [name for feed in workload.feeds for name in feed.columns]

    def prepare(self, columns: Columns) -> Call:
        score, arguments = self.scorer.score, self.arguments
        data: Any = {name: columns[name] for name in self.used}
        data = _plain_row(data) or data
        if arguments:
            return lambda: score(data, **arguments)
        return lambda: score(data)

    def answers(self, result: Any) -> dict[str, Array]:
        return {name: numpy.asarray(values) for name, values in result.items()}


class _Session(Contender):
    """onnxruntime with its default options, but for the number of threads where one is asked for."""

    def __init__(self, workload: Workload) -> None:
        import onnxruntime

        self.version = onnxruntime.__version__
        self.feeds = workload.feeds
        options = onnxruntime.SessionOptions()
        if workload.options.get("threads"):
            options.intra_op_num_threads = workload.options["threads"]
        self.session = onnxruntime.InferenceSession(workload.model, options, providers=_providers_for_onnxruntime(workload))
        kept = workload.outputs
        self.names = None if kept is None else [each.name for each in self.session.get_outputs() if _is_kept(each.name, kept)]
        first = self.session.get_inputs()[0].shape
        self.batch = first[0] if first and isinstance(first[0], int) else 0

    @property
    def fixed_batch(self) -> int:
        return self.batch

    def run(self, tensors: dict[str, Array]) -> list[Any]:
        if not self.batch:
            return list(self.session.run(self.names, tensors))
        n_rows = len(next(iter(tensors.values())))
        runs = [
            self.session.run(self.names, {name: values[at : at + self.batch] for name, values in tensors.items()})
            for at in range(0, n_rows, self.batch)
        ]
        return [list(chain(*parts)) if isinstance(parts[0], list) else numpy.concatenate(parts) for parts in zip(*runs, strict=True)]

    def answers(self, result: Any) -> dict[str, Array]:
        found: dict[str, Array] = {}
        for name, values in zip(self.names or [each.name for each in self.session.get_outputs()], result, strict=True):
            if isinstance(values, list):  # a ZipMap
                found |= {f"{name}_{label}": numpy.array([row[label] for row in values]) for label in values[0]}
            else:
                found[name] = values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
        return found


class _Stacked(_Session):
    def prepare(self, columns: Columns) -> Call:
        data, feeds = {name: columns[name] for feed in self.feeds for name in feed.columns}, self.feeds
        if row := _plain_row(data):
            return lambda: self.run({feed.input: feed.row(row) for feed in feeds})
        return lambda: self.run({feed.input: feed.tensor(data) for feed in feeds})


class _Ready(_Session):
    def prepare(self, columns: Columns) -> Call:
        tensors = {feed.input: feed.tensor(columns) for feed in self.feeds}
        if self.batch:
            return lambda: self.run(tensors)
        run, names = self.session.run, self.names
        return lambda: run(names, tensors)


class _Estimator(Contender):
    """The framework's own: probabilities where it has them, else predictions, of a DataFrame where it was fitted on one."""

    def __init__(self, workload: Workload) -> None:
        from edgeonnx._estimators import estimator_of
        from edgeonnx.cli._estimator_file import read_estimator

        assert workload.estimator is not None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.fitted = read_estimator(workload.estimator)
        self.estimator = estimator_of(self.fitted)
        self.ports = workload.ports
        methods = ("predict_proba", "predict", "transform") if self.estimator.source == "scikit-learn" else ()
        self.method = next((name for name in methods if callable(getattr(self.fitted, name, None))), None)
        self.version = f"{self.estimator.source} {_version_of(self.fitted)}{f', {self.method}' if self.method else ''}"
        self.columns: Columns = {}

    def prepare(self, columns: Columns) -> Call:
        from edgeonnx._estimators._base import frame, matrix, ordered

        self.columns = columns
        if self.method is None:
            return lambda: self.estimator.answers(columns)
        mine = ordered(columns, self.estimator.feature_names, self.estimator.source)
        data = frame(mine) if self.estimator.feature_names is not None else matrix(mine)
        ask = getattr(self.fitted, self.method)
        return lambda: ask(data)

    def answers(self, result: Any) -> dict[str, Array]:
        from edgeonnx._estimators import expected_outputs

        return expected_outputs(self.estimator.answers(self.columns), self.ports)


def _plain_row(columns: Columns) -> dict[str, Any]:
    """One row as its user has it: plain values. Nothing for more rows, and for rows of vectors."""
    if any(values.ndim != 1 or len(values) != 1 for values in columns.values()):
        return {}
    return {name: values[0].item() for name, values in columns.items()}


def _is_kept(name: str, kept: list[str]) -> bool:
    return any(port == name or port.startswith(f"{name}_") for port in kept)


def _version_of(fitted: Any) -> str:
    package = sys.modules[type(fitted).__module__.partition(".")[0]]
    return str(getattr(package, "__version__", ""))


def _providers_for_onnxruntime(workload: Workload) -> list[Any]:
    chosen = workload.options.get("providers")
    if not chosen:
        return ["CPUExecutionProvider"]
    import onnxruntime

    known = {short_name(name): name for name in onnxruntime.get_available_providers()}
    options = workload.options.get("provider_options") or {}
    return [(known.get(short_name(name), name), dict(options.get(name, {}))) for name in chosen]
