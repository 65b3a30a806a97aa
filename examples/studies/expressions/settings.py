"""How the warps are run in the study: as a build runs them by default, with a neutral reference, and in rotation.

Legend: T frames, M measures (`generators.expression_measures`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from examples.studies.expressions.material import NEUTRAL, EmotionClip
from examples.studies.expressions.transfers import MOUTH, Transfer
from generators.expression_measures import (
    POPULATION_MEDIAN,
    POPULATION_SPREAD,
    expression_measures,
    rest_frames,
)
from generators.generator import MotionMode
from generators.warp import Motion, Source, Warp
from generators.warp.neutral import CORNER_GAIN, DEFAULT_PRIOR, OWN_SHARE, NeutralPrior, neutral_meshes

EYES = 4  # its own share is a choice, not fitted: see docs/generators.md
LARGEST_RATIO = 1.3  # of output's to driver's amplitude, in any pair
LARGEST_GAIN = 0.25


@dataclass(frozen=True)
class Setting:
    """One way to render. mouth: of the generator. prior, gain: of a neutral reference; None: reference `best`."""

    name: str
    mouth: str
    prior: NeutralPrior | None = None
    gain: float = 0.0

    def meshes(self, generator: Warp, source: Source, motion: Motion) -> np.ndarray:
        """Where the driver's motion puts the target's mesh (T, 478, 3)."""
        if self.prior is None:
            return generator.target_meshes(source, motion, MotionMode("relative", "best"))
        return neutral_meshes(source.mesh, motion.meshes.astype(np.float64), prior=self.prior, corner_gain=self.gain)


BEFORE = Setting("before", "plain")
AFTER = Setting("after", "drawn", DEFAULT_PRIOR, CORNER_GAIN)


def fitted(clips: Iterable[EmotionClip], transfers: Iterable[Transfer], held_out: str) -> Setting:
    """The setting fitted on all people but `held_out`.

    own_share: of measures whose rest frames differ from the person's neutral ones by e (root mean square over the clips
    of emotion) and between people by s: s^2 / (s^2 + e^2), the share that a normal prior and normal errors give.
    gain: what brings the median amplitude of the mouth's width to the driver's, and no pair above 130 %, if amplitudes
    grow with 1 + gain. transfers: of the setting `AFTER`, whose own gain is taken out first.
    """
    known = [clip for clip in clips if clip.person != held_out]
    errors = []
    for person in sorted({clip.person for clip in known}):
        rest = {clip.emotion: _rest(clip) for clip in known if clip.person == person}
        neutral = rest.pop(NEUTRAL)
        neutral[2] = POPULATION_MEDIAN[2]  # lips at rest are closed, though a neutral speaker's may be open
        errors += [value - neutral for value in rest.values()]
    square = np.mean(np.square(errors), axis=0)
    share = POPULATION_SPREAD**2 / (POPULATION_SPREAD**2 + square)
    share[EYES] = OWN_SHARE[EYES]
    ratios = np.array([t.ratio(MOUTH) for t in transfers if held_out not in (t.driver, t.target)])
    ratios = ratios / (1.0 + AFTER.gain)
    gain = np.clip(min(1.0 / np.median(ratios), LARGEST_RATIO / ratios.max()) - 1.0, 0.0, LARGEST_GAIN)
    return Setting(
        f"without-{held_out}", "drawn", NeutralPrior(POPULATION_MEDIAN, POPULATION_SPREAD, share), float(gain)
    )


def _rest(clip: EmotionClip) -> np.ndarray:
    return np.median(expression_measures(clip.mesh[rest_frames(clip.mesh)]), axis=0)
