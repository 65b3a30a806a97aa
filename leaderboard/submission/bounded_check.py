"""The check of a submission within bounds of memory and time, for authors who run it before they submit."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

from leaderboard.submission.archive import unpack
from leaderboard.submission.check import SubmissionChecker
from leaderboard.submission.sandbox import BoundedChild

# A submission that needs more is not accepted by a board either.
_MEMORY_MB = 4096
_SECONDS = 600.0


def check_within_bounds(submission: Path, dataset: Path) -> list[str]:
    """Every problem of a submission (its folder or a zip file of it), by the code that a board runs.

    dataset: folder of the data set. Raises NvfairError where the zip file cannot be unpacked, or the check needs more
    than 4096 MB or 600 s.
    """
    child = BoundedChild(partial(SubmissionChecker, dataset), _MEMORY_MB)
    try:
        with tempfile.TemporaryDirectory() as scratch:
            folder = submission if submission.is_dir() else unpack(submission, Path(scratch) / "unpacked")
            folder = folder.resolve()
            problems: list[str] = child.call("problems", folder, seconds=_SECONDS)
    finally:
        child.stop()
    return [problem.replace(f"{folder}/", "").replace(str(folder), str(submission)) for problem in problems]
