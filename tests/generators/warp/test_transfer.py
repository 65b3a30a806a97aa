"""What of a driver's motion reaches the target's mesh."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from generators.warp.pose import relative_pose
from generators.warp.transfer import relative_meshes
from tests.generators.warp import facemesh
from tests.generators.warp.acting import act


def test_the_reference_frame_gives_the_portrait_itself(astronaut, hopper):
    driving = np.stack([act(hopper.mesh, jaw=0.2), hopper.mesh]).astype(np.float64)
    np.testing.assert_allclose(relative_meshes(astronaut.mesh, driving, 1)[1], astronaut.mesh, atol=1e-6)


def test_a_turned_head_turns_the_targets_own_mesh_by_the_same_rotation(astronaut, hopper):
    driving = np.stack([hopper.mesh, act(hopper.mesh, yaw=20, pitch=-8, roll=5)]).astype(np.float64)
    moved = relative_meshes(astronaut.mesh, driving, 0)
    expected = relative_pose(driving[1:], driving[0]).rotation[0]
    turned = (astronaut.mesh - astronaut.mesh.mean(axis=0)) @ expected.T
    np.testing.assert_allclose(moved[1] - moved[1].mean(axis=0), turned, atol=1e-3)


def test_a_shift_is_scaled_to_the_targets_size_and_a_zoom_is_kept(astronaut):
    mesh = astronaut.mesh.astype(np.float64)
    small = 0.5 * mesh
    driving = np.stack([small, small + [10, -4, 0], act(small, scale=1.2)])
    moved = relative_meshes(mesh, driving, 0)
    np.testing.assert_allclose(moved[1] - mesh, np.broadcast_to([20, -8, 0], mesh.shape), atol=1e-6)
    assert np.ptp(moved[2][:, 0]) == pytest.approx(1.2 * np.ptp(mesh[:, 0]), rel=1e-6)


def test_the_drivers_face_shape_does_not_leak(astronaut, hopper):
    wide = hopper.mesh.astype(np.float64) * [1.3, 1.0, 1.0]
    driving = np.stack([wide, act(wide, roll=10)])
    moved = relative_meshes(astronaut.mesh, driving, 0)
    back = Rotation.from_matrix(relative_pose(driving[1:], driving[0]).rotation[0]).inv()
    upright = back.apply(moved[1] - moved[1].mean(axis=0))
    np.testing.assert_allclose(upright, astronaut.mesh - astronaut.mesh.mean(axis=0), atol=1e-3)


def test_a_closed_eye_is_closed_whatever_the_two_eyes_sizes(astronaut, hopper):
    for driver, target in ((astronaut, hopper), (hopper, astronaut)):
        shut, half = act(driver.mesh, lids=1.0), act(driver.mesh, lids=0.5)
        moved = relative_meshes(target.mesh, np.stack([driver.mesh, half, shut]).astype(np.float64), 0)
        opened = facemesh.eye_opening(moved)
        assert opened[2] < 0.15 * opened[0]
        assert 0.35 < opened[1] / opened[0] < 0.65


def test_lips_touch_but_never_pass_through_each_other(astronaut, hopper):
    talking = act(astronaut.mesh, jaw=0.3)
    driving = np.stack([talking, astronaut.mesh, act(astronaut.mesh, jaw=0.4)]).astype(np.float64)
    moved = relative_meshes(hopper.mesh, driving, 0)
    assert (moved[:, 14, 1] - moved[:, 13, 1] > -0.3).all()
    assert moved[2, 14, 1] - moved[2, 13, 1] > moved[0, 14, 1] - moved[0, 13, 1] + 2


def test_the_expression_factor_scales_the_jaw_and_leaves_the_head(astronaut, hopper):
    driving = np.stack([astronaut.mesh, act(astronaut.mesh, jaw=0.2, yaw=10)]).astype(np.float64)
    none, item, two = (
        facemesh.mouth_opening(relative_meshes(hopper.mesh, driving, 0, gain))[1] for gain in (0.0, 1.0, 2.0)
    )
    assert none == pytest.approx(facemesh.mouth_opening(hopper.mesh[None])[0], abs=0.02)
    assert two - none == pytest.approx(2 * (item - none), rel=0.05)
