"""How many requests a minute one caller may make: a bucket of requests that refills steadily.

The counts are kept in the memory of each server process. A limit keeps one caller from displacing the others, and a
database write for each page would cost more than it saves. With N processes a caller may make up to N times as many
requests. Quotas, which must be exact, are in the database.
"""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

_MAX_CALLERS = 100_000  # beyond these the caller unseen for longest is forgotten, and begins with a full bucket
_IPV6_NETWORK_BITS = 64  # what a provider gives one customer, who may change addresses within it at will


class RateLimit:
    """Allows `per_minute` requests a minute for each key, at once or spread out. 0: no limit."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute, self._clock = per_minute, clock
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # key -> (requests left, at this time)

    def count_request(self, key: str) -> float:
        """Counts one request; returns 0 where it is allowed, otherwise the seconds until one is allowed again.

        A request that is not allowed is not counted.
        """
        return self._wait_seconds(key, count=1.0)

    def seconds_until_allowed(self, key: str) -> float:
        """Seconds until a request would be allowed. Nothing is counted."""
        return self._wait_seconds(key, count=0.0)

    def _wait_seconds(self, key: str, *, count: float) -> float:
        if not self._per_minute:
            return 0.0
        with self._lock:
            now = self._clock()
            left, updated = self._buckets.pop(key, (float(self._per_minute), now))
            left = min(float(self._per_minute), left + (now - updated) * self._per_minute / 60)
            wait = 0.0 if left >= 1 else (1 - left) * 60 / self._per_minute
            self._buckets[key] = (left - count if not wait else left, now)
            if len(self._buckets) > _MAX_CALLERS:
                self._buckets.popitem(last=False)
            return wait


def rate_key(address: str) -> str:
    """The key under which an IP address is counted: itself, or of IPv6 the network that one customer has."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if parsed.version == 4:
        return str(parsed)
    mapped = parsed.ipv4_mapped
    if mapped is not None:
        return str(mapped)
    return str(ipaddress.ip_network((int(parsed), _IPV6_NETWORK_BITS), strict=False))
