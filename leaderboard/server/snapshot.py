"""What the pages show at this moment, in memory: read once from the database, then only what is new."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from sqlalchemy import select

from leaderboard.store.database import read_session
from leaderboard.store.results import Store, StoredResult
from leaderboard.store.tables import SubmissionRow


@dataclass(frozen=True)
class Moment:
    """The public results at one time. `version` differs whenever they do."""

    version: int
    results: tuple[StoredResult, ...]


class Snapshot:
    """The public results, as fresh as the last `refresh`. Drafts are kept out."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._all: list[StoredResult] = []
        self._state: object = None
        self._told: object = None
        self.moment = Moment(0, ())

    def refresh(self) -> bool:
        """Looks for changes; True when there were any. One thread at a time."""
        with self._lock:
            state = self._store.results_version()
            if state == self._state:
                return False
            if state[-1] != self._told:  # how much of a data set may be told: older results change with it
                self._all, self._told = [], state[-1]
            newest = self._all[-1].id if self._all else 0
            self._all.extend(self._store.results(after=newest))
            with read_session(self._store.engine) as session:
                private = set(session.scalars(select(SubmissionRow.digest).where(SubmissionRow.private)))
            public = tuple(result for result in self._all if result.digest not in private)
            self.moment = Moment(self.moment.version + 1, public)
            self._state = state
            return True
