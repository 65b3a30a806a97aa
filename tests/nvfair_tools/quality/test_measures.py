"""The single measures, on motion and pictures whose values follow from arithmetic."""

import numpy as np
import pytest
from PIL import Image, ImageFilter

pytest.importorskip("scipy")

from nvfair_tools.landmarks.scheme import SCHEME_126
from nvfair_tools.quality.appearance import face_sharpness, flicker, landmark_brightness
from nvfair_tools.quality.identity import five_points, mean_shape, shape_identity
from nvfair_tools.quality.motion import CHANNELS, compare_motion, motion_series
from nvfair_tools.quality.thresholds import derived, judge
from nvfair_tools.recipe.quality_rule import QualityRule
from nvfair_tools.simulate.base_mesh import base_mesh

FACE = base_mesh()[SCHEME_126.indices, :2] * 80 + 128
EYES = float(np.linalg.norm(FACE[SCHEME_126.position(33)] - FACE[SCHEME_126.position(263)]))
WAVE = np.sin(np.arange(40) * 0.7)


def talking(wave: np.ndarray, depth: float, face: np.ndarray = FACE) -> np.ndarray:
    """A face whose lower inner lip goes down by depth x wave outer eye distances."""
    video = np.repeat(face[None], len(wave), axis=0)
    eyes = float(np.linalg.norm(face[SCHEME_126.position(33)] - face[SCHEME_126.position(263)]))
    # Low enough never to pass the upper lip, whose distance would turn round.
    video[:, SCHEME_126.position(14), 1] += (0.3 + depth * wave) * eyes
    return video


def turned(video: np.ndarray, degrees: float, scale: float) -> np.ndarray:
    cosine, sine = np.cos(np.radians(degrees)) * scale, np.sin(np.radians(degrees)) * scale
    return video @ np.array([[cosine, sine], [-sine, cosine]]) + [40.0, -9.0]


def test_half_the_motion_on_a_turned_and_smaller_face_is_amplitude_one_half():
    transfer = compare_motion(turned(talking(WAVE, 0.05), 20, 0.6), talking(WAVE, 0.1))
    assert transfer.correlation["mouth_open"] == pytest.approx(1, abs=1e-6)
    assert transfer.amplitude["mouth_open"] == pytest.approx(0.5, abs=1e-6)
    assert np.isnan([transfer.correlation[name] for name in CHANNELS if name != "mouth_open"]).all()
    assert transfer.median_correlation() == transfer.correlation["mouth_open"]


def test_a_face_that_does_the_opposite_or_nothing_does_not_follow():
    driver = talking(WAVE, 0.1)
    assert compare_motion(talking(-WAVE, 0.1), driver).correlation["mouth_open"] == pytest.approx(-1, abs=1e-6)
    still = compare_motion(talking(0 * WAVE, 0.1), driver)
    assert (still.correlation["mouth_open"], still.amplitude["mouth_open"]) == (0.0, pytest.approx(0, abs=1e-9))


def test_frames_without_a_face_are_left_out_and_too_few_say_nothing():
    video, driver = talking(WAVE, 0.1), talking(WAVE, 0.1)
    video[5], driver[6] = np.nan, np.nan
    assert compare_motion(video, driver).correlation["mouth_open"] == pytest.approx(1)
    video[7:] = np.nan
    assert np.isnan(compare_motion(video, driver).median_correlation())
    with pytest.raises(ValueError, match="40 frames, its driving clip 39"):
        compare_motion(video, driver[1:])


def test_a_rolled_head_is_roll_alone():
    series = motion_series(np.stack([turned(FACE[None], degrees, 1)[0] for degrees in (0, 10)]))
    change = dict(zip(CHANNELS, series[1] - series[0], strict=True))
    assert change.pop("roll") == pytest.approx(np.radians(10))
    assert np.allclose(list(change.values()), 0, atol=1e-9)


def test_flicker_is_the_deviation_of_white_noise_and_knows_no_drift():
    noise = np.random.default_rng(0).normal(0, 3, (400, 60))
    assert flicker(noise) == pytest.approx(3, rel=0.05)
    drift = np.linspace(0, 80, 400)[:, None] + np.zeros((1, 60))
    assert flicker(drift) == pytest.approx(0, abs=1e-9)
    assert flicker(np.tile([[100.0], [108.0]], (50, 3))) == pytest.approx(2 * 8 / 6**0.5)
    assert np.isnan(flicker(noise[:2]))
    assert np.isnan(flicker(np.full((9, 4), np.nan)))


