"""A data set that is to be joined with others: its record, its tables, and who has withdrawn from it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from nvfair_tools.dataset.consents import read_consents
from nvfair_tools.dataset.reader import Dataset
from nvfair_tools.dataset.repairing.record import RECORD, TABLES, whole_record
from nvfair_tools.dataset.writer import whole_numbers
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import sha256_of
from nvfair_tools.governance.tombstones import RevokedPeople, revoked_people
from nvfair_tools.governance.uses import Consent


@dataclass(frozen=True)
class MergeSource:
    """One of the data sets to join. record: the content of its dataset.json. revoked: the people who have withdrawn
    from it, with the key that recognises them; None where nobody has."""

    folder: Path
    record: dict[str, Any]
    identities: pd.DataFrame
    videos: pd.DataFrame
    revoked: RevokedPeople | None

    def __str__(self) -> str:
        return str(self.folder)

    @property
    def name(self) -> str:
        """The name in dataset.json, or else that of the folder."""
        return str(self.record.get("name", self.folder.name))

    @cached_property
    def consents(self) -> dict[str, Consent] | None:
        """What its people agreed to; None where it has no such table."""
        return read_consents(self.folder)

    @cached_property
    def usable(self) -> pd.DataFrame:
        """The videos that are ok."""
        return self.videos[self.videos["state"] == "ok"]

    @cached_property
    def people(self) -> pd.DataFrame:
        """One row a person, by identity."""
        return self.identities.set_index("identity", drop=False)


def read_source(folder: str | Path) -> MergeSource:
    """Reads a data set that is to be joined. Its record and tables must be as they were written; other files are not
    read: the joined set promises of them what this one does.

    Raises NvfairError where it is unfinished or damaged, and where somebody has withdrawn from it and the key that
    recognises people is not on this machine.
    """
    folder = Path(folder)
    dataset = Dataset.open(folder)
    record = whole_record(folder / RECORD)
    if record is None or any(sha256_of(folder / name) != record["files"].get(name) for name in TABLES):
        raise NvfairError(
            f"{RECORD} and its tables are not as they were written",
            where=folder,
            remedy=f"nvfair dataset check {folder}; then nvfair dataset repair, or nvfair dataset card for edits",
        )
    return MergeSource(folder, record, dataset.identities, whole_numbers(dataset.videos), revoked_people(folder))
