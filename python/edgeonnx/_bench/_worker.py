"""A contender in a process of its own, which answers one question at a time."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe
from types import TracebackType
from typing import Any, NamedTuple

from edgeonnx import _core
from edgeonnx._bench._contenders import Call, contender
from edgeonnx._bench._workload import Array, Workload
from edgeonnx._errors import Error, InferenceError
from edgeonnx._runtime import library_path

_CODE = "import json, sys; sys.path[:] = json.loads(sys.argv[2]); from edgeonnx._bench import _worker; _worker.serve(int(sys.argv[1]))"
_MOST_CALLS = 20_000  # whose times one turn keeps


class Started(NamedTuple):
    """What a process tells before its first turn."""

    version: str
    load_s: float
    fixed_batch: int


class Worker:
    """The process of one contender; ended with the `with` block, whatever it is doing.

    Raises
    ------
    edgeonnx.Error
        What the contender raised, or that its process ended.
    """

    def __init__(self, name: str, workload: Workload) -> None:
        self.name = name
        self._connection, theirs = Pipe()
        with theirs:
            # A session of its own: Ctrl-C is for the parent, which ends it. It ends by itself where the parent is no more.
            self._process = subprocess.Popen(
                [sys.executable, "-c", _CODE, str(theirs.fileno()), json.dumps(sys.path)],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        try:
            self._connection.send((name, workload))
            self.started: Started = self._answer()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        self._connection.close()
        self._process.kill()
        self._process.wait()

    def answers(self, n_rows: int) -> dict[str, Array]:
        """What the contender says of the first rows."""
        return self._ask("answers", n_rows)  # type: ignore[no-any-return]

    def turn(self, n_rows: int, seconds: float) -> list[float]:
        """Seconds of each call over a batch, for as long as that; at least one."""
        return self._ask("turn", n_rows, seconds)  # type: ignore[no-any-return]

    def peak_growth(self, n_rows: int, fewest_rows: int) -> int:
        """Bytes that the process grew by at the most while it scored a batch, after one of the fewest rows; results included."""
        return self._ask("peak_growth", n_rows, fewest_rows)  # type: ignore[no-any-return]

    def _ask(self, question: str, *arguments: object) -> Any:
        self._connection.send((question, arguments))
        return self._answer()

    def _answer(self) -> Any:
        try:
            is_done, answer = self._connection.recv()
        except (EOFError, ConnectionResetError):
            code = self._process.wait()
            raise InferenceError(f"the process of {self.name} ended with code {code}; memory may have run out") from None
        if is_done:
            return answer
        if isinstance(answer, Error):
            raise answer
        raise InferenceError(f"{self.name} failed: {answer}")


# What follows runs in the process of the contender.


def serve(descriptor: int) -> None:
    """Load what comes first on a connection, then answer questions until it ends."""
    connection = Connection(descriptor)
    with suppress(EOFError, ConnectionError):
        name, workload = connection.recv()
        try:
            side = _Side(name, workload)
            connection.send((True, side.started))
        except Exception as error:
            connection.send((False, _sendable(error)))
            return
        while True:
            question, arguments = connection.recv()
            try:
                connection.send((True, getattr(side, question)(*arguments)))
            except Exception as error:
                connection.send((False, _sendable(error)))


def _sendable(error: Exception) -> Error | str:
    if isinstance(error, Error):
        return error
    return " ".join(str(error).split()) or type(error).__name__


class _Side:
    def __init__(self, name: str, workload: Workload) -> None:
        _open_libraries(name)
        began = time.perf_counter()
        self.contender = contender(name, workload)
        self.started = Started(self.contender.version, time.perf_counter() - began, self.contender.fixed_batch)
        self.workload = workload
        self.prepared: tuple[int, Call] | None = None

    def call(self, n_rows: int) -> Call:
        if self.prepared is None or self.prepared[0] != n_rows:
            self.prepared = None  # gives the memory of the batch before back first
            self.prepared = n_rows, self.contender.prepare(self.workload.rows(n_rows))
        return self.prepared[1]

    def answers(self, n_rows: int) -> dict[str, Array]:
        return self.contender.answers(self.call(n_rows)())

    def turn(self, n_rows: int, seconds: float) -> list[float]:
        call, clock = self.call(n_rows), time.perf_counter
        times: list[float] = []
        before = clock()
        end = before + seconds
        while before < end or not times:
            call()
            after = clock()
            if len(times) < _MOST_CALLS:
                times.append(after - before)
            before = after
        return times

    def peak_growth(self, n_rows: int, fewest_rows: int) -> int:
        call = self.call(n_rows)
        self.contender.prepare(self.workload.rows(fewest_rows))()  # what is made once is not the batch's
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")  # the peak begins anew, proc(5)
        before = _status_bytes("VmRSS")
        result = call()
        after = _status_bytes("VmHWM")
        del result
        return max(0, after - before)


def _open_libraries(name: str) -> None:
    """Not counted as loading a model."""
    if name.startswith("onnxruntime"):
        import onnxruntime  # noqa: F401
    else:
        _core.providers(library_path(), False)  # opens ONNX Runtime, as importing onnxruntime does


def _status_bytes(key: str) -> int:
    with open("/proc/self/status") as file:
        for line in file:
            if line.startswith(f"{key}:"):
                return int(line.split()[1]) * 1024
    return 0
