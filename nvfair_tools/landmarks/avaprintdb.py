"""The 109 landmarks in 3-D that AVAPrintDB's published graph networks read, taken from MediaPipe's mesh.

Legend: T frames. The order of the points and the normalisation come from the authors' released code (arXiv 2603.26934).
"""

from __future__ import annotations

from types import MappingProxyType

import numpy as np

from nvfair_tools.landmarks.scheme import Scheme

# Mesh indices of AVAPrintDB's 109 points.
# fmt: off
AVAPRINTDB_109 = Scheme(
    name="avaprintdb-109",
    version="1",
    groups=MappingProxyType({
        "all": (
            46, 53, 52, 65, 55, 285, 295, 282, 283, 276, 70, 63, 105, 66, 107, 336, 296, 334, 293, 300,
            33, 161, 160, 159, 158, 157, 133, 154, 153, 145, 144, 468,
            362, 384, 385, 386, 387, 388, 263, 373, 374, 380, 381, 473,
            205, 50, 425, 64, 294, 280, 9, 168, 5, 4, 19,
            185, 40, 39, 37, 0, 267, 269, 270, 409, 191, 80, 82, 13, 312, 310, 415,
            95, 88, 178, 87, 14, 317, 402, 318, 324, 146, 91, 181, 84, 17, 314, 405, 321, 375, 61, 291,
            10, 297, 284, 389, 454, 361, 397, 379, 400, 152, 176, 150, 172, 132, 234, 162, 54, 67,
        )
    }),
    twins=MappingProxyType({
        46: 276, 53: 283, 52: 282, 65: 295, 55: 285, 70: 300, 63: 293, 105: 334, 66: 296, 107: 336,
        33: 263, 161: 388, 160: 387, 159: 386, 158: 385, 157: 384, 133: 362, 154: 381, 153: 380, 145: 374,
        144: 373, 468: 473, 205: 425, 50: 280, 64: 294, 185: 409, 40: 270, 39: 269, 37: 267, 191: 415,
        80: 310, 82: 312, 95: 324, 88: 318, 178: 402, 87: 317, 146: 375, 91: 321, 181: 405, 84: 314, 61: 291,
        67: 297, 54: 284, 162: 389, 234: 454, 132: 361, 172: 397, 150: 379, 176: 400,
    }),
    dimensions=3,
)
# fmt: on
# Positions among the 109 points.
NOSE = AVAPRINTDB_109.position(4)
INNER_EYE_CORNERS = (AVAPRINTDB_109.position(133), AVAPRINTDB_109.position(362))


def avaprintdb_input(mesh: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The input of AVAPrintDB's networks, float32 (T, 109, 3), from the meshes of a video.

    mesh: (T, 478, 3) pixels. size: (width, height) of the video in pixels. See `normalise_avaprintdb_points`.
    """
    return normalise_avaprintdb_points(AVAPRINTDB_109.take(mesh), np.array([size], dtype=np.float32))


def normalise_avaprintdb_points(points: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Normalises the 109 points as AVAPrintDB's code does: float32 (T, 109, 3) from pixels (T, 109, 3).

    size: width and height in pixels, (T, 2), or (1, 2) for all frames. x and y become fractions of the width and of the
    height, which distorts pictures that are not square (a flaw of the original, kept so that its networks see the input
    they were trained on); z becomes a fraction of the width. Then the nose point is subtracted, and the 3-D distance of
    the inner eye corners divides everything.
    """
    sides = np.asarray(size, dtype=np.float32)[:, [0, 1, 0]]  # width, height, width
    points = points / sides[:, None]
    first, second = INNER_EYE_CORNERS
    length = np.linalg.norm(points[:, first] - points[:, second], axis=1)
    return ((points - points[:, NOSE : NOSE + 1]) / length[:, None, None]).astype(np.float32)
