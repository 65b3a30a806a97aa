"""Which of MediaPipe's 478 mesh points are what: triangles, lids, lips, the oval, and the points that only pose moves.

The numbers are facts of MediaPipe's face mesh (468 points on the skin, then five for each iris).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

OVAL = np.array(
    [10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377]
    + [152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109]
)

# Forehead, temples, outer and inner eye corners and the bridge and base of the nose: no expression moves them much.
STABLE = np.array(
    [10, 109, 338, 67, 297, 103, 332, 54, 284, 21, 251, 162, 389, 127, 356, 234, 454]
    + [33, 263, 133, 362, 168, 6, 197, 195, 5, 4, 1, 2, 94, 98, 327, 129, 358, 122, 351, 193, 417]
)
MIRRORED = np.array([(127, 356), (234, 454), (162, 389), (33, 263), (133, 362), (54, 284), (129, 358), (98, 327)])
UPRIGHT = ((10, 109, 338), (61, 291))  # hairline and mouth corners: equally deep, so that a level head has level axes


@dataclass(frozen=True)
class Opening:
    """Two rows of points that meet when an eye or the mouth closes, each row in the order from corner to corner.

    upper_rings, lower_rings: the rows of skin behind them, nearest first, which give way when a row is moved.
    """

    corners: tuple[int, int]
    upper: tuple[int, ...]
    lower: tuple[int, ...]
    upper_rings: tuple[tuple[int, ...], ...]
    lower_rings: tuple[tuple[int, ...], ...]

    @property
    def contour(self) -> tuple[int, ...]:
        return (self.corners[0], *self.upper, self.corners[1], *reversed(self.lower))

    def strip(self) -> np.ndarray:
        """Triangles (n, 3) that fill the opening between its rows."""
        a, b, top, low = *self.corners, self.upper, self.lower
        inner = [
            t for i in range(len(top) - 1) for t in ((top[i], top[i + 1], low[i]), (top[i + 1], low[i + 1], low[i]))
        ]
        return np.array([(a, top[0], low[0]), *inner, (top[-1], b, low[-1])])


@dataclass(frozen=True)
class Eye(Opening):
    iris: int = 468


RIGHT_EYE = Eye(
    corners=(33, 133),
    upper=(246, 161, 160, 159, 158, 157, 173),
    lower=(7, 163, 144, 145, 153, 154, 155),
    upper_rings=((247, 30, 29, 27, 28, 56, 190),),
    lower_rings=((25, 110, 24, 23, 22, 26, 112),),
    iris=468,
)
LEFT_EYE = Eye(
    corners=(263, 362),
    upper=(466, 388, 387, 386, 385, 384, 398),
    lower=(249, 390, 373, 374, 380, 381, 382),
    upper_rings=((467, 260, 259, 257, 258, 286, 414),),
    lower_rings=((255, 339, 254, 253, 252, 256, 341),),
    iris=473,
)
EYES = (RIGHT_EYE, LEFT_EYE)
IRISES = ((468, 469, 470, 471, 472), (473, 474, 475, 476, 477))

MOUTH = Opening(
    corners=(78, 308),
    upper=(191, 80, 81, 82, 13, 312, 311, 310, 415),
    lower=(95, 88, 178, 87, 14, 317, 402, 318, 324),
    upper_rings=(
        (183, 42, 41, 38, 12, 268, 271, 272, 407),
        (184, 74, 73, 72, 11, 302, 303, 304, 408),
        (185, 40, 39, 37, 0, 267, 269, 270, 409),
    ),
    lower_rings=(
        (96, 89, 179, 86, 15, 316, 403, 319, 325),
        (77, 90, 180, 85, 16, 315, 404, 320, 307),
        (146, 91, 181, 84, 17, 314, 405, 321, 375),
    ),
)
RIGHT_BROW = (70, 63, 105, 66, 107, 46, 53, 52, 65, 55)
LEFT_BROW = (300, 293, 334, 296, 336, 276, 283, 282, 295, 285)


@cache
def skin_triangles() -> np.ndarray:
    """The 852 triangles (n, 3) of the mesh's skin: everything but the openings of the eyes and the mouth."""
    text = Path(__file__).with_name("mesh_triangles.csv").read_text(encoding="ascii")
    triangles = np.array([line.split(",") for line in text.split()[1:]], dtype=np.int64)
    triangles.setflags(write=False)
    return triangles
