"""The joined tables of people and videos, and the joined record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from nvfair_tools.dataset.merging.conflicts import label_of, list_of
from nvfair_tools.dataset.merging.source import MergeSource
from nvfair_tools.dataset.schema import IDENTITIES_SCHEMA
from nvfair_tools.dataset.writer import SEAL

# Flags that say that a person has no portrait, or no clip.
_LACKING = ("no_portrait", "no_usable_clip")


def joined_people(
    sources: Sequence[MergeSource], videos: pd.DataFrame, portraits: Sequence[dict[str, str]]
) -> pd.DataFrame:
    """The joined table of people. videos: the joined one. portraits: of each source, the new paths by the old ones."""
    rows: dict[str, dict[str, Any]] = {}
    for source, paths in zip(sources, portraits, strict=True):
        for record in source.identities.to_dict("records"):
            row = {str(name): value for name, value in record.items()}
            if isinstance(row["portrait"], str):
                row["portrait"] = paths[row["portrait"]]
            identity = str(row["identity"])
            rows[identity] = _joined_person(rows[identity], row, videos) if identity in rows else row
    return pd.DataFrame(list(rows.values()), columns=IDENTITIES_SCHEMA.names)


def _joined_person(first: dict[str, Any], second: dict[str, Any], videos: pd.DataFrame) -> dict[str, Any]:
    """One row of a person of two sets, whose facts are the same."""
    joined = (
        first
        if isinstance(first["portrait"], str)
        else {**first, **{k: second[k] for k in ("portrait", "portrait_clip")}}
    )
    flags = {flag for row in (first, second) for flag in list_of(row["flags"])}
    if isinstance(joined["portrait"], str):
        lacks = [row for row in (first, second) if not isinstance(row["portrait"], str)]
        flags -= {flag for row in lacks for flag in list_of(row["flags"]) if flag.startswith("portrait_")} | {
            _LACKING[0]
        }
    real = videos[(videos["kind"] == "real") & (videos["state"] == "ok") & (videos["driver"] == first["identity"])]
    flags -= {_LACKING[1]} if len(real) else set()
    aliases = dict.fromkeys([*list_of(first["aliases"]), *list_of(second["aliases"])])
    return {**joined, "flags": sorted(flags), "aliases": list(aliases), "clips": len(real)}


def joined_record(sources: Sequence[MergeSource], name: str, version: str) -> dict[str, Any]:
    """The entries of the joined dataset.json that say what the set is; counts and files are added by its writer.

    name: of the joined set. version: of this package.
    """
    first = sources[0].record
    shared = ("landmarks", "landmark_scheme", "features", "synthetic", "simulated", "governance")
    record: dict[str, Any] = {key: first[key] for key in shared if key in first}
    record["name"], record["tools"] = name, {"nvfair_tools": version}
    if "landmarkers" in record.get("landmarks", {}):
        names = {name for source in sources for name in source.record["landmarks"].get("landmarkers", ())}
        record["landmarks"] = {**record["landmarks"], "landmarkers": sorted(names)}
    generators: dict[str, Any] = {}
    for source in sources:
        for generator in source.record.get("generators", []):
            generators.setdefault(label_of(generator), generator)
    record["generators"] = list(generators.values())
    if licences := {
        k: v for source in sources for k, v in source.record.get("governance", {}).get("licences", {}).items()
    }:
        record["governance"] = {**record["governance"], "licences": licences}
    cautions = [text for source in sources for text in source.record.get("cautions", ())]
    checked = [source for source in sources if "clip_checks" in source.record]
    if checked:
        record["clip_checks"] = checked[0].record["clip_checks"]
        unchecked = [source.name for source in sources if source not in checked]
        cautions += [f"The clips of {text} were not checked by limits." for text in unchecked]
    if cautions:
        record["cautions"] = list(dict.fromkeys(cautions))
    for entry in ("world", "release", "publication"):
        values = [source.record.get(entry) for source in sources]
        if values[0] is not None and all(value == values[0] for value in values):
            record[entry] = values[0]
    record["merged_from"] = [part for source in sources for part in _origins(source)]
    return record


def _origins(source: MergeSource) -> list[dict[str, Any]]:
    """The data sets that one was made from: itself, or those that it was joined from."""
    if "merged_from" in source.record:
        return list(source.record["merged_from"])
    entries = ("name", "recipe", "tools", "world", "release")
    described = {key: source.record[key] for key in entries if key in source.record}
    return [described | {"dataset_sha256": source.record[SEAL], "videos": len(source.videos)}]
