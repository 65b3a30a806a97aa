"""Whether a video is grossly unlike everything that a calibration has seen: eight plain statistics of its windows.

A calibration keeps the range of each statistic over its videos (of a video: the median of its windows). A video is
unlike it where one statistic lies outside that range by more than half of the range's width. How often that refuses
people like those of the calibration is counted: each person is left out in turn, and judged by the others.

It sees a still picture, a tilted head, a face that is far smaller. It sees no generator as such, and no difference of
recordings that leaves these statistics alone (docs/verification.md says what was tried).

Legend: T frames, W windows, S statistics (8).
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
    "trembling of the head",
)
FEWEST_PEOPLE = 5  # below, "unlike all of them" says nothing
_MARGIN = 0.5  # of a range, on either side
_RATE_FACTOR, _HEIGHT_FACTOR = 1.25, 2.0  # beyond, a recording counts as of another kind
_FLOOR = 1e-4  # face widths: below, a movement counts as none


def window_statistics(landmarks: np.ndarray) -> np.ndarray:
    """The statistics (S,) of a window's landmarks (T, 126, 2) in pixels.

    Size is the logarithm of the distance of the outer eye corners in pixels; turn is how far the nose tip lies off the
    middle of the eyes, in such distances, whichever the side; tilt is the angle of the line through the eyes, in
    radians. The others are logarithms of root mean squares over the window, in distances of the eyes: of the points
    without the head's movement; of the opening of the mouth; of the head's centre; of the second differences of these
    points, and of that centre.
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
            _log_size(np.diff(head, n=2, axis=0)),
        ]
    )


def _log_size(values: np.ndarray) -> float:
    return float(np.log(np.sqrt(np.mean(np.square(values))) + _FLOOR))


@dataclass(frozen=True)
class Likeness:
    """What a calibration remembers. low, high: (S,), the range of its videos. people: how many. refused: how many of
    these, left out in turn, have a video that is unlike the others."""

    low: np.ndarray
    high: np.ndarray
    people: int
    refused: int

    @classmethod
    def fit(cls, videos: Sequence[np.ndarray], people: Sequence[str]) -> Likeness | None:
        """From the statistics (W, S) of each video, and who drives it; None where there are too few people."""
        names = sorted(set(people))
        if len(names) < FEWEST_PEOPLE:
            return None
        medians = np.stack([np.median(video, axis=0) for video in videos])
        owner = np.array(people)
        refused = 0
        for name in names:
            others = medians[owner != name]
            outside = _outside(medians[owner == name], others.min(axis=0), others.max(axis=0))
            refused += bool((outside > _MARGIN).any())
        return cls(medians.min(axis=0), medians.max(axis=0), len(names), refused)

    def difference(self, windows: np.ndarray) -> str:
        """How a video with these statistics (W, S) is unlike the calibration, in words; "" where it is not."""
        median = np.median(windows, axis=0)
        outside = _outside(median, self.low, self.high)
        worst = int(np.argmax(outside))
        if not outside[worst] > _MARGIN:
            return ""
        side = "above" if median[worst] > self.high[worst] else "below"
        return (
            f"{STATISTICS[worst]} lies {side} all videos of the calibration's {self.people} people, by "
            f"{outside[worst]:.1f} times the width of their range"
        )


def _outside(medians: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """How far values (..., S) lie outside of ranges, in widths of these; 0 within."""
    return np.maximum(np.maximum(low - medians, medians - high), 0) / (high - low + 1e-3)


@dataclass(frozen=True)
class Recording:
    """The pictures of a calibration's probes. fps: lowest and highest frame rate. height: lowest and highest number of
    lines of a picture."""

    fps: tuple[float, float]
    height: tuple[int, int]

    def differences(self, fps: float, height: int) -> list[str]:
        """How a video of this rate and height is unlike the probes, in sentences; empty where it is not."""
        texts = []
        if not self.fps[0] / _RATE_FACTOR <= fps <= self.fps[1] * _RATE_FACTOR:
            span = _span(*(f"{rate:.4g}" for rate in self.fps))
            texts.append(f"it has {fps:.1f} frames a second, the calibration's videos have {span}")
        if not self.height[0] / _HEIGHT_FACTOR <= height <= self.height[1] * _HEIGHT_FACTOR:
            span = _span(*map(str, self.height))
            texts.append(f"its pictures have {height} lines, those of the calibration {span}")
        return [f"{text}: its scores may mean something else" for text in texts]


def _span(low: str, high: str) -> str:
    return low if low == high else f"{low} to {high}"
