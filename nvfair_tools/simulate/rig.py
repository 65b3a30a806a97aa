"""A rig: a face that states drive, by a neutral shape, displacement fields, a pose and a camera.

Legend: T frames, K expression coefficients (fields.EXPRESSION), N points (478 of the mesh, or some landmarks).
A state (T, K + 6) holds the expression coefficients, then `POSE`: yaw, pitch and roll in radians (yaw towards the
viewer's right, pitch down, roll clockwise as seen), x and y of the head in units of the outer eye distance, and the
logarithm of its scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nvfair_tools.simulate.base_mesh import base_mesh
from nvfair_tools.simulate.fields import EXPRESSION, expression_fields, shape_modes

POSE = ("yaw", "pitch", "roll", "x", "y", "log_scale")
STATE = (*EXPRESSION, *POSE)
K = len(EXPRESSION)
# The head turns about the top of the neck.
PIVOT = np.array([0.0, 0.75, 0.85])


def face_shape(modes: np.ndarray) -> np.ndarray:
    """The neutral face (478, 3) of a person from the weights (SHAPE_MODES,) of the shape modes, in eye distances."""
    return base_mesh() + np.einsum("m,mnc->nc", modes, shape_modes())


@dataclass(frozen=True)
class Camera:
    """The camera: the outer eye distance of the upright face in pixels, and the place of the midpoint of the eyes."""

    eye_distance: float = 72.0
    centre: tuple[float, float] = (128.0, 112.0)


@dataclass(frozen=True)
class Rig:
    """The rig of a person's face, or of some of its points.

    neutral: (N, 3). fields: (K, N, 3).
    """

    neutral: np.ndarray
    fields: np.ndarray

    @classmethod
    def from_shape(cls, shape: np.ndarray, points: Sequence[int] | np.ndarray | None = None) -> Rig:
        """Makes the rig of a neutral face (478, 3); points: mesh indices of the rig's points (None: all 478)."""
        selection = slice(None) if points is None else np.asarray(points)
        return cls(
            np.ascontiguousarray(shape[selection], dtype=np.float64),
            np.ascontiguousarray(expression_fields(shape)[:, selection], dtype=np.float64),
        )

    def mesh(self, states: np.ndarray, camera: Camera | None = None) -> np.ndarray:
        """The points (T, N, 3) in pixels for states (T, K + 6); z in the same unit, smaller is nearer."""
        return self._project(states, camera or Camera(), rows=3)

    def landmarks(self, states: np.ndarray, camera: Camera | None = None) -> np.ndarray:
        """The points (T, N, 2) in pixels for states (T, K + 6)."""
        return self._project(states, camera or Camera(), rows=2)

    def _project(self, states: np.ndarray, camera: Camera, rows: int) -> np.ndarray:
        if states.ndim != 2 or states.shape[1] != K + len(POSE):
            raise ValueError(f"states must have shape (T, {K + len(POSE)}); got {states.shape}")
        frames, points = len(states), len(self.neutral)
        state = states.astype(np.float64)
        # Deform the neutral face, about the pivot of the head.
        face = state[:, :K] @ self.fields.reshape(K, -1)
        face = face.reshape(frames, points, 3)
        face += self.neutral - PIVOT
        # Rotate and scale.
        pose = state[:, K:].T
        transform = rotation(pose[0], pose[1], pose[2])[:, :rows] * np.exp(pose[5])[:, None, None]
        projected = np.matmul(face, transform.transpose(0, 2, 1))
        # Move, then convert to pixels.
        shift = np.zeros((frames, 1, rows))
        shift[:, 0, 0] = pose[3] + PIVOT[0]
        shift[:, 0, 1] = pose[4] + PIVOT[1]
        projected += shift
        projected *= camera.eye_distance
        projected[:, :, :2] += np.asarray(camera.centre)
        return projected


def rotation(yaw: np.ndarray, pitch: np.ndarray, roll: np.ndarray) -> np.ndarray:
    """Rotation matrices (T, 3, 3): yaw, then pitch, then roll; for columns with x right, y down, z away."""
    cy, sy, cp, sp, cr, sr = (function(angle) for angle in (yaw, pitch, roll) for function in (np.cos, np.sin))
    # Rz(roll) Rx(pitch) Ry(yaw); the nose points to -z, so these signs turn it right and down.
    row_x = (cr * cy + sr * sp * sy, -sr * cp, -cr * sy + sr * sp * cy)
    row_y = (sr * cy - cr * sp * sy, cr * cp, -sr * sy - cr * sp * cy)
    row_z = (cp * sy, sp, cp * cy)
    return np.moveaxis(np.array([row_x, row_y, row_z]), -1, 0)
