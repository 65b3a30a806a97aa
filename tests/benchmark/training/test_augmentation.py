"""What augmentation does to windows, and that it is off."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmark.methods.temporal_cnn import NetworkShape, TemporalCnn
from benchmark.methods.train_options import Augmentation
from benchmark.training.augmentation import augment
from nvfair_tools.errors import NvfairError

POINTS = torch.from_numpy(np.random.default_rng(0).normal(200, 40, (4, 31, 126, 2)).astype(np.float32))
TWINS = TemporalCnn(NetworkShape(7875, width=4, embedding=4)).mirror_indices()


def test_nothing_happens_unless_asked_for() -> None:
    assert augment(POINTS, None, Augmentation()) is POINTS


def test_noise_is_a_share_of_the_faces_size() -> None:
    torch.manual_seed(0)
    size = np.sqrt(((POINTS - POINTS.mean(dim=2, keepdim=True)) ** 2).sum(dim=3).mean().item())
    added = augment(POINTS, None, Augmentation(noise=0.01)) - POINTS
    assert added.std().item() == pytest.approx(0.01 * size, rel=0.02)
    big = augment(POINTS * 3, None, Augmentation(noise=0.01)) - POINTS * 3
    assert big.std().item() == pytest.approx(0.03 * size, rel=0.02)


def test_speed_plays_a_motion_slower_or_faster_about_its_middle() -> None:
    torch.manual_seed(1)
    time = torch.arange(31, dtype=torch.float32)
    ramp = time[None, :, None, None].expand(64, 31, 2, 2)
    played = augment(ramp, None, Augmentation(speed=0.2))
    torch.testing.assert_close(played[:, 15], ramp[:, 15])
    slope = played[:, 16, 0, 0] - played[:, 15, 0, 0]
    assert 0.8 <= slope.min() < 0.85 < 1.15 < slope.max() <= 1.2001
    assert played.min() >= 0
    assert played.max() <= 30
    middle = played[:, 5:26, 0, 0]
    torch.testing.assert_close(middle, 15 + (time[5:26] - 15) * slope[:, None], atol=1e-4, rtol=0)


def test_a_mirrored_face_swaps_its_sides_for_all_windows_of_a_batch_alike() -> None:
    torch.manual_seed(2)
    mirrored = augment(POINTS, TWINS, Augmentation(mirror=1.0))
    torch.testing.assert_close(mirrored[..., 1], POINTS[:, :, list(TWINS), 1])
    torch.testing.assert_close(mirrored[..., 0], -POINTS[:, :, list(TWINS), 0])
    torch.testing.assert_close(augment(mirrored, TWINS, Augmentation(mirror=1.0)), POINTS)
    drawn = [torch.equal(augment(POINTS, TWINS, Augmentation(mirror=0.5)), POINTS) for _ in range(40)]
    assert 8 < sum(drawn) < 32


@pytest.mark.parametrize("wrong", [{"noise": -0.1}, {"speed": 1.0}, {"mirror": 1.5}])
def test_shares_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(NvfairError):
        Augmentation(**wrong)
