"""Execution providers: which of them work here, and the options that they take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgeonnx import _core
from edgeonnx._errors import InvalidArgument
from edgeonnx._runtime import library_path

__all__ = ["FALLBACKS", "Provider", "ProviderOption", "provider_list", "providers"]

#: As edgeonnx.h numbers them; None: as listed.
FALLBACKS = (None, "cpu", "error")


@dataclass(frozen=True)
class ProviderOption:
    """An option of an execution provider: its key, what its value may be, ONNX Runtime's default, and what it does."""

    key: str
    type: str
    default: str
    meaning: str


@dataclass(frozen=True)
class Provider:
    """An execution provider of ONNX Runtime.

    Attributes
    ----------
    name
        As ONNX Runtime spells it: `CUDAExecutionProvider`.
    usable
        Whether a model of one node was run on it, just now.
    reason
        Why not, in the words of the loader or of ONNX Runtime, and what to do; "" where it is usable.
    options
        Those of CUDA, TensorRT and OpenVINO, which are checked before ONNX Runtime sees them. Options of other providers are handed on
        as they are.
    """

    name: str
    usable: bool
    reason: str
    options: tuple[ProviderOption, ...]

    def __str__(self) -> str:
        return f"{self.name}: {'usable' if self.usable else self.reason}"


def providers() -> tuple[Provider, ...]:
    """Find out which execution providers work here.

    CPU, CUDA, TensorRT, OpenVINO, and all others that the installed ONNX Runtime was built with, each by a model of one node that it runs.
    Libraries that this loads, those of the CUDA packages for instance, stay in the process.

    Returns
    -------
    tuple of Provider
        CPU first.

    Raises
    ------
    RuntimeMissing
        There is no usable ONNX Runtime library.

    Examples
    --------
    >>> print(providers()[0])
    CPUExecutionProvider: usable
    """
    return tuple(
        Provider(name, not reason, reason, tuple(ProviderOption(*option) for option in options))
        for name, reason, options in _core.providers(library_path())
    )


def provider_list(
    names: Sequence[str], options: Sequence[Mapping[str, object]] | Mapping[str, Mapping[str, object]] | None
) -> list[tuple[str, list[tuple[str, str]]]]:
    """Providers with their options as text, in order."""
    if isinstance(names, str):
        raise InvalidArgument(f"providers={names!r}: a sequence of names is expected, as in providers=[{names!r}]")
    for name in names:
        if not isinstance(name, str):
            raise InvalidArgument(
                f"providers has {name!r}: names are expected, and options in provider_options={{'CUDAExecutionProvider': {{...}}}}"
            )
    if isinstance(options, Mapping):
        unknown = [name for name in options if name not in names]
        if unknown:
            raise InvalidArgument(f"provider_options names {', '.join(map(repr, unknown))}, which providers does not list")
        each: list[Mapping[str, object]] = [options.get(name, {}) for name in names]
    else:
        each = list(options or [{} for _ in names])
    if len(each) != len(names):
        raise InvalidArgument(f"provider_options has {len(each)} entries for {len(names)} providers")
    for name, mapping in zip(names, each, strict=True):
        if not isinstance(mapping, Mapping):
            raise InvalidArgument(f"provider_options of {name!r} is {mapping!r}: a mapping of keys to values is expected")
    return [(name, [(str(key), str(value)) for key, value in mapping.items()]) for name, mapping in zip(names, each, strict=True)]
