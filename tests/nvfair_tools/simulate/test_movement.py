"""Idioms, onsets, framing: what the later worlds add to a movement."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from nvfair_tools.simulate.content import Content, make_script
from nvfair_tools.simulate.fields import EXPRESSION_INDEX
from nvfair_tools.simulate.motion import perform_clip
from nvfair_tools.simulate.movement.courses import delayed, event_times, skewed
from nvfair_tools.simulate.movement.framing import FramingSpread, reframe
from nvfair_tools.simulate.movement.idiom import KINDS, TRAITS, IdiomShares, retime, trait_values, unbalance
from nvfair_tools.simulate.movement.onsets import add_habits, blink_times, find_onsets, stretch_pauses
from nvfair_tools.simulate.randomness import random_generator
from nvfair_tools.simulate.rig import STATE
from nvfair_tools.simulate.settings import DynamicsSettings
from nvfair_tools.simulate.signature import COMMON_GROUPS, PARAMETERS, CommonVariation, Dynamics, Signature

NEUTRAL = SimpleNamespace(**{trait.name: 0.0 for trait in TRAITS})


def traits(**values):
    return SimpleNamespace(**{**vars(NEUTRAL), **values})


def wave(frames=200):
    return np.sin(2 * np.pi * np.arange(frames) / 50.0)


def column(name):
    return EXPRESSION_INDEX[name]


def states_with(course, *names):
    states = np.zeros((len(course), len(STATE)))
    for name in names:
        states[:, column(name)] = course
    return states


def peak(course):
    return int(np.argmax(course))


def test_a_delay_moves_a_course_and_its_ends_repeat():
    np.testing.assert_allclose(delayed(np.arange(6.0), 2.0), [0, 0, 0, 1, 2, 3])
    np.testing.assert_allclose(delayed(np.arange(4.0), -1.5), [1.5, 2.5, 3, 3])


def test_skewed_rises_come_late_and_falls_early_by_no_more_than_the_number():
    course, late = wave(), skewed(wave(), 4.0)
    rising, falling = np.flatnonzero(np.diff(np.sign(course)) > 0)[1], np.flatnonzero(np.diff(np.sign(course)) < 0)[1]
    assert 2 <= np.flatnonzero(np.diff(np.sign(late)) > 0)[1] - rising <= 4
    assert 2 <= falling - np.flatnonzero(np.diff(np.sign(late)) < 0)[1] <= 4
    np.testing.assert_array_equal(skewed(np.ones(20), 4.0), np.ones(20))


@pytest.mark.parametrize("regularity", [1.0, 2.0, 10.0])
def test_events_keep_their_rate_and_become_more_regular(regularity):
    times = np.array(event_times(np.random.default_rng(1), 25 * 20_000, 0.5, regularity))
    gaps = np.diff(times)
    assert gaps.mean() == pytest.approx(2.0, rel=0.03)
    # 0.2 s and a gamma distribution of mean 1.8 s and shape `regularity`.
    assert gaps.std() == pytest.approx(1.8 / np.sqrt(regularity), rel=0.03)


@pytest.mark.parametrize("kind", KINDS[1:])
def test_the_share_of_a_kind_is_the_variance_between_people_and_no_other_kinds(kind):
    random = np.random.default_rng(4)
    shares = IdiomShares(**{kind: 0.6})
    people, clips = 400, 6
    table = np.array(
        [
            [
                list(vars(trait_values(person, random.standard_normal(len(TRAITS)), shares)).values())
                for _ in range(clips)
            ]
            for person in random.standard_normal((people, len(TRAITS)))
        ]
    )
    table /= [trait.spread for trait in TRAITS]
    assert table.std(axis=(0, 1)) == pytest.approx(np.ones(len(TRAITS)), abs=0.12)
    # Variance of people's means: share + (1 - share) / clips for Gaussian draws, less for the heavy tails of habits.
    between = table.mean(axis=1).var(axis=0)
    own = np.array([trait.kind == kind for trait in TRAITS])
    assert np.median(between[own]) == pytest.approx(0.6 + 0.4 / clips, abs=0.08)
    assert between[~own] == pytest.approx(np.full((~own).sum(), 1 / clips), abs=0.05)


def test_parts_of_the_face_lag_by_what_the_timings_say():
    states = states_with(wave(), "corner_left", "brow_left", "jaw")
    retime(states, traits(delay_corners_s=0.2, delay_brows_s=-0.12))
    assert peak(states[100:150, column("corner_left")]) - peak(wave()[100:150]) == 5
    assert peak(states[100:150, column("brow_left")]) - peak(wave()[100:150]) == -3
    np.testing.assert_allclose(states[:, column("jaw")], wave())


def test_one_side_leads_and_moves_more_and_lids_meet_at_most():
    states = states_with(wave(), "brow_left", "brow_right", "lid_left", "lid_right")
    unbalance(states, traits(lead_brows_s=0.16, side_brows=0.25, side_lids=0.3))
    left, right = states[:, column("brow_left")], states[:, column("brow_right")]
    assert left.max() / right.max() == pytest.approx(1.25 / 0.75, rel=0.01)
    assert peak(right[50:100]) - peak(left[50:100]) == 4
    assert states[:, column("lid_left")].max() == 1.0


def test_pauses_become_longer_and_phrases_stay():
    script = make_script("a text", 20.0)
    longer = stretch_pauses(script, 2.0)
    before, after = np.diff(script.time), np.diff(longer.time)
    stretched = ~np.isclose(before, after)
    np.testing.assert_allclose(after[stretched], 2.0 * before[stretched])
    # A pause follows each phrase of 4 to 12 syllables, and the short silence before the first is one.
    phrases = len(find_onsets(script, np.linspace(0.0, 20.0, 500)).phrase_start)
    assert abs(int(stretched.sum()) - phrases) <= 1


def test_onsets_are_the_scripts_in_the_clips_time():
    script = make_script("a text", 20.0)
    clock = 1.0 + 1.1 * np.arange(200) / 25.0
    onsets = find_onsets(script, clock)
    stressed = script.time[script.stress == 1.0]
    expected = (stressed[(stressed > clock[0]) & (stressed < clock[-1])] - 1.0) / 1.1
    np.testing.assert_allclose(onsets.stress, expected, atol=1e-9)
    assert len(onsets.phrase_end) > 0
    assert np.all(np.diff(onsets.phrase_start) > 0.3)


def test_a_habit_moves_the_brows_at_the_beginning_of_phrases_alone():
    script = make_script("a text", 60.0)
    onsets = find_onsets(script, np.arange(1000) / 25.0)
    states = np.zeros((1000, len(STATE)))
    add_habits(states, onsets, traits(phrase_start_brows=0.3), 1.0, np.random.default_rng(0))
    brows = states[:, column("brow_left")]
    frames = np.clip(np.rint(25 * onsets.phrase_start).astype(int), 0, 999)
    assert brows[frames].mean() > 0.1
    far = np.abs(np.arange(1000)[:, None] - frames).min(axis=1) > 20
    assert np.ptp(brows[far]) < 0.02
    others = [n for n in range(len(STATE)) if n not in (column("brow_left"), column("brow_right"))]
    assert not states[:, others].any()


def test_blinks_move_to_the_ends_of_phrases_as_far_as_the_person_does_that():
    script = make_script("a text", 400.0)
    onsets = find_onsets(script, np.arange(9000) / 25.0)

    def at_ends(share):
        times = blink_times(onsets, traits(blinks_at_pauses=share - 0.35), 9000, 0.4, np.random.default_rng(2))
        return np.mean([np.abs(onsets.phrase_end + 0.1 - time).min() < 1e-9 for time in times])

    assert at_ends(0.0) == 0.0
    assert 0.5 < at_ends(1.0) <= 1.0
    assert 0.1 < at_ends(0.35) < 0.5


def test_without_an_idiom_nothing_of_it_is_drawn():
    signature = Signature.draw(random_generator("x"))
    usual = perform_clip(signature, Content("t"), random_generator("c"), 80)
    without = perform_clip(replace(signature, traits=9 * signature.traits), Content("t"), random_generator("c"), 80)
    np.testing.assert_array_equal(usual, without)
    timed = Dynamics(idiom=IdiomShares(timings=0.5))
    moved = [
        perform_clip(replace(signature, traits=scale * signature.traits), Content("t"), random_generator("c"), 80,
                     dynamics=timed)
        for scale in (1.0, 2.0)
    ]  # fmt: skip
    assert np.abs(moved[0] - moved[1]).max() > 0.02


def test_a_mimic_moves_its_traits_too():
    first, second = (Signature.draw(random_generator(name)) for name in "ab")
    np.testing.assert_allclose(first.moved_towards(second, 1.0).traits, second.traits)


def test_common_variation_correlates_a_group_and_keeps_variances():
    random = np.random.default_rng(3)
    dynamics = Dynamics(common=CommonVariation(head=0.6))
    logs = np.array(
        [
            [np.log(getattr(values, name)) for name in (*COMMON_GROUPS["head"], "jaw_gain", "open_gain")]
            for values in (
                Signature(random.standard_normal(len(PARAMETERS)), np.zeros((13, 13))).parameter_values(
                    random.standard_normal(len(PARAMETERS)), 0.5, dynamics
                )
                for _ in range(2000)
            )
        ]
    )
    correlation = np.corrcoef(logs.T)
    # Between two members: share + 2 sqrt(share (1 - share) / 5), over the variance of 1 + that.
    cross = 2 * np.sqrt(0.6 * 0.4 / 5)
    expected = (0.6 + cross) / (1 + cross)
    assert correlation[:5, :5][np.triu_indices(5, 1)] == pytest.approx(np.full(10, expected), abs=0.06)
    assert abs(correlation[5, 6]) < 0.08
    spreads = {parameter.name: parameter.spread for parameter in PARAMETERS}
    assert logs.std(axis=0) == pytest.approx(
        [spreads[n] for n in (*COMMON_GROUPS["head"], "jaw_gain", "open_gain")], rel=0.06
    )


def test_odds_and_kinds_set_the_shares_of_parameters():
    made = {p.name: p for p in DynamicsSettings(
        share_odds={"face": 4.0, "head": 1.0}, spreads={"face": 2.0, "head": 1.0},
        idiom={"couplings": 0.1, "timings": 0.2, "asymmetries": 0.3, "habits": 0.0},
    ).dynamics().parameters}  # fmt: skip
    usual = {p.name: p for p in PARAMETERS}
    assert made["brow_play"].share == pytest.approx(6.0 / 7.0)  # odds of 0.6 are 1.5
    assert made["brow_play"].spread == 2 * usual["brow_play"].spread
    assert made["yaw_play"] == usual["yaw_play"]
    assert made["rest_brows"] == usual["rest_brows"]
    kinds = ("speech_to_cheeks", "nod_lag_s", "brow_asymmetry", "stress_to_pitch")
    assert [made[name].share for name in kinds] == [0.1, 0.2, 0.3, 0.0]


def test_reframed_points_are_turned_scaled_and_moved_about_the_centre():
    points = np.array([[[10.0, 0.0, 2.0], [0.0, 5.0, 0.0]]])
    courses = np.array([[np.log(2.0), 90.0, 1.0, -0.5]])
    moved = reframe(points, courses, (0.0, 0.0), 10.0)
    np.testing.assert_allclose(moved, [[[10.0, 15.0, 4.0], [0.0, -5.0, 0.0]]], atol=1e-12)


def test_framing_has_the_spreads_that_it_is_set_to():
    spread = FramingSpread(scale=0.1, place=0.2, roll=3.0, drift=0.01, zoom=0.02, turn=0.5, shake=0.03)
    random = np.random.default_rng(0)
    places = np.array([spread.draw_place(random) for _ in range(2000)])
    # A normal cut off at two standard deviations (draws beyond count as two) has 0.959 of its deviation.
    assert places.std(axis=0) == pytest.approx(0.959 * np.array([0.1, 3.0, 0.2, 0.2]), rel=0.05)
    courses = np.concatenate([spread.draw_courses(random, 250) for _ in range(200)])
    assert courses.std(axis=0) == pytest.approx([0.02, 0.5, np.hypot(0.01, 0.03), np.hypot(0.01, 0.03)], rel=0.12)
