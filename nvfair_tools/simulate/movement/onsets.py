"""Onsets of speech in a clip, and what a person does there: habits, blinks at pauses, the length of pauses.

Legend: T frames, E keyframes of a script, K expression coefficients.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np

from nvfair_tools.simulate.content import Script
from nvfair_tools.simulate.fields import EXPRESSION, EXPRESSION_INDEX
from nvfair_tools.simulate.movement.courses import event_times
from nvfair_tools.simulate.movement.idiom import EVENTS
from nvfair_tools.simulate.statistics import FPS

_HABIT_S = 0.16  # standard deviation of a habit's course
_OCCURRENCE = 0.75  # share of the onsets at which a habit is followed
_BLINK_REACH_S = 1.2  # a blink this near to a pause may move to it
_COLUMNS = {
    "brows": (EXPRESSION_INDEX["brow_left"], EXPRESSION_INDEX["brow_right"]),
    "frown": (EXPRESSION_INDEX["frown"],),
    "corners": (EXPRESSION_INDEX["corner_left"], EXPRESSION_INDEX["corner_right"]),
    "yaw": (len(EXPRESSION),),
    "pitch": (len(EXPRESSION) + 1,),
    "roll": (len(EXPRESSION) + 2,),
}


@dataclass(frozen=True)
class Onsets:
    """Times in seconds of the clip at which phrases begin and end and syllables are stressed, each (N,)."""

    phrase_start: np.ndarray
    phrase_end: np.ndarray
    stress: np.ndarray


def stretch_pauses(script: Script, factor: float) -> Script:
    """`script` with pauses `factor` times as long."""
    gap = np.diff(script.time, prepend=0.0)
    after_pause = np.zeros(len(gap), dtype=bool)
    after_pause[1:] = _is_pause(script)[:-1]
    return replace(script, time=np.cumsum(np.where(after_pause, factor * gap, gap)))


def find_onsets(script: Script, clock: np.ndarray) -> Onsets:
    """The onsets of a clip. clock: (T,) the script's time in each frame."""
    clock = np.maximum.accumulate(clock)
    pause = np.flatnonzero(_is_pause(script))
    starts = pause[pause + 1 < len(script.time)] + 1

    def clip_times(times: np.ndarray) -> np.ndarray:
        return np.interp(times[(times > clock[0]) & (times < clock[-1])], clock, np.arange(len(clock)) / FPS)

    return Onsets(
        clip_times(script.time[starts]), clip_times(script.time[pause]), clip_times(script.time[script.stress == 1.0])
    )


def add_habits(
    states: np.ndarray, onsets: Onsets, traits: SimpleNamespace, arousal: float, random: np.random.Generator
) -> None:
    """Adds to `states` (T, K + 6) what the person does at onsets: now more, now less, and sometimes not at all."""
    times = np.arange(len(states)) / FPS
    for event in EVENTS:
        event_at = getattr(onsets, event)
        follows = random.random((len(_COLUMNS), len(event_at))) < _OCCURRENCE
        strength = follows * np.exp(0.3 * random.standard_normal((len(_COLUMNS), len(event_at))))
        shift = 0.05 * random.standard_normal(len(event_at))
        bumps = np.exp(-0.5 * np.square((times - (event_at + shift)[:, None]) / _HABIT_S))
        for action, sizes in zip(_COLUMNS, strength, strict=True):
            course = (sizes[:, None] * bumps).sum(axis=0)
            course = arousal * getattr(traits, f"{event}_{action}") * (course - course.mean())
            for column in _COLUMNS[action]:
                states[:, column] += course


def blink_times(
    onsets: Onsets, traits: SimpleNamespace, frames: int, rate: float, random: np.random.Generator
) -> list[float]:
    """Times in seconds of blinks at `rate` a second, with the person's regularity; some move to the ends of phrases."""
    regularity = float(np.clip(2.0 * np.exp(traits.blink_regularity), 0.5, 12.0))
    share = float(np.clip(0.35 + traits.blinks_at_pauses, 0.0, 1.0))
    times = []
    for time in event_times(random, frames, rate, regularity):
        near = np.abs(onsets.phrase_end - time)
        moves = random.random() < share
        if moves and len(near) and near.min() < _BLINK_REACH_S:
            time = float(onsets.phrase_end[near.argmin()]) + 0.1 + traits.blink_after_pause_s
        times.append(time)
    return times


def _is_pause(script: Script) -> np.ndarray:
    """Whether a keyframe (E,) is the beginning of a pause: the mouth at rest, no closure."""
    return ~script.targets.any(axis=1) & ~script.closure
