"""Scoring a submission: embeddings become trial scores and figures by the benchmark's own code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmark import protocols
from benchmark.embedding_files import grouped, read_embeddings
from benchmark.figures import figures
from benchmark.scores import Scorer
from benchmark.trials import trials
from leaderboard import check
from leaderboard.store import ResultRow
from leaderboard.submission import Entry, Submission, digest, entry_path, read
from nvfair_tools.dataset import Dataset
from nvfair_tools.dataset.writer import sha256_of
from nvfair_tools.errors import Problems

# Raised whenever a figure could change for the same embeddings: results of two versions are not compared.
SCORER = "1"


def score(folder: Path, dataset: Dataset) -> tuple[str, Submission, list[ResultRow]]:
    """(identity, declaration, one result an entry) of the submission in `folder`; the results are not stored yet.

    Raises Problems with everything that `nvfair submit check` lists.
    """
    found = check.problems(folder, dataset)
    if found:
        raise Problems(folder, found, remedy="mend them and run `nvfair submit check` again")
    submission = read(folder)
    identity = digest(folder, submission)
    data = sha256_of(dataset.folder / "dataset.json")
    rows = []
    for number, entry in enumerate(submission.entries):
        protocol = protocols.load(entry.protocol)
        rows.append(
            ResultRow(
                submission=identity,
                entry=number,
                protocol=protocol.name,
                protocol_digest=protocol.digest,
                dataset_digest=data,
                scorer=SCORER,
                reason="first scoring",
                figures=json.dumps(_score(folder, submission, entry, dataset), sort_keys=True, allow_nan=False),
            )
        )
    return identity, submission, rows


def _score(folder: Path, submission: Submission, entry: Entry, dataset: Dataset) -> dict[str, Any]:
    """Figures of each test generator that the protocol asks for, and what is to be known beside them."""
    protocol = protocols.load(entry.protocol)
    videos = check.test_windows(dataset, protocol).videos
    table = read_embeddings(entry_path(folder, entry))
    scorer = Scorer(grouped(table, videos["video"].tolist(), where=entry.embeddings), protocol.scoring)
    people = sorted({*videos["driver"], *videos["target"]})
    result: dict[str, Any] = {"generators": {}, "overlap": declared_overlap(submission, people)}
    for generator in sorted(videos["generator"].unique()):
        if not check.fits(protocol.generators.relation, generator, submission, entry):
            continue
        found = list(trials(videos, generator, protocol.trials))
        result["generators"][generator] = figures(scorer, found, videos, protocol, full=False)
    return result


def declared_overlap(submission: Submission, test_people: list[str]) -> list[str] | str:
    """Test people whom the declaration names as trained on; "unknown" where it does not say."""
    people = submission.training.people
    return "unknown" if isinstance(people, str) else sorted(set(people) & set(test_people))
