"""Times a model on this machine by edgeonnx, by onnxruntime and by an estimator, each in a process of its own.

Two runtimes in one process would share the cores with each other's idle threads; one after the other would charge a slow moment of the
machine to one side only. So the contenders take turns, round by round, and medians count.
"""

from edgeonnx._bench._agreement import Agreement, Disagreement
from edgeonnx._bench._contenders import EDGEONNX, ESTIMATOR, READY, STACKED, Contender
from edgeonnx._bench._machine import Machine, machine
from edgeonnx._bench._measure import Batch, Budget, Measured, Race, race
from edgeonnx._bench._thresholds import spreads_of
from edgeonnx._bench._workload import Feed, Workload, feeds_of, generated

__all__ = [
    "EDGEONNX",
    "ESTIMATOR",
    "READY",
    "STACKED",
    "Agreement",
    "Batch",
    "Budget",
    "Contender",
    "Disagreement",
    "Feed",
    "Machine",
    "Measured",
    "Race",
    "Workload",
    "feeds_of",
    "generated",
    "machine",
    "race",
    "spreads_of",
]
