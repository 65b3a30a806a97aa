"""Finding the videos of a data set that show the same pictures, by their perceptual hashes, mirrored ones included.

All pairs are compared as matrix products, in blocks of videos of nearly one length.

Legend: N videos, K pictures of a video, 63 values a picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nvfair_tools.marks.perceptual_hash import MOST_APPEARANCE, MOST_MOTION, hash_values

_ROWS = 2048
_MIRRORED_SIGNS = np.where(np.arange(1, 64) % 8 % 2, -1, 1)  # of the 63 values: odd horizontal frequencies change


@dataclass(frozen=True)
class PictureCopy:
    """Two videos with the same pictures. first, second: their numbers, first < second. distance: of their motion, 0 for
    the same. mirrored: whether one is the mirror image of the other."""

    first: int
    second: int
    distance: float
    mirrored: bool


def find_picture_copies(hashes: Sequence[str]) -> list[PictureCopy]:
    """All pairs of videos that are copies by `nvfair_tools.marks.perceptual_hash`, by number. A "" has no copy."""
    numbers = np.array([number for number, text in enumerate(hashes) if text], dtype=np.int64)
    values = [hash_values(hashes[number]) for number in numbers]
    length = np.array([len(value) for value in values], dtype=np.int64)
    copies: dict[tuple[int, int], PictureCopy] = {}
    for pictures in np.unique(length):
        rows = np.flatnonzero(length == pictures)
        # A frame rate that differs moves the end by a picture at most.
        others = np.flatnonzero((length == pictures) | (length == pictures + 1))
        first = np.stack([values[row] for row in rows]).astype(np.float32)
        second = np.stack([values[row][:pictures] for row in others]).astype(np.float32)
        for start in range(0, len(rows), _ROWS):
            for other in range(0, len(others), _ROWS):
                block, columns = rows[start : start + _ROWS], others[other : other + _ROWS]
                pair = first[start : start + _ROWS], second[other : other + _ROWS]
                for copy in _copies_in(*pair, numbers[block], numbers[columns]):
                    copies[copy.first, copy.second] = copy
    return [copies[pair] for pair in sorted(copies)]


def _copies_in(first: np.ndarray, second: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> list[PictureCopy]:
    """The copies between two blocks of hashes (n, K + 1, 63), whose videos have the numbers `rows` and `columns`."""
    copies = []
    for mirrored in (False, True):
        turned = second * _MIRRORED_SIGNS if mirrored else second
        appearance = _distances(first[:, :1], turned[:, :1])
        motion = _distances(first[:, 1:], turned[:, 1:])
        for row, column in zip(*np.nonzero((appearance <= MOST_APPEARANCE) & (motion <= MOST_MOTION)), strict=True):
            former, latter = sorted((int(rows[row]), int(columns[column])))
            if former != latter:
                copies.append(PictureCopy(former, latter, float(motion[row, column]), mirrored))
    return copies


def _distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """1 - the correlation (without means) of each of (n, ...) with each of (m, ...): (n, m); 1 for zeros."""
    flat, others = first.reshape(len(first), -1), second.reshape(len(second), -1)
    norms = np.outer(np.linalg.norm(flat, axis=1), np.linalg.norm(others, axis=1))
    return 1.0 - (flat @ others.T) / np.where(norms > 0, norms, 1.0)
