"""The network's shapes, and what it may and may not see."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmark.methods.inputs import INPUTS
from benchmark.methods.network import window_embedding
from benchmark.methods.temporal_cnn import NetworkShape, TemporalCnn
from nvfair_tools.errors import NvfairError


def network(kind: str = "distances", features: int = 30) -> TemporalCnn:
    torch.manual_seed(0)
    made = TemporalCnn(NetworkShape(features, kind, width=16, embedding=8))  # type: ignore[arg-type]
    rng = np.random.default_rng(0)
    made.set_statistics(
        rng.normal(2, 1, features).astype(np.float32), rng.uniform(0.1, 0.5, features).astype(np.float32)
    )
    return made.eval()


def windows(count: int = 3, frames: int = 71, features: int = 30) -> torch.Tensor:
    return torch.randn(features, count * frames, generator=torch.Generator().manual_seed(1)) * 0.3 + 2


@pytest.mark.parametrize("kind", INPUTS)
def test_one_unit_embedding_for_each_temporal_position(kind: str) -> None:
    made = network(kind)
    embeddings, none = made.positions(windows(), 71)
    assert none is None
    assert embeddings.shape == (3, 8, 71 - made.shape.receptive_field + 1)
    torch.testing.assert_close(embeddings.norm(dim=1), torch.ones(3, embeddings.shape[2]))
    assert window_embedding(embeddings).shape == (3, 8)


def test_windows_do_not_see_each_other() -> None:
    made, data = network(), windows(4)
    alone, _ = made.positions(data[:, 71:142], 71)
    together, _ = made.positions(data, 71)
    torch.testing.assert_close(alone[0], together[1])


def test_each_position_sees_its_receptive_field_and_no_more() -> None:
    made, data = network(), windows(1)
    before, _ = made.positions(data, 71)
    changed = data.clone()
    changed[:, 61] += 1  # the first frame that position 0 (frames 0..60) does not see
    after, _ = made.positions(changed, 71)
    torch.testing.assert_close(after[:, :, 0], before[:, :, 0])
    assert not torch.allclose(after[:, :, 1], before[:, :, 1])


def test_still_sees_the_middle_frame_only_and_deltas_no_constant() -> None:
    data = windows(1)
    moved = data.clone()
    moved[:, :35] += 1
    moved[:, 36:] -= 1
    torch.testing.assert_close(network("still").positions(data, 71)[0], network("still").positions(moved, 71)[0])
    torch.testing.assert_close(
        network("deltas").positions(data, 71)[0], network("deltas").positions(data + 3, 71)[0], atol=1e-4, rtol=0
    )
    assert not torch.allclose(network().positions(data, 71)[0], network().positions(data + 3, 71)[0], atol=1e-3)


def test_centred_distances_see_motion_and_no_shape() -> None:
    data, shape = windows(2), torch.randn(30, 1, generator=torch.Generator().manual_seed(3))
    made = network("distances-centred")
    torch.testing.assert_close(made.positions(data, 71)[0], made.positions(data + shape, 71)[0], atol=1e-4, rtol=0)
    by_hand = data.reshape(30, 2, 71)
    by_hand = (by_hand - by_hand.mean(dim=2, keepdim=True)).reshape(30, -1) + made.mean[:, None]
    plain = network("distances")
    torch.testing.assert_close(made.positions(data, 71)[0], plain.positions(by_hand, 71)[0], atol=1e-4, rtol=0)


def test_projecting_once_equals_standardising_first() -> None:
    made, data = network(), windows()
    standard = (data - made.mean[:, None]) * made.inverse_deviation[:, None]
    expected = made.projection(standard.T).T
    torch.testing.assert_close(made.project(data), expected, atol=1e-4, rtol=1e-4)


def test_reordered_frames_give_the_embedding_of_the_reordered_window() -> None:
    for kind in ("distances", "deltas"):
        made, data = network(kind), windows(2)
        order = torch.stack([torch.randperm(71), torch.arange(71)])
        plain, shuffled = made.positions(data, 71, order)
        by_hand = torch.cat([data[:, :71][:, order[0]], data[:, 71:]], dim=1)
        torch.testing.assert_close(shuffled, made.positions(by_hand, 71)[0], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(shuffled[1], plain[1], atol=1e-5, rtol=1e-4)


def test_half_precision_products_change_little() -> None:
    made, data = network(), windows()
    with torch.autocast("cpu", torch.bfloat16):
        half, _ = made.positions(data, 71)
    whole, _ = made.positions(data, 71)
    assert half.dtype == torch.float32
    assert (half * whole).sum(dim=1).min() > 0.995  # cosines


def test_features_that_hardly_move_are_not_blown_up() -> None:
    made = network()
    made.set_statistics(np.zeros(30, np.float32), np.r_[np.full(29, 0.2), 0].astype(np.float32))
    assert made.inverse_deviation.max() == pytest.approx(50)


def test_windows_that_are_too_short_are_refused() -> None:
    with pytest.raises(NvfairError, match="61"):
        NetworkShape(30).check_window(60)
