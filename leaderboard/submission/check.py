"""Checking a submission: every problem at once, by the very code that the board runs before it scores.

Every test video that has a window under the entry's protocol must be embedded, or every trial scored: leaving hard ones
out is no option. Memory and time are bounded by what the protocol has work for, whatever a file says of itself; a crash
of a library is contained by whoever calls this in a child process (`leaderboard.submission.sandbox`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmark import protocols
from benchmark.methods.declaration import UNSEEN
from benchmark.protocols.schema import Protocol, Relation
from leaderboard.submission.open_rows import open_rows
from leaderboard.submission.row_problems import trial_problems, window_problems
from leaderboard.submission.submission import (
    DECLARATION_FILE,
    Entry,
    Submission,
    entry_path,
    read_submission,
    reproduce_problems,
)
from leaderboard.submission.test_set import ExpectedRows, TestSet, requires_seen_generators
from leaderboard.submission.untrusted_text import quoted
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError, Problems

# Rows beyond those that are asked for are repeated or unknown ones; so many are read to tell which.
_MORE_ROWS = 1000


def find_problems(folder: Path, dataset: Dataset | TestSet) -> list[str]:
    """Every problem of the submission in `folder`, as lines that say file, row and remedy; empty when it is good.

    dataset: a TestSet that is kept spares the work of finding out again what is expected.
    """
    try:
        submission = read_submission(folder)
    except NvfairError as error:
        return list(error.problems) if isinstance(error, Problems) else [str(error)]
    test = dataset if isinstance(dataset, TestSet) else TestSet(dataset)
    found: list[str] = []
    read_before: set[tuple[str, str, str]] = set()
    for number, entry in enumerate(submission.entries):
        for problem in _entry(folder, submission, entry, test, read_before, number):
            if problem not in found:  # two entries may share a file
                found.append(problem)
    return found


class SubmissionChecker:
    """A data set kept open between checks: what a child process makes (`sandbox.BoundedChild`)."""

    def __init__(self, dataset: Path) -> None:
        self._test = TestSet(Dataset.open(dataset))

    def problems(self, folder: Path) -> list[str]:
        """See `problems`."""
        return find_problems(folder, self._test)


def is_scored_on(relation: Relation, generator: str, submission: Submission, entry: Entry) -> bool:
    """Whether `generator` stands to the method as the protocol asks; undeclared training counts as having seen all."""
    wanted = requires_seen_generators(relation)
    if wanted is None:
        return True
    seen = generator in entry.trained_on_generators
    if wanted:
        return seen
    return not seen and submission.training.declaration.relation_to(generator) == UNSEEN


def scored_generators(submission: Submission, entry: Entry, test: TestSet, protocol: Protocol) -> list[str]:
    """Generators that the entry is scored on; of a blind copy, which does not tell them, its one name for all."""
    if test.blind:
        return test.generators(protocol)
    relation = protocol.generators.relation
    return [one for one in test.generators(protocol) if is_scored_on(relation, one, submission, entry)]


def max_rows(expected: ExpectedRows, entry: Entry, cells: list[str]) -> int:
    """Rows that an entry's file may have before it is put aside unread."""
    asked = len(expected.start_frame) if entry.embeddings else len(expected.trial_keys(cells))
    return 2 * asked + _MORE_ROWS


def _entry(
    folder: Path,
    submission: Submission,
    entry: Entry,
    test: TestSet,
    read_before: set[tuple[str, str, str]],
    number: int,
) -> Iterator[str]:
    yield from reproduce_problems(folder, entry)
    if entry.protocol not in protocols.names():  # a name only: a path would have the board read files of its own
        names = ", ".join(protocols.names())
        yield f"{DECLARATION_FILE}: protocol {quoted(entry.protocol)} is unknown; expected one of {names}"
        return
    protocol = protocols.load(entry.protocol)
    if refused := _not_ranked(protocol, entry):
        yield f"{DECLARATION_FILE}: protocol {protocol.name} {refused}"
        return
    generators = scored_generators(submission, entry, test, protocol)
    if not generators:
        yield _none_fits(submission, entry, test, protocol)
    if test.hidden and entry.scores:
        yield (
            f"{DECLARATION_FILE}: entry {number}: this data set is hidden, and a list of its trials would tell who "
            "drives whom; submit `embeddings`"
        )
        return
    try:
        path = entry_path(folder, entry)
        expected = test.expected_rows(protocol)
        cells = generators if test.blind else expected.cells(generators)
        if generators and not cells:
            yield (
                f"{DECLARATION_FILE}: entry {number}: on {', '.join(generators)} this data set has no target with "
                f"genuine and impostor trials under {protocol.name}; submit to another protocol"
            )
        if entry.scores and not cells:
            return  # which trials are asked for depends on them
        key = entry.file, protocol.digest, " ".join(cells) if entry.scores else ""
        if key in read_before:
            return
        read_before.add(key)
        most = max_rows(expected, entry, cells)
        file = open_rows(path, entry.file, "embeddings" if entry.embeddings else "scores", most)
    except Problems as error:
        yield from error.problems
        return
    except NvfairError as error:
        yield str(error)
        return
    if entry.embeddings:
        yield from window_problems(file, expected, most)
    else:
        yield from trial_problems(file, expected, cells, most)


def _not_ranked(protocol: Protocol, entry: Entry) -> str:
    """Why a board takes no entry under the protocol; "" where it does."""
    if protocol.scoring.headline != "mean-auc-over-targets":
        return "has one pooled figure, but a board ranks by the mean over targets"
    if protocol.sweep is not None:
        return "stands for several protocols at once, but a board ranks by one figure; report it with `nvfair evaluate`"
    if entry.scores and protocol.trials.template is not None:
        return "makes templates of several videos; submit `embeddings`, and the board makes them"
    return ""


def _none_fits(submission: Submission, entry: Entry, test: TestSet, protocol: Protocol) -> str:
    trained = ", ".join(map(quoted, entry.trained_on_generators[:5])) or "none"
    tested = ", ".join(test.generators(protocol))
    return (
        f"{DECLARATION_FILE}: protocol {entry.protocol}: none of the tested generators ({tested}) is "
        f"{protocol.generators.relation.value} to a method trained on {trained}; "
        "name `trained_on_generators` of this entry and `training.generators`, or submit to the other protocol"
    )
