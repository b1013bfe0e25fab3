"""The command line: ``edgeonnx inspect``, ``edgeonnx score``, ``edgeonnx bench`` and others."""

import importlib.util
import sys

__all__ = ["main"]

_PACKAGES = ("click", "rich", "pyarrow")


def main() -> None:
    """Run the command line on ``sys.argv``; ends the process with the exit code that the README lists."""
    try:
        missing = [name for name in _PACKAGES if not _present(name)]
        if missing:
            print(f"edgeonnx: the command line needs {', '.join(missing)}: pip install 'edgeonnx[cli]'", file=sys.stderr)
            sys.exit(1)
        from edgeonnx.cli._app import app

        app(prog_name="edgeonnx")
    except KeyboardInterrupt:  # before or after the command proper, which handles its own
        sys.exit(130)


def _present(name: str) -> bool:
    if name in sys.modules:
        return sys.modules[name] is not None
    return importlib.util.find_spec(name) is not None
