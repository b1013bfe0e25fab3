"""Appends to a shared library what DuckDB wants to read at the end of an extension: python footer.py LIBRARY EXTENSION VERSION.

The layout is that of scripts/append_metadata.cmake in DuckDB's sources.
"""

import platform
import sys

PLATFORMS = {"x86_64": "linux_amd64", "aarch64": "linux_arm64"}


def footer(version: str) -> bytes:
    """A WebAssembly section of eight fields of 32 bytes, the last one first, and room for a signature."""
    fields = ["", "", "", "C_STRUCT", version, "v1.2.0", PLATFORMS[platform.machine()], "4"]
    head = b"\x00\x93\x04\x10duckdb_signature\x80\x04"
    return head + b"".join(field.encode().ljust(32, b"\0") for field in fields) + bytes(256)


if __name__ == "__main__":
    library, extension, version = sys.argv[1:]
    with open(library, "rb") as source, open(extension, "wb") as target:
        target.write(source.read() + footer(version))
