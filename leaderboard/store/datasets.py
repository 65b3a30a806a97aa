"""Which data sets a board scores on, and how much of each may be told: kept in the database beside the results."""

from __future__ import annotations

from sqlalchemy import Engine

from leaderboard.settings import Settings
from leaderboard.store.audit_log import note
from leaderboard.store.database import writing
from leaderboard.store.tables import DatasetRow
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import sha256_of


def register(engine: Engine, settings: Settings) -> dict[str, str]:
    """Notes name and feedback of every data set of the settings; returns name -> digest.

    A data set whose labels have been opened goes from coarse to full by its setting, for all results on it.
    Raises NvfairError where a folder holds no data set.
    """
    digests = {}
    for name, one in settings.datasets.items():
        file = one.folder / "dataset.json"
        if not file.is_file():
            raise NvfairError(
                f"data set {name!r}: there is no dataset.json in {one.folder}",
                remedy=f"set datasets.{name}.folder in the board's settings",
            )
        digests[name] = sha256_of(file)
    with writing(engine) as session:
        for name, digest in digests.items():
            feedback = settings.datasets[name].feedback
            row = session.get(DatasetRow, digest)
            if row is None:
                session.add(DatasetRow(digest=digest, name=name, feedback=feedback))
            elif (row.name, row.feedback) == (name, feedback):
                continue
            else:
                row.name, row.feedback = name, feedback
            note(session, "board", "data set", name, details={"digest": digest, "feedback": feedback})
    return digests
