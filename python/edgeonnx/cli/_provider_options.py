"""Options that choose execution providers: of `score` and `inspect`."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from edgeonnx._providers import short_name

F = TypeVar("F", bound=Callable[..., Any])


def provider_options(command: F) -> F:
    """Adds --provider, --provider-option and --fallback; the command gets ``providers`` as `scorer_arguments` takes them."""
    for option in (
        click.option(
            "--fallback", type=click.Choice(["cpu", "error"]), help="For nodes that no provider takes. Default: cpu if it is listed."
        ),
        click.option(
            "--provider-option",
            "provider_settings",
            metavar="NAME.KEY=VALUE",
            multiple=True,
            type=_setting,
            help="An option of a provider, as in CUDA.device_id=1; `edgeonnx providers NAME` lists them.",
        ),
        click.option(
            "--provider", "providers", metavar="NAME", multiple=True, help="Execution provider of ONNX Runtime; again for the next choice."
        ),
    ):
        command = option(command)
    return command


def _setting(value: str) -> tuple[str, str, str]:
    name, dot, rest = value.partition(".")
    key, equals, text = rest.partition("=")
    if not (name and dot and key and equals):
        raise click.BadParameter(f"expected provider.key=value, as in CUDA.device_id=1, got '{value}'")
    return name, key, text


def scorer_arguments(providers: tuple[str, ...], settings: tuple[tuple[str, str, str], ...], fallback: str | None) -> dict[str, Any]:
    """Arguments of `Scorer`; none where no provider was chosen."""
    by_name = {short_name(name): name for name in providers}
    options: dict[str, dict[str, str]] = {name: {} for name in providers}
    for name, key, value in settings:
        if short_name(name) not in by_name:
            raise click.UsageError(f"--provider-option {name}.{key}: there is no --provider {name}")
        chosen = options[by_name[short_name(name)]]
        if key in chosen:
            raise click.UsageError(f"--provider-option {name}.{key} is given twice")
        chosen[key] = value
    if not providers:
        if fallback:
            raise click.UsageError("--fallback is for nodes that a --provider does not take, and none was chosen")
        return {}
    return {"providers": list(providers), "provider_options": options, "fallback": fallback}
