"""How many threads a score call gets: affinity, the cgroup quota, one override."""

from __future__ import annotations

import os
import pathlib
import shutil
import uuid
from collections.abc import Iterator

import numpy as np
import pytest

import edgeonnx as eo
import models
from support import refused, run_python

DEFAULT = "import edgeonnx as eo; print(eo.build_info()['default_threads'])"
N_CPUS = len(os.sched_getaffinity(0))


def default_threads(*prefix: str, **env: str) -> int:
    return int(run_python(DEFAULT, prefix=prefix, env={"EDGEONNX_THREADS": "", **env}).stdout)


def test_default_threads_never_exceed_the_affinity() -> None:
    assert 1 <= default_threads() <= N_CPUS


@pytest.mark.skipif(shutil.which("taskset") is None, reason="needs taskset (util-linux)")
def test_default_threads_follow_taskset() -> None:
    cpu = str(min(os.sched_getaffinity(0)))
    assert default_threads("taskset", "-c", cpu) == 1


def test_default_threads_override_goes_before_all_else() -> None:
    assert default_threads(EDGEONNX_THREADS="7") == 7
    assert default_threads(EDGEONNX_THREADS="1") == 1


@pytest.mark.parametrize("value", ["many", "0", "-3", "2x"])
def test_default_threads_override_that_is_no_count_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEONNX_THREADS", value)
    with refused(eo.InvalidArgument, "EDGEONNX_THREADS", f"'{value}'", "unset it"):
        eo.Scorer(models.affine())
    assert eo.Scorer(models.affine(), threads=2).score(dict.fromkeys("abc", np.float32([1])))["total"].tolist() == [7]


def cpu_controller() -> tuple[pathlib.Path, int] | None:
    """The cgroup of the cpu controller that this process is in, and the version of its hierarchy."""
    groups = [line.split(":", 2) for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines()]
    mounts = [line.split() for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()]
    for mount in mounts:
        kind = mount[mount.index("-") + 1]
        options = mount[-1].split(",")
        for _, controllers, path in groups:
            folder = pathlib.Path(mount[4]) / path.lstrip("/")
            if kind == "cgroup" and "cpu" in options and "cpu" in controllers.split(","):
                return folder, 1
            handed_down = folder / "cgroup.subtree_control"
            if kind == "cgroup2" and controllers == "" and handed_down.exists() and "cpu" in handed_down.read_text().split():
                return folder, 2
    return None


@pytest.fixture
def cgroup() -> Iterator[tuple[pathlib.Path, int]]:
    """A fresh cgroup with the cpu controller, or a skip that says why there is none."""
    found = cpu_controller()
    if found is None:
        pytest.skip("no cgroup hierarchy with the cpu controller is mounted for this process")
    parent, version = found
    group = parent / f"edgeonnx-test-{uuid.uuid4().hex}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no cgroup can be made here: {error}")
    try:
        yield group, version
    finally:
        for child in group.iterdir():
            if child.is_dir():
                child.rmdir()
        group.rmdir()


def set_quota(group: pathlib.Path, version: int, cpus: float) -> None:
    quota, period = int(cpus * 100_000), 100_000
    if version == 2:
        (group / "cpu.max").write_text(f"{quota} {period}")
    else:
        (group / "cpu.cfs_period_us").write_text(str(period))
        (group / "cpu.cfs_quota_us").write_text(str(quota))


def inside(group: pathlib.Path) -> tuple[str, ...]:
    """A command prefix that moves itself into the group first."""
    return ("sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', str(group))


@pytest.mark.parametrize("cpus", [0.5, 1.0])
def test_default_threads_follow_the_cgroup_quota(cgroup: tuple[pathlib.Path, int], cpus: float) -> None:
    group, version = cgroup
    if N_CPUS < 2:
        pytest.skip("one cpu: a quota cannot lower the count")
    assert default_threads(*inside(group)) == min(N_CPUS, default_threads())
    set_quota(group, version, cpus)
    assert default_threads(*inside(group)) == 1


def test_default_threads_follow_the_quota_of_an_outer_cgroup(cgroup: tuple[pathlib.Path, int]) -> None:
    group, version = cgroup
    if N_CPUS < 2:
        pytest.skip("one cpu: a quota cannot lower the count")
    set_quota(group, version, 1.0)
    inner = group / "inner"
    inner.mkdir()
    assert default_threads(*inside(inner)) == 1


def test_default_threads_quota_above_the_affinity_changes_nothing(cgroup: tuple[pathlib.Path, int]) -> None:
    group, version = cgroup
    set_quota(group, version, N_CPUS + 3.0)
    assert default_threads(*inside(group)) == default_threads()


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_score_uses_no_more_threads_than_asked_for(threads: int) -> None:
    scorer = eo.Scorer(models.deep_network(), threads=threads, morsel_rows=100)
    assert 1 <= scorer.score(np.zeros((3000, 4), np.float32)).report.n_threads <= threads


def test_score_of_several_models_shares_one_pool() -> None:
    """Threads of the process do not add up with the number of scorers."""
    code = """
import sys, threading, pathlib
import numpy as np
import edgeonnx as eo
def n_threads():
    return int(next(line.split()[1] for line in pathlib.Path("/proc/self/status").read_text().splitlines() if line.startswith("Threads:")))
x = np.zeros((5000, 4), np.float32)
scorers = [eo.Scorer(sys.argv[1], threads=3, morsel_rows=100)]
scorers[0].score(x)
one = n_threads()
scorers += [eo.Scorer(sys.argv[1], threads=3, morsel_rows=100) for _ in range(5)]
for scorer in scorers:
    scorer.score(x)
print(one, n_threads())
"""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "model.onnx"
        path.write_bytes(models.deep_network(32, 2))
        one, six = map(int, run_python(code, str(path)).stdout.split())
    assert one == six
