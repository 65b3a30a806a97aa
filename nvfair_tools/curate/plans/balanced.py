"""A sparse, balanced plan: every clip moves few faces, faces are moved equally often, groups of people meet evenly."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from nvfair_tools.curate.pairs import (
    Driver,
    PairTable,
    Target,
    canonical_drivers,
    canonical_targets,
    table_of,
    targets_by_group,
)


def balanced_pairs(
    drivers: Iterable[Driver],
    targets: Iterable[Target],
    *,
    cross_per_clip: Callable[[str], int | None],
    faces_per_driver: int,
    demographics: Mapping[str, str],
    with_self: bool = True,
    seed: int = 0,
) -> PairTable:
    """Plans `cross_per_clip` other faces a clip, out of `faces_per_driver` faces that its person meets in all.

    demographics: {identity: group}; people without one are a group of their own kind. Within each source and split,
    faces are given to drivers in rounds, one face a driver and round: the face that was given least often, among these
    the one whose group meets the driver's group least against what all pairs would give, then by a hash of `seed`. So
    more faces or more clips per face add pairs and take none away. A person's clips, by name, take their person's faces
    in turn. Numbers of drivers that meet a face differ by two at most where every person drives and is a face. Nothing
    depends on the order of a list.
    """
    # Clips stand in the order of their listed names, which are the same before and after files are read.
    ordered = canonical_drivers(drivers)
    faces = canonical_targets(targets)
    places_by_group = targets_by_group(faces)
    clips: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for number, driver in enumerate(ordered):
        clips[driver.source, driver.split, driver.identity].append(number)
    people: dict[tuple[str, str], list[str]] = defaultdict(list)
    for source, split, identity in clips:
        people[source, split].append(identity)
    chosen = [np.zeros(0, np.int32)] * len(ordered)
    for (source, split), identities in people.items():
        places = places_by_group[source, split]
        names = [faces[place].identity for place in places]
        met = _faces_by_driver(identities, names, faces_per_driver, demographics, seed)
        for identity in identities:
            own = [place for place, name in zip(places, names, strict=True) if with_self and name == identity]
            numbers = sorted(
                clips[source, split, identity], key=lambda number: (ordered[number].name, ordered[number].clip_id)
            )
            others = [int(places[face]) for face in met[identity]]
            limit = cross_per_clip(split)
            count = len(others) if limit is None else min(limit, len(others))
            for turn, number in enumerate(numbers):
                taken = [others[(turn + step) % len(others)] for step in range(count)]
                chosen[number] = np.sort(np.array([*own, *taken], np.int32))
    return table_of(ordered, faces, chosen)


def _faces_by_driver(
    drivers: Sequence[str], faces: Sequence[str], count: int, demographics: Mapping[str, str], seed: int
) -> dict[str, list[int]]:
    """{driver: places of the faces that it meets, in the order of the rounds}, for one source and split."""
    groups: dict[str, int] = {}
    group_of_driver = [groups.setdefault(demographics.get(driver, ""), len(groups)) for driver in drivers]
    group_of_face = np.array([groups.setdefault(demographics.get(face, ""), len(groups)) for face in faces], int)
    free = np.array([[face != driver for face in faces] for driver in drivers], bool).reshape(len(drivers), len(faces))
    # How often each group of drivers would meet each group of faces if everyone met everyone else.
    expected = np.zeros((len(groups), len(groups)))
    for number, group in enumerate(group_of_driver):
        np.add.at(expected[group], group_of_face[free[number]], 1)
    met = np.zeros((len(groups), len(groups)))
    uses = np.zeros(len(faces), int)
    chosen: dict[str, list[int]] = {driver: [] for driver in drivers}
    for turn in range(count):
        for number in sorted(range(len(drivers)), key=lambda number: _draw(seed, turn, drivers[number])):
            candidates = np.flatnonzero(free[number])
            if not len(candidates):
                continue
            # A little freedom in how often faces are used lets groups meet evenly.
            seldom = candidates[uses[candidates] <= uses[candidates].min() + 1]
            own_group = group_of_driver[number]
            # Of these, a face of the group that is furthest behind, then the one that is used least.
            behind = met[own_group, group_of_face[seldom]] / expected[own_group, group_of_face[seldom]]
            level = seldom[behind == behind.min()]
            level = level[uses[level] == uses[level].min()]
            face = min(level.tolist(), key=lambda face: _draw(seed, drivers[number], faces[face]))
            chosen[drivers[number]].append(face)
            free[number, face] = False
            uses[face] += 1
            met[own_group, group_of_face[face]] += 1
    return chosen


def demographic_groups(people: Mapping[str, Mapping[str, str]], columns: Sequence[str]) -> dict[str, str]:
    """Groups people by some columns: {identity: group}, such as "female, 30"; people without any value are left out.

    people: {identity: {column: value, "" where unknown}}.
    """
    groups = {}
    for identity, values in people.items():
        known = [values[column] or "unknown" for column in columns]
        if any(values[column] for column in columns):
            groups[identity] = ", ".join(known)
    return groups


def count_meetings(pairs: PairTable, demographics: Mapping[str, str]) -> dict[str, Counter]:
    """How often each driver and each face occurs, and each pair of groups, in the cross-reenactments of a plan.

    Returns {"drivers": {identity: pairs}, "faces": {identity: pairs}, "faces met": {driver: different faces}, "groups":
    {(driver's group, face's group): pairs}}.
    """
    cross = ~pairs.is_self
    people: dict[str, int] = {}
    person_of_clip = np.array([people.setdefault(clip.identity, len(people)) for clip in pairs.drivers], np.int32)
    counts = np.zeros((len(people), len(pairs.targets)), np.int64)
    np.add.at(counts, (person_of_clip[pairs.driver[cross]], pairs.target[cross]), 1)
    by_person = dict(zip(people, counts, strict=True))
    groups: Counter = Counter()
    for identity, row in by_person.items():
        for place in np.flatnonzero(row).tolist():
            face = pairs.targets[place].identity
            groups[demographics.get(identity, "unknown"), demographics.get(face, "unknown")] += int(row[place])
    totals = counts.sum(axis=0)
    return {
        "drivers": Counter({identity: int(row.sum()) for identity, row in by_person.items()}),
        "faces": Counter({face.identity: int(total) for face, total in zip(pairs.targets, totals, strict=True)}),
        "faces met": Counter({identity: int((row > 0).sum()) for identity, row in by_person.items()}),
        "groups": groups,
    }


def _draw(seed: int, *names: object) -> bytes:
    return hashlib.sha256("\n".join(map(str, (seed, *names))).encode()).digest()
