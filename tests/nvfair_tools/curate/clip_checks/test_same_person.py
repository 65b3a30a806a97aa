from fractions import Fraction

import numpy as np
import pytest

from nvfair_tools.curate.clip_checks.same_person import check_identity, flag_identity
from nvfair_tools.errors import NvfairError
from nvfair_tools.faces.recogniser import Recogniser
from nvfair_tools.landmarks.landmarker import create_landmarker
from nvfair_tools.landmarks.tracking import track_video
from nvfair_tools.media import encode
from tests.nvfair_tools.clips import astronaut, moving_face


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """One clip of one face, and one whose second half has the colours of another planet."""
    folder = tmp_path_factory.mktemp("clips")
    frames = moving_face(astronaut(), 20)
    encode(folder / "one.mp4", frames, Fraction(25))
    encode(folder / "two.mp4", [*frames[:10], *(255 - frame // 2 for frame in frames[10:])], Fraction(25))
    landmarker = create_landmarker()
    tracks = {name: track_video(folder / f"{name}.mp4", landmarker) for name in ("one", "two")}
    landmarker.close()
    return folder, tracks


def test_without_a_recogniser_the_track_says_it_was_not_checked(clips):
    folder, tracks = clips
    track = flag_identity(folder / "one.mp4", tracks["one"], None)
    assert track.flags == ("identity_not_checked",)
    np.testing.assert_array_equal(track.mesh, tracks["one"].mesh)


def test_a_clip_of_one_face_keeps_its_identity(clips, recognition_model):
    folder, tracks = clips
    recogniser = Recogniser(recognition_model)
    check = check_identity(folder / "one.mp4", tracks["one"], recogniser, max_frames=5)
    assert check.same is True
    assert check.least_similarity > 0.9
    assert check.frames.tolist() == [0, 5, 10, 14, 19]
    before = flag_identity(folder / "one.mp4", tracks["one"], None)
    assert flag_identity(folder / "one.mp4", before, recogniser).flags == ()


def test_a_clip_whose_face_changes_is_flagged(clips, recognition_model):
    folder, tracks = clips
    recogniser = Recogniser(recognition_model.parent)
    check = check_identity(folder / "two.mp4", tracks["two"], recogniser)
    assert check.same is False
    assert flag_identity(folder / "two.mp4", tracks["two"], recogniser).flags == ("identity_changes",)


def test_too_few_frames_are_not_checked(clips, recognition_model):
    folder, tracks = clips
    track = tracks["one"]
    valid = np.zeros(len(track), dtype=bool)
    valid[3] = True
    from dataclasses import replace

    check = check_identity(folder / "one.mp4", replace(track, valid=valid), Recogniser(recognition_model))
    assert check.same is None
    none = replace(track, valid=np.zeros(len(track), dtype=bool))
    assert check_identity(folder / "one.mp4", none, Recogniser(recognition_model)).same is None


def test_embeddings_are_unit_vectors_of_the_aligned_face(recognition_model, clips):
    _, tracks = clips
    recogniser = Recogniser(recognition_model)
    image, mesh = moving_face(astronaut(), 1)[0], tracks["one"].mesh[0]
    embedding = recogniser.embed(image, mesh)
    assert embedding.shape == (32,)
    assert np.linalg.norm(embedding) == pytest.approx(1, abs=1e-5)
    # The same face twice as large in another place is aligned to the same crop.
    large = np.full((700, 700, 3), 90, np.uint8)
    large[100:612, 60:572] = image.repeat(2, axis=0).repeat(2, axis=1)
    moved = mesh * 2 + np.array([60, 100, 0], np.float32)
    assert embedding @ recogniser.embed(large, moved) > 0.995


def test_a_folder_without_a_recognition_model_is_refused(tmp_path):
    with pytest.raises(NvfairError, match="no recognition model"):
        Recogniser(tmp_path)
