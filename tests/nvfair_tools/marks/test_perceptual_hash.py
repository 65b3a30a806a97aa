"""The perceptual hash on real clips that were encoded again, and on one face that moves otherwise."""

from fractions import Fraction
from itertools import islice

import numpy as np
import pytest

from nvfair_tools.marks.perceptual_hash import MOST_MOTION, HashIndex, hash_of_video, is_hash
from nvfair_tools.media import decode, encode
from tests.nvfair_tools.marks.conftest import write_rendered

CLIPS = ["grid/bbaf2n.mpg", "grid/swiz3n.mpg", "mead/W011_front_happy_level3_001.mp4"]


@pytest.fixture(scope="module")
def real(shared):
    """{name: (path, the first 90 frames, uint8 (H, W, 3))}; all have 25 frames a second."""
    clips = {}
    for name in CLIPS:
        frames = [frame.image for frame in islice(decode(shared / "clips" / name), 90)]
        clips[name] = (shared / "clips" / name, frames)
    return clips


def test_copies_of_real_clips_are_found_and_taken_for_no_other(real, tmp_path):
    index = HashIndex([(name, hash_of_video(path)) for name, (path, _) in real.items()])
    for name, (_, frames) in real.items():
        small = [frame[::2, ::2] for frame in frames]
        encode(tmp_path / "copy.mp4", small, Fraction(25), crf=35)
        text = hash_of_video(tmp_path / "copy.mp4")
        nearest = index.nearest(text)
        assert nearest is not None
        assert nearest[0] == name
        assert sorted(index.distances(text)[:, 1])[1] > 1.5 * MOST_MOTION


def test_one_face_that_moves_otherwise_is_another_video(rendered, tmp_path):
    paths = sorted((rendered / "warp").glob("*.mp4"))
    index = HashIndex([(path.name, hash_of_video(path)) for path in paths])
    write_rendered(tmp_path / "other.mp4", 5)
    text = hash_of_video(tmp_path / "other.mp4")
    assert (index.distances(text)[:, 0] < 0.15).all()  # the same face
    assert index.nearest(text) is None


def test_a_shorter_video_is_no_copy_and_an_empty_index_knows_none(tmp_path):
    frames = [np.full((64, 64, 3), number, np.uint8) for number in range(90)]
    for number, (count, fps) in enumerate([(90, 30), (30, 30), (75, 25)]):
        encode(tmp_path / f"{number}.mp4", frames[:count], Fraction(fps))
    index = HashIndex([("whole", hash_of_video(tmp_path / "0.mp4"))])
    assert np.isinf(index.distances(hash_of_video(tmp_path / "1.mp4"))).all()
    assert index.nearest(hash_of_video(tmp_path / "1.mp4")) is None
    assert HashIndex([]).nearest(hash_of_video(tmp_path / "2.mp4")) is None


def test_a_video_without_any_motion_is_never_said_to_be_a_copy(tmp_path):
    """Nothing but noise could tell still videos apart."""
    encode(tmp_path / "a.mp4", [np.full((64, 64, 3), 90, np.uint8)] * 30, Fraction(25))
    text = hash_of_video(tmp_path / "a.mp4")
    assert HashIndex([("a", text)]).nearest(text) is None


@pytest.mark.parametrize("text", ["", "8" * 62, "8" * 63, "8" * 63 * 18, "g" * 126, "8" * 125])
def test_other_texts_are_no_hash(text):
    assert not is_hash(text)
    with pytest.raises(ValueError):
        HashIndex([("a", text)])
