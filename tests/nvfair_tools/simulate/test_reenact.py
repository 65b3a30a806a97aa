from dataclasses import replace

import numpy as np
import pytest

from nvfair_tools.simulate.content import Content
from nvfair_tools.simulate.person import Person
from nvfair_tools.simulate.reenact import GENERATORS, KEYPOINT, LATENT, SPLINE, SimulatedGenerator, _distortion_matrix
from nvfair_tools.simulate.rig import STATE, K, Rig

POINTS = np.arange(478)


@pytest.fixture(scope="module")
def scene():
    driver, target = Person.from_name("sim:0001", 1), Person.from_name("sim:0002", 1)
    return driver, target, driver.perform(Content("t"), "c", 1, 80)


def test_a_generator_without_faults_passes_absolute_motion_on(scene):
    _, target, states = scene
    np.testing.assert_allclose(
        SimulatedGenerator("x", relative=False).reenact(states, target.portrait), states, atol=1e-6
    )


def test_relative_motion_starts_from_the_portrait_and_adds_the_drivers_change(scene):
    _, target, states = scene
    reenacted = SimulatedGenerator("x", relative=True).reenact(states, target.portrait)
    np.testing.assert_allclose(reenacted[0], target.portrait, atol=0.03)
    # Lips and lids have limits of their own.
    free = [n for n, name in enumerate(STATE) if name not in ("jaw", "open", "lid_left", "lid_right")]
    np.testing.assert_allclose((reenacted - target.portrait)[:, free], (states - states[0])[:, free], atol=1e-5)


def test_lips_and_lids_of_relative_motion_stop_where_they_meet(scene):
    _, target, _ = scene
    # The driver begins with an open mouth and closed eyes, and then does the contrary.
    start, end = np.zeros((2, 1, len(STATE)), np.float32)
    for name, opened in (("jaw", 0.5), ("open", 0.5), ("lid_left", 1.0), ("lid_right", 1.0)):
        start[0, STATE.index(name)] = opened
    clip = np.concatenate([start, np.repeat(end, 9, axis=0)])
    made = SimulatedGenerator("x", relative=True).reenact(clip, np.zeros(len(STATE), np.float32))
    rig = Rig.from_shape(target.shape, [13, 14, 386, 374])
    mesh = rig.mesh(made)
    assert (mesh[:, 1, 1] - mesh[:, 0, 1]).min() > -1.0
    still = rig.mesh(np.zeros((1, len(STATE))))[0]
    assert (mesh[-1, 3] - mesh[-1, 2])[1] < 1.5 * (still[3] - still[2])[1]


def test_gains_damp_their_own_part(scene):
    _, target, states = scene
    damped = SimulatedGenerator("x", relative=False, gain=0.5, lid_gain=0.2, pose_gain=0.8).reenact(
        states, target.portrait
    )
    np.testing.assert_allclose(damped[:, 0], 0.5 * states[:, 0], atol=1e-6)
    np.testing.assert_allclose(damped[:, 9], 0.2 * states[:, 9], atol=1e-6)
    np.testing.assert_allclose(damped[:, K:], 0.8 * states[:, K:], atol=1e-6)


def test_few_directions_lose_the_rest():
    assert np.linalg.matrix_rank(_distortion_matrix(replace(LATENT, directions=6, crosstalk=0.0)), tol=1e-5) == 6
    assert np.linalg.matrix_rank(_distortion_matrix(SPLINE)) == K


def test_a_limit_bounds_and_smoothing_calms(scene):
    _, target, states = scene
    plain = SimulatedGenerator("x", relative=False)
    assert np.abs(replace(plain, limit=0.3).reenact(states, target.portrait)[:, :K]).max() <= 0.3
    calm = replace(plain, smoothing=2.0).reenact(states, target.portrait)
    assert np.abs(np.diff(calm, axis=0)).mean() < 0.7 * np.abs(np.diff(states, axis=0)).mean()


def test_the_drivers_face_leaks_by_its_share_and_bias_is_the_generators_own(scene):
    driver, target, _ = scene
    faces = Rig.from_shape(driver.shape), Rig.from_shape(target.shape)
    leaky = SimulatedGenerator("x", relative=False, shape_leak=0.25).reenacted_rig(
        faces[1], faces[0], "sim:0002", 1, POINTS
    )
    np.testing.assert_allclose(
        leaky.neutral - faces[1].neutral, 0.25 * (faces[0].neutral - faces[1].neutral), atol=1e-6
    )
    biased = SimulatedGenerator("x", relative=False, bias=0.01)
    change = biased.reenacted_rig(faces[1], faces[0], "sim:0002", 1, POINTS).neutral - faces[1].neutral
    assert np.sqrt(np.square(change).mean()) == pytest.approx(0.01, rel=1e-3)
    other = biased.reenacted_rig(faces[0], faces[1], "sim:0001", 1, POINTS).neutral - faces[0].neutral
    np.testing.assert_allclose(change, other, atol=1e-6)
    bent = SimulatedGenerator("x", relative=False, bend=0.01)
    first = bent.reenacted_rig(faces[1], faces[0], "sim:0002", 1, POINTS).neutral - faces[1].neutral
    second = bent.reenacted_rig(faces[1], faces[0], "sim:0003", 1, POINTS).neutral - faces[1].neutral
    assert np.abs(first - second).max() > 0.01


def test_the_three_named_generators_differ_in_kind_and_in_what_they_make(scene):
    _, target, states = scene
    assert len(GENERATORS) >= 3
    assert {KEYPOINT.relative, LATENT.relative} == {False, True}
    made = [generator.reenact(states, target.portrait) for generator in (KEYPOINT, LATENT, SPLINE)]
    for a in range(3):
        for b in range(a):
            assert np.abs(made[a] - made[b]).max() > 0.05
    assert len({generator.fingerprint() for generator in GENERATORS.values()}) == len(GENERATORS)


def test_any_number_changes_the_fingerprint():
    for name, value in (("gain", 0.5), ("directions", 3), ("noise", 2.0), ("relative", True)):
        assert replace(KEYPOINT, **{name: value}).fingerprint() != KEYPOINT.fingerprint()


def test_the_drivers_motion_is_still_in_what_each_generator_makes(scene):
    _, target, states = scene
    for generator in GENERATORS.values():
        made = generator.reenact(states, target.portrait)
        assert np.corrcoef(made[:, 0], states[:, 0])[0, 1] > 0.5
