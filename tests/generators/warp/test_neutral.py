"""The neutral face of a driver who is never neutral, and of a portrait that smiles."""

import numpy as np
import pytest

from generators import Face, MotionMode, create
from generators.expression_measures import POPULATION_MEDIAN, POPULATION_SPREAD, expression_measures
from generators.warp.neutral import ORDINARY, OWN_SHARE, neutral_driver, neutral_target, with_measures
from tests.generators.warp.acting import act, performance

WIDTH, CORNERS, GAP, BROWS, EYES = range(5)
VARIANTS = ("warp-dense", "warp-tps", "warp-parts")
BLANK = np.zeros((256, 256, 3), np.uint8)


def measured(mesh):
    return expression_measures(np.asarray(mesh, dtype=np.float64)[None])[0]


def smiling(mesh, frames=24):
    """A clip that talks and smiles from its first frame to its last: mouth 0.14 wider, corners 0.05 higher."""
    rest = measured(mesh)
    smile = with_measures(mesh.astype(np.float64), rest + [0.14, 0.05, 0.0, 0.0, 0.0])
    return np.stack([act(smile, jaw=0.1 * (1 - np.cos(t)), yaw=5 * np.sin(t)) for t in np.linspace(0, 12, frames)])


@pytest.mark.parametrize("measure", range(5))
def test_a_measure_is_set_and_the_others_stay(measure, hopper):
    value = measured(hopper.mesh)
    goal = value.copy()
    goal[measure] += [0.1, 0.04, 0.15, 0.06, 0.1][measure]
    moved = with_measures(hopper.mesh.astype(np.float64), goal)
    np.testing.assert_allclose(measured(moved), goal, atol=0.004)
    # Only the face's own parts move, by less than an eye's distance.
    assert np.abs(moved - hopper.mesh)[[10, 454, 234]].max() < 0.5
    assert np.abs(moved - hopper.mesh).max() < 0.5 * np.linalg.norm(hopper.mesh[263] - hopper.mesh[33])


def test_a_driver_who_speaks_is_neutral_where_the_lips_are_closed(hopper):
    clip = performance(hopper.mesh).astype(np.float64)
    neutral, rest = measured(neutral_driver(clip, 5)), measured(hopper.mesh)
    # By hand: the rest frames' own value is the portrait's, drawn towards the population's by 1 - OWN_SHARE.
    expected = POPULATION_MEDIAN + OWN_SHARE * (rest - POPULATION_MEDIAN)
    np.testing.assert_allclose(
        neutral[[WIDTH, CORNERS, GAP, BROWS]], expected[[WIDTH, CORNERS, GAP, BROWS]], atol=0.012
    )


def test_the_neutral_face_has_the_head_pose_of_the_reference_frame(hopper):
    clip = performance(hopper.mesh).astype(np.float64)
    neutral = neutral_driver(clip, 12)
    stable = [10, 33, 263, 168, 6, 4, 127, 356]
    assert np.abs(neutral - clip[12])[stable].max() < 2.5
    assert np.abs(neutral - clip[36])[stable].max() > 10


def test_a_smile_that_never_ends_is_still_a_smile(hopper):
    clip = smiling(hopper.mesh)
    rest, smile, neutral = measured(hopper.mesh), measured(clip[0]), measured(neutral_driver(clip, 0))
    assert smile[WIDTH] - neutral[WIDTH] > 0.6 * (smile[WIDTH] - rest[WIDTH])
    assert abs(neutral[WIDTH] - rest[WIDTH]) < abs(smile[WIDTH] - rest[WIDTH])


def test_a_portrait_at_rest_is_its_own_neutral_face(hopper):
    ordinary = with_measures(hopper.mesh.astype(np.float64), POPULATION_MEDIAN + 1.5 * POPULATION_SPREAD)
    np.testing.assert_array_equal(neutral_target(ordinary), ordinary)


def test_a_smiling_portrait_gives_up_what_no_face_at_rest_has(astronaut):
    before, after = measured(astronaut.mesh), measured(neutral_target(astronaut.mesh))
    limit = POPULATION_MEDIAN + ORDINARY * POPULATION_SPREAD
    assert before[WIDTH] > limit[WIDTH]
    np.testing.assert_allclose(after[[WIDTH, CORNERS, GAP]], limit[[WIDTH, CORNERS, GAP]], atol=0.01)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_lasting_smile_arrives_with_a_neutral_reference_and_not_with_a_frame(name, hopper):
    generator = create(name)
    source = generator.encode_source(hopper)
    motion = generator.encode_motion([Face(BLANK, mesh.astype(np.float32)) for mesh in smiling(hopper.mesh)])

    def widening(reference):
        meshes = generator.target_meshes(source, motion, MotionMode(reference=reference))
        return np.median(expression_measures(meshes)[:, WIDTH]) - measured(hopper.mesh)[WIDTH]

    assert abs(widening("best")) < 0.01
    assert 0.08 < widening("neutral") < 0.17


def test_a_neutral_driver_leaves_a_neutral_portrait_alone(hopper):
    generator = create("warp-dense")
    ordinary = with_measures(hopper.mesh.astype(np.float64), POPULATION_MEDIAN).astype(np.float32)
    still = [Face(BLANK, act(ordinary, yaw=yaw).astype(np.float32)) for yaw in (0.0, 3.0, 6.0, 3.0, 0.0)]
    source, motion = generator.encode_source(Face(hopper.image, ordinary)), generator.encode_motion(still)
    meshes = generator.target_meshes(source, motion, MotionMode(reference="neutral"))
    off = expression_measures(meshes) - POPULATION_MEDIAN
    assert np.abs(off).max() < 0.01


def test_the_sizes_of_two_faces_do_not_change_what_is_neutral(hopper):
    clip = smiling(hopper.mesh)
    np.testing.assert_allclose(neutral_driver(2.5 * clip, 0), 2.5 * neutral_driver(clip, 0), rtol=1e-6, atol=1e-6)
