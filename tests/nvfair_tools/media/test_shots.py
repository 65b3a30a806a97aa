"""Shots of films whose cuts are known, because the films are joined here."""

from fractions import Fraction

import numpy as np
import pytest

from nvfair_tools.media import encode
from nvfair_tools.media.shots import Shot, ShotMeter, find_shots, is_blend, sudden_changes
from tests.nvfair_tools.clips import astronaut, hopper, moving_face


@pytest.fixture(scope="module")
def faces() -> dict[str, list[np.ndarray]]:
    return {"a": moving_face(astronaut(), 60, 128), "h": moving_face(hopper(), 60, 128)}


def dissolve(before: list[np.ndarray], after: list[np.ndarray]) -> list[np.ndarray]:
    shares = np.arange(1, len(before) + 1) / (len(before) + 1)
    pairs = zip(before, after, shares, strict=True)
    return [np.round(old * (1 - share) + new * share).astype(np.uint8) for old, new, share in pairs]


def test_hard_cuts_are_found_at_the_very_frame(tmp_path, faces):
    film = tmp_path / "film.mp4"
    encode(film, [*faces["a"][:31], *faces["h"][:24], *faces["a"][31:]], Fraction(25))
    shots = find_shots(film)
    assert shots.shots == (Shot(0, 30), Shot(31, 54), Shot(55, 83))
    assert shots.frames == 84
    assert (shots.ticks * float(shots.base)).tolist() == pytest.approx([n / 25 for n in range(84)])
    assert shots.start == 0
    assert not shots.problem


def test_frames_of_a_dissolve_are_in_no_shot(tmp_path, faces):
    film = tmp_path / "film.mp4"
    blended = dissolve(faces["a"][30:42], faces["h"][:12])
    encode(film, [*faces["a"][:30], *blended, *faces["h"][12:50]], Fraction(25))
    first, second = find_shots(film).shots
    assert 25 <= first.last <= 31  # the first two blended frames are still 85 % of the first person
    assert 40 <= second.first <= 47
    assert (first.first, second.last) == (0, 79)


def test_steps_between_repeated_frames_are_no_cuts():
    # Frames that are repeated four times step by as much as a small cut; the film around them is far quieter.
    quiet = [np.full(100, 0.2), np.tile([6.0, 0.0, 0.0, 0.0], 12), np.full(100, 0.2)]
    assert [cut for cut in sudden_changes(np.concatenate(quiet)) if 112 < cut < 136] == []
    assert sudden_changes([*quiet[0], 6.0, *quiet[0]]) == [101]


def test_only_the_mean_of_two_different_pictures_is_a_blend():
    rng = np.random.default_rng(5)
    before, after = rng.uniform(0, 255, (2, 32, 32)).astype(np.float32)
    assert is_blend(before, (before + after) / 2, after)
    assert not is_blend(before, after, after)  # a cut
    assert not is_blend(before, before, before + 5)  # too alike


def test_a_single_picture_and_none_at_all():
    meter = ShotMeter()
    assert list(meter.shots()) == []
    meter.add(np.zeros((32, 32), np.float32))
    assert list(meter.shots()) == [Shot(0, 0)]
