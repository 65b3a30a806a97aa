"""How many uploads of one account the server receives and checks at a time: each takes disk for its files."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import HTTPException

_RETRY_SECONDS = 10


class UploadSlots:
    """Counts the uploads that are under way. per_account: at a time (0: no limit)."""

    def __init__(self, per_account: int) -> None:
        self._per_account = per_account
        self._lock = threading.Lock()
        self._under_way: Counter[int] = Counter()

    @contextmanager
    def count_upload(self, account: int) -> Iterator[None]:
        """Counts one upload of the account until the context ends. Raises HTTPException (429) where it is one more."""
        with self._lock:
            if self._per_account and self._under_way[account] >= self._per_account:
                raise HTTPException(
                    429,
                    f"uploads of this account under way: {self._per_account}, the most; wait until one is answered",
                    {"Retry-After": str(_RETRY_SECONDS)},
                )
            self._under_way[account] += 1
        try:
            yield
        finally:
            with self._lock:
                self._under_way[account] -= 1
                if not self._under_way[account]:
                    del self._under_way[account]
