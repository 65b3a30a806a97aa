"""What a simulated person looks like: one of the public-domain portraits, reshaped, mirrored, in another light.

Legend: S side of the framed picture in pixels; meshes are (478, 3).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from nvfair_tools.simulate.base_mesh import base_mesh, in_face_axes, mirror_points
from nvfair_tools.simulate.person import Person
from nvfair_tools.simulate.portraits import Portrait, measured_portraits
from nvfair_tools.simulate.randomness import random_of
from nvfair_tools.simulate.rig import Camera, Rig

_FRAME = 2.2  # side of the picture in sides of the face's box: room for the head to move
_MOUTH = np.array([0.0, 0.74])


@dataclass(frozen=True)
class Appearance:
    """image: uint8 RGB (S, S, 3), the portrait that is bent. mesh: float32 (478, 3) in its pixels.
    rig: the person's face, in front of `camera`. portrait: name of the picture it was made from."""

    image: np.ndarray
    mesh: np.ndarray
    rig: Rig
    camera: Camera
    portrait: str

    @classmethod
    def of(cls, person: Person, seed: int, size: int = 256) -> Appearance:
        """The look of a person in the world of `seed`. Raises MissingExtra where portraits or mediapipe are absent."""
        random = random_of(seed, person.name, "appearance")
        portraits = _portraits()
        portrait = portraits[int(random.integers(len(portraits)))]
        if random.random() < 0.5:
            portrait = mirrored(portrait)
        portrait = framed(portrait, size)
        image = lit(portrait.image, random)
        own = in_face_axes(portrait.mesh)
        eyes = portrait.mesh[[33, 263], :2].astype(np.float64)
        centre = eyes.mean(axis=0)
        camera = Camera(float(np.linalg.norm(np.diff(eyes, axis=0))), (float(centre[0]), float(centre[1])))
        # The portrait's own lips may smile: about the mouth, the neutral face has its way.
        near = np.exp(-0.5 * np.square((own[:, :2] - _MOUTH) / 0.3).sum(axis=1))[:, None]
        neutral = (1 - near) * own + near * base_mesh() + (person.shape - base_mesh())
        return cls(image, portrait.mesh, Rig.of(neutral), camera, portrait.name)

    def meshes(self, states: np.ndarray) -> np.ndarray:
        """float32 (T, 478, 3) in pixels: where the face's points are for states (T, K + 6)."""
        return self.rig.mesh(states, self.camera)


def mirrored(portrait: Portrait) -> Portrait:
    """The portrait seen in a mirror; its mesh keeps MediaPipe's order."""
    width = portrait.image.shape[1]
    mesh = portrait.mesh[mirror_points()].copy()
    mesh[:, 0] = width - mesh[:, 0]
    return replace(portrait, image=np.ascontiguousarray(portrait.image[:, ::-1]), mesh=mesh)


def framed(portrait: Portrait, size: int) -> Portrait:
    """The portrait cut to a square around the face, as far as it goes within the picture, and resized to `size`."""
    from nvfair_tools.faces.framing import frame_face

    image, mesh = frame_face(portrait.image, portrait.mesh, _FRAME, 0.0, size)
    return replace(portrait, image=image, mesh=mesh)


def lit(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The picture (H, W, 3) under another light: exposure, contrast, colour balance, saturation, a gradient."""
    picture = image.astype(np.float64) / 255.0
    height, width = image.shape[:2]
    picture = np.power(picture, float(np.exp(0.18 * random.standard_normal())))
    picture *= np.exp(0.04 * random.standard_normal(3))
    grey = picture.mean(axis=2, keepdims=True)
    picture = grey + (picture - grey) * float(random.uniform(0.55, 1.25))
    angle = random.uniform(0, 2 * np.pi)
    across = np.cos(angle) * np.linspace(-1, 1, width)[None, :] + np.sin(angle) * np.linspace(-1, 1, height)[:, None]
    picture *= 1.0 + float(random.uniform(0.0, 0.22)) * across[..., None]
    return np.rint(np.clip(picture, 0.0, 1.0) * 255).astype(np.uint8)


@cache
def _portraits() -> tuple[Portrait, ...]:
    return tuple(measured_portraits())
