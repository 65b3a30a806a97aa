from fractions import Fraction

import numpy as np
import pytest

from nvfair_tools.errors import NvfairError
from nvfair_tools.faces.framing import box_overlap
from nvfair_tools.landmarks.scheme import landmarks_from_mesh
from nvfair_tools.landmarks.tracking import (
    track_frames,
    track_video,
)
from nvfair_tools.media import Frame, MediaError, encode
from tests.nvfair_tools.clips import astronaut, face_clip, hopper, moving_face


def as_frames(images: list[np.ndarray], fps: float = 25) -> list[Frame]:
    return [Frame(n, n / fps, image) for n, image in enumerate(images)]


def square(portrait: np.ndarray, side: int = 256) -> np.ndarray:
    from PIL import Image

    return np.array(Image.fromarray(portrait[:512, :512]).resize((side, side)))


class Scripted:
    """A landmarker that finds what the test says: rectangles (left, top, right, bottom) in each frame."""

    name, version = "scripted", "1"

    def __init__(self, *frames: list[tuple[float, float, float, float]]) -> None:
        self._frames = frames
        self._next = 0

    def start(self) -> None:
        self._next = 0

    def find(self, image: np.ndarray) -> list[np.ndarray]:
        meshes = [self._mesh(*box) for box in self._frames[self._next]]
        self._next += 1
        return meshes

    def close(self) -> None: ...

    @staticmethod
    def _mesh(left: float, top: float, right: float, bottom: float) -> np.ndarray:
        grid = np.random.default_rng(1).uniform(size=(478, 3)).astype(np.float32)
        grid[:2] = ((0, 0, 0), (1, 1, 0))
        return (grid * (right - left, bottom - top, 1) + (left, top, 0)).astype(np.float32)


BLACK = np.zeros((200, 300, 3), np.uint8)


def track_script(*frames: list[tuple[float, float, float, float]], fps: float = 25):
    return track_frames(as_frames([BLACK] * len(frames), fps), Scripted(*frames), (300, 200))


def test_a_track_follows_a_moving_camera_exactly(landmarker):
    """The picture is shifted by whole pixels, so the landmarks must shift by as much."""
    images = [np.ascontiguousarray(astronaut()[0:400, 20 + 4 * n : 420 + 4 * n]) for n in range(12)]
    track = track_frames(as_frames(images), landmarker, (400, 400))
    assert track.valid.all()
    landmarks = landmarks_from_mesh(track.mesh)
    moved = landmarks[0, :, 0].mean() - landmarks[:, :, 0].mean(axis=1)
    np.testing.assert_allclose(moved, 4 * np.arange(12), atol=1.5)


def test_every_frame_has_a_row_with_its_reason(landmarker):
    face, empty = moving_face(astronaut(), 6), np.full((256, 256, 3), 100, np.uint8)
    track = track_frames(as_frames([empty, *face, empty, *face]), landmarker, (256, 256))
    assert len(track) == 14
    assert track.reason.tolist() == ["no_face", *[""] * 6, "no_face", *[""] * 6]
    assert track.valid.tolist() == [reason == "" for reason in track.reason]
    assert np.isnan(track.mesh[~track.valid]).all()
    assert np.isfinite(track.mesh[track.valid]).all()
    assert track.mesh.dtype == np.float32
    np.testing.assert_allclose(track.time, np.arange(14) / 25)
    assert (track.detector, track.version) == (landmarker.name, landmarker.version)


def test_a_track_does_not_depend_on_what_was_tracked_before(tmp_path, landmarker):
    clip = face_clip(tmp_path / "a.mp4", frames=10)
    other = tmp_path / "b.mp4"
    encode(other, moving_face(hopper(), 7), Fraction(25))
    first = track_video(clip, landmarker)
    track_video(other, landmarker)
    again = track_video(clip, landmarker)
    np.testing.assert_array_equal(first.mesh, again.mesh)


def test_a_video_without_any_face_gives_a_whole_track_of_no_face(tmp_path, landmarker):
    encode(tmp_path / "a.mp4", [np.full((64, 64, 3), 90, np.uint8)] * 5, Fraction(25))
    track = track_video(tmp_path / "a.mp4", landmarker)
    assert track.reason.tolist() == ["no_face"] * 5
    assert track.size == (64, 64)


