"""Finding the videos of a data set that show one motion, whatever they are called, by their motion hashes.

Windows around anchors are compared as matrix products, block by block. Where two windows of a pair of videos are alike
at one offset, the two signals are laid over each other there, and their whole overlap is compared.

Legend: N videos, A windows of all videos together, P pairs of windows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nvfair_tools.leakage.motion_hash import MEASURES, PARTS, SHORTEST, STEP, SYMMETRIC, MotionHash

MOST_DISTANCE = 0.3  # of the overlaps, up to which two videos are copies: see docs/leakage.md
_LEAST_ALIKE = 0.75  # correlation of two windows from which on they count
_ROWS = 2048  # windows of one block
_NEARBY = 3  # samples by which an anchor may be misplaced
_MIRROR = np.where(np.arange(MEASURES) < SYMMETRIC, 1, -1).astype(np.float32)
_WORTH_REFINING = 0.5  # distance at the windows' offset beyond which the neighbouring ones are not tried


@dataclass(frozen=True)
class MotionCopy:
    """Two videos with the same motion.

    first, second: their numbers, first < second. distance: of the overlap, 0 for the same. offset: seconds by which the
    second begins later. overlap: seconds that were compared. mirrored: whether one is the mirror image of the other.
    """

    first: int
    second: int
    distance: float
    offset: float
    overlap: float
    mirrored: bool


def find_motion_copies(hashes: Sequence[MotionHash | None], most: float = MOST_DISTANCE) -> list[MotionCopy]:
    """All pairs of videos whose motions are nearer than `most`, by number. Without a hash (None) there is no copy."""
    copies = []
    for first, second, shift in _candidates(hashes):
        former, latter = hashes[first], hashes[second]
        assert former is not None
        assert latter is not None
        distance, offset, overlap, mirrored = _align(former.signal, latter.signal, shift)
        if distance <= most:
            copies.append(MotionCopy(first, second, distance, offset * STEP, overlap * STEP, mirrored))
    return sorted(copies, key=lambda copy: (copy.first, copy.second))


def _candidates(hashes: Sequence[MotionHash | None]) -> Iterator[tuple[int, int, int]]:
    """Yields the pairs of videos with two windows alike at one offset, as (first, second, shift in samples): the offset
    of the two that are alike most."""
    present = [(number, value) for number, value in enumerate(hashes) if value is not None and len(value.anchors)]
    if not present:
        return
    counts = np.array([len(value.anchors) for _, value in present])
    windows = np.concatenate([value.windows for _, value in present])
    video = np.repeat([number for number, _ in present], counts)
    anchor = np.concatenate([value.anchors for _, value in present])
    # All windows of a video are in one block of rows, so that each block is done with once its columns are.
    ends = np.cumsum(counts)
    start = 0
    while start < len(windows):
        stop = int(ends[max(np.searchsorted(ends, start + _ROWS, "right") - 1, np.searchsorted(ends, start, "right"))])
        columns = list(_alike_windows(windows, video, start, stop))
        if columns:
            likeness, row, column = (np.concatenate(values) for values in zip(*columns, strict=True))
            pair = video[row] * len(hashes) + video[column]
            yield from _agreeing(likeness, pair, anchor[row] - anchor[column], len(hashes))
        start = stop


def _alike_windows(
    windows: np.ndarray, video: np.ndarray, start: int, stop: int
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yields alike windows of two videos as columns (P,): likeness, a row of start:stop, and a row of a later video."""
    split = windows.shape[1] * SYMMETRIC // MEASURES
    even, odd = windows[:, :split], windows[:, split:]
    for other in range(start, len(windows), _ROWS):
        columns = slice(other, other + _ROWS)
        # A mirror changes the sign of the second product alone, so that both ways are tried at once.
        likeness = even[start:stop] @ even[columns].T + np.abs(odd[start:stop] @ odd[columns].T)
        row, column = np.nonzero(likeness >= _LEAST_ALIKE)
        ordered = video[row + start] < video[column + other]
        row, column = row[ordered], column[ordered]
        yield likeness[row, column], row + start, column + other


def _agreeing(likeness: np.ndarray, pair: np.ndarray, shift: np.ndarray, videos: int) -> list[tuple[int, int, int]]:
    """The pairs (first * videos + second) that two windows name at nearly one shift, with that shift."""
    order = np.lexsort((shift, pair))
    likeness, pair, shift = likeness[order], pair[order], shift[order]
    together = np.flatnonzero((pair[1:] == pair[:-1]) & (np.diff(shift) <= _NEARBY))
    likeness, pair, shift = likeness[together] + likeness[together + 1], pair[together], shift[together]
    best = np.lexsort((-likeness, pair))
    pair, first_of_pair = np.unique(pair[best], return_index=True)
    first, second = np.divmod(pair, videos)
    return list(zip(first.tolist(), second.tolist(), shift[best][first_of_pair].tolist(), strict=True))


def _align(first: np.ndarray, second: np.ndarray, shift: int) -> tuple[float, int, int, bool]:
    """The least (distance, shift, samples that overlap, mirrored) of two signals (S, C) near a shift: the sample n of
    the second lies on the sample n + shift of the first. The distance is 2 where they overlap too little."""
    best = _laid_over(first, second, shift)
    if best[0] <= _WORTH_REFINING:
        near = (shift + step for step in range(-_NEARBY, _NEARBY + 1) if step)
        best = min(best, *(_laid_over(first, second, trial) for trial in near))
    return best


def _laid_over(first: np.ndarray, second: np.ndarray, shift: int) -> tuple[float, int, int, bool]:
    """The lesser (distance, shift, samples that overlap, mirrored) of both ways round, at one shift."""
    begin, end = max(0, shift), min(len(first), len(second) + shift)
    if (end - begin) * STEP < SHORTEST - 1e-6:
        return 2.0, shift, 0, False
    under, over = first[begin:end], second[begin - shift : end - shift]
    return min(
        (_distance(under, over * signs), shift, end - begin, mirrored)
        for mirrored, signs in ((False, 1.0), (True, _MIRROR))
    )


def _distance(first: np.ndarray, second: np.ndarray) -> float:
    """1 - the likeness of two signals (S, C) of one length: half their correlation, half the mean of the correlations
    of mouth, eyes and head.

    Takes of one sentence by one speaker are alike in the mouth, which moves most; blinks and head never are the same.
    """
    by_part = [_correlation(first[:, part], second[:, part]) for part in PARTS]
    return 1.0 - (_correlation(first, second) + sum(by_part) / len(PARTS)) / 2


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    """The correlation (without means) of all values; 0 where one signal has none."""
    norms = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float((first * second).sum()) / norms if norms > 0 else 0.0
