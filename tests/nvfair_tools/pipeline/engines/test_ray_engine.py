"""The engine on a real Ray cluster of which workers and a machine (as Ray counts them) are killed."""

import os
import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from nvfair_tools.curate.build import build
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.pipeline.engines.engine import Batch
from nvfair_tools.pipeline.engines.local import LocalEngine
from nvfair_tools.pipeline.engines.ray_cluster import LOCAL_ENVIRONMENT, RayCluster
from nvfair_tools.pipeline.engines.ray_engine import RayEngine
from nvfair_tools.pipeline.items import ItemResult, ok
from nvfair_tools.pipeline.progress import Silent
from tests.mediapipe_here import skip_without_landmarker
from tests.nvfair_tools.pipeline.engines.test_local import (
    Troublemaker,
    Unmakeable,
    is_asleep,
    singles,
    sleeping_child,
)
from tests.nvfair_tools.small_build import file_hashes, write_recipe, write_sources
from tests.waiting import wait_until

pytest.importorskip("ray", reason="Ray is not installed: pip install 'nvfair-tools[ray]'")


@pytest.fixture(scope="module")
def ray_cluster():
    """A running cluster, as somebody else would have started it: a head with two cores and a GPU, which is none."""
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 2, "num_gpus": 1, "object_store_memory": 80 << 20, "include_dashboard": False}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in LOCAL_ENVIRONMENT.items():
            patch.setenv(name, value)
        patch.setenv("RAY_worker_niceness", "0")  # else a worker waits for all else that a busy machine does
        cluster = Cluster(initialize_head=True, head_node_args=head)
        yield cluster
        cluster.shutdown()


@pytest.fixture(scope="module")
def engine(ray_cluster, tmp_path_factory):
    with RayEngine(RayCluster(ray_cluster.address, tmp_path_factory.mktemp("shared"))) as engine:
        yield engine


class Fatal:
    """Kills the Ray worker that keeps its process, and so itself: always, or once (where its marker is missing)."""

    def prepare(self, shared: Path) -> Path:
        return shared

    def run(self, marker: Path, payload: str) -> ItemResult:
        if payload == "always" or (payload == "once" and not marker.exists()):
            marker.touch()
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(60)
        if payload == "slow":
            time.sleep(0.2)
        raylet = Path(f"/proc/{os.getppid()}/stat").read_text().rpartition(")")[2].split()[1]
        return ok(raylet=int(raylet), gpu=os.environ.get("CUDA_VISIBLE_DEVICES"), pid=os.getpid())


def ended(engine, factory, batches, time_limit=60.0) -> dict[str, ItemResult]:
    outcomes = list(engine.run(factory, batches, time_limit=time_limit))
    results = dict(outcomes)
    assert len(results) == len(outcomes), "an item was reported twice"
    return results


def test_items_end_as_on_the_local_engine_however_they_end(engine):
    trouble = singles("good", "kill", "exit", "raise", "users", "io", "good")
    trouble += [Batch((("a", "good"), ("b", "segfault"), ("c", "good")), shared="fine")]
    trouble += [Batch((("d", "good"), ("e", "good")), shared="raise"), Batch(())]
    here, there = (ended(engine, Troublemaker, trouble) for engine in (LocalEngine(1), engine))
    assert {id: (r.state, r.reason, r.detail, r.retryable) for id, r in there.items()} == {
        id: (r.state, r.reason, r.detail, r.retryable) for id, r in here.items()
    }
    assert sum(result.reason == "worker_crashed" for result in there.values()) == 3
    assert there["0:good"].facts["threads"] == ["1"]


def test_an_overdue_items_own_programs_end_with_it(engine):
    item = sleeping_child()
    (result,) = ended(replace(engine, workers=1), Troublemaker, singles(item), time_limit=1.0).values()
    assert result.reason == "time_limit"
    wait_until(lambda: not is_asleep(item), 60)


def test_a_killed_ray_worker_loses_nothing_and_an_item_that_takes_two_with_it_is_given_up(engine, tmp_path):
    batches = [
        Batch((("a", ""), ("b", "once"), ("c", "")), tmp_path / "once"),
        Batch((("d", ""), ("e", "always"), ("f", "")), tmp_path / "always"),
    ]
    results = ended(replace(engine, workers=1), Fatal, batches)
    assert (tmp_path / "once").exists()
    assert {id: result.reason for id, result in results.items()} == dict.fromkeys("abcdf", "") | {"e": "worker_crashed"}
    assert results["e"].retryable
    assert "2 workers were lost during it" in results["e"].detail


