"""Training learns, repeats itself to the byte, survives a kill, and touches no one it must not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from benchmark.methods.checkpoint import RECORD_FILE, WEIGHTS_FILE, load_checkpoint
from benchmark.methods.temporal_cnn import TemporalCnn
from benchmark.methods.train_options import Augmentation, LossOptions, TrainOptions
from benchmark.protocols.schema import Protocol
from benchmark.training.distributed import TrainingProcesses
from benchmark.training.loop import Training, train
from benchmark.training.selection import ValidationSet
from benchmark.training.state import LOG_FILE, STATE_FILE
from benchmark.windows.window_set import WindowSet, read_windows
from nvfair_tools.cli import cli as command
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError
from tests.benchmark.small_world import World, make

PROTOCOL = Protocol(name="test", time={"window": 71, "stride": 20})
OPTIONS = TrainOptions(
    generators=("alpha",),
    windows=320,
    batch=16,
    drivers=3,
    width=16,
    embedding=8,
    validate_every=80,
    learning_rate=1e-3,
)


@pytest.mark.parametrize("signature", [1.0, 0.0])
def test_training_learns_people_it_has_not_seen_only_where_they_move_differently(
    tmp_path: Path, signature: float
) -> None:
    data = make(tmp_path / "data", World(people=(6, 4, 2), clips=4, generators=("alpha",), signature=signature))
    options = replace(OPTIONS, input="distances-centred", windows=768, batch=32, validate_every=192, width=32)
    checkpoint = train(data, tmp_path / "run", options, PROTOCOL)
    log = pd.read_csv(tmp_path / "run" / LOG_FILE)
    assert log["loss"].iloc[-1] < log["loss"].iloc[0]
    value = checkpoint.selection["validation_auc"]
    assert value == pytest.approx(log["validation_auc"].max(), abs=1e-6)
    assert checkpoint.selection["step"] == log["step"][log["validation_auc"].idxmax()]
    assert value > 0.7 if signature else value < 0.6


def test_equal_runs_write_equal_bytes_and_seeds_matter(small: Dataset, tmp_path: Path) -> None:
    for name, options in (("a", OPTIONS), ("b", OPTIONS), ("c", replace(OPTIONS, seed=1))):
        train(small, tmp_path / name, options, PROTOCOL, name="same")
    for file in (RECORD_FILE, WEIGHTS_FILE):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    assert (tmp_path / "a" / WEIGHTS_FILE).read_bytes() != (tmp_path / "c" / WEIGHTS_FILE).read_bytes()


def test_a_folder_a_protocol_file_and_keywords_do_as_well_as_values(small: Dataset, tmp_path: Path) -> None:
    (tmp_path / "test.json").write_text(PROTOCOL.to_json())
    by_values = train(small, tmp_path / "values", OPTIONS, PROTOCOL, name="same")
    keywords = {key: value for key, value in vars(OPTIONS).items() if value != vars(TrainOptions(()))[key]}
    by_names = train(
        str(small.folder), str(tmp_path / "names"), protocol=tmp_path / "test.json", name="same", **keywords
    )
    assert by_names.options == by_values.options
    assert by_names.protocol == PROTOCOL
    for file in (RECORD_FILE, WEIGHTS_FILE):
        assert (tmp_path / "names" / file).read_bytes() == (tmp_path / "values" / file).read_bytes()
    with pytest.raises(NvfairError, match="both options and generators, batch are given"):
        train(small, tmp_path / "both", OPTIONS, PROTOCOL, generators="alpha", batch=8)


def test_the_record_says_who_and_what_was_touched(small: Dataset, tmp_path: Path) -> None:
    train(small, tmp_path / "run", OPTIONS, PROTOCOL)
    record = json.loads((tmp_path / "run" / RECORD_FILE).read_text())
    split = small.identities.groupby("split")["identity"].apply(sorted)
    assert record["people"]["train"] == {"drivers": split["train"], "targets": split["train"]}
    assert record["people"]["validation"] == {"drivers": split["validation"], "targets": split["validation"]}
    assert record["people"]["held_out"] == split["test"]
    assert record["generators"] == {"train": ["alpha"], "selection": ["alpha"]}
    loaded = load_checkpoint(tmp_path / "run")
    assert loaded.protocol == PROTOCOL
    assert loaded.network.shape.features == 7875
    assert not (tmp_path / "run" / STATE_FILE).exists()


GRAPH = replace(
    OPTIONS,
    method="graph-network",
    sizes={"hidden": 8, "embedding": 8},
    optimiser="adam",
    loss=LossOptions(kind="triplet", negatives="any"),
)
EVERYTHING = replace(
    OPTIONS,
    accumulate=2,
    precision="bfloat16",
    loss=LossOptions(kind="supcon"),
    augmentation=Augmentation.named("re-rendering", noise=0.002, speed=0.1, mirror=0.5),
    patience=9,
)
RUNS = {"plain": OPTIONS, "graph": GRAPH, "everything": EVERYTHING}
_CHILD = """
import sys, time
from pathlib import Path
import benchmark.training.loop as module
from nvfair_tools.dataset import Dataset
from tests.benchmark.training.test_loop import PROTOCOL, RUNS
def slow(done, total, text):
    print(done, flush=True)
    time.sleep(0.2)
