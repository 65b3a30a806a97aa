import numpy as np
import pytest

from nvfair_tools.errors import NvfairError
from nvfair_tools.faces.detector import create_detector
from nvfair_tools.faces.insight import load_model, pack_folder
from nvfair_tools.landmarks.framed_landmarker import FramedLandmarker
from nvfair_tools.landmarks.landmarker import create_landmarker
from nvfair_tools.landmarks.scheme import landmarks_from_mesh
from nvfair_tools.landmarks.tracking import track_frames, track_video
from nvfair_tools.media import Frame, decode
from tests.nvfair_tools.clips import astronaut


@pytest.fixture(scope="module")
def detector(shared):
    return create_detector(shared / "models" / "scrfd_500m_kps.onnx")


@pytest.fixture(scope="module")
def landmarker():
    return create_landmarker()


def test_a_pack_that_is_not_on_disk_is_named_with_the_path_to_put_it_at(tmp_path):
    with pytest.raises(NvfairError) as caught:
        create_detector(pack="buffalo_l", root=tmp_path)
    assert str(tmp_path / "models" / "buffalo_l") in str(caught.value)
    assert not (tmp_path / "models").exists()  # nothing was downloaded


def test_a_file_that_is_not_there_or_no_model_is_named(tmp_path):
    with pytest.raises(NvfairError, match=r"nowhere\.onnx"):
        create_detector(tmp_path / "nowhere.onnx")
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(NvfairError, match=r"text\.onnx"):
        create_detector(tmp_path / "text.onnx")


def test_a_model_of_another_kind_is_refused(recognition_model):
    with pytest.raises(NvfairError, match="not for detection"):
        create_detector(recognition_model)
    with pytest.raises(NvfairError, match="no detection model"):
        create_detector(recognition_model.parent)
    assert pack_folder("tiny", recognition_model.parents[2]) == recognition_model.parent
    assert load_model(recognition_model.parent, "detection") is None


def test_faces_are_found_and_the_largest_comes_first(detector):
    picture = np.full((400, 700, 3), 128, np.uint8)
    picture[:300, :300] = astronaut()[:300, 75:375]
    picture[200:350, 500:650] = astronaut()[:300:2, 75:375:2]
    detections = detector.detect(picture)
    assert len(detections) == 2
    assert detections[0].box[2] < 300 < 500 < detections[1].box[0]
    assert all(face.score > 0.5 and face.points.shape == (5, 2) for face in detections)
    for face in detections:
        assert (face.points >= face.box[:2]).all()
        assert (face.points <= face.box[2:]).all()
    assert detector.detect(np.full((100, 100, 3), 128, np.uint8)) == []


def test_a_small_face_is_tracked_through_a_crop_where_the_landmarker_alone_fails(shared, detector, landmarker):
    clip = shared / "clips" / "hard" / "small_face.mp4"
    alone = track_video(clip, landmarker)
    framed = track_video(clip, landmarker, detector)
    assert alone.valid.mean() < 0.7
    assert framed.valid.all()
    assert framed.detector == f"{landmarker.name}+scrfd"
    # Where both see the face, both put it in the same place.
    both = alone.valid & framed.valid
    error = np.linalg.norm(landmarks_from_mesh(alone.mesh)[both] - landmarks_from_mesh(framed.mesh)[both], axis=2)
    assert np.median(error) < 0.05 * np.ptp(framed.mesh[0, :, 0])
    # And the meshes lie in the detector's boxes, in pixels of the whole picture.
    first = next(decode(clip)).image
    box = detector.detect(first)[0].box
    centre = framed.mesh[0, :, :2].mean(axis=0)
    assert (centre > box[:2]).all()
    assert (centre < box[2:]).all()


def test_a_large_face_is_tracked_as_without_the_detector(shared, detector, landmarker):
    for name in ("grid/bbaf2n.mpg", "hdtf/WDA_EdMarkey0_000.mp4"):
        clip = shared / "clips" / name
        alone, framed = track_video(clip, landmarker), track_video(clip, landmarker, detector)
        np.testing.assert_array_equal(alone.mesh, framed.mesh)


def test_the_detector_notices_several_faces_that_the_crop_hides(detector, landmarker):
    picture = np.full((600, 1200, 3), 128, np.uint8)
    picture[:150, :150] = astronaut()[:300:2, 75:375:2]
    picture[300:420, 900:1020] = astronaut()[40:280:2, 100:340:2]
    frames = [Frame(n, n / 25, picture) for n in range(4)]
    track = track_frames(frames, FramedLandmarker(landmarker, detector), (1200, 600))
    assert track.flags == ("several_faces",)
    assert track.valid.all()
    assert (track.mesh[:, :, 0].max(axis=1) < 200).all()
