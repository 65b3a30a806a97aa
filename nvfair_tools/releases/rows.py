"""The tables' rows of a release: videos as they were found and tracked, and the people in them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from nvfair_tools.curate.tables import joined
from nvfair_tools.dataset.schema import IDENTITIES_SCHEMA
from nvfair_tools.identity import identity_aliases
from nvfair_tools.pipeline.items import item_id
from nvfair_tools.releases.listing import Release, ReleaseFile

LINKS = "videos"


@dataclass(frozen=True)
class ReadFile:
    """A file after its video was read. file: with its final result; facts: of `TrackWorker.run`, None where unread;
    rows: id of its frames' rows."""

    file: ReleaseFile
    sha256: str = ""
    rows: str = ""
    facts: Mapping[str, Any] | None = None


def video_id(release: str, read: ReadFile) -> str:
    """A real video has the id that our own builds give its content; others are named by the release, too."""
    if not read.sha256:
        return item_id("unread", release=release, name=read.file.name)
    if read.file.kind == "real" and read.file.result.reason not in ("duplicate_content", "conflicting_content"):
        return item_id("clip", content=read.sha256)
    return item_id("release video", release=release, name=read.file.name, content=read.sha256)


def video_rows(release: Release, read: Iterable[ReadFile], *, linked: bool) -> list[dict[str, Any]]:
    """A row of the videos table for every file whose people and split are known."""
    understood = [one for one in read if one.file.understood]
    ids = {one.file.name: video_id(release.name, one) for one in understood}
    originals = {(one.file.driver, one.file.clip): ids[one.file.name] for one in understood if one.file.kind == "real"}
    rows = []
    for one in understood:
        file, facts = one.file, one.facts or {}
        usable = file.result.state == "ok"
        real = file.kind == "real"
        clip = originals.get((file.driver, file.clip))
        flags = set(facts.get("flags", ()))
        if not real and clip is None and originals:
            flags.add("no_original")
        named = clip or item_id("named clip", release=release.name, driver=file.driver, name=file.clip)
        rows.append(
            {
                "video": ids[file.name],
                "kind": file.kind,
                "source": file.source,
                "split": file.split,
                "target": file.target,
                "driver": file.driver,
                "clip": ids[file.name] if real else named,
                "clip_name": file.clip,
                "generator": None if real else file.generator,
                "generator_family": None if real else file.generator,
                "fps_num": facts.get("fps_num"),
                "fps_den": facts.get("fps_den"),
                "frames": facts.get("frames"),
                "width": facts.get("width"),
                "height": facts.get("height"),
                "path": f"{LINKS}/{file.name}" if usable and linked else None,
                "sha256": one.sha256 or None,
                "state": file.result.state,
                "reason": file.result.reason,
                "detail": file.result.detail,
                "flags": sorted(flags),
                "licence": file.licence,
                "consent": file.consent,
                "permitted_use": file.permitted_use,
                "lineage": [f"{release.name}/{file.name}"],
            }
        )
    return rows


def identities_of(release: Release, videos: pd.DataFrame) -> pd.DataFrame:
    """One row for each person in `videos`, with what may be done with the videos of their face."""
    shown: dict[str, list[dict[str, Any]]] = defaultdict(list)
    columns = ["target", "driver", "kind", "state", "licence", "consent", "permitted_use"]
    for row in videos[columns].to_dict("records"):
        shown[row["target"]].append({str(key): value for key, value in row.items()})
        shown.setdefault(row["driver"], [])
    rows = []
    for identity in sorted(shown):
        own = shown[identity]
        told = [row for row in own if row["state"] == "ok"] or own
        rows.append(
            {
                "identity": identity,
                "source": identity.partition(":")[0],
                "split": release.splits[identity],
                "aliases": list(identity_aliases(identity)),
                "clips": sum(row["kind"] == "real" and row["state"] == "ok" for row in own),
                "portrait": None,
                "portrait_clip": None,
                "flags": [],
                "licence": joined(row["licence"] for row in told) or "not stated",
                "consent": joined(row["consent"] for row in told) or "not stated",
                "permitted_use": joined(row["permitted_use"] for row in told) or "not stated",
                "gender": None,
                "age": None,
                "ethnicity": None,
            }
        )
    return pd.DataFrame(rows, columns=IDENTITIES_SCHEMA.names)
