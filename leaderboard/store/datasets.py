"""The data sets that a board scores on, with how detailed their published results are, in the database."""

from __future__ import annotations

from sqlalchemy import Engine

from leaderboard.hidden.blind_key import KEY_FILE
from leaderboard.settings import Settings
from leaderboard.store.audit_log import record_action
from leaderboard.store.database import write_session
from leaderboard.store.tables import DatasetRow
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import sha256_of


def register_datasets(engine: Engine, settings: Settings) -> dict[str, str]:
    """Stores the settings of every data set in the database; returns {name: digest of its dataset.json}.

    Where the setting of a data set changes from coarse to full, all stored results on it become full too.
    Raises NvfairError where a folder holds no data set, or a hidden one without a word on its feedback.
    """
    digests = dataset_digests(settings)
    with write_session(engine) as session:
        for name, digest in digests.items():
            setting = settings.datasets[name]
            values = {
                "name": name,
                "feedback": setting.feedback,
                "sealed_until": settings.sealed_until(name),
                "step": setting.step,
                "compared": setting.compared,
            }
            row = session.get(DatasetRow, digest)
            if row is None:
                session.add(DatasetRow(digest=digest, **values))
            elif all(getattr(row, key) == value for key, value in values.items()):
                continue
            else:
                for key, value in values.items():
                    setattr(row, key, value)
            details: dict[str, object] = {"digest": digest, **values, "sealed_until": str(values["sealed_until"] or "")}
            record_action(session, "board", "data set", name, details=details)
    return digests


def dataset_digests(settings: Settings) -> dict[str, str]:
    """The digest of each data set's dataset.json, by its name. Raises what `register_datasets` raises."""
    digests = {}
    for name, dataset in settings.datasets.items():
        file = dataset.folder / "dataset.json"
        if not file.is_file():
            raise NvfairError(
                f"data set {name!r}: there is no dataset.json in {dataset.folder}",
                remedy=f"set datasets.{name}.folder in the board's settings",
            )
        if (dataset.folder / KEY_FILE).exists() and "feedback" not in dataset.model_fields_set:
            raise NvfairError(
                f"data set {name!r} has the key of a blind copy, but the board's settings do not say that it is hidden",
                where=dataset.folder / KEY_FILE,
                remedy=f"set datasets.{name}.feedback to coarse, or to full to publish every figure on it",
            )
        digests[name] = sha256_of(file)
    return digests


def register_hidden_dataset(engine: Engine, digest: str, name: str) -> None:
    """Stores that a data set is hidden, and sealed without end, unless the board knows the data set already."""
    with write_session(engine) as session:
        if session.get(DatasetRow, digest) is None:
            session.add(DatasetRow(digest=digest, name=name, feedback="coarse", sealed_until=None))
            record_action(session, "board", "data set", name, details={"digest": digest, "feedback": "coarse"})
