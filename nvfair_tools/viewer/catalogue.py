"""The videos of a data set as columns of numbers, so that 400,000 of them are filtered and counted at once.

Legend: N videos, in the order of videos.parquet. A *facet* is a column to filter by; its *choices* are the values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

# Facet -> its name on the page, in the order of the page. `flags` has several values a video, the others one each.
FACETS = {
    "split": "Split",
    "kind": "Kind",
    "generator": "Generator",
    "target": "Target",
    "driver": "Driver",
    "state": "State",
    "reason": "Reason",
    "flags": "Flags",
    "source": "Collection",
    "scenario": "Scenario",
    "emotion": "Emotion",
    "motion_mode": "Motion mode",
}
# Columns to filter by that have too many values for a list on the page; other pages link to them.
LINKED = ("clip",)
NONE = "(none)"  # the choice of videos that have no value
_SEARCHED = ("video", "clip", "clip_name", "content", "detail")
# What rows are sorted by, the first column first; the last ones bring the videos of one scene together.
ORDERS = {
    "target": ("source", "target", "clip_name", "clip", "kind", "generator"),
    "driver": ("source", "driver", "clip_name", "clip", "target", "kind", "generator"),
    "clip": ("clip_name", "clip", "target", "kind", "generator"),
    "longest": ("-frames", "clip", "target", "kind", "generator"),
}
# The same by what `nvfair quality` has measured, the worst video first; a minus puts large values first.
MEASURED_ORDERS = {
    "motion": ("correlation", "clip", "target", "generator"),
    "flicker": ("-flicker_excess", "clip", "target", "generator"),
}
_MEASURED = ("correlation", "-flicker_excess")
DEFAULT_ORDER = "target"
_KEPT_QUERIES = 8  # a reader goes from video to video of one query
_KIND_ORDER = ("real", "self", "cross")


@dataclass(frozen=True)
class Query:
    """What a reader asks for: choices by facet (any of them), words that all occur, and the order of the rows."""

    choices: Mapping[str, Sequence[str]] = field(default_factory=dict)
    words: str = ""
    order: str = DEFAULT_ORDER

    def key(self) -> tuple[object, ...]:
        """What tells queries apart, to be hashed."""
        return tuple((name, tuple(values)) for name, values in sorted(self.choices.items())), self.words, self.order


@dataclass(frozen=True)
class Choice:
    """One value of a facet, with the number of videos that it would show under the other filters."""

    value: str
    count: int
    chosen: bool


@dataclass(frozen=True)
class Matches:
    """The videos of a query. rows: int64, their numbers in the query's order.

    failures: uint8 (N,), how many facets a row fails, and 2 more where it fails the words. masks: facet -> bool (N,).
    """

    rows: np.ndarray
    failures: np.ndarray
    masks: Mapping[str, np.ndarray]


class Catalogue:
    """Filters, counts, searches and sorts the rows of a table of videos, which stays as it is."""

    def __init__(self, videos: pd.DataFrame, measures: Callable[[], pd.DataFrame | None] = lambda: None) -> None:
        """measures: gives the measures of videos, by id, when they are first asked for; None where there are none."""
        self.videos, self._measures = videos, measures
        self._codes: dict[str, np.ndarray] = {}
        self._values: dict[str, list[str]] = {}
        for name in (*FACETS, *LINKED):
            if name != "flags":
                self._codes[name], self._values[name] = _encoded(videos[name])
        self._flag_rows, self._flag_codes, self._values["flags"] = _exploded(videos["flags"])
        self._number = pd.Index(videos["video"])
        self._sorted: dict[str, np.ndarray] = {}
        self._answers: dict[tuple[object, ...], Matches] = {}

    def __len__(self) -> int:
        return len(self.videos)

    @cached_property
    def orders(self) -> dict[str, tuple[str, ...]]:
        """The orders that there are: those by measures where videos have been measured."""
        return ORDERS if self._measures() is None else ORDERS | MEASURED_ORDERS

    def number(self, video: str) -> int | None:
        """The row of a video by its id; None where there is none."""
        return int(self._number.get_loc(video)) if video in self._number else None

    def rows_where(self, **values: str) -> np.ndarray:
        """The numbers of the rows that have these values, in the default order."""
        mask = np.ones(len(self), bool)
        for name, value in values.items():
            mask &= self._is_any(name, [value])
        return self._in_order(mask, DEFAULT_ORDER)

    def count_by(self, name: str, **values: str) -> list[tuple[str, int]]:
        """(value, number of videos) of a column among the rows that have other values, the values in order."""
        counts = self._counts(name, self.rows_where(**values))
        return [(value, int(count)) for value, count in zip(self._values[name], counts, strict=True) if count]

    def find(self, query: Query) -> Matches:
        """The videos of a query. Choices that are unknown match nothing. The last few answers are kept."""
        key = query.key()
        matches = self._answers.get(key)
        if matches is None:
            matches = self._find(query)
            for old in list(self._answers)[: -_KEPT_QUERIES + 1]:
                self._answers.pop(old, None)
            self._answers[key] = matches
        return matches

    def _find(self, query: Query) -> Matches:
        masks = {name: self._is_any(name, values) for name, values in query.choices.items() if values}
        failures = np.zeros(len(self), np.uint8)
        for mask in masks.values():
            failures += ~mask
        if query.words.strip():
            # Counted twice, so that the choices of a facet, which forgive one failure, obey the words too.
            failures += ~self._has_words(query.words) * np.uint8(2)
        return Matches(self._in_order(failures == 0, query.order), failures, masks)

    def choices(self, query: Query, matches: Matches, name: str) -> list[Choice]:
        """The choices of a facet with their counts under all other filters; those without a video only where chosen."""
        own = matches.masks.get(name)
        passes = matches.failures == 0 if own is None else (matches.failures == 0) | ((matches.failures == 1) & ~own)
        counts = self._counts(name, np.flatnonzero(passes))
        chosen = set(query.choices.get(name, ()))
        return [
            Choice(value, int(count), value in chosen)
            for value, count in zip(self._values[name], counts, strict=True)
            if count or value in chosen
        ]

    def _counts(self, name: str, rows: np.ndarray) -> np.ndarray:
        size = len(self._values[name])
        if name != "flags":
            return np.bincount(self._codes[name][rows], minlength=size)
        has_passed = np.zeros(len(self), bool)
        has_passed[rows] = True
        return np.bincount(self._flag_codes[has_passed[self._flag_rows]], minlength=size)

    def _is_any(self, name: str, values: Iterable[str]) -> np.ndarray:
        chosen = set(values)
        codes = [code for code, value in enumerate(self._values.get(name, ())) if value in chosen]
        if name in self._codes:
            is_chosen = np.zeros(len(self._values[name]), bool)
            is_chosen[codes] = True
            return is_chosen[self._codes[name]]
        mask = np.zeros(len(self), bool)
        if name == "flags":
            mask[self._flag_rows[np.isin(self._flag_codes, codes)]] = True
        return mask

    def _has_words(self, words: str) -> np.ndarray:
        mask = np.ones(len(self), bool)
        for word in words.lower().split():
            has_word = np.zeros(len(self), bool)
            for text in self._texts:
                has_word |= pc.match_substring(text, word).to_numpy(zero_copy_only=False)
            for name in ("target", "driver", "generator", "reason"):
                is_match = np.array([word in value.lower() for value in self._values[name]])
                has_word |= is_match[self._codes[name]]
            mask &= has_word
        return mask

    @cached_property
    def _texts(self) -> list[pa.Array]:
        return [pc.utf8_lower(pc.fill_null(_text_array(self.videos[name]), "")) for name in _SEARCHED]

    def _in_order(self, mask: np.ndarray, order: str) -> np.ndarray:
        """The numbers of the rows of a mask in an order; unknown orders are the default one."""
        order = order if order in self.orders else DEFAULT_ORDER
        if order not in self._sorted:
            # lexsort takes the last key first, and is stable: rows that are alike stay in the table's order.
            self._sorted[order] = np.lexsort([self._key(name) for name in reversed(self.orders[order])])
        return self._sorted[order][mask[self._sorted[order]]]

    def _key(self, name: str) -> np.ndarray:
        if name == "kind":
            places = {kind: place for place, kind in enumerate(_KIND_ORDER)}
            return np.array([places.get(value, len(places)) for value in self._values[name]])[self._codes[name]]
        if name == "-frames":
            return -self.videos["frames"].fillna(-1).to_numpy(np.int64)
        if name in _MEASURED:
            measures = self._measures()
            assert measures is not None
            values = measures[name.removeprefix("-")].reindex(self.videos["video"]).to_numpy(np.float64)
            # What was not measured comes last, as NaN does for lexsort.
            return -values if name.startswith("-") else values
        return self._codes[name] if name in self._codes else _encoded(self.videos[name])[0]


def _encoded(column: pd.Series | pa.Array) -> tuple[np.ndarray, list[str]]:
    """(int64 codes (N,), the values in alphabetical order); empty and missing values are NONE, which comes last."""
    array = _text_array(column).dictionary_encode()
    values = [value or NONE for value in array.dictionary.to_pylist()] + [NONE]
    codes = array.indices.fill_null(len(values) - 1).to_numpy(zero_copy_only=False).astype(np.int64)
    ordered = sorted(set(values), key=lambda value: (value == NONE, value))
    place = {value: number for number, value in enumerate(ordered)}
    return np.array([place[value] for value in values], np.int64)[codes], ordered


def _exploded(column: pd.Series) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """(rows, codes, values) of a column of lists: one entry a value; an empty list is one NONE."""
    lists = pa.array(column, pa.list_(pa.string()), from_pandas=True)
    rows = pc.list_parent_indices(lists).to_numpy(zero_copy_only=False).astype(np.int64)
    empty = np.setdiff1d(np.arange(len(lists)), rows)
    codes, values = _encoded(pc.list_flatten(lists))
    return np.concatenate([rows, empty]), np.concatenate([codes, np.full(len(empty), len(values) - 1)]), values


def _text_array(column: pd.Series | pa.Array) -> pa.Array:
    """A column of texts as one Arrow array; missing values are null."""
    array = column if isinstance(column, pa.Array) else pa.array(column, from_pandas=True)
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    return array.cast(pa.large_string())
