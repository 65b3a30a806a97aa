"""A simulated person: a motion signature, a face and a portrait, all from the person's name and the world's seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nvfair_tools.simulate.content import Content
from nvfair_tools.simulate.fields import SHAPE_MODES
from nvfair_tools.simulate.motion import perform, rest
from nvfair_tools.simulate.randomness import random_of
from nvfair_tools.simulate.rig import face_shape
from nvfair_tools.simulate.signature import DEFAULT_DIFFICULTY, USUAL, Dynamics, Signature

# Standard deviation of a shape mode's weight, in outer eye distances: each mode's mean displacement.
SHAPE_SPREAD = 0.0095


@dataclass(frozen=True)
class Person:
    """signature: how the person moves. shape: neutral face (478, 3). portrait: state (K + 6,) of the source image."""

    name: str
    signature: Signature
    shape: np.ndarray
    portrait: np.ndarray

    @classmethod
    def of(cls, name: str, seed: int, difficulty: float = DEFAULT_DIFFICULTY, dynamics: Dynamics = USUAL) -> Person:
        """The person called `name` in the world of `seed`: always the same one."""
        signature = Signature.draw(random_of(seed, name, "signature"))
        weights = random_of(seed, name, "shape").standard_normal(SHAPE_MODES)
        # The first modes are the head's large proportions, in which people differ most.
        spread = SHAPE_SPREAD * np.where(np.arange(SHAPE_MODES) < 8, 1.4, 0.6)
        return cls(
            name,
            signature,
            face_shape(weights * spread),
            rest(signature, random_of(seed, name, "portrait"), difficulty, dynamics),
        )

    def performs(
        self,
        content: Content,
        clip: str,
        seed: int,
        frames: int,
        difficulty: float = DEFAULT_DIFFICULTY,
        *,
        dynamics: Dynamics = USUAL,
        mimicked: Signature | None = None,
        mimicry: float = 0.0,
    ) -> np.ndarray:
        """States (T, K + 6) of the clip named `clip`; `mimicry` is the share by which the signature moves towards
        `mimicked`, as when somebody imitates another."""
        signature = self.signature if mimicked is None else self.signature.towards(mimicked, mimicry)
        return perform(signature, content, random_of(seed, self.name, "clip", clip), frames, difficulty, dynamics)
