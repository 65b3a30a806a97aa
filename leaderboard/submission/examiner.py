"""What is done to a submission away from the server: unpack, check, score. Runs in a `BoundedChild`.

The check is the one of `nvfair submit check`, line by line.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from leaderboard.submission.archive import unpack
from leaderboard.submission.check import find_problems
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

if TYPE_CHECKING:
    from leaderboard.submission.scoring import EntryScore

PLAIN = "plain"  # the folder beside the unpacked one with the files that the declaration names, and no others


@dataclass(frozen=True)
class CheckedUpload:
    """A submission without problems."""

    digest: str
    declaration: str  # JSON
    folder: Path  # its files alone


class Examiner:
    """Keeps the data sets open between calls."""

    def __init__(self) -> None:
        self._open: dict[Path, tuple[tuple[int, int], TestSet]] = {}

    def check_upload(self, archive: Path, aside: Path, dataset: Path) -> CheckedUpload:
        """Unpacks `archive` within the folder `aside` and checks it. Raises Problems with everything that is wrong."""
        unpacked = aside / "unpacked"
        folder = unpack(archive, unpacked)
        found = find_problems(folder, self._dataset(dataset))
        if found:
            # Where it was unpacked is no business of the author's.
            told = [problem.replace(f"{folder}/", "").replace(str(folder), "the upload") for problem in found]
            raise Problems("the upload", told, remedy="`nvfair submit check` lists the same before you send it")
        submission = read_submission(folder)
        plain = _plain(folder, submission, aside / PLAIN)
        return CheckedUpload(submission_digest(plain, submission), submission.model_dump_json(), plain)

    def score(self, folder: Path, dataset: Path, digest: str) -> list[EntryScore]:
        """The score of every entry. Raises NvfairError where the files are not those called `digest`."""
        from leaderboard.submission.scoring import score_submission

        return score_submission(folder, self._dataset(dataset), expected_digest=digest)[2]

    def _dataset(self, folder: Path) -> TestSet:
        stat = (folder / "dataset.json").stat() if (folder / "dataset.json").is_file() else None
        state = (stat.st_mtime_ns, stat.st_size) if stat else (0, 0)
        known = self._open.get(folder)
        if known is None or known[0] != state:
            known = self._open[folder] = state, TestSet(Dataset.open(folder))
        return known[1]


def _plain(folder: Path, submission: Submission, into: Path) -> Path:
    """A folder with the declaration and the files that it names: what its digest covers, and nothing else."""
    for name in (DECLARATION_FILE, *named_files(submission)):
        target = into / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(inner_file(folder, name), target, follow_symlinks=False)
    return into
