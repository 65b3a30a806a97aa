"""The parts of a running server, made from the settings and taken down together."""

from __future__ import annotations

from dataclasses import dataclass

from leaderboard.server.intake import Intake
from leaderboard.server.monitoring import Metrics
from leaderboard.server.snapshot import Snapshot
from leaderboard.settings import Settings
from leaderboard.store.datasets import register_datasets
from leaderboard.store.files import SubmissionFiles
from leaderboard.store.results import Store


@dataclass(frozen=True)
class Service:
    """What the routes work with."""

    settings: Settings
    store: Store
    intake: Intake
    snapshot: Snapshot
    metrics: Metrics

    @classmethod
    def open(cls, settings: Settings) -> Service:
        """Opens the database (made where it is empty) and the folder of files. Raises NvfairError."""
        store = Store(settings.store)
        try:
            register_datasets(store.engine, settings)
            submission_files = SubmissionFiles(settings.files)
            submission_files.remove_old_scratch()
            return cls(settings, store, Intake(settings, store.engine, submission_files), Snapshot(store), Metrics())
        except BaseException:
            store.close()
            raise

    def close(self) -> None:
        """Ends the child processes and releases the database."""
        self.intake.stop()
        self.store.close()
