"""The card of a data set, its plots and what else describes it, written anew from the tables."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nvfair_tools.curate.card import write_description
from nvfair_tools.curate.revocation.tables import failed_portraits
from nvfair_tools.dataset.reader import Dataset
from nvfair_tools.dataset.writer import SEAL, content_digest, whole_numbers
from nvfair_tools.metadata.writing import METADATA_FILES

# What a finished set's dataset.json has besides what its maker says of it.
ADDED_KEYS = ("format_version", "counts", "files", SEAL)


class CardSource:
    """README.md, card/*.png and the files of metadata, made again as the build makes them.

    Those that judge rights for a day are the same only while the judgement is.
    """

    name = "by writing the card anew"

    def __init__(self, folder: Path, meta: Mapping[str, Any], scratch: Path) -> None:
        self._folder, self._meta, self._scratch = folder, meta, scratch
        self._is_written = False

    def offer(self, file: str, digest: str, out: Path) -> bool:
        """Offers the file of a card that is written from the tables, once for all of its files."""
        if not is_of_card(file):
            return False
        if not self._is_written:
            self._is_written = True  # where a part is damaged it cannot be, however often it is tried
            write_card_to(self._scratch, self._folder, self._meta)
        if not (self._scratch / file).is_file():
            return False
        shutil.copyfile(self._scratch / file, out)
        return True


def is_of_card(file: str) -> bool:
    """Whether a file is one that `write_description` writes. file: relative to the data set."""
    return file in ("README.md", *METADATA_FILES) or file.startswith("card/")


def write_card_to(scratch: Path, folder: Path, meta: Mapping[str, Any]) -> list[Path]:
    """Writes the card of the data set in `folder`, and the files beside it, into an empty folder; returns their paths.

    scratch: the empty folder. meta: the content of dataset.json.
    """
    dataset = Dataset.open(folder)
    for entry in folder.iterdir():
        if not is_of_card(entry.name) and entry.name != "card" and not entry.name.startswith("."):
            (scratch / entry.name).symlink_to(entry.resolve())
    described = {key: value for key, value in meta.items() if key not in ADDED_KEYS}
    digest = content_digest(meta["files"])
    identities, videos = dataset.identities, whole_numbers(dataset.videos)
    return write_description(scratch, described, identities, videos, failed_portraits(identities), digest)
