"""Which seals have been checked here, with what: one small file each, so that a model is checked once and not at every load."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress

__all__ = ["folder", "is_known", "remember"]

_known: set[str] = set()  # where the folder can't be written, a process still checks once


def folder() -> str:
    """`$EDGEONNX_CACHE/golden`; without it `golden` in edgeonnx's part of `$XDG_CACHE_HOME` or `~/.cache`."""
    own = os.environ.get("EDGEONNX_CACHE")
    if own:
        return os.path.join(own, "golden")
    shared = os.environ.get("XDG_CACHE_HOME", "")
    return os.path.join(shared if os.path.isabs(shared) else os.path.expanduser("~/.cache"), "edgeonnx", "golden")


def is_known(facts: Mapping[str, object]) -> bool:
    """Whether a check of exactly these facts has passed. A file that does not say them, letter by letter, does not count."""
    text = _text(facts)
    if text in _known:
        return True
    try:
        with open(_path(text), encoding="utf-8") as file:
            found = file.read(len(text) + 1) == text
    except (OSError, ValueError):
        return False
    if found:
        _known.add(text)
    return found


def remember(facts: Mapping[str, object]) -> None:
    """Keep that a check of these facts has passed. A folder that can't be written is no error."""
    text = _text(facts)
    _known.add(text)
    path = _path(text)
    temporary = f"{path}.{os.getpid()}.{secrets.token_hex(4)}"
    with suppress(OSError):
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        try:
            with open(temporary, "x", encoding="utf-8") as file:
                file.write(text)
            os.replace(temporary, path)
        except OSError:
            with suppress(OSError):
                os.unlink(temporary)
            raise


def _text(facts: Mapping[str, object]) -> str:
    return json.dumps(facts, sort_keys=True, indent=1, default=str)


def _path(text: str) -> str:
    return os.path.join(folder(), hashlib.sha256(text.encode()).hexdigest() + ".json")
