"""Head pose from a mesh: similarity transforms between two meshes, and a face's own axes.

Legend: T frames; meshes are (..., 478, 3) with x right, y down, z away from the camera (weak perspective).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from generators.warp.topology import MIRRORED, STABLE, UPRIGHT


@dataclass(frozen=True)
class Pose:
    """Where heads are relative to a reference head: points = scale * (reference - its centre) @ rotation.T + centre.

    scale: (T,). rotation: (T, 3, 3). centre: (T, 3), the mean of the stable points.
    """

    scale: np.ndarray
    rotation: np.ndarray
    centre: np.ndarray


def stable_centre(mesh: np.ndarray) -> np.ndarray:
    return mesh[..., STABLE, :].mean(axis=-2)


def relative_pose(meshes: np.ndarray, reference: np.ndarray) -> Pose:
    """Pose of each of `meshes` (T, 478, 3) relative to `reference` (478, 3), from the points no expression moves.

    Least squares over scale, rotation and translation: Umeyama, "Least-squares estimation of transformation
    parameters between two point patterns", PAMI 1991, equations 40-42.
    """
    moved, fixed = meshes[:, STABLE].astype(np.float64), reference[STABLE].astype(np.float64)
    centre = moved.mean(axis=1)
    moved, fixed = moved - centre[:, None], fixed - fixed.mean(axis=0)
    u, singular, vt = np.linalg.svd(np.einsum("tni,nj->tij", moved, fixed))
    flip = np.ones_like(singular)
    flip[:, 2] = np.sign(np.linalg.det(u) * np.linalg.det(vt))
    rotation = np.einsum("tij,tj,tjk->tik", u, flip, vt)
    scale = (singular * flip).sum(axis=1) / np.sum(fixed**2)
    return Pose(scale, rotation, centre)


def face_axes(mesh: np.ndarray) -> np.ndarray:
    """Rotation (3, 3) whose columns are the face's own axes (its left, down, back) in the camera's."""
    across = (mesh[MIRRORED[:, 1]] - mesh[MIRRORED[:, 0]]).mean(axis=0)
    top, low = UPRIGHT
    down = mesh[list(low)].mean(axis=0) - mesh[list(top)].mean(axis=0)
    x = across / np.linalg.norm(across)
    y = down - (down @ x) * x
    y /= np.linalg.norm(y)
    return np.stack([x, y, np.cross(x, y)], axis=1)
