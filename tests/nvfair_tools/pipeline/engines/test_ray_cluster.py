"""Connections to a Ray cluster, and what a machine must have to take part."""

import contextlib
import os
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest

from nvfair_tools.errors import MissingExtra, NvfairError
from nvfair_tools.pipeline.engines.ray_cluster import RayCluster, worker_slots
from nvfair_tools.pipeline.engines.ray_node import MachineNeeds, installed_versions, machine_problems
from tests.waiting import wait_until


@pytest.mark.parametrize(
    ("resources", "cpus", "gpus", "slots"),
    [
        ({"CPU": 8.0}, 1.0, 0.0, 8),
        ({"CPU": 8.0}, 3.0, 0.0, 2),
        ({"CPU": 2.0}, 0.1, 0.0, 20),
        ({"CPU": 8.0}, 1.0, 0.5, 0),
        ({"CPU": 32.0, "GPU": 8.0}, 1.0, 0.25, 32),
        ({"CPU": 16.0, "GPU": 8.0}, 1.0, 0.25, 16),
        ({"CPU": 32.0, "GPU": 2.0}, 1.0, 0.4, 4),  # two on each: no worker has a part of either
        ({"CPU": 32.0, "GPU": 3.0}, 1.0, 2.0, 1),
        ({"GPU": 8.0}, 1.0, 1.0, 0),
    ],
)
def test_workers_fit_on_a_machine_by_cores_and_by_parts_of_single_gpus(resources, cpus, gpus, slots):
    assert worker_slots(resources, cpus, gpus) == slots


def test_a_machine_that_has_everything_lacks_nothing(tmp_path):
    (tmp_path / "token").write_text("7")
    needs = MachineNeeds((tmp_path / "token", "7"), (tmp_path,), installed_versions())
    assert machine_problems(needs)[1] == []


def test_all_that_a_machine_lacks_is_said_at_once(tmp_path):
    (tmp_path / "token").write_text("of another disk")
    versions = installed_versions() | {"numpy": "0.1", "nvfair_tools' source": "abc"}
    needs = MachineNeeds((tmp_path / "token", "7"), (tmp_path / "clips.csv",), versions)
    name, problems = machine_problems(needs, patience=0.0)
    assert name == os.uname().nodename
    folder, file, source, numpy = problems
    assert f"does not see what the main process writes in {tmp_path}" in folder
    assert file == f"it does not see {tmp_path / 'clips.csv'}"
    assert source.endswith("there, but abc in the main process")
    assert numpy == f"numpy is {version('numpy')} there, but 0.1 in the main process"


def test_a_shared_file_that_shows_late_is_waited_for(tmp_path):
    path = tmp_path / "token"
    writer = os.fork()
    if writer == 0:
        time.sleep(0.5)
        path.write_text("7")
        os._exit(0)
    assert machine_problems(MachineNeeds((path, "7")), patience=30.0)[1] == []
    os.waitpid(writer, 0)


@pytest.mark.parametrize("address", ["ray://head:10001", "127.0.0.1:1", "head", "127.0.0.1:99999999"])
def test_an_address_that_cannot_be_used_is_the_users_error(address):
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'nvfair-tools[ray]'")
    with RayCluster(address) as cluster, pytest.raises(NvfairError, match=r"expected: auto, HOST:PORT[^$]*to fix it: "):
        cluster.connect()


def test_a_missing_package_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with RayCluster("local") as cluster, pytest.raises(MissingExtra, match=r"nvfair-tools\[ray\]"):
        cluster.connect()


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc to look for processes")
def test_a_cluster_of_this_machine_ends_with_the_connection(tmp_path):
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'nvfair-tools[ray]'")
    before = children()
    with RayCluster("local", tmp_path, cpus=3) as cluster:
        cluster.connect()
        assert cluster.slots(1.0, 0.0) == 3
        started = {pid: line for pid, line in children().items() if pid not in before}
        assert any(b"raylet" in line for line in started.values())
    wait_until(lambda: not started.keys() & children().keys(), 60)


def children() -> dict[int, bytes]:
    """{pid: command line} of the programs that this process started and that run."""
    lines = {}
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            pid = int(folder.name)
            status = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(status[1]) == os.getpid() and status[0] != "Z":
                lines[pid] = (folder / "cmdline").read_bytes()
    return lines
