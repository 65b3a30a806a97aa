"""The check of a submission: every problem at once, by the very code that the board runs before it scores.

Every test video that has a window under the entry's protocol must be embedded, or every trial scored: leaving hard ones
out is no option. Memory and time are bounded by the rows that the protocol expects, not by what a file says of itself.
The command and the server run the check in a child process (`leaderboard.submission.sandbox`), which contains a crash
of a library.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path

from benchmark import protocols
from benchmark.protocols.schema import Protocol
from leaderboard.submission.archive import submission_folder
from leaderboard.submission.checkpoint_facts import statement_problems
from leaderboard.submission.entry_task import EntryTask, entry_task, scored_generators
from leaderboard.submission.row_problems import trial_problems, window_problems
from leaderboard.submission.submission import (
    DECLARATION_FILE,
    Entry,
    Submission,
    entry_path,
    read_submission,
    reproduce_problems,
    submission_digest,
)
from leaderboard.submission.test_set import TestSet
from leaderboard.submission.untrusted_text import quoted
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.quantities import count_text

_LISTED_GENERATORS = 5


@dataclass(frozen=True)
class EntryCounts:
    """What the file of one entry must hold.

    generators: those that the entry is scored on. videos: reenactments of the test people that have windows. rows:
    windows to embed, or trials to score.
    """

    protocol: str
    file: str
    generators: tuple[str, ...]
    videos: int
    rows: int


@dataclass(frozen=True)
class SubmissionCheck:
    """The result of checking a submission.

    name: the folder or zip file, as it was given. method: its name; "" where the declaration cannot be read.
    problems: one line each, with file, row and remedy. digest: the identity of the files (64 hexadecimal digits); ""
    where there are problems. entries: of those whose protocol a board ranks by. left_out: names of a zip file's entries
    that file managers add, and that do not matter.
    """

    name: str
    method: str = ""
    problems: tuple[str, ...] = ()
    digest: str = ""
    entries: tuple[EntryCounts, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether a board would take the submission."""
        return not self.problems

    def raise_problems(self) -> None:
        """Raises Problems that lists every problem, where there are any."""
        if self.problems:
            raise Problems(self.name, list(self.problems))

    def _repr_html_(self) -> str:
        lines = [f"<p><b>{escape(self.name)}</b>: {escape(self.method) or 'no declaration'}</p>"]
        if self.problems:
            lines.append(f"<p>{count_text(len(self.problems), 'problem')}:</p><ul>")
            lines += [f"<li>{escape(problem)}</li>" for problem in self.problems]
            lines.append("</ul>")
        else:
            lines.append(f"<p>No problems. Digest <code>{self.digest}</code></p>")
        if self.entries:
            heads = ("protocol", "file", "generators", "videos", "rows")
            lines.append(f"<table><tr>{''.join(f'<th>{head}</th>' for head in heads)}</tr>")
            for entry in self.entries:
                cells = (entry.protocol, entry.file, ", ".join(entry.generators), entry.videos, entry.rows)
                lines.append(f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in cells)}</tr>")
            lines.append("</table>")
        return "\n".join(lines)


def check_submission(
    path: str | Path, dataset: str | Path | Dataset | TestSet, *, name: str | None = None
) -> SubmissionCheck:
    """Checks the submission in a folder, or in a zip file of one, against the data set that was embedded.

    dataset: its folder, or the opened data set; a TestSet that is used again works out the expected rows only once.
    name: by which messages call the submission (default: its path).
    Raises NvfairError where the data set cannot be opened. Problems of the submission stand in the result.
    """
    name = str(path) if name is None else name
    test = _test_set(dataset)
    try:
        with submission_folder(Path(path)) as unpacked:
            return replace(_check_folder(unpacked.folder.resolve(), name, test), left_out=unpacked.left_out)
    except NvfairError as error:
        return SubmissionCheck(name, problems=tuple(_problem_lines(error)))


class SubmissionChecker:
    """A data set kept open between checks: what a child process makes (`sandbox.BoundedChild`)."""

    def __init__(self, dataset: Path) -> None:
        self._test = TestSet(Dataset.open(dataset))

    def check(self, path: Path, name: str | None = None) -> SubmissionCheck:
        """Checks a submission as `check_submission` does."""
        return check_submission(path, self._test, name=name)


def find_problems(folder: Path, dataset: Dataset | TestSet) -> list[str]:
    """Every problem of the submission in `folder`, as lines that say file, row and remedy; empty where there are none.

    dataset: as in `check_submission`.
    """
    try:
        submission = read_submission(folder)
    except NvfairError as error:
        return _problem_lines(error)
    test = _test_set(dataset)
    problems: dict[str, None] = {}  # in order, each once: two entries may share a file
    if test.hidden:
        problems.update(dict.fromkeys(_repeated_protocols(submission)))
    files_read: set[tuple[str, str, str]] = set()
    for number, entry in enumerate(submission.entries):
        problems.update(dict.fromkeys(_entry_problems(folder, submission, entry, test, files_read, number)))
    return list(problems)


def name_folder(problems: Iterable[str], folder: Path, name: str) -> list[str]:
    """The problems with paths relative to `folder`, and `name` where they name the folder itself."""
    return [problem.replace(f"{folder}/", "").replace(str(folder), name) for problem in problems]


