"""The check of a submission within bounds of memory and time, for authors who run it before they submit."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from leaderboard.submission.archive import submission_folder
from leaderboard.submission.check import SubmissionCheck, SubmissionChecker
from leaderboard.submission.sandbox import BoundedChild

# A submission that needs more is not accepted by a board either.
_MEMORY_MB = 4096
_SECONDS = 600.0


def check_within_bounds(submission: Path, dataset: Path) -> SubmissionCheck:
    """Checks a submission (its folder or a zip file of it) by the code that a board runs.

    dataset: folder of the data set. Raises NvfairError where the zip file cannot be unpacked, or the check needs more
    than 4096 MB or 600 s.
    """
    child = BoundedChild(partial(SubmissionChecker, dataset), _MEMORY_MB)
    try:
        with submission_folder(submission) as unpacked:
            result: SubmissionCheck = child.call("check", unpacked.folder, str(submission), seconds=_SECONDS)
            result = replace(result, left_out=unpacked.left_out)
    finally:
        child.stop()
    return result
