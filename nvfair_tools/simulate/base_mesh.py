"""The neutral face every simulated person is a variation of, measured once on two public-domain portraits.

`python -m nvfair_tools.simulate.base_mesh` measures it again (it needs mediapipe, scikit-image and matplotlib) and
writes `base_mesh.npz` beside this file. Reading it needs numpy alone.

Face coordinates: unit = distance of the outer eye corners, origin midway between them, x to the viewer's right, y
down, z away from the viewer. The mesh is exactly symmetric about x = 0.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

MESH_POINTS = 478
RIGHT_EYE_OUTER, LEFT_EYE_OUTER = 33, 263  # the person's own right and left
_FILE = Path(__file__).with_name("base_mesh.npz")
# Pairs to start the search for every point's mirror image from.
_KNOWN_PAIRS = np.array([(33, 263), (133, 362), (61, 291), (234, 454), (70, 300), (129, 358), (172, 397), (54, 284)])


@cache
def base_mesh() -> np.ndarray:
    """float64 (478, 3) in face coordinates, lips closed, eyes open; read-only."""
    mesh = np.load(_FILE)["mesh"].astype(np.float64)
    mesh.setflags(write=False)
    return mesh


@cache
def mirror_points() -> np.ndarray:
    """(478,) index of each point's mirror image; points on the midline are their own."""
    mirror = np.load(_FILE)["mirror"].astype(np.int64)
    mirror.setflags(write=False)
    return mirror


def in_face_axes(mesh: np.ndarray, pairs: np.ndarray = _KNOWN_PAIRS) -> np.ndarray:
    """A mesh (478, 3) in pixels turned and scaled to face coordinates, by its own left-right symmetry.

    Pitch is left as the landmarker gives it: one symmetric mesh does not tell it.
    """
    points = mesh.astype(np.float64)
    across = (points[pairs[:, 1]] - points[pairs[:, 0]]).mean(axis=0)
    x = across / np.linalg.norm(across)
    # Without pitch the face's own vertical lies in the picture's plane, however the head rolls and yaws.
    y = np.array([-x[1], x[0], 0.0]) / np.hypot(x[0], x[1])
    turned = points @ np.stack([x, y, np.cross(x, y)], axis=1)
    eyes = turned[[RIGHT_EYE_OUTER, LEFT_EYE_OUTER]]
    turned -= np.array([turned[pairs, 0].mean(), *eyes[:, 1:].mean(axis=0)])
    return turned / np.linalg.norm(np.diff(eyes, axis=0))


def symmetric(mesh: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """The mean of a mesh in face coordinates and its mirror image."""
    return 0.5 * (mesh + mesh[mirror] * np.array([-1.0, 1.0, 1.0]))


def measure() -> dict[str, np.ndarray]:
    """Measures `mesh` and `mirror` on the portraits bundled with scikit-image and matplotlib."""
    from scipy.optimize import linear_sum_assignment

    from nvfair_tools.simulate.portraits import measured_portraits

    faces = [in_face_axes(portrait.mesh) for portrait in measured_portraits()]
    flipped = [face * np.array([-1.0, 1.0, 1.0]) for face in faces]
    cost = sum(np.square(face[:, None] - flip[None]).sum(axis=-1) for face, flip in zip(faces, flipped, strict=True))
    _, mirror = linear_sum_assignment(np.asarray(cost))
    if not np.array_equal(mirror[mirror], np.arange(MESH_POINTS)):
        raise AssertionError("the mirror images found do not come in pairs")
    smiling, sober = (symmetric(face, mirror) for face in faces)
    # The astronaut smiles with her teeth bare: below the nose the other portrait, whose lips are closed, has its way.
    own = 1.0 / (1.0 + np.exp(-(sober[:, 1] - 0.62) / 0.06))[:, None]
    mesh = symmetric(own * sober + (1.0 - own) * 0.5 * (sober + smiling), mirror)
    span = mesh[LEFT_EYE_OUTER, 0] - mesh[RIGHT_EYE_OUTER, 0]
    return {"mesh": (mesh / span).astype(np.float32), "mirror": mirror.astype(np.int16)}


if __name__ == "__main__":
    np.savez(_FILE, **measure())
