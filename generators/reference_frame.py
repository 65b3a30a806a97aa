"""The driving frame that relative motion starts from: a given one, the most like the portrait, or the most neutral.

Legend: T driving frames; meshes are (478, 3) in pixels.
"""

from __future__ import annotations

import numpy as np

from generators.errors import GeneratorError
from generators.expression_measures import rest_frames
from generators.face import MESH_POINTS
from generators.generator import MotionMode


def reference_index(
    mode: MotionMode, source_mesh: np.ndarray | None, driving_meshes: np.ndarray | None, frames: int, *, generator: str
) -> int:
    """The driving frame that relative motion starts from, for a clip of `frames` frames.

    Raises GeneratorError for a frame the clip does not have, and for "best" or "neutral" without the meshes that it
    compares.
    """
    if mode.reference == "neutral":
        if driving_meshes is None:
            raise GeneratorError(
                f"{generator}: reference 'neutral' needs the mesh of every driving frame: track the faces, or give a "
                "frame index"
            )
        return neutral_frame(driving_meshes)
    if mode.reference == "best":
        if source_mesh is None or driving_meshes is None:
            whose = "the portrait" if source_mesh is None else "every driving frame"
            raise GeneratorError(
                f"{generator}: reference 'best' needs the mesh of {whose}: track the faces, or give a frame index"
            )
        return best_frame(source_mesh, driving_meshes)
    if mode.reference >= frames:
        raise GeneratorError(
            f"{generator}: reference frame {mode.reference} is outside the driving clip, which has {frames} "
            f"{'frame' if frames == 1 else 'frames'}: "
            f"choose 0 to {frames - 1}, 'best' or 'neutral'"
        )
    return mode.reference


def neutral_frame(driving_meshes: np.ndarray) -> int:
    """Index of the least expressive driving frame (`generators.expression_measures.rest_frames`).

    driving_meshes: (T, 478, 3) pixels. Raises GeneratorError for another shape, or without a usable frame.
    """
    frames = rest_frames(_clip(driving_meshes))
    if len(frames) == 0:
        raise GeneratorError(f"none of the {len(driving_meshes)} driving meshes is finite: check the track")
    return int(frames[0])


def best_frame(source_mesh: np.ndarray, driving_meshes: np.ndarray) -> int:
    """Index of the driving frame whose face is most like the portrait's, in head pose and expression.

    Both are compared in the picture plane (x, y), which says more about pose than the depth a landmarker guesses:
    mean-centred, divided by the square root of the area of the convex hull, least squares over all points; the first
    of equals. This is the rule that Siarohin et al. (First Order Motion Model, NeurIPS 2019) use in their demo.

    source_mesh: (478, 3) pixels. driving_meshes: (T, 478, 3) pixels; a frame with non-finite points is never chosen.
    Raises GeneratorError for other shapes, T = 0, a portrait without extent, or no usable driving frame.
    """
    source_mesh, driving_meshes = np.asarray(source_mesh), _clip(driving_meshes)
    if source_mesh.shape != (MESH_POINTS, 3):
        raise GeneratorError(f"the portrait's mesh must have shape ({MESH_POINTS}, 3); got {source_mesh.shape}")
    portrait = _normalised(source_mesh)
    if portrait is None:
        raise GeneratorError("the portrait's mesh has non-finite points or no extent: find its face again")
    cost = np.full(len(driving_meshes), np.inf)
    for t, mesh in enumerate(driving_meshes):
        driver = _normalised(mesh)
        if driver is not None:
            cost[t] = np.sum((portrait - driver) ** 2)
    if not np.isfinite(cost).any():
        raise GeneratorError(f"none of the {len(cost)} driving meshes is finite and has an extent: check the track")
    return int(np.argmin(cost))


def _clip(driving_meshes: np.ndarray) -> np.ndarray:
    meshes = np.asarray(driving_meshes)
    if meshes.ndim != 3 or meshes.shape[1:] != (MESH_POINTS, 3) or len(meshes) == 0:
        raise GeneratorError(
            f"the driving meshes must have shape (T, {MESH_POINTS}, 3) with T >= 1; got {meshes.shape}"
        )
    return meshes


def _normalised(mesh: np.ndarray) -> np.ndarray | None:
    from scipy.spatial import ConvexHull, QhullError

    points = mesh[:, :2].astype(np.float64)
    if not np.isfinite(points).all():
        return None
    points -= points.mean(axis=0)
    try:
        area = ConvexHull(points).volume  # of a hull in the plane, `volume` is its area
    except QhullError:
        return None
    return points / np.sqrt(area)
