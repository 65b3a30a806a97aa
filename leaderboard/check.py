"""Checking a submission: every problem at once, by the very code that the board runs before it scores.

Every test video that has a window under the entry's protocol must be embedded, or every trial scored: leaving hard ones
out is no option. Memory and time are bounded by what the protocol has work for, whatever a file says of itself; a crash
of a library is contained by whoever calls this in a child process (`leaderboard.limits`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from benchmark import protocols
from leaderboard.expected import Expected, TestSet, needs_seen, test_windows
from leaderboard.plain_text import shown
from leaderboard.rows import Batch, RowFile, open_rows
from leaderboard.submission import FILE, Entry, Submission, entry_path, read, reproduce_problems
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.protocol import Protocol, Relation

__all__ = ["Checker", "fits", "most_rows", "problems", "test_windows"]

# Rows beyond those that are asked for are repeated or unknown ones; so many are read to tell which.
_MORE_ROWS = 1000
_SHOWN = 3


def problems(folder: Path, dataset: Dataset | TestSet) -> list[str]:
    """Every problem of the submission in `folder`, as lines that say file, row and remedy; empty when it is good.

    dataset: a TestSet that is kept spares the work of finding out again what is expected.
    """
    try:
        submission = read(folder)
    except NvfairError as error:
        return list(error.problems) if isinstance(error, Problems) else [str(error)]
    test = dataset if isinstance(dataset, TestSet) else TestSet(dataset)
    found: list[str] = []
    read_before: dict[tuple[str, str, str], str] = {}
    for number, entry in enumerate(submission.entries):
        for problem in _entry(folder, submission, entry, test, read_before, number):
            if problem not in found:  # two entries may share a file
                found.append(problem)
    return found


class Checker:
    """A data set kept open between checks: what a child process makes (`leaderboard.limits.BoundedChild`)."""

    def __init__(self, dataset: Path) -> None:
        self._test = TestSet(Dataset.open(dataset))

    def problems(self, folder: Path) -> list[str]:
        """See `problems`."""
        return problems(folder, self._test)


def fits(relation: Relation, generator: str, submission: Submission, entry: Entry) -> bool:
    """Whether `generator` stands to the method as the protocol asks; undeclared training counts as having seen all."""
    wanted = needs_seen(relation)
    if wanted is None:
        return True
    seen = generator in entry.trained_on_generators
    if wanted:
        return seen
    touched = submission.training.touched_generators
    return not seen and touched is not None and generator not in touched


def fitting(submission: Submission, entry: Entry, test: TestSet, protocol: Protocol) -> list[str]:
    """Generators that the entry is scored on."""
    relation = protocol.generators.relation
    return [one for one in test.generators(protocol) if fits(relation, one, submission, entry)]


def most_rows(expected: Expected, entry: Entry, generators: list[str]) -> int:
    """Rows that an entry's file may have before it is put aside unread."""
    asked = len(expected.start_frame) if entry.embeddings else len(expected.trial_keys(generators))
    return 2 * asked + _MORE_ROWS


def _entry(
    folder: Path,
    submission: Submission,
    entry: Entry,
    test: TestSet,
    read_before: dict[tuple[str, str, str], str],
    number: int,
) -> Iterator[str]:
    yield from reproduce_problems(folder, entry)
    if entry.protocol not in protocols.names():  # a name only: a path would have the board read files of its own
        yield f"{FILE}: protocol {shown(entry.protocol)} is unknown; expected one of {', '.join(protocols.names())}"
        return
    protocol = protocols.load(entry.protocol)
    if protocol.scoring.headline != "mean-auc-over-targets":
        yield f"{FILE}: protocol {protocol.name} has one pooled figure, but a board ranks by the mean over targets"
        return
    generators = fitting(submission, entry, test, protocol)
    if not generators:
        yield _none_fits(submission, entry, test, protocol)
    if test.hidden and entry.scores:
        yield (
            f"{FILE}: entry {number}: this data set is hidden, and a list of its trials would tell who drives whom; "
            "submit `embeddings`"
        )
        return
    try:
        path = entry_path(folder, entry)
        expected = test.expected(protocol)
        if entry.scores and not generators:
            return  # which trials are asked for depends on them
        key = entry.file, protocol.digest, " ".join(generators) if entry.scores else ""
        if key in read_before:
            return
        read_before[key] = entry.protocol
        file = open_rows(
            path, entry.file, "embeddings" if entry.embeddings else "scores", most_rows(expected, entry, generators)
        )
    except Problems as error:
        yield from error.problems
        return
    except NvfairError as error:
        yield str(error)
        return
    if entry.embeddings:
        yield from _windows(file, expected, most_rows(expected, entry, generators))
    else:
        yield from _trials(file, expected, generators, most_rows(expected, entry, generators))


