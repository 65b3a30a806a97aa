"""Clips are degraded by known amounts, and the measures follow."""

from fractions import Fraction

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from nvfair_tools.faces.frontality import head_angles
from nvfair_tools.landmarks.landmarker import create_landmarker
from nvfair_tools.landmarks.track import Track
from nvfair_tools.landmarks.tracking import track_frames
from nvfair_tools.media import Frame, decode, encode
from nvfair_tools.quality.clip_measures import (
    ClipMeter,
    face_light,
    landmark_jitter,
    longest_repetition,
    picture_change,
    repeated_pictures,
    track_measures,
)
from tests.nvfair_tools.clips import astronaut, moving_face


def square_mesh(side: float, left: float = 40.0, top: float = 40.0) -> np.ndarray:
    """A mesh (478, 3) whose box is a square, with most points within it."""
    points = np.random.default_rng(0).uniform(0, side, (478, 3)).astype(np.float32)
    points[0, :2], points[1, :2] = 0, side
    return points + np.float32([left, top, 0])


def track_of(mesh: np.ndarray, size: tuple[int, int] = (256, 256), reason: list[str] | None = None) -> Track:
    """A track of these meshes at 25 frames a second; frames with a reason are not valid."""
    reasons = np.array(reason or [""] * len(mesh), dtype=object)
    return Track(mesh, reasons == "", reasons, np.arange(len(mesh)) / 25, size, "none", "1")


def measured(frames: list[np.ndarray], mesh: np.ndarray) -> dict[str, float]:
    """The measures of pictures that all have one mesh."""
    meter = ClipMeter(len(frames))
    for index, image in enumerate(frames):
        meter.add(Frame(index, index / 25, image), mesh, [])
    return meter.measures()


@pytest.mark.parametrize("deviation", [1.5, 2.0, 3.0])
def test_sharpness_falls_with_the_square_of_the_blur(deviation):
    # White noise that a Gaussian of deviation s has blurred has the spectrum exp(-(s w)^2), under which the Laplacian
    # |w|^2 has the root mean square 2^0.5 / s^2.
    noise = np.random.default_rng(1).normal(size=(208, 208))
    picture = gaussian_filter(noise, deviation, mode="wrap")
    grey = np.clip(128 + 40 * picture / picture.std(), 0, 255).astype(np.uint8)
    sharpness = measured([np.repeat(grey[:, :, None], 3, axis=2)], square_mesh(128))["sharpness"]
    assert sharpness == pytest.approx(2**0.5 / deviation**2, rel=0.12)


def test_sharpness_of_a_face_agrees_with_opencv():
    cv2 = pytest.importorskip("cv2")
    picture = astronaut()[:256, 100:356]
    face = picture[40:168, 40:168].astype(np.float64) @ np.array([0.299, 0.587, 0.114])
    expected = cv2.Laplacian(face, cv2.CV_64F, ksize=1)[1:-1, 1:-1].std() / face.std()
    assert measured([picture], square_mesh(128))["sharpness"] == pytest.approx(expected, rel=1e-3)


def test_light_follows_a_known_gain():
    ramp = np.repeat(np.tile(np.arange(256, dtype=np.uint8), (256, 1))[:, :, None], 3, axis=2)
    box = np.array([0.0, 0.0, 256.0, 256.0])
    # Grey values 0 to 5 are dark, 250 to 255 bright: six of 256 each.
    assert face_light(ramp, box) == pytest.approx((127.5, 6 / 256, 6 / 256))
    brighter = np.minimum(ramp.astype(np.float64) * 2, 255).astype(np.uint8)  # 125 to 255 become 250 and more
    assert face_light(brighter, box)[2] == pytest.approx(131 / 256)
    darker = (ramp * 0.1).astype(np.uint8)  # 0 to 59 become 5 and less
    assert face_light(darker, box)[:2] == pytest.approx((float(darker.mean()), 60 / 256))


def test_repeated_frames_are_counted_after_encoding(tmp_path):
    frames = moving_face(astronaut(), 30)
    # Frame 5 comes twice and frame 12 four times: four repetitions in 33 steps, the longest of three.
    repeated = [frame for n, frame in enumerate(frames) for _ in range({5: 2, 12: 4}.get(n, 1))]
    encode(tmp_path / "clip.mp4", repeated, Fraction(25))
    landmarker = create_landmarker()
    meter = ClipMeter(len(repeated))
    track = track_frames(decode(tmp_path / "clip.mp4"), landmarker, (256, 256), observer=meter)
    landmarker.close()
    values = meter.measures()
    assert track.valid.all()
    assert values["repeated_share"] == pytest.approx(4 / 33, abs=1e-6)
    assert values["frozen_seconds"] == pytest.approx(3 / 25, abs=1e-6)
    assert values["several_share"] == values["smaller_share"] == 0


def test_a_clip_that_stands_still_is_frozen_throughout():
    values = measured([astronaut()[:256, :256]] * 26, square_mesh(128))
    assert values["repeated_share"] == 1
    assert values["frozen_seconds"] == pytest.approx(1)


