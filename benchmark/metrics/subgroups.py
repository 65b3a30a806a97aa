"""Who is served worse: the worst tenth of people, and groups of people where the data says which.

A figure over all people may hide that some are never recognised. Groups come from what people stated themselves
(columns of identities.parquet); a person without a statement is in no group and is counted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from nvfair_tools.errors import NvfairError

# A gap between groups of one or two people is a gap between people.
FEWEST_IN_SUBGROUP = 5
COLUMNS = ("gender", "age", "ethnicity")


@dataclass(frozen=True)
class Subgroup:
    """One value of a column: how many people, their mean AUC. supported: whether there are FEWEST people or more."""

    people: int
    auc: float
    supported: bool


@dataclass(frozen=True)
class SubgroupComparison:
    """One column. gap: largest difference between supported groups, NaN where fewer than two are; unknown: people
    without a value."""

    groups: Mapping[str, Subgroup]
    gap: float
    best: str
    worst: str
    unknown: int


def demographic_values(identities: pd.DataFrame, columns: Sequence[str] = COLUMNS) -> dict[str, dict[str, str | None]]:
    """column -> person -> value, of those `columns` of identities.parquet in which anybody has a value."""
    found = {}
    for column in columns:
        if column in identities.columns and identities[column].notna().any():
            values: list[str | None] = [None if pd.isna(value) else str(value) for value in identities[column]]
            people = [str(person) for person in identities["identity"]]
            found[column] = dict(zip(people, values, strict=True))
    return found


def worst_decile_auc(auc_of_person: Mapping[str, float]) -> float:
    """Mean AUC of the worst tenth of people (rounded up, so that one person is the least)."""
    if not auc_of_person:
        raise NvfairError("no person has a figure, so there is no worst decile")
    values = np.sort(np.array(list(auc_of_person.values())))
    return float(values[: math.ceil(len(values) / 10)].mean())


def compare_subgroups(
    auc_of_person: Mapping[str, float], value_of_person: Mapping[str, str | None]
) -> SubgroupComparison:
    """Mean AUC of each group of people that share a value ("" and None: not stated)."""
    members: dict[str, list[float]] = {}
    unknown = 0
    for person in sorted(auc_of_person):
        value = value_of_person.get(person)
        if not value:
            unknown += 1
        else:
            members.setdefault(str(value), []).append(auc_of_person[person])
    groups = {
        value: Subgroup(len(some), float(np.mean(some)), len(some) >= FEWEST_IN_SUBGROUP)
        for value, some in sorted(members.items())
    }
    ranked = sorted((g.auc, value) for value, g in groups.items() if g.supported)
    if len(ranked) < 2:
        return SubgroupComparison(groups, math.nan, "", "", unknown)
    return SubgroupComparison(groups, ranked[-1][0] - ranked[0][0], ranked[-1][1], ranked[0][1], unknown)
