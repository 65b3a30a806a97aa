"""Dividing people into train, validation and test."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from nvfair_tools.dataset.schema import SPLITS
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.identity import collection_namespace, resolve_alias
from nvfair_tools.recipe.clip_list import ClipRow
from nvfair_tools.recipe.recipe import Recipe, split_shares


def assign_splits(recipe: Recipe, rows: Iterable[ClipRow]) -> dict[str, str]:
    """Split of every identity. Raises Problems naming each person that has none."""
    rows = list(rows)
    people = {row.identity: row for row in rows}
    if recipe.splits.by == "shares":
        return by_shares({row.identity: row.source for row in rows}, split_shares(recipe), recipe.splits.seed)
    if recipe.splits.by == "file":
        assert recipe.splits.file is not None
        path = recipe.resolve(recipe.splits.file)
        listed = read_split_file(path)
        found = {
            identity: next((listed[name] for name in (identity, *row.aliases) if name in listed), "")
            for identity, row in people.items()
        }
        missing, remedy = f"is not in {path.name}", "add the person to the split file, or an alias that is in it"
    else:
        found = {identity: row.split for identity, row in people.items()}
        missing, remedy = "has no split", "fill the column `split`, or choose `splits: {by: shares}`"
    if lost := [identity for identity, split in sorted(found.items()) if not split]:
        raise Problems("splits", [f"{identity} {missing}" for identity in lost], remedy=remedy)
    return found


def by_shares(sources: Mapping[str, str], shares: Mapping[str, float], seed: int) -> dict[str, str]:
    """Split of each identity (keys of `sources`, which names its collection), divided source by source.

    People are ordered by a hash of seed and identity and cut at the shares (largest remainders first), so that a
    person's split depends on neither the order of a list nor the machine.
    """
    found: dict[str, str] = {}
    for source in sorted(set(sources.values())):
        people = sorted(
            (identity for identity in sources if sources[identity] == source),
            key=lambda identity: hashlib.sha256(f"{seed}\n{identity}".encode()).digest(),
        )
        exact = {split: shares.get(split, 0.0) * len(people) for split in SPLITS}
        counts = {split: int(exact[split] + 1e-9) for split in SPLITS}
        by_remainder = sorted(SPLITS, key=lambda split: (-(exact[split] - counts[split]), SPLITS.index(split)))
        for split in by_remainder[: len(people) - sum(counts.values())]:
            counts[split] += 1
        start = 0
        for split in SPLITS:
            found |= dict.fromkeys(people[start : start + counts[split]], split)
            start += counts[split]
    return found


def read_split_file(path: Path) -> dict[str, str]:
    """{identity: split} of a CSV with columns identity, source, split; NVFAIR's own names become `namespace:id`."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise NvfairError(f"the split file cannot be read: {error.strerror}", where=path) from error
    reader = csv.DictReader(text.splitlines())
    if not {"identity", "split"} <= set(reader.fieldnames or []):
        raise NvfairError(
            f"its columns are {reader.fieldnames}", where=path, expected="identity, split and, for bare ids, source"
        )
    found: dict[str, str] = {}
    problems = []
    for line, row in enumerate(reader, start=2):
        identity = row["identity"]
        if ":" not in identity:
            space = collection_namespace(row.get("source") or "") or row.get("source")
            if not space:
                problems.append(f"row {line}: {identity!r} has neither a namespace nor a source")
                continue
            identity = resolve_alias(identity, space) or f"{space}:{identity}"
        if row["split"] not in SPLITS:
            problems.append(f"row {line}: split {row['split']!r} is none of {', '.join(SPLITS)}")
        if found.setdefault(identity, row["split"]) != row["split"]:
            problems.append(f"row {line}: {identity} is in two splits")
    if problems:
        raise Problems(path, problems)
    return found
