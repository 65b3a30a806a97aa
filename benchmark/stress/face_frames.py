"""Landmarks apart from the head's movement: each frame brought onto one face by the similarity that fits it best.

Legend: T frames, L landmarks, K of them that move with the head alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nvfair_tools.landmarks.scheme import SCHEME_126

# Eye corners and the bridge and tip of the nose: they move with the head, hardly with an expression.
RIGID_POINTS = tuple(SCHEME_126.position(point) for point in (33, 133, 362, 263, 168, 6, 197, 195, 5, 4))


@dataclass(frozen=True)
class FaceFrames:
    """A video's landmarks as complex numbers x + iy in the frame of a face.

    points: (T, L), on the face. factor, shift: (T,); factor * points + shift gives the landmarks in pixels.
    """

    points: np.ndarray
    factor: np.ndarray
    shift: np.ndarray

    @classmethod
    def of(cls, landmarks: np.ndarray, face: np.ndarray | None = None) -> FaceFrames:
        """Brings landmarks (T, L, 2) onto a face, complex (L,), by their rigid points (least squares).

        face: default the video's first frame. Frames with NaN stay NaN. Raises ValueError where there is no frame.
        """
        if len(landmarks) == 0:
            raise ValueError("no frame to bring onto a face")
        pixels = to_complex(landmarks)
        face = pixels[np.flatnonzero(np.isfinite(pixels).all(axis=1))[0]] if face is None else face
        rigid = list(RIGID_POINTS)
        # The similarity z -> factor z + shift with the least squares error has factor = <face, pixels> / <face, face>
        # over centred points (Umeyama 1991 in the plane).
        centred_face = face[rigid] - face[rigid].mean()
        centre = pixels[:, rigid].mean(axis=1)
        factor = (pixels[:, rigid] - centre[:, None]) @ centred_face.conj() / np.vdot(centred_face, centred_face).real
        shift = centre - factor * face[rigid].mean()
        return cls((pixels - shift[:, None]) / factor[:, None], factor, shift)

    def landmarks(self, points: np.ndarray) -> np.ndarray:
        """Points (T, L) on the face as landmarks, float32 (T, L, 2) pixels, with this video's head movement."""
        pixels = self.factor[:, None] * points + self.shift[:, None]
        return np.stack([pixels.real, pixels.imag], axis=2).astype(np.float32)


def to_complex(landmarks: np.ndarray) -> np.ndarray:
    """Landmarks (..., 2) as complex numbers x + iy."""
    return landmarks[..., 0].astype(np.float64) + 1j * landmarks[..., 1].astype(np.float64)
