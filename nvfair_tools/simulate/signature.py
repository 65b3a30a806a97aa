"""A person's motion signature: what is the person's own in how a face moves, whatever is said.

Every parameter of motion has a value for a clip: its population median, changed by the person's part (the signature,
drawn once) and the clip's part (drawn for each clip). `share` is how much of the variance is the person's; `difficulty`
shifts all shares together, so that the same amount of variation tells people apart more or less.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import gamma, pi
from types import SimpleNamespace

import numpy as np

from nvfair_tools.simulate.fields import EXPRESSION, INDEX

DEFAULT_DIFFICULTY = 0.5
IDIOM_SPREAD = 0.13
IDIOM_SHARE = 0.85
K = len(EXPRESSION)
_LIDS = [INDEX["lid_left"], INDEX["lid_right"]]


@dataclass(frozen=True)
class Parameter:
    """One parameter of motion.

    spread: standard deviation over clips of all people, of the logarithm, or of the value itself where `signed`.
    share: the share of that variance which lies between people at the default difficulty.
    """

    name: str
    median: float
    spread: float
    share: float
    signed: bool = False


# Medians and spreads come from docs/simulation.md's table, shares from the shares measured there.
PARAMETERS = (
    # Speech: syllables a second relative to the script, how far each articulator goes, how soft the movement is.
    Parameter("speech_rate", 1.08, 0.12, 0.5),
    Parameter("jaw_gain", 1.1, 0.34, 0.2),
    Parameter("open_gain", 1.42, 0.3, 0.12),
    Parameter("width_gain", 0.46, 0.4, 0.1),
    Parameter("pucker_gain", 0.45, 0.4, 0.2),
    Parameter("articulation_s", 0.03, 0.25, 0.4),
    Parameter("closure", 1.0, 0.25, 0.4),
    Parameter("pause_gain", 1.0, 0.3, 0.4),
    # The lips' corners and the fold beside them: slow play, asymmetry, how much they take part in speech.
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


@dataclass(frozen=True)
class Dynamics:
    """How a world's people move, apart from how they differ: what a second world changes.

    parameters: as PARAMETERS, with other medians, spreads or shares. idiom_spread, idiom_share: size of the coupling
    between movements, and how much of its variance lies between people. idiom_power: 1: couplings are Gaussian; more:
    a few strong ones among many weak, of the same variance. idiom_lag_s: what a movement brings with it comes later by
    so much. tempo: factor of the time constants that are nobody's own.
    """

    parameters: tuple[Parameter, ...] = PARAMETERS
    idiom_spread: float = IDIOM_SPREAD
    idiom_share: float = IDIOM_SHARE
    idiom_power: float = 1.0
    idiom_lag_s: float = 0.0
    tempo: float = 1.0

    def coupling(self, draws: np.ndarray) -> np.ndarray:
        """Standard normal draws turned into couplings of standard deviation `idiom_spread`."""
        if self.idiom_power == 1.0:
            return self.idiom_spread * draws
        # E|z|^2p of a standard normal z, so that the variance stays.
        size = 2.0**self.idiom_power * gamma(self.idiom_power + 0.5) / pi**0.5
        return self.idiom_spread * np.sign(draws) * np.abs(draws) ** self.idiom_power / size**0.5


USUAL = Dynamics()


@dataclass(frozen=True)
class Signature:
    """latent: (len(PARAMETERS),) standard normal draws, the person's part of every parameter.
    idiom: (K, K) standard normal draws, how each movement of the person's face brings others with it."""

    latent: np.ndarray
    idiom: np.ndarray

    @classmethod
    def draw(cls, random: np.random.Generator) -> Signature:
        return cls(random.standard_normal(len(PARAMETERS)), random.standard_normal((K, K)))

    def towards(self, other: Signature, share: float) -> Signature:
        """An impostor's signature: this one moved towards `other` by `share` (0: itself, 1: a perfect mimic)."""
        if not 0.0 <= share <= 1.0:
            raise ValueError(f"the share of a mimic must lie in [0, 1]; got {share}")
        return Signature(
            (1.0 - share) * self.latent + share * other.latent, (1.0 - share) * self.idiom + share * other.idiom
        )

    def values(
        self, clip: np.ndarray, difficulty: float = DEFAULT_DIFFICULTY, dynamics: Dynamics = USUAL
    ) -> SimpleNamespace:
        """Every parameter's value, by name, in a clip whose own part is `clip` (len(PARAMETERS),)."""
        median, spread, signed, share = _table(dynamics)
        own = shares(difficulty, share)
        deviation = spread * (np.sqrt(own) * self.latent + np.sqrt(1.0 - own) * clip)
        result = np.where(signed, median + deviation, median * np.exp(np.where(signed, 0.0, deviation)))
        return SimpleNamespace(**{p.name: float(v) for p, v in zip(PARAMETERS, result, strict=True)})

    def mixing(
        self, clip: np.ndarray, difficulty: float = DEFAULT_DIFFICULTY, dynamics: Dynamics = USUAL
    ) -> np.ndarray:
        """(K, K) matrix that the expression of a clip, whose own part is `clip` (K, K), is multiplied by."""
        own = float(shares(difficulty, np.array([dynamics.idiom_share]))[0])
        change = dynamics.coupling(np.sqrt(own) * self.idiom + np.sqrt(1.0 - own) * clip)
        # Blinks are no part of it: a lid that closes moves nothing else, and nothing else closes a lid.
        change[_LIDS, :] = change[:, _LIDS] = 0.0
        return np.eye(K) + change


def shares(difficulty: float, default: np.ndarray | None = None) -> np.ndarray:
    """Shares of variance that lie between people at `difficulty`; 0 is easiest, 1 hardest.

    default: the shares at the default difficulty (None: the parameters'). Their odds change by a factor of e^8 a unit
    of difficulty, so shares stay in (0, 1).
    """
    if not 0.0 <= difficulty <= 1.0:
        raise ValueError(f"difficulty must lie in [0, 1]; got {difficulty}")
    if default is None:
        default = np.array([p.share for p in PARAMETERS])
    odds = default / (1.0 - default) * np.exp(8.0 * (DEFAULT_DIFFICULTY - difficulty))
    return odds / (1.0 + odds)


@cache
def _table(dynamics: Dynamics) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    return (
        np.array([p.median for p in dynamics.parameters]),
        np.array([p.spread for p in dynamics.parameters]),
        np.array([p.signed for p in dynamics.parameters]),
        np.array([p.share for p in dynamics.parameters]),
    )
