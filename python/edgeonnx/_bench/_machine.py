"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from dataclasses import dataclass


@dataclass(frozen=True)
class Machine:
    """A processor and what this process may use of it."""

    processor: str
    n_cores: int
    """That CPU affinity allows."""
    n_bytes: int
    """Memory."""
    system: str
    python: str


def machine() -> Machine:
    """What this process runs on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Machine(
        _processor(), len(os.sched_getaffinity(0)), memory, f"{platform.system()} {platform.release()}", platform.python_version()
    )


def _processor() -> str:
    with suppress(OSError), open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
