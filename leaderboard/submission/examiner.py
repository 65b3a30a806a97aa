"""The work on a submission that runs away from the server, in a `BoundedChild`: unpack, check, score.

The check is the one of `nvfair submit check`, line by line.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from leaderboard.submission.archive import listed_names, unpack
from leaderboard.submission.check import find_problems, name_folder
from leaderboard.submission.submission import (
    DECLARATION_FILE,
    Submission,
    inner_file,
    named_files,
    read_submission,
    submission_digest,
)
from leaderboard.submission.test_set import TestSet
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import Problems
from nvfair_tools.files import storage_errors

if TYPE_CHECKING:
    from leaderboard.submission.scoring import EntryScore

UPLOAD = "the upload"  # by which messages call it: where it was unpacked is no business of the author's
_UNPACKED, _NAMED_FILES = "unpacked", "plain"  # folders: all files of the archive; those that the declaration names


@dataclass(frozen=True)
class CheckedUpload:
    """A submission without problems.

    declaration: JSON. folder: the files that the declaration names, and no others. left_out: names of the archive's
    entries that file managers add.
    """

    digest: str
    declaration: str
    folder: Path
    left_out: tuple[str, ...] = ()


class Examiner:
    """Checks and scores submissions. Keeps the data sets open between calls."""

    def __init__(self) -> None:
        self._test_sets: dict[Path, tuple[tuple[int, int, date], TestSet]] = {}

    def check_upload(self, archive: Path, scratch: Path, dataset: Path) -> CheckedUpload:
        """Unpacks `archive` within the folder `scratch` and checks it.

        Raises NvfairError where it cannot be unpacked, Problems with everything that is wrong, and StorageError where
        the disk is full.
        """
        with storage_errors():
            return self._check_upload(archive, scratch, dataset)

    def _check_upload(self, archive: Path, scratch: Path, dataset: Path) -> CheckedUpload:
        unpacked = unpack(archive, scratch / _UNPACKED)
        folder = unpacked.folder
        problems = find_problems(folder, self._test_set(dataset))
        if problems:
            remedy = "`nvfair submit check` lists the same before you send it"
            raise Problems(UPLOAD, name_folder(problems, folder, UPLOAD), remedy=remedy)
        submission = read_submission(folder)
        named = _move_named_files(folder, submission, scratch / _NAMED_FILES)
        digest = submission_digest(named, submission)
        return CheckedUpload(digest, submission.model_dump_json(), named, tuple(listed_names(unpacked.left_out)))

    def score(self, folder: Path, dataset: Path, digest: str) -> list[EntryScore]:
        """The score of every entry. Raises NvfairError where the files are not those of submission `digest`."""
        from leaderboard.submission.scoring import score_submission

        return score_submission(folder, self._test_set(dataset), expected_digest=digest).entries

    def _test_set(self, folder: Path) -> TestSet:
        """The data set, opened again where its dataset.json has changed, and each day, because consents end."""
        stat = (folder / "dataset.json").stat() if (folder / "dataset.json").is_file() else None
        version = (*((stat.st_mtime_ns, stat.st_size) if stat else (0, 0)), date.today())
        if folder not in self._test_sets or self._test_sets[folder][0] != version:
            self._test_sets[folder] = version, TestSet(Dataset.open(folder))
        return self._test_sets[folder][1]


def _move_named_files(folder: Path, submission: Submission, target: Path) -> Path:
    """Moves the declaration and the files that it names, which the digest covers, to the folder `target`.

    Both are on one disk. A copy would take the room of the submission once more.
    """
    for name in (DECLARATION_FILE, *named_files(submission)):
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        inner_file(folder, name).rename(path)
    return target
