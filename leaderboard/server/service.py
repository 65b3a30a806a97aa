"""The parts of a running server, opened from the settings and closed together."""

from __future__ import annotations

from dataclasses import dataclass, field

from leaderboard.ranking.board_state import BoardState, BoardStateCache
from leaderboard.server.accept_submission import SubmissionAcceptor
from leaderboard.server.observability import Metrics
from leaderboard.server.snapshot import Snapshot
from leaderboard.settings import Settings
from leaderboard.store import schema
from leaderboard.store.database import database_errors
from leaderboard.store.datasets import register_datasets
from leaderboard.store.files import SubmissionFiles
from leaderboard.store.results import Store


@dataclass(frozen=True)
class Service:
    """The parts of a server that its routes use."""

    settings: Settings
    store: Store
    acceptor: SubmissionAcceptor
    snapshot: Snapshot
    metrics: Metrics
    _state_cache: BoardStateCache = field(default_factory=BoardStateCache)

    @classmethod
    def open(cls, settings: Settings) -> Service:
        """Opens the database, which gets its tables where it is empty, and the folder of files. Raises NvfairError."""
        store = Store(settings.store)
        try:
            with database_errors(settings.store):
                schema.check_writable(store.engine)
                register_datasets(store.engine, settings)
            submission_files = SubmissionFiles(settings.files)
            submission_files.remove_old_scratch()
            acceptor = SubmissionAcceptor(settings, store.engine, submission_files)
            return cls(settings, store, acceptor, Snapshot(store), Metrics())
        except BaseException:
            store.close()
            raise

    def board_state(self) -> BoardState:
        """The state of the public results, for pages and API alike."""
        return self._state_cache.get(self.snapshot.current.results)

    def close(self) -> None:
        """Ends the child processes and closes the database."""
        self.acceptor.stop()
        self.store.close()
