"""The frame that relative motion starts from."""

import numpy as np
import pytest

from generators import GeneratorError, MotionMode
from generators.expression_measures import rest_frames
from generators.reference_frame import best_frame, neutral_frame, reference_index


@pytest.fixture
def face():
    return np.random.default_rng(0).normal(size=(478, 3)).astype(np.float32) * [40, 60, 20] + [128, 128, 0]


def turned(face, degrees):
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return (face - 128) @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]]) + 128


def test_the_same_face_moved_and_scaled_is_the_best_frame(face):
    driving = np.stack([turned(face, a) for a in (-20, -5, 0, 8)])
    driving[2] = driving[2] * 1.7 + [30, -12, 4]
    assert best_frame(face, driving) == 2


def test_nearest_pose_wins_and_the_first_of_equals(face):
    driving = np.stack([turned(face, a) for a in (30, 10, 10, -15)])
    assert best_frame(face, driving) == 1


def test_depth_does_not_count(face):
    driving = np.stack([turned(face, 5), face * [1, 1, -3]])
    assert best_frame(face, driving) == 1


def test_a_broken_frame_is_never_chosen(face):
    driving = np.stack([face, face * np.float32(0), turned(face, 40)])
    driving[0, 7, 1] = np.nan
    assert best_frame(face, driving) == 2


@pytest.mark.parametrize(
    ("source", "driving", "words"),
    [
        (np.zeros((468, 3)), np.zeros((1, 478, 3)), "portrait"),
        (np.zeros((478, 3)), np.zeros((1, 478, 3)), "no extent"),
        (np.random.default_rng(1).normal(size=(478, 3)), np.zeros((0, 478, 3)), "T >= 1"),
        (np.random.default_rng(1).normal(size=(478, 3)), np.full((3, 478, 3), np.nan), "none of the 3"),
    ],
)
def test_bad_meshes_are_refused_with_the_reason(source, driving, words):
    with pytest.raises(GeneratorError, match=words):
        best_frame(source, driving)


def test_a_mode_names_its_reference_frame_or_has_it_found(face):
    driving = np.stack([turned(face, a) for a in (-20, 3, 9)])
    assert reference_index(MotionMode(reference=2), None, None, 3, generator="tiny") == 2
    assert reference_index(MotionMode(reference="best"), face, driving, 3, generator="tiny") == 1
    assert reference_index(MotionMode(reference="neutral"), None, driving, 3, generator="tiny") == neutral_frame(
        driving
    )


def test_a_reference_that_is_not_there_is_refused(face):
    with pytest.raises(
        GeneratorError, match=r"tiny: reference frame 3 is outside the driving clip, which has 3 frames: choose 0 to 2"
    ):
        reference_index(MotionMode(reference=3), None, None, 3, generator="tiny")
    with pytest.raises(GeneratorError, match="needs the mesh of the portrait"):
        reference_index(MotionMode(reference="best"), None, face[None], 1, generator="tiny")
    with pytest.raises(GeneratorError, match="needs the mesh of every driving frame"):
        reference_index(MotionMode(reference="best"), face, None, 1, generator="tiny")
    with pytest.raises(GeneratorError, match="'neutral' needs the mesh of every driving frame"):
        reference_index(MotionMode(reference="neutral"), face, None, 1, generator="tiny")


def test_the_neutral_frame_is_the_least_expressive_and_never_a_broken_one(face):
    driving = np.stack([turned(face, a) for a in (-20, 3, 9)])
    driving[0, 14] += [0, 500, 0]
    driving[1, 7] = np.nan
    assert neutral_frame(driving) == rest_frames(driving)[0] == 2
    with pytest.raises(GeneratorError, match="none of the 1 driving meshes is finite"):
        neutral_frame(driving[1:2])


@pytest.mark.parametrize("reference", ["smiling", -1, 1.5, None])
def test_an_unknown_reference_is_refused(reference):
    with pytest.raises(GeneratorError, match="choose a frame index >= 0, 'best' or 'neutral'"):
        MotionMode(reference=reference)
