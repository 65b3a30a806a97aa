"""Training learns, repeats itself to the byte, survives a kill, and touches no one it must not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.checkpoint import RECORD, WEIGHTS, load
from benchmark.train import LOG, STATE, train
from benchmark.training_options import TrainOptions
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError
from nvfair_tools.protocol import Protocol
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
    log = pd.read_csv(tmp_path / "run" / LOG)
    assert log["loss"].iloc[-1] < log["loss"].iloc[0]
    value = checkpoint.selection["validation_auc"]
    assert value == pytest.approx(log["validation_auc"].max(), abs=1e-6)
    assert checkpoint.selection["step"] == log["step"][log["validation_auc"].idxmax()]
    assert value > 0.75 if signature else value < 0.6


def test_equal_runs_write_equal_bytes_and_seeds_matter(small: Dataset, tmp_path: Path) -> None:
    for name, options in (("a", OPTIONS), ("b", OPTIONS), ("c", replace(OPTIONS, seed=1))):
        train(small, tmp_path / name, options, PROTOCOL, name="same")
    for file in (RECORD, WEIGHTS):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    assert (tmp_path / "a" / WEIGHTS).read_bytes() != (tmp_path / "c" / WEIGHTS).read_bytes()


def test_the_record_says_who_and_what_was_touched(small: Dataset, tmp_path: Path) -> None:
    train(small, tmp_path / "run", OPTIONS, PROTOCOL)
    record = json.loads((tmp_path / "run" / RECORD).read_text())
    split = small.identities.groupby("split")["identity"].apply(sorted)
    assert record["people"]["train"] == {"drivers": split["train"], "targets": split["train"]}
    assert record["people"]["validation"] == {"drivers": split["validation"], "targets": split["validation"]}
    assert record["people"]["held_out"] == split["test"]
    assert record["generators"] == {"train": ["alpha"], "selection": ["alpha"]}
    loaded = load(tmp_path / "run")
    assert loaded.protocol == PROTOCOL
    assert loaded.network.shape.features == 7875
    assert not (tmp_path / "run" / STATE).exists()


_CHILD = """
import sys, time
from dataclasses import replace
from pathlib import Path
import benchmark.train as module
from nvfair_tools.dataset import Dataset
from tests.benchmark.test_train import OPTIONS, PROTOCOL
def slow(done, total, text):
    print(done, flush=True)
    time.sleep(0.2)
module.train(Dataset.open(sys.argv[1]), Path(sys.argv[2]), OPTIONS, PROTOCOL, name="same", progress=slow)
"""


def test_a_killed_run_goes_on_to_the_same_bytes(small: Dataset, tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(small.folder), str(tmp_path / "killed")],
        cwd=root,
        stdout=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    limit = time.monotonic() + 120
    while not (tmp_path / "killed" / STATE).exists() and time.monotonic() < limit and child.poll() is None:
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert child.returncode == -signal.SIGKILL, "the run ended before it could be killed"
    assert not (tmp_path / "killed" / RECORD).exists()
    # Both in processes of one thread: sums over other numbers of threads may differ in the last bit.
    for name in ("killed", "whole"):
        subprocess.run(
            [sys.executable, "-c", _CHILD.replace("time.sleep(0.2)", "pass"), str(small.folder), str(tmp_path / name)],
            cwd=root,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            check=True,
            stdout=subprocess.DEVNULL,
        )
    for file in (RECORD, WEIGHTS):
        assert (tmp_path / "killed" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()
    logs = [pd.read_csv(tmp_path / name / LOG).drop(columns="seconds") for name in ("killed", "whole")]
    pd.testing.assert_frame_equal(*logs)


def test_running_again_is_done_at_once_and_other_options_are_refused(small: Dataset, tmp_path: Path) -> None:
    train(small, tmp_path, OPTIONS, PROTOCOL)
    before = (tmp_path / WEIGHTS).stat().st_mtime_ns
    train(small, tmp_path, OPTIONS, PROTOCOL)
    assert (tmp_path / WEIGHTS).stat().st_mtime_ns == before
    with pytest.raises(NvfairError, match="other options"):
        train(small, tmp_path, replace(OPTIONS, seed=5), PROTOCOL)


def test_early_stopping_ends_before_the_budget(small: Dataset, tmp_path: Path) -> None:
    options = replace(OPTIONS, learning_rate=0.0, patience=1)
    checkpoint = train(small, tmp_path, options, PROTOCOL)
    assert checkpoint.selection["steps_run"] == 2 * options.validation_steps < options.steps


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


def test_damaged_or_foreign_checkpoints_are_refused(small: Dataset, tmp_path: Path) -> None:
    train(small, tmp_path, OPTIONS, PROTOCOL)
    record = json.loads((tmp_path / RECORD).read_text())
    tester = record["people"]["held_out"][0]
    leaking = json.loads(json.dumps(record))
    leaking["people"]["validation"]["drivers"].append(tester)
    (tmp_path / RECORD).write_text(json.dumps(leaking))
    with pytest.raises(NvfairError, match=f"in validation and in test: {tester}"):
        load(tmp_path)
    unknown = {key: value for key, value in record.items() if key != "people"}
    (tmp_path / RECORD).write_text(json.dumps(unknown))
    with pytest.raises(NvfairError, match="does not say who"):
        load(tmp_path)
    (tmp_path / RECORD).write_text(json.dumps(record))
    (tmp_path / WEIGHTS).write_bytes((tmp_path / WEIGHTS).read_bytes()[:-4] + b"\0\0\0\0")
    with pytest.raises(NvfairError, match="weights"):
        load(tmp_path)
    with pytest.raises(NvfairError, match="not a finished checkpoint"):
        load(tmp_path / "nowhere")


def test_checkpoints_of_the_first_format_still_load(small: Dataset, tmp_path: Path) -> None:
    made = train(small, tmp_path, replace(OPTIONS, windows=32, scale="box"), PROTOCOL)
    record = json.loads((tmp_path / RECORD).read_text())
    old = record | {"format_version": 1}
    old["network"] = {key: value for key, value in record["network"].items() if key != "scale"}
    (tmp_path / RECORD).write_text(json.dumps(old))
    loaded = load(tmp_path)
    assert loaded.network.shape == made.network.shape
    assert loaded.declaration == made.declaration
    (tmp_path / RECORD).write_text(json.dumps(record | {"format_version": 3}))
    with pytest.raises(NvfairError, match="format version 3"):
        load(tmp_path)
