"""Dividing people into the splits train, validation and test."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from nvfair_tools.dataset.schema import SPLITS
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.identity import collection_namespace, resolve_alias
from nvfair_tools.recipe.clip_list import ClipRow
from nvfair_tools.recipe.csv_table import read_csv_table
from nvfair_tools.recipe.recipe import Recipe, split_shares


def assign_splits(recipe: Recipe, rows: Iterable[ClipRow]) -> dict[str, str]:
    """Returns {identity: split} of all people in `rows`. Raises Problems naming each person without a split."""
    rows = list(rows)
    people = {row.identity: row for row in rows}
    if recipe.splits.by == "shares":
        return splits_by_shares({row.identity: row.source for row in rows}, split_shares(recipe), recipe.splits.seed)
    if recipe.splits.by == "nvfair":
        official = official_split()
        splits = {identity: official.get(identity, "") for identity in people}
        problem, remedy = "is not in NVFAIR's split", "leave the person out, or choose another `splits`"
    elif recipe.splits.by == "file":
        assert recipe.splits.file is not None
        path = recipe.resolve(recipe.splits.file)
        split_by_name = read_split_file(path)
        splits = {
            identity: next((split_by_name[name] for name in (identity, *row.aliases) if name in split_by_name), "")
            for identity, row in people.items()
        }
        problem, remedy = f"is not in {path.name}", "add the person to the split file, or an alias that is in it"
    else:
        splits = {identity: row.split for identity, row in people.items()}
        problem, remedy = "has no split", "fill the column `split`, or choose `splits: {by: shares}`"
    if without_split := [identity for identity, split in sorted(splits.items()) if not split]:
        raise Problems("splits", [f"{identity} {problem}" for identity in without_split], remedy=remedy)
    return splits


def splits_by_shares(sources: Mapping[str, str], shares: Mapping[str, float], seed: int) -> dict[str, str]:
    """Returns {identity: split}, dividing the people of each collection by themselves.

    sources: {identity: collection}. shares: {split: share of people}. People are ordered by a hash of seed and identity
    and cut at the shares (largest remainders first), so that a person's split depends on neither the order of a list
    nor the machine.
    """
    splits: dict[str, str] = {}
    for source in sorted(set(sources.values())):
        people = sorted(
            (identity for identity in sources if sources[identity] == source),
            key=lambda identity: hashlib.sha256(f"{seed}\n{identity}".encode()).digest(),
        )
        # Each split gets the whole part of its share; those with the largest remainders get the people left over.
        exact = {split: shares.get(split, 0.0) * len(people) for split in SPLITS}
        counts = {split: int(exact[split] + 1e-9) for split in SPLITS}
        by_remainder = sorted(SPLITS, key=lambda split: (-(exact[split] - counts[split]), SPLITS.index(split)))
        for split in by_remainder[: len(people) - sum(counts.values())]:
            counts[split] += 1
        start = 0
        for split in SPLITS:
            splits |= dict.fromkeys(people[start : start + counts[split]], split)
            start += counts[split]
    return splits


def official_split() -> dict[str, str]:
    """Returns {identity: split} of NVFAIR's 161 people (ECCV 2024, arXiv 2305.03713)."""
    return read_split_file(Path(__file__).with_name("nvfair_split.csv"))


def read_split_file(path: Path) -> dict[str, str]:
    """Reads {identity: split} from a CSV with columns identity, source, split.

    NVFAIR's own names become `namespace:id`. Raises NvfairError, Problems naming every wrong row.
    """
    table = read_csv_table(path, "split file")
    if not {"identity", "split"} <= set(table.header):
        raise NvfairError(
            f"the split file has the columns {', '.join(table.header)}",
            where=path,
            expected="identity, split and, for bare ids, source",
        )
    splits: dict[str, str] = {}
    problems = list(table.problems)
    for line, row in table.rows:
        identity = row["identity"]
        if not identity:
            problems.append(f"row {line}: identity is empty")
            continue
        if ":" not in identity:
            namespace = collection_namespace(row.get("source") or "") or row.get("source")
            if not namespace:
                problems.append(f"row {line}: {identity!r} has neither a namespace nor a source")
                continue
            identity = resolve_alias(identity, namespace) or f"{namespace}:{identity}"
        if row["split"] not in SPLITS:
            problems.append(f"row {line}: split {row['split']!r} is none of {', '.join(SPLITS)}")
        if splits.setdefault(identity, row["split"]) != row["split"]:
            problems.append(f"row {line}: {identity} is in two splits")
    if problems:
        raise Problems(path, problems)
    return splits
