"""Head pose, against scipy's rotations."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from generators.warp.pose import face_axes, relative_pose, stable_centre
from tests.generators.warp.acting import act


def test_known_similarities_are_recovered(hopper):
    reference = hopper.mesh.astype(np.float64)
    turns = Rotation.from_euler("ZXY", [[0, 0, 0], [10, -20, 35], [-60, 5, 8]], degrees=True)
    scales, centre = np.array([1.0, 0.7, 1.6]), stable_centre(reference)
    shifts = np.array([[0, 0, 0], [30, -9, 4], [1, 2, 3]])
    moved = np.stack(
        [s * turn.apply(reference - centre) + centre + d for s, turn, d in zip(scales, turns, shifts, strict=True)]
    )
    pose = relative_pose(moved, reference)
    np.testing.assert_allclose(pose.rotation, turns.as_matrix(), atol=1e-9)
    np.testing.assert_allclose(pose.scale, scales, atol=1e-9)
    np.testing.assert_allclose(pose.centre, centre + shifts, atol=1e-9)


def test_noisy_points_give_scipys_best_rotation(hopper):
    from generators.warp.topology import STABLE

    reference = hopper.mesh.astype(np.float64)
    noise = np.random.default_rng(3).normal(scale=4.0, size=reference.shape)
    moved = Rotation.from_euler("y", 25, degrees=True).apply(reference) + noise
    a, b = moved[STABLE] - moved[STABLE].mean(axis=0), reference[STABLE] - reference[STABLE].mean(axis=0)
    expected = Rotation.align_vectors(a, b)[0].as_matrix()
    np.testing.assert_allclose(relative_pose(moved[None], reference).rotation[0], expected, atol=1e-9)


def test_talking_and_blinking_are_no_head_motion(hopper):
    talking = act(hopper.mesh, jaw=0.3, lids=1.0)
    talking += hopper.mesh[10] - talking[10]
    pose = relative_pose(talking[None], hopper.mesh)
    assert Rotation.from_matrix(pose.rotation[0]).magnitude() < np.radians(1.5)
    assert pose.scale[0] == pytest.approx(1.0, abs=0.02)


def test_the_faces_axes_turn_with_the_face(astronaut):
    mesh = astronaut.mesh.astype(np.float64)
    turn = Rotation.from_euler("ZXY", [12, 7, -30], degrees=True)
    axes = face_axes(mesh)
    np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(face_axes(turn.apply(mesh)), turn.as_matrix() @ axes, atol=1e-9)
