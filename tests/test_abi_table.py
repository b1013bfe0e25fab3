"""cpp/ort/abi.h, our own declaration of ONNX Runtime's slots, against the official onnxruntime_c_api.h.

The header is no part of this repository. It is looked for in $EDGEONNX_ORT_HEADER, then in the usual include folders; failing that,
Debian's libonnxruntime-dev is unpacked with apt's own tools in private folders, so that the system stays as it is, and the header is kept
in pytest's cache.
"""

from __future__ import annotations

import getpass
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

CPP = Path(__file__).parent.parent / "cpp"
HEADER_NAME = "onnxruntime_c_api.h"
INCLUDE_FOLDERS = ("/usr/include", "/usr/local/include", "/opt/onnxruntime/include")
DEBIAN_SUITES = ("sid", "trixie")
DEBIAN_KEYRINGS = ("/usr/share/keyrings/debian-archive-keyring.gpg", "/usr/share/keyrings/debian-archive-keyring.pgp")

if not CPP.exists():
    pytest.skip("needs the sources: the table of ONNX Runtime's slots is in cpp/ort", allow_module_level=True)

# API version: number of its last slot, as the static_asserts of onnxruntime_c_api.cc freeze them. Versions left out added nothing.
LAST_SLOT = {
    1: 101, 2: 118, 3: 124, 4: 126, 5: 149, 6: 157, 7: 161, 8: 169, 9: 191, 10: 203, 11: 209, 12: 218, 13: 224, 14: 238, 15: 254, 16: 265,
    17: 275, 18: 279, 20: 284, 22: 317, 23: 389, 24: 414, 25: 418, 27: 421, 28: 423, 29: 424, 30: 425, 31: 427,
}  # fmt: skip


@dataclass(frozen=True)
class Slot:
    """One member of OrtApi: ``since`` is the N of 1.N, None where the header does not say."""

    name: str
    returns: str
    parameters: tuple[str, ...]
    since: int | None = None


def split_arguments(text: str) -> list[str]:
    """Split at commas outside parentheses."""
    return [part.strip() for part in re.split(r",\s*(?![^()]*\))", text) if part.strip()]


def bare_type(parameter: str) -> str:
    """The type of a parameter without annotations, ``enum``, ``struct``, its name, and with an array as a pointer."""
    text = re.sub(r"\b_\w+_(?:\([^)]*\))?(?=\s)|\b(?:enum|struct)\b", "", parameter)
    is_array = "[" in text
    words = re.sub(r"\[.*\]", "", text).replace("*", " * ").split()
    if len(words) > 1 and words[-1] != "*" and words[-2] != "const":
        words.pop()  # the name
    return re.sub(r" ?\* ?", "*", " ".join(words + ["*"] * is_array)).replace("*const", "* const")


def read_our_table() -> dict[int, Slot]:
    """Slots of abi.h by number."""
    text = (CPP / "ort" / "abi.h").read_text().replace("\\\n", " ")
    row = re.compile(r"\bX\((\d+), (\d+), ([\w *]+), (\w+),\s*\(([^()]*)\)\)")
    return {
        int(number): Slot(name, bare_type(returns), tuple(bare_type(each) for each in split_arguments(parameters)), int(since))
        for number, since, returns, name, parameters in row.findall(text)
    }


def without_comments(text: str) -> str:
    """C text without comments."""
    return re.sub(r"//[^\n]*", "", re.sub(r"/\*.*?\*/", "", text, flags=re.S))


STATUS_MEMBER = re.compile(r"ORT_API2_STATUS\((\w+),? ?(.*)\)")
RELEASE_MEMBER = re.compile(r"ORT_CLASS_RELEASE\((\w+)\)")
TYPED_MEMBER = re.compile(r"ORT_API_T\(([\w *]+), (\w+),? ?(.*)\)")
FUNCTION_MEMBER = re.compile(r"([\w *]+)\( ?ORT_API_CALL ?\* ?(\w+)\) ?\((.*?)\)(?: ?NO_EXCEPTION| ?ORT_ALL_ARGS_NONNULL)*$")