def test_the_brightness_at_a_landmark_is_that_of_the_picture_there():
    ramp = np.repeat(np.tile(np.arange(200, dtype=np.uint8), (100, 1))[..., None], 3, axis=2)
    points = np.array([[50.0, 30.0], [120.5, 60.0], [-3.0, 5.0], [40.0, 101.0]])
    assert landmark_brightness(ramp, points, 60)[:2] == pytest.approx([50, 120.5], abs=1e-3)
    assert np.isnan(landmark_brightness(ramp, points, 60)[2:]).all(), "outside the picture"


def test_a_blurred_face_is_less_sharp_and_its_size_does_not_matter():
    from skimage.data import astronaut

    picture = Image.fromarray(astronaut()).crop((95, 0, 375, 280))
    face = np.array([[60.0, 40.0], [200.0, 220.0]])
    sharp = face_sharpness(np.asarray(picture), face)
    blurred = face_sharpness(np.asarray(picture.filter(ImageFilter.GaussianBlur(3))), face)
    double = face_sharpness(np.asarray(picture.resize((560, 560), Image.Resampling.BICUBIC)), face * 2)
    assert blurred < 0.4 * sharp
    assert double == pytest.approx(sharp, rel=0.15)
    assert np.isnan(face_sharpness(np.asarray(picture), face * np.nan))


def test_the_shape_stands_in_for_identity():
    target, driver = FACE, (FACE - 128) * [1.15, 1.0] + 128  # the driver's face is wider
    shapes = [mean_shape(turned(face[None], 12, 1.7)) for face in (target, driver, (target + driver) / 2)]
    assert shape_identity(shapes[0], mean_shape(target[None]), mean_shape(driver[None])) == pytest.approx(1)
    assert shape_identity(shapes[1], mean_shape(target[None]), mean_shape(driver[None])) == pytest.approx(-1)
    assert abs(shape_identity(shapes[2], mean_shape(target[None]), mean_shape(driver[None]))) < 0.1
    assert mean_shape(FACE[None] * np.nan) is None
    assert np.isnan(shape_identity(None, shapes[0], shapes[1]))


def test_the_five_points_lie_in_eyes_nose_and_mouth():
    right, left, nose, right_corner, left_corner = five_points(FACE)
    assert right[0] < nose[0] < left[0]
    assert right_corner[0] < nose[0] < left_corner[0]
    assert max(right[1], left[1]) < nose[1] < min(right_corner[1], left_corner[1])


GOOD = {
    "face_share": 1.0,
    "correlation": 0.9,
    "amplitude": 0.8,
    "flicker": 1.5,
    "driver_flicker": 1.0,
    "sharpness": 0.2,
    "portrait_sharpness": 0.25,
    "identity_arcface": 0.7,
}
RULE = QualityRule(
    least_face_share=0.9,
    least_correlation=0.5,
    least_amplitude=0.4,
    most_amplitude=1.3,
    least_identity=0.3,
    most_flicker=1.0,
    least_sharpness=0.5,
)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"face_share": 0.5}, "face_lost"),
        ({"correlation": 0.2}, "motion_not_transferred"),
        ({"amplitude": 0.1}, "motion_not_transferred"),
        ({"amplitude": 1.6}, "motion_exaggerated"),
        ({"identity_arcface": 0.1}, "identity_lost"),
        ({"flicker": 2.5}, "flickering"),
        ({"sharpness": 0.1}, "blurred"),
    ],
)
def test_a_broken_limit_rejects_with_its_reason(change, reason):
    assert judge(GOOD, RULE) is None
    result = judge(GOOD | change, RULE)
    assert result is not None
    assert (result.state, result.reason) == ("rejected", reason)
    assert judge(GOOD | change, QualityRule()) is None


def test_all_broken_limits_are_in_the_detail_and_unknown_measures_break_none():
    result = judge({"face_share": 0.1, "correlation": 0.25}, RULE)
    assert result is not None
    assert result.detail == (
        "its share of frames with a face is 0.1; at least 0.9; "
        "the correlation with the driver's motion is 0.25; at least 0.5"
    )
    assert judge({"face_share": 1.0}, RULE) is None
    assert derived({"flicker": 1.0, "driver_flicker": 1.25})["flicker_excess"] == 0
