"""Differences between people: the worst tenth of people, and groups of people that the data set names.

A figure over all people may hide that some are never recognised. Groups come from what people stated themselves
(columns of identities.parquet). A person without a statement is in no group; such people are counted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from nvfair_tools.errors import NvfairError

# With fewer people a gap between groups is a gap between single people.
FEWEST_IN_SUBGROUP = 5
COLUMNS = ("gender", "age", "ethnicity")


@dataclass(frozen=True)
class Subgroup:
    """The people who share one value of a column: their number and mean AUC.

    supported: whether there are FEWEST_IN_SUBGROUP people or more.
    """

    people: int
    auc: float
    supported: bool


@dataclass(frozen=True)
class SubgroupComparison:
    """The groups of one column, by value.

    gap: largest difference of mean AUC between supported groups, NaN where fewer than two are supported; best, worst:
    their values ("" then); unknown: number of people without a value.
    """

    groups: Mapping[str, Subgroup]
    gap: float
    best: str
    worst: str
    unknown: int


def demographic_values(identities: pd.DataFrame, columns: Sequence[str] = COLUMNS) -> dict[str, dict[str, str | None]]:
    """The demographics of people: column -> person -> value.

    columns: of identities.parquet; those in which nobody has a value are left out.
    """
    values_by_column = {}
    for column in columns:
        if column in identities.columns and identities[column].notna().any():
            values: list[str | None] = [None if pd.isna(value) else str(value) for value in identities[column]]
            people = [str(person) for person in identities["identity"]]
            values_by_column[column] = dict(zip(people, values, strict=True))
    return values_by_column


def worst_decile_auc(auc_by_person: Mapping[str, float]) -> float:
    """Mean AUC of the worst tenth of people, rounded up, so at least of one person.

    Raises NvfairError where there is nobody.
    """
    if not auc_by_person:
        raise NvfairError("no person has an AUC, so there is no worst decile")
    values = np.sort(np.array(list(auc_by_person.values())))
    return float(values[: math.ceil(len(values) / 10)].mean())


def compare_subgroups(
    auc_by_person: Mapping[str, float], value_by_person: Mapping[str, str | None]
) -> SubgroupComparison:
    """Compares the mean AUCs of the groups of people that share a value ("" and None: not stated)."""
    aucs_by_value: dict[str, list[float]] = {}
    unknown = 0
    for person in sorted(auc_by_person):
        value = value_by_person.get(person)
        if not value:
            unknown += 1
        else:
            aucs_by_value.setdefault(str(value), []).append(auc_by_person[person])
    groups = {
        value: Subgroup(len(aucs), float(np.mean(aucs)), len(aucs) >= FEWEST_IN_SUBGROUP)
        for value, aucs in sorted(aucs_by_value.items())
    }
    ranked = sorted((group.auc, value) for value, group in groups.items() if group.supported)
    if len(ranked) < 2:
        return SubgroupComparison(groups, math.nan, "", "", unknown)
    return SubgroupComparison(groups, ranked[-1][0] - ranked[0][0], ranked[-1][1], ranked[0][1], unknown)
