"""Options that several commands share."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def null_policy(value: str) -> str | float:
    """``error``, ``nan``, ``propagate`` or a number."""
    if value in ("error", "nan", "propagate"):
        return value
    for number in (int, float):
        try:
            return number(value)
        except ValueError:
            continue
    raise click.BadParameter(f"expected error, nan, propagate or a number, got '{value}'")


def conversion_options(command: F) -> F:
    """Adds --coercion, --nulls and --on-overflow."""
    for option in (
        click.option(
            "--on-overflow", type=click.Choice(["error", "null"]), default="error", help="For values that do not fit.  [default: error]"
        ),
        click.option("--nulls", type=null_policy, default="error", help="For NULLs: error, nan, propagate or a number.  [default: error]"),
        click.option(
            "--coercion", type=click.Choice(["tsql", "safe", "strict"]), default="tsql", help="Conversions allowed.  [default: tsql]"
        ),
    ):
        command = option(command)
    return command


def golden_option(default: str) -> Callable[[F], F]:
    """Adds --golden."""
    return click.option(
        "--golden",
        type=click.Choice(["error", "warn", "off"]),
        default=default,
        show_default=True,
        help="For a sealed model whose golden rows have other answers here.",
    )