def test_a_cut_file_raises_and_gives_no_short_track(tmp_path, landmarker):
    clip = face_clip(tmp_path / "a.mp4", frames=30)
    clip.write_bytes(clip.read_bytes()[:-3000])
    with pytest.raises(MediaError) as caught:
        track_video(clip, landmarker)
    assert caught.value.cause == "truncated"


def test_a_frame_of_another_size_is_refused(landmarker):
    with pytest.raises(NvfairError, match="300x200"):
        track_frames(as_frames([BLACK, BLACK[:100]]), landmarker, (300, 200))


def test_no_frame_at_all_gives_an_empty_track(landmarker):
    track = track_frames([], landmarker, (300, 200))
    assert track.mesh.shape == (0, 478, 3)
    assert len(track) == 0
    assert track.valid.dtype == bool


def test_the_larger_of_two_real_faces_is_followed_and_both_are_flagged(landmarker):
    picture = np.full((300, 640, 3), 128, np.uint8)
    picture[:, :300] = astronaut()[:300, 75:375]
    picture[:220, 380:600] = square(hopper(), 220)
    track = track_frames(as_frames([picture] * 6), landmarker, (640, 300))
    assert track.flags == ("several_faces",)
    assert track.valid.all()
    assert (track.mesh[:, :, 0].mean(axis=1) < 300).all()


def test_the_largest_face_is_chosen_first_and_then_kept_though_another_grows():
    small, large = (10, 10, 60, 60), (150, 20, 250, 120)
    track = track_script([small, large], [(0, 0, 120, 120), large], [large, (0, 0, 130, 130)])
    assert track.valid.all()
    assert (track.mesh[:, :, 0].min(axis=1) >= 149).all()
    assert track.flags == ("several_faces",)


def test_one_face_found_twice_is_one_face():
    track = track_script([(10, 10, 100, 100), (12, 11, 101, 99)])
    assert track.flags == ()


def test_while_only_another_face_is_found_the_followed_one_is_lost():
    here, there = (10, 10, 60, 60), (200, 100, 280, 180)
    track = track_script([here], [there], [there], [here])
    assert track.reason.tolist() == ["", "lost", "lost", ""]
    assert track.flags == ()


def test_a_single_wild_jump_is_not_believed():
    here, there = (10, 10, 60, 60), (200, 100, 280, 180)
    track = track_script([here], [here], [there], [here], [here])
    assert track.reason.tolist() == ["", "", "lost", "", ""]


def test_a_face_that_stays_elsewhere_for_half_a_second_is_followed_and_flagged():
    here, there = (10, 10, 60, 60), (200, 100, 280, 180)
    track = track_script(*[[here]] * 3, *[[there]] * 20, fps=10)
    assert track.reason.tolist() == [""] * 3 + ["lost"] * 5 + [""] * 15
    assert track.flags == ("face_jumped",)


def test_a_face_that_wanders_elsewhere_without_settling_is_never_followed():
    here, a, b = (10, 10, 60, 60), (200, 100, 280, 180), (200, 10, 260, 60)
    track = track_script([here], *[[a], [b]] * 10, fps=10)
    assert track.reason.tolist() == [""] + ["lost"] * 20


def test_a_mesh_largely_outside_the_picture_is_not_valid():
    track = track_script([(10, 10, 100, 100)], [(-40, 10, 60, 100)], [(-15, 10, 85, 100)])
    assert track.reason.tolist() == ["", "out_of_frame", ""]


@pytest.mark.parametrize(
    ("second", "expected"),
    [((0, 0, 2, 2), 1.0), ((1, 0, 3, 2), 1 / 3), ((2, 0, 4, 2), 0.0), ((5, 5, 6, 6), 0.0), ((0, 0, 0, 0), 0.0)],
)
def test_overlap_is_intersection_over_union(second, expected):
    assert box_overlap(np.array([0.0, 0, 2, 2]), np.array(second, float)) == pytest.approx(expected)


def test_real_clips_are_tracked_throughout(shared, landmarker):
    for name in ("mead/W009_front_angry_level3_001.mp4", "grid/bbaf2n.mpg", "hard/fps_22_13.mp4"):
        track = track_video(shared / "clips" / name, landmarker)
        assert track.valid.all(), name
        assert track.flags == (), name
        steps = np.linalg.norm(np.diff(landmarks_from_mesh(track.mesh), axis=0), axis=2)
        assert np.median(steps) < 0.02 * track.size[0], name
