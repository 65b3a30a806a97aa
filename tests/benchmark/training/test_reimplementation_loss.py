"""The loss in the public re-implementation's setting equals its formula, written in NumPy, to 1e-12."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmark.methods.train_options import LossOptions
from benchmark.training.fingerprint_loss import fingerprint_loss

TAU = 0.5


def formula(
    y: np.ndarray, shuffled: np.ndarray, driver: np.ndarray, target: np.ndarray, drop: np.ndarray | None = None
) -> float:
    """Equations 1-5 with j = i and windows of one driving clip in N; c is the mean squared distance of the batch.

    y, shuffled: (B, U, D). drop: (B, B), pairs that are taken out of N.
    """
    squared = ((y[:, :, None, None] - y[None, None]) ** 2).sum(axis=4)  # (B, U, B, U)
    c = squared.mean()
    similarity = np.exp(-squared / (c * TAU)).max(axis=3)  # (B, U, B)
    reordered = np.exp(-((y[:, :, None, None] - shuffled[None, None]) ** 2).sum(axis=4) / (c * TAU)).max(axis=3)
    same_driver = driver[:, None] == driver[None]
    pull = same_driver if drop is None else same_driver & ~drop
    push = (target[:, None] == target[None]) & ~same_driver
    n, q = ((similarity * pairs[:, None]).sum(axis=2) for pairs in (pull, push))
    r = (reordered * same_driver[:, None]).sum(axis=2)
    return float(-np.log(n / (n + q + r)).mean())


def batch(seed: int) -> list[np.ndarray]:
    """Windows as a training batch has them: 4 drivers, each on 2 faces with 2 clips, D = 16, U = 5."""
    rng = np.random.default_rng(seed)
    driver, target, clip = (part.ravel() for part in np.meshgrid(range(4), range(2), range(2), indexing="ij"))
    base = rng.normal(0, 1, (4, 1, 16))[driver]
    y, shuffled = (base + rng.normal(0, 0.7, (16, 5, 16)) for _ in range(2))
    return [y, shuffled, driver, (driver + target) % 4, driver * 2 + clip]


def tensors(arrays: list[np.ndarray]) -> list[torch.Tensor]:
    y, shuffled, *labels = (torch.from_numpy(array) for array in arrays)
    return [y.transpose(1, 2), shuffled.transpose(1, 2), *labels]


@pytest.mark.parametrize("seed", range(4))
def test_the_preset_equals_the_formula(seed: int) -> None:
    arrays = batch(seed)
    ours = fingerprint_loss(*tensors(arrays), LossOptions.named("re-implementation"))
    assert float(ours) == pytest.approx(formula(*arrays[:4]), rel=1e-12, abs=0)


def test_the_default_is_another_loss_that_has_its_own_formula() -> None:
    arrays = batch(0)
    clip = arrays[4]
    ours = fingerprint_loss(*tensors(arrays))
    assert float(ours) == pytest.approx(formula(*arrays[:4], drop=clip[:, None] == clip[None]), rel=1e-12, abs=0)
    assert abs(float(ours) - formula(*arrays[:4])) > 0.1


def test_gradients_of_the_preset_equal_differences_of_the_formula() -> None:
    """With c held fixed, as both take it for a constant in gradients."""
    arrays = batch(1)
    y = arrays[0]
    c = float(((y[:, :, None, None] - y[None, None]) ** 2).sum(axis=4).mean())
    inputs = tensors(arrays)
    leaf = inputs[0].clone().requires_grad_()
    fingerprint_loss(leaf, *inputs[1:], LossOptions.named("re-implementation")).backward()
    direction = np.random.default_rng(0).normal(0, 1, y.shape)
    direction /= np.linalg.norm(direction)
    step = 1e-5
    fixed = LossOptions(scale=repr(c), include_self=True, share_driving_clip=True)
    ends = [
        float(fingerprint_loss(*tensors([y + sign * step * direction, *arrays[1:]]), fixed)) for sign in (1.0, -1.0)
    ]
    assert leaf.grad is not None
    slope = float((leaf.grad.transpose(1, 2).numpy() * direction).sum())
    assert slope == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-6)
