"""Videos with two drivers: the lower face of one person's video on the head and upper face of another's.

Both videos show the same face by the same generator. The result has no single driver, so a verifier's answer is neither
right nor wrong; the share that it accepts says which part of the motion it looks at.
"""

from __future__ import annotations

import numpy as np

from benchmark.stress.face_frames import FaceFrames
from benchmark.stress.tracks import Track
from nvfair_tools.landmarks.scheme import SCHEME_126

# The lower part of the contour: from the cheek bones' end downwards, over the chin.
_CONTOUR_BELOW_LIPS = tuple(
    SCHEME_126.position(point) for point in (172, 136, 150, 176, 148, 152, 377, 400, 379, 365, 397)
)
LOWER_FACE = np.array(
    [
        *_CONTOUR_BELOW_LIPS,
        *(
            position
            for group in ("outer_lips", "inner_lips", "laugh_lines")
            for position in range(SCHEME_126.positions[group].start, SCHEME_126.positions[group].stop)
        ),
    ]
)


def with_lower_face(base: Track, donor: Track) -> Track:
    """The track `base` with the movement of the lower face of `donor`, as long as the shorter of the two.

    On the base's face (see `FaceFrames`), each landmark of the lower face is at its mean in `base` plus the donor's
    deviation from its own mean. A frame is valid where both are. Frames are paired by number, so both need one rate.
    """
    length = min(len(base[1]), len(donor[1]))
    valid = base[1][:length] & donor[1][:length]
    landmarks = np.full((length, *base[0].shape[1:]), np.nan, dtype=np.float32)
    if valid.any():
        frames = FaceFrames.of(base[0][:length][valid])
        points = frames.points.copy()
        moved = FaceFrames.of(donor[0][:length][valid], points.mean(axis=0)).points
        points[:, LOWER_FACE] = points[:, LOWER_FACE].mean(axis=0) + (moved - moved.mean(axis=0))[:, LOWER_FACE]
        landmarks[valid] = frames.landmarks(points)
    return landmarks, valid, base[2][:length]
