"""Cuts in a stream of frames, and whether a face is shaped like that of an earlier shot.

A window across a cut mixes two movements, and a person who takes another one's place in the picture cannot be seen by
where the face is. The shape of the face is no proof of who somebody is: people are alike, and one person's shape seems
to change with the camera. It is only used to refuse a video whose shots show faces that are plainly unlike.

Legend: H, W image height and width; M mesh points (478); D distances of a shape.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from nvfair_tools.media.motion import SIDE, hard_cuts

_ENOUGH_PIXELS = 256  # along each side
_REMEMBERED_CHANGES = 100  # of pictures, which say what is usual


class CutFinder:
    """Finds cuts while frames come, by the rule of `nvfair_tools.media.motion`, one frame late."""

    def __init__(self) -> None:
        self._last: np.ndarray | None = None
        self._changes: deque[float] = deque(maxlen=_REMEMBERED_CHANGES)

    def add(self, image: np.ndarray) -> bool:
        """Takes the next frame, uint8 RGB (H, W, 3); whether there is a cut before the frame that came before it."""
        import cv2

        # Of a large picture, some rows and columns are enough; all of them take a third of a landmarker's time.
        step = max(1, min(image.shape[:2]) // _ENOUGH_PIXELS)
        green = np.ascontiguousarray(image[::step, ::step, 1])
        picture = cv2.resize(green, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        picture = picture.astype(np.float32)
        if self._last is None:
            self._last = picture
            return False
        self._changes.append(float(np.abs(picture - self._last).mean()))
        self._last = picture
        return len(self._changes) - 1 in hard_cuts(self._changes)  # the first frame after the change before the last


# Points of the mesh that a face's expression hardly moves: corners of the eyes, bridge, tip and wings of the nose,
# forehead, temples, sides.
_STEADY_POINTS = (33, 133, 362, 263, 168, 6, 4, 129, 358, 10, 127, 356, 234, 454)
_FIRST, _SECOND = np.triu_indices(len(_STEADY_POINTS), 1)
_FEWEST_FRAMES = 15  # of a shot, below which its shape says nothing
# Root mean square of the differences of two shapes. Measured on real clips (docs/verification.md): halves of one clip
# differ by at most 0.028.
UNLIKE = 0.028


def face_shape(mesh: np.ndarray) -> np.ndarray:
    """The shape (D,) of a face from its mesh (M, 3): logarithms of the distances of steady points, whose mean is 0."""
    points = np.asarray(mesh[list(_STEADY_POINTS)], dtype=np.float64)
    lengths = np.log(np.linalg.norm(points[_FIRST] - points[_SECOND], axis=1) + 1e-6)
    return lengths - lengths.mean()


def shape_difference(first: np.ndarray, second: np.ndarray) -> float:
    """Root mean square of the differences of two shapes (D,): about the share by which their proportions differ."""
    return float(np.sqrt(np.mean(np.square(first - second))))


class Shots:
    """The shots of a stream so far: their number, and whether their faces are shaped alike; in constant memory.

    cuts: how many; first_cut: seconds, None where there is none. other_face: seconds at which the first shot begins
    whose face is unlike that of the first shot.
    """

    def __init__(self) -> None:
        self.cuts = 0
        self.first_cut: float | None = None
        self._other_face: float | None = None
        self._begin = 0.0
        self._sum, self._frames = np.zeros(len(_FIRST)), 0
        self._reference: np.ndarray | None = None

    def cut(self, time: float) -> None:
        """Ends the shot: the next frame is of another one."""
        self._other_face = self.other_face
        if self._reference is None and self._frames >= _FEWEST_FRAMES:
            self._reference = self._sum / self._frames
        self.cuts += 1
        self.first_cut = time if self.first_cut is None else self.first_cut
        self._begin, self._sum, self._frames = time, np.zeros(len(_FIRST)), 0

    def add(self, mesh: np.ndarray) -> None:
        """Takes a mesh (M, 3) of the followed face."""
        self._sum = self._sum + face_shape(mesh)
        self._frames += 1

    @property
    def other_face(self) -> float | None:
        """Seconds at which a shot begins whose face is unlike the first shot's; None where there is none so far."""
        if self._other_face is not None or self._reference is None or self._frames < _FEWEST_FRAMES:
            return self._other_face
        differs = shape_difference(self._reference, self._sum / self._frames) > UNLIKE
        return self._begin if differs else None
