"""A PostgreSQL server of the tests' own, with the extension installed, that touches nothing of the system's.

The server finds its share folder relative to its own binary: the binaries are copied into a folder of ours, links lead from there to
the rest, and `make install DESTDIR=...` adds the extension.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
from typing import Any

import onnxruntime
import psycopg

import edgeonnx as eo
from faces import lacking

ADAPTER = pathlib.Path(__file__).parent.parent / "cpp" / "adapters" / "postgres"
OLDEST = 15


def pg_config() -> pathlib.Path | None:
    """Of the newest server whose headers are installed too."""
    found = []
    for candidate in pathlib.Path("/usr/lib/postgresql").glob("*/bin/pg_config"):
        version = int(candidate.parent.parent.name)
        pgxs = subprocess.run([candidate, "--pgxs"], capture_output=True, text=True, check=True).stdout.strip()
        if version >= OLDEST and (candidate.parent / "initdb").exists() and pathlib.Path(pgxs).exists():
            found.append((version, candidate))
    return max(found)[1] if found else None


def builder() -> pathlib.Path:
    """The same, where the extension can be built for that server; skips the test elsewhere."""
    if not ADAPTER.exists() or shutil.which("make") is None or shutil.which("cc") is None:
        lacking("needs the sources of the PostgreSQL extension, make and cc")
    config = pg_config()
    if config is None:
        lacking(f"needs PostgreSQL {OLDEST} or newer with its headers (postgresql-15, postgresql-server-dev-15)")
    return config


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def link_all(source: pathlib.Path, target: pathlib.Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for entry in source.iterdir():
        (target / entry.name).symlink_to(entry)


class Server:
    """Installed, initialised and started; `close` stops it and removes everything."""

    def __init__(self) -> None:
        config = builder()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="edgeonnx-postgres-"))
        self.folder.chmod(0o755)
        # initdb refuses root.
        self._as_user: dict[str, Any] = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
        try:
            self._install(config)
            self._start()
        except BaseException:
            self.close()
            raise

    def _install(self, config: pathlib.Path) -> None:
        def folder(which: str) -> pathlib.Path:
            return pathlib.Path(subprocess.run([config, f"--{which}dir"], capture_output=True, text=True, check=True).stdout.strip())

        root = self.folder / "root"
        self.bin = root / folder("bin").relative_to("/")
        self.bin.mkdir(parents=True)
        for program in ("postgres", "initdb", "pg_ctl", "pg_dump"):
            shutil.copy(folder("bin") / program, self.bin)
        link_all(folder("pkglib"), root / folder("pkglib").relative_to("/"))
        share = root / folder("share").relative_to("/")
        link_all(folder("share"), share)
        (share / "extension").unlink()
        link_all(folder("share") / "extension", share / "extension")
        # The user postgres may not be let into the folder that Python has its packages in.
        prefix = self.folder / "edgeonnx"
        shutil.copytree(eo.get_include(), prefix / "include")
        (prefix / "lib").mkdir()
        shutil.copy(eo.get_library(), prefix / "lib")
        (ort,) = (pathlib.Path(onnxruntime.__file__).parent / "capi").glob("libonnxruntime.so.*")
        self.ort = pathlib.Path(shutil.copy(ort, prefix / "lib"))
        source = self.folder / "source"
        shutil.copytree(ADAPTER, source, ignore=shutil.ignore_patterns("*.o", "*.so", "*.bc"))
        make = ["make", "-C", str(source), f"PG_CONFIG={config}", f"EDGEONNX_PREFIX={prefix}", f"DESTDIR={root}", "COPT=-Werror", "install"]
        built = subprocess.run(make, capture_output=True, text=True)
        assert built.returncode == 0, built.stdout + built.stderr

    def _start(self) -> None:
        home = self.folder / "home"
        home.mkdir()
        if self._as_user:
            shutil.chown(home, "postgres", "postgres")
        self.data = home / "data"
        self.port = free_port()
        self._run("initdb", "-D", self.data, "-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8", "--locale=C")
        options = f"-c listen_addresses=127.0.0.1 -p {self.port} -k {home} -c fsync=off -c log_min_messages=warning"
        self._run("pg_ctl", "-D", self.data, "-w", "-l", home / "log", "-o", options, "start")

    def _run(self, program: str, *arguments: Any) -> str:
        environment = {**os.environ, "EDGEONNX_ORT_LIBRARY": str(self.ort), "ORT_DISABLE_TELEMETRY": "1"}
        # Not a pipe: the server keeps what it inherits.
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(
                [self.bin / program, *map(str, arguments)], cwd="/", env=environment, stdout=output, stderr=output, **self._as_user
            )
            output.seek(0)
            text = output.read()
        assert done.returncode == 0, text
        return text

    def connect(self, **how: Any) -> psycopg.Connection[Any]:
        how = {"dbname": "postgres", "user": "postgres", **how}
        return psycopg.connect(host="127.0.0.1", port=self.port, autocommit=True, **how)

    def dump(self, *arguments: str) -> str:
        return self._run("pg_dump", "-h", "127.0.0.1", "-p", self.port, "-U", "postgres", *arguments)

    def log(self) -> str:
        return (self.folder / "home" / "log").read_text(encoding="utf-8", errors="replace")

    def close(self) -> None:
        if (getattr(self, "data", self.folder) / "postmaster.pid").exists():
            with contextlib.suppress(AssertionError):
                self._run("pg_ctl", "-D", self.data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)
