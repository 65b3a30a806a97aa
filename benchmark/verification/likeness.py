"""Whether a video is unlike everything that a calibration has seen: seven plain statistics of a window, and a limit.

A calibration keeps the mean and the deviation of each statistic over its people. A video's distance is the largest,
over the statistics, of how many deviations its median window lies from the mean. The limit is the largest distance that
any calibration video has from the *other* people. So the video of a new person like them exceeds it with a probability
of about 1 / (people + 1) at most: the limit is a rank, and assumes no distribution. It sees gross differences (a still
picture, a shaking track, a face in profile), no subtle ones, and no generator as such.

Legend: T frames, W windows, S statistics (7).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nvfair_tools.landmarks.scheme import MEASUREMENTS, OUTER_EYE_CORNERS, SCHEME_126

STATISTICS = (
    "size of the face",
    "turn of the head",
    "tilt of the head",
    "movement of the face",
    "movement of the mouth",
    "movement of the head",
    "trembling of the points",
)
FEWEST_PEOPLE = 5  # below, "unlike all of them" says nothing
_FLOOR = 1e-4  # face widths: below, a movement counts as none


def window_statistics(landmarks: np.ndarray) -> np.ndarray:
    """The statistics (S,) of a window's landmarks (T, 126, 2) in pixels.

    Size is the logarithm of the distance of the outer eye corners in pixels; turn is how far the nose tip lies off the
    middle of the eyes, in such distances, whichever the side; tilt is the angle of the line through the eyes, in
    radians. The others are logarithms of root mean squares over the window, in distances of the eyes: of the points
    without the head's movement; of the opening of the mouth; of the head's centre; of the points' second differences.
    """
    points = np.asarray(landmarks, dtype=np.float64)
    right, left = points[:, OUTER_EYE_CORNERS[0]], points[:, OUTER_EYE_CORNERS[1]]
    line, centre = left - right, (left + right) / 2
    width = np.linalg.norm(line, axis=1)
    # Points in a frame of the head: the eyes' middle is the origin, their line the x axis of length one.
    offset = points - centre[:, None]
    along = line / width[:, None] ** 2
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    face = np.stack([np.einsum("tlc,tc->tl", offset, along), np.einsum("tlc,tc->tl", offset, across)], axis=2)
    first, second = MEASUREMENTS["mouth_open"]
    mouth = np.linalg.norm(face[:, first] - face[:, second], axis=1)
    movement = face - face.mean(axis=0)
    head = (centre - centre.mean(axis=0)) / np.median(width)
    trembling = np.diff(face, n=2, axis=0)
    return np.array(
        [
            np.log(np.median(width)),
            np.abs(np.median(face[:, SCHEME_126.position(4), 0])),
            np.abs(np.median(np.arctan2(line[:, 1], line[:, 0]))),
            _log_size(movement),
            _log_size(mouth - mouth.mean()),
            _log_size(head),
            _log_size(trembling),
        ]
    )


def _log_size(values: np.ndarray) -> float:
    return float(np.log(np.sqrt(np.mean(np.square(values))) + _FLOOR))


@dataclass(frozen=True)
class Likeness:
    """What a calibration remembers. mean, deviation: (S,). limit: the largest distance of one of its videos from the
    other people. people: how many."""

    mean: np.ndarray
    deviation: np.ndarray
    limit: float
    people: int

    @classmethod
    def fit(cls, videos: Sequence[np.ndarray], people: Sequence[str]) -> Likeness | None:
        """From the statistics (W, S) of each video, and who drives it; None where there are too few people.

        Each person weighs the same, however many videos there are of the person.
        """
        names = sorted(set(people))
        if len(names) < FEWEST_PEOPLE:
            return None
        medians = np.stack([np.median(video, axis=0) for video in videos])
        owner = np.array(people)
        limit = 0.0
        for name in names:
            mean, deviation = _moments(medians[owner != name], owner[owner != name])
            limit = max(limit, float(np.abs((medians[owner == name] - mean) / deviation).max()))
        mean, deviation = _moments(medians, owner)
        return cls(mean, deviation, limit, len(names))

    def difference(self, windows: np.ndarray) -> str:
        """How a video with these statistics (W, S) is unlike the calibration, in words; "" where it is not."""
        offset = (np.median(windows, axis=0) - self.mean) / self.deviation
        worst = int(np.argmax(np.abs(offset)))
        if not abs(offset[worst]) > self.limit:
            return ""
        side = "above" if offset[worst] > 0 else "below"
        return (
            f"{STATISTICS[worst]} lies {abs(offset[worst]):.1f} deviations {side} the mean of the calibration's "
            f"{self.people} people; theirs lie within {self.limit:.1f}"
        )


def _moments(medians: np.ndarray, owner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation (S,) over people with equal weights: within them and between them."""
    weight = np.array([1.0 / np.count_nonzero(owner == name) for name in owner])
    weight /= weight.sum()
    mean = weight @ medians
    return mean, np.sqrt(weight @ np.square(medians - mean)) + 1e-3
