"""Sets of pairs of videos: all pairs of two lists of videos, or those that a condition on driver and clip keeps.

Legend: N videos of the table, E first and P second videos, K pairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

DriverCondition = Literal["any", "same", "other"]
ClipCondition = Literal["any", "other", "same"]


@dataclass(frozen=True)
class VideoCodes:
    """Numbers in place of names: the driver and the clip of each video (N,). Equal numbers stand for equal names."""

    driver: np.ndarray
    clip: np.ndarray


@dataclass(frozen=True)
class PairProduct:
    """Pairs of each `first` (E,) with each `second` (P,) video, ordered by first, then second.

    unordered: both lists are the same videos, and each unordered pair counts once, in their order. driver, clip: how
    driver and clip of the two videos must compare; pairs of other drivers are never distinguished by clip.
    """

    first: np.ndarray
    second: np.ndarray
    codes: VideoCodes
    unordered: bool = False
    driver: DriverCondition = "any"
    clip: ClipCondition = "any"

    @property
    def pairs(self) -> np.ndarray:
        """All pairs (K, 2), int32 positions in the table."""
        first, second, codes = self.first, self.second, self.codes
        if not self.unordered and self.driver == self.clip == "any":
            return np.stack([np.repeat(first, len(second)), np.tile(second, len(first))], axis=1)
        keep = np.ones((len(first), len(second)), dtype=bool)
        if self.unordered:
            keep &= np.arange(len(second)) > np.arange(len(first))[:, None]
        if self.driver != "any":
            keep &= (codes.driver[first][:, None] == codes.driver[second]) == (self.driver == "same")
        if self.clip != "any":
            keep &= (codes.clip[first][:, None] == codes.clip[second]) == (self.clip == "same")
        row, column = np.nonzero(keep)
        return np.stack([first[row], second[column]], axis=1)

    def count(self) -> int:
        """Number of pairs, from the sizes of groups alone: no pair is made."""
        if self.clip == "same":
            return self._count_equal(self.codes.clip)
        size = len(self.first)
        total = size * (size - 1) // 2 if self.unordered else size * len(self.second)
        if self.driver == "other":
            return total - self._count_equal(self.codes.driver)
        if self.driver == "same":
            total = self._count_equal(self.codes.driver)
        return total - (self._count_equal(self.codes.clip) if self.clip == "other" else 0)

    def _count_equal(self, code: np.ndarray) -> int:
        """Number of pairs whose videos have the same code (N,)."""
        size = int(code.max(initial=0)) + 1
        first_counts = np.bincount(code[self.first], minlength=size).astype(np.int64)
        if self.unordered:
            return int((first_counts * (first_counts - 1) // 2).sum())
        return int((first_counts * np.bincount(code[self.second], minlength=size)).sum())


@dataclass(frozen=True)
class PairList:
    """Pairs (K, 2) that are written out, for trials too few to be worth a rule."""

    pairs: np.ndarray

    def count(self) -> int:
        """The number of pairs, K."""
        return len(self.pairs)
