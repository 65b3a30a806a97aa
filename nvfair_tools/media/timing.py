"""Times of frames that always rise, and the frame rate that follows from them.

Times are whole ticks of the stream's time base, so that a rate is exact. What a header says of the rate may be wrong by
any factor; what the frames' own times say is believed, and the header only breaks ties that lie within a tick.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

# The largest numerator or denominator of a frame rate in ffmpeg.
MAX_RATE_TERM = 1_001_000
# A stated rate is taken for the measured one where a clip's length differs by no more than this share of a frame.
_RATE_TOLERANCE = Fraction(1, 20)
# Seconds: in streams that are meant to be spliced (transport and program streams) a longer pause is a splice.
LONGEST_PAUSE = 10
# Seconds: a smaller step back is one wrong time, which later times make up for; a larger one is a new start.
_SMALL_STEP_BACK = 1
_REMEMBERED_INTERVALS = 31


class FrameClock:
    """Gives the frames of one stream, in the order of their presentation, times that rise.

    repaired: number of frames whose own time went back, stood still, or jumped at a splice; such a frame follows the
    last by the usual interval. missing: number of frames without a time of their own, which follow in the same way.
    """

    def __init__(self, container: Any, stream: Any) -> None:
        formats = set(container.format.name.split(","))
        self.base = Fraction(stream.time_base) if stream.time_base else Fraction(1, 90_000)
        self.repaired = self.missing = 0
        # AVI stores the order of decoding only, from which the frames' times come out shuffled.
        self._decoding_times = "avi" in formats
        self._may_be_spliced = bool(formats & {"mpegts", "mpeg"})
        rate = stream.guessed_rate or stream.average_rate or 25
        self._nominal = max(1, round(1 / (Fraction(rate) * self.base)))
        self._intervals: deque[int] = deque(maxlen=_REMEMBERED_INTERVALS)
        self._last: int | None = None
        self._shift = 0  # from the file's times to ours
        self._debt = 0  # the part of the shift that later frames make up for

    def ticks(self, raw: Any) -> int:
        """The time of the next frame, in ticks of `base` since the first frame."""
        stamp = raw.dts if self._decoding_times else raw.pts
        is_missing = raw.dts is None and raw.pts is None  # the last frames of an AVI have no `dts`, and need none
        if self._last is None:
            self._last, self._shift = 0, -(stamp or 0)
            self.missing += is_missing
        elif stamp is None:
            self.missing += is_missing
            self._last += self._usual_interval()
        else:
            self._last += self._step(stamp + self._shift - self._last)
        return self._last

    def seconds(self, raw: Any) -> float:
        """The time of the next frame in seconds since the first frame."""
        return self.ticks(raw) * float(self.base)

    def _step(self, step: int) -> int:
        """The step to the next frame: the file's own step, unless that cannot be."""
        usual = self._usual_interval()
        if step <= 0 or (self._may_be_spliced and step * self.base > LONGEST_PAUSE):
            self.repaired += 1
            self._shift += usual - step
            if -_SMALL_STEP_BACK < step * self.base <= 0:
                self._debt += usual - step
            return usual
        if self._debt and 2 * step > 3 * usual:
            payment = min(self._debt, step - usual)
            self._debt -= payment
            self._shift -= payment
            return step - payment
        self._intervals.append(step)
        return step

    def _usual_interval(self) -> int:
        return int(np.median(self._intervals)) if self._intervals else self._nominal


def clip_length(ticks: Sequence[int], last_duration: int | None) -> int | None:
    """Ticks from the first frame to the end of the last one; None for a single frame without a stated duration.

    last_duration: what the file says of the last frame, believed where it is near the usual interval.
    """
    if len(ticks) < 2:
        return last_duration or None
    usual = int(np.median(np.diff(ticks)))
    is_usual = last_duration is not None and usual <= 2 * last_duration <= 4 * usual
    return ticks[-1] - ticks[0] + (last_duration if is_usual and last_duration else usual)


def frame_places(ticks: Sequence[int]) -> int:
    """The number of frames that a clip would have if none were missing between those at `ticks`."""
    if len(ticks) < 2:
        return len(ticks)
    intervals = np.diff(ticks)
    return 1 + int(np.round(intervals / np.median(intervals)).sum())


def frame_rate(frames: int, length: int | None, base: Fraction, stated: Sequence[Any]) -> Fraction | None:
    """The mean frame rate of a clip, which can be written exactly; None where neither times nor header give one.

    length: of the clip, in ticks of `base` seconds. stated: rates of the header, the most exact first; the first that
    agrees with the clip's length is the result, otherwise the measured rate is.
    """
    rates = [Fraction(rate) for rate in stated if rate]
    rates = [rate for rate in rates if 0 < rate.numerator <= MAX_RATE_TERM and rate.denominator <= MAX_RATE_TERM]
    if not length:
        return rates[0] if rates else None
    seconds = length * base
    for rate in rates:
        if abs(frames / rate - seconds) <= max(2 * base, _RATE_TOLERANCE / rate):
            return rate
    return writable_rate(frames / seconds)


def writable_rate(rate: Fraction) -> Fraction:
    """The nearest fraction that an mp4 holds exactly: numerator and denominator up to `MAX_RATE_TERM`."""
    return rate.limit_denominator(max(1, int((MAX_RATE_TERM - 1000) / max(rate, Fraction(1)))))
