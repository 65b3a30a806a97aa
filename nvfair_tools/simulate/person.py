"""A simulated person: a motion signature, a face and a portrait, derived from a name and the world's seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nvfair_tools.simulate.content import Content
from nvfair_tools.simulate.fields import SHAPE_MODES
from nvfair_tools.simulate.motion import perform_clip, resting_state
from nvfair_tools.simulate.randomness import random_generator
from nvfair_tools.simulate.rig import face_shape
from nvfair_tools.simulate.signature import DEFAULT_DIFFICULTY, DEFAULT_DYNAMICS, Dynamics, Signature


@dataclass(frozen=True)
class Person:
    """One simulated person.

    signature: the person's way of moving. shape: neutral face (478, 3). portrait: state (K + 6,) of the source image.
    """

    name: str
    signature: Signature
    shape: np.ndarray
    portrait: np.ndarray

    @classmethod
    def from_name(
        cls, name: str, seed: int, difficulty: float = DEFAULT_DIFFICULTY, dynamics: Dynamics = DEFAULT_DYNAMICS
    ) -> Person:
        """Makes the person called `name` in the world of `seed`; equal arguments give equal people."""
        signature = Signature.draw(random_generator(seed, name, "signature"))
        weights = random_generator(seed, name, "shape").standard_normal(SHAPE_MODES)
        # The first modes are the head's large proportions, in which people differ most.
        spread = dynamics.shape_spread * np.where(np.arange(SHAPE_MODES) < 8, 1.4, 0.6)
        return cls(
            name,
            signature,
            face_shape(weights * spread),
            resting_state(signature, random_generator(seed, name, "portrait"), difficulty, dynamics),
        )

    def perform(
        self,
        content: Content,
        clip: str,
        seed: int,
        frames: int,
        difficulty: float = DEFAULT_DIFFICULTY,
        *,
        dynamics: Dynamics = DEFAULT_DYNAMICS,
        mimicked: Signature | None = None,
        mimicry: float = 0.0,
    ) -> np.ndarray:
        """Performs a clip: the states (T, K + 6) of the clip named `clip`.

        mimicry: the share by which the signature moves towards `mimicked`, as when a person imitates another.
        """
        signature = self.signature if mimicked is None else self.signature.moved_towards(mimicked, mimicry)
        return perform_clip(
            signature, content, random_generator(seed, self.name, "clip", clip), frames, difficulty, dynamics
        )
