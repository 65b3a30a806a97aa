"""The results that pages show, in memory: read once from the database, then only the new ones."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

from sqlalchemy import select

from leaderboard.store.database import read_session
from leaderboard.store.results import Store, StoredResult
from leaderboard.store.tables import SubmissionRow


@dataclass(frozen=True)
class PublicResults:
    """The public results at one time. `version` differs whenever the results do."""

    version: int
    results: tuple[StoredResult, ...]


class Snapshot:
    """Keeps the public results as of the last `refresh` in `current`. Results of drafts are left out."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._results: list[StoredResult] = []  # those of drafts too
        self._store_version: tuple[int, int, str] | None = None
        self._feedback: str | None = None
        self.current = PublicResults(0, ())

    def refresh(self) -> bool:
        """Reads what is new in the database; True when the public results changed. One thread at a time."""
        with self._lock:
            store_version = self._store.results_version()
            if store_version == self._store_version:
                return False
            feedback = store_version[-1]
            if feedback != self._feedback:  # older results change with the feedback setting of their data set
                self._results, self._feedback = [], feedback
            newest_id = self._results[-1].id if self._results else 0
            self._results.extend(self._store.results(after=newest_id))
            with read_session(self._store.engine) as session:
                drafts = set(session.scalars(select(SubmissionRow.digest).where(SubmissionRow.private)))
            # A result was read while its submission was a draft; after publication it is a draft no longer.
            self._results = [
                replace(result, private=False) if result.private and result.digest not in drafts else result
                for result in self._results
            ]
            public = tuple(result for result in self._results if result.digest not in drafts)
            self.current = PublicResults(self.current.version + 1, public)
            self._store_version = store_version
            return True