def test_changes_are_those_of_the_face_not_of_the_background():
    before = np.zeros((200, 200, 3), np.uint8)
    after = before.copy()
    after[:20] = 255
    box = np.array([50.0, 50.0, 100.0, 100.0])
    assert picture_change(before, after, box, box) == 0
    assert picture_change(before, after, None, box) == pytest.approx(25.5)
    after[50:75, 50:100] = 8  # half of the face
    assert picture_change(after, before, box, box) == pytest.approx(4)
    assert repeated_pictures(np.array([4.0, 4.0, 0.1, 0.0, 4.0])).tolist() == [False, False, True, True, False]
    assert longest_repetition(np.array([False, True, True, False]), np.array([0, 1, 2, 4, 5.0])) == 3


@pytest.mark.parametrize("noise", [0.2, 0.8])
@pytest.mark.parametrize("is_even", [True, False])
def test_jitter_is_the_deviation_of_added_noise_over_the_faces_size(noise, is_even):
    random = np.random.default_rng(2)
    time = np.arange(100) / 25 if is_even else np.cumsum(random.uniform(0.02, 0.06, 100))
    mesh = np.repeat(square_mesh(200)[None], 100, axis=0).astype(np.float64)
    mesh[..., 0] += 20 * np.sin(2 * np.pi * 0.3 * time)[:, None]
    valid = np.ones(100, dtype=bool)
    assert landmark_jitter(mesh, valid, time) < 0.0003
    mesh += random.normal(scale=noise, size=mesh.shape)
    assert landmark_jitter(mesh, valid, time) == pytest.approx(noise / 200, rel=0.06)
    # A face that turns away at once for three of a hundred frames changes little.
    mesh[50:53] += 30
    assert landmark_jitter(mesh, valid, time) == pytest.approx(noise / 200, rel=0.1)
    assert np.isnan(landmark_jitter(mesh, np.arange(100) % 3 > 0, time))


def test_angles_follow_a_known_turn_of_a_real_mesh():
    landmarker = create_landmarker()
    landmarker.start()
    mesh = landmarker.find(moving_face(astronaut(), 1)[0])[0].astype(np.float64)
    landmarker.close()
    still = np.array(head_angles(mesh[None]))[:, 0]
    # The line between the ears, and that from forehead to chin, are levelled first, so that a turn adds to its angle.
    level = Rotation.from_euler("z", -still[2], degrees=True).apply(mesh)
    level = Rotation.from_euler("y", np.degrees(np.arctan2(*(level[454] - level[234])[[2, 0]])), degrees=True).apply(
        level
    )
    for axis, number, sign in (("y", 0, -1), ("z", 2, 1)):
        turned = Rotation.from_euler(axis, sign * 25, degrees=True).apply(level)
        difference = np.array(head_angles(turned[None]))[:, 0] - np.array(head_angles(level[None]))[:, 0]
        assert difference[number] == pytest.approx(25, abs=1.0)
    nodding = Rotation.from_euler("x", 15, degrees=True).apply(level)
    change = head_angles(nodding[None])[1] - head_angles(level[None])[1]
    assert change == pytest.approx(15, abs=0.5)


def test_size_and_place_of_the_face():
    mesh = np.repeat(square_mesh(120)[None], 10, axis=0)
    assert track_measures(track_of(mesh))["face_size"] == pytest.approx(120)
    assert track_measures(track_of(mesh))["whole_share"] == 1
    mesh[:4, :, 0] += 120  # a few points lie to the right of the picture
    assert track_measures(track_of(mesh))["whole_share"] == pytest.approx(0.6)
    reasons = ["out_of_frame"] * 2 + ["no_face"] * 3 + [""] * 5
    assert track_measures(track_of(mesh, reason=reasons))["whole_share"] == pytest.approx(5 / 7)


def test_a_track_without_a_face_has_no_measures_but_what_was_seen():
    mesh = np.full((4, 478, 3), np.nan, np.float32)
    assert track_measures(track_of(mesh, reason=["no_face"] * 4)) == {}
    assert track_measures(track_of(mesh, reason=["out_of_frame"] * 4)) == {"whole_share": 0.0}
    meter = ClipMeter(0)
    assert meter.measures() == {}
    assert meter.embedding() is None


def test_the_detector_counts_faces_and_says_which_is_the_largest(shared):
    from nvfair_tools.faces.detector import create_detector

    model = shared / "models" / "scrfd_500m_kps.onnx"
    if not model.is_file():
        pytest.skip("there is no SCRFD model in shared/models")
    face = astronaut()[:256, 100:356]
    two = np.concatenate([face, np.pad(face[::2, ::2], ((64, 64), (0, 0), (0, 0)))], axis=1)
    landmarker = create_landmarker()
    landmarker.start()
    meshes = sorted(landmarker.find(two), key=lambda mesh: mesh[:, 0].mean())
    landmarker.close()
    large, small = meshes[0], large_to_small(meshes[0])
    detector = create_detector(model)
    for mesh, smaller_share in ((large, 0.0), (small, 1.0)):
        meter = ClipMeter(1, detector)
        meter.add(Frame(0, 0.0, two), mesh, [])
        assert meter.measures()["detected_several_share"] == 1
        assert meter.measures()["detected_smaller_share"] == smaller_share


def large_to_small(mesh: np.ndarray) -> np.ndarray:
    """The mesh of the half-sized copy to the right of a face."""
    return mesh / 2 + np.array([256, 64, 0], np.float32)
