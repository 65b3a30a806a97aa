"""Idioms: what is a person's own in how movements go together, when they come, on which side, and at which onsets.

A world says for each kind of idiom how much of its variation lies between people; the rest differs from clip to clip,
so that faces move equally much in every world:

    couplings     each movement of the face brings others along (the matrix of `signature.Signature.idiom`)
    timings       parts of the face lead or lag, rise quickly or slowly; the rhythm of blinks and pauses
    asymmetries   one side moves more, or first
    habits        brows, head and lip corners move at the beginning and the end of a phrase and at stressed syllables

Legend: T frames, K expression coefficients.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from nvfair_tools.simulate.fields import EXPRESSION, EXPRESSION_INDEX
from nvfair_tools.simulate.movement.courses import delayed, skewed
from nvfair_tools.simulate.statistics import FPS

KINDS = ("couplings", "timings", "asymmetries", "habits")
EVENTS = ("phrase_start", "phrase_end", "stress")
# The size of each habit: standard deviation of its coefficient, of an angle in radians for the head.
_HABIT_SIZES = {"brows": 0.2, "frown": 0.2, "corners": 0.16, "pitch": 0.03, "roll": 0.018, "yaw": 0.025}
# Stressed syllables are four times as frequent as phrases: their habits are smaller.
_EVENT_SIZES = {"phrase_start": 1.0, "phrase_end": 1.0, "stress": 0.5}
_HABIT_POWER = 1.5  # a few strong habits and many weak ones


@dataclass(frozen=True)
class IdiomShares:
    """The share of variance between people of each kind of idiom, from 0 to 1; at 0 it is nobody's own."""

    couplings: float = 0.0
    timings: float = 0.0
    asymmetries: float = 0.0
    habits: float = 0.0


@dataclass(frozen=True)
class Trait:
    """One number of an idiom. spread: standard deviation over all clips, in the unit of the name (_s: seconds)."""

    name: str
    kind: str
    spread: float


TRAITS = (
    # Delays behind the voice or, for the corners, behind themselves; a negative one comes before.
    Trait("delay_corners_s", "timings", 0.06),
    Trait("delay_cheeks_s", "timings", 0.06),
    Trait("delay_brows_s", "timings", 0.08),
    Trait("delay_frown_s", "timings", 0.08),
    Trait("delay_mouth_shape_s", "timings", 0.025),
    Trait("delay_turn_s", "timings", 0.08),
    # Late, quick onsets (positive) or early, slow ones.
    Trait("skew_jaw_s", "timings", 0.025),
    Trait("skew_corners_s", "timings", 0.06),
    Trait("skew_brows_s", "timings", 0.06),
    # The rhythm: logarithms of the blinks' regularity and of the pauses' length, and which blinks come at pauses.
    Trait("blink_regularity", "timings", 0.5),
    Trait("blinks_at_pauses", "timings", 0.25),
    Trait("blink_after_pause_s", "timings", 0.15),
    Trait("pause_length", "timings", 0.35),
    # The left side's lead in seconds, and its larger share of the movement.
    Trait("lead_corners_s", "asymmetries", 0.04),
    Trait("lead_brows_s", "asymmetries", 0.04),
    Trait("lead_lids_s", "asymmetries", 0.012),
    Trait("side_corners", "asymmetries", 0.25),
    Trait("side_brows", "asymmetries", 0.2),
    Trait("side_lids", "asymmetries", 0.1),
    *(
        Trait(f"{event}_{action}", "habits", _EVENT_SIZES[event] * size)
        for event in EVENTS
        for action, size in _HABIT_SIZES.items()
    ),
)
# Parameters of the signature (signature.PARAMETERS) that belong to a kind of idiom and take its share.
PARAMETER_KINDS = {
    **dict.fromkeys(
        ("speech_to_corner_left", "speech_to_corner_right", "speech_to_cheeks", "speech_to_laugh_lines", "brow_to_lid",
         "yaw_to_roll"), "couplings",
    ),
    **dict.fromkeys(("articulation_s", "brow_event_s", "blink_close_s", "blink_open_s", "nod_lag_s"), "timings"),
    **dict.fromkeys(("corner_asymmetry", "brow_asymmetry", "rest_corner_asymmetry"), "asymmetries"),
    **dict.fromkeys(
        ("stress_to_brow", "stress_to_frown", "stress_to_pitch", "stress_to_roll", "stress_to_yaw"), "habits"
    ),
}  # fmt: skip
_NAMES = [trait.name for trait in TRAITS]
_SPREADS = np.array([trait.spread for trait in TRAITS])
_IS_HABIT = np.array([trait.kind == "habits" for trait in TRAITS])
# The variance of sign(z) |z|^1.5 of a standard normal z is E|z|^3.
_HABIT_SCALE = (8.0 / np.pi) ** -0.25


def trait_values(person: np.ndarray, clip: np.ndarray, shares: IdiomShares) -> SimpleNamespace:
    """The values of TRAITS in a clip, by name. person, clip: their parts, standard normal draws (len(TRAITS),)."""
    share = np.array([getattr(shares, trait.kind) for trait in TRAITS])
    draws = np.sqrt(share) * person + np.sqrt(1.0 - share) * clip
    heavy = _HABIT_SCALE * np.sign(draws) * np.abs(draws) ** _HABIT_POWER
    values = _SPREADS * np.where(_IS_HABIT, heavy, draws)
    return SimpleNamespace(**dict(zip(_NAMES, values.tolist(), strict=True)))


def retime(states: np.ndarray, traits: SimpleNamespace) -> None:
    """Delays and skews the expression of `states` (T, K + 6) in place, as the timings of a clip say."""
    for name, delay, skew in (
        ("corner_left", traits.delay_corners_s, traits.skew_corners_s),
        ("corner_right", traits.delay_corners_s, traits.skew_corners_s),
        ("cheeks", traits.delay_cheeks_s, 0.0),
        ("laugh_lines", traits.delay_cheeks_s, 0.0),
        ("brow_left", traits.delay_brows_s, traits.skew_brows_s),
        ("brow_right", traits.delay_brows_s, traits.skew_brows_s),
        ("frown", traits.delay_frown_s, 0.0),
        ("width", traits.delay_mouth_shape_s, 0.0),
        ("pucker", traits.delay_mouth_shape_s, 0.0),
        ("jaw", 0.0, traits.skew_jaw_s),
        ("open", 0.0, traits.skew_jaw_s),
    ):
        column = EXPRESSION_INDEX[name]
        states[:, column] = delayed(states[:, column], FPS * delay)
        if skew:
            states[:, column] = skewed(states[:, column], FPS * skew)
    turn = len(EXPRESSION)
    states[:, turn] = delayed(states[:, turn], FPS * traits.delay_turn_s)


def unbalance(states: np.ndarray, traits: SimpleNamespace) -> None:
    """Makes one side of the face of `states` (T, K + 6) move more, and first, in place."""
    for part, lead, side in (
        ("corner", traits.lead_corners_s, traits.side_corners),
        ("brow", traits.lead_brows_s, traits.side_brows),
        ("lid", traits.lead_lids_s, traits.side_lids),
    ):
        for name, sign in ((f"{part}_left", 1.0), (f"{part}_right", -1.0)):
            column = EXPRESSION_INDEX[name]
            gain = float(np.clip(1.0 + sign * side, 0.2, 1.8))
            states[:, column] = gain * delayed(states[:, column], -0.5 * sign * lead * FPS)
            if part == "lid":
                states[:, column] = np.minimum(states[:, column], 1.0)  # the lids meet at 1
