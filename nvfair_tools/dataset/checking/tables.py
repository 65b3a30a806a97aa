"""Faults of the two tables of a data set: columns, keys, references between them, and counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from nvfair_tools.dataset.checking.fault import Fault
from nvfair_tools.dataset.schema import IDENTITIES_SCHEMA, KINDS, SPLITS, VIDEOS_SCHEMA
from nvfair_tools.quantities import count_text

SCHEMAS = {"identities.parquet": IDENTITIES_SCHEMA, "videos.parquet": VIDEOS_SCHEMA}
_STATES = ("ok", "rejected", "failed")
_EXAMPLES = 3


def column_faults(name: str, schema: pa.Schema, *, more: bool = False) -> Iterator[Fault]:
    """Columns of a table that are missing, of another type, or not of this format. more: whether it may have those of
    a newer minor version."""
    expected = SCHEMAS[name]
    for field in expected:
        if field.name not in schema.names:
            yield Fault(name, f"the column {field.name} is missing")
        elif schema.field(field.name).type != field.type:
            yield Fault(name, f"the column {field.name} is {schema.field(field.name).type}, not {field.type}")
    for column in schema.names:
        if column not in expected.names and not more:
            yield Fault(name, f"the column {column} is not one of this format")


def row_faults(meta: Mapping[str, Any], identities: pd.DataFrame, videos: pd.DataFrame) -> Iterator[Fault]:
    """Rows of the tables that contradict each other, the format, or the counts of dataset.json."""
    for name, table, key in (("identities", identities, "identity"), ("videos", videos, "video")):
        count = meta.get("counts", {}).get(name)
        if count != len(table):
            yield Fault(f"{name}.parquet", f"{count_text(len(table), 'row')}, but dataset.json counts {count}")
        yield from _listed(f"{name}.parquet", f"a second row of the same {key}", table[key][table[key].duplicated()])
        yield from _listed(
            f"{name}.parquet", "a split that is none", table[key][~table["split"].isin(SPLITS)], table["split"]
        )
    ids = videos["video"]
    yield from _listed("videos.parquet", "a kind that is none", ids[~videos["kind"].isin(KINDS)], videos["kind"])
    yield from _listed("videos.parquet", "a state that is none", ids[~videos["state"].isin(_STATES)], videos["state"])
    is_ok = videos["state"] == "ok"
    yield from _listed("videos.parquet", "ok with a reason against it", ids[is_ok & (videos["reason"] != "")])
    yield from _listed("videos.parquet", "not ok without a reason", ids[~is_ok & (videos["reason"] == "")])
    people = identities.drop_duplicates("identity").set_index("identity")["split"]
    for role in ("target", "driver"):
        is_known = videos[role].isin(people.index)
        # Rejected files may be of people who have no usable clip, and so no row of their own.
        yield from _listed(
            "videos.parquet", f"a {role} who is not in identities.parquet", ids[is_ok & ~is_known], videos[role]
        )
        differs = is_ok & is_known & (people.reindex(videos[role]).to_numpy() != videos["split"].to_numpy())
        yield from _listed("videos.parquet", f"another split than that of its {role}", ids[differs], videos[role])
    is_alone = videos["kind"].isin(("real", "self"))
    yield from _listed(
        "videos.parquet", "real or self, but of two people", ids[is_alone & (videos["target"] != videos["driver"])]
    )
    yield from _listed(
        "videos.parquet",
        "cross, but of one person",
        ids[(videos["kind"] == "cross") & (videos["target"] == videos["driver"])],
    )
    yield from _listed(
        "videos.parquet",
        "rendered without a generator, or real with one",
        ids[is_ok & ((videos["kind"] == "real") != videos["generator"].isna())],
    )
    yield from _place_faults(videos[is_ok & videos["part"].notna()])


def _place_faults(stored: pd.DataFrame) -> Iterator[Fault]:
    """Videos whose frames have no place in their part, or that of another video."""
    lacking = stored["first_row"].isna() | stored["frames"].isna()
    yield from _listed(
        "videos.parquet", "frames in a part, but no first row or number of them", stored["video"][lacking]
    )
    for part, group in stored[~lacking].groupby("part"):
        ordered = group.sort_values("first_row")
        begin = ordered["first_row"].to_numpy(dtype=np.int64)
        end = begin + ordered["frames"].to_numpy(dtype=np.int64)
        overlaps = np.flatnonzero(begin[1:] < end[:-1]) + 1
        yield from _listed(
            "videos.parquet", f"rows of {part} that another video has too", ordered["video"].iloc[overlaps]
        )


def _listed(file: str, what: str, ids: Iterable[object], values: pd.Series | None = None) -> Iterator[Fault]:
    """One fault for all rows with the same thing wrong: their number and the first of them."""
    rows = pd.Series(ids) if not isinstance(ids, pd.Series) else ids
    if not len(rows):
        return
    first = [str(value) for value in rows.iloc[:_EXAMPLES]]
    if values is not None:
        first = [f"{name} ({value})" for name, value in zip(first, values[rows.index[:_EXAMPLES]], strict=True)]
    more = f" and {len(rows) - _EXAMPLES:,} more" if len(rows) > _EXAMPLES else ""
    yield Fault(file, f"{what}: {', '.join(first)}{more}")
