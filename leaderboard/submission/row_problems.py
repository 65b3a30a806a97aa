"""Problems of the rows of a file of embeddings or scores, compared with the rows that the protocol expects.

Legend: n rows of a batch, W windows and T trials that the protocol expects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd

from leaderboard.submission.open_rows import read_batches
from leaderboard.submission.row_file import RowBatch, RowFile
from leaderboard.submission.test_set import ExpectedRows
from leaderboard.submission.untrusted_text import quoted
from nvfair_tools.errors import Problems
from nvfair_tools.quantities import count_text

_EXAMPLES = 3  # rows or names that a problem lists

RowDescription = Callable[[int], str]  # of a row by its position in the batch


class _ProblemRows:
    """Rows of one file with problems, counted by kind; the first few of each are described."""

    def __init__(self, file: RowFile) -> None:
        self._file = file
        self._counts: dict[tuple[str, str], int] = {}
        self._examples: dict[tuple[str, str], list[str]] = {}

    def add(self, problem: str, remedy: str, rows: np.ndarray, describe: RowDescription, first_row: int) -> None:
        """Counts `rows` (positions within a batch that begins at row `first_row`)."""
        if not len(rows):
            return
        kind = problem, remedy
        self._counts[kind] = self._counts.get(kind, 0) + len(rows)
        examples = self._examples.setdefault(kind, [])
        for row in rows[: max(0, _EXAMPLES - len(examples))]:
            examples.append(f"{self._file.location(first_row + int(row))}{describe(int(row))}")

    def problems(self) -> Iterator[str]:
        """One line for each kind of problem."""
        for (problem, remedy), count in self._counts.items():
            examples = self._examples[problem, remedy]
            more = f" and {count - len(examples)} more" if count > len(examples) else ""
            yield f"{self._file.name}: {problem}: {'; '.join(examples)}{more}; {remedy}"


def window_problems(file: RowFile, expected: ExpectedRows, max_rows: int) -> Iterator[str]:
    """Problems of the rows of a file of embeddings, one line for each kind."""
    rows = _ProblemRows(file)
    index = pd.Index(expected.public_ids)
    video_seen = np.zeros(len(index), dtype=bool)
    window_seen = np.zeros(len(expected.start_frame), dtype=bool)
    unknown_videos: dict[str, int] = {}
    reading_problems: list[str] = []
    try:
        for batch in read_batches(file, max_rows):
            video = index.get_indexer(pd.Index(batch.names, dtype=object))
            _count_names(unknown_videos, batch.names[video < 0])
            video_seen[video[video >= 0]] = True
            _add_window_problems(rows, batch, video, expected, window_seen)
    except Problems as error:
        reading_problems = list(error.problems)
    yield from rows.problems()
    yield from reading_problems
    missing = expected.public_ids[~video_seen]
    if len(missing) and not reading_problems:
        yield (
            f"{file.name}: missing: {len(missing):,} of {count_text(len(index), 'video')}, such as "
            f"{', '.join(missing[:_EXAMPLES])}; embed every reenactment of the test people"
        )
    yield from _unknown_names(file, unknown_videos, "videos that are not to be tested")


def trial_problems(file: RowFile, expected: ExpectedRows, cells: Sequence[str], max_rows: int) -> Iterator[str]:
    """Problems of the rows of a file of scores, one line for each kind. cells: those whose trials must be scored."""
    rows = _ProblemRows(file)
    keys = expected.trial_keys(cells)
    trial_seen = np.zeros(len(keys), dtype=bool)
    unknown_trials: dict[str, int] = {}
    reversed_count = 0
    reading_problems: list[str] = []
    try:
        for batch in read_batches(file, max_rows):
            has_bad_cell = _add_cell_problems(rows, batch)
            scores = batch.values[:, 0]
            rows.add(
                "scores that are NaN or plus infinity",
                "give a number, larger for more alike; minus infinity (-inf) stands for no match",
                np.flatnonzero((np.isnan(scores) | (scores == np.inf)) & ~has_bad_cell),
                _name_description(batch),
                batch.first_row,
            )
            position, is_known, is_reversed = trial_positions(batch.names, expected, keys)
            reversed_count += int(is_reversed.sum())
            _count_names(unknown_trials, batch.names[~is_known & ~is_reversed])
            repeated = _repeated_rows(position, is_known, trial_seen)
            rows.add(
                "rows that repeat a trial", "keep one of each", repeated, _name_description(batch), batch.first_row
            )
    except Problems as error:
        reading_problems = list(error.problems)
    yield from rows.problems()
    yield from reading_problems
    if reversed_count:
        yield (
            f"{file.name}: {count_text(reversed_count, 'trial')} with the videos in the wrong order; turn them round "
            "(first|second)"
        )
    missing = keys[~trial_seen]
    if len(missing) and not reading_problems:
        yield (
            f"{file.name}: without a score: {len(missing):,} of {count_text(len(keys), 'trial')}, such as "
            f"{', '.join(expected.trial_names(missing[:_EXAMPLES]))}; score every trial of the protocol; minus "
            "infinity stands for no match"
        )
    yield from _unknown_names(file, unknown_trials, f"trials that are none of {expected.protocol.name}'s")


def trial_positions(
    names: np.ndarray, expected: ExpectedRows, keys: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Looks up trials by name: (position among `keys`, whether it is there, whether it is there reversed), (n,) each.

    names: (n,) of str, `first|second`. keys: sorted keys of the expected trials (T,). The position of a trial that is
    not there means nothing.
    """
    parts = [name.split("|", 1) if name.count("|") == 1 else ("", "") for name in names]
    index = pd.Index(expected.public_ids)
    first, second = (
        index.get_indexer(pd.Index([part[side] for part in parts], dtype=object)).astype(np.int64) for side in (0, 1)
    )
    both_known = (first >= 0) & (second >= 0)

    def look_up(pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        pair_keys = expected.keys_of(pairs)
        # searchsorted gives T for keys beyond the last one.
        position = np.minimum(np.searchsorted(keys, pair_keys), max(len(keys) - 1, 0))
        is_there = keys[position] == pair_keys if len(keys) else np.zeros(len(pair_keys), dtype=bool)
        return position, both_known & is_there

    position, is_known = look_up(np.column_stack([first, second]))
    _, is_reversed = look_up(np.column_stack([second, first]))
    return position, is_known, is_reversed & ~is_known


def _add_window_problems(
    rows: _ProblemRows, batch: RowBatch, video: np.ndarray, expected: ExpectedRows, window_seen: np.ndarray
) -> None:
    """Adds the problems of a batch of embeddings.

    video: (n,) position among the expected videos, -1 for an unknown one. window_seen: (W,) which windows have come;
    those of the batch are marked.
    """
    has_bad_cell = _add_cell_problems(rows, batch)
    window_counts, time, window = np.diff(expected.offsets), expected.protocol.time, batch.window
    infinite = np.flatnonzero(~np.isfinite(batch.values).all(axis=1) & ~has_bad_cell)
    rows.add(
        "NaN or infinite values",
        "leave a window out that cannot be embedded",
        infinite,
        _name_description(batch),
        batch.first_row,
    )
    # Window numbers that the video does not have.
    is_known = (video >= 0) & ~has_bad_cell
    is_window = is_known & (window >= 0) & (window < window_counts[video])
    rows.add(
        "windows that the protocol does not have",
        "windows of a video count from 0 and are those of `nvfair embed`",
        np.flatnonzero(is_known & ~is_window),
        lambda row: f" (video {quoted(batch.names[row])}, window {window[row]} of {window_counts[video[row]]})",
        batch.first_row,
    )
    # Windows whose first frame is another than the protocol's. Rows without a window look up any one, and are masked.
    position = expected.offsets[video] + np.where(is_window, window, 0)
    first_frame = expected.start_frame[np.minimum(position, len(expected.start_frame) - 1)]
    rows.add(
        "windows that begin elsewhere than the protocol's",
        f"embed at {time.fps} frames a second with a stride of {time.stride}",
        np.flatnonzero(is_window & (first_frame != batch.start_frame)),
        lambda row: f" (video {quoted(batch.names[row])}: frame {batch.start_frame[row]}, not {first_frame[row]})",
        batch.first_row,
    )
    rows.add(
        "rows that repeat a window",
        "keep one of each",
        _repeated_rows(position, is_window, window_seen),
        lambda row: f" (video {quoted(batch.names[row])}, window {window[row]})",
        batch.first_row,
    )


def _add_cell_problems(rows: _ProblemRows, batch: RowBatch) -> np.ndarray:
    """Adds cells that hold no value of their kind; returns which rows have one, bool (n,)."""
    has_bad_cell = np.zeros(len(batch), dtype=bool)
    remedy = "every cell must hold a value; leave a row out that has none"
    for problem, positions in batch.cell_problems.items():
        rows.add(problem, remedy, positions, _name_description(batch), batch.first_row)
        has_bad_cell[positions] = True
    return has_bad_cell


def _name_description(batch: RowBatch) -> RowDescription:
    noun = "video" if len(batch.window) else "trial"
    return lambda row: f" ({noun} {quoted(batch.names[row])})"


def _repeated_rows(position: np.ndarray, is_valid: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Rows (of those that are valid) whose position came before, in this batch or an earlier one; marks all in `seen`.

    position, is_valid: (n,). seen: bool, by position.
    """
    rows = np.flatnonzero(is_valid)
    valid_positions = position[rows]
    _, first_occurrence = np.unique(valid_positions, return_index=True)
    is_repeated = np.ones(len(rows), dtype=bool)
    is_repeated[first_occurrence] = False
    is_repeated |= seen[valid_positions]
    seen[valid_positions] = True
    return rows[is_repeated]


def _count_names(counts: dict[str, int], names: np.ndarray) -> None:
    for name in names:
        counts[name] = counts.get(name, 0) + 1


def _unknown_names(file: RowFile, counts: dict[str, int], problem: str) -> Iterator[str]:
    if counts:
        examples = ", ".join(quoted(name) for name in list(counts)[:_EXAMPLES])
        yield f"{file.name}: {problem}: {len(counts):,}, such as {examples}; leave them out"
