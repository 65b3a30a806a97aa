"""Whether names and faces agree: people under two names, names with two people, clips whose name is confirmed.

Legend: N clips, D embedding size.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_AT_ONCE = 4096  # clips, or people, compared with everybody at a time


@dataclass(frozen=True)
class TwoNames:
    """Two names whose faces look like one person's. cosine: that of their mean embeddings."""

    first: str
    second: str
    cosine: float


@dataclass(frozen=True)
class TwoPeople:
    """A name whose clips look like several people's. groups: places of the clips that look alike, the largest first.
    cosine: the greatest of two clips of different groups."""

    name: str
    groups: tuple[tuple[int, ...], ...]
    cosine: float


@dataclass(frozen=True)
class PeopleComparison:
    """The comparison of N clips' faces with their names.

    group: int (N,), 0 for the largest group of the name's clips that look alike, 1 and more for others. confirmed: bool
    (N,), whether the clip belongs to a group that holds more than half of the name's clips, and not alone. own_cosine:
    (N,) with the mean of the name's other clips, NaN for an only clip. nearest: (N,) the most similar other name, ""
    where there is none; nearest_cosine: (N,) with its mean.
    """

    group: np.ndarray
    confirmed: np.ndarray
    own_cosine: np.ndarray
    nearest: tuple[str, ...]
    nearest_cosine: np.ndarray
    two_names: tuple[TwoNames, ...]
    two_people: tuple[TwoPeople, ...]


def compare_people(
    embeddings: np.ndarray, names: Sequence[str], *, confirm: float = 0.3, two_names: float = 0.4
) -> PeopleComparison:
    """Compares the faces of clips with the names that they are listed under.

    embeddings: unit vectors (N, D), one of each clip. names: (N,). confirm: two clips of a name with at least this
    cosine are taken for one person's, and so are clips that others connect. two_names: from this cosine of the means of
    their largest groups on, two names are taken for one person's.
    """
    vectors = np.asarray(embeddings, dtype=np.float32)
    places: dict[str, list[int]] = defaultdict(list)
    for place, name in enumerate(names):
        places[name].append(place)
    group = np.zeros(len(vectors), dtype=np.int32)
    confirmed = np.zeros(len(vectors), dtype=bool)
    own_cosine = np.full(len(vectors), np.nan, dtype=np.float32)
    two_people = []
    centres = []
    for name, own in sorted(places.items()):
        cosines = vectors[own] @ vectors[own].T
        groups = _connected(cosines >= confirm)
        for number, members in enumerate(groups):
            group[[own[member] for member in members]] = number
        confirmed[[own[member] for member in groups[0]]] = len(groups[0]) > max(1, len(own) / 2)
        if len(own) > 1:
            others = _unit(vectors[own].sum(axis=0) - vectors[own])
            own_cosine[own] = (vectors[own] * others).sum(axis=1)
        if len(groups) > 1:
            apart = np.not_equal.outer(group[own], group[own])
            places_of_groups = tuple(tuple(own[member] for member in members) for members in groups)
            two_people.append(TwoPeople(name, places_of_groups, float(cosines[apart].max())))
        centres.append(vectors[[own[member] for member in groups[0]]].mean(axis=0))
    people = sorted(places)
    means = _unit(np.stack(centres)) if centres else np.empty((0, 1), dtype=np.float32)
    nearest, nearest_cosine = _nearest_others(vectors, names, means, people)
    return PeopleComparison(
        group,
        confirmed,
        own_cosine,
        nearest,
        nearest_cosine,
        _names_of_one(means, people, two_names),
        tuple(two_people),
    )


def _connected(alike: np.ndarray) -> list[list[int]]:
    """The groups of members that are connected, the largest first, each in ascending order. alike: bool (K, K)."""
    remaining = set(range(len(alike)))
    groups = []
    while remaining:
        group, waiting = set(), {min(remaining)}
        while waiting:
            member = waiting.pop()
            group.add(member)
            waiting |= set(np.flatnonzero(alike[member]).tolist()) - group
        remaining -= group
        groups.append(sorted(group))
    return sorted(groups, key=lambda members: (-len(members), members[0]))


def _nearest_others(
    vectors: np.ndarray, names: Sequence[str], means: np.ndarray, people: Sequence[str]
) -> tuple[tuple[str, ...], np.ndarray]:
    """The most similar other name of each clip, and the cosine with its mean."""
    if len(people) < 2:
        return ("",) * len(vectors), np.full(len(vectors), np.nan, dtype=np.float32)
    number = {name: place for place, name in enumerate(people)}
    own = np.array([number[name] for name in names])
    nearest: list[str] = []
    cosines = []
    for start in range(0, len(vectors), _AT_ONCE):
        similarity = vectors[start : start + _AT_ONCE] @ means.T
        similarity[np.arange(len(similarity)), own[start : start + _AT_ONCE]] = -np.inf
        best = similarity.argmax(axis=1)
        nearest += [people[place] for place in best]
        cosines.append(similarity[np.arange(len(similarity)), best])
    return tuple(nearest), np.concatenate(cosines)


def _names_of_one(means: np.ndarray, people: Sequence[str], least: float) -> tuple[TwoNames, ...]:
    """The pairs of names whose means are so similar, the most similar first."""
    pairs = []
    for start in range(0, len(people), _AT_ONCE):
        similarity = means[start : start + _AT_ONCE] @ means.T
        for row, column in np.argwhere(similarity >= least):
            if start + row < column:
                cosine = float(similarity[row, column])
                pairs.append(TwoNames(people[start + row], people[column], cosine))
    return tuple(sorted(pairs, key=lambda pair: (-pair.cosine, pair.first, pair.second)))


def _unit(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)
