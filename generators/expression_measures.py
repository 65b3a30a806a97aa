"""How far a face is from neutral: five measures of expression, and what they are in people at rest.

Legend: T frames, M measures; meshes are (T, 478, 3) in any one unit of length.
"""

from __future__ import annotations

import numpy as np

MEASURES = ("mouth_width", "corner_height", "lip_gap", "brow_height", "eye_opening")

# Of 48 portraits of different people at rest, from two collections of acted speech, by MediaPipe 0.10.21: the median,
# and the distance from the 10th to the 90th percentile as standard deviations of a normal distribution (2.563 each).
# Lips at rest lie on each other, so their gap differs by the landmarker's error alone: 0.01 is half a pixel in most.
# The landmark model of later releases finds mouths 0.022 wider and eyes 0.014 more open, less than these spreads.
POPULATION_MEDIAN = np.array([0.577, -0.249, 0.0005, 0.246, 0.305])
POPULATION_SPREAD = np.array([0.033, 0.025, 0.01, 0.030, 0.037])

REST_SHARE = 0.15  # of a clip's frames are its least expressive ones
FEWEST_REST_FRAMES = 3
GAP_UNIT = 0.03  # lips this far apart, in eye distances, count as much as a mouth a spread wider than the population's

_EYE_CORNERS, _NOSE_BASE, _BRIDGE = [33, 133, 263, 362], [2, 94, 98, 327], [168, 6]
_BROWS = [105, 334, 66, 296, 107, 336]
_LIDS = (((160, 144), (159, 145), (158, 153)), ((387, 373), (386, 374), (385, 380)))
_LID_WIDTHS = ((33, 133), (263, 362))


def expression_measures(meshes: np.ndarray) -> np.ndarray:
    """The five measures (T, M) of `meshes` (T, 478, 3), in the order of `MEASURES`; head pose does not change them.

    Unit: the distance of the outer eye corners, for all but the eyes. mouth_width: from corner to corner.
    corner_height: of the mouth's corners above the base of the nose, along the face (negative: below). lip_gap: from
    the upper to the lower lip, in the middle (negative: pressed into each other). brow_height: of the brows above the
    corners of the eyes. eye_opening: mean gap of the lids over the eye's width.
    """
    points = np.asarray(meshes, dtype=np.float64)
    across = points[:, 263] - points[:, 33]
    unit = np.linalg.norm(across, axis=-1)
    across = across / unit[:, None]
    down = points[:, _NOSE_BASE[:2]].mean(axis=1) - points[:, _BRIDGE].mean(axis=1)
    down = down - np.sum(down * across, axis=-1, keepdims=True) * across
    down = down / np.linalg.norm(down, axis=-1, keepdims=True)

    def height(above: list[int], base: list[int]) -> np.ndarray:
        step = points[:, base].mean(axis=1) - points[:, above].mean(axis=1)
        return np.sum(step * down, axis=-1) / unit

    def length(a: int, b: int) -> np.ndarray:
        return np.linalg.norm(points[:, a] - points[:, b], axis=-1)

    eyes = [
        sum(length(*pair) for pair in pairs) / (3 * length(*width))
        for pairs, width in zip(_LIDS, _LID_WIDTHS, strict=True)
    ]
    return np.stack(
        [
            length(61, 291) / unit,
            height([61, 291], _NOSE_BASE),
            height([13], [14]),
            height(_BROWS, _EYE_CORNERS),
            (eyes[0] + eyes[1]) / 2,
        ],
        axis=1,
    )


def rest_frames(meshes: np.ndarray) -> np.ndarray:
    """Indices of the least expressive frames of a clip, the least expressive first, then the first of equals.

    They are `REST_SHARE` of the frames, at least three where there are as many: those whose mouth is most like the
    population's at rest, by the sum of squares of its width's and its corners' deviations in spreads, and of its
    opening beyond the population's in `GAP_UNIT`. Brows and eyes are left out: they say little when a mouth speaks.

    meshes: (T, 478, 3); frames with non-finite points are never among them.
    """
    measures = expression_measures(meshes)
    deviation = (measures - POPULATION_MEDIAN) / POPULATION_SPREAD
    opening = np.maximum(measures[:, 2] - POPULATION_MEDIAN[2], 0.0) / GAP_UNIT
    activation = deviation[:, 0] ** 2 + deviation[:, 1] ** 2 + opening**2
    usable = np.isfinite(activation) & np.isfinite(np.asarray(meshes)).all(axis=(1, 2))
    order = np.argsort(np.where(usable, activation, np.inf), kind="stable")
    count = min(max(FEWEST_REST_FRAMES, round(REST_SHARE * len(measures))), int(usable.sum()))
    return order[:count]