def _test_set(dataset: str | Path | Dataset | TestSet) -> TestSet:
    if isinstance(dataset, TestSet):
        return dataset
    return TestSet(dataset if isinstance(dataset, Dataset) else Dataset.open(Path(dataset)))


def _problem_lines(error: NvfairError) -> list[str]:
    return list(error.problems) if isinstance(error, Problems) else [str(error)]


def _check_folder(folder: Path, name: str, test: TestSet) -> SubmissionCheck:
    problems = name_folder(find_problems(folder, test), folder, name)
    try:
        submission = read_submission(folder)
    except NvfairError:  # one of the problems
        return SubmissionCheck(name, problems=tuple(problems))
    return SubmissionCheck(
        name,
        method=submission.method,
        problems=tuple(problems),
        digest="" if problems else submission_digest(folder, submission),
        entries=tuple(_entry_counts(submission, test)),
    )


def _entry_counts(submission: Submission, test: TestSet) -> Iterator[EntryCounts]:
    for entry in submission.entries:
        if entry.protocol not in protocols.names():
            continue
        protocol = protocols.load(entry.protocol)
        if _not_ranked(protocol, entry) or (test.hidden and entry.scores):
            continue
        task = entry_task(submission, entry, protocol, test)
        yield EntryCounts(
            protocol.name, entry.file, task.generators, videos=len(task.expected.videos), rows=task.row_count
        )


def _entry_problems(
    folder: Path,
    submission: Submission,
    entry: Entry,
    test: TestSet,
    files_read: set[tuple[str, str, str]],
    number: int,
) -> Iterator[str]:
    """Problems of entry `number`. files_read: (file, protocol, cells) that were read for an earlier entry."""
    yield from reproduce_problems(folder, entry)
    if entry.protocol not in protocols.names():  # a name only: a path would have the board read files of its own
        names = ", ".join(protocols.names())
        yield f"{DECLARATION_FILE}: protocol {quoted(entry.protocol)} is unknown; expected one of {names}"
        return
    protocol = protocols.load(entry.protocol)
    if reason := _not_ranked(protocol, entry):
        yield f"{DECLARATION_FILE}: protocol {protocol.name} {reason}"
        return
    generators = scored_generators(submission, entry, protocol, test)
    # A hidden set takes an entry that it has no generator for: a refusal would tell its generators, name by name.
    if not generators and not test.hidden:
        yield _no_generator(entry, protocol, test)
    if test.hidden and entry.scores:
        yield (
            f"{DECLARATION_FILE}: entry {number}: this data set is hidden, and a list of its trials would tell who "
            "drives whom; submit `embeddings`"
        )
        return
    try:
        path = entry_path(folder, entry)
        task = entry_task(submission, entry, protocol, test)
        if generators and not task.cells and not test.hidden:
            yield (
                f"{DECLARATION_FILE}: entry {number}: on {', '.join(generators)} this data set has no target with "
                f"genuine and impostor trials under {protocol.name}; submit to another protocol"
            )
        if entry.scores and not task.cells:
            return  # the trials that must be scored follow from them
        file_key = entry.file, protocol.digest, " ".join(task.cells) if entry.scores else ""
        if file_key in files_read:
            return
        files_read.add(file_key)
        yield from _file_problems(path, task)
        if task.kind == "embeddings":
            yield from statement_problems(path, number, entry, submission)
    except NvfairError as error:
        yield from _problem_lines(error)


def _repeated_protocols(submission: Submission) -> Iterator[str]:
    """Problems of entries to a hidden set, which takes one entry a protocol: each is an answer."""
    first_entries: dict[str, int] = {}
    for number, entry in enumerate(submission.entries):
        first = first_entries.setdefault(entry.protocol, number)
        if first != number:
            yield (
                f"{DECLARATION_FILE}: entry {number}: entry {first} is of protocol {quoted(entry.protocol)} too; a "
                "hidden data set takes one entry a protocol; leave one of them out"
            )


def _file_problems(path: Path, task: EntryTask) -> Iterator[str]:
    file = task.open_file(path)
    if task.kind == "embeddings":
        yield from window_problems(file, task.expected, task.max_rows)
    else:
        yield from trial_problems(file, task.expected, task.cells, task.max_rows)


def _not_ranked(protocol: Protocol, entry: Entry) -> str:
    """Why a board takes no entry under the protocol; "" where it does."""
    if protocol.scoring.headline != "mean-auc-over-targets":
        return "has one pooled figure, but a board ranks by the mean over targets"
    if protocol.sweep is not None:
        return "stands for several protocols at once, but a board ranks by one figure; report it with `nvfair evaluate`"
    if entry.scores and protocol.trials.template is not None:
        return "makes templates of several videos; submit `embeddings`, and the board makes them"
    return ""


def _no_generator(entry: Entry, protocol: Protocol, test: TestSet) -> str:
    trained_on = ", ".join(map(quoted, entry.trained_on_generators[:_LISTED_GENERATORS])) or "none"
    tested = ", ".join(test.generators(protocol))
    return (
        f"{DECLARATION_FILE}: protocol {entry.protocol}: none of the tested generators ({tested}) is "
        f"{protocol.generators.relation.value} to a method trained on {trained_on}; "
        "name `trained_on_generators` of this entry and `training.generators`, or submit to the other protocol"
    )
