"""Looks into finished wheels and says what is wrong: python wheels/check.py WHEEL ...

Tags and symbols as auditwheel sees them, no libraries of others, exported names, files, metadata, licences and the bill of materials.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection
from packaging.metadata import Metadata
from packaging.utils import parse_wheel_filename

from common import Trouble, dist_info, opened_to_read, read, tool
from sbom import needed, validate

MOST_BYTES = 5_000_000
NEWEST_GLIBC = (2, 28)
#: library -> what others may see of it
EXPORTS = {
    "_core.*.so": r"PyInit__core",
    "lib/libedgeonnx.so": r"edgeonnx_\w+",
    "lib/edgeonnx_sqlite.so": r"sqlite3_edgeonnxsqlite_init",
    "lib/edgeonnx.duckdb_extension": r"edgeonnx_init_c_api",
}
#: Those of them in C++, which take much from the compiler's runtime.
OWN_RUNTIME = ("_core.*.so", "lib/libedgeonnx.so")
SYSTEM = re.compile(r"(libc|libm|libdl|libpthread|librt|libstdc\+\+|libgcc_s|ld-linux-x86-64)\.so\.\d+|libedgeonnx\.so")
FILES = (
    "py.typed",
    "include/edgeonnx/edgeonnx.h",
    "include/edgeonnx/edgeonnx.hpp",
    "lib/pkgconfig/edgeonnx.pc",
    "lib/cmake/edgeonnx/edgeonnxConfig.cmake",
    "lib/cmake/edgeonnx/edgeonnxConfigVersion.cmake",
)


def exported(library: Path) -> set[str]:
    """Names that the library defines for others."""
    with library.open("rb") as file:
        table = ELFFile(file).get_section_by_name(".dynsym")
        assert isinstance(table, SymbolTableSection)
        return {symbol.name for symbol in table.iter_symbols() if symbol.name and symbol["st_shndx"] not in ("SHN_UNDEF", "SHN_ABS")}


def imported(library: Path) -> set[str]:
    """Names that the library takes from others."""
    with library.open("rb") as file:
        table = ELFFile(file).get_section_by_name(".dynsym")
        assert isinstance(table, SymbolTableSection)
        return {symbol.name for symbol in table.iter_symbols() if symbol["st_shndx"] == "SHN_UNDEF"}


def wrong_tag(wheel: Path) -> list[str]:
    _, _, _, tags = parse_wheel_filename(wheel.name)
    wrong = []
    for tag in tags:
        found = re.fullmatch(r"manylinux_(\d+)_(\d+)_x86_64", tag.platform)
        if not found or (int(found[1]), int(found[2])) > NEWEST_GLIBC:
            wrong.append(f"the tag is {tag.platform}, not manylinux_2_28_x86_64 or older")
    return wrong


def wrong_libraries(package: Path) -> list[str]:
    wrong = []
    for pattern, names in EXPORTS.items():
        found = list(package.glob(pattern))
        if len(found) != 1:
            wrong.append(f"there are {len(found)} files edgeonnx/{pattern}, not one")
            continue
        shown = exported(found[0])
        if others := sorted(name for name in shown if not re.fullmatch(names, name)):
            wrong.append(f"{found[0].name} shows others {', '.join(others[:5])}{' ...' if others[5:] else ''}")
        if pattern in OWN_RUNTIME and "memcpy" not in imported(found[0]):
            wrong.append(f"{found[0].name} has not glibc's memcpy, nor then its exp: the compiler's own came along, see division.c")
        if not shown:
            wrong.append(f"{found[0].name} shows nothing")
        wrong += [f"{found[0].name} needs {name}, which not every system has" for name in needed(found[0]) if not SYSTEM.fullmatch(name)]
    return wrong


def wrong_metadata(info: Path, package: Path) -> list[str]:
    metadata = Metadata.from_email((info / "METADATA").read_bytes())  # raises on what the standard forbids
    named = metadata.license_files or []
    wrong = [f"METADATA names the licence {name}, which is not there" for name in named if not (info / "licenses" / name).exists()]
    if "LICENSE" not in named:
        wrong.append("METADATA does not name our LICENSE")
    bills = list((info / "sboms").glob("*.cdx.json"))
    if len(bills) != 1:
        return [*wrong, f"there are {len(bills)} bills of materials in sboms/, not one"]
    text = bills[0].read_text()
    validate(text)
    bill = json.loads(text)
    if (itself := bill["metadata"]["component"])["name"] != metadata.name or itself["version"] != str(metadata.version):
        wrong.append(f"the bill of materials is that of {itself['name']} {itself['version']}")
    listed = {part["name"]: part for part in bill["components"]}
    expected = {"pybind11", "duckdb", "SQLite"}
    if "libstdc++.so.6" not in needed(package / "lib" / "libedgeonnx.so"):
        expected.add("libc++")
    wrong += [f"the bill of materials lacks {name}" for name in sorted(expected - set(listed))]
    wrong += [f"the bill of materials gives no version of {name}" for name, part in listed.items() if not part.get("version")]
    texts = {path.stem for path in (info / "licenses").iterdir()}
    wrong += [f"the licence of {name} is not in the wheel" for name in sorted(expected - {"duckdb", "SQLite"} - texts)]
    return wrong


def verdict(wheel: Path) -> str:
    """The platform that auditwheel makes of the symbols in a wheel."""
    return str(json.loads(read(tool("auditwheel"), "show", "--json", wheel))["overall_tag"])


def check(wheel: Path) -> list[str]:
    """All that is wrong with a wheel; prints what auditwheel says, the size and what takes the most of it."""
    seen = verdict(wheel)
    wrong = wrong_tag(wheel)
    if tuple(map(int, re.findall(r"\d+", seen)[:2])) > NEWEST_GLIBC:
        wrong.append(f"auditwheel sees symbols of {seen}")
    if (size := wheel.stat().st_size) >= MOST_BYTES:
        wrong.append(f"{size} bytes are more than {MOST_BYTES}")
    with opened_to_read(wheel) as content:
        names = {path.name for path in content.iterdir()}
        if others := sorted(name for name in names if name != "edgeonnx" and not name.endswith(".dist-info")):
            wrong.append(f"beside edgeonnx lies {', '.join(others)}")
        package = content / "edgeonnx"
        wrong += [f"there is no edgeonnx/{name}" for name in FILES if not (package / name).exists()]
        wrong += wrong_libraries(package)
        wrong += wrong_metadata(dist_info(content), package)
        largest = max((path for path in content.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
        most = f"{largest.name} {largest.stat().st_size / 1e6:.1f} MB unpacked"
    print(f"{wheel.name}: {size / 1e6:.2f} MB (most of it {most}); auditwheel: {seen}", flush=True)
    return wrong


def check_all(wheels: list[Path]) -> None:
    """Checks them all, then raises if anything was wrong."""
    wrong = [f"{wheel.name}: {what}" for wheel in wheels for what in check(wheel)]
    run_twine(wheels)
    if wrong:
        raise Trouble("not fit to be released:\n" + "\n".join(wrong))


def run_twine(files: list[Path]) -> None:
    """What PyPI asks of metadata."""
    read(tool("twine"), "check", "--strict", *files)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheels", nargs="+", type=Path)
    check_all(parser.parse_args().wheels)
    sys.exit()