def members_of(text: str, struct: str) -> Iterator[str]:
    """The declarations of a struct, comments included, one at a time."""
    rest = text[text.index(f"struct {struct} {{") + len(f"struct {struct} {{") :]
    body = rest[: rest.index("\n};")]
    # A semicolon inside a comment must not end a declaration.
    masked = re.sub(r"/\*.*?\*/|//[^\n]*", lambda match: match[0].replace(";", " "), body, flags=re.S)
    yield from masked.split(";")


def read_header_slots(header: str) -> list[Slot]:
    """Members of ``struct OrtApi`` in order."""
    slots = []
    for member in members_of(header, "OrtApi"):
        declaration = " ".join(re.sub(r"^\s*#.*$", "", without_comments(member), flags=re.M).split())
        documented = re.search(r"\\since Version 1\.(\d+)", member)
        since = int(documented[1]) if documented else None
        if status := STATUS_MEMBER.match(declaration):
            slots.append(Slot(status[1], "OrtStatus*", tuple(bare_type(each) for each in split_arguments(status[2])), since))
        elif release := RELEASE_MEMBER.match(declaration):
            slots.append(Slot(f"Release{release[1]}", "void", (f"Ort{release[1]}*",), since))
        elif function := TYPED_MEMBER.match(declaration) or FUNCTION_MEMBER.match(declaration):
            parameters = tuple(bare_type(each) for each in split_arguments(function[3]))
            slots.append(Slot(function[2], bare_type(function[1]), parameters, since))
        elif declaration:
            raise AssertionError(f"a member of OrtApi that this test cannot read: {declaration[:200]}")
    return slots


def read_enumerators(text: str) -> dict[str, int]:
    """Every enumerator of C or C++ text with its number, counted on where none is written."""
    found: dict[str, int] = {}
    for body in re.findall(r"\benum\b[^{};()]*\{([^}]*)\}", without_comments(text)):
        value = -1
        for enumerator in body.split(","):
            name, _, written = (part.strip() for part in enumerator.partition("="))
            if not re.fullmatch(r"\w+", name):
                continue
            value = int(written, 0) if re.fullmatch(r"-?\w+", written) and written.lstrip("-")[0].isdigit() else value + 1
            found[name] = value
    return found


def read_header(path: Path) -> str:
    """The header's text, and that of the file beside it that holds the error codes in newer versions."""
    codes = path.with_name("onnxruntime_error_code.h")
    return path.read_text() + (codes.read_text() if codes.exists() else "")


def download_header(folder: Path, tried: list[str]) -> Path | None:
    """Unpack Debian's header package below ``folder``; None, with reasons added to ``tried``, where that is not possible."""
    keyring = next((path for path in DEBIAN_KEYRINGS if Path(path).exists()), None)
    if keyring is None or shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        tried.append("Debian's libonnxruntime-dev (needs apt-get, dpkg-deb and debian-archive-keyring)")
        return None
    targets = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI)"], capture_output=True, text=True, check=False).stdout
    mirror = next((uri for uri in targets.split() if uri.rstrip("/").endswith("/debian")), None)
    if mirror is None:
        tried.append("Debian's libonnxruntime-dev (apt knows no Debian mirror)")
        return None
    for suite in DEBIAN_SUITES:
        home = folder / suite
        for name in ("lists/partial", "cache/archives/partial"):
            (home / name).mkdir(parents=True, exist_ok=True)
        (home / "sources.list").write_text(f"deb [signed-by={keyring}] {mirror} {suite} main\n")
        options = {
            "Dir::Etc::SourceList": home / "sources.list",
            "Dir::Etc::SourceParts": "/dev/null",
            "Dir::State::Lists": home / "lists",
            "Dir::Cache": home / "cache",
            "APT::Sandbox::User": getpass.getuser(),
        }
        apt = ["apt-get", "-q", *(word for name, value in options.items() for word in ("-o", f"{name}={value}"))]
        try:
            for command in ([*apt, "update"], [*apt, "download", "libonnxruntime-dev"]):
                subprocess.run(command, cwd=home, capture_output=True, text=True, check=True, timeout=120)
            package = next(home.glob("libonnxruntime-dev_*.deb"))
            subprocess.run(["dpkg-deb", "--extract", package, home / "package"], capture_output=True, text=True, check=True, timeout=60)
            return next((home / "package").rglob(HEADER_NAME))
        except subprocess.CalledProcessError as error:
            tried.append(f"Debian {suite} ({(error.stderr or error.stdout).strip()[-200:]})")
        except (subprocess.TimeoutExpired, StopIteration) as error:
            tried.append(f"Debian {suite} ({type(error).__name__})")
    return None


