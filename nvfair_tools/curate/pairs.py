"""The pairs of a plan: which clip drives which face. All pairs within source and split, or a drawn part of them.

A plan has millions of pairs, so a table of them holds two whole numbers a pair; the people and clips are held once.

Legend: N pairs.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, overload

import numpy as np


@dataclass(frozen=True)
class Driver:
    """A clip that may drive, and the person in it. name: the clip's listed name, the same on every machine."""

    clip_id: str
    identity: str
    source: str
    split: str
    name: str = ""


@dataclass(frozen=True)
class Target:
    """A person whose portrait may be driven."""

    identity: str
    source: str
    split: str


@dataclass(frozen=True)
class Pair:
    """One planned reenactment: the clip of `driver` with this id moves the face of `target`."""

    clip_id: str
    driver: str
    target: str
    source: str
    split: str

    @property
    def kind(self) -> Literal["self", "cross"]:
        """The kind of reenactment: "self" where a person drives their own face, else "cross"."""
        return "self" if self.driver == self.target else "cross"


@dataclass(frozen=True, eq=False)
class PairTable(Sequence[Pair]):
    """Pairs as columns. drivers, targets: what the columns count. driver, target: int32 (N,), the places of each pair's
    clip and face in them. As a sequence, it makes each `Pair` when it is asked for."""

    drivers: tuple[Driver, ...]
    targets: tuple[Target, ...]
    driver: np.ndarray
    target: np.ndarray

    @classmethod
    def from_pairs(cls, pairs: Iterable[Pair]) -> PairTable:
        """The table of some pairs, in their order."""
        drivers: dict[Driver, int] = {}
        targets: dict[Target, int] = {}
        places = [
            (
                drivers.setdefault(Driver(pair.clip_id, pair.driver, pair.source, pair.split), len(drivers)),
                targets.setdefault(Target(pair.target, pair.source, pair.split), len(targets)),
            )
            for pair in pairs
        ]
        columns = np.array(places, np.int32).reshape(-1, 2)
        return cls(tuple(drivers), tuple(targets), columns[:, 0].copy(), columns[:, 1].copy())

    @property
    def is_self(self) -> np.ndarray:
        """Bool (N,): whether a person drives their own face."""
        people: dict[str, int] = {}
        drivers = [people.setdefault(driver.identity, len(people)) for driver in self.drivers]
        targets = [people.setdefault(target.identity, len(people)) for target in self.targets]
        return np.array(drivers, np.int32)[self.driver] == np.array(targets, np.int32)[self.target]

    def in_splits(self, splits: Iterable[str]) -> np.ndarray:
        """Bool (N,): whether a pair is of one of these splits."""
        named = set(splits)
        return np.array([driver.split in named for driver in self.drivers], bool)[self.driver]

    def count_kinds(self) -> Counter[str]:
        """How many pairs there are of each kind."""
        own = int(self.is_self.sum())
        return Counter({kind: count for kind, count in (("cross", len(self) - own), ("self", own)) if count})

    def __len__(self) -> int:
        return len(self.driver)

    @overload
    def __getitem__(self, place: int) -> Pair: ...
    @overload
    def __getitem__(self, place: slice) -> PairTable: ...
    def __getitem__(self, place: int | slice) -> Pair | PairTable:
        if isinstance(place, slice):
            return PairTable(self.drivers, self.targets, self.driver[place], self.target[place])
        driver, target = self.drivers[self.driver[place]], self.targets[self.target[place]]
        return Pair(driver.clip_id, driver.identity, target.identity, driver.source, driver.split)

    def __iter__(self) -> Iterator[Pair]:
        return (self[place] for place in range(len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(pair == another for pair, another in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]


def plan_pairs(
    drivers: Iterable[Driver],
    targets: Iterable[Target],
    *,
    cross_per_clip: Callable[[str], int | None] = lambda split: None,
    with_self: bool = True,
    seed: int = 0,
) -> PairTable:
    """Pairs every driver with every target of the same source and split, in a canonical order (by clip, then target).

    cross_per_clip: from a split to how many other people a clip drives at most (None: all). They are drawn by a hash
    of seed, clip and target, so that adding a person or a clip changes as few pairs as possible, and nothing depends on
    the order of a list. with_self: whether people also drive themselves.
    """
    ordered_drivers, ordered_targets = canonical_drivers(drivers), canonical_targets(targets)
    places_by_group = targets_by_group(ordered_targets)
    chosen = []
    for driver in ordered_drivers:
        places = places_by_group[driver.source, driver.split]
        is_self = np.array([ordered_targets[place].identity == driver.identity for place in places], bool)
        others = places[~is_self]
        limit = cross_per_clip(driver.split)
        if limit is not None and limit < len(others):
            names = [ordered_targets[place].identity for place in others]
            others = others[_drawn_first(seed, driver.clip_id, names)[:limit]]
        chosen.append(np.sort(np.concatenate([places[is_self & with_self], others])))
    return table_of(ordered_drivers, ordered_targets, chosen)


def canonical_drivers(drivers: Iterable[Driver]) -> tuple[Driver, ...]:
    """The drivers in a plan's order, each once."""
    return tuple(
        sorted(set(drivers), key=lambda driver: (driver.source, driver.split, driver.identity, driver.clip_id))
    )


def canonical_targets(targets: Iterable[Target]) -> tuple[Target, ...]:
    """The targets in a plan's order, each once."""
    return tuple(sorted(set(targets), key=lambda target: target.identity))


def targets_by_group(targets: Sequence[Target]) -> dict[tuple[str, str], np.ndarray]:
    """The places of the targets of each source and split, int32 and in order; an empty array for any other."""
    places: dict[tuple[str, str], list[int]] = defaultdict(list)
    for place, target in enumerate(targets):
        places[target.source, target.split].append(place)
    groups: dict[tuple[str, str], np.ndarray] = defaultdict(lambda: np.zeros(0, np.int32))
    groups.update({group: np.array(members, np.int32) for group, members in places.items()})
    return groups


def table_of(drivers: tuple[Driver, ...], targets: tuple[Target, ...], chosen: Sequence[np.ndarray]) -> PairTable:
    """The table in which each driver moves the targets at the places `chosen` for it."""
    counts = [len(places) for places in chosen]
    driver = np.repeat(np.arange(len(drivers), dtype=np.int32), counts)
    target = np.concatenate(chosen).astype(np.int32, copy=False) if chosen else np.zeros(0, np.int32)
    return PairTable(drivers, targets, driver, target)


def _drawn_first(seed: int, clip_id: str, targets: Sequence[str]) -> np.ndarray:
    """The places of `targets` in the order in which a clip draws them."""
    begun = hashlib.sha256(f"{seed}\n{clip_id}\n".encode())
    digests = []
    for target in targets:
        state = begun.copy()
        state.update(target.encode())
        digests.append(state.digest())
    # A digest of 32 bytes as four numbers, so that they sort as the bytes do.
    words = np.frombuffer(b"".join(digests), ">u8").reshape(-1, 4)
    return np.lexsort(words.T[::-1])
