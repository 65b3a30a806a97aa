"""The motion signature of a person: the part of a person's motion that does not depend on the content.

Every parameter of motion has a value in each clip: its population median, changed by the person's part (the signature,
drawn once) and the clip's part (drawn for each clip). `share` is the person's share of the variance. `difficulty`
changes all shares together, so that the same amount of variation separates people more or less.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from math import gamma, pi
from types import SimpleNamespace

import numpy as np

from nvfair_tools.simulate.fields import EXPRESSION, EXPRESSION_INDEX
from nvfair_tools.simulate.movement.idiom import TRAITS, IdiomShares, trait_values

DEFAULT_DIFFICULTY = 0.5
IDIOM_SPREAD = 0.13
IDIOM_SHARE = 0.85
# Standard deviation of a shape mode's weight, in outer eye distances: each mode's mean displacement.
SHAPE_SPREAD = 0.0095
K = len(EXPRESSION)
_LIDS = [EXPRESSION_INDEX["lid_left"], EXPRESSION_INDEX["lid_right"]]


@dataclass(frozen=True)
class Parameter:
    """One parameter of motion.

    spread: standard deviation over the clips of all people, of the logarithm, or of the value itself where `signed`.
    share: the share of that variance that lies between people at the default difficulty.
    """

    name: str
    median: float
    spread: float
    share: float
    signed: bool = False


# Medians and spreads come from docs/simulation.md's table, shares from the shares measured there.
PARAMETERS = (
    # Speech: speed relative to the script, range of each articulator, smoothing of the movement.
    Parameter("speech_rate", 1.08, 0.12, 0.5),
    Parameter("jaw_gain", 1.1, 0.34, 0.2),
    Parameter("open_gain", 1.42, 0.3, 0.12),
    Parameter("width_gain", 0.46, 0.4, 0.1),
    Parameter("pucker_gain", 0.45, 0.4, 0.2),
    Parameter("articulation_s", 0.03, 0.25, 0.4),
    Parameter("closure", 1.0, 0.25, 0.4),
    Parameter("pause_gain", 1.0, 0.3, 0.4),
    # The lip corners and the laugh lines: slow play, asymmetry, their part in speech.
    Parameter("corner_play", 0.08, 0.6, 0.6),
    Parameter("corner_hz", 0.42, 0.5, 0.6),
    Parameter("corner_asymmetry", 0.0, 0.35, 0.85, signed=True),
    Parameter("speech_to_corner_left", 0.12, 0.25, 0.85, signed=True),
    Parameter("speech_to_corner_right", 0.12, 0.25, 0.85, signed=True),
    Parameter("speech_to_cheeks", 0.2, 0.35, 0.85, signed=True),
    Parameter("speech_to_laugh_lines", 0.2, 0.35, 0.85, signed=True),
    Parameter("chin_play", 0.07, 0.5, 0.5),
    Parameter("lip_play", 0.05, 0.4, 0.4),
    # Brows.
    Parameter("brow_play", 0.055, 0.75, 0.6),
    Parameter("brow_hz", 0.6, 0.5, 0.45),
    Parameter("brow_asymmetry", 0.0, 0.35, 0.85, signed=True),
    Parameter("brow_event_rate", 0.25, 0.8, 0.45),
    Parameter("brow_event_size", 0.34, 0.5, 0.45),
    Parameter("brow_event_s", 0.35, 0.35, 0.5),
    Parameter("stress_to_brow", 0.05, 0.12, 0.85, signed=True),
    Parameter("stress_to_frown", 0.0, 0.15, 0.85, signed=True),
    # Lids.
    Parameter("blink_rate", 0.3, 0.9, 0.6),
    Parameter("blink_close_s", 0.075, 0.2, 0.8),
    Parameter("blink_open_s", 0.15, 0.3, 0.8),
    Parameter("blink_depth", 0.8, 0.15, 0.5),
    Parameter("lid_play", 0.056, 0.6, 0.6),
    Parameter("brow_to_lid", -0.12, 0.1, 0.8, signed=True),
    # Head.
    Parameter("yaw_play", 0.04, 1.1, 0.7),
    Parameter("pitch_play", 0.038, 0.8, 0.65),
    Parameter("roll_play", 0.0105, 1.3, 0.7),
    Parameter("head_hz", 0.45, 0.55, 0.7),
    Parameter("fidget", 0.24, 0.4, 0.45),
    Parameter("stress_to_pitch", 0.3, 0.5, 0.85, signed=True),
    Parameter("stress_to_roll", 0.0, 0.4, 0.85, signed=True),
    Parameter("stress_to_yaw", 0.0, 0.35, 0.85, signed=True),
    Parameter("nod_lag_s", 0.08, 0.07, 0.85, signed=True),
    Parameter("yaw_to_roll", 0.0, 0.35, 0.85, signed=True),
    Parameter("sway", 0.016, 0.9, 0.7),
    Parameter("lean", 0.009, 0.8, 0.65),
    # Emotion and posture.
    Parameter("expressivity", 1.0, 0.45, 0.5),
    Parameter("rest_corners", 0.0, 0.12, 0.6, signed=True),
    Parameter("rest_corner_asymmetry", 0.0, 0.08, 0.7, signed=True),
    Parameter("rest_brows", 0.0, 0.12, 0.6, signed=True),
    Parameter("rest_frown", 0.0, 0.1, 0.6, signed=True),
    Parameter("rest_lids", 0.0, 0.06, 0.6, signed=True),
    Parameter("rest_open", 0.0, 0.05, 0.5, signed=True),
    Parameter("rest_yaw", 0.0, 0.08, 0.3, signed=True),
    Parameter("rest_pitch", 0.0, 0.08, 0.3, signed=True),
    Parameter("rest_roll", 0.0, 0.035, 0.5, signed=True),
)
HEAD_PARAMETERS = frozenset(
    ("yaw_play", "pitch_play", "roll_play", "head_hz", "fidget", "stress_to_pitch", "stress_to_roll", "stress_to_yaw")
    + ("nod_lag_s", "yaw_to_roll", "sway", "lean", "rest_yaw", "rest_pitch", "rest_roll")
)
# Groups of parameters that rise and fall together: how lively a face and a head are, and how quick.
COMMON_GROUPS = {
    "face": ("jaw_gain", "open_gain", "width_gain", "pucker_gain", "corner_play", "chin_play", "lip_play", "brow_play",
             "brow_event_rate", "brow_event_size", "lid_play", "expressivity"),
    "head": ("yaw_play", "pitch_play", "roll_play", "sway", "lean"),
    "tempo": ("speech_rate", "corner_hz", "brow_hz", "head_hz"),
}  # fmt: skip


@dataclass(frozen=True)
class CommonVariation:
    """The part of the variation that the parameters of each of COMMON_GROUPS share, from 0 (none) to 1 (all).

    It holds for the differences between people and for those between a person's clips.
    """

    face: float = 0.0
    head: float = 0.0
    tempo: float = 0.0


@dataclass(frozen=True)
class Dynamics:
    """The dynamics of a world's people, which a second world changes.

    parameters: as PARAMETERS, with other medians, spreads or shares. idiom_spread, idiom_share: standard deviation of
    the couplings between movements, and the share of their variance that lies between people. idiom_power: 1 gives
    Gaussian couplings; a larger power gives a few strong ones among many weak ones, with the same variance.
    idiom_lag_s: delay in seconds of the movements that a movement brings along. tempo: factor of the time constants
    that do not belong to the signature. common: what parameters of a group have in common. idiom: the kinds of idiom
    and their shares (None: the couplings of `idiom_share` alone). shape_spread: standard deviation of the weights of
    face shape, in outer eye distances.
    """

    parameters: tuple[Parameter, ...] = PARAMETERS
    idiom_spread: float = IDIOM_SPREAD
    idiom_share: float = IDIOM_SHARE
    idiom_power: float = 1.0
    idiom_lag_s: float = 0.0
    tempo: float = 1.0
    common: CommonVariation = CommonVariation()
    idiom: IdiomShares | None = None
    shape_spread: float = SHAPE_SPREAD

    def coupling(self, draws: np.ndarray) -> np.ndarray:
        """Turns standard normal draws into couplings of standard deviation `idiom_spread`."""
        if self.idiom_power == 1.0:
            return self.idiom_spread * draws
        # Division by the root of E|z|^2p of a standard normal z keeps the variance.
        variance = 2.0**self.idiom_power * gamma(self.idiom_power + 0.5) / pi**0.5
        return self.idiom_spread * np.sign(draws) * np.abs(draws) ** self.idiom_power / variance**0.5


DEFAULT_DYNAMICS = Dynamics()


@dataclass(frozen=True)
class Signature:
    """The motion signature of one person, as standard normal draws.

    latent: (len(PARAMETERS),), the person's part of every parameter. idiom: (K, K), the person's part of the couplings
    by which each movement of the face brings others along. traits: (len(TRAITS),), the person's part of the idioms of
    the other kinds.
    """

    latent: np.ndarray
    idiom: np.ndarray
    traits: np.ndarray = field(default_factory=lambda: np.zeros(len(TRAITS)))

    @classmethod
    def draw(cls, random: np.random.Generator) -> Signature:
        """Draws the signature of a new person."""
        return cls(
            random.standard_normal(len(PARAMETERS)), random.standard_normal((K, K)), random.standard_normal(len(TRAITS))
        )

    def moved_towards(self, other: Signature, share: float) -> Signature:
        """The signature of a mimic: this one moved towards `other` by `share` (0: itself, 1: a perfect mimic)."""
        if not 0.0 <= share <= 1.0:
            raise ValueError(f"the share of a mimic must lie in [0, 1]; got {share}")
        return Signature(
            (1.0 - share) * self.latent + share * other.latent,
            (1.0 - share) * self.idiom + share * other.idiom,
            (1.0 - share) * self.traits + share * other.traits,
        )

    def parameter_values(
        self, clip: np.ndarray, difficulty: float = DEFAULT_DIFFICULTY, dynamics: Dynamics = DEFAULT_DYNAMICS
    ) -> SimpleNamespace:
        """The values of all parameters, by name, in a clip. clip: the clip's part (len(PARAMETERS),), normal draws."""
        median, spread, signed, default_share = _parameter_table(dynamics)
        share = person_shares(difficulty, default_share)
        person = self.latent
        if dynamics.common != CommonVariation():
            person, clip = (_with_common_part(draws, dynamics.common) for draws in (person, clip))
        deviation = spread * (np.sqrt(share) * person + np.sqrt(1.0 - share) * clip)
        values = np.where(signed, median + deviation, median * np.exp(np.where(signed, 0.0, deviation)))
        return SimpleNamespace(
            **{parameter.name: float(value) for parameter, value in zip(PARAMETERS, values, strict=True)}
        )

    def trait_values(self, clip: np.ndarray, shares: IdiomShares) -> SimpleNamespace:
        """The values of all traits, by name, in a clip. clip: the clip's part (len(TRAITS),), normal draws."""
        return trait_values(self.traits, clip, shares)

    def mixing_matrix(
        self, clip: np.ndarray, difficulty: float = DEFAULT_DIFFICULTY, dynamics: Dynamics = DEFAULT_DYNAMICS
    ) -> np.ndarray:
        """The matrix (K, K) that multiplies the expression of a clip. clip: the clip's part (K, K), normal draws."""
        share = float(person_shares(difficulty, np.array([dynamics.idiom_share]))[0])
        couplings = dynamics.coupling(np.sqrt(share) * self.idiom + np.sqrt(1.0 - share) * clip)
        # The lids are not coupled: a blink moves nothing else, and no other movement closes a lid.
        couplings[_LIDS, :] = couplings[:, _LIDS] = 0.0
        return np.eye(K) + couplings


