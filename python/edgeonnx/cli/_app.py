"""The group of commands, and the one place where a failure becomes a line on stderr and an exit code."""

import contextlib
import os
import re
import signal
import sys
import warnings
from types import FrameType
from typing import Any, NoReturn, TextIO

import click
import pyarrow as pa

import edgeonnx
from edgeonnx.cli._error import CommandError
from edgeonnx.cli.bench import bench
from edgeonnx.cli.convert import convert
from edgeonnx.cli.demo import demo
from edgeonnx.cli.inspect import inspect
from edgeonnx.cli.providers import providers
from edgeonnx.cli.score import score
from edgeonnx.cli.seal import seal
from edgeonnx.cli.sql import sql
from edgeonnx.cli.types import types
from edgeonnx.cli.verify import verify

_WRONG_INPUT = 1
_INTERRUPTED = 130
_READER_LEFT = 128 + signal.SIGPIPE

# The library's messages say what to do in Python; here the same in options.
_OPTIONS = (
    (r"nulls='nan', 'propagate', or a constant", "--nulls nan, --nulls propagate, or --nulls and a number"),
    (r"nulls='(\w+)'", r"--nulls \1"),
    (r"on_overflow='(\w+)'", r"--on-overflow \1"),
    (r"coercion='(\w+)'", r"--coercion \1"),
    (r"columns=\{'([^']*)': \[\.\.\.\]\}", r"--columns '\1=column,...'"),
    (r"rename=\{column: input\}", "--rename column=input"),
    (r"outputs=\[\.\.\.\]", "--outputs"),
    (r"keep=False", "--no-keep"),
    (r"golden='(\w+)'", r"--golden \1"),
    (r"\beo\.seal\b", "edgeonnx seal"),
    (r"check='(\w+)'", r"--check \1"),
    (r"fallback='(\w+)'", r"--fallback \1"),
    (r"list CPUExecutionProvider last", "add --provider CPU"),
    (r"provider_options=\{'(\w+)': \{\.\.\.\}\}", r"--provider-option \1.key=value"),
)


class _Commands(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        # Inside click's own handlers, which would turn Ctrl-C into "Aborted!" and a closed pipe into exit code 1.
        previous = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
        for number, handler in previous.items():
            if handler != signal.SIG_IGN:  # nohup means it
                signal.signal(number, _terminate)
        try:
            with warnings.catch_warnings():
                for kind in (edgeonnx.GoldenWarning, edgeonnx.RuntimeDefectWarning):
                    warnings.simplefilter("always", kind)
                warnings.showwarning = _show_warning
                result = super().invoke(ctx)
            sys.stdout.flush()
            return result
        except (KeyboardInterrupt, edgeonnx.Cancelled):
            _fail("interrupted", _INTERRUPTED)
        except BrokenPipeError:
            # The interpreter flushes stdout once more on its way out; let it have somewhere to go.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(_READER_LEFT)
        except edgeonnx.Error as error:
            _fail(_as_options(str(error)), _WRONG_INPUT)
        except (CommandError, pa.ArrowException, OSError) as error:
            _fail(str(error), _WRONG_INPUT)
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)


def _show_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, file: TextIO | None = None, line: str | None = None
) -> None:
    print(f"edgeonnx: {_as_options(_one_line(str(message)))}", file=sys.stderr)


def _terminate(signum: int, frame: FrameType | None) -> NoReturn:
    # As an exception, so that the temporary file beside an output goes away.
    sys.exit(128 + signum)


def _fail(message: str, code: int) -> NoReturn:
    print(f"edgeonnx: {_one_line(message)}", file=sys.stderr)
    sys.stderr.flush()
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.flush()
    # Files are closed and gone by now. Threads of a reader may yet want the interpreter, which would end them while it goes down, and
    # with them the process, by another code.
    os._exit(code)


def _as_options(message: str) -> str:
    for python, option in _OPTIONS:
        message = re.sub(python, option, message)
    return message


def _one_line(message: str) -> str:
    message = re.sub(r":\s*\n\s*- ", ": ", message.strip())
    message = re.sub(r"\s*\n\s*- ", "; ", message)
    return re.sub(r"\s*\n\s*", ". ", message)


def _print_version(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    if not value or ctx.resilient_parsing:
        return
    click.echo(f"edgeonnx {edgeonnx.__version__}")
    for name, fact in edgeonnx.build_info().items():
        if isinstance(fact, dict):
            fact = [f"{key} {value}" for key, value in fact.items()]
        if isinstance(fact, list):
            fact = ", ".join(fact)
        click.echo(f"{name}: {fact}")
    ctx.exit()


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Print versions and exit.")
def app() -> None:
    """Score ONNX models over the columns of a table."""


app.add_command(inspect)
app.add_command(score)
app.add_command(seal)
app.add_command(sql)
app.add_command(convert)
app.add_command(verify)
app.add_command(providers)
app.add_command(types)
app.add_command(bench)
app.add_command(demo)
