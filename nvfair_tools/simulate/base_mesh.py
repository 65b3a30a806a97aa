"""The neutral face from which all simulated people are derived, measured once on two public-domain portraits.

`python -m nvfair_tools.simulate.base_mesh` measures it again (it needs mediapipe, scikit-image and matplotlib) and
writes `base_mesh.npz` beside this file. Reading it needs numpy alone.

Face coordinates: unit = distance of the outer eye corners, origin midway between them, x to the viewer's right, y
down, z away from the viewer. The mesh is exactly symmetric about x = 0.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from nvfair_tools.landmarks.scheme import MESH_POINTS

RIGHT_EYE_OUTER, LEFT_EYE_OUTER = 33, 263  # the person's own right and left
_FILE = Path(__file__).with_name("base_mesh.npz")
# Pairs of mirror images (right, left), from which the face's axes are computed.
_KNOWN_PAIRS = np.array([(33, 263), (133, 362), (61, 291), (234, 454), (70, 300), (129, 358), (172, 397), (54, 284)])


@cache
def base_mesh() -> np.ndarray:
    """The neutral face, float64 (478, 3) in face coordinates, with closed lips and open eyes; read-only."""
    mesh = np.load(_FILE)["mesh"].astype(np.float64)
    mesh.setflags(write=False)
    return mesh


@cache
def mirror_points() -> np.ndarray:
    """The index of each point's mirror image, (478,); points on the midline are their own; read-only."""
    mirror = np.load(_FILE)["mirror"].astype(np.int64)
    mirror.setflags(write=False)
    return mirror


def to_face_coordinates(mesh: np.ndarray, pairs: np.ndarray = _KNOWN_PAIRS) -> np.ndarray:
    """Turns and scales a mesh (478, 3) in pixels to face coordinates, by its left-right symmetry.

    The pitch stays as the landmarker measures it: a single symmetric mesh does not determine it.
    """
    points = mesh.astype(np.float64)
    # The x axis is the mean direction from the right points to their left mirror images.
    right_to_left = (points[pairs[:, 1]] - points[pairs[:, 0]]).mean(axis=0)
    x = right_to_left / np.linalg.norm(right_to_left)
    # Without pitch the face's vertical lies in the plane of the picture, whatever the roll and the yaw.
    y = np.array([-x[1], x[0], 0.0]) / np.hypot(x[0], x[1])
    face = points @ np.stack([x, y, np.cross(x, y)], axis=1)
    # The origin lies midway between the outer eye corners, whose distance is the unit.
    eyes = face[[RIGHT_EYE_OUTER, LEFT_EYE_OUTER]]
    face -= np.array([face[pairs, 0].mean(), *eyes[:, 1:].mean(axis=0)])
    return face / np.linalg.norm(np.diff(eyes, axis=0))


def symmetrised(mesh: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """The mean of a mesh in face coordinates and its mirror image."""
    return 0.5 * (mesh + mesh[mirror] * np.array([-1.0, 1.0, 1.0]))


def measure_base_mesh() -> dict[str, np.ndarray]:
    """Measures the arrays `mesh` and `mirror` on the portraits in scikit-image and matplotlib."""
    from scipy.optimize import linear_sum_assignment

    from nvfair_tools.simulate.portraits import measured_portraits

    # Each point's mirror image is the point nearest to its reflection, assigned jointly over both faces.
    faces = [to_face_coordinates(portrait.mesh) for portrait in measured_portraits()]
    reflected_faces = [face * np.array([-1.0, 1.0, 1.0]) for face in faces]
    cost = sum(
        np.square(face[:, None] - reflected[None]).sum(axis=-1)
        for face, reflected in zip(faces, reflected_faces, strict=True)
    )
    _, mirror = linear_sum_assignment(np.asarray(cost))
    if not np.array_equal(mirror[mirror], np.arange(MESH_POINTS)):
        raise AssertionError("the assigned mirror images do not come in pairs")
    smiling, sober = (symmetrised(face, mirror) for face in faces)
    # The astronaut smiles with open lips: below the nose only the other portrait counts, whose lips are closed.
    sober_weight = 1.0 / (1.0 + np.exp(-(sober[:, 1] - 0.62) / 0.06))[:, None]
    mesh = symmetrised(sober_weight * sober + (1.0 - sober_weight) * 0.5 * (sober + smiling), mirror)
    span = mesh[LEFT_EYE_OUTER, 0] - mesh[RIGHT_EYE_OUTER, 0]
    return {"mesh": (mesh / span).astype(np.float32), "mirror": mirror.astype(np.int16)}


if __name__ == "__main__":
    np.savez(_FILE, **measure_base_mesh())
