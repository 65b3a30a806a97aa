"""Absolute and relative motion, scale by hull volume, free view."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from generators import GeneratorError
from generators.face_vid2vid.transfer import (
    FreeView,
    HeadPoses,
    adapt_scale,
    hull_volume,
    relative,
    relative_scale,
)

CUBE = np.array(list(itertools.product((0.0, 1.0), repeat=3)) + [[0.5, 0.5, 0.5]] * 7)


def poses(frames: int, seed: int = 0) -> HeadPoses:
    random = torch.Generator().manual_seed(seed)
    angles = [30 * torch.randn(frames, generator=random) for _ in range(3)]
    return HeadPoses(*angles, torch.randn(frames, 3, generator=random), torch.randn(frames, 45, generator=random))


def test_the_hull_of_a_cube_with_points_inside_is_the_cube() -> None:
    assert hull_volume(CUBE) == pytest.approx(1.0)


@pytest.mark.parametrize("size", [0.5, 3.0])
def test_scale_is_the_square_root_of_the_ratio_of_volumes(size: float) -> None:
    driver = torch.tensor(CUBE)[None]

    assert relative_scale(size * driver + 7, driver) == pytest.approx(size**1.5)


def test_keypoints_in_a_plane_are_refused_with_a_way_out() -> None:
    flat = CUBE * [1.0, 1.0, 0.0]

    with pytest.raises(GeneratorError, match="adapt_scale: false"):
        hull_volume(flat)


def test_the_reference_frame_itself_leaves_the_portrait_as_it_is() -> None:
    random = torch.Generator().manual_seed(1)
    driving, source = torch.randn(4, 15, 3, generator=random), torch.randn(1, 15, 3, generator=random)

    moved = relative(driving, driving[2:3], source, 1.7)

    torch.testing.assert_close(moved[2:3], source)
    torch.testing.assert_close(moved[0] - source[0], 1.7 * (driving[0] - driving[2]))


@pytest.mark.parametrize("name", ["yaw", "pitch", "roll"])
def test_free_view_replaces_one_angle_of_each_frame(name: str) -> None:
    clip, canonical = poses(3), torch.tensor(CUBE)[None].float()
    forced = {"yaw": clip.yaw, "pitch": clip.pitch, "roll": clip.roll, name: torch.full((3,), 12.0)}
    by_hand = HeadPoses(**forced, translation=clip.translation, expression=clip.expression)

    seen = clip.keypoints(canonical, "current", FreeView.parse({name: 12}))

    torch.testing.assert_close(seen, by_hand.keypoints(canonical, "current"))
    assert not torch.allclose(seen, clip.keypoints(canonical, "current"))


@pytest.mark.parametrize("angle", ["left", float("nan"), True, [3]])
def test_an_angle_that_is_no_number_is_refused(angle: object) -> None:
    with pytest.raises(GeneratorError, match="yaw="):
        FreeView.parse({"yaw": angle})


def test_adapt_scale_is_on_unless_told_and_takes_only_booleans() -> None:
    assert adapt_scale({}) is True
    assert adapt_scale({"adapt_scale": False}) is False
    with pytest.raises(GeneratorError, match="true or false"):
        adapt_scale({"adapt_scale": "no"})


def test_pieces_of_a_clip_join_in_order() -> None:
    whole = poses(5)

    joined = HeadPoses.joined([whole[:2], whole[2:3], whole[3:]])

    assert len(joined) == 5
    torch.testing.assert_close(joined.expression, whole.expression)
    torch.testing.assert_close(joined.yaw, whole.yaw)
