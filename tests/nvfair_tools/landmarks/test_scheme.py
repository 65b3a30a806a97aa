import numpy as np
import pytest

from nvfair_tools.errors import NvfairError
from nvfair_tools.landmarks.avaprintdb import AVAPRINTDB_109, NOSE, avaprintdb_input
from nvfair_tools.landmarks.scheme import (
    MEASUREMENTS,
    OUTER_EYE_CORNERS,
    SCHEME_126,
    Scheme,
    landmarks_from_mesh,
    measure_length,
)
from tests.mediapipe_here import connections
from tests.nvfair_tools.clips import astronaut


def test_there_are_126_different_points_of_the_mesh():
    assert SCHEME_126.indices.shape == (126,)
    assert len(set(SCHEME_126.indices.tolist())) == 126
    assert SCHEME_126.indices.min() >= 0
    assert SCHEME_126.indices.max() < 468


def test_every_part_of_the_face_is_covered_and_positions_follow_the_groups():
    assert list(SCHEME_126.groups) == [
        "contour",
        "right_brow",
        "left_brow",
        "right_eye",
        "left_eye",
        "nose",
        "outer_lips",
        "inner_lips",
        "cheeks",
        "laugh_lines",
    ]
    for group, points in SCHEME_126.groups.items():
        assert SCHEME_126.indices[SCHEME_126.positions[group]].tolist() == list(points)


@pytest.mark.parametrize(
    ("group", "part"),
    [
        ("contour", "FACE_OVAL"),
        ("right_brow", "RIGHT_EYEBROW"),
        ("left_brow", "LEFT_EYEBROW"),
        ("right_eye", "RIGHT_EYE"),
        ("left_eye", "LEFT_EYE"),
        ("outer_lips", "LIPS"),
        ("inner_lips", "LIPS"),
    ],
)
def test_groups_lie_where_mediapipe_itself_says_these_parts_are(group, part):
    theirs = {point for edge in connections(part) for point in edge}
    assert set(SCHEME_126.groups[group]) <= theirs


@pytest.mark.parametrize("scheme", [SCHEME_126, AVAPRINTDB_109])
def test_mirror_is_its_own_inverse(scheme):
    assert sorted(scheme.mirror.tolist()) == list(range(len(scheme)))
    assert (scheme.mirror[scheme.mirror] == np.arange(len(scheme))).all()


def test_mirror_pairs_points_that_change_places_in_a_mirrored_picture(portrait_mesh, mirrored_mesh):
    points, flipped = landmarks_from_mesh(portrait_mesh)[0], landmarks_from_mesh(mirrored_mesh)[0]
    turned_back = flipped[SCHEME_126.mirror] * [-1, 1] + [astronaut().shape[1], 0]
    face = np.ptp(points[:, 0])
    error = np.linalg.norm(points - turned_back, axis=1) / face
    assert error.max() < 0.06
    assert np.median(error) < 0.02
    assert np.median(np.linalg.norm(points - (flipped * [-1, 1] + [512, 0]), axis=1)) / face > 0.2  # without it


def test_mirrored_points_sit_on_the_other_side_of_a_near_frontal_face(portrait_mesh):
    points = landmarks_from_mesh(portrait_mesh)[0]
    middle = points[SCHEME_126.mirror == np.arange(126), 0].mean()
    twins = SCHEME_126.mirror != np.arange(126)
    assert ((points[twins, 0] - middle) * (points[SCHEME_126.mirror[twins], 0] - middle) < 0).all()


def test_landmarks_are_taken_in_the_schemes_order_and_nan_stays():
    mesh = np.random.default_rng(0).normal(size=(3, 478, 3)).astype(np.float32)
    mesh[1] = np.nan
    landmarks = landmarks_from_mesh(mesh)
    assert landmarks.shape == (3, 126, 2)
    assert landmarks.dtype == np.float32
    np.testing.assert_array_equal(landmarks[0, 5], mesh[0, SCHEME_126.indices[5], :2])
    assert np.isnan(landmarks[1]).all()
    assert landmarks_from_mesh(mesh[:0]).shape == (0, 126, 2)


@pytest.mark.parametrize("shape", [(478, 3), (2, 468, 3), (2, 478, 2)])
def test_a_mesh_of_another_shape_is_refused(shape):
    with pytest.raises(NvfairError, match=r"478, 3"):
        landmarks_from_mesh(np.zeros(shape, np.float32))


def test_outer_eye_corners_are_the_widest_points_of_the_eyes(portrait_mesh):
    points = landmarks_from_mesh(portrait_mesh)[0]
    right, left = OUTER_EYE_CORNERS
    assert points[right, 0] == points[SCHEME_126.positions["right_eye"], 0].min()
    assert points[left, 0] == points[SCHEME_126.positions["left_eye"], 0].max()


def test_measurements_of_a_smiling_portrait_are_plausible(portrait_mesh):
    points = landmarks_from_mesh(portrait_mesh)
    length = {name: float(measure_length(points, name)[0]) for name in MEASUREMENTS}
    assert length["right_eye_width"] < length["mouth_width"] < length["outer_eye_corners"] < length["face_width"]
    assert 0 < length["mouth_open"] < length["mouth_width"] / 2
    assert 0 < length["right_eye_open"] < length["right_eye_width"] / 2
    assert 0 < length["left_eye_open"] < length["left_eye_width"] / 2
    with pytest.raises(NvfairError, match="mouth_open"):
        measure_length(points, "ear_size")


def test_a_scheme_with_a_point_twice_is_refused():
    with pytest.raises(ValueError, match="twice"):
        Scheme("bad", "1", {"a": (1, 2), "b": (2,)}, {})


def test_the_109_points_of_avaprintdb_are_those_their_page_lists(shared):
    text = (shared / "models" / "README.md").read_text(encoding="utf-8")
    listed = text.split("points in the order\n")[1].split(",\n")[0].split()
    assert AVAPRINTDB_109.indices.tolist() == [int(point) for point in listed]


def test_avaprintdb_input_is_centred_on_the_nose_and_has_unit_eye_distance(portrait_mesh):
    points = avaprintdb_input(portrait_mesh, (512, 512))
    assert points.shape == (1, 109, 3)
    np.testing.assert_array_equal(points[0, NOSE], 0)
    inner = [AVAPRINTDB_109.position(133), AVAPRINTDB_109.position(362)]
    assert np.linalg.norm(points[0, inner[0]] - points[0, inner[1]]) == pytest.approx(1, abs=1e-6)
    # A picture that is not square is distorted, as in the original.
    assert not np.allclose(points, avaprintdb_input(portrait_mesh, (512, 256)))


def test_the_page_has_the_schemes_own_table():
    from pathlib import Path

    page = (Path(__file__).parents[3] / "docs" / "landmarks.md").read_text(encoding="utf-8")
    for points in SCHEME_126.groups.values():
        assert f"| {' '.join(map(str, points))} |" in page
