"""What the stress tests do to tracks: alignment, disguises, mixed drivers, mouths that sound drives, encoded videos."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.stress.disguises import resized_movement, retimed, smoothed
from benchmark.stress.face_frames import FaceFrames, to_complex
from benchmark.stress.mixed_drivers import LOWER_FACE, with_lower_face
from benchmark.stress.reencoding import Reencoding, _kept_frames, reencoding
from benchmark.stress.sound_driven import mouth_course, neutral_face, sound_driven_track
from benchmark.stress.tracks import Track, track_table
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError
from nvfair_tools.landmarks.scheme import OUTER_EYE_CORNERS, SCHEME_126
from nvfair_tools.simulate.base_mesh import base_mesh
from tests.mediapipe_here import skip_without_landmarker

FACE = (100 * base_mesh()[SCHEME_126.indices, :2] + 128).astype(np.float64)
UPPER = np.setdiff1d(np.arange(126), LOWER_FACE)
CHIN, BROW = SCHEME_126.position(152), SCHEME_126.position(105)


def turned(points: np.ndarray, degrees: float, scale: float = 1.0, shift: tuple[float, float] = (0, 0)) -> np.ndarray:
    """Points (..., 2) turned clockwise on the screen, scaled and moved."""
    angle = np.radians(degrees)
    matrix = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return scale * points @ matrix + shift


def track(landmarks: np.ndarray) -> Track:
    return landmarks.astype(np.float32), np.ones(len(landmarks), dtype=bool), np.arange(len(landmarks)) / 25


def nodding(offsets: np.ndarray) -> np.ndarray:
    """A face in a moving head: offsets (T, 126, 2) on the face, then another turn, size and place in each frame."""
    return np.stack([turned(FACE + offset, 3 * n, 1 + 0.02 * n, (n, -2 * n)) for n, offset in enumerate(offsets)])


def test_frames_are_brought_onto_a_face_by_the_similarity_that_moved_them() -> None:
    frames = FaceFrames.of(nodding(np.zeros((4, 126, 2))), to_complex(FACE))
    assert np.allclose(frames.points, to_complex(FACE), atol=1e-9)
    assert np.allclose(frames.factor, [(1 + 0.02 * n) * np.exp(1j * np.radians(3 * n)) for n in range(4)])
    assert np.allclose(frames.landmarks(frames.points), nodding(np.zeros((4, 126, 2))), atol=1e-4)
    with pytest.raises(ValueError, match="no frame"):
        FaceFrames.of(np.empty((0, 126, 2)))


def test_a_faster_video_has_its_frames_at_earlier_times() -> None:
    points, valid, time = track(np.zeros((5, 126, 2)))
    assert np.allclose(retimed(1.25)("v", points, valid, time + 2)[2], 2 + np.array([0, 0.8, 1.6, 2.4, 3.2]) / 25)
    with pytest.raises(NvfairError, match="speed"):
        retimed(0)


def test_smoothing_spreads_a_jump_by_a_gaussian_and_leaves_lost_frames_out() -> None:
    points, valid, time = track(np.zeros((41, 126, 2)))
    points[20] = 1.0
    result, result_valid, _ = smoothed(0.08)("v", points, valid, time)  # two frames
    gaussian = np.exp(-0.5 * ((np.arange(41) - 20) / 2) ** 2)
    assert np.allclose(result[10:31, 7, 1], (gaussian / gaussian.sum())[10:31], atol=1e-6)
    assert result_valid.all()
    valid[20] = False
    points[20] = np.nan
    result, result_valid, _ = smoothed(0.08)("v", points, valid, time)
    assert np.isnan(result[20]).all()
    assert (result[valid] == 0).all()


@pytest.mark.parametrize("factor", [0.0, 0.5, 1.0, 2.0])
def test_a_face_that_moves_less_keeps_its_head_movement(factor: float) -> None:
    offsets = np.zeros((4, 126, 2))
    offsets[:, CHIN, 1] = [0, 4, 0, 4]  # about its mean of 2
    expected = np.zeros((4, 126, 2))
    expected[:, CHIN, 1] = 2 + factor * np.array([-2, 2, -2, 2])
    result, _, _ = resized_movement(factor)("v", *track(nodding(offsets)))
    assert np.allclose(result, nodding(expected), atol=1e-3)


def test_a_mixed_video_has_the_lower_face_of_one_and_all_else_of_the_other() -> None:
    base, donor = np.zeros((4, 126, 2)), np.zeros((6, 126, 2))
    base[:, BROW, 1] = [0, 3, 0, 3]
    base[:, CHIN, 1] = [9, 1, 5, 1]  # mean 4: replaced by the donor's movement about that mean
    donor[:4, CHIN, 1] = [0, 2, 0, 2]
    donor[:, BROW, 1] = 7  # not taken over
    expected = base.copy()
    expected[:, CHIN, 1] = 4 + np.array([-1, 1, -1, 1])
    result, valid, time = with_lower_face(track(nodding(base)), track(nodding(donor)))
    assert len(time) == valid.sum() == 4
    assert np.allclose(result, nodding(expected), atol=1e-3)


def test_a_mixed_frame_is_lost_where_either_part_is() -> None:
    first, second = track(nodding(np.zeros((5, 126, 2)))), track(nodding(np.zeros((5, 126, 2))))
    first[1][1], second[1][3] = False, False
    result, valid, _ = with_lower_face(first, second)
    assert valid.tolist() == [True, False, True, False, True]
    assert np.isnan(result[[1, 3]]).all()


def test_the_mouth_follows_the_text_and_nothing_else_moves() -> None:
    course = mouth_course("sound 01", 4.0)
    assert course.shape == (100, 126, 2)
    assert np.allclose(course.mean(axis=0), 0, atol=1e-12)
    still = [
        SCHEME_126.position(point) for point in (33, 133, 362, 263, 105, 334, 168, 10) if point in SCHEME_126.indices
    ]
    assert np.abs(course[:, still]).max() < 1e-5
    assert np.ptp(course[:, CHIN, 1]) > 0.03  # of the eye distance
    assert np.array_equal(course, mouth_course("sound 01", 4.0))
    assert not np.allclose(course, mouth_course("sound 02", 4.0))


def test_every_face_speaks_a_text_alike_up_to_its_size_turn_and_the_landmarkers_noise() -> None:
    eye_distance = float(np.linalg.norm(np.subtract(*(FACE[position] for position in OUTER_EYE_CORNERS))))
    course = mouth_course("sound 01", 40.0)
    for degrees, scale in ((0.0, 1.0), (30.0, 2.0)):
        face = turned(FACE, degrees, scale)
        landmarks, valid, time = sound_driven_track(face, "sound 01", 40.0, 0, "v")
        assert valid.all()
        assert np.allclose(np.diff(time), 0.04)
        moved = turned(landmarks - face, -degrees, 1 / scale)[:, CHIN] / eye_distance
        # The noise is independent of the course: the regression of one on the other is 1.
        slope = (moved[:, 1] * course[:, CHIN, 1]).sum() / np.square(course[:, CHIN, 1]).sum()
        assert slope == pytest.approx(1, abs=0.05)
        assert np.abs(moved - course[:, CHIN]).std() < 0.02


def test_the_neutral_face_is_the_mean_over_videos_apart_from_head_movement() -> None:
    raised = np.zeros((4, 126, 2))
    raised[:, CHIN, 1] = 6
    tracks = track_table(
        np.array(["a", "b"], dtype=object), [track(nodding(np.zeros((8, 126, 2)))), track(nodding(raised))]
    )
    expected = FACE.copy()
    expected[CHIN, 1] += 3  # each video counts once, whatever its length
    assert np.allclose(neutral_face(tracks), expected, atol=1e-3)


def test_thinned_videos_keep_the_frames_that_are_shown_at_the_new_times() -> None:
    assert _kept_frames(np.arange(10) / 25, 12.5).tolist() == [0, 2, 4, 6, 8]
    assert _kept_frames(np.arange(7) / 30, 20).tolist() == [0, 1, 3, 4, 6]  # shown at 0, 1.5, 3, 4.5, 6 frames
    assert _kept_frames(np.arange(4) / 25, 25).tolist() == [0, 1, 2, 3]
    assert _kept_frames(np.arange(4) / 25, None).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("wrong", [{"crf": 60}, {"scale": 0.0}, {"scale": 2.0}, {"rate": 0.0}])
def test_settings_that_no_encoder_takes_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(NvfairError):
        Reencoding(**wrong)  # type: ignore[arg-type]


@pytest.mark.slow
def test_encoded_videos_are_tracked_in_pixels_of_the_original_and_kept_for_the_next_run(tmp_path: Path) -> None:
    skip_without_landmarker()
    skimage = pytest.importorskip("skimage")
    from nvfair_tools.media import encode

    face = skimage.data.astronaut()[:256, 96:352]
    encode(tmp_path / "a.mp4", [np.roll(face, n, axis=1) for n in range(12)], Fraction(25))
    videos = pd.DataFrame([{"video": "a", "path": "a.mp4", "fps_num": 25, "fps_den": 1, "sha256": "content"}])
    data = Dataset(tmp_path, {}, videos, videos)
    blank = np.zeros((12, 126, 2), np.float32), np.zeros(12, dtype=bool), np.arange(12) / 25
    done: list[tuple[int, int]] = []

    def encoded(settings: Reencoding) -> Track:
        report = lambda *counts: done.append(counts)  # noqa: E731
        return reencoding(data, videos, settings, store=tmp_path / "store", report=report)("a", *blank)

    settings = (Reencoding(), Reencoding(scale=0.5), Reencoding(rate=12.5))
    whole, half, thin = (encoded(s) for s in settings)
    assert half[1].all()
    assert np.median(np.linalg.norm(half[0] - whole[0], axis=2)) < 2
    assert thin[2].tolist() == [0, 0.08, 0.16, 0.24, 0.32, 0.4]
    assert np.median(np.linalg.norm(thin[0] - whole[0][::2], axis=2)) < 2
    assert done == [(1, 1)] * 3
    (tmp_path / "a.mp4").unlink()  # what is stored needs no video
    for before, again in zip((whole, half, thin), (encoded(s) for s in settings), strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(before, again, strict=True))
