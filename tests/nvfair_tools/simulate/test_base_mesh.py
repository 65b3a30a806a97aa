import numpy as np
import pytest

from nvfair_tools.simulate.base_mesh import (
    base_mesh,
    measure_base_mesh,
    mirror_points,
    symmetrised,
    to_face_coordinates,
)
from nvfair_tools.simulate.rig import rotation
from tests.mediapipe_here import skip_without_face_mesh


def test_the_base_face_is_symmetric_with_its_outer_eye_corners_one_apart_and_its_lips_closed():
    mesh = base_mesh()
    assert mesh.shape == (478, 3)
    np.testing.assert_allclose(symmetrised(mesh, mirror_points()), mesh, atol=1e-6)
    assert np.linalg.norm(mesh[33] - mesh[263]) == pytest.approx(1.0, abs=1e-6)
    assert np.linalg.norm(mesh[13] - mesh[14]) < 0.02
    assert mesh[4, 2] < mesh[234, 2]  # the nose is nearer than the ears


@pytest.mark.parametrize(("right", "left"), [(33, 263), (61, 291), (105, 334), (159, 386), (468, 473), (10, 10)])
def test_mirror_images_are_those_of_the_mesh(right, left):
    mirror = mirror_points()
    assert mirror[right] == left
    assert mirror[left] == right


def test_a_turned_and_scaled_face_comes_back_to_its_own_axes():
    turn = rotation(np.array([0.2]), np.array([0.0]), np.array([-0.3]))[0].astype(np.float64)
    seen = base_mesh() @ turn.T * 80.0 + np.array([100.0, 120.0, 5.0])
    back = to_face_coordinates(seen)
    # Pitch is not undone; there was none.
    np.testing.assert_allclose(back, base_mesh() - base_mesh()[[33, 263]].mean(axis=0), atol=0.02)


@pytest.mark.slow
def test_measuring_the_portraits_again_gives_the_stored_face():
    skip_without_face_mesh()  # the stored face was measured by it
    pytest.importorskip("skimage")
    measured = measure_base_mesh()
    np.testing.assert_array_equal(measured["mirror"], mirror_points())
    np.testing.assert_allclose(measured["mesh"], base_mesh(), atol=0.01)
