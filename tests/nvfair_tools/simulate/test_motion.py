from dataclasses import replace

import numpy as np
import pytest

from nvfair_tools.simulate.content import EMOTIONS, Content, make_script
from nvfair_tools.simulate.fields import EXPRESSION_INDEX
from nvfair_tools.simulate.motion import perform_clip, resting_state
from nvfair_tools.simulate.person import Person
from nvfair_tools.simulate.randomness import random_generator
from nvfair_tools.simulate.rig import STATE
from nvfair_tools.simulate.signature import PARAMETERS, Signature

AVERAGE = Signature(np.zeros(len(PARAMETERS)), np.zeros((13, 13)))


def test_a_clip_is_the_same_whenever_it_is_perform_clip():
    person = Person.from_name("sim:0001", seed=3)
    first = person.perform(Content("text"), "clip-1", 3, 90)
    Person.from_name("sim:0002", seed=3).perform(Content("text"), "clip-1", 3, 50)
    again = Person.from_name("sim:0001", seed=3).perform(Content("text"), "clip-1", 3, 90)
    np.testing.assert_array_equal(first, again)
    assert first.shape == (90, len(STATE))
    assert np.isfinite(first).all()


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p.perform(Content("text"), "clip-2", 3, 90),
        lambda p: p.perform(Content("text"), "clip-1", 4, 90),
        lambda p: p.perform(Content("another text"), "clip-1", 3, 90),
        lambda p: Person.from_name("sim:0002", 3).perform(Content("text"), "clip-1", 3, 90),
    ],
)
def test_another_clip_world_text_or_person_moves_otherwise(change):
    person = Person.from_name("sim:0001", seed=3)
    assert not np.array_equal(change(person), person.perform(Content("text"), "clip-1", 3, 90))


def test_a_script_begins_alike_however_much_of_it_is_asked_for():
    short, long = make_script("s", 5.0), make_script("s", 20.0)
    count = len(short.time)
    np.testing.assert_array_equal(short.time, long.time[:count])
    np.testing.assert_array_equal(short.targets, long.targets[:count])
    assert (np.diff(long.time) > 0).all()
    assert 3.0 < 0.5 * len(long.time) / long.time[-1] < 6.5  # syllables a second, pauses included


def test_people_who_say_the_same_move_their_mouths_more_alike_than_those_who_do_not():
    def jaw(person, text):
        return perform_clip(
            Signature.draw(random_generator(person)), Content(text), random_generator(person, text), 150
        )[:, EXPRESSION_INDEX["jaw"]]

    def likeness(texts):
        # The start is not quite the same: the best of small shifts.
        correlations = []
        for n in range(12):
            a, b = jaw(f"a{n}", texts[0].format(n)), jaw(f"b{n}", texts[1].format(n))
            correlations.append(max(np.corrcoef(a[20 + s : 120 + s], b[20:120])[0, 1] for s in range(-15, 16)))
        return np.mean(correlations)

    assert likeness(("same {}", "same {}")) > likeness(("one {}", "other {}")) + 0.1


def test_emotions_change_the_face_in_their_own_way():
    def mean(emotion, name):
        clips = [perform_clip(AVERAGE, Content("t", emotion=emotion), random_generator(n), 100) for n in range(20)]
        return np.mean([clip[:, EXPRESSION_INDEX[name]].mean() for clip in clips])

    assert mean("happy", "corner_left") > mean("neutral", "corner_left") + 0.2
    assert mean("angry", "frown") > mean("neutral", "frown") + 0.2
    assert mean("surprised", "brow_left") > mean("neutral", "brow_left") + 0.3
    for emotion in EMOTIONS:
        assert np.isfinite(perform_clip(AVERAGE, Content("t", emotion=emotion), random_generator(1), 30)).all()


def test_lips_do_not_pass_through_each_other_and_blinks_close_the_lids():
    clips = np.concatenate(
        [perform_clip(AVERAGE, Content(f"t{n}"), random_generator("blinks", n), 250) for n in range(10)]
    )
    assert clips[:, EXPRESSION_INDEX["open"]].min() > -0.02
    assert clips[:, EXPRESSION_INDEX["jaw"]].min() > -0.02
    lid = clips[:, EXPRESSION_INDEX["lid_left"]]
    starts = np.flatnonzero((lid[1:] > 0.5) & (lid[:-1] <= 0.5))
    assert 5 < len(starts) / (len(lid) / 25 / 60) < 40  # a minute


def test_nothing_jumps_between_frames():
    for n in range(10):
        states = perform_clip(Signature.draw(random_generator("jump", n)), Content("t"), random_generator(n), 200)
        head = np.abs(np.diff(states[:, 13:16], axis=0)).max()
        assert head < 0.2  # radians in a 25th of a second


def test_at_rest_the_mouth_is_closed_and_only_posture_speaks():
    state = resting_state(AVERAGE, random_generator("portrait"))
    assert abs(state[EXPRESSION_INDEX["jaw"]]) < 1e-6
    assert np.abs(state).max() < 0.6


def test_a_perfect_mimic_of_the_clip_is_its_target():
    person, other = Person.from_name("sim:0001", 1), Person.from_name("sim:0002", 1)
    mimic = person.perform(Content("t"), "c", 1, 60, mimicked=other.signature, mimicry=1.0)
    like = replace(person, signature=other.signature).perform(Content("t"), "c", 1, 60)
    np.testing.assert_array_equal(mimic, like)
    half = person.perform(Content("t"), "c", 1, 60, mimicked=other.signature, mimicry=0.5)
    assert not np.array_equal(half, mimic)
