"""Scoring a submission: embeddings become trial scores, and scores become figures, by the benchmark's own code.

Legend: T trials of the protocol, G genuine and I impostor trials of one target.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmark import protocols
from benchmark.methods.embedding_files import EmbeddingTable, video_embeddings
from benchmark.trial_scores.cells import CellContext, compute_cell_figures
from benchmark.trial_scores.scores import PairScorer, Scorer, TargetScores
from benchmark.trials.trials import TargetTrials
from leaderboard.submission.check import find_problems
from leaderboard.submission.entry_task import EntryTask, entry_task
from leaderboard.submission.open_rows import read_batches
from leaderboard.submission.row_file import RowFile
from leaderboard.submission.row_problems import trial_positions
from leaderboard.submission.submission import Submission, entry_path, read_submission, submission_digest
from leaderboard.submission.test_set import ExpectedRows, TestSet
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError, Problems

# Raised whenever a figure could change for the same embeddings: results of two versions are not compared.
SCORER_VERSION = "2"
# Key of an entry's figures: the test people who did not agree to public display on the day of scoring. Absent: nobody.
UNNAMED = "unnamed"


@dataclass(frozen=True)
class EntryScore:
    """The figures of one entry of a submission, with the protocol, data and scorer they were computed by.

    submission: its digest. entry: its number in the submission. figures: plain values for JSON: by test generator (or
    pair of them) the benchmark's figures, the test people whom the declaration names, the kind of file scored, and the
    people who are not shown (`UNNAMED`).
    """

    submission: str
    entry: int
    protocol: str
    protocol_digest: str
    dataset_digest: str
    scorer: str
    figures: dict[str, Any]


class SubmissionScores(NamedTuple):
    """A submission's digest and declaration, with the score of each of its entries."""

    digest: str
    submission: Submission
    entries: list[EntryScore]


def score_submission(folder: Path, dataset: Dataset | TestSet, *, expected_digest: str = "") -> SubmissionScores:
    """Scores every entry of the submission in `folder`; nothing is stored.

    expected_digest: its digest when it was accepted. Raises NvfairError where the files are no longer those, or the
    data set is a blind copy, and Problems with everything that `nvfair submit check` lists.
    """
    test = dataset if isinstance(dataset, TestSet) else TestSet(dataset)
    if test.blind:
        raise NvfairError(
            "this is the blind copy of a hidden set: it has no labels to score by",
            where=test.dataset.folder,
            remedy="submit to the board that keeps the hidden set",
        )
    problems = find_problems(folder, test)
    if problems:
        raise Problems(folder, problems, remedy="mend them and run `nvfair submit check` again")
    submission = read_submission(folder)
    digest = submission_digest(folder, submission)
    if expected_digest and digest != expected_digest:
        raise NvfairError(
            f"these files are submission {digest[:12]}, not {expected_digest[:12]}",
            where=folder,
            remedy="restore the files that were submitted",
        )
    scores = []
    for number, entry in enumerate(submission.entries):
        task = entry_task(submission, entry, protocols.load(entry.protocol), test)
        scores.append(
            EntryScore(
                submission=digest,
                entry=number,
                protocol=task.protocol.name,
                protocol_digest=task.protocol.digest,
                dataset_digest=test.digest,
                scorer=SCORER_VERSION,
                figures=_entry_figures(folder, submission, task, test.unnamed_people),
            )
        )
    return SubmissionScores(digest, submission, scores)


def declared_overlap(submission: Submission, test_people: list[str]) -> list[str] | str:
    """The test people whom the declaration names in any role; "unknown" where it names none and a role does not say."""
    declaration = submission.training.declaration
    common = sorted(declaration.named_people & set(test_people))
    return common if common or declaration.people is not None else "unknown"


@dataclass(frozen=True)
class SubmittedScores:
    """A `PairScorer` that looks submitted scores up.

    keys: (T,) sorted keys of the trials (`ExpectedRows.trial_keys`). scores: (T,) of each.
    """

    keys: np.ndarray
    scores: np.ndarray
    expected: ExpectedRows

    def score(self, trials: TargetTrials) -> TargetScores:
        """The scores (G,) and (I,) of one target's trials."""
        genuine, impostor = (
            self.scores[np.searchsorted(self.keys, self.expected.keys_of(pairs))]
            for pairs in (trials.genuine, trials.impostor)
        )
        return TargetScores(trials, genuine, impostor)


def _entry_figures(folder: Path, submission: Submission, task: EntryTask, all_unnamed: list[str]) -> dict[str, Any]:
    expected, protocol = task.expected, task.protocol
    people = frozenset(expected.people)
    unnamed = [person for person in all_unnamed if person in people]
    file = task.open_file(entry_path(folder, task.entry))
    scorer: PairScorer
    if task.kind == "embeddings":
        table = _read_embeddings(file, task.max_rows)
        videos = video_embeddings(table, expected.public_ids.tolist(), where=task.entry.file)
        scorer = Scorer(videos, protocol.scoring)
    else:
        scorer = _read_scores(file, task)
    # No thresholds from validation people: a submission holds the test people alone.
    context = CellContext(expected.all_reenactments)
    return {
        "generators": {
            cell: compute_cell_figures(scorer, expected.videos, cell, protocol, context).to_json()
            for cell in task.cells
        },
        "overlap": declared_overlap(submission, expected.people),
        "scored_from": task.kind,
        **({UNNAMED: unnamed} if unnamed else {}),
    }


def _read_embeddings(file: RowFile, max_rows: int) -> EmbeddingTable:
    """Reads the whole of a file of embeddings that the check has passed."""
    batches = list(read_batches(file, max_rows))
    return EmbeddingTable(
        video=np.concatenate([batch.names for batch in batches]),
        window=np.concatenate([batch.window for batch in batches]),
        start_frame=np.concatenate([batch.start_frame for batch in batches]),
        embedding=np.concatenate([batch.values for batch in batches]),
        meta={},
    )


def _read_scores(file: RowFile, task: EntryTask) -> SubmittedScores:
    """Reads the whole of a file of scores that the check has passed."""
    keys = task.expected.trial_keys(task.cells)
    scores = np.full(len(keys), np.nan)
    for batch in read_batches(file, task.max_rows):
        position, is_known, _ = trial_positions(batch.names, task.expected, keys)
        scores[position[is_known]] = batch.values[is_known, 0]
    return SubmittedScores(keys, scores, task.expected)
