"""The installed `edgeonnx` executable and small models for it."""

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from onnx import TensorProto, helper

EXECUTABLE = str(Path(sys.executable).with_name("edgeonnx"))


def edgeonnx(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """Run the command to its end; bytes of stdout and stderr are kept."""
    return subprocess.run([EXECUTABLE, *map(str, arguments)], capture_output=True, timeout=120, **options)


class Running(subprocess.Popen[bytes]):
    """The command with pipes on all three streams, and Ctrl-C as a terminal would leave it; ended with the `with` block."""

    stdin: IO[bytes]
    stdout: IO[bytes]
    stderr: IO[bytes]

    def __init__(self, *arguments: str | Path, **options: Any) -> None:
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
        super().__init__([EXECUTABLE, *map(str, arguments)], preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL), **streams)

    def __exit__(self, *exception: Any) -> None:
        self.kill()
        with suppress(BrokenPipeError):  # bytes that the command did not wait for
            super().__exit__(*exception)


def failed_with_one_line(run: subprocess.CompletedProcess[bytes], *words: str) -> bool:
    """Exit code 1, nothing on stdout, one line on stderr that holds all the words."""
    text = run.stderr.decode()
    assert run.returncode == 1, text
    assert run.stdout == b""
    assert re.fullmatch(r"edgeonnx: [^\n]+\n", text), text
    for word in words:
        assert word in text
    return True


def add_model(path: Path, kinds: dict[str, int], shape: list[Any] | None = None) -> Path:
    """A model whose output `y` is the sum of its inputs, each cast to float first."""
    shape = shape or ["N", 1]
    inputs = [helper.make_tensor_value_info(name, kind, shape) for name, kind in kinds.items()]
    nodes = [helper.make_node("Cast", [name], [f"{name}_real"], to=TensorProto.FLOAT) for name in kinds]
    nodes.append(helper.make_node("Sum", [f"{name}_real" for name in kinds], ["y"]))
    graph = helper.make_graph(nodes, "add", inputs, [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def leftovers(folder: Path) -> list[str]:
    """Temporary files that a command left behind."""
    return [name for name in os.listdir(folder) if name.endswith(".tmp")]
