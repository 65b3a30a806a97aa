"""Faces followed through shots, with boxes made by hand."""

import numpy as np
import pytest

from nvfair_tools.curate.footage.following import follow_faces, shot_parts


def box(x: float, side: float = 10.0) -> np.ndarray:
    return np.array([x, 0.0, x + side, side])


def parts_of(boxes, **changes):
    options = {"follow": "longest", "longest_gap": 0.2, "max_seconds": None} | changes
    return shot_parts(boxes, [n / 10 for n in range(len(boxes))], **options)


def test_frames_without_the_person_at_both_ends_are_trimmed():
    (part,) = parts_of([[], [], *[[box(n)] for n in range(20)], [], []])
    assert (part.first, part.last, part.others) == (2, 21, 0)
    assert part.face == (0.0, 0.0, 10.0, 10.0)


def test_two_faces_are_two_paths_and_neither_jumps_to_the_other():
    left, right = follow_faces([[box(0), box(50)], [box(51), box(1)], [box(2)], [box(52), box(3)]], longest_gap=1)
    assert [float(at[0]) for at in left.boxes] == [0, 1, 2, 3]
    assert [float(at[0]) for at in right.boxes] == [50, 51, 52]
    assert right.frames == [0, 1, 3]


def test_the_longest_or_the_largest_face_is_followed():
    boxes = [[box(0)] for _ in range(10)] + [[box(50, 30), box(0)] for _ in range(10)]
    (longest,) = parts_of(boxes)
    (largest,) = parts_of(boxes, follow="largest")
    assert (longest.first, longest.last, longest.face[0]) == (0, 19, 0)
    assert (largest.first, largest.last, largest.face[0]) == (10, 19, 50)
    assert longest.others == largest.others == 1
    assert longest.others_share == pytest.approx(0.5)
    assert largest.others_share == pytest.approx(1.0)


def test_a_large_face_that_is_seen_for_an_instant_is_not_followed():
    boxes = [[box(0)] for _ in range(20)]
    boxes[7] = [box(50, 40), box(0)]
    (part,) = parts_of(boxes, follow="largest")
    assert (part.first, part.last, part.others) == (0, 19, 0)


def test_a_person_who_is_away_for_too_long_gives_two_segments():
    there = [[box(0)] for _ in range(15)]
    first, second = parts_of([*there, *[[]] * 4, *there])
    assert [(part.first, part.last) for part in (first, second)] == [(0, 14), (19, 33)]
    (whole,) = parts_of([*there, *[[]] * 2, *there])
    assert (whole.first, whole.last) == (0, 31)


def test_whoever_comes_later_elsewhere_is_not_the_followed_person():
    (part,) = parts_of([*[[box(0)]] * 15, *[[]] * 5, *[[box(70)]] * 12])
    assert (part.first, part.last) == (0, 14)


def test_long_segments_are_divided_into_equal_parts():
    parts = parts_of([[box(0)] for _ in range(50)], max_seconds=2.0)
    assert [(part.first, part.last) for part in parts] == [(0, 16), (17, 32), (33, 49)]
    assert len(parts_of([[box(0)] for _ in range(20)], max_seconds=2.0)) == 1


def test_no_face_gives_no_segment():
    assert parts_of([[], [], []]) == []
