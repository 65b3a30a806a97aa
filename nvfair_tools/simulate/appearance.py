"""The appearance of a simulated person: a public-domain portrait, reshaped, perhaps mirrored, in another light.

Legend: S side of the framed picture in pixels; meshes are (478, 3).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from nvfair_tools.simulate.base_mesh import base_mesh, mirror_points, to_face_coordinates
from nvfair_tools.simulate.person import Person
from nvfair_tools.simulate.portraits import Portrait, measured_portraits
from nvfair_tools.simulate.randomness import random_generator
from nvfair_tools.simulate.rig import Camera, Rig

_FRAME_SCALE = 2.2  # side of the picture in sides of the face's box: room for the head to move
_MOUTH_CENTRE = np.array([0.0, 0.74])  # face coordinates


@dataclass(frozen=True)
class Appearance:
    """The picture of a simulated person and the rig that moves it.

    image: uint8 RGB (S, S, 3), the portrait. mesh: float32 (478, 3) in its pixels.
    rig: the person's face, in front of `camera`. portrait: name of the original picture.
    """

    image: np.ndarray
    mesh: np.ndarray
    rig: Rig
    camera: Camera
    portrait: str

    @classmethod
    def from_person(cls, person: Person, seed: int, size: int = 256) -> Appearance:
        """Makes the appearance of a person in the world of `seed`, in a picture of `size` pixels.

        Raises MissingExtra where the packages with the portraits or mediapipe are absent.
        """
        random = random_generator(seed, person.name, "appearance")
        portraits = _portraits()
        portrait = portraits[int(random.integers(len(portraits)))]
        if random.random() < 0.5:
            portrait = mirror_portrait(portrait)
        portrait = frame_portrait(portrait, size)
        image = change_light(portrait.image, random)
        portrait_face = to_face_coordinates(portrait.mesh)
        # The camera sees the eyes where the portrait has them.
        eyes = portrait.mesh[[33, 263], :2].astype(np.float64)
        centre = eyes.mean(axis=0)
        camera = Camera(float(np.linalg.norm(np.diff(eyes, axis=0))), (float(centre[0]), float(centre[1])))
        # The lips of the portrait may smile: near the mouth the neutral face replaces the portrait's.
        mouth_weight = np.exp(-0.5 * np.square((portrait_face[:, :2] - _MOUTH_CENTRE) / 0.3).sum(axis=1))[:, None]
        neutral = (1 - mouth_weight) * portrait_face + mouth_weight * base_mesh() + (person.shape - base_mesh())
        return cls(image, portrait.mesh, Rig.from_shape(neutral), camera, portrait.name)

    def meshes(self, states: np.ndarray) -> np.ndarray:
        """The meshes of the face in states (T, K + 6): float32 (T, 478, 3) in pixels."""
        return self.rig.mesh(states, self.camera)


def mirror_portrait(portrait: Portrait) -> Portrait:
    """Mirrors a portrait from left to right; its mesh keeps MediaPipe's order of points."""
    width = portrait.image.shape[1]
    mesh = portrait.mesh[mirror_points()].copy()
    mesh[:, 0] = width - mesh[:, 0]
    return replace(portrait, image=np.ascontiguousarray(portrait.image[:, ::-1]), mesh=mesh)


def frame_portrait(portrait: Portrait, size: int) -> Portrait:
    """Crops a portrait to a square around the face, within the picture where possible, and resizes it to `size`."""
    from nvfair_tools.faces.framing import frame_face

    image, mesh = frame_face(portrait.image, portrait.mesh, _FRAME_SCALE, 0.0, size)
    return replace(portrait, image=image, mesh=mesh)


def change_light(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Changes the light of a picture (H, W, 3): contrast, colour balance, saturation, and a gradient."""
    picture = image.astype(np.float64) / 255.0
    height, width = image.shape[:2]
    # Contrast (a gamma curve), then colour balance.
    picture = np.power(picture, float(np.exp(0.18 * random.standard_normal())))
    picture *= np.exp(0.04 * random.standard_normal(3))
    # Saturation.
    grey = picture.mean(axis=2, keepdims=True)
    picture = grey + (picture - grey) * float(random.uniform(0.55, 1.25))
    # A linear gradient of brightness in a random direction.
    angle = random.uniform(0, 2 * np.pi)
    across = np.cos(angle) * np.linspace(-1, 1, width)[None, :] + np.sin(angle) * np.linspace(-1, 1, height)[:, None]
    picture *= 1.0 + float(random.uniform(0.0, 0.22)) * across[..., None]
    return np.rint(np.clip(picture, 0.0, 1.0) * 255).astype(np.uint8)


@cache
def _portraits() -> tuple[Portrait, ...]:
    return tuple(measured_portraits())
