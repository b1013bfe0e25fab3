"""A wheel's bill of materials (CycloneDX, PEP 770) and the licence texts of what is compiled into it.

What it says comes from the build: the folder edgeonnx/build_facts (facts.cmake), the libraries in the wheel, and the toolchain that
linked them.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from packageurl import PackageURL
from packaging.metadata import Metadata, RawMetadata, parse_email

from common import Trouble, dist_info, opened


@dataclass(frozen=True)
class Part:
    """Something that others wrote and that is compiled into the wheel; `licence` is its name in SPDX, `text` its words."""

    name: str
    version: str
    licence: str
    description: str
    text: str = ""
    purl_type: str = "generic"

    def component(self) -> Component:
        purl = PackageURL(self.purl_type, None, self.name.lower().replace(" ", "-"), self.version)
        return Component(
            type=ComponentType.LIBRARY,
            name=self.name,
            version=self.version,
            description=self.description,
            licenses=[LicenseExpression(self.licence)],
            purl=purl,
            bom_ref=str(purl),
        )


def parts_of(facts: Path) -> list[Part]:
    """What the build says that it compiled in; a library whose headers were not there is left out, and check.py finds it lacking."""
    told = json.loads((facts / "build_facts.json").read_text())
    licence = (facts / "pybind11.txt").read_text()
    parts = [Part("pybind11", told["pybind11"], "BSD-3-Clause", "headers, compiled into _core", licence, "pypi")]
    if told["duckdb"]:
        parts.append(Part("duckdb", told["duckdb"], "MIT", "header of its C interface, in edgeonnx.duckdb_extension", purl_type="pypi"))
    if told["sqlite"]:
        parts.append(Part("SQLite", told["sqlite"], "blessing", "header sqlite3ext.h, in edgeonnx_sqlite.so"))
    return parts


def needed(library: Path) -> list[str]:
    """The libraries that the loader opens for this one."""
    with library.open("rb") as file:
        sections = [section for section in ELFFile(file).iter_sections() if isinstance(section, DynamicSection)]
        return [tag.needed for section in sections for tag in section.iter_tags("DT_NEEDED")]


def bill(metadata: RawMetadata, parts: Sequence[Part]) -> str:
    """The bill as JSON that the schema accepts."""
    bom = Bom()
    purl = PackageURL("pypi", None, metadata["name"], metadata["version"])
    itself = Component(
        type=ComponentType.LIBRARY,
        name=metadata["name"],
        version=metadata["version"],
        description=metadata["summary"],
        licenses=[LicenseExpression("MIT")],
        purl=purl,
        bom_ref=str(purl),
    )
    bom.metadata.component = itself
    components = [part.component() for part in parts]
    bom.components.update(components)
    bom.register_dependency(itself, components)
    text = str(JsonV1Dot6(bom).output_as_string(indent=2))
    validate(text)
    return text


def validate(text: str) -> None:
    """Raises where the text is no CycloneDX 1.6."""
    if wrong := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise Trouble(f"the bill of materials is not valid CycloneDX: {wrong}")


def write_metadata(info: Path, raw: RawMetadata) -> None:
    """Replaces METADATA, checked. Some readers want its names as the standard spells them, which packaging writes in small letters."""
    head, blank, body = Metadata.from_raw(raw).as_rfc822().as_bytes().partition(b"\n\n")
    head = re.sub(rb"^[a-z][a-z-]*(?=:)", lambda name: name[0].title(), head, flags=re.MULTILINE)
    (info / "METADATA").write_bytes(head + blank + body)


def complete(wheel: Path, runtime: Sequence[Part]) -> None:
    """Puts the bill, the licence texts and what METADATA says of them into a wheel; `runtime`: what the linker took from the toolchain."""
    with opened(wheel) as content:
        info, facts = dist_info(content), content / "edgeonnx" / "build_facts"
        parts = [*parts_of(facts), *runtime]
        shutil.rmtree(facts)
        is_static = "libstdc++.so.6" not in needed(content / "edgeonnx" / "lib" / "libedgeonnx.so")
        if is_static != bool(runtime):
            raise Trouble(f"{wheel.name} has its C++ runtime {'inside' if is_static else 'outside'}, which its toolchain does not say")
        raw, _ = parse_email((info / "METADATA").read_bytes())
        (info / "sboms").mkdir(exist_ok=True)
        (info / "sboms" / "edgeonnx.cdx.json").write_text(bill(raw, parts))
        for part in parts:
            if part.text:
                (info / "licenses" / f"{part.name}.txt").write_text(part.text)
                raw["license_files"] = sorted({*raw["license_files"], f"{part.name}.txt"})
        terms = sorted({part.licence for part in parts if part.text} - {"MIT"})
        raw["license_expression"] = " AND ".join(["MIT", *(f"({term})" if " " in term else term for term in terms)])
        write_metadata(info, raw)
