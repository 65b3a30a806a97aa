from dataclasses import replace

import numpy as np
import pytest

from nvfair_tools.errors import NvfairError
from nvfair_tools.simulate.content import Content
from nvfair_tools.simulate.person import Person
from nvfair_tools.simulate.reenact import GENERATORS, KEYPOINT, SimulatedGenerator
from nvfair_tools.simulate.settings import CohortSettings, DynamicsSettings, ParameterSettings, named_world
from nvfair_tools.simulate.signature import PARAMETERS, Dynamics


def test_both_worlds_have_the_official_split_and_share_neither_people_nor_generators_nor_dynamics():
    first, second = named_world("world1"), named_world("world2")
    for world in (first, second):
        assert [sum(getattr(s, part) for s in world.sources) for part in ("train", "validation", "test")] == [
            111,
            15,
            35,
        ]
    assert first.difficulty == second.difficulty
    assert not set(first.generators) & set(second.generators)
    assert not {s.name for s in first.sources} & {s.name for s in second.sources}
    assert first.dynamics != second.dynamics
    assert first.world_hash() != second.world_hash()


def test_an_unknown_world_is_refused_with_the_names_of_the_known_ones():
    with pytest.raises(NvfairError, match="world1, world2"):
        named_world("world3")


def test_usual_dynamics_leave_a_worlds_hash_as_it_was_and_others_change_it():
    # The hash that this world had before dynamics could be set.
    plain = CohortSettings(seed=1, clips=12, cross=4, difficulty=0.0)
    assert plain.world_hash() == "f23790f2b8056a8495919356112cafc0"
    changed = plain.model_copy(update={"dynamics": DynamicsSettings(tempo=2.0)})
    assert changed.world_hash() != plain.world_hash()


def test_settings_change_the_parameters_they_name_and_no_others():
    made = DynamicsSettings(parameters=(ParameterSettings(name="blink_rate", median=2.0),)).dynamics()
    assert {p.name for p, q in zip(made.parameters, PARAMETERS, strict=True) if p != q} == {"blink_rate"}


@pytest.mark.parametrize("power", [1.0, 1.5, 3.0])
def test_couplings_keep_their_spread_and_get_heavier_tails(power):
    draws = np.random.default_rng(0).standard_normal(400_000)
    made = Dynamics(idiom_power=power, idiom_spread=0.1).coupling(draws)
    assert made.std() == pytest.approx(0.1, rel=0.03)
    tail = np.mean((made / made.std()) ** 4)
    assert tail == pytest.approx(3.0, rel=0.05) if power == 1.0 else tail > 4.0


def test_other_dynamics_move_the_same_person_in_another_way():
    usual, other = (
        Person.from_name("x:0001", 1, 0.3, dynamics).perform(Content("t"), "c", 1, 100, 0.3, dynamics=dynamics)
        for dynamics in (Dynamics(), Dynamics(tempo=2.0, idiom_lag_s=0.1))
    )
    assert np.abs(usual - other).max() > 0.02


@pytest.fixture(scope="module")
def driver():
    return Person.from_name("x:0002", 1).perform(Content("t"), "c", 1, 60)


def made(driver, **numbers):
    return SimulatedGenerator("x", relative=False, **numbers).reenact(driver, np.zeros(driver.shape[1], np.float32))


def test_full_symmetry_leaves_no_difference_between_left_and_right(driver):
    states = made(driver, symmetry=1.0)
    np.testing.assert_allclose(states[:, 9], states[:, 10], atol=1e-6)
    np.testing.assert_allclose(states[:, 9], driver[:, 9:11].mean(axis=1), atol=1e-6)


def test_a_dead_zone_swallows_small_movements_and_lets_large_ones_pass(driver):
    small, large = np.full_like(driver, 0.01), np.full_like(driver, 1.0)
    assert np.abs(made(small, dead_zone=0.05)[:, :9]).max() < 0.001
    np.testing.assert_allclose(made(large, dead_zone=0.05)[:, :9], 0.95, atol=1e-3)


def test_lag_answers_late_and_only_to_what_has_been(driver):
    step = np.zeros_like(driver)
    step[30:] = 1.0
    answer = made(step, lag=2.0)[:, 0]
    assert np.abs(answer[:30]).max() == 0
    assert 0.2 < answer[30] < 0.6
    assert answer[45] == pytest.approx(1.0, abs=1e-3)


def test_held_frames_lie_on_straight_lines_between_those_made(driver):
    states = made(driver, held=2)
    np.testing.assert_allclose(states[::2], driver[::2], atol=1e-6)
    np.testing.assert_allclose(states[1:58:2], (driver[0:57:2] + driver[2:59:2]) / 2, atol=1e-5)


def test_numbers_that_are_not_used_leave_old_fingerprints_alone():
    assert KEYPOINT.fingerprint() == replace(KEYPOINT, lag=0.0, held=1).fingerprint()
    assert len({replace(KEYPOINT, **{k: 0.5}).fingerprint() for k in ("symmetry", "dead_zone", "lag")}) == 3
    assert len({g.fingerprint() for g in GENERATORS.values()}) == 6
