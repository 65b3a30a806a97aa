"""The network's shapes, and what it may and may not see."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmark.methods.inputs import INPUTS
from benchmark.methods.network import embed_windows, window_embedding
from benchmark.methods.temporal_cnn import NetworkShape, TemporalCnn
from benchmark.methods.train_options import TrainOptions
from benchmark.windows.window_batch import WindowBatch
from benchmark.windows.window_set import WindowSet
from nvfair_tools.errors import NvfairError
from nvfair_tools.features import pair_indices
from nvfair_tools.landmarks.scheme import SCHEME_126


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


def test_still_projects_the_middle_frame_alone() -> None:
    made = network("still", features=3)
    points = torch.randn(2, 71, 3, 2, generator=torch.Generator().manual_seed(2))
    every_frame, _ = made.positions(made.features(points.flatten(0, 1)), 71)
    embeddings, reordered = made(points, torch.arange(71).flip(0).expand(2, -1))
    torch.testing.assert_close(embeddings, every_frame)
    torch.testing.assert_close(reordered, every_frame)


def test_some_landmarks_give_the_embeddings_of_all_with_the_other_pairs_weighed_nothing() -> None:
    landmarks = (3, 40, 77, 125)
    few = TemporalCnn.from_options(TrainOptions(("g",), width=8, sizes={"landmarks": landmarks}), 71).eval()
    every = TemporalCnn(NetworkShape(7875, width=8)).eval()
    first, second = pair_indices(126)
    seen = np.flatnonzero(np.isin(first, landmarks) & np.isin(second, landmarks))
    assert few.projection.weight.shape == (8, 6) == (8, len(seen))
    weights = {name: value for name, value in few.state_dict().items() if name in every.state_dict()}
    weights["mean"], weights["inverse_deviation"] = every.mean, every.inverse_deviation
    weights["projection.weight"] = torch.zeros(8, 7875)
    weights["projection.weight"][:, seen] = few.projection.weight.detach()
    every.load_state_dict(weights)
    rng = np.random.default_rng(4)
    batch = WindowBatch(rng.uniform(50, 200, (2, 71, 126, 2)).astype(np.float32), 30.0, np.full((2, 2), 256.0))
    cut = WindowSet.from_batch(batch)
    np.testing.assert_allclose(embed_windows(few, cut), embed_windows(every, cut), atol=1e-5)


def test_landmarks_are_part_of_the_shape_only_where_some_are_left_out() -> None:
    assert "landmarks" not in TemporalCnn(NetworkShape(7875)).shape_json()
    few = TemporalCnn.from_options(TrainOptions(("g",), sizes={"landmarks": (3, 40)}), 71)
    again = TemporalCnn.from_json(few.shape_json())
    assert again.shape == few.shape
    assert again.shape.landmarks == (3, 40)
    assert few.mirror_indices() is None
    twins = tuple(sorted({3, int(SCHEME_126.mirror[3])}))
    mirrored = TemporalCnn.from_options(TrainOptions(("g",), sizes={"landmarks": twins}), 71)
    assert mirrored.mirror_indices() == (1, 0)


@pytest.mark.parametrize("landmarks", [(3,), (3, 3), (3, 126)])
def test_landmarks_that_the_scheme_does_not_have_are_refused(landmarks: tuple[int, ...]) -> None:
    with pytest.raises(NvfairError, match="two different numbers of 0 to 125"):
        TemporalCnn.from_options(TrainOptions(("g",), sizes={"landmarks": landmarks}), 71)
