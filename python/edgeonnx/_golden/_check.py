"""The golden rows of a model, scored again where it is loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edgeonnx import _core
from edgeonnx._errors import Error, ModelError
from edgeonnx._golden import _cache
from edgeonnx._golden._answers import answers, maker_of
from edgeonnx._golden._compare import compare
from edgeonnx._golden._file import bare, seal_text
from edgeonnx._golden._record import Record, checksum_of, read_record

__all__ = ["check", "damage", "read_seal"]


def read_seal(content: bytes, text: str, name: str) -> Record:
    """The seal of a model, which is whole and of this model.

    Raises
    ------
    ModelError
        It is damaged, or the model has been changed since.
    """
    try:
        record = read_record(text)
    except ValueError as error:
        raise ModelError(f"{name}: its golden rows can't be relied on: {error}; {_WAY_OUT}") from error
    model = bare(content)
    if model.n_seals != 1:
        raise ModelError(f"{name}: its golden rows can't be relied on: the model has {model.n_seals} seals; {_WAY_OUT}")
    digest = model.digest()
    if digest != record.model:
        raise ModelError(
            f"{name} was changed after it was sealed: without its seal its SHA-256 is {digest}, and was {record.model}; {_WAY_OUT}"
        )
    return record


def damage(content: bytes, name: str) -> str | None:
    """What is wrong with a seal of the model, whether the model can be loaded or not; None where nothing is, or where there is none."""
    try:
        text = seal_text(content)
        if text is not None:
            read_seal(content, text, name)
    except ModelError as error:
        return str(error).partition(";")[0]
    return None


_WAY_OUT = "load a copy that is whole, or seal the model again (eo.seal); golden='warn' loads it all the same"


def check(
    core: _core.Scorer,
    content: bytes,
    text: str,
    name: str,
    providers: Sequence[str],
    options: Mapping[str, object],
    remembers: bool,
) -> str:
    """Score the golden rows again, unless that has been done here with the same pieces.

    Parameters
    ----------
    core
        The loaded model; its own plan, threads and providers are what is checked.
    content, text, name
        The model, its seal, and what messages call it.
    providers, options
        Of the scorer.
    remembers
        Whether the model's bytes are all of it; where weights lie in other files, nothing is taken as known.

    Returns
    -------
    str
        A line for `explain()`.

    Raises
    ------
    ModelError
        The answers differ, can't be computed, or the seal is no seal of this model.
    """
    record = read_seal(content, text, name)
    here = maker_of(core, providers)
    facts = {"model": record.model, "seal": checksum_of(text), "here": vars(here), "options": options}
    rows = f"{record.n_rows} rows sealed by {record.maker}"
    if remembers and _cache.is_known(facts):
        return f"golden rows: checked before with this runtime, {rows}"
    try:
        got = answers(core, record.inputs, record.outputs)
    except Error as error:
        raise ModelError(f"{name}: its golden rows can't be scored with {here}: {error}; they were sealed by {record.maker}") from error
    found = compare(record.outputs, got)
    if found.n_different:
        more = f" ({found.n_different} values differ)" if found.n_different > 1 else ""
        known = "".join(f"; {sentence}" for sentence in core.warnings)
        raise ModelError(
            f"{name} does not give its golden answers here: {found.first}{more}; sealed by {record.maker}, now {here}{known}; "
            f"go back to ONNX Runtime {record.maker.onnxruntime} and edgeonnx {record.maker.edgeonnx}, or, once the new answers have been "
            "verified, seal the model again (eo.seal); golden='warn' loads it all the same"
        )
    if remembers:
        _cache.remember(facts)
    return f"golden rows: {record.n_rows} rows re-scored, worst difference {found.worst:.2g} of the largest value; {rows}"
