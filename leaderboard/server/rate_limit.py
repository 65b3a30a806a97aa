"""How many requests a minute one caller may make: a bucket that refills steadily.

Kept in the memory of each server process: a limit is there to keep one caller from crowding out the others, and a
database write for each page read would cost more than it saves. With N processes a caller may make up to N times as
many; quotas, which must be exact, are in the database.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

_REMEMBERED = 100_000  # callers; the longest unseen is forgotten first, with a full bucket


class Rate:
    """`per_minute` requests for each key, all at once or spread out. 0: no limit."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._size, self._clock = per_minute, clock
        self._lock = threading.Lock()
        self._level: OrderedDict[str, tuple[float, float]] = OrderedDict()  # key -> (left, when)

    def take(self, key: str) -> float:
        """Takes one; 0 when it was there, otherwise the seconds until there is one again."""
        return self._take(key, 1.0)

    def wait(self, key: str) -> float:
        """Seconds until one could be taken, without taking it."""
        return self._take(key, 0.0)

    def _take(self, key: str, amount: float) -> float:
        if not self._size:
            return 0.0
        with self._lock:
            moment = self._clock()
            left, before = self._level.pop(key, (float(self._size), moment))
            left = min(float(self._size), left + (moment - before) * self._size / 60)
            wait = 0.0 if left >= 1 else (1 - left) * 60 / self._size
            self._level[key] = (left - amount if not wait else left, moment)
            if len(self._level) > _REMEMBERED:
                self._level.popitem(last=False)
            return wait
