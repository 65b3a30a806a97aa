"""Re-renderings: sizes of their changes by hand and against the measured noise, and what they leave alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmark.methods.re_rendering import ReRenderer, ReRendering, face_size, head_directions
from nvfair_tools.errors import NvfairError
from nvfair_tools.landmarks.scheme import SCHEME_126
from nvfair_tools.simulate.base_mesh import base_mesh
from nvfair_tools.simulate.noise import tracking_noise

MESH_POINTS = SCHEME_126.indices
FACE = torch.from_numpy(base_mesh()[MESH_POINTS, :2].astype(np.float32))
FRAMES, WINDOWS = 71, 48


def moving_faces(scale: float = 1.0) -> torch.Tensor:
    """Windows (B, T, 126, 2) of the neutral face, which three random fields move; and of a head that shifts."""
    rng = np.random.default_rng(0)
    fields = rng.normal(0, 1, (3, 126, 2)) * np.array([0.04, 0.02, 0.01])[:, None, None]
    course = np.sin(np.arange(FRAMES)[None, :, None] / 6 + rng.uniform(0, 6, (WINDOWS, 1, 3)))
    shift = 0.1 * np.sin(np.arange(FRAMES) / 9)[None, :, None, None]
    motion = np.einsum("btk,kpc->btpc", course, fields) + shift
    return scale * (FACE + torch.from_numpy(motion.astype(np.float32)))


def re_renderer(**values: float) -> ReRenderer:
    points = moving_faces().flatten(0, 1).numpy()
    rows = np.arange(WINDOWS * FRAMES).reshape(WINDOWS, FRAMES)
    return ReRenderer.fit(ReRendering(**values), points, rows, MESH_POINTS, 0)


def changed(points: torch.Tensor, **values: float) -> torch.Tensor:
    return re_renderer(**values)(points, torch.Generator().manual_seed(1))


@pytest.mark.parametrize("coordinates", [2, 3])
def test_shifts_scale_and_turns_of_a_shape_lie_in_its_head_directions(coordinates: int) -> None:
    shape = torch.from_numpy(np.random.default_rng(1).normal(0, 1, (1, 30, coordinates)))
    directions = head_directions(shape)
    assert directions.shape == (1, {2: 4, 3: 7}[coordinates], 30 * coordinates)
    torch.testing.assert_close(directions @ directions.transpose(1, 2), torch.eye(directions.shape[1]).double()[None])
    angle = 1e-4
    turn = torch.eye(coordinates).double()
    turn[:2, :2] = torch.tensor([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = 1.0001 * shape @ turn + 0.0002
    change = (moved - shape).flatten(1)[:, None]
    left = change - change @ directions.transpose(1, 2) @ directions
    assert left.norm() < 2e-4 * change.norm()


def test_a_gain_scales_whole_components_and_keeps_the_mean_face() -> None:
    points = moving_faces()
    result = changed(points, gain=0.2)
    torch.testing.assert_close(result.mean(dim=1), points.mean(dim=1), atol=1e-5, rtol=0)
    # The head's shift is a component of its own: in each window one factor for all frames, and the logarithms of the
    # factors have the deviation asked for.
    before, after = (part.mean(dim=2)[..., 0] - part.mean(dim=(1, 2))[:, None, 0] for part in (points, result))
    factor = (before * after).sum(dim=1) / before.square().sum(dim=1)
    torch.testing.assert_close(after, factor[:, None] * before, atol=2e-4, rtol=0)
    assert factor.log().std().item() == pytest.approx(0.2, rel=0.3)


def test_blending_moves_what_was_still_and_nothing_moves_where_nothing_moved() -> None:
    points = moving_faces()
    result = changed(points, blend=0.3)
    motion, change = ((part - part.mean(dim=1, keepdim=True)).norm() for part in (points, result - points))
    assert 0.02 < change / motion < 0.3
    still = FACE.expand(4, FRAMES, -1, -1)
    torch.testing.assert_close(changed(still, gain=0.2, blend=0.3, smoothing=1.0, frozen=0.1), still)


def test_smoothing_is_a_gaussian_no_wider_than_its_name_says() -> None:
    points = FACE.repeat(64, FRAMES, 1, 1)
    points[:, 35, :, 0] += 1.0  # one frame's jump
    result = changed(points, smoothing=1.5)
    peak = (result - result[:, :1])[:, 30:41, 0, 0]
    torch.testing.assert_close(peak.sum(dim=1), torch.ones(64), atol=1e-4, rtol=0)
    lags = torch.arange(-5, 6)
    width = (peak * lags.square()).sum(dim=1).sqrt()
    assert width.min() < 0.3
    assert 1.2 < width.max() <= 1.5
    torch.testing.assert_close(peak[:, :5], peak[:, 6:].flip(1))


def test_frozen_frames_repeat_the_one_before_in_the_share_asked_for() -> None:
    points = moving_faces()
    result = changed(points, frozen=0.2)
    repeated = (result[:, 1:] - result[:, :-1]).abs().amax(dim=(2, 3)) == 0
    assert repeated.float().mean().item() == pytest.approx(0.2, abs=0.03)
    is_own = (result - points).abs().amax(dim=(2, 3)) < 1e-5
    assert bool((is_own[:, 1:] | repeated).all())
    assert bool(is_own[:, 0].all())


def test_tracking_noise_has_the_measured_size_memory_and_spread_whatever_the_unit_of_the_points() -> None:
    noise = tracking_noise(MESH_POINTS.tolist())
    # The variance of each point from the measured parameters, in outer eye distances; the face's unit is that distance.
    variance = np.square(noise.modes).sum(axis=0).mean(axis=1) + np.square(noise.white)
    factor = np.exp(2 * noise.unevenness**2)  # the mean square of a log-normal factor
    still = FACE.expand(200, FRAMES, -1, -1)
    for unit in (1.0, 170.0):
        added = (changed(unit * still, tracking=1.0) - unit * still).numpy() / unit
        measured = np.square(added).mean(axis=(0, 1, 3)) / factor
        np.testing.assert_allclose(np.median(measured / variance), 1, rtol=0.1)
        assert np.corrcoef(measured, variance)[0, 1] > 0.95
    # Neighbouring frames and points go together as measured.
    shared = np.square(noise.modes).sum(axis=0).mean(axis=1) / variance
    memory = (added[:, 1:] * added[:, :-1]).sum() / np.square(added).sum()
    assert memory == pytest.approx(noise.memory * np.average(shared, weights=variance), abs=0.01)
    expected = np.einsum("rc,rc->", noise.modes[:, 0], noise.modes[:, 1]) / 2
    assert np.mean(added[:, :, 0] * added[:, :, 1]) / factor == pytest.approx(expected, rel=0.15, abs=1e-7)


def test_a_mesh_keeps_its_depth_and_other_points_are_refused_tracking_noise() -> None:
    depth = torch.cat([moving_faces(), moving_faces()[..., :1]], dim=3)
    rows = np.arange(WINDOWS * FRAMES).reshape(WINDOWS, FRAMES)
    flat = depth.flatten(0, 1).numpy()
    result = ReRenderer.fit(ReRendering(tracking=1.0), flat, rows, MESH_POINTS, 0)(depth)
    torch.testing.assert_close(result[..., 2], depth[..., 2])
    assert not torch.equal(result[..., 0], depth[..., 0])
    with pytest.raises(NvfairError, match="measured on points of MediaPipe's mesh"):
        ReRenderer.fit(ReRendering(tracking=1.0), flat, rows, None, 0)


def test_the_size_of_a_face_is_the_root_mean_square_distance_from_its_centroid() -> None:
    square = torch.tensor([[[0.0, 0.0], [2.0, 0.0], [2.0, 2.0], [0.0, 2.0]]])
    torch.testing.assert_close(face_size(square), torch.tensor([2.0**0.5]))


@pytest.mark.parametrize("wrong", [{"gain": -0.1}, {"frozen": 1.0}, {"tracking": float("inf")}])
def test_values_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(NvfairError, match=next(iter(wrong))):
        ReRendering(**wrong)
