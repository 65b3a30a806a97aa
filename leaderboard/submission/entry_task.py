"""What one entry of a submission is scored on, and the rows that its file must hold: the same for check and scoring."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmark.methods.declaration import UNSEEN
from benchmark.protocols.schema import Protocol, Relation
from leaderboard.submission.open_rows import open_rows
from leaderboard.submission.row_file import RowFile
from leaderboard.submission.submission import Entry, Submission
from leaderboard.submission.test_set import ExpectedRows, TestSet

# Rows beyond the expected ones are repeated or unknown; so many more are read to tell which.
_EXTRA_ROWS = 1000


@dataclass(frozen=True)
class EntryTask:
    """An entry with what its protocol asks for.

    generators: those that the entry is scored on. cells: of the generators (or pairs of them), those in which a target
    has genuine and impostor trials; on a blind copy, which does not tell them, the generators.
    """

    entry: Entry
    protocol: Protocol
    expected: ExpectedRows
    generators: tuple[str, ...]
    cells: tuple[str, ...]

    @property
    def kind(self) -> Literal["embeddings", "scores"]:
        """What the entry's file holds."""
        return "embeddings" if self.entry.embeddings else "scores"

    @property
    def row_count(self) -> int:
        """The number of rows that the file must hold: windows to embed, or trials to score."""
        if self.kind == "embeddings":
            return len(self.expected.start_frame)
        return len(self.expected.trial_keys(self.cells))

    @property
    def max_rows(self) -> int:
        """The number of rows that the file may have before it is put aside unread."""
        return 2 * self.row_count + _EXTRA_ROWS

    def open_file(self, path: Path) -> RowFile:
        """Opens the entry's file, which lies at `path`. Raises Problems of its columns and sizes."""
        return open_rows(path, self.entry.file, self.kind, self.max_rows)


def entry_task(submission: Submission, entry: Entry, protocol: Protocol, test: TestSet) -> EntryTask:
    """Works out the task of an entry. Raises NvfairError where the key of a blind copy lacks a video."""
    generators = scored_generators(submission, entry, protocol, test)
    expected = test.expected_rows(protocol)
    cells = generators if test.blind or not generators else expected.cells(generators)
    return EntryTask(entry, protocol, expected, tuple(generators), tuple(cells))


def _learns_nothing(submission: Submission) -> bool:
    """Whether an entry is a control and declares that no generator was used in making it."""
    return submission.kind == "control" and submission.training.declaration.generators == frozenset()


def scored_generators(submission: Submission, entry: Entry, protocol: Protocol, test: TestSet) -> list[str]:
    """The generators that the entry is scored on; of a blind copy, which does not tell them, its one name for all."""
    if test.blind:
        return test.generators(protocol)
    relation = protocol.generators.relation
    return [
        generator for generator in test.generators(protocol) if is_scored_on(relation, generator, submission, entry)
    ]


def is_scored_on(relation: Relation, generator: str, submission: Submission, entry: Entry) -> bool:
    """Whether `generator` has the relation to the method that the protocol asks for.

    A method that does not say which generators it has touched counts as having touched all of them. A control that
    learns nothing stands beside the methods under every protocol, as no generator is seen or unseen to it.
    """
    is_seen = generator in entry.trained_on_generators
    if relation == Relation.SEEN:
        return is_seen or _learns_nothing(submission)
    if relation == Relation.UNSEEN:
        return not is_seen and submission.training.declaration.relation_to(generator) == UNSEEN
    return True
