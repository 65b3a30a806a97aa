"""The pairs that a recipe asks for: all, a drawn part, a balanced part, or those of a list."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from nvfair_tools.curate.pairs import (
    Driver,
    PairTable,
    Target,
    canonical_drivers,
    canonical_targets,
    plan_pairs,
    table_of,
)
from nvfair_tools.curate.plans.balanced import balanced_pairs, demographic_groups
from nvfair_tools.errors import Problems
from nvfair_tools.quantities import count_text
from nvfair_tools.recipe.clip_list import ClipRow
from nvfair_tools.recipe.pair_list import ListedPair, read_pair_list
from nvfair_tools.recipe.recipe import Recipe


@dataclass(frozen=True)
class PlannedPairs:
    """The pairs of a plan. demographics: {identity: group} where the rule balances groups. left_out: rows of a list of
    pairs that cannot be rendered, in sentences."""

    pairs: PairTable
    demographics: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()


def plan_recipe(
    recipe: Recipe,
    drivers: Sequence[Driver],
    targets: Sequence[Target],
    rows: Sequence[ClipRow],
    splits: Mapping[str, str],
) -> PlannedPairs:
    """Plans the pairs of a recipe. drivers: clips that may drive. targets: people with a portrait. rows: all listed
    clips. splits: {identity: split}. Raises Problems where a list of pairs does not fit the list of clips."""
    rule = recipe.pairs
    if rule.file is not None:
        return _listed(recipe, drivers, targets, rows, splits)
    if rule.faces_per_driver is None:
        pairs = plan_pairs(drivers, targets, cross_per_clip=rule.cross_limit, with_self=rule.self_, seed=rule.seed)
        return PlannedPairs(pairs)
    people = {row.identity: {str(name): str(getattr(row, name)) for name in rule.balance} for row in rows}
    demographics = demographic_groups(people, rule.balance)
    pairs = balanced_pairs(
        drivers,
        targets,
        cross_per_clip=rule.cross_limit,
        faces_per_driver=rule.faces_per_driver,
        demographics=demographics,
        with_self=rule.self_,
        seed=rule.seed,
    )
    return PlannedPairs(pairs, demographics)


def plan_listed_clips(recipe: Recipe, rows: Sequence[ClipRow], splits: Mapping[str, str]) -> PlannedPairs:
    """Plans a recipe from its list of clips alone, no file of which is read: as if every clip were usable and every
    person with a video or a picture had a portrait that takes no clip away. A clip's id is its listed name.
    splits: {identity: split}."""
    drivers = [Driver(row.name, row.identity, row.source, splits[row.identity], row.name) for row in rows]
    with_face = {row.identity for row in rows if row.portrait or not row.is_track}
    targets = [
        Target(driver.identity, driver.source, driver.split) for driver in drivers if driver.identity in with_face
    ]
    return plan_recipe(recipe, drivers, targets, rows, splits)


def _listed(
    recipe: Recipe,
    drivers: Iterable[Driver],
    targets: Iterable[Target],
    rows: Sequence[ClipRow],
    splits: Mapping[str, str],
) -> PlannedPairs:
    assert recipe.pairs.file is not None
    path = recipe.resolve(recipe.pairs.file)
    listed = read_pair_list(path)
    names = _names_of_clips(rows)
    sources = {row.identity: row.source for row in rows}
    wrong: dict[str, list[ListedPair]] = defaultdict(list)
    unusable: list[ListedPair] = []
    places = {(driver.identity, driver.name): number for number, driver in enumerate(canonical_drivers(drivers))}
    faces = {target.identity: number for number, target in enumerate(canonical_targets(targets))}
    chosen: list[list[int]] = [[] for _ in places]
    for pair in listed:
        matches = names.get((pair.driver, pair.clip)) or names.get((pair.driver, pair.stem)) or []
        if pair.driver not in sources or pair.target not in sources:
            wrong["people who are not in the list of clips"].append(pair)
        elif not matches:
            wrong["clips that are not in the list of clips"].append(pair)
        elif len(matches) > 1:
            wrong["a file that the driver has several of (write the whole listed path)"].append(pair)
        elif sources[pair.driver] != sources[pair.target]:
            wrong["people of different sources"].append(pair)
        elif splits[pair.driver] != splits[pair.target]:
            wrong["people of different splits"].append(pair)
        elif (pair.driver, matches[0]) not in places or pair.target not in faces:
            unusable.append(pair)
        else:
            chosen[places[pair.driver, matches[0]]].append(faces[pair.target])
    if wrong:
        problems = [
            f"{what}: {count_text(len(pairs), 'row')}, such as {_example(pairs[0])}" for what, pairs in wrong.items()
        ]
        raise Problems(path, problems, remedy="correct or delete these rows, or list the clips and splits they need")
    left_out: tuple[str, ...] = ()
    if unusable:
        text = (
            f"{path.name}: left out: {len(unusable):,} of {count_text(len(listed), 'pair')}, of a clip that is not "
            "usable or gave a portrait, "
        )
        left_out = (f"{text}or of a target without a portrait, such as {_example(unusable[0])}",)
    table = table_of(
        canonical_drivers(drivers), canonical_targets(targets), [np.unique(np.array(row, np.int32)) for row in chosen]
    )
    return PlannedPairs(table, left_out=left_out)


def _names_of_clips(rows: Iterable[ClipRow]) -> dict[tuple[str, str], list[str]]:
    """{(identity, listed name or stem): listed names}."""
    names: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in rows:
        stem = ListedPair(0, row.identity, row.name, "").stem
        for key in dict.fromkeys((row.name, stem)):
            names[row.identity, key].append(row.name)
    return dict(names)


def _example(pair: ListedPair) -> str:
    return f"row {pair.line} ({pair.clip} of {pair.driver} on {pair.target})"
