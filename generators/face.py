"""A framed face, how a generator wants it framed, and the one conversion from network frames to pictures.

Legend: H, W, C image height, width, channels; images are uint8 RGB (H, W, 3); mesh points are pixels of that image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from generators.errors import GeneratorError

# Number of points of MediaPipe's face mesh, irises included.
MESH_POINTS = 478


@dataclass(frozen=True)
class Framing:
    """The square crop a generator wants around a face.

    side = `scale` x the longer side of the face's mesh box; the crop is centred on the box, moved down by
    `shift_y` x side (negative: up), and resized to `size` x `size` pixels with its aspect kept.
    """

    size: int = 256
    scale: float = 1.9
    shift_y: float = -0.06


def voxceleb_framing(size: int = 256) -> Framing:
    """The crop for networks trained on VoxCeleb as the First Order Motion Model's authors cut it: about 10 % around the
    box a face detector gives, which is larger than the mesh.

    Our choice, from seven demo clips of such projects: the picture is 1.38 to 1.66 times the mesh box (median 1.53),
    and its centre lies 0.02 of its side above the face's (median).
    """
    return Framing(size=size, scale=1.55, shift_y=-0.02)


@dataclass(frozen=True)
class Face:
    """One framed picture of a face.

    image: uint8 RGB (H, W, 3).
    mesh: float32 (478, 3) in MediaPipe's order, x and y in pixels of `image`, z in the same unit (smaller is nearer
        to the camera), or None where the generator does not ask for it.
    Raises GeneratorError when the shapes or types are others.
    """

    image: np.ndarray
    mesh: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.image.ndim != 3 or self.image.shape[2] != 3 or self.image.dtype != np.uint8:
            raise GeneratorError(
                f"a face's image must be uint8 RGB (H, W, 3); got {self.image.dtype} {self.image.shape}: "
                "convert the picture to 8-bit RGB first"
            )
        if self.mesh is not None and self.mesh.shape != (MESH_POINTS, 3):
            raise GeneratorError(f"a face's mesh must have shape ({MESH_POINTS}, 3); got {self.mesh.shape}")


def to_uint8(frame: np.ndarray, value_range: tuple[float, float]) -> np.ndarray:
    """A float32 (..., H, W, 3) frame as uint8: `value_range` maps to 0..255, clamped, rounded half to even.

    Raises GeneratorError where a value is NaN or infinite: it has no brightness, and would become black unnoticed.
    """
    low, high = value_range
    scaled = (np.asarray(frame, dtype=np.float32) - low) * (255.0 / (high - low))
    if not np.isfinite(scaled).all():
        share = 1.0 - float(np.isfinite(scaled).mean())
        raise GeneratorError(
            f"the generator's frame has NaN or infinity in {share:.1%} of its values: its weights are damaged, or "
            "numbers overflow (choose dtype float32)"
        )
    return np.rint(np.clip(scaled, 0.0, 255.0)).astype(np.uint8)
