"""Puts DuckDB's two C headers into a folder, and beside them a file `version`: python headers.py FOLDER.

They lie in the source distribution of the duckdb package alone, which pip fetches; nothing of DuckDB is compiled.
"""

import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile

# Any version has the API that the extension is built against. This is the newest that was tried.
PACKAGE = "duckdb==2.0.0"
HEADERS = ("duckdb.h", "duckdb_extension.h")


def fetch(folder: pathlib.Path) -> None:
    """Downloads the archive to a temporary folder and takes the headers out of it."""
    with tempfile.TemporaryDirectory() as downloads:
        # -I: pip, building a wheel, hides what is installed, itself included, from the Python that it starts by setting PYTHONPATH.
        command = [
            sys.executable,
            "-I",
            "-m",
            "pip",
            "download",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--no-binary=duckdb",
        ]
        subprocess.run([*command, f"--dest={downloads}", PACKAGE], check=True)
        (archive,) = pathlib.Path(downloads).glob("duckdb-*.tar.gz")
        folder.mkdir(parents=True, exist_ok=True)
        with tarfile.open(archive) as members:
            for member in members:
                path = pathlib.PurePosixPath(member.name)
                if path.name not in HEADERS or path.parts[1:] != ("external", "duckdb", "src", "include", path.name):
                    continue
                content = members.extractfile(member)
                assert content is not None
                with content, open(folder / path.name, "wb") as header:
                    shutil.copyfileobj(content, header)
        (folder / "version").write_text(PACKAGE.partition("==")[2])


if __name__ == "__main__":
    fetch(pathlib.Path(sys.argv[1]))
