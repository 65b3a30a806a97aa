"""Pairs of a first and a second video, all of a product or those that a condition keeps: made, and counted.

Legend: N videos of the table, E first and P second videos of a product, K pairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Driver = Literal["any", "same", "other"]
Clip = Literal["any", "other", "same"]


@dataclass(frozen=True)
class Codes:
    """Numbers that stand for names: driver of each video (N,), and driver and clip, equal where the names are."""

    driver: np.ndarray
    clip: np.ndarray


@dataclass(frozen=True)
class Product:
    """Pairs of `first` (E,) with `second` (P,), by first then second.

    once: both are the same videos, of which each unordered pair counts once, in their order. driver, clip: how the
    two must stand to each other; pairs of other drivers are never told apart by clip.
    """

    first: np.ndarray
    second: np.ndarray
    codes: Codes
    once: bool = False
    driver: Driver = "any"
    clip: Clip = "any"

    @property
    def pairs(self) -> np.ndarray:
        """All pairs (K, 2), int32 positions in the table."""
        first, second = self.first, self.second
        if not self.once and self.driver == self.clip == "any":
            return np.stack([np.repeat(first, len(second)), np.tile(second, len(first))], axis=1)
        keep = np.ones((len(first), len(second)), dtype=bool)
        if self.once:
            keep &= np.arange(len(second)) > np.arange(len(first))[:, None]
        if self.driver != "any":
            keep &= (self.codes.driver[first][:, None] == self.codes.driver[second]) == (self.driver == "same")
        if self.clip != "any":
            keep &= (self.codes.clip[first][:, None] == self.codes.clip[second]) == (self.clip == "same")
        row, column = np.nonzero(keep)
        return np.stack([first[row], second[column]], axis=1)

    def count(self) -> int:
        """How many there are, from the sizes of groups alone."""
        if self.clip == "same":
            return self._within(self.codes.clip)
        size = len(self.first)
        total = size * (size - 1) // 2 if self.once else size * len(self.second)
        if self.driver == "other":
            return total - self._within(self.codes.driver)
        if self.driver == "same":
            total = self._within(self.codes.driver)
        return total - (self._within(self.codes.clip) if self.clip == "other" else 0)

    def _within(self, code: np.ndarray) -> int:
        """Pairs of equal code."""
        size = int(code.max(initial=0)) + 1
        counts = np.bincount(code[self.first], minlength=size).astype(np.int64)
        if self.once:
            return int((counts * (counts - 1) // 2).sum())
        return int((counts * np.bincount(code[self.second], minlength=size)).sum())


@dataclass(frozen=True)
class PairList:
    """Pairs (K, 2) that are written out, for trials too few to be worth a rule."""

    pairs: np.ndarray

    def count(self) -> int:
        """Number of pairs."""
        return len(self.pairs)
