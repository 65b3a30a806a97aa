import builtins
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from nvfair_tools.errors import MissingExtra, NvfairError
from nvfair_tools.landmarks.landmarker import create_landmarker
from nvfair_tools.landmarks.mediapipe import SURVEY_INTERVAL, import_mediapipe, quiet_stderr
from tests.generators.warp.facemesh import track as mediapipes_own_track
from tests.mediapipe_here import skip_without_face_mesh
from tests.nvfair_tools.clips import astronaut, hopper, moving_face
from tests.nvfair_tools.context_switches import needs_counts, voluntary_switches


def two_faces() -> np.ndarray:
    """Both portraits side by side, the astronaut on the left, uint8 (300, 640, 3)."""
    picture = np.full((300, 640, 3), 128, np.uint8)
    picture[:, :300] = astronaut()[:300, 75:375]
    picture[:, 340:] = np.array(Image.fromarray(hopper()[:512]).resize((300, 300)))
    return picture


@pytest.fixture(params=["facemesh", "tasks"])
def any_landmarker(request):
    if request.param == "tasks":
        shared = request.getfixturevalue("shared")
        landmarker = create_landmarker("tasks", shared / "models" / "face_landmarker.task")
    else:
        skip_without_face_mesh()
        landmarker = create_landmarker("facemesh")
    yield landmarker
    landmarker.close()


def test_a_face_is_found_where_it_is(any_landmarker):
    any_landmarker.start()
    (mesh,) = any_landmarker.find(astronaut())
    assert mesh.shape == (478, 3)
    assert mesh.dtype == np.float32
    # The eyes of this well-known picture, read off by eye.
    assert np.linalg.norm(mesh[468:473, :2].mean(axis=0) - (203, 100)) < 6
    assert np.linalg.norm(mesh[473:478, :2].mean(axis=0) - (246, 104)) < 6


def test_no_face_gives_an_empty_list(any_landmarker):
    any_landmarker.start()
    assert any_landmarker.find(np.full((120, 160, 3), 90, np.uint8)) == []


def test_several_faces_are_all_found(any_landmarker):
    any_landmarker.start()
    meshes = any_landmarker.find(two_faces())
    assert len(meshes) == 2
    centres = sorted(mesh[:, 0].mean() for mesh in meshes)
    assert centres[0] < 300
    assert centres[1] > 340


def test_a_second_face_is_noticed_within_the_survey_interval(any_landmarker):
    any_landmarker.start()
    alone = two_faces()
    alone[:, 320:] = 128
    counts = [len(any_landmarker.find(alone)) for _ in range(3)]
    counts += [len(any_landmarker.find(two_faces())) for _ in range(SURVEY_INTERVAL)]
    assert counts[:3] == [1, 1, 1]
    assert counts[-1] == 2


def test_what_is_found_does_not_depend_on_the_clip_before(any_landmarker):
    frames = moving_face(astronaut(), 8)
    any_landmarker.start()
    first = [any_landmarker.find(frame) for frame in frames]
    any_landmarker.start()
    for frame in moving_face(hopper(), 5):
        any_landmarker.find(frame)
    any_landmarker.start()
    again = [any_landmarker.find(frame) for frame in frames]
    for before, after in zip(first, again, strict=True):
        np.testing.assert_array_equal(before, after)


def test_clips_one_after_another_get_the_meshes_of_mediapipes_own_class_made_anew(landmarker):
    """Its graphs are kept from clip to clip, whatever the clip before showed: a face to its end, none, or noise."""
    blank = [np.zeros((96, 96, 3), np.uint8)] * 2
    noise = list(np.random.default_rng(0).integers(0, 256, (3, 128, 128, 3), dtype=np.uint8))
    clips = [moving_face(astronaut(), 4), noise, moving_face(hopper(), 4, size=96), blank + moving_face(astronaut(), 3)]
    for clip in [*clips, *clips]:
        landmarker.start()
        for frame, expected in zip(clip, mediapipes_own_track(clip), strict=True):
            meshes = landmarker.find(frame)
            assert len(meshes) == (expected is not None)
            if expected is not None:
                np.testing.assert_array_equal(meshes[0], expected)


@needs_counts
def test_a_face_is_followed_without_threads(landmarker):
    """Where each graph has threads of its own, they hand every picture on four times and more."""
    skip_without_face_mesh()
    frames = moving_face(astronaut(), 30)
    landmarker.start()
    landmarker.find(frames[0])
    before = voluntary_switches()
    for frame in frames:
        landmarker.find(frame)
    assert voluntary_switches() - before < 30


def test_both_interfaces_agree_within_a_few_hundredths_of_the_face(shared):
    skip_without_face_mesh()
    meshes = []
    for landmarker in (
        create_landmarker("facemesh"),
        create_landmarker("auto", shared / "models" / "face_landmarker.task"),
    ):
        landmarker.start()
        meshes.append(landmarker.find(astronaut())[0])
        landmarker.close()
    error = np.linalg.norm(meshes[0][:, :2] - meshes[1][:, :2], axis=1)
    assert np.median(error) / np.ptp(meshes[0][:, 0]) < 0.04


@pytest.mark.parametrize("image", [np.zeros((10, 10), np.uint8), np.zeros((10, 10, 3), np.float32)])
def test_another_kind_of_image_is_refused(landmarker, image):
    with pytest.raises(NvfairError, match="uint8 RGB"):
        landmarker.find(image)


def test_a_missing_or_wrong_model_file_is_named(tmp_path):
    with pytest.raises(NvfairError, match=r"nowhere\.task"):
        create_landmarker("tasks", tmp_path / "nowhere.task")
    wrong = tmp_path / "wrong.task"
    wrong.write_bytes(b"no model")
    with pytest.raises(NvfairError, match=r"wrong\.task"):
        create_landmarker("tasks", wrong)
    with pytest.raises(NvfairError, match="needs a model file"):
        create_landmarker("tasks")
    with pytest.raises(NvfairError, match="unknown"):
        create_landmarker("dlib")


@pytest.mark.parametrize(
    ("message", "error", "word"),
    [
        ("No module named 'mediapipe'", MissingExtra, "curate"),
        ("libGL.so.1: cannot open shared object file", NvfairError, "libgl1"),
        ("libgthread-2.0.so.0: cannot open shared object file", NvfairError, "libglib2.0-0"),
    ],
)
def test_what_is_missing_is_named_with_its_package(monkeypatch, message, error, word):
    real = builtins.__import__

    def refuse(name, *rest, **more):
        if name.startswith("mediapipe"):
            raise ImportError(message)
        return real(name, *rest, **more)

    monkeypatch.setattr("importlib.import_module", refuse)
    with pytest.raises(error, match=word):
        import_mediapipe()


def test_the_terminal_stays_quiet():
    program = """
import numpy as np, skimage.data
from nvfair_tools.landmarks.landmarker import create_landmarker
landmarker = create_landmarker()
for _ in range(2):
    landmarker.start()
    assert len(landmarker.find(skimage.data.astronaut())) == 1
landmarker.close()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert done.stdout == ""


def test_what_was_held_back_is_shown_when_something_fails(capfd):
    import os

    def fail():
        with quiet_stderr():
            os.write(2, b"the native library's last words\n")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert "last words" in capfd.readouterr().err
    with quiet_stderr():
        os.write(2, b"chatter\n")
    assert capfd.readouterr().err == ""
