"""Which format a file has: from an option, else from the name."""

from pathlib import Path
from typing import Literal

import click

Format = Literal["parquet", "csv", "arrow", "arrows"]

STANDARD_STREAM = "-"
INPUT_FORMATS = ("parquet", "csv", "arrow")
OUTPUT_FORMATS = ("parquet", "csv", "arrow", "arrows")
TABLE_SUFFIXES: dict[str, Format] = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".arrows": "arrows",
}


def format_of(path: str, declared: Format | None, option: str) -> Format:
    """The declared format, else the one that the name's suffix tells; Arrow for a standard stream.

    Raises
    ------
    click.UsageError
        If nothing tells the format, or if a stream is asked for in a format that needs a file.
    """
    if path == STANDARD_STREAM:
        if declared == "parquet":
            raise click.UsageError(f"parquet needs a file, not a stream; give {option} arrow or {option} csv")
        return "csv" if declared == "csv" else "arrows"
    if declared is not None:
        return declared
    suffix = Path(path).suffix.lower()
    if suffix not in TABLE_SUFFIXES:
        known = ", ".join(TABLE_SUFFIXES)
        raise click.UsageError(f"'{path}': the name does not tell the format ({known}); give {option}")
    return TABLE_SUFFIXES[suffix]