def _none_fits(submission: Submission, entry: Entry, test: TestSet, protocol: Protocol) -> str:
    relation = protocol.generators.relation
    return (
        f"{FILE}: protocol {entry.protocol}: none of the tested generators ({', '.join(test.generators(protocol))}) is "
        f"{relation.value} to a method trained on {', '.join(map(shown, entry.trained_on_generators[:5])) or 'none'}; "
        "name `trained_on_generators` of this entry and `training.generators`, or submit to the other protocol"
    )


class _Rows:
    """What is wrong with rows of one file, counted by kind; the first few of each are told."""

    def __init__(self, file: RowFile) -> None:
        self._file = file
        self._count: dict[tuple[str, str], int] = {}
        self._first: dict[tuple[str, str], list[str]] = {}

    def add(self, what: str, remedy: str, rows: np.ndarray, about: Callable[[int], str], first: int) -> None:
        """Notes `rows` (positions within a batch that begins at row `first`)."""
        if not len(rows):
            return
        kind = what, remedy
        self._count[kind] = self._count.get(kind, 0) + len(rows)
        told = self._first.setdefault(kind, [])
        for row in rows[: max(0, _SHOWN - len(told))]:
            told.append(f"{self._file.place(first + int(row))}{about(int(row))}")

    def problems(self) -> Iterator[str]:
        """One line a kind."""
        for (what, remedy), count in self._count.items():
            told = self._first[what, remedy]
            more = f" and {count - len(told)} more" if count > len(told) else ""
            yield f"{self._file.name}: {what}: {'; '.join(told)}{more}; {remedy}"


def _cells(rows: _Rows, batch: Batch) -> np.ndarray:
    """Notes cells that are none; returns which rows have them (n,)."""
    bad = np.zeros(len(batch), dtype=bool)
    for what, where in batch.wrong.items():
        rows.add(what, "every cell must hold a value; leave a row out that has none", where, _of(batch), batch.first)
        bad[where] = True
    return bad


def _of(batch: Batch) -> Callable[[int], str]:
    noun = "video" if len(batch.window) else "trial"
    return lambda row: f" ({noun} {shown(batch.key[row])})"


def _windows(file: RowFile, expected: Expected, most: int) -> Iterator[str]:
    """Problems of the rows of embeddings."""
    rows = _Rows(file)
    index = pd.Index(expected.shown)
    there = np.zeros(len(index), dtype=bool)
    seen = np.zeros(len(expected.start_frame), dtype=bool)
    strangers: dict[str, int] = {}
    counts = np.diff(expected.offsets)
    ending: list[str] = []
    try:
        for batch in file.batches(most):
            bad = _cells(rows, batch)
            rows.add(
                "NaN or infinite values",
                "leave a window out that cannot be embedded",
                np.flatnonzero(~np.isfinite(batch.values).all(axis=1) & ~bad),
                _of(batch),
                batch.first,
            )
            video = index.get_indexer(pd.Index(batch.key, dtype=object))
            for stranger in batch.key[video < 0]:
                strangers[stranger] = strangers.get(stranger, 0) + 1
            there[video[video >= 0]] = True
            known = (video >= 0) & ~bad
            window = batch.window
            inside = known & (window >= 0) & (window < counts[video])
            rows.add(
                "windows that the protocol does not have",
                "windows of a video count from 0 and are those of `nvfair embed`",
                np.flatnonzero(known & ~inside),
                lambda row, b=batch, v=video: (
                    f" (video {shown(b.key[row])}, window {b.window[row]} of {counts[v[row]]})"
                ),
                batch.first,
            )
            place = expected.offsets[video] + np.where(inside, window, 0)
            begins = expected.start_frame[np.minimum(place, len(expected.start_frame) - 1)]
            rows.add(
                "windows that begin elsewhere than the protocol's",
                f"embed at {expected.protocol.time.fps} frames a second with a stride of {expected.protocol.time.stride}",
                np.flatnonzero(inside & (begins != batch.start_frame)),
                lambda row, b=batch, s=begins: (
                    f" (video {shown(b.key[row])}, window {b.window[row]}: frame {b.start_frame[row]}, not {s[row]})"
                ),
                batch.first,
            )
            again = _repeated(place, inside, seen)
            rows.add(
                "rows that repeat a window",
                "keep one of each",
                again,
                lambda row, b=batch: f" (video {shown(b.key[row])}, window {b.window[row]})",
                batch.first,
            )
    except Problems as error:
        ending = list(error.problems)
    yield from rows.problems()
    yield from ending
    missing = expected.shown[~there]
    if len(missing) and not ending:
        yield (
            f"{file.name}: {len(missing)} of {len(index)} videos are missing, such as "
            f"{', '.join(missing[:_SHOWN])}; embed every reenactment of the test people"
        )
    yield from _unknown(file, strangers, "videos are not to be tested")