def person_shares(difficulty: float, default: np.ndarray | None = None) -> np.ndarray:
    """The shares of variance that lie between people at `difficulty` (0: easiest, 1: hardest).

    default: the shares at the default difficulty (None: those of PARAMETERS). A unit of difficulty changes their odds
    by a factor of e^8, so the shares stay in (0, 1).
    """
    if not 0.0 <= difficulty <= 1.0:
        raise ValueError(f"difficulty must lie in [0, 1]; got {difficulty}")
    if default is None:
        default = np.array([parameter.share for parameter in PARAMETERS])
    odds = default / (1.0 - default) * np.exp(8.0 * (DEFAULT_DIFFICULTY - difficulty))
    return odds / (1.0 + odds)


def _with_common_part(draws: np.ndarray, common: CommonVariation) -> np.ndarray:
    """Standard normal draws (len(PARAMETERS),) with the part that each group has in common; variances stay 1."""
    mixed = draws.copy()
    for group, names in COMMON_GROUPS.items():
        share = getattr(common, group)
        members = [n for n, parameter in enumerate(PARAMETERS) if parameter.name in names]
        shared = draws[members].sum() / np.sqrt(len(members))
        variance = 1.0 + 2.0 * np.sqrt(share * (1.0 - share) / len(members))
        mixed[members] = (np.sqrt(1.0 - share) * draws[members] + np.sqrt(share) * shared) / np.sqrt(variance)
    return mixed


@cache
def _parameter_table(dynamics: Dynamics) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Median, spread, signed and share of all parameters, each (len(PARAMETERS),)."""
    return (
        np.array([p.median for p in dynamics.parameters]),
        np.array([p.spread for p in dynamics.parameters]),
        np.array([p.signed for p in dynamics.parameters]),
        np.array([p.share for p in dynamics.parameters]),
    )
