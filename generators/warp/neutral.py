"""The neutral face of a driver, estimated over a whole clip, and of a target, from its portrait.

A clip may smile, or hold its brows up, from the first frame to the last; then no frame of it is neutral. So the least
expressive frames are taken, and what they still have of an expression is taken back, as far as people at rest do not
differ by as much.

Legend: T frames, M measures (`generators.expression_measures`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from generators.expression_measures import POPULATION_MEDIAN, POPULATION_SPREAD, expression_measures, rest_frames
from generators.reference_frame import best_frame
from generators.warp.pose import face_axes, relative_pose, stable_centre
from generators.warp.topology import EYES, MOUTH
from generators.warp.transfer import relative_meshes

# How much of the rest frames' deviation from the population is the person's own, for each measure; the remainder is an
# expression that lasts. Fitted to clips of acted emotion against the same people's neutral ones (docs/generators.md).
OWN_SHARE = np.array([0.65, 0.65, 0.0, 0.3, 0.5])
MOST_OWN = 1.5  # spreads: no person at rest is taken to deviate by more, however much the rest frames do
CORNER_GAIN = 0.18  # landmarkers read less of a moved corner than was drawn: fitted likewise
ORDINARY = 2.0  # spreads: a portrait within them of the population's median is taken as neutral
_STEP = 1e-3
_ROUNDS = 2


@dataclass(frozen=True)
class NeutralPrior:
    """What is known of faces at rest before a clip is seen, for each measure (M,).

    median, spread: of the population. own_share: the share of a deviation in the clip's rest frames that is the
    person's own and not an expression, 0 to 1.
    """

    median: np.ndarray
    spread: np.ndarray
    own_share: np.ndarray


DEFAULT_PRIOR = NeutralPrior(POPULATION_MEDIAN, POPULATION_SPREAD, OWN_SHARE)


def neutral_driver(driving: np.ndarray, reference: int, prior: NeutralPrior = DEFAULT_PRIOR) -> np.ndarray:
    """The driver's neutral face (478, 3) in the head pose of its frame `reference`, from a clip (T, 478, 3) in pixels.

    The median shape of the rest frames, with each measure moved to median + own_share x (its value - median), at most
    `MOST_OWN` spreads from the median.
    """
    pose = relative_pose(driving, driving[reference])
    turned = np.einsum("tni,tij->tnj", driving - pose.centre[:, None], pose.rotation) / pose.scale[:, None, None]
    shape = np.median(turned[rest_frames(driving)], axis=0)
    value = expression_measures(shape[None])[0]
    most = MOST_OWN * prior.spread
    goal = prior.median + np.clip(prior.own_share * (value - prior.median), -most, most)
    return with_measures(shape, goal) + stable_centre(driving[reference])


def neutral_meshes(
    portrait: np.ndarray,
    driving: np.ndarray,
    expression: float = 1.0,
    prior: NeutralPrior = DEFAULT_PRIOR,
    corner_gain: float = CORNER_GAIN,
) -> np.ndarray:
    """The portrait (478, 3) moved as the driver (T, 478, 3) deviates from its neutral face: (T, 478, 3).

    Head pose starts from the frame most like the portrait. expression, corner_gain: see `relative_meshes`.
    """
    reference = best_frame(portrait, driving)
    neutral = neutral_driver(driving, reference, prior)
    return relative_meshes(neutral_target(portrait, prior), driving, reference, expression, neutral, corner_gain)


def neutral_target(portrait: np.ndarray, prior: NeutralPrior = DEFAULT_PRIOR) -> np.ndarray:
    """The portrait's mesh (478, 3) without the part of its expression that no face at rest has.

    A measure within `ORDINARY` spreads of the population's median is left as it is, others are moved to that limit.
    """
    value = expression_measures(portrait[None])[0]
    limit = ORDINARY * prior.spread
    goal = np.clip(value, prior.median - limit, prior.median + limit)
    if np.array_equal(goal, value):
        return portrait.astype(np.float64)
    return with_measures(portrait.astype(np.float64), goal)


def with_measures(mesh: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """The mesh (478, 3), its mouth, brows and lids moved so that its measures (M,) become `goal` (Newton's method)."""
    axes, centre = face_axes(mesh), stable_centre(mesh)
    unit = np.linalg.norm(mesh[263] - mesh[33])
    face = (mesh - centre) @ axes / unit
    fields = expression_fields(face)
    for _ in range(_ROUNDS):
        steps = np.concatenate([face[None], face + _STEP * fields])
        values = expression_measures(steps)
        slope = (values[1:] - values[0]).T / _STEP
        # A closed mouth cannot be closed further: its gap has no slope to follow.
        face = face + np.einsum("m,mnc->nc", np.linalg.lstsq(slope, goal - values[0], rcond=1e-3)[0], fields)
    return face @ axes.T * unit + centre


def expression_fields(face: np.ndarray) -> np.ndarray:
    """Displacements (M, 478, 3) that raise one measure each, of a face (478, 3) along its own axes in eye distances.

    mouth_width: the corners apart, with all that lies between and around them. corner_height: both corners up, and the
    cheeks a little. lip_gap: the lower lip and the jaw down, the upper lip up. brow_height: the brows up. eye_opening:
    the upper lids up, the lower ones down a little.
    """
    middle = face[[33, 263]].mean(axis=0)
    x, y = face[:, 0] - face[[61, 291], 0].mean(), face[:, 1]
    corners = face[[61, 291]]
    half_width = 0.5 * (corners[1, 0] - corners[0, 0])
    fields = np.zeros((5, *face.shape))

    mouth = np.exp(
        -0.5 * (((y - corners[:, 1].mean()) / 0.16) ** 2 + (np.maximum(np.abs(x) - half_width, 0.0) / 0.14) ** 2)
    )
    fields[0, :, 0] = 0.5 * mouth * np.clip(x / half_width, -1.4, 1.4)

    for corner, cheek in zip((61, 291), (205, 425), strict=True):
        fields[1, :, 1] -= _bump(face, corner, 0.13) + 0.24 * _bump(face, cheek, 0.2)

    below = np.clip((y - corners[:, 1].mean()) / (face[152, 1] - corners[:, 1].mean()), 0.0, 1.0)
    fields[2, :, 1] = 0.5 * below**0.5 * np.exp(-0.5 * (x / 0.4) ** 2)
    arch = np.sin(np.pi * np.arange(1, 10) / 10)
    for row, share in zip((MOUTH.lower, *MOUTH.lower_rings), (0.75, 0.75, 0.7, 0.65), strict=True):
        fields[2, list(row), 1] = share * arch
    for row, share in zip((MOUTH.upper, *MOUTH.upper_rings), (0.25, 0.22, 0.15, 0.08), strict=True):
        fields[2, list(row), 1] = -share * arch

    for brow in (334, 105):
        fields[3, :, 1] -= _bump(face, brow, 0.19) * (y < middle[1] - 0.08)

    for eye in EYES:
        width = np.linalg.norm(face[eye.corners[0]] - face[eye.corners[1]])
        arch = np.sin(np.pi * np.arange(1, 8) / 8)
        for row, share in zip((eye.upper, *eye.upper_rings), (-0.85, -0.4), strict=True):
            fields[4, list(row), 1] = share * arch * width
        for row, share in zip((eye.lower, *eye.lower_rings), (0.15, 0.08), strict=True):
            fields[4, list(row), 1] = share * arch * width
    return fields


def _bump(face: np.ndarray, point: int, width: float) -> np.ndarray:
    """A Gaussian (478,) of the distance from a point, in the plane of the face."""
    return np.exp(-0.5 * np.square(face[:, :2] - face[point, :2]).sum(axis=1) / width**2)
