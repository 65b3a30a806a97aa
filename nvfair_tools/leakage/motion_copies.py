"""Finding the videos of a data set that show one motion, whatever they are called, by their motion hashes.

Windows around anchors are compared as matrix products, block by block, so that ten thousand videos take seconds. Where
two windows are alike, the two signals are laid over each other at that offset, and their whole overlap is compared.

Legend: N videos, A windows of all videos together, P pairs of windows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nvfair_tools.leakage.motion_hash import SHORTEST, STEP, SYMMETRIC, MotionHash

MOST_DISTANCE = 0.3  # 1 - correlation of the overlap up to which two videos are copies: see docs/leakage.md
_LEAST_ALIKE = 0.65  # correlation of two windows from which on the signals are compared
_ROWS = 2048  # windows of one block
_NEARBY = 3  # samples by which an anchor may be misplaced
_MOST_TRIED = 4  # offsets that are tried for a pair of videos


@dataclass(frozen=True)
class MotionCopy:
    """Two videos with the same motion.

    first, second: their numbers, first < second. distance: 1 - correlation of the overlap. offset: seconds by which the
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
    for (first, second), tries in _candidates(hashes).items():
        former, latter = hashes[first], hashes[second]
        assert former is not None
        assert latter is not None
        aligned = [_align(former.signal, latter.signal, shift, mirrored) for shift, mirrored in tries]
        distance, shift, overlap, mirrored = min(aligned)
        if distance <= most:
            copies.append(MotionCopy(first, second, distance, shift * STEP, overlap * STEP, mirrored))
    return sorted(copies, key=lambda copy: (copy.first, copy.second))


def _candidates(hashes: Sequence[MotionHash | None]) -> dict[tuple[int, int], list[tuple[int, bool]]]:
    """For each pair of videos with windows alike, the (shift in samples, mirrored) to try, the likeliest first."""
    tries: dict[tuple[int, int], list[tuple[float, int, bool]]] = {}
    for likeness, first, second, shift, mirrored in _alike_windows(hashes):
        rows = zip(likeness.tolist(), first.tolist(), second.tolist(), shift.tolist(), mirrored.tolist(), strict=True)
        for alike, former, latter, samples, is_mirrored in rows:
            tries.setdefault((former, latter), []).append((-alike, samples, is_mirrored))
    return {
        pair: [(samples, mirrored) for _, samples, mirrored in sorted(of_pair)[:_MOST_TRIED]]
        for pair, of_pair in tries.items()
    }


def _alike_windows(hashes: Sequence[MotionHash | None]) -> Iterator[tuple[np.ndarray, ...]]:
    """Yields pairs of alike windows of two videos as columns (P,): likeness, the videos' numbers (the lower first),
    shift in samples, mirrored."""
    present = [(number, value) for number, value in enumerate(hashes) if value is not None and len(value.anchors)]
    if not present:
        return
    windows = np.concatenate([value.windows for _, value in present])
    video = np.repeat([number for number, _ in present], [len(value.anchors) for _, value in present])
    anchor = np.concatenate([value.anchors for _, value in present])
    split = windows.shape[1] * SYMMETRIC // (present[0][1].signal.shape[1])
    even, odd = np.ascontiguousarray(windows[:, :split]), np.ascontiguousarray(windows[:, split:])
    for start in range(0, len(windows), _ROWS):
        rows = slice(start, start + _ROWS)
        for other in range(start, len(windows), _ROWS):
            columns = slice(other, other + _ROWS)
            unsigned = even[rows] @ even[columns].T
            signed = odd[rows] @ odd[columns].T
            # A mirror changes the sign of the second product alone, so that both ways are tried at once.
            likeness = unsigned + np.abs(signed)
            row, column = np.nonzero(likeness >= _LEAST_ALIKE)
            first, second = row + start, column + other
            ordered = video[first] < video[second]
            row, column, first, second = row[ordered], column[ordered], first[ordered], second[ordered]
            if len(first):
                yield (
                    likeness[row, column],
                    video[first],
                    video[second],
                    anchor[first] - anchor[second],
                    signed[row, column] < 0,
                )


def _align(first: np.ndarray, second: np.ndarray, shift: int, mirrored: bool) -> tuple[float, int, int, bool]:
    """The least (distance, shift, samples that overlap, mirrored) of two signals (S, C) near a shift: the sample n of
    the second lies on the sample n + shift of the first. The distance is 2 where they overlap too little."""
    sign = np.where(np.arange(first.shape[1]) < SYMMETRIC, 1.0, -1.0 if mirrored else 1.0).astype(np.float32)
    best = (2.0, shift, 0, mirrored)
    for trial in range(shift - _NEARBY, shift + _NEARBY + 1):
        begin, end = max(0, trial), min(len(first), len(second) + trial)
        if (end - begin) * STEP < SHORTEST - 1e-6:
            continue
        under, over = first[begin:end], second[begin - trial : end - trial] * sign
        norms = float(np.linalg.norm(under) * np.linalg.norm(over))
        distance = 1.0 - float((under * over).sum()) / norms if norms > 0 else 2.0
        best = min(best, (distance, trial, end - begin, mirrored))
    return best
