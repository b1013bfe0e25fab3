"""Execution providers: which of them work here, and the options that they take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from edgeonnx import _core
from edgeonnx._errors import InvalidArgument
from edgeonnx._runtime import library_path

__all__ = ["FALLBACKS", "Provider", "ProviderOption", "are_cpu", "provider_list", "providers", "short_name"]

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
    Libraries that this loads, those of the CUDA packages for instance, stay in the process, and so does what they begin there: a process
    that forks workers which use a GPU must not have called this.

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
        for name, reason, options in _core.providers(library_path(), True)
    )


ProviderList = list[tuple[str, list[tuple[str, str]]]]


def provider_list(providers: object, provider_options: object) -> ProviderList:
    """Providers with their options as text, in order; a provider may be a pair of its name and its options, as onnxruntime takes it."""
    if isinstance(providers, (str, Mapping)) or not isinstance(providers, Iterable):
        raise InvalidArgument(f"providers={providers!r}: a sequence of names is expected, as in providers=['CUDAExecutionProvider']")
    names: list[str] = []
    options: list[dict[str, object]] = []
    for each in providers:
        pair = each if isinstance(each, (tuple, list)) and len(each) == 2 else (each, {})
        if not isinstance(pair[0], str):
            raise InvalidArgument(f"providers has {each!r}: the name of a provider is expected, or a pair of its name and its options")
        names.append(pair[0])
        options.append(_mapping(*pair))
    for index, mapping in enumerate(_options_by_index(names, provider_options)):
        options[index] |= mapping
    return [
        (name, [(str(key), str(value)) for key, value in mapping.items() if value is not None])
        for name, mapping in zip(names, options, strict=True)
    ]


def _options_by_index(names: Sequence[str], provider_options: object) -> list[dict[str, object]]:
    if provider_options is None:
        return [{} for _ in names]
    if isinstance(provider_options, Mapping):
        by_name = {short_name(name): _mapping(name, mapping) for name, mapping in provider_options.items()}
        known = [short_name(name) for name in names]
        if unknown := [name for name in provider_options if short_name(name) not in known]:
            raise InvalidArgument(f"provider_options names {', '.join(map(repr, unknown))}, which providers does not list")
        return [by_name.get(name, {}) for name in known]
    if isinstance(provider_options, str) or not isinstance(provider_options, Iterable):
        raise InvalidArgument(f"provider_options={provider_options!r}: a mapping for each provider is expected, or one by their names")
    mappings = list(provider_options)
    if len(mappings) != len(names):
        raise InvalidArgument(f"provider_options has {len(mappings)} entries for {len(names)} providers")
    return [_mapping(name, mapping) for name, mapping in zip(names, mappings, strict=True)]


def _mapping(name: object, options: object) -> dict[str, object]:
    if not isinstance(options, Mapping):
        raise InvalidArgument(f"the options of {name!r} are {options!r}: a mapping of keys to values is expected")
    return dict(options)


def short_name(name: object) -> str:
    """By which names of one provider are equal: "CUDA" and "CUDAExecutionProvider"."""
    return str(name).lower().removesuffix("executionprovider")


def are_cpu(providers: ProviderList) -> bool:
    """Whether CPU alone runs a model."""
    return all(short_name(name) == "cpu" for name, _ in providers)
