"""Scoring a submission: embeddings become trial scores, and scores become figures, by the benchmark's own code.

Legend: N videos, G genuine and I impostor trials.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmark import protocols
from benchmark.cells import Beside, cell_figures
from benchmark.embedding_files import EmbeddingTable, grouped
from benchmark.scored_trials import PairScorer
from benchmark.scores import Scorer, TargetScores
from benchmark.trials import TargetTrials
from leaderboard import check
from leaderboard.check_rows import trial_places
from leaderboard.expected import Expected, TestSet
from leaderboard.rows import RowFile, open_rows
from leaderboard.store import ResultRow
from leaderboard.submission import Entry, Submission, digest, entry_path, read
from leaderboard.tables import FIRST
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError, Problems

# Raised whenever a figure could change for the same embeddings: results of two versions are not compared.
SCORER = "2"


def score(folder: Path, dataset: Dataset | TestSet, *, known: str = "") -> tuple[str, Submission, list[ResultRow]]:
    """(digest, declaration, one result an entry) of the submission in `folder`; the results are not stored yet.

    known: its digest when it was accepted. Raises NvfairError where the files are no longer those, and Problems with
    everything that `nvfair submit check` lists.
    """
    test = dataset if isinstance(dataset, TestSet) else TestSet(dataset)
    if test.blind:
        raise NvfairError(
            "this is the blind copy of a hidden set: it has no labels to score by",
            where=test.dataset.folder,
            remedy="submit to the board that keeps the hidden set",
        )
    found = check.problems(folder, test)
    if found:
        raise Problems(folder, found, remedy="mend them and run `nvfair submit check` again")
    submission = read(folder)
    identity = digest(folder, submission)
    if known and identity != known:
        raise NvfairError(
            f"these files are submission {identity[:12]}, not {known[:12]}",
            where=folder,
            remedy="restore the files that were submitted",
        )
    rows = []
    for number, entry in enumerate(submission.entries):
        protocol = protocols.load(entry.protocol)
        rows.append(
            ResultRow(
                submission=identity,
                entry=number,
                protocol=protocol.name,
                protocol_digest=protocol.digest,
                dataset_digest=test.digest,
                scorer=SCORER,
                reason=FIRST,
                figures=json.dumps(_score(folder, submission, entry, test), sort_keys=True, allow_nan=False),
            )
        )
    return identity, submission, rows


def _score(folder: Path, submission: Submission, entry: Entry, test: TestSet) -> dict[str, Any]:
    """Figures of each test generator (or pair of them) that the protocol asks for, and what is to be known beside."""
    protocol = protocols.load(entry.protocol)
    expected = test.expected(protocol)
    cells = expected.cells(check.fitting(submission, entry, test, protocol))
    most = check.most_rows(expected, entry, cells)
    file = open_rows(entry_path(folder, entry), entry.file, "embeddings" if entry.embeddings else "scores", most)
    scorer: PairScorer
    if entry.embeddings:
        table = grouped(_table(file, most), expected.shown.tolist(), where=entry.file)
        scorer = Scorer(table, protocol.scoring)
    else:
        scorer = _trial_scorer(file, expected, cells, most)
    result: dict[str, Any] = {
        "generators": {},
        "overlap": declared_overlap(submission, expected.people),
        "scored_from": "embeddings" if entry.embeddings else "scores",
    }
    # No thresholds from validation people: a submission holds the test people alone.
    beside = Beside(expected.asked)
    for cell in cells:
        result["generators"][cell] = cell_figures(scorer, expected.videos, cell, protocol, beside)
    return result


def declared_overlap(submission: Submission, test_people: list[str]) -> list[str] | str:
    """Test people whom the declaration names, in any role; "unknown" where it names none and a role does not say."""
    common = sorted(submission.training.named_people & set(test_people))
    return common if common or submission.training.touched_people is not None else "unknown"


@dataclass(frozen=True)
class TrialScorer:
    """Looks scores up. keys: sorted numbers of the trials; scores: of each; expected: numbers the trials."""

    keys: np.ndarray
    scores: np.ndarray
    expected: Expected

    def score(self, trials: TargetTrials) -> TargetScores:
        """Scores (G,) and (I,) of one target's trials."""
        genuine, impostor = (
            self.scores[np.searchsorted(self.keys, self.expected.keys_of(pairs))]
            for pairs in (trials.genuine, trials.impostor)
        )
        return TargetScores(trials, genuine, impostor)


def _table(file: RowFile, most: int) -> EmbeddingTable:
    """The whole of a file of embeddings that the check has passed."""
    batches = list(file.batches(most))
    return EmbeddingTable(
        video=np.concatenate([batch.key for batch in batches]),
        window=np.concatenate([batch.window for batch in batches]),
        start_frame=np.concatenate([batch.start_frame for batch in batches]),
        embedding=np.concatenate([batch.values for batch in batches]),
        meta={},
    )


def _trial_scorer(file: RowFile, expected: Expected, cells: list[str], most: int) -> TrialScorer:
    keys = expected.trial_keys(cells)
    scores = np.full(len(keys), np.nan)
    for batch in file.batches(most):
        place, found, _ = trial_places(batch.key, expected, keys)
        scores[place[found]] = batch.values[found, 0]
    return TrialScorer(keys, scores, expected)
