"""Training by clips in place of drivers, and going on from it: what pulls, what is declared, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from benchmark.methods.checkpoint import RECORD_FILE, WEIGHTS_FILE, load_checkpoint
from benchmark.methods.train_options import LossOptions, TrainOptions
from benchmark.protocols.schema import Protocol
from benchmark.training.clip_batches import ClipSampler
from benchmark.training.loop import train
from benchmark.training.metric_losses import pull_and_push
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError
from tests.benchmark.small_world import World, make

PROTOCOL = Protocol(name="test", time={"window": 71, "stride": 20})
BY_CLIP = TrainOptions(
    generators=("alpha", "beta"), positives="clip", windows=96, batch=16, drivers=4, width=16, embedding=8,
    validate_every=48, loss=LossOptions("supcon", negatives="any"),
)  # fmt: skip
BY_DRIVER = replace(BY_CLIP, positives="driver", generators=("alpha",), drivers=3, loss=LossOptions())


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """People of whom nobody is in the data of the later training."""
    return make(tmp_path_factory.mktemp("others"), World(people=(4, 0, 0), namespace="other"))


@pytest.fixture(scope="module")
def pretrained(others: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "by-clip"
    train(others, out, BY_CLIP, PROTOCOL)
    return out


def test_windows_of_one_clip_pull_on_any_face_and_by_any_generator_and_all_else_pushes() -> None:
    videos = pd.DataFrame(
        [
            {"driver": driver, "clip": clip, "target": target, "generator": generator}
            for driver in "ab"
            for clip in ("1", "2")  # names that both drivers use
            for target in "abc"
            for generator in ("g", "h")
        ]
    )
    window_video = np.repeat(np.arange(len(videos)), 3)
    sampler = ClipSampler(videos, window_video, size=16, clips=3, seed=0)
    batch = sampler.batch(5)
    np.testing.assert_array_equal(batch, ClipSampler(videos, window_video, 16, 3, 0).batch(5))
    assert not np.array_equal(batch, sampler.batch(6))
    rows = videos.iloc[window_video[batch]]
    clips = (rows["driver"] + rows["clip"]).to_numpy()
    assert sorted(pd.Series(clips).value_counts()) == [5, 5, 6]
    # Six videos a clip: no video twice where there are enough of them.
    assert len(rows.index.unique()) == 16
    pull, push = pull_and_push(*sampler.labels(window_video[batch]), LossOptions("supcon", negatives="any"))
    same = clips[:, None] == clips[None, :]
    np.testing.assert_array_equal(pull, same & ~np.eye(16, dtype=bool))
    np.testing.assert_array_equal(push, ~same)
    driver, target, _ = sampler.labels(window_video[batch])
    np.testing.assert_array_equal((driver[:, None] != driver) & (target[:, None] == target), ~same)  # the paper's loss


@pytest.mark.parametrize(("size", "clips"), [(16, 9), (16, 1), (64, 20)])
def test_batches_that_cannot_be_made_are_refused(size: int, clips: int) -> None:
    videos = pd.DataFrame({"driver": list("aabb"), "clip": list("1234")})
    with pytest.raises(NvfairError, match="clips"):
        ClipSampler(videos, np.arange(4), size, clips, 0)


def test_training_by_clip_selects_on_nobody_and_does_not_depend_on_who_drives(
    others: Dataset, pretrained: Path, tmp_path: Path
) -> None:
    record = json.loads((pretrained / RECORD_FILE).read_text())
    assert record["selection"]["metric"] == "none: trained without labels of drivers, last step taken"
    assert record["options"]["positives"] == "clip"
    assert len(record["people"]["train"]["drivers"]) == 4
    assert record["people"]["validation"] == {"drivers": [], "targets": []}
    log = pd.read_csv(pretrained / "log.csv")
    assert log["loss"].iloc[-1] < log["loss"].iloc[0]
    # All clips under one name for a driver: nothing changes but what is declared.
    merged = others.videos.assign(driver="other:00")
    unlabelled = replace(others, videos=merged)
    train(unlabelled, tmp_path / "by-clip", BY_CLIP, PROTOCOL)
    assert (tmp_path / "by-clip" / WEIGHTS_FILE).read_bytes() == (pretrained / WEIGHTS_FILE).read_bytes()


def test_training_goes_on_from_the_weights_and_declares_everybody(
    small: Dataset, pretrained: Path, tmp_path: Path
) -> None:
    run = train(
        small, tmp_path / "run", replace(BY_DRIVER, learning_rate=1e-9, weight_decay=0.0), PROTOCOL, start=pretrained
    )
    before, after = load_checkpoint(pretrained), load_checkpoint(tmp_path / "run")
    for name, tensor in before.network.state_dict().items():
        torch.testing.assert_close(after.network.state_dict()[name], tensor, atol=1e-6, rtol=0)
    assert after.options["from"] == {"name": "by-clip", "digest": before.digest}
    training = small.identities[small.identities["split"] == "train"]["identity"]
    assert after.declaration.training.people == before.declaration.training.people | {*training}
    assert after.declaration.training.generators == {"alpha", "beta"}
    assert after.declaration.relation_to("beta") == "seen"
    assert after.declaration.data["before_sha256"] == before.declaration.data["sha256"]
    assert run.selection["validation_auc"] is not None
    # The same command finds it finished; another start is another run.
    assert train(
        small, tmp_path / "run", replace(BY_DRIVER, learning_rate=1e-9, weight_decay=0.0), PROTOCOL, start=pretrained
    )
    with pytest.raises(NvfairError, match="checkpoint of other options"):
        train(small, tmp_path / "run", replace(BY_DRIVER, learning_rate=1e-9, weight_decay=0.0), PROTOCOL)


def test_a_start_that_has_seen_validation_or_test_people_is_refused(small: Dataset, tmp_path: Path) -> None:
    for split, group in (("validation", "validation"), ("test", "test")):
        moved = small.videos.assign(split=small.videos["split"].replace({split: "train", "train": "spare"}))
        identities = small.identities.assign(split="train")
        train(replace(small, videos=moved, identities=identities), tmp_path / split, BY_CLIP, PROTOCOL)
        with pytest.raises(NvfairError, match=f"are in training and in {group}"):
            train(small, tmp_path / "run", BY_DRIVER, PROTOCOL, start=tmp_path / split)


def test_another_network_is_refused_by_what_differs(small: Dataset, pretrained: Path, tmp_path: Path) -> None:
    with pytest.raises(NvfairError, match=r"not that of the checkpoint by-clip(.|\n)*width 16 \(is 8\)"):
        train(small, tmp_path / "a", replace(BY_DRIVER, width=8), PROTOCOL, start=pretrained)
    with pytest.raises(NvfairError, match="is of the network temporal-cnn, not motion-signature"):
        train(small, tmp_path / "b", replace(BY_DRIVER, method="motion-signature"), PROTOCOL, start=pretrained)
    free = replace(BY_DRIVER, dropout=0.1, windows=16)
    assert train(small, tmp_path / "c", free, PROTOCOL, start=pretrained).network.shape.dropout == 0.1
