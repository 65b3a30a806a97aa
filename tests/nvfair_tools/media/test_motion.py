"""Cuts and standstills are found where they are, and not where a person moves."""

from fractions import Fraction

import numpy as np
import pytest

from nvfair_tools.media import encode, probe
from nvfair_tools.media.motion import hard_cuts, longest_standstill, shows_comb
from tests.nvfair_tools.clips import astronaut, hopper, moving_face


@pytest.mark.parametrize(
    ("changes", "cuts"),
    [
        ([1, 1, 1, 30, 1, 1], [4]),
        ([30, 1, 1, 1], [1]),
        ([1, 1, 1, 30], [4]),
        ([1, 1, 6, 1, 1], []),
        ([1, 8, 20, 30, 22, 9, 1], []),
        ([1, 30, 30, 1], []),
        ([0, 0, 12, 0, 0, 13, 0, 0, 12], []),
        ([0, 0, 0, 0], []),
        ([30], []),
        ([], []),
    ],
    ids=["cut", "first", "last", "small", "swift turn", "flash", "repeated frames", "still", "two frames", "one frame"],
)
def test_a_cut_is_a_change_unlike_all_others(changes, cuts):
    assert hard_cuts(changes) == cuts


def test_the_longest_standstill_is_given_in_seconds():
    changes = [2, 2, *[0] * 30, 2, *[0] * 40, 2]
    times = [n / 25 for n in range(len(changes) + 1)]
    assert longest_standstill(changes, times) == pytest.approx((33 / 25, 73 / 25))
    assert longest_standstill([2] * 50, times) is None
    assert longest_standstill([0] * 10, times) is None


def test_a_hard_cut_between_two_people_is_flagged_with_its_time(tmp_path):
    before, after = moving_face(astronaut(), 20, 128), moving_face(hopper(), 20, 128)
    encode(tmp_path / "cut.mp4", before + after, Fraction(25))
    assert probe(tmp_path / "cut.mp4").notes == {"hard_cut": "the picture changes at once at 0.80 s"}
    encode(tmp_path / "one.mp4", before, Fraction(25))
    assert dict(probe(tmp_path / "one.mp4").notes) == {}


def test_a_picture_that_stands_still_for_a_second_is_flagged(tmp_path):
    frames = moving_face(astronaut(), 20, 128)
    encode(tmp_path / "a.mp4", frames[:10] + [frames[10]] * 40 + frames[10:], Fraction(25))
    assert probe(tmp_path / "a.mp4").notes.keys() == {"standstill"}


def test_stripes_across_and_along_are_no_comb():
    stripes = np.tile(np.array([[40], [200]], np.uint8), (100, 200))
    assert shows_comb(stripes)
    assert not shows_comb(stripes.T)
    assert not shows_comb(np.zeros((1, 1), np.uint8))