def test_a_killed_machine_loses_nothing_and_the_rest_goes_on(ray_cluster, engine, tmp_path):
    doomed = ray_cluster.add_node(num_cpus=1, object_store_memory=80 << 20)
    ray_cluster.wait_for_nodes()
    raylet = doomed.all_processes["raylet"][0].process.pid
    batches = [Batch(tuple((f"{number}-{n}", "slow") for n in range(4)), tmp_path) for number in range(12)]
    results = {}
    for id, result in engine.run(Fatal, batches, time_limit=60.0):
        assert id not in results
        results[id] = result
        if result.facts["raylet"] == raylet and doomed in ray_cluster.worker_nodes:
            ray_cluster.remove_node(doomed, allow_graceful=False)
    assert doomed not in ray_cluster.worker_nodes, "no item had run on the machine that was to be killed"
    assert {id: result.state for id, result in results.items()} == {
        f"{number}-{n}": "ok" for number in range(12) for n in range(4)
    }


def test_workers_share_a_gpu_where_the_stage_uses_it_and_see_none_elsewhere(engine, tmp_path):
    batches = [Batch(((f"{n}", "slow"),), tmp_path) for n in range(8)]
    halves = replace(engine, gpus_per_worker=0.5, uses_gpus=True)
    assert halves.most_workers() == 2
    assert {result.facts["gpu"] for result in ended(halves, Fatal, batches).values()} == {"0"}
    assert replace(halves, gpus_per_worker=None).most_workers() == 1
    assert {result.facts["gpu"] for result in ended(engine, Fatal, batches[:1]).values()} <= {"", None}


def test_what_no_machine_offers_is_said_before_anything_runs(engine):
    greedy = replace(engine, gpus_per_worker=2, uses_gpus=True)
    with pytest.raises(NvfairError, match=r"2 CPU, 1 GPU.*: no machine .* has the 1 CPU and 2 GPU of a worker"):
        ended(greedy, Troublemaker, singles("good"))


def test_a_worker_that_cannot_be_made_is_the_users_error_and_names_the_machine(engine):
    with pytest.raises(NvfairError, match=r"machine \S+: weights are missing"):
        ended(engine, Unmakeable, singles("good"))


class KillsOneWorker(Silent):
    """Kills a Ray worker when the first video is rendered."""

    killed = 0

    def begin_stage(self, stage: str, total: int, finished: int) -> None:
        self.stage = stage

    def end_item(self, result: ItemResult) -> None:
        if self.stage.startswith("render ") and not self.killed:
            programs = psutil.Process().children(recursive=True)
            keepers = [process for process in programs if "ray::Keeper" in process.name()]
            self.killed = len(keepers)
            keepers[0].kill()


def test_a_build_of_which_a_ray_worker_is_killed_makes_the_same_files_as_a_local_one(engine, tmp_path):
    skip_without_landmarker()
    write_recipe(tmp_path / "here" / "r.yaml", write_sources(tmp_path, clips=3), workers=0)
    build(tmp_path / "here" / "r.yaml", until="plan", reporter=Silent())
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    build(tmp_path / "here" / "r.yaml", reporter=Silent())
    reporter = KillsOneWorker()
    outcome = build(tmp_path / "there" / "r.yaml", reporter=reporter, engine=engine)
    assert reporter.killed
    assert set(zip(outcome.counts()["state"], outcome.counts()["reason"], strict=True)) == {("ok", "")}
    there = file_hashes(tmp_path / "there" / "dataset")
    assert there == file_hashes(tmp_path / "here" / "dataset")
    assert sum("-generated/" in path for path in there) == 8
    assert any(path.endswith(".parquet") for path in there)


def test_closing_the_run_stops_its_workers(engine):
    stream = engine.run(Troublemaker, singles("good", "loop", "loop"), time_limit=60.0)
    _, result = next(stream)
    stream.close()
    with pytest.raises(ProcessLookupError):
        os.kill(result.facts["pid"], 0)


def test_the_cluster_outlives_the_connection_and_every_machine_that_lacks_a_file_is_named(ray_cluster, engine):
    import ray

    engine.__exit__()
    try:
        assert not ray.is_initialized()
        assert not list(engine.cluster.folder.iterdir()), "the file by which machines were checked is gone"
        with (
            RayCluster(ray_cluster.address, files=(Path("/etc"), Path("/weights.pt"))) as cluster,
            pytest.raises(Problems, match=r"1 problem\n.*machine \S+ \([\d.]+\): it does not see /weights.pt"),
        ):
            cluster.connect()
    finally:
        engine.__enter__()
    assert ended(engine, Troublemaker, singles("good"))["0:good"].state == "ok"