@pytest.fixture(scope="session")
def header(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Text of an official header; skips, naming all that was tried, where none can be had."""
    if named := os.environ.get("EDGEONNX_ORT_HEADER"):
        return read_header(Path(named))  # a wrong path is the user's mistake and fails
    tried = ["$EDGEONNX_ORT_HEADER (not set)"]
    for folder in INCLUDE_FOLDERS:
        if path := next(Path(folder).glob(f"onnxruntime/**/{HEADER_NAME}"), None) or next(Path(folder).glob(HEADER_NAME), None):
            return read_header(path)
        tried.append(folder)
    cache: pytest.Cache | None = getattr(request.config, "cache", None)  # absent under -p no:cacheprovider
    cached = cache.mkdir("onnxruntime-header") / HEADER_NAME if cache else None
    if cached and cached.exists():
        return cached.read_text()
    downloaded = download_header(tmp_path_factory.mktemp("libonnxruntime-dev"), tried)
    if downloaded is None:
        pytest.skip(f"no {HEADER_NAME} to compare with; tried {', '.join(tried)}")
    text = read_header(downloaded)
    if cached:
        cached.write_text(text)
    return text


@pytest.fixture(scope="session")
def header_version(header: str) -> int:
    """ORT_API_VERSION of the header."""
    found = re.search(r"#define ORT_API_VERSION (\d+)", header)
    assert found
    return int(found[1])


@pytest.fixture(scope="session")
def header_slots(header: str) -> list[Slot]:
    """Members of the header's OrtApi, in order."""
    return read_header_slots(header)


OUR_TABLE = read_our_table()


def test_abi_table_rows_are_all_read() -> None:
    text = (CPP / "ort" / "abi.h").read_text()
    assert len(OUR_TABLE) == len(re.findall(r"^  X\(", text, flags=re.M)) > 50
    assert len({slot.name for slot in OUR_TABLE.values()}) == len(OUR_TABLE)


@pytest.mark.parametrize(("number", "slot"), OUR_TABLE.items(), ids=[slot.name for slot in OUR_TABLE.values()])
def test_abi_slot_since_is_the_first_version_that_has_it(number: int, slot: Slot) -> None:
    assert slot.since == min(version for version, last in LAST_SLOT.items() if number <= last)


def test_official_header_ends_at_the_last_slot_of_its_version(header_slots: list[Slot], header_version: int) -> None:
    assert len(header_slots) - 1 == LAST_SLOT[max(version for version in LAST_SLOT if version <= header_version)]


@pytest.mark.parametrize(("number", "slot"), OUR_TABLE.items(), ids=[slot.name for slot in OUR_TABLE.values()])
def test_abi_slot_equals_the_official_header(number: int, slot: Slot, header_slots: list[Slot], header_version: int) -> None:
    if number >= len(header_slots):
        assert slot.since is not None
        assert slot.since > header_version, "the header should have this slot"
        pytest.skip(f"slot {number} came with 1.{slot.since}; the header is of 1.{header_version}")
    official = header_slots[number]
    assert (slot.name, slot.returns, slot.parameters) == (official.name, official.returns, official.parameters)
    assert official.since in (None, slot.since)


def test_abi_enumerators_equal_the_official_header(header: str) -> None:
    official = read_enumerators(header)
    ours = read_enumerators((CPP / "ort" / "abi.h").read_text())
    assert ours == {name: official[name] for name in ours}
    assert len(ours) >= 10


def test_element_types_equal_the_official_header(header: str) -> None:
    official = read_enumerators(header)
    ours = read_enumerators((CPP / "base" / "type.h").read_text())
    compared = {name: value for name, value in ours.items() if value < 256}  # above: types that ONNX does not have
    assert compared == {name: official[f"ONNX_TENSOR_ELEMENT_DATA_TYPE_{name[1:].upper()}"] for name in compared}
    assert len(compared) == 17
