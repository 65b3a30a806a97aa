"""From a driver's meshes to the target's: the driver's head pose and expression, put on the target's own face.

Legend: T frames; meshes are float64 (T, 478, 3) in pixels of the picture to be rendered.
"""

from __future__ import annotations

import numpy as np

from generators.warp.pose import face_axes, relative_pose, stable_centre
from generators.warp.topology import EYES, MOUTH, STABLE, Eye, Opening

WIDEST_EYE = 1.5  # an eye never opens beyond this many times the portrait's
FULL_CONTACT = 0.05  # lips pressed into each other by this share of the mouth's width lie as in the portrait
LIP_CORNERS = (61, 291)
CORNER_REACH = 0.2  # eye distances over which the skin follows a corner of the mouth
LEAST_EYE = 0.12  # a reference aperture below this share of the eye's width says nothing about how far lids travel


def relative_meshes(
    portrait: np.ndarray,
    driving: np.ndarray,
    reference: int,
    expression: float = 1.0,
    neutral_driver: np.ndarray | None = None,
    corner_gain: float = 0.0,
) -> np.ndarray:
    """The portrait (478, 3) moved as the driver (T, 478, 3) moves away from its frame `reference`: (T, 478, 3).

    Head pose is a similarity in space relative to the reference frame; it turns the target's own mesh. Expression is
    what remains when the pose is undone, expressed along the face's own axes, scaled to the target's proportions and
    by the factor `expression`. Lids follow the *ratio* of the driver's apertures, so that a closed eye is closed on
    every face; lips that would pass through each other touch instead.

    neutral_driver: (478, 3) from which expression is measured, in the head pose of frame `reference`; that frame
    itself by default. corner_gain: how much farther than on the driver the mouth's corners travel sideways, with the
    lips and cheeks around them.
    """
    driver, target = driving[reference] if neutral_driver is None else neutral_driver, portrait.astype(np.float64)
    pose = relative_pose(driving, driver)
    driver_axes, target_axes = face_axes(driver), face_axes(target)
    rest = (driver - stable_centre(driver)) @ driver_axes
    neutral = (target - stable_centre(target)) @ target_axes
    posed_back = np.einsum("tni,tij->tnj", driving - pose.centre[:, None], pose.rotation) / pose.scale[:, None, None]
    shapes = posed_back @ driver_axes
    proportion = neutral[STABLE].std(axis=0) / rest[STABLE].std(axis=0)
    moved = neutral + expression * (shapes - rest) * proportion
    if corner_gain:
        moved += expression * corner_gain * _around_corners((shapes - rest) * proportion, neutral)
    for eye in EYES:
        _match_lids(moved, eye, neutral, rest, shapes, expression)
    _keep_apart(moved, MOUTH, neutral)
    turned = np.einsum("tni,tji->tnj", moved @ target_axes.T, pose.rotation) * pose.scale[:, None, None]
    travel = (pose.centre - pose.centre[reference]) * proportion[:2].mean()
    return turned + (stable_centre(target) + travel)[:, None]


def _around_corners(motion: np.ndarray, neutral: np.ndarray) -> np.ndarray:
    """The sideways motion (T, 478, 3) of each corner of the mouth, spread over the lips and the cheek on its side."""
    unit = np.linalg.norm(neutral[EYES[0].corners[0]] - neutral[EYES[1].corners[0]])
    spread = np.zeros_like(motion)
    for corner in LIP_CORNERS:
        distance = np.square(neutral[:, :2] - neutral[corner, :2]).sum(axis=1)
        share = np.exp(-0.5 * distance / (CORNER_REACH * unit) ** 2)
        spread[..., 0] += share * motion[:, corner, None, 0]
    return spread


def _gap(points: np.ndarray, opening: Opening) -> np.ndarray:
    """From the upper to the lower point of each pair of the opening's rows (..., n, 2): down and back, in face axes."""
    return points[..., opening.lower, 1:] - points[..., opening.upper, 1:]


def _match_lids(
    moved: np.ndarray, eye: Eye, neutral: np.ndarray, rest: np.ndarray, shapes: np.ndarray, gain: float
) -> None:
    """Sets each lid pair's gap to the portrait's times the driver's ratio; the upper lid does most of the way."""
    width = np.linalg.norm(rest[eye.corners[0]] - rest[eye.corners[1]])
    # One ratio an eye: single pairs near the corners are too small to divide by.
    opened = np.maximum(_gap(rest, eye)[..., 0].mean(), LEAST_EYE * width)
    ratio = 1.0 + gain * (np.maximum(_gap(shapes, eye)[..., 0], 0.0).mean(axis=-1) / opened - 1.0)
    gap = np.clip(ratio, 0.0, WIDEST_EYE)[:, None, None] * _gap(neutral, eye)
    _set_gap(moved, eye, gap, upper_share=0.8, give=(0.5,))


def _keep_apart(moved: np.ndarray, opening: Opening, neutral: np.ndarray) -> None:
    """Pairs that would pass each other touch, as deep behind each other as in the portrait."""
    gap, rest = _gap(moved, opening), _gap(neutral, opening)
    height = np.maximum(gap[..., 0], np.minimum(rest[..., 0], 0.0))
    width = np.linalg.norm(neutral[opening.corners[0]] - neutral[opening.corners[1]])
    contact = np.clip((height - gap[..., 0]) / (FULL_CONTACT * width), 0.0, 1.0)
    depth = gap[..., 1] + contact * (rest[..., 1] - gap[..., 1])
    _set_gap(moved, opening, np.stack([height, depth], axis=-1), upper_share=0.3, give=(0.8, 0.5, 0.25))


def _set_gap(moved: np.ndarray, opening: Opening, gap: np.ndarray, upper_share: float, give: tuple[float, ...]) -> None:
    """Moves both rows, and by the shares `give` the skin behind them, until the gap is `gap` (T, n, 2)."""
    excess = _gap(moved, opening) - gap
    for rows, step in (
        ((opening.upper, *opening.upper_rings), upper_share * excess),
        ((opening.lower, *opening.lower_rings), (upper_share - 1.0) * excess),
    ):
        for row, share in zip(rows, (1.0, *give), strict=True):
            moved[:, row, 1:] += share * step