options = RUNS[sys.argv[3]]
module.train(Dataset.open(sys.argv[1]), Path(sys.argv[2]), options, PROTOCOL, name="same", progress=slow)
"""


@pytest.fixture(scope="module")
def meshes(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return make(tmp_path_factory.mktemp("meshes"), World(mesh=True))


@pytest.fixture
def one_thread() -> Iterator[None]:
    """One thread, as in the processes that a test starts: sums over other numbers of threads may differ in bits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize(
    "kind", ["everything", *(pytest.param(kind, marks=pytest.mark.soak) for kind in ("graph", "plain"))]
)
def test_a_killed_run_goes_on_to_the_same_bytes(meshes: Dataset, tmp_path: Path, kind: str, one_thread: None) -> None:
    root = Path(__file__).resolve().parents[3]
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(meshes.folder), str(tmp_path / "killed"), kind],
        cwd=root,
        stdout=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    limit = time.monotonic() + 1200
    while not (tmp_path / "killed" / STATE_FILE).exists() and time.monotonic() < limit and child.poll() is None:
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert child.returncode == -signal.SIGKILL, "the run ended before it could be killed"
    assert not (tmp_path / "killed" / RECORD_FILE).exists()
    for name in ("killed", "whole"):
        train(meshes, tmp_path / name, RUNS[kind], PROTOCOL, name="same")
    for file in (RECORD_FILE, WEIGHTS_FILE):
        assert (tmp_path / "killed" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()
    logs = [pd.read_csv(tmp_path / name / LOG_FILE).drop(columns="seconds") for name in ("killed", "whole")]
    pd.testing.assert_frame_equal(*logs)


def test_two_processes_take_the_steps_of_one(small: Dataset, tmp_path: Path, one_thread: None) -> None:
    """Each of them takes two of a step's four batches; sums of gradients differ in their order, and so in last bits.

    Such a bit can switch a single unit on or off, which moves a few weights by up to 8e-5 and a tensor's mean by 3e-6.
    Where two of the four batches are lost, every tensor moves by 7e-5 or more in the mean.
    """
    options = "-g alpha --windows 512 --batch 16 --drivers 3 --accumulate 4 --width 16 --embedding 8 --device cpu"
    words = [*options.split(), "--validate-every", "256"]
    both = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--rdzv-backend", "c10d"]
    both += ["--rdzv-endpoint", "localhost:0", "-m", "nvfair_tools"]
    command(["train", str(small.folder), str(tmp_path / "one"), *words], standalone_mode=False)
    subprocess.run(
        [sys.executable, *both, "train", str(small.folder), str(tmp_path / "two"), *words],
        cwd=Path(__file__).resolve().parents[3],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=True,
        capture_output=True,
    )
    item, two = (load_checkpoint(tmp_path / name) for name in ("one", "two"))
    assert item.selection["steps_run"] == 8
    for key, tensor in item.network.state_dict().items():
        assert float((two.network.state_dict()[key] - tensor).abs().mean()) < 1e-5, key
    logs = [pd.read_csv(tmp_path / name / LOG_FILE)["loss"] for name in ("one", "two")]
    np.testing.assert_allclose(*logs, rtol=0, atol=1e-4)


def test_batches_that_processes_cannot_share_are_refused() -> None:
    alone = TrainingProcesses("cpu")
    assert list(alone.batch_share(3)) == [0, 1, 2]
    alone.count = 2
    with pytest.raises(NvfairError, match="--accumulate 2"):
        alone.batch_share(3)


def test_accumulated_gradients_are_the_mean_over_batches(small: Dataset, tmp_path: Path) -> None:
    """One step of plain gradient descent over two batches goes where the mean of their two steps goes."""
    options = replace(OPTIONS, windows=32, accumulate=2, dropout=0.0, validate_every=32)
    windows, validation = read_for_training(small, options)
    grads = []
    for share in ([0], [1], [0, 1]):
        training = Training(windows, validation, options, tmp_path)
        training.batch_share = range(share[0], share[-1] + 1)
        training.step(0.0)
        grads.append({name: p.grad.clone() for name, p in training.network.named_parameters()})
    for name, both in grads[2].items():
        torch.testing.assert_close(both, (grads[0][name] + grads[1][name]) / 2, atol=1e-6, rtol=1e-4)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("kind", list(RUNS))
def test_the_host_never_waits_for_the_gpu_within_a_step(meshes: Dataset, tmp_path: Path, kind: str) -> None:
    options = RUNS[kind]
    training = Training(
        *read_for_training(meshes, options), options, tmp_path, TrainingProcesses("cuda"), frame_placement="stream"
    )
    training.step(1e-3)
    torch.cuda.set_sync_debug_mode("error")
    try:
        training.step(1e-3)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("kind", list(RUNS))
def test_equal_runs_on_a_gpu_write_equal_bytes_wherever_frames_are_kept(
    meshes: Dataset, tmp_path: Path, kind: str
) -> None:
    for placement in ("device", "stream"):
        train(meshes, tmp_path / placement, RUNS[kind], PROTOCOL, device="cuda", name="same", frame_placement=placement)
    for file in (RECORD_FILE, WEIGHTS_FILE):
        assert (tmp_path / "device" / file).read_bytes() == (tmp_path / "stream" / file).read_bytes()


def read_for_training(data: Dataset, options: TrainOptions) -> tuple[WindowSet, ValidationSet]:
    mesh = options.method == "graph-network"
    chosen = data.videos.query("split == 'train' and generator == 'alpha'")["video"]
    return read_windows(data, PROTOCOL, videos=chosen, mesh=mesh), ValidationSet.read(
        data, PROTOCOL, options, mesh=mesh
    )


def test_running_again_is_done_at_once_and_other_options_are_refused(small: Dataset, tmp_path: Path) -> None:
    train(small, tmp_path, OPTIONS, PROTOCOL)
    before = (tmp_path / WEIGHTS_FILE).stat().st_mtime_ns
    train(small, tmp_path, OPTIONS, PROTOCOL)
    assert (tmp_path / WEIGHTS_FILE).stat().st_mtime_ns == before
    with pytest.raises(NvfairError, match="other options"):
        train(small, tmp_path, replace(OPTIONS, seed=5), PROTOCOL)


def test_early_stopping_ends_before_the_budget(small: Dataset, tmp_path: Path) -> None:
    options = replace(OPTIONS, learning_rate=0.0, patience=1)
    checkpoint = train(small, tmp_path, options, PROTOCOL)
    assert checkpoint.selection["steps_run"] == 2 * options.validation_steps < options.steps


def test_gains_below_the_least_gain_end_a_training(small: Dataset, tmp_path: Path) -> None:
    options = replace(OPTIONS, patience=1, least_gain=1.0)
    checkpoint = train(small, tmp_path, options, PROTOCOL)
    assert checkpoint.selection["steps_run"] == 2 * options.validation_steps < options.steps
    assert checkpoint.options["least_gain"] == 1.0
    assert "least_gain" not in OPTIONS.to_json()
    with pytest.raises(NvfairError, match=r"least_gain is -0\.1"):
        replace(OPTIONS, least_gain=-0.1)


@pytest.mark.parametrize("kind", ["triplet", "supcon"])
def test_other_losses_train_and_are_recorded(small: Dataset, tmp_path: Path, kind: str) -> None:
    options = replace(OPTIONS, loss=LossOptions(kind=kind), windows=160)
    checkpoint = train(small, tmp_path, options, PROTOCOL)
    assert checkpoint.options["loss"]["kind"] == kind
    assert pd.read_csv(tmp_path / LOG_FILE)["loss"].between(0, 20).all()


def test_windows_are_shuffled_only_where_order_can_matter(
    small: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []
    forward = TemporalCnn.forward

    def watched(self, points, order=None):
        if self.training:
            seen.append(order is not None)
        return forward(self, points, order)

    monkeypatch.setattr(TemporalCnn, "forward", watched)
    for name, changes, shuffled in (
        ("plain", {}, True),
        ("none", {"loss": LossOptions(shuffle_weight=0.0)}, False),
        ("still", {"input": "still"}, False),
        ("supcon", {"loss": LossOptions(kind="supcon")}, False),
    ):
        seen.clear()
        train(small, tmp_path / name, replace(OPTIONS, windows=32, **changes), PROTOCOL)
        assert seen == [shuffled] * 2, name


@pytest.mark.parametrize("kind", ["coordinates", "coordinates-normalised", "distances-centred", "still", "deltas"])
def test_every_input_trains_and_keeps_its_own_statistics(small: Dataset, tmp_path: Path, kind: str) -> None:
    checkpoint = train(small, tmp_path, replace(OPTIONS, input=kind, windows=80), PROTOCOL)
    assert checkpoint.feature["input"] == kind
    scale = checkpoint.network.inverse_deviation
    assert np.isfinite(scale.numpy()).all()
    assert not (scale == 1).all()


def test_a_person_in_two_splits_is_refused(small: Dataset, tmp_path: Path) -> None:
    videos = small.videos.copy()
    tester = sorted(videos.loc[videos["split"] == "test", "driver"])[0]
    videos.loc[(videos["driver"] == tester) & (videos["target"] == tester), "split"] = "train"
    with pytest.raises(NvfairError, match=f"in training and in test: {tester}"):
        train(replace(small, videos=videos), tmp_path, OPTIONS, PROTOCOL)


def test_unknown_generators_are_named_with_those_there_are(small: Dataset, tmp_path: Path) -> None:
    with pytest.raises(NvfairError, match=r"'gamma'(.|\n)*alpha, beta"):
        train(small, tmp_path, replace(OPTIONS, generators=("gamma",)), PROTOCOL)
