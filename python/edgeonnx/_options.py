"""Options of a scorer as users write them, checked and spelled as the core takes them."""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Mapping, Sequence

import numpy

from edgeonnx._errors import InvalidArgument
from edgeonnx._sql_types import Declaration, declaration_of

__all__ = ["NOTHING", "NullPolicy", "Request", "flag", "null_rules", "position_of", "positive", "request_of"]

NullPolicy = str | float | int | bool
NullRule = tuple[str | None, int, float | int | None]

COERCIONS = ("tsql", "safe", "strict")
ON_OVERFLOW = ("error", "null")
REPORTS = ("summary", "branches")
GOLDEN = ("error", "warn", "off")
_OWN_TYPE: Declaration = (0, 0, 0, False)
_NULLS = ("error", "nan", "propagate")
_CONSTANT = 3


def positive(value: int | None, option: str, most: int) -> int | None:
    """A count that an option gives; None stays None."""
    if value is None:
        return None
    if not isinstance(value, numbers.Integral) or not 1 <= value <= most:
        raise InvalidArgument(f"{option}={value!r}: a whole number from 1 to {most} is expected")
    return int(value)


def flag(value: object, option: str) -> bool:
    """An option that is on or off."""
    if not isinstance(value, (bool, numpy.bool_)):
        raise InvalidArgument(f"{option}={value!r}: True or False is expected")
    return bool(value)


def position_of(value: object, allowed: Sequence[str | None], option: str) -> int:
    """Number of an enum option in edgeonnx.h, which lists its values in this order."""
    if value not in allowed:
        raise InvalidArgument(f"{option}={value!r} is unknown; use one of {', '.join(map(repr, allowed))}")
    return allowed.index(value)


def null_rules(nulls: NullPolicy | Mapping[str | None, NullPolicy] | Mapping[str, NullPolicy]) -> list[NullRule]:
    """The rules of a `nulls` option; the rule for all inputs has the name None."""
    if isinstance(nulls, Mapping):
        return [_null_rule(name, policy) for name, policy in nulls.items()]
    return [_null_rule(None, nulls)]


def _null_rule(name: str | None, policy: NullPolicy) -> NullRule:
    if isinstance(policy, str):
        return name, position_of(policy, _NULLS, "nulls"), None
    if isinstance(policy, numbers.Integral) and -(2**63) <= policy < 2**63:
        return name, _CONSTANT, int(policy)
    if isinstance(policy, numbers.Real):
        return name, _CONSTANT, float(policy)
    raise InvalidArgument(
        f"nulls={policy!r} is unknown; use {', '.join(map(repr, _NULLS))}, a number, or a mapping from input names to these"
    )


Request = tuple[tuple[tuple[str, Declaration], ...], tuple[tuple[str, str], ...], tuple[tuple[str, tuple[str, ...]], ...]]
"""What one call asks for: (results with types, renames, groups); hashable, so that equal requests share a binding."""

NOTHING: Request = ((), (), ())


def _with_list(with_: Mapping[str, str]) -> list[tuple[str, Declaration]]:
    """The WITH list, or one error for all its mistakes."""
    if not isinstance(with_, Mapping):
        raise InvalidArgument(f"with_={with_!r}: a mapping from outputs to SQL types is expected, as in {{'variable1': 'float'}}")
    results = []
    mistakes = []
    for name, sql_type in with_.items():
        try:
            results.append((name, declaration_of(sql_type)))
        except InvalidArgument as error:
            mistakes.append(f"with_[{name!r}]: {error}")
    if mistakes:
        raise InvalidArgument("\n".join(mistakes))
    return results


def request_of(
    outputs: Iterable[str] | None,
    with_: Mapping[str, str] | None,
    rename: Mapping[str, str] | None,
    columns: Mapping[str, Sequence[str]] | None,
) -> Request:
    """The request of a call."""
    if outputs is None and with_ is None and not rename and not columns:
        return NOTHING
    if isinstance(outputs, str):
        raise InvalidArgument(f"outputs={outputs!r}: a sequence of names is expected, as in outputs=[{outputs!r}]")
    if outputs is not None and with_ is not None:
        raise InvalidArgument("outputs and with_ both choose the results; give one of them")
    results: list[tuple[str, Declaration]] = []
    if with_ is not None:
        results = _with_list(with_)
    elif outputs is not None:
        results = [(name, _OWN_TYPE) for name in outputs]
    if not results and not (outputs is None and with_ is None):
        raise InvalidArgument("no output is chosen; leave outputs and with_ out to get all of them")
    for name, group in (columns or {}).items():
        if isinstance(group, str):
            raise InvalidArgument(f"columns={{{name!r}: {group!r}}}: a sequence of names is expected, as in [{group!r}]")
    groups = tuple((name, tuple(group)) for name, group in (columns or {}).items())
    renames = tuple((rename or {}).items())
    names = [name for name, _ in results] + [name for pair in renames for name in pair] + [name for _, group in groups for name in group]
    wrong = [name for name in [*names, *(name for name, _ in groups)] if not isinstance(name, str)]
    if wrong:
        raise InvalidArgument(f"names of inputs, outputs and columns are strings; these are not: {', '.join(map(repr, wrong))}")
    return tuple(results), renames, groups
