import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from nvfair_tools.simulate.base_mesh import base_mesh, mirror_points
from nvfair_tools.simulate.fields import EXPRESSION, EXPRESSION_INDEX, SHAPE_MODES, expression_fields, shape_modes
from nvfair_tools.simulate.rig import POSE, STATE, Camera, K, Rig, face_shape, rotation

CAMERA = Camera(100.0, (0.0, 0.0))


def states(**values):
    result = np.zeros((1, len(STATE)), np.float32)
    for name, value in values.items():
        result[0, STATE.index(name)] = value
    return result


@pytest.fixture(scope="module")
def rig():
    return Rig.from_shape(base_mesh())


def moved(rig, **values):
    """Displacement (478, 3) in eye distances."""
    return (rig.mesh(states(**values), CAMERA) - rig.mesh(states(), CAMERA))[0] / 100.0


def test_no_frames_give_no_meshes(rig):
    assert rig.mesh(np.zeros((0, len(STATE)))).shape == (0, 478, 3)
    assert rig.landmarks(np.zeros((0, len(STATE)))).shape == (0, 478, 2)


def test_states_of_another_width_are_refused(rig):
    with pytest.raises(ValueError, match=r"\(T, 19\)"):
        rig.mesh(np.zeros((3, 5)))


def test_the_neutral_face_is_where_the_camera_puts_it(rig):
    seen = rig.mesh(states(), Camera(50.0, (128.0, 112.0)))[0]
    np.testing.assert_allclose(seen[[33, 263], :2].mean(axis=0), (128.0, 112.0), atol=1.0)
    assert np.linalg.norm(seen[33] - seen[263]) == pytest.approx(50.0, rel=1e-4)


def test_landmarks_are_the_mesh_points_asked_for():
    random = np.random.default_rng(0)
    states = random.normal(0, 0.1, (5, len(STATE)))
    points = [4, 152, 33, 291]
    shape = face_shape(random.normal(0, 0.01, SHAPE_MODES))
    np.testing.assert_allclose(
        Rig.from_shape(shape, points).landmarks(states),
        Rig.from_shape(shape).mesh(states)[:, points, :2],
        rtol=1e-5,
        atol=1e-3,
    )


def test_expression_is_linear_before_the_head_turns(rig):
    both = moved(rig, jaw=0.4, brow_left=0.6)
    np.testing.assert_allclose(both, moved(rig, jaw=0.4) + moved(rig, brow_left=0.6), atol=1e-5)
    np.testing.assert_allclose(moved(rig, jaw=0.8), 2 * moved(rig, jaw=0.4), atol=1e-5)


@pytest.mark.parametrize("angles", [(0.3, 0.0, 0.0), (0.0, -0.2, 0.0), (0.0, 0.0, 0.5), (0.3, -0.2, 0.5)])
def test_rotations_are_those_of_scipy(angles):
    yaw, pitch, roll = angles
    # scipy turns about fixed axes by the right hand; ours: the nose (-z) goes right, down.
    expected = Rotation.from_euler("yxz", [-yaw, pitch, roll]).as_matrix()
    actual = rotation(np.array([yaw]), np.array([pitch]), np.array([roll]))[0]
    np.testing.assert_allclose(actual, expected, atol=1e-6)


def test_the_head_turns_the_way_its_angles_say(rig):
    assert moved(rig, yaw=0.2)[4, 0] > 0.1
    assert moved(rig, pitch=0.2)[4, 1] > 0.1
    rolled = rig.mesh(states(roll=0.2), CAMERA)[0]
    slope = rolled[263] - rolled[33]
    assert np.arctan2(slope[1], slope[0]) == pytest.approx(0.2, abs=1e-4)
    np.testing.assert_allclose(moved(rig, x=0.3, y=-0.1)[:, :2] - [0.3, -0.1], 0.0, atol=1e-5)
    larger = rig.mesh(states(log_scale=np.log(1.5)), CAMERA)[0]
    assert np.linalg.norm(larger[33] - larger[263]) == pytest.approx(150.0, rel=1e-4)


def test_the_jaw_takes_chin_and_lower_lip_and_leaves_the_upper_face(rig):
    change = moved(rig, jaw=1.0)
    assert change[152, 1] == pytest.approx(0.3, rel=0.05)
    assert change[14, 1] > 0.15
    assert abs(change[13, 1]) < 0.02
    np.testing.assert_allclose(change[[33, 263, 10, 105, 4]], 0.0, atol=1e-6)


def test_lips_part_without_the_chin(rig):
    change = moved(rig, open=1.0)
    assert change[14, 1] - change[13, 1] == pytest.approx(0.2, rel=0.05)
    assert np.linalg.norm(change[152]) < 1e-6


def test_width_moves_the_corners_apart_and_puckering_together(rig):
    assert moved(rig, width=1.0)[291, 0] == pytest.approx(0.1, rel=0.05)
    assert moved(rig, width=1.0)[61, 0] == pytest.approx(-0.1, rel=0.05)
    assert moved(rig, pucker=1.0)[291, 0] < -0.05
    assert moved(rig, pucker=1.0)[0, 2] < -0.05  # towards the camera


@pytest.mark.parametrize(
    ("left", "right", "point"),
    [("corner_left", "corner_right", 291), ("brow_left", "brow_right", 334), ("lid_left", "lid_right", 386)],
)
def test_left_and_right_are_mirror_images_and_stay_on_their_side(rig, left, right, point):
    left_moved, right_moved = moved(rig, **{left: 1.0}), moved(rig, **{right: 1.0})
    mirror = mirror_points()
    np.testing.assert_allclose(right_moved, left_moved[mirror] * [-1, 1, 1], atol=1e-5)
    assert np.linalg.norm(left_moved[point]) > 0.03
    assert np.linalg.norm(left_moved[mirror[point]]) < 0.2 * np.linalg.norm(left_moved[point])


def test_a_closed_lid_is_closed_on_every_face():
    for seed in range(5):
        shape = face_shape(np.random.default_rng(seed).normal(0, 0.02, SHAPE_MODES))
        rig = Rig.from_shape(shape)
        still, closed = rig.mesh(states(), CAMERA)[0], rig.mesh(states(lid_left=1.0), CAMERA)[0]
        before, after = (np.linalg.norm(m[386, :2] - m[374, :2]) for m in (still, closed))
        assert after < 0.15 * before
        np.testing.assert_allclose(closed[[159, 145]], still[[159, 145]], atol=1e-3)


def test_shape_modes_are_smooth_of_unit_size_and_mostly_symmetric():
    modes = shape_modes()
    assert modes.shape == (SHAPE_MODES, 478, 3)
    np.testing.assert_allclose(np.sqrt(np.square(modes).mean(axis=(1, 2))), 1.0, rtol=1e-6)
    # Neighbours on the skin go together.
    assert np.abs(modes[:, 33] - modes[:, 7]).max() < 0.5
    flipped = modes[:, mirror_points()] * [-1, 1, 1]
    odd = np.abs(flipped - modes).max(axis=(1, 2)) > 1e-6
    assert odd.sum() == 4
    assert odd[-4:].all()


def test_every_coefficient_has_a_field_of_its_own():
    fields = expression_fields(base_mesh()).reshape(K, -1)
    assert len(EXPRESSION) == K == len(EXPRESSION_INDEX)
    assert np.linalg.matrix_rank(fields) == K
    assert (*EXPRESSION, *POSE) == STATE
