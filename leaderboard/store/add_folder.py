"""Adds a submission to a board without a server, through the same steps as an upload."""

from __future__ import annotations

from pathlib import Path

from leaderboard.store.files import SubmissionFiles
from leaderboard.store.results import Store
from leaderboard.submission.archive import pack, unpack
from leaderboard.submission.scoring import EntryScore, score_submission
from leaderboard.submission.submission import Submission
from leaderboard.submission.test_set import TestSet


def add_submission_folder(
    folder: Path, test_set: TestSet, store: Store, submission_files: SubmissionFiles
) -> tuple[Submission, list[EntryScore]]:
    """Packs, unpacks, checks, scores and stores the submission in `folder`; returns its declaration and scores.

    The zip file stays beside the folder. Adding the submission again changes nothing. Raises Problems with everything
    that the check finds.
    """
    archive = pack(folder, folder.with_suffix(".zip"))
    with submission_files.scratch_folder() as scratch:
        unpacked = unpack(archive, scratch / "unpacked").folder
        digest, submission, scores = score_submission(unpacked, test_set)
        submission_files.add(unpacked, digest)
    store.add(digest, submission, scores)
    return submission, scores
