"""The table rows of a release: its videos with the results of tracking them, and the people in them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from nvfair_tools.curate.tables import join_distinct
from nvfair_tools.dataset.schema import IDENTITIES_SCHEMA
from nvfair_tools.identity import identity_aliases
from nvfair_tools.pipeline.items import item_id
from nvfair_tools.releases.listing import Release, ReleaseFile

_DEMOGRAPHICS = ("gender", "age", "ethnicity")
LINK_FOLDER = "videos"  # of the data set, with links to the release's files


@dataclass(frozen=True)
class TrackedFile:
    """A release's file after its video was read and tracked.

    file: with its final result. rows_id: id of the rows of its frames, "" where it was not tracked. facts: of
    `TrackWorker.run`, None where it was not tracked.
    """

    file: ReleaseFile
    sha256: str = ""
    rows_id: str = ""
    facts: Mapping[str, Any] | None = None


def video_id(release: str, tracked: TrackedFile) -> str:
    """The id of a file's video: for a real one, the id that our own builds give its content; for others, a hash that
    also depends on the release and the name."""
    file = tracked.file
    if not tracked.sha256:
        return item_id("unread", release=release, name=file.name)
    if file.kind == "real" and file.result.reason not in ("duplicate_content", "conflicting_content"):
        return item_id("clip", content=tracked.sha256)
    return item_id("release video", release=release, name=file.name, content=tracked.sha256)


def video_rows(release: Release, tracked_files: Iterable[TrackedFile], *, linked: bool) -> list[dict[str, Any]]:
    """Rows of the videos table for all files whose people and split are known.

    linked: whether the data set has links to the files.
    """
    tracked_files = [tracked for tracked in tracked_files if tracked.file.has_row]
    ids = {tracked.file.name: video_id(release.name, tracked) for tracked in tracked_files}
    originals = {
        (tracked.file.driver, tracked.file.clip): ids[tracked.file.name]
        for tracked in tracked_files
        if tracked.file.kind == "real"
    }
    rows = []
    for tracked in tracked_files:
        file, facts = tracked.file, tracked.facts or {}
        usable = file.result.state == "ok"
        real = file.kind == "real"
        original = originals.get((file.driver, file.clip))
        flags = set(facts.get("flags", ()))
        if not real and original is None and originals:
            flags.add("no_original")
        clip = original or item_id("named clip", release=release.name, driver=file.driver, name=file.clip)
        rows.append(
            {
                "video": ids[file.name],
                "kind": file.kind,
                "source": file.source,
                "split": file.split,
                "target": file.target,
                "driver": file.driver,
                "clip": ids[file.name] if real else clip,
                "clip_name": file.clip,
                "generator": None if real else file.generator,
                "generator_family": None if real else file.generator,
                "scenario": file.scenario or None,
                "fps_num": facts.get("fps_num"),
                "fps_den": facts.get("fps_den"),
                "frames": facts.get("frames"),
                "width": facts.get("width"),
                "height": facts.get("height"),
                "path": f"{LINK_FOLDER}/{file.name}" if usable and linked else None,
                "sha256": tracked.sha256 or None,
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


def identities_table(release: Release, videos: pd.DataFrame) -> pd.DataFrame:
    """The table of people: one row for each person in `videos`, with the rights of the videos of their face."""
    videos_by_target: dict[str, list[dict[str, Any]]] = defaultdict(list)
    columns = ["target", "driver", "kind", "state", "licence", "consent", "permitted_use"]
    for row in videos[columns].to_dict("records"):
        videos_by_target[row["target"]].append({str(key): value for key, value in row.items()})
        videos_by_target.setdefault(row["driver"], [])
    rows = []
    for identity in sorted(videos_by_target):
        target_videos = videos_by_target[identity]
        usable = [video for video in target_videos if video["state"] == "ok"]
        rights_videos = usable or target_videos
        rows.append(
            {
                "identity": identity,
                "source": identity.partition(":")[0],
                "split": release.splits[identity],
                "aliases": list(identity_aliases(identity)),
                "clips": sum(video["kind"] == "real" for video in usable),
                "portrait": None,
                "portrait_clip": None,
                "flags": [],
                "licence": join_distinct(video["licence"] for video in rights_videos) or "not stated",
                "consent": join_distinct(video["consent"] for video in rights_videos) or "not stated",
                "permitted_use": join_distinct(video["permitted_use"] for video in rights_videos) or "not stated",
                **{name: release.people.get(identity, {}).get(name) or None for name in _DEMOGRAPHICS},
            }
        )
    return pd.DataFrame(rows, columns=IDENTITIES_SCHEMA.names)
