"""Cuts windows from a track while it grows, with the landmarks of one window in memory.

The windows are those that `benchmark.windows` cuts from the whole track (a test compares), where frames come at a
steady rate; where they do not, "the usual interval" of the last frames stands for that of the whole video.

Legend: T frames a window, L landmarks (126), M mesh points (478).
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmark.protocols.schema import Protocol
from nvfair_tools.errors import NvfairError

# A frame this close to a grid time (as a share of its spacing) is taken as it is; gaps may be longer than their frames
# by this factor. Both as in benchmark.windows.resample.
_SNAP, _JITTER = 1e-5, 1.05
_REMEMBERED_INTERVALS = 31
SEVERAL_FACES, CUT = "several_faces", "cut"
_MARGIN = 0.25  # seconds before a window, of which the reasons are remembered
# Share of a window's frames that may show a second face.
MOST_CROWDED = 0.1


@dataclass(frozen=True)
class SourceFrame:
    """A frame as it came: seconds; what was found of the face, points (L, 2) or (L + M, 3) float32, or None and the
    reason; whether another face is in the picture; whether it begins another shot."""

    time: float
    points: np.ndarray | None
    reason: str = ""
    crowded: bool = False
    cut: bool = False


@dataclass(frozen=True)
class StreamWindow:
    """A window. start, end: seconds from the first frame. points: (T, ...) float32; None where it is not whole.
    reason: why not: "no_face", "lost", "out_of_frame", "several_faces" or "cut"."""

    start: float
    end: float
    points: np.ndarray | None
    reason: str = ""


class WindowStream:
    """Takes frames one after another and gives windows as soon as they are whole, or known not to be."""

    def __init__(self, protocol: Protocol, *, most_crowded: float = MOST_CROWDED) -> None:
        """most_crowded: share of a window's frames that may show a second face; 1 never refuses.

        Raises NvfairError for a protocol that fills up short videos: made-up motion proves nothing.
        """
        if protocol.missing.short_videos != "exclude":
            raise NvfairError(
                f"it fills up short videos ({protocol.missing.short_videos})",
                where=f"protocol {protocol.name}",
                expected="a protocol that leaves them out",
            )
        self._time, self._most_gap = protocol.time, protocol.missing.max_gap_frames
        self._spacing = float(1 / self._time.rate)
        self._most_crowded = most_crowded
        self.seconds = 0.0  # from the first frame to the last
        self._first: float | None = None
        self._last: tuple[float, np.ndarray] | None = None  # the last frame with the face
        self._intervals: deque[float] = deque(maxlen=_REMEMBERED_INTERVALS)
        self._grid = 0  # number of the next frame at the protocol's rate
        self._rows: deque[np.ndarray | None] = deque()  # the frames of the present window, from number `_start` on
        self._start = 0
        self._sources: deque[tuple[float, str, bool, bool]] = deque()  # time, reason, crowded, cut

    @property
    def needs_more(self) -> bool:
        """Whether later frames can still count: a protocol may use the first seconds alone."""
        return self._time.frames is None or self._grid < self._time.frames

    def push(self, frame: SourceFrame) -> Iterator[StreamWindow]:
        """Takes the next frame, whose time must be later than that of the last; yields the windows that it ends."""
        if self._first is None:
            self._first = frame.time
        elif frame.time - self._first > self.seconds:
            self._intervals.append(frame.time - self._first - self.seconds)
        self.seconds = frame.time - self._first
        self._sources.append((self.seconds, frame.reason, frame.crowded, frame.cut))
        if frame.points is not None:
            yield from self._place(self.seconds, frame.points)
            self._last = self.seconds, frame.points
        elif self._last is None or self.seconds - self._last[0] > self._longest_gap:
            while self._grid * self._spacing <= self.seconds:
                yield from self._append(None)

    def finish(self) -> Iterator[StreamWindow]:
        """Yields the windows that the end of the stream decides."""
        if self._first is not None:
            count = int(np.floor(self.seconds / self._spacing + _SNAP)) + 1
            while self._grid < count:
                yield from self._append(None)

    @property
    def _longest_gap(self) -> float:
        usual = float(np.median(self._intervals)) if self._intervals else self._spacing
        return (self._most_gap + 1) * max(self._spacing, usual) * _JITTER

    def _place(self, time: float, points: np.ndarray) -> Iterator[StreamWindow]:
        """Makes all grid frames up to a frame with the face: its own, interpolated ones, or missing ones."""
        while (grid_time := self._grid * self._spacing) <= time + _SNAP * self._spacing:
            if abs(time - grid_time) <= _SNAP * self._spacing:
                yield from self._append(points)
            elif self._last is not None and time - self._last[0] <= self._longest_gap:
                share = np.float32((grid_time - self._last[0]) / (time - self._last[0]))
                yield from self._append(self._last[1] + share * (points - self._last[1]))
            else:
                yield from self._append(None)

    def _append(self, row: np.ndarray | None) -> Iterator[StreamWindow]:
        if not self.needs_more:
            self._grid += 1
            return
        if self._grid >= self._start:
            self._rows.append(row)
        self._grid += 1
        if len(self._rows) == self._time.window:
            yield self._window()
            for _ in range(min(self._time.stride, len(self._rows))):
                self._rows.popleft()
            self._start += self._time.stride
            while self._sources and self._sources[0][0] < self._start * self._spacing - _MARGIN:
                self._sources.popleft()

    def _window(self) -> StreamWindow:
        start = self._start * self._spacing
        end = start + self._time.window * self._spacing
        rows = [row for row in self._rows if row is not None]
        # The last rows may be interpolated towards a frame after the window: no cut may lie before that one either.
        if any(is_cut and time > start for time, _, _, is_cut in self._sources):
            return StreamWindow(start, end, None, CUT)
        crowded = [is_crowded for time, _, is_crowded, _ in self._sources if start <= time < end]
        if sum(crowded) > self._most_crowded * len(crowded):
            return StreamWindow(start, end, None, SEVERAL_FACES)
        # A frame without the face may lie just outside of a window whose first or last frame is missing because of it.
        reasons = Counter(reason for _, reason, _, _ in self._sources if reason)
        if len(rows) < len(self._rows):
            return StreamWindow(start, end, None, reasons.most_common(1)[0][0] if reasons else "lost")
        return StreamWindow(start, end, np.stack(rows))
