"""What a recipe's lists promise, before a file is read: the pairs that people and licences permit."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from nvfair_tools.curate.finding import Finding
from nvfair_tools.curate.pairs import PairTable
from nvfair_tools.curate.usability.needs import pair_columns, protocol_findings, split_videos
from nvfair_tools.recipe.clip_list import ClipRow
from nvfair_tools.recipe.permissions import Permissions
from nvfair_tools.recipe.recipe import Recipe


def permitted_pairs(
    rows: Sequence[ClipRow], pairs: PairTable, permissions: Permissions
) -> tuple[np.ndarray, np.ndarray]:
    """Which clips may drive and which people may be faces: bool, of the plan's drivers and of its targets.

    rows: the list of clips of which `pairs` was planned.
    """
    of_people: defaultdict[str, list[ClipRow]] = defaultdict(list)
    for row in rows:
        of_people[row.identity].append(row)
    moves = {(row.identity, row.name): permissions.of_motion(row).permitted for row in rows}
    shows = {identity: permissions.of_face(of_person).permitted for identity, of_person in of_people.items()}
    may_drive = np.array([moves[driver.identity, driver.clip_id] for driver in pairs.drivers], bool)
    may_be_shown = np.array([shows[target.identity] for target in pairs.targets], bool)
    return may_drive, may_be_shown


def listed_findings(
    recipe: Recipe,
    rows: Sequence[ClipRow],
    splits: Mapping[str, str],
    pairs: PairTable,
    permissions: Permissions,
) -> list[Finding]:
    """What methods can be trained and tested on, by the lists alone: as if every clip were good enough.

    splits: {identity: split}. pairs: the plan.
    """
    may_drive, may_be_shown = permitted_pairs(rows, pairs, permissions)
    may_drive &= ~_portrait_clips(rows, pairs)
    rendered = {split for choice in recipe.generators for split in choice.splits}
    may_drive &= np.array([driver.split in rendered for driver in pairs.drivers], bool)
    chosen = may_drive[pairs.driver] & may_be_shown[pairs.target]
    return protocol_findings(split_videos(pair_columns(pairs, chosen), Counter(splits.values())), recipe)


def _portrait_clips(rows: Sequence[ClipRow], pairs: PairTable) -> np.ndarray:
    """Bool, of the plan's drivers: one clip of each person without a picture, as the portrait is taken from it and it
    does not drive then, unless it is the person's only one."""
    with_picture = {row.identity for row in rows if row.portrait}
    is_track = {(row.identity, row.name) for row in rows if row.is_track}
    counts = Counter(driver.identity for driver in pairs.drivers)
    taken: set[str] = set(with_picture)
    gives = np.zeros(len(pairs.drivers), bool)
    for number, driver in enumerate(pairs.drivers):
        if driver.identity in taken or counts[driver.identity] == 1 or (driver.identity, driver.clip_id) in is_track:
            continue
        gives[number] = True
        taken.add(driver.identity)
    return gives
