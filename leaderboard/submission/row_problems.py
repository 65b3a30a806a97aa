"""What is wrong with the rows of a file of embeddings or scores, measured against what the protocol expects.

Legend: n rows of a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from leaderboard.submission.open_rows import read_batches
from leaderboard.submission.row_file import Batch, RowFile
from leaderboard.submission.test_set import ExpectedRows
from leaderboard.submission.untrusted_text import quoted
from nvfair_tools.errors import Problems

_SHOWN = 3


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
    return lambda row: f" ({noun} {quoted(batch.key[row])})"


def window_problems(file: RowFile, expected: ExpectedRows, most: int) -> Iterator[str]:
    """Problems of the rows of embeddings."""
    rows = _Rows(file)
    index = pd.Index(expected.public_ids)
    there = np.zeros(len(index), dtype=bool)
    seen = np.zeros(len(expected.start_frame), dtype=bool)
    strangers: dict[str, int] = {}
    ending: list[str] = []
    try:
        for batch in read_batches(file, most):
            video = index.get_indexer(pd.Index(batch.key, dtype=object))
            for stranger in batch.key[video < 0]:
                strangers[stranger] = strangers.get(stranger, 0) + 1
            there[video[video >= 0]] = True
            _windows(rows, batch, video, expected, seen)
    except Problems as error:
        ending = list(error.problems)
    yield from rows.problems()
    yield from ending
    missing = expected.public_ids[~there]
    if len(missing) and not ending:
        yield (
            f"{file.name}: {len(missing)} of {len(index)} videos are missing, such as "
            f"{', '.join(missing[:_SHOWN])}; embed every reenactment of the test people"
        )
    yield from _unknown(file, strangers, "videos are not to be tested")


def _windows(rows: _Rows, batch: Batch, video: np.ndarray, expected: ExpectedRows, seen: np.ndarray) -> None:
    """Notes what is wrong with a batch of embeddings. video: (n,) place among the expected ones, -1 for strangers.
    seen: which of all windows have come; those of the batch are marked."""
    bad = _cells(rows, batch)
    counts, time, window = np.diff(expected.offsets), expected.protocol.time, batch.window
    infinite = np.flatnonzero(~np.isfinite(batch.values).all(axis=1) & ~bad)
    rows.add("NaN or infinite values", "leave a window out that cannot be embedded", infinite, _of(batch), batch.first)
    known = (video >= 0) & ~bad
    inside = known & (window >= 0) & (window < counts[video])
    rows.add(
        "windows that the protocol does not have",
        "windows of a video count from 0 and are those of `nvfair embed`",
        np.flatnonzero(known & ~inside),
        lambda row: f" (video {quoted(batch.key[row])}, window {window[row]} of {counts[video[row]]})",
        batch.first,
    )
    place = expected.offsets[video] + np.where(inside, window, 0)
    begins = expected.start_frame[np.minimum(place, len(expected.start_frame) - 1)]
    rows.add(
        "windows that begin elsewhere than the protocol's",
        f"embed at {time.fps} frames a second with a stride of {time.stride}",
        np.flatnonzero(inside & (begins != batch.start_frame)),
        lambda row: f" (video {quoted(batch.key[row])}: frame {batch.start_frame[row]}, not {begins[row]})",
        batch.first,
    )
    rows.add(
        "rows that repeat a window",
        "keep one of each",
        _repeated(place, inside, seen),
        lambda row: f" (video {quoted(batch.key[row])}, window {window[row]})",
        batch.first,
    )


def trial_problems(file: RowFile, expected: ExpectedRows, cells: list[str], most: int) -> Iterator[str]:
    """Problems of the rows of scores."""
    rows = _Rows(file)
    keys = expected.trial_keys(cells)
    seen = np.zeros(len(keys), dtype=bool)
    strangers: dict[str, int] = {}
    backwards = 0
    ending: list[str] = []
    try:
        for batch in read_batches(file, most):
            bad = _cells(rows, batch)
            values = batch.values[:, 0]
            rows.add(
                "scores that are NaN or plus infinity",
                "give a number, larger for more alike; minus infinity (-inf) stands for no match",
                np.flatnonzero((np.isnan(values) | (values == np.inf)) & ~bad),
                _of(batch),
                batch.first,
            )
            place, found, turned = trial_positions(batch.key, expected, keys)
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
        named = [f"{expected.public_ids[key // count]}|{expected.public_ids[key % count]}" for key in missing[:_SHOWN]]
        yield (
            f"{file.name}: {len(missing)} of {len(keys)} trials have no score, such as {', '.join(named)}; score every "
            "trial of the protocol; minus infinity stands for no match"
        )
    yield from _unknown(file, strangers, f"trials are none of {expected.protocol.name}'s")


def trial_positions(
    names: np.ndarray, expected: ExpectedRows, keys: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places of named trials among `keys`, whether each is there, and whether it would be turned round: (n,) each."""
    parts = [name.split("|", 1) if name.count("|") == 1 else ("", "") for name in names]
    index = pd.Index(expected.public_ids)
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
        named = ", ".join(quoted(name) for name in list(strangers)[:_SHOWN])
        yield f"{file.name}: {len(strangers)} {what}, such as {named}; leave them out"
