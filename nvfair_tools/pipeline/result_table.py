"""The results of a stage's planned items as columns, in the order of the plan.

Legend: N planned items, R results of them in the journal.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
import pyarrow as pa

from nvfair_tools.pipeline.id_template import pack_ids
from nvfair_tools.pipeline.items import ItemResult
from nvfair_tools.pipeline.journal import Journal

_CHUNK = 20_000  # results that are Python objects at one time
_NONE = -1


@dataclass(frozen=True, eq=False)
class ResultTable(Sequence[ItemResult | None]):
    """The results of N items, None for those without one; each is made when it is asked for.

    place: int32 (N,), each item's row in the columns below, -1 without a result. outcome: int32 (R,), places in
    `outcomes`, the different (state, reason, detail, retryable). facts: JSON texts (R,).
    """

    place: np.ndarray
    outcome: np.ndarray
    outcomes: tuple[tuple[str, str, str, bool], ...]
    facts: pa.ChunkedArray

    @property
    def exists(self) -> np.ndarray:
        """Bool (N,): whether an item has a result."""
        return self.place != _NONE

    @property
    def is_ok(self) -> np.ndarray:
        """Bool (N,): whether an item ended ok."""
        return self._where([state == "ok" for state, *_ in self.outcomes])

    @property
    def is_settled(self) -> np.ndarray:
        """Bool (N,): whether an item has a result that another run could not change."""
        return self._where([not (state == "failed" and retryable) for state, _, _, retryable in self.outcomes])

    def counts(self, items: np.ndarray | slice = slice(None)) -> dict[tuple[str, str], int]:
        """How many of the items (all, or those at these places) ended in each (state, reason)."""
        places = self.place[items]
        numbers = np.bincount(self.outcome[places[places != _NONE]], minlength=len(self.outcomes))
        counts: dict[tuple[str, str], int] = {}
        for (state, reason, _, _), count in zip(self.outcomes, numbers.tolist(), strict=True):
            if count:
                counts[state, reason] = counts.get((state, reason), 0) + count
        return counts

    def of(self, items: np.ndarray) -> ResultTable:
        """The results of these items alone. items: their places, -1 for one that is to have no result."""
        place = np.where(items == _NONE, _NONE, self.place[items]) if len(self.place) else np.full_like(items, _NONE)
        return ResultTable(place.astype(np.int32, copy=False), self.outcome, self.outcomes, self.facts)

    def known_facts(self) -> Iterator[tuple[np.ndarray, list[dict[str, Any]]]]:
        """The facts of the items that have results, in pieces: (places of items, their facts)."""
        items = np.flatnonzero(self.exists)
        items = items[np.argsort(self.place[items], kind="stable")]
        for start in range(0, len(items), _CHUNK):
            piece = items[start : start + _CHUNK]
            texts = self.facts.take(pa.array(self.place[piece])).to_pylist()
            yield piece, [json.loads(text) for text in texts]

    def __len__(self) -> int:
        return len(self.place)

    @overload
    def __getitem__(self, item: int) -> ItemResult | None: ...
    @overload
    def __getitem__(self, item: slice) -> list[ItemResult | None]: ...
    def __getitem__(self, item: int | slice) -> ItemResult | list[ItemResult | None] | None:
        if isinstance(item, slice):
            places = self.place[item]
            texts = iter(self.facts.take(pa.array(places[places != _NONE])).to_pylist())
            return [None if place == _NONE else self._result(place, next(texts)) for place in places.tolist()]
        place = int(self.place[item])
        return None if place == _NONE else self._result(place, self.facts[place].as_py())

    def __iter__(self) -> Iterator[ItemResult | None]:
        for start in range(0, len(self), _CHUNK):
            yield from self[start : start + _CHUNK]

    def _result(self, place: int, facts: str) -> ItemResult:
        state, reason, detail, retryable = self.outcomes[self.outcome[place]]
        return ItemResult(state, reason, detail, retryable, json.loads(facts))  # type: ignore[arg-type]

    def _where(self, of_outcome: Sequence[bool]) -> np.ndarray:
        known = self.exists
        values = np.zeros(len(self), bool)
        values[known] = np.array(of_outcome, bool)[self.outcome[self.place[known]]]
        return values


def read_results(journal: Journal, stage: str, ids: np.ndarray) -> ResultTable:
    """Reads the results of the items with these packed ids (N,) from a journal, in one pass over the stage."""
    order = np.argsort(ids, kind="stable")
    sorted_ids = ids[order]
    place = np.full(len(ids), _NONE, np.int32)
    outcomes: dict[tuple[str, str, str, bool], int] = {}
    numbers: list[np.ndarray] = []
    facts: list[pa.Array] = []
    count = 0
    for rows in journal.iterate_results(stage, _CHUNK) if len(ids) else ():
        stored_ids, states, reasons, details, retryables, texts = zip(*rows, strict=True)
        keys = pack_ids(stored_ids)
        at = np.minimum(np.searchsorted(sorted_ids, keys), len(ids) - 1)
        matches = np.flatnonzero(sorted_ids[at] == keys)
        if not len(matches):
            continue
        place[order[at[matches]]] = np.arange(count, count + len(matches))
        count += len(matches)
        chosen = matches.tolist()
        keyed = ((states[row], reasons[row], details[row], bool(retryables[row])) for row in chosen)
        numbers.append(np.array([outcomes.setdefault(key, len(outcomes)) for key in keyed], np.int32))
        facts.append(pa.array([texts[row] for row in chosen], pa.large_string()))
    outcome = np.concatenate(numbers) if numbers else np.zeros(0, np.int32)
    return ResultTable(place, outcome, tuple(outcomes), pa.chunked_array(facts, pa.large_string()))
