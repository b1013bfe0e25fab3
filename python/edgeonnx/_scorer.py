"""Scorer: a loaded model that scores tables."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from numpy import ndarray
from numpy.typing import NDArray

from edgeonnx import _core
from edgeonnx import _device as device
from edgeonnx._device import lies_on_device
from edgeonnx._errors import Error, GoldenWarning, InvalidArgument, InvalidState, ModelError, NotFound, RuntimeDefectWarning, Unsupported
from edgeonnx._golden import KEY as GOLDEN_KEY
from edgeonnx._model import NAMES_KEY, Serializable, model_bytes, read_file
from edgeonnx._options import (
    COERCIONS,
    GOLDEN,
    ON_OVERFLOW,
    REPORTS,
    NullPolicy,
    Request,
    flag,
    null_rules,
    position_of,
    positive,
    request_of,
)
from edgeonnx._port import Port
from edgeonnx._providers import FALLBACKS, are_cpu, provider_list
from edgeonnx._runtime import library_path
from edgeonnx._scores import Cast, Origin, Report, Scores, scores_of
from edgeonnx._tables import append, batches_of, materialize, read_table

__all__ = ["Scorer"]

_MOST_BYTES = 2 << 30
_MOST_BINDINGS = 64  # layouts that one scorer remembers; a caller with ever new ones must not fill memory

_fork_generation = 0
_abandoned: list[object] = []


def _count_fork() -> None:
    global _fork_generation
    _fork_generation += 1


os.register_at_fork(after_in_child=_count_fork)


class _Prepared(NamedTuple):
    binding: _core.Binding
    names: list[str]
    origin: Origin
    short_way: Callable[[Any], Scores | None]


class Scorer:
    """A model, loaded once and scored as often as wanted.

    Scorers may be used by many threads at once, pickled (model bytes, or path and digest, with all options), and used after `fork` (the
    child loads its own copy when it first scores, but for scorers with execution providers, which refuse). Loading and scoring release the
    GIL; Ctrl-C stops a running `score`.

    Parameters
    ----------
    model
        Path of an .onnx file, bytes, or anything with `SerializeToString()` such as `onnx.ModelProto`.
    coercion
        How a column's type becomes an input's. `"tsql"`: T-SQL's assignment conversion (truncation toward zero, nearest, an error where a
        value does not fit; learn.microsoft.com, "CAST and CONVERT (Transact-SQL)"). `"safe"`: only where every value survives.
        `"strict"`: types must be equal, as PREDICT demanded.
    nulls
        What a NULL does: `"error"`; `"nan"` (real and float inputs); `"propagate"` (all results of the row are NULL); a number to put in
        its place; or a mapping from input names to these, in which the key None is the rule for all others. NaN is a value, never a NULL.
    on_overflow
        `"error"`, or `"null"`: a value that does not fit counts as NULL (as TRY_CAST does); where `nulls` is `"error"` it makes the
        row's results NULL.
    threads
        Threads of one call; None: what CPU affinity and the cgroup quota allow, or `EDGEONNX_THREADS`.
    morsel_rows
        Rows scored at a time by one thread; None: chosen from the model.
    native
        True: tabular models (trees, linear models and what stands around them) run on native kernels; `explain()` tells node by node.
        False: everything runs on ONNX Runtime.
    selfcheck
        True: at load the native plan and ONNX Runtime score the same probe rows; where they differ ONNX Runtime is used, and `explain()`
        says so. False skips it, and ONNX Runtime is then not even opened for a model that is native as a whole.
    deterministic
        True: results, those of ONNX Runtime included, do not depend on threads, on `morsel_rows`, or on the number and order of the rows
        of a call; models that fix a batch of several rows are exempt. The price: ONNX Runtime runs a fixed small number of rows at a
        time (padded), which is slower for dense models.
    providers, provider_options
        Execution providers of ONNX Runtime in order of preference, and their options (one mapping each, or a mapping by provider), as in
        `providers=["CUDAExecutionProvider"], provider_options=[{"device_id": 1}]` or
        `providers=[("CUDAExecutionProvider", {"device_id": 1})]`. One that cannot be used is an error; so are options
        that CUDA, TensorRT or OpenVINO do not have: `eo.providers()` lists theirs. A provider of a plugin has the option `library`, the
        path of the plugin, and may have `device`, which of its devices (0 is the first). Native kernels are not used beside providers.
    fallback
        What becomes of nodes that no provider takes. None: they run on the CPU if `CPUExecutionProvider` is listed, and are an error
        otherwise; `"cpu"`: they run on the CPU; `"error"`. `explain()` lists them.
    max_model_bytes
        Larger models are refused; None: 2 GiB, protobuf's own limit.
    rename, columns
        Defaults of the arguments of the same name of `score`.
    report
        `"branches"`: count in `scores.report` the rows that a tree ensemble sends down another branch because a column was rounded to
        its real input; costs a look at every such value.
    external_data
        True: tensors of the model may lie in other files, below the model's own folder. Needs a path.
    golden
        What becomes of a model that has golden rows (`eo.seal`) and does not give their answers here, or has been changed since it was
        sealed: `"error"`, `"warn"` (a `GoldenWarning`), or `"off"`, which does not look. The rows are scored once with each ONNX Runtime,
        edgeonnx, plan, set of providers and instruction set, which is then remembered in `~/.cache/edgeonnx` (`XDG_CACHE_HOME`,
        `EDGEONNX_CACHE`); whole numbers must be equal, real numbers to 1e-5 of their output's largest.

    Warns
    -----
    RuntimeDefectWarning
        This release of ONNX Runtime is known to be wrong about a node that it is to run.
    GoldenWarning
        See `golden`.

    Raises
    ------
    FileError
        The file cannot be read.
    ModelError
        Empty, truncated, not ONNX, broken, or an opset newer than the runtime's; golden rows that have other answers here.
    Unsupported
        An operator, or a provider that cannot be used, with the loader's own reason; nodes that no provider takes.
    InvalidArgument
        An option that has no such value; options that a provider does not have.
    RuntimeMissing
        There is no usable ONNX Runtime library.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | bytes | bytearray | memoryview | Serializable,
        *,
        coercion: str = "tsql",
        nulls: NullPolicy | Mapping[str | None, NullPolicy] | Mapping[str, NullPolicy] = "error",
        on_overflow: str = "error",
        threads: int | None = None,
        morsel_rows: int | None = None,
        native: bool = True,
        selfcheck: bool = True,
        deterministic: bool = False,
        providers: Iterable[str | tuple[str, Mapping[str, object]]] = ("CPUExecutionProvider",),
        provider_options: Sequence[Mapping[str, object]] | Mapping[str, Mapping[str, object]] | None = None,
        fallback: str | None = None,
        max_model_bytes: int | None = None,
        external_data: bool = False,
        rename: Mapping[str, str] | None = None,
        columns: Mapping[str, Sequence[str]] | None = None,
        report: str = "summary",
        golden: str = "error",
    ) -> None:
        threads = positive(threads, "threads", 1 << 16)
        morsel_rows = positive(morsel_rows, "morsel_rows", 1 << 40)
        max_model_bytes = positive(max_model_bytes, "max_model_bytes", 1 << 60) or _MOST_BYTES
        native = flag(native, "native")
        selfcheck = flag(selfcheck, "selfcheck")
        deterministic = flag(deterministic, "deterministic")
        external_data = flag(external_data, "external_data")
        self._path = os.fspath(model) if isinstance(model, (str, os.PathLike)) else None
        self._bytes = None if self._path is not None else model_bytes(model)
        if external_data and self._path is None:
            raise InvalidArgument("external_data=True needs a model given by its path")
        self._coercion = position_of(coercion, COERCIONS, "coercion")
        self._on_overflow = position_of(on_overflow, ON_OVERFLOW, "on_overflow")
        self._counts_branches = REPORTS[position_of(report, REPORTS, "report")] == "branches"
        self._golden = GOLDEN[position_of(golden, GOLDEN, "golden")]
        self._null_rules = null_rules(nulls)
        self._usual_request = request_of(None, None, rename, columns)  # mistakes are told before the model is loaded
        self._rename = dict(rename or {})
        self._columns = {name: list(group) for name, group in (columns or {}).items()}
        self._providers = provider_list(providers, provider_options)
        self._options = {
            "coercion": coercion,
            "nulls": nulls if not isinstance(nulls, Mapping) else dict(nulls),
            "on_overflow": on_overflow,
            "threads": threads,
            "morsel_rows": morsel_rows,
            "native": native,
            "selfcheck": selfcheck,
            "deterministic": deterministic,
            "providers": [name for name, _ in self._providers],
            "provider_options": [dict(options) for _, options in self._providers],
            "fallback": fallback,
            "max_model_bytes": max_model_bytes,
            "external_data": external_data,
            "rename": self._rename,
            "columns": self._columns,
            "report": report,
            "golden": golden,
        }
        self._core_options = {
            "model_name": self._path or "model",
            "external_data_folder": os.path.dirname(os.path.abspath(self._path)) if external_data and self._path else "",
            "providers": self._providers,
            "max_model_bytes": max_model_bytes,
            "morsel_rows": morsel_rows or 0,
            "n_threads": threads or 0,
            "native": native,
            "selfcheck": selfcheck,
            "deterministic": deterministic,
            "fallback": position_of(fallback, FALLBACKS, "fallback"),
        }
        self._digest: str | None = None
        for warning in self._load():
            warnings.warn(warning, stacklevel=2)

    def _load(self) -> list[Warning]:
        """Make or remake what lies in the core; what the user should hear of it."""
        content = self._bytes
        if content is None:
            assert self._path is not None
            content = read_file(self._path, self._options["max_model_bytes"])  # type: ignore[arg-type]
            digest = hashlib.sha256(content).hexdigest()
            if self._digest not in (None, digest):
                raise ModelError(f"{self._path} is not the file that it was: its SHA-256 is {digest}, expected {self._digest}")
            self._digest = digest
        try:
            self._core = _core.Scorer(content, library_path(), **self._core_options)  # type: ignore[arg-type]
        except Error as error:
            self._tell_damage(content, error)
            raise
        self._bindings: dict[tuple[object, ...], _Prepared] = {}
        # The way of the last mapping or plain array, tried first for the next one: few rows then cost few microseconds. Other threads may
        # replace it at any time.
        self._short_way: Callable[[Any], Scores | None] = _nothing_yet
        self._generation = _fork_generation
        self._inputs = tuple(Port(*port) for port in self._core.inputs)
        self._outputs = tuple(Port(*port) for port in self._core.outputs)
        self._metadata = MappingProxyType(self._core.metadata)
        heard: list[Warning] = [RuntimeDefectWarning(sentence) for sentence in self._core.warnings]
        self._golden_line = ""
        if (seal := self._metadata.get(GOLDEN_KEY)) is not None:
            try:
                self._golden_line = self._check_golden(content, seal)
            except ModelError as error:
                if self._golden == "error":
                    raise
                self._golden_line = f"golden rows: {error}\n"
                heard.append(GoldenWarning(str(error)))
        return heard

    def _tell_damage(self, content: bytes, error: Error) -> None:
        """A sealed model that can't be loaded may have been changed: its seal tells."""
        if self._golden == "off" or GOLDEN_KEY.encode() not in content:
            return
        from edgeonnx._golden._check import damage

        if (found := damage(content, self._path or "the model")) is not None:
            raise ModelError(f"{found}; and it can't be loaded: {error}") from error

    def _check_golden(self, content: bytes, seal: str) -> str:
        if self._golden == "off":
            return "golden rows: not checked, golden='off'\n"
        from edgeonnx._golden._check import check  # models without a seal do without it

        names = ("native", "selfcheck", "deterministic", "providers", "provider_options", "fallback")
        options = {name: self._options[name] for name in names}
        providers = [name for name, _ in self._providers]
        remembers = not self._options["external_data"]
        return check(self._core, content, seal, self._path or "the model", providers, options, remembers) + "\n"

    @property
    def metadata(self) -> Mapping[str, str]:
        """What stands in the model's `metadata_props`, the seal of `eo.seal` included."""
        return self._metadata

    @property
    def inputs(self) -> tuple[Port, ...]:
        """What the model takes, in its order."""
        return self._inputs

    @property
    def outputs(self) -> tuple[Port, ...]:
        """What the model returns, in its order. A ZipMap shows one port per class, named `<output>_<class>`."""
        return self._outputs

    def score(
        self,
        data: object,
        *,
        outputs: Iterable[str] | None = None,
        with_: Mapping[str, str] | None = None,
        out: Mapping[str, Any] | None = None,
        rename: Mapping[str, str] | None = None,
        columns: Mapping[str, Sequence[str]] | None = None,
    ) -> Scores:
        """Score every row of a table.

        Columns bind to inputs by name: exact first, then a unique match that ignores case. An input of shape [N, k] takes one column of k
        values a row (a 2-D array, an Arrow fixed-size list) of its own name, or the columns that `columns` lists, or, where the model has
        one input, all numeric columns in order. Other columns are left alone.

        Parameters
        ----------
        data
            A mapping of names to arrays, or to single values for one row (float, int as bigint, bool as bit, NumPy scalars, None as NULL),
            a 2-D or structured array, a pandas or polars DataFrame, a tensor with `__dlpack__`, or anything
            with `__arrow_c_stream__` or `__arrow_c_array__`. Borrowed: values of the right type that lie without gaps are not copied.
            Or, where the scorer runs on a CUDA device, tensors that lie there (DLPack, `__cuda_array_interface__`, Arrow device arrays):
            whole inputs of the model's own types, contiguous, which are borrowed and scored in one run.
        outputs
            Names of the outputs to return; None: all.
        with_
            PREDICT's WITH list instead: output names and the SQL types to convert them to, as in `{"price": "decimal(10, 2) NOT NULL"}`.
            NULL is the default; a NULL in a NOT NULL output is an error.
        out
            Arrays of the caller to write into, by output name: shape (n_rows,) or (n_rows, k), of the result's dtype. They must not
            overlap the data or one another. After an error their values are undefined. Not for decimals, which have no dtype.
            For data on a device: tensors there, in which the results stay; the outputs that are not named are then left out.
        rename
            Column name to input name, where they differ.
        columns
            Input name to the columns that make it up.

        Returns
        -------
        Scores
            One array per output, in row order. See `Scores`.

        Raises
        ------
        NotFound, ShapeError, CoercionError, Unsupported
            The table does not fit the model; every mistake is listed.
        NullError, Overflow
            A row is bad: the first one, with `.row` and `.column`; an Overflow also with `.sql_number` and `.value`.
        InferenceError
            ONNX Runtime failed.

        Examples
        --------
        >>> scores = scorer.score({"a": [1.0, 2.0], "b": [0.5, 0.5]})  # total = a + 2 b
        >>> scores["total"]
        array([2., 3.], dtype=float32)
        """
        if outputs is with_ is out is rename is columns is None and self._generation == _fork_generation:
            scores = self._short_way(data)
            if scores is not None:
                return scores
        if lies_on_device(data):
            return self._score_on_device(data, outputs, with_, out, rename, columns)
        return self._score(data, self._request(outputs, with_, rename, columns), out, 0)

    def _score_on_device(
        self,
        data: object,
        outputs: Iterable[str] | None,
        with_: Mapping[str, str] | None,
        out: Mapping[str, Any] | None,
        rename: Mapping[str, str] | None,
        columns: Mapping[str, Sequence[str]] | None,
    ) -> Scores:
        given = {"with_": with_, "columns": columns or self._columns}
        if refused := [name for name, value in given.items() if value]:
            raise Unsupported(f"{' and '.join(refused)} is for data on the CPU; of data on a device nothing is converted or put together")
        if are_cpu(self._providers):
            raise Unsupported(
                f"{device.what_lies_there(data)} lies on a CUDA device, and this scorer runs on the CPU; choose "
                "providers=['CUDAExecutionProvider'], or move it to the CPU first"
            )
        self._use()
        return device.score(self._core, (self._inputs, self._outputs), data, outputs, out, {**self._rename, **(rename or {})})

    def _score(self, data: object, request: Request, out: Mapping[str, NDArray[Any]] | None, first_row: int) -> Scores:
        source = read_table(data, self._inputs)
        prepared = self._prepare(source.table, source.by_position, request)
        if request is self._usual_request and type(data) in (dict, ndarray):
            self._short_way = prepared.short_way
        raw = prepared.binding.score(source.table, _checked_out(out, prepared.names), first_row)
        origin = prepared.origin
        return scores_of(raw, origin._replace(n_bytes_copied=source.n_bytes_copied) if source.n_bytes_copied else origin)

    def predict(
        self,
        data: object,
        *,
        with_: Mapping[str, str] | None = None,
        keep: bool = True,
        outputs: Iterable[str] | None = None,
        rename: Mapping[str, str] | None = None,
        columns: Mapping[str, Sequence[str]] | None = None,
    ) -> Any:
        """Score a table and return the same kind of table, its columns plus the outputs.

        Parameters
        ----------
        data, with_, outputs, rename, columns
            As in `score`.
        keep
            False: only the outputs.

        Returns
        -------
        object
            A dict for a mapping (of plain values if they were given), a DataFrame for a DataFrame (a pandas index is kept), a pyarrow
            Table for Arrow data, and so on.

        Raises
        ------
        InvalidArgument
            A column has the name of an output.
        Error
            As in `score`.

        Examples
        --------
        >>> scorer.predict({"a": [1.0, 2.0], "b": [0.5, 0.5]}, with_={"total": "float"})
        {'a': [1.0, 2.0], 'b': [0.5, 0.5], 'total': array([2., 3.])}
        """
        if keep:
            data = materialize(data)
        return append(data, self.score(data, outputs=outputs, with_=with_, rename=rename, columns=columns), keep)

    def stream(
        self,
        batches: Iterable[object] | object,
        *,
        with_: Mapping[str, str] | None = None,
        keep: bool = True,
        outputs: Iterable[str] | None = None,
        rename: Mapping[str, str] | None = None,
        columns: Mapping[str, Sequence[str]] | None = None,
        on_report: Callable[[Report], object] | None = None,
    ) -> Iterator[Any]:
        """Score batches as they come, one at a time, so that memory stays flat however many there are.

        Parameters
        ----------
        batches
            Anything that yields tables, as a pyarrow RecordBatchReader or a generator of DataFrames does; or anything else with
            `__arrow_c_stream__`, a DuckDB relation for instance, whose batches are then read through pyarrow.
        with_, keep, outputs, rename, columns
            As in `predict`.
        on_report
            Called with the report of each batch, before the batch is yielded.

        Yields
        ------
        object
            `predict` of each batch. Rows in errors are counted over all batches.

        Examples
        --------
        >>> batches = ({"a": [float(i)], "b": [1.0]} for i in range(2))
        >>> [batch["total"] for batch in scorer.stream(batches)]
        [array([2.], dtype=float32), array([3.], dtype=float32)]
        """
        request = self._request(outputs, with_, rename, columns)
        n_rows = 0
        for batch in batches_of(batches):
            table = materialize(batch) if keep else batch
            scores = self._score(table, request, None, n_rows)
            report = scores.report
            n_rows += report.n_rows
            if on_report is not None:
                on_report(report)
            yield append(table, scores, keep)

    def explain(
        self,
        data: object | None = None,
        *,
        with_: Mapping[str, str] | None = None,
        outputs: Iterable[str] | None = None,
        rename: Mapping[str, str] | None = None,
        columns: Mapping[str, Sequence[str]] | None = None,
    ) -> str:
        """The plan in words: what runs the model and why, ports, rewrites, morsel, threads.

        Parameters
        ----------
        data
            A table as in `score`. With it, also which column feeds which input, what is borrowed and what is cast; nothing is scored.
        with_, outputs, rename, columns
            As in `score`.
        """
        self._use()
        text = self._core.explain + self._golden_line
        if data is not None:
            source = read_table(data, self._inputs)
            text += self._prepare(source.table, source.by_position, self._request(outputs, with_, rename, columns)).binding.explain
        return text

    def __repr__(self) -> str:
        inputs = ", ".join(port.name for port in self._inputs)
        outputs = ", ".join(port.name for port in self._outputs)
        return f"Scorer({self._path or 'model'!r}: {inputs} -> {outputs})"

    def __reduce__(self) -> tuple[object, ...]:
        return _unpickle, (type(self), self._path, self._digest, self._bytes, self._options)

    def _request(
        self,
        outputs: Iterable[str] | None,
        with_: Mapping[str, str] | None,
        rename: Mapping[str, str] | None,
        columns: Mapping[str, Sequence[str]] | None,
    ) -> Request:
        if outputs is with_ is rename is columns is None:
            return self._usual_request
        return request_of(outputs, with_, {**self._rename, **rename} if rename else self._rename, columns or self._columns)

    def _use(self) -> None:
        """Load again in a child of fork: what was inherited belongs to threads that do not exist there, and is never touched."""
        if self._generation != _fork_generation:
            if not are_cpu(self._providers):
                raise InvalidState(
                    "a scorer with execution providers cannot be used in a child of fork, where their devices and threads do not work; "
                    "start workers by spawn or forkserver, and load the model there"
                )
            _abandoned.append((self._core, self._bindings, self._short_way))
            self._load()

    def _sql_names(self, columns: Sequence[str], renames: Mapping[str, str]) -> list[tuple[str, str]]:
        """The columns that `convert` gave inputs of other names, because SQL cannot carry theirs."""
        names = self._metadata.get(NAMES_KEY)
        if names is None:
            return []
        taken = {*columns, *renames.values()}
        return [(old, new) for old, new in json.loads(names).items() if old in columns and old not in renames and new not in taken]

    def _prepare(self, table: _core.Table, by_position: bool, request: Request) -> _Prepared:
        self._use()
        key = (table.signature, by_position, request)
        prepared = self._bindings.get(key)
        if prepared is None:
            results, renames, groups = request
            renames = (*renames, *self._sql_names(table.names, dict(renames)))
            binding = self._core.bind(
                table, self._coercion, self._on_overflow, by_position, self._null_rules, renames, groups, results, self._counts_branches
            )
            origin = Origin(tuple(Cast(*cast) for cast in binding.casts), 0, binding.decimals)
            prepared = _Prepared(binding, binding.names, origin, binding.short_way(Scores, origin))
            if len(self._bindings) >= _MOST_BINDINGS:
                self._bindings.clear()
            self._bindings[key] = prepared
        return prepared


def _nothing_yet(data: object) -> None:
    """No table has been scored yet."""


def _checked_out(out: Mapping[str, NDArray[Any]] | None, names: list[str]) -> dict[str, NDArray[Any]]:
    if out is None:
        return {}
    unknown = [name for name in out if name not in names]
    if unknown:
        raise NotFound(f"out names {', '.join(map(repr, unknown))}; the results are {', '.join(map(repr, names))}")
    return dict(out)


def _unpickle(kind: type[Scorer], path: str | None, digest: str | None, content: bytes | None, options: dict[str, Any]) -> Scorer:
    scorer = kind(path if path is not None else content, **options)  # type: ignore[arg-type]
    if scorer._digest != digest:
        raise ModelError(f"{path} is not the file that was pickled: its SHA-256 is {scorer._digest}, expected {digest}")
    return scorer
