"""Measures of expression, and the least expressive frames of a clip."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from generators.expression_measures import (
    MEASURES,
    POPULATION_MEDIAN,
    POPULATION_SPREAD,
    expression_measures,
    rest_frames,
)
from nvfair_tools.landmarks.model_file import needs_model_file


def drawn_face(gap=0.0, width=60.0, lift=0.0):
    """A face (478, 3) with measures by hand: eyes 100 apart, brows 30 above them, mouth 30 below the nose."""
    mesh = np.random.default_rng(0).normal(size=(478, 3)) * [40, 60, 20]
    mesh[[33, 133, 362, 263]] = [[-50, 0, 0], [-20, 0, 0], [20, 0, 0], [50, 0, 0]]
    mesh[[168, 6]] = [[0, 0, -10], [0, 10, -10]]
    mesh[[2, 94, 98, 327]] = [[0, 60, -10], [0, 60, -10], [-10, 60, -10], [10, 60, -10]]
    mesh[[61, 291]] = [[-width / 2, 90 - lift, 0], [width / 2, 90 - lift, 0]]
    mesh[[13, 14]] = [[0, 90 - gap / 2, -5], [0, 90 + gap / 2, -5]]
    mesh[[105, 334, 66, 296, 107, 336]] = [[x, -30, 0] for x in (-40, 40, -30, 30, -15, 15)]
    for upper, lower, x in ((160, 144, -42), (159, 145, -35), (158, 153, -28), (387, 373, 42), (386, 374, 35)):
        mesh[[upper, lower]] = [[x, -6, 0], [x, 6, 0]]
    mesh[[385, 380]] = [[28, -6, 0], [28, 6, 0]]
    return mesh


def test_the_measures_are_lengths_over_the_distance_of_the_eyes():
    assert MEASURES == ("mouth_width", "corner_height", "lip_gap", "brow_height", "eye_opening")
    np.testing.assert_allclose(expression_measures(drawn_face(gap=8, lift=5)[None])[0], [0.6, -0.25, 0.08, 0.3, 0.4])


def test_pressed_lips_have_a_negative_gap():
    assert expression_measures(drawn_face(gap=-2)[None])[0, 2] == pytest.approx(-0.02)


def test_head_pose_place_and_size_do_not_count():
    mesh = drawn_face(gap=8, lift=5)
    turned = 1.7 * Rotation.from_euler("ZXY", [12, -20, 30], degrees=True).apply(mesh) + [30, -8, 100]
    np.testing.assert_allclose(expression_measures(turned[None]), expression_measures(mesh[None]), atol=1e-9)


def test_the_frames_at_rest_are_those_with_closed_lips_and_an_ordinary_mouth():
    clip = np.stack(
        [drawn_face(gap=15), drawn_face(width=80, lift=8), drawn_face(), drawn_face(gap=1), drawn_face(gap=4)]
    )
    assert rest_frames(clip).tolist() == [2, 3, 4]


def test_a_broken_frame_is_never_at_rest():
    clip = np.stack([drawn_face(), drawn_face(gap=5)])
    clip[0, 400] = np.nan
    assert rest_frames(clip).tolist() == [1]
    assert len(rest_frames(np.full((2, 478, 3), np.nan))) == 0


@pytest.mark.slow
def test_the_population_is_that_of_portraits_of_people_at_rest(shared):
    from PIL import Image

    from tests.generators.warp.facemesh import track

    paths = sorted((shared / "portraits").glob("*.png"))
    pictures = [np.array(Image.open(path).convert("RGB")) for path in paths]
    measures = expression_measures(np.stack([track([picture] * 3)[-1] for picture in pictures]))
    low, median, high = np.percentile(measures, [10, 50, 90], axis=0)
    assert len(paths) == 48
    spread = (high - low) / 2.563
    if needs_model_file():  # another landmark model than the population's: it finds mouths 4 % wider
        assert (np.abs(median - POPULATION_MEDIAN) < POPULATION_SPREAD).all()
        np.testing.assert_allclose(spread[[0, 1, 3, 4]], POPULATION_SPREAD[[0, 1, 3, 4]], rtol=0.5)
        return
    np.testing.assert_allclose(median, POPULATION_MEDIAN, atol=0.004)
    np.testing.assert_allclose(spread[[0, 1, 3, 4]], POPULATION_SPREAD[[0, 1, 3, 4]], atol=0.004)
    assert spread[2] < POPULATION_SPREAD[2]