def _trials(file: RowFile, expected: Expected, generators: list[str], most: int) -> Iterator[str]:
    """Problems of the rows of scores."""
    rows = _Rows(file)
    keys = expected.trial_keys(generators)
    seen = np.zeros(len(keys), dtype=bool)
    strangers: dict[str, int] = {}
    backwards = 0
    ending: list[str] = []
    try:
        for batch in file.batches(most):
            bad = _cells(rows, batch)
            values = batch.values[:, 0]
            rows.add(
                "scores that are NaN or plus infinity",
                "give a number, larger for more alike; minus infinity (-inf) stands for no match",
                np.flatnonzero((np.isnan(values) | (values == np.inf)) & ~bad),
                _of(batch),
                batch.first,
            )
            place, found, turned = trial_places(batch.key, expected, keys)
            backwards += int(turned.sum())
            for stranger in batch.key[~found & ~turned]:
                strangers[stranger] = strangers.get(stranger, 0) + 1
            rows.add(
                "rows that repeat a trial", "keep one of each", _repeated(place, found, seen), _of(batch), batch.first
            )
    except Problems as error:
        ending = list(error.problems)
    yield from rows.problems()
    yield from ending
    if backwards:
        yield f"{file.name}: {backwards} trials name their videos in the wrong order; turn them round (first|second)"
    missing = keys[~seen]
    if len(missing) and not ending:
        count = len(expected.videos)
        named = [f"{expected.shown[key // count]}|{expected.shown[key % count]}" for key in missing[:_SHOWN]]
        yield (
            f"{file.name}: {len(missing)} of {len(keys)} trials have no score, such as {', '.join(named)}; score every "
            "trial of the protocol; minus infinity stands for no match"
        )
    yield from _unknown(file, strangers, f"trials are none of {expected.protocol.name}'s")


def trial_places(names: np.ndarray, expected: Expected, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places (n,) of named trials among `keys`, whether each is there (n,), and whether it would be turned round (n,)."""
    parts = [name.split("|", 1) if name.count("|") == 1 else ("", "") for name in names]
    index = pd.Index(expected.shown)
    first, second = (
        index.get_indexer(pd.Index([part[n] for part in parts], dtype=object)).astype(np.int64) for n in (0, 1)
    )
    both = (first >= 0) & (second >= 0)

    def places(pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        number = expected.keys_of(pairs)
        place = np.minimum(np.searchsorted(keys, number), max(len(keys) - 1, 0))
        return place, both & (keys[place] == number if len(keys) else np.zeros(len(number), dtype=bool))

    place, found = places(np.column_stack([first, second]))
    _, turned = places(np.column_stack([second, first]))
    return place, found, turned & ~found


def _repeated(place: np.ndarray, valid: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Rows (of those that are `valid`) whose place was there before; marks all in `seen`."""
    rows = np.flatnonzero(valid)
    mine = place[rows]
    _, once = np.unique(mine, return_index=True)
    again = np.ones(len(rows), dtype=bool)
    again[once] = False
    again |= seen[mine]
    seen[mine] = True
    return rows[again]


def _unknown(file: RowFile, strangers: dict[str, int], what: str) -> Iterator[str]:
    if strangers:
        named = ", ".join(shown(name) for name in list(strangers)[:_SHOWN])
        yield f"{file.name}: {len(strangers)} {what}, such as {named}; leave them out"
