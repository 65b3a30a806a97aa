"""The loss against the equations as three plain loops in double precision."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from benchmark.methods.train_options import LossOptions
from benchmark.training.fingerprint_loss import (
    fingerprint_loss,
)


def plain_loss(y, shuffled, driver, target, clip, tau, c, include_self, share_clip, weight) -> float:
    """Equations 1-5, written down without logarithms' tricks. y: (B, D, U) float64."""
    count, _, positions = y.shape

    def squared(a, t, b, u) -> float:
        return float(sum((a[0][d][t] - b[0][d][u]) ** 2 for d in range(y.shape[1])))

    if c == "batch":
        total = [
            squared(y[i : i + 1], t, y[j : j + 1], u)
            for i in range(count)
            for t in range(positions)
            for j in range(count)
            for u in range(positions)
        ]
        c = sum(total) / len(total)

    def s(i, t, other, j) -> float:
        return max(math.exp(-squared(y[i : i + 1], t, other[j : j + 1], u) / (c * tau)) for u in range(positions))

    terms = []
    for i in range(count):
        positives = [
            j
            for j in range(count)
            if driver[j] == driver[i] and ((j == i and include_self) or (j != i and (share_clip or clip[j] != clip[i])))
        ]
        if not positives:
            continue
        for t in range(positions):
            n = sum(s(i, t, y, j) for j in positives)
            q = sum(s(i, t, y, j) for j in range(count) if target[j] == target[i] and driver[j] != driver[i])
            r = 0.0
            if shuffled is not None:
                r = weight * sum(s(i, t, shuffled, j) for j in range(count) if driver[j] == driver[i])
            terms.append(-math.log(n / (n + q + r)))
    return sum(terms) / len(terms)


def batch(seed: int = 0):
    rng = np.random.default_rng(seed)
    y, shuffled = rng.normal(0, 1, (2, 8, 3, 4))
    driver = np.array([0, 0, 0, 1, 1, 2, 2, 3])  # driver 3 has no positive
    target = np.array([0, 1, 1, 0, 1, 1, 2, 0])
    clip = np.array([0, 0, 1, 2, 3, 4, 5, 6])  # the first two share a clip
    return y, shuffled, driver, target, clip


@pytest.mark.parametrize("scale", ["batch", "0.7"])
@pytest.mark.parametrize("include_self", [False, True])
@pytest.mark.parametrize("share", [False, True])
@pytest.mark.parametrize("weight", [None, 1.0, 0.3])
def test_equals_the_equations(scale: str, include_self: bool, share: bool, weight: float | None) -> None:
    y, shuffled, driver, target, clip = batch()
    options = LossOptions(
        scale=scale, include_self=include_self, share_driving_clip=share, shuffle_weight=weight or 0.0
    )
    tensors = [torch.from_numpy(a) for a in (y, shuffled, driver, target, clip)]
    result = fingerprint_loss(tensors[0], tensors[1] if weight else None, *tensors[2:], options)
    expected = plain_loss(
        y, shuffled if weight else None, driver, target, clip,
        0.5, "batch" if scale == "batch" else float(scale), include_self, share, weight,
    )  # fmt: skip
    assert float(result) == pytest.approx(expected, rel=1e-10)


def test_single_precision_is_close_to_double() -> None:
    y, shuffled, *labels = (torch.from_numpy(a) for a in batch())
    wide = fingerprint_loss(y, shuffled, *labels)
    narrow = fingerprint_loss(y.float(), shuffled.float(), *labels)
    assert narrow.dtype == torch.float32
    assert float(narrow) == pytest.approx(float(wide), rel=1e-5)


def test_far_embeddings_neither_overflow_nor_lose_their_gradient() -> None:
    y, shuffled, *labels = (torch.from_numpy(a) for a in batch())
    far = (y.float() * 1e4).requires_grad_()
    loss = fingerprint_loss(far, shuffled.float() * 1e4, *labels, LossOptions(scale="1"))
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(far.grad).all()
    assert far.grad.abs().max() > 0


def test_gradients_equal_finite_differences() -> None:
    y, shuffled, *labels = (torch.from_numpy(a) for a in batch())
    options = LossOptions(scale="0.7")
    leaf = y.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda a: fingerprint_loss(a, shuffled, *labels, options), (leaf,), atol=1e-5)


def test_a_copy_of_a_clip_on_another_face_never_pulls() -> None:
    """Where all of a driver's windows come from one clip there is nothing to learn from, so the loss is zero."""
    y, shuffled, driver, target, _ = (torch.from_numpy(a) for a in batch())
    leaf = y.clone().requires_grad_()
    loss = fingerprint_loss(leaf, shuffled, driver, target, driver)
    loss.backward()
    assert float(loss.detach()) == 0
    assert not leaf.grad.any()


def test_order_of_windows_does_not_matter() -> None:
    tensors = [torch.from_numpy(a) for a in batch()]
    order = torch.randperm(8, generator=torch.Generator().manual_seed(0))
    assert float(fingerprint_loss(*tensors)) == pytest.approx(float(fingerprint_loss(*[a[order] for a in tensors])))
