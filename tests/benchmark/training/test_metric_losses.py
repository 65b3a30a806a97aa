"""Losses for comparison: against torch's own and a plain formula, and what may never pull."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from benchmark.methods.train_options import LossOptions
from benchmark.training.metric_losses import draw_triplets, metric_loss, pull_and_push
from nvfair_tools.errors import NvfairError

DRIVER = np.array([0, 0, 0, 1, 1, 2, 2, 3])
TARGET = np.array([0, 1, 1, 0, 1, 1, 2, 5])  # nobody else drives faces 2 and 5
CLIP = np.array([0, 0, 1, 2, 3, 4, 5, 6])  # the first two show one clip


def embeddings(positions: int = 3) -> torch.Tensor:
    rng = np.random.default_rng(0)
    made = torch.from_numpy(rng.normal(0, 1, (8, 5, positions)).astype(np.float32))
    return torch.nn.functional.normalize(made, dim=1).requires_grad_()


def test_windows_of_one_clip_never_pull_and_the_same_face_pushes_first() -> None:
    pull, push = pull_and_push(DRIVER, TARGET, CLIP, LossOptions(kind="triplet"))
    assert not pull[0, 1]
    assert pull[0, 2]
    assert pull_and_push(DRIVER, TARGET, CLIP, LossOptions(kind="triplet", share_driving_clip=True))[0][0, 1]
    assert not pull.diagonal().any()
    assert np.flatnonzero(push[1]).tolist() == [4, 5]  # other drivers of face 1
    assert np.flatnonzero(push[6]).tolist() == [0, 1, 2, 3, 4, 7]  # nobody else is on face 2
    _, anyone = pull_and_push(DRIVER, TARGET, CLIP, LossOptions(kind="triplet", negatives="any"))
    np.testing.assert_array_equal(anyone, DRIVER[:, None] != DRIVER)


def test_triplets_take_every_pulling_pair_once_a_position_and_only_what_pushes() -> None:
    pull, push = pull_and_push(DRIVER, TARGET, CLIP, LossOptions(kind="triplet"))
    anchor, positive, negative = draw_triplets(pull, push, 3, np.random.default_rng(0))
    assert len(anchor) == 3 * pull.sum()
    assert pull[anchor // 3, positive // 3].all()
    assert push[anchor // 3, negative // 3].all()
    pairs = set(zip(anchor.tolist(), (positive // 3).tolist(), strict=True))
    assert len(pairs) == len(anchor)
    drawn = {n for seed in range(50) for n in draw_triplets(pull, push, 3, np.random.default_rng(seed))[2].tolist()}
    assert drawn == {w * 3 + p for w in np.flatnonzero(push[pull.any(axis=1)].any(axis=0)) for p in range(3)}


def test_triplet_equals_torchs_own() -> None:
    y, options = embeddings(), LossOptions(kind="triplet", margin=0.4)
    result = metric_loss(y, DRIVER, TARGET, CLIP, options, np.random.default_rng(1))
    chosen = draw_triplets(*pull_and_push(DRIVER, TARGET, CLIP, options), 3, np.random.default_rng(1))
    samples = y.transpose(1, 2).reshape(-1, 5)
    expected = torch.nn.TripletMarginLoss(margin=0.4)(*(samples[index] for index in chosen))
    assert float(result.detach()) == pytest.approx(float(expected.detach()), abs=1e-5)


def test_supcon_equals_its_equation_in_plain_loops() -> None:
    y, options = embeddings(), LossOptions(kind="supcon", temperature=0.3)
    result = metric_loss(y, DRIVER, TARGET, CLIP, options, np.random.default_rng(1))
    pull, push = pull_and_push(DRIVER, TARGET, CLIP, options)
    samples = y.detach().transpose(1, 2).reshape(-1, 5).double().numpy()
    terms = []
    for i in range(24):
        near = [j for j in range(24) if pull[i // 3, j // 3]]
        all_of_them = near + [j for j in range(24) if push[i // 3, j // 3]]
        if near:
            total = sum(math.exp(samples[i] @ samples[j] / 0.3) for j in all_of_them)
            terms.append(-sum(samples[i] @ samples[j] / 0.3 - math.log(total) for j in near) / len(near))
    assert float(result.detach()) == pytest.approx(sum(terms) / len(terms), abs=1e-4)


@pytest.mark.parametrize("kind", ["triplet", "supcon"])
def test_what_shares_a_clip_gets_no_pull_and_no_gradient(kind: str) -> None:
    y, options = embeddings(), LossOptions(kind=kind)
    loss = metric_loss(y, DRIVER, TARGET, DRIVER, options, np.random.default_rng(0))  # one clip each
    loss.backward()
    assert float(loss.detach()) == 0
    assert not y.grad.any()
    y.grad = None
    metric_loss(y, DRIVER, TARGET, CLIP, options, np.random.default_rng(0)).backward()
    assert torch.isfinite(y.grad).all()
    assert y.grad[0].any()


@pytest.mark.parametrize(
    "wrong", [{"kind": "softmax"}, {"negatives": "hard"}, {"scale": "wide"}, {"scale": "-1"}, {"tau": 0.0}]
)
def test_options_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(NvfairError):
        LossOptions(**wrong)
