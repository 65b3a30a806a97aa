"""Scoring a submission: embeddings become trial scores, and scores become figures, by the benchmark's own code.

Legend: N videos, G genuine and I impostor trials.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmark import protocols
from benchmark.methods.embedding_files import EmbeddingTable, video_embeddings
from benchmark.trial_scores.cells import CellContext, compute_cell_figures
from benchmark.trial_scores.scores import PairScorer, Scorer, TargetScores
from benchmark.trials.trials import TargetTrials
from leaderboard.submission import check
from leaderboard.submission.open_rows import open_rows, read_batches
from leaderboard.submission.row_file import RowFile
from leaderboard.submission.row_problems import trial_positions
from leaderboard.submission.submission import Entry, Submission, entry_path, read_submission, submission_digest
from leaderboard.submission.test_set import ExpectedRows, TestSet
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError, Problems

# Raised whenever a figure could change for the same embeddings: results of two versions are not compared.
SCORER_VERSION = "2"


@dataclass(frozen=True)
class EntryScore:
    """The figures of one entry of a submission, with what they were computed by and on.

    entry: its number in the submission. figures: plain values for JSON, see `_figures`.
    """

    submission: str
    entry: int
    protocol: str
    protocol_digest: str
    dataset_digest: str
    scorer: str
    figures: dict[str, Any]


def score_submission(
    folder: Path, dataset: Dataset | TestSet, *, expected_digest: str = ""
) -> tuple[str, Submission, list[EntryScore]]:
    """(digest, declaration, one score an entry) of the submission in `folder`; nothing is stored.

    expected_digest: its digest when it was accepted. Raises NvfairError where the files are no longer
    those, and Problems with everything that `nvfair submit check` lists.
    """
    test = dataset if isinstance(dataset, TestSet) else TestSet(dataset)
    if test.blind:
        raise NvfairError(
            "this is the blind copy of a hidden set: it has no labels to score by",
            where=test.dataset.folder,
            remedy="submit to the board that keeps the hidden set",
        )
    found = check.find_problems(folder, test)
    if found:
        raise Problems(folder, found, remedy="mend them and run `nvfair submit check` again")
    submission = read_submission(folder)
    identity = submission_digest(folder, submission)
    if expected_digest and identity != expected_digest:
        raise NvfairError(
            f"these files are submission {identity[:12]}, not {expected_digest[:12]}",
            where=folder,
            remedy="restore the files that were submitted",
        )
    scores = []
    for number, entry in enumerate(submission.entries):
        protocol = protocols.load(entry.protocol)
        scores.append(
            EntryScore(
                submission=identity,
                entry=number,
                protocol=protocol.name,
                protocol_digest=protocol.digest,
                dataset_digest=test.digest,
                scorer=SCORER_VERSION,
                figures=_figures(folder, submission, entry, test),
            )
        )
    return identity, submission, scores


def _figures(folder: Path, submission: Submission, entry: Entry, test: TestSet) -> dict[str, Any]:
    """Figures of each test generator (or pair of them) that the protocol asks for, and what is to be known beside."""
    protocol = protocols.load(entry.protocol)
    expected = test.expected_rows(protocol)
    cells = expected.cells(check.scored_generators(submission, entry, test, protocol))
    most = check.max_rows(expected, entry, cells)
    file = open_rows(entry_path(folder, entry), entry.file, "embeddings" if entry.embeddings else "scores", most)
    scorer: PairScorer
    if entry.embeddings:
        table = video_embeddings(_table(file, most), expected.public_ids.tolist(), where=entry.file)
        scorer = Scorer(table, protocol.scoring)
    else:
        scorer = _trial_scorer(file, expected, cells, most)
    result: dict[str, Any] = {
        "generators": {},
        "overlap": declared_overlap(submission, expected.people),
        "scored_from": "embeddings" if entry.embeddings else "scores",
    }
    # No thresholds from validation people: a submission holds the test people alone.
    context = CellContext(expected.all_reenactments)
    for cell in cells:
        figures = compute_cell_figures(scorer, expected.videos, cell, protocol, context)
        result["generators"][cell] = figures.to_json()
    return result


def declared_overlap(submission: Submission, test_people: list[str]) -> list[str] | str:
    """Test people whom the declaration names, in any role; "unknown" where it names none and a role does not say."""
    declaration = submission.training.declaration
    common = sorted(declaration.named_people & set(test_people))
    return common if common or declaration.people is not None else "unknown"


@dataclass(frozen=True)
class TrialScorer:
    """Looks scores up. keys: sorted numbers of the trials; scores: of each; expected: numbers the trials."""

    keys: np.ndarray
    scores: np.ndarray
    expected: ExpectedRows

    def score(self, trials: TargetTrials) -> TargetScores:
        """Scores (G,) and (I,) of one target's trials."""
        genuine, impostor = (
            self.scores[np.searchsorted(self.keys, self.expected.keys_of(pairs))]
            for pairs in (trials.genuine, trials.impostor)
        )
        return TargetScores(trials, genuine, impostor)


def _table(file: RowFile, most: int) -> EmbeddingTable:
    """The whole of a file of embeddings that the check has passed."""
    batches = list(read_batches(file, most))
    return EmbeddingTable(
        video=np.concatenate([batch.key for batch in batches]),
        window=np.concatenate([batch.window for batch in batches]),
        start_frame=np.concatenate([batch.start_frame for batch in batches]),
        embedding=np.concatenate([batch.values for batch in batches]),
        meta={},
    )


def _trial_scorer(file: RowFile, expected: ExpectedRows, cells: list[str], most: int) -> TrialScorer:
    keys = expected.trial_keys(cells)
    scores = np.full(len(keys), np.nan)
    for batch in read_batches(file, most):
        place, found, _ = trial_positions(batch.key, expected, keys)
        scores[place[found]] = batch.values[found, 0]
    return TrialScorer(keys, scores, expected)
