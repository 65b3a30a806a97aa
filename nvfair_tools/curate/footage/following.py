"""Follows the faces of a shot, chooses the person whom it shows, and divides the shot into segments of that person.

Legend: T frames of a shot; a box is left, top, right, bottom in pixels.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from nvfair_tools.faces.framing import box_area, box_overlap
from nvfair_tools.landmarks.tracking import SAME_FACE_OVERLAP

# Another face counts where it is seen for so many seconds.
_SEEN_SECONDS = 0.5


@dataclass
class FacePath:
    """One face through a shot. frames: where it is seen, rising; boxes: where in the picture, alike in number."""

    frames: list[int] = field(default_factory=list)
    boxes: list[np.ndarray] = field(default_factory=list)

    def add(self, frame: int, box: np.ndarray) -> None:
        """Takes the face's box in a later frame."""
        self.frames.append(frame)
        self.boxes.append(box)

    @property
    def area(self) -> float:
        """The mean area in square pixels."""
        return float(np.mean([box_area(box) for box in self.boxes]))


@dataclass(frozen=True)
class Part:
    """A segment of a shot. first, last: its frames within the shot, both included. face: box of the followed face in
    the first frame. others: how many other faces are seen for some time; others_share: share of frames with any."""

    first: int
    last: int
    face: tuple[float, float, float, float]
    others: int
    others_share: float


def follow_faces(boxes: Sequence[Sequence[np.ndarray]], longest_gap: int) -> list[FacePath]:
    """The paths of all faces of a shot, the first seen first.

    boxes: of each frame, the largest first. longest_gap: frames for which a face may be out of sight; one that comes
    back later, or elsewhere, begins a path of its own.
    """
    paths: list[FacePath] = []
    for frame, of_frame in enumerate(boxes):
        recent = [path for path in paths if frame - path.frames[-1] <= longest_gap + 1]
        pairs = sorted(
            (
                (-box_overlap(path.boxes[-1], box), p, b)
                for p, path in enumerate(recent)
                for b, box in enumerate(of_frame)
            )
        )
        used_paths: set[int] = set()
        used_boxes: set[int] = set()
        for negative_overlap, p, b in pairs:
            if -negative_overlap < SAME_FACE_OVERLAP:
                break
            if p not in used_paths and b not in used_boxes:
                recent[p].add(frame, of_frame[b])
                used_paths.add(p)
                used_boxes.add(b)
        for b, box in enumerate(of_frame):
            if b not in used_boxes:
                paths.append(FacePath([frame], [box]))
    return paths


def shot_parts(
    boxes: Sequence[Sequence[np.ndarray]],
    times: Sequence[float],
    *,
    follow: Literal["longest", "largest"],
    longest_gap: float,
    max_seconds: float | None,
) -> list[Part]:
    """The segments of a shot that show the chosen person: trimmed at both ends, and divided where they are too long.

    boxes: of the faces in each frame, the largest first. times: seconds (T,). longest_gap: seconds without the face
    within a segment; after more of them another begins, of whoever is chosen among the remaining paths that do not
    overlap the first. Segments of all lengths are returned, in the order of time.
    """
    interval = float(np.median(np.diff(times))) if len(times) > 1 else 0.04
    paths = follow_faces(boxes, int(longest_gap / interval + 1e-6))
    if not paths:
        return []
    steady = [path for path in paths if len(path.frames) * interval >= _SEEN_SECONDS]
    chosen = max(steady or paths, key=lambda path: _rank(path, follow))
    same_place = [chosen]
    # The person who went out of sight and came back at the same place.
    for path in paths:
        if path is not chosen and not _meets(path, same_place) and _is_near(path, chosen):
            same_place.append(path)
    parts = []
    for path in sorted(same_place, key=lambda path: path.frames[0]):
        for first, last in _divided(path.frames[0], path.frames[-1], times, interval, max_seconds):
            start = next(number for number, frame in enumerate(path.frames) if frame >= first)
            others = [other for other in paths if other not in same_place]
            parts.append(
                Part(
                    path.frames[start],
                    last,
                    tuple(float(value) for value in path.boxes[start]),  # type: ignore[arg-type]
                    *_others(others, path.frames[start], last, interval),
                )
            )
    return parts


def _rank(path: FacePath, follow: str) -> tuple[float, float]:
    return (len(path.frames), path.area) if follow == "longest" else (path.area, len(path.frames))


def _meets(path: FacePath, others: Sequence[FacePath]) -> bool:
    """Whether a path has a frame between the first and last of another's."""
    return any(path.frames[0] <= other.frames[-1] and other.frames[0] <= path.frames[-1] for other in others)


def _is_near(path: FacePath, chosen: FacePath) -> bool:
    """Whether a face is where the chosen one was last seen before it, or is first seen after it."""
    ends = (
        (path.boxes[0], chosen.boxes[-1]) if path.frames[0] > chosen.frames[-1] else (path.boxes[-1], chosen.boxes[0])
    )
    return box_overlap(*ends) >= SAME_FACE_OVERLAP


def _divided(
    first: int, last: int, times: Sequence[float], interval: float, max_seconds: float | None
) -> Iterator[tuple[int, int]]:
    """First and last frames of equal parts, none longer than `max_seconds`, of the frames from `first` to `last`."""
    count = 1
    if max_seconds is not None:
        count = max(1, math.ceil((times[last] - times[first] + interval) / max_seconds - 1e-6))
    edges = np.linspace(first, last + 1, count + 1).round().astype(int)
    for start, end in itertools.pairwise(edges):
        yield int(start), int(end) - 1


def _others(paths: Sequence[FacePath], first: int, last: int, interval: float) -> tuple[int, float]:
    """How many other faces are seen for some time from `first` to `last`, and the share of frames in which any is."""
    seen: set[int] = set()
    count = 0
    for path in paths:
        frames = [frame for frame in path.frames if first <= frame <= last]
        if len(frames) * interval >= min(_SEEN_SECONDS, (last - first + 1) * interval):
            count += 1
            seen |= set(frames)
    return count, len(seen) / (last - first + 1)
