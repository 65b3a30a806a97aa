"""The data set's two tables, put together from what the stages found: identities and videos, each with its state."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from nvfair_tools.curate.ingest import Clip
from nvfair_tools.curate.pairs import Pair
from nvfair_tools.curate.portraits import Portrait
from nvfair_tools.dataset.schema import IDENTITIES_SCHEMA, VIDEOS_SCHEMA
from nvfair_tools.pipeline.items import ItemResult


@dataclass(frozen=True)
class Reenactment:
    """A planned reenactment and how its stages ended. id: of the video; landmarks: None where it was not rendered.

    generator: what the data set says of its generator (label, family, fingerprint, licence, motion_mode).
    """

    id: str
    pair: Pair
    generator: Mapping[str, Any]
    path: str
    render: ItemResult
    landmarks: ItemResult | None


def identities_table(clips: Sequence[Clip], portraits: Mapping[str, Portrait]) -> pd.DataFrame:
    """One row a person, those without a usable clip included (and flagged)."""
    people: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        people[clip.row.identity].append(clip)
    rows = []
    for identity, own in sorted(people.items()):
        row = own[0].row
        usable = [clip for clip in own if clip.usable]
        portrait = portraits.get(identity)
        has_portrait = portrait is not None and portrait.result.state == "ok"
        flags = list(portrait.flags) if portrait is not None else []
        flags += [] if usable else ["no_usable_clip"]
        flags += [] if has_portrait or not usable else ["no_portrait"]
        told = usable or own
        rows.append(
            {
                "identity": identity,
                "source": row.source,
                "split": own[0].split,
                "aliases": list(row.aliases),
                "clips": len(usable),
                "portrait": portrait.path if portrait is not None and has_portrait else None,
                "portrait_clip": (portrait.clip or None) if portrait is not None and has_portrait else None,
                "flags": sorted(flags),
                "licence": joined(clip.row.licence for clip in told),
                "consent": joined(clip.row.consent for clip in told),
                "permitted_use": joined(clip.row.permitted_use for clip in told),
                "gender": row.gender or None,
                "age": row.age or None,
                "ethnicity": row.ethnicity or None,
            }
        )
    return pd.DataFrame(rows, columns=IDENTITIES_SCHEMA.names)


def real_rows(
    clips: Iterable[Clip], names: Mapping[str, str], originals: Mapping[str, ItemResult], portrait_clips: set[str]
) -> list[dict[str, Any]]:
    """A row of the videos table for each listed clip, whatever became of it."""
    rows = []
    for clip in clips:
        written = originals.get(clip.id)
        result = clip.result if clip.result.state != "ok" or written is None else written
        facts = clip.facts or {}
        row = clip.row
        made = result.state == "ok" and written is not None
        flags = set(facts.get("flags", ())) | ({"portrait"} if clip.id in portrait_clips else set())
        rows.append(
            {
                "video": clip.id,
                "kind": "real",
                "source": row.source,
                "split": clip.split,
                "target": row.identity,
                "driver": row.identity,
                "clip": clip.id,
                "clip_name": names[clip.id],
                "scenario": row.scenario or None,
                "emotion": row.emotion or None,
                "content": row.content or None,
                "fps_num": facts.get("fps_num"),
                "fps_den": facts.get("fps_den"),
                "frames": facts.get("frames"),
                "width": written.facts["width"] if made and written else facts.get("width"),
                "height": written.facts["height"] if made and written else facts.get("height"),
                "path": written.facts["path"] if made and written else None,
                "sha256": written.facts["sha256"] if made and written else None,
                **_ending(result),
                "flags": sorted(flags),
                "licence": row.licence,
                "consent": row.consent,
                "permitted_use": row.permitted_use,
                "lineage": [clip.sha256] if clip.sha256 else [],
            }
        )
    return rows


def synthetic_rows(
    made: Iterable[Reenactment], clips: Mapping[str, Clip], names: Mapping[str, str], portraits: Mapping[str, Portrait]
) -> list[dict[str, Any]]:
    """A row of the videos table for each planned reenactment. clips: by id."""
    people = people_by_rights(clips.values())
    rows = []
    for video in made:
        clip = clips[video.pair.clip]
        assert clip.facts is not None
        result = video.render if video.landmarks is None else video.landmarks
        rendered = video.render.state == "ok"
        flags = set(clip.facts["flags"]) & {"variable_frame_rate", "truncated"}
        flags |= set(video.landmarks.facts.get("flags", ())) if video.landmarks else set()
        rows.append(
            {
                "video": video.id,
                "kind": video.pair.kind,
                "source": video.pair.source,
                "split": video.pair.split,
                "target": video.pair.target,
                "driver": video.pair.driver,
                "clip": video.pair.clip,
                "clip_name": names[video.pair.clip],
                "generator": video.generator["label"],
                "generator_family": video.generator["family"],
                "motion_mode": video.generator["motion_mode"],
                "scenario": clip.row.scenario or None,
                "emotion": clip.row.emotion or None,
                "content": clip.row.content or None,
                "fps_num": clip.facts["fps_num"],
                "fps_den": clip.facts["fps_den"],
                "frames": video.render.facts["frames"] if rendered else None,
                "width": video.render.facts["width"] if rendered else None,
                "height": video.render.facts["height"] if rendered else None,
                "path": video.path if rendered else None,
                "sha256": video.render.facts["sha256"] if rendered else None,
                **_ending(result),
                "flags": sorted(flags),
                **rights_of(clip, people[video.pair.target], video.generator["licence"]),
                "lineage": [portraits[video.pair.target].id, video.pair.clip, video.generator["fingerprint"]],
            }
        )
    return rows


def people_by_rights(clips: Iterable[Clip]) -> dict[str, list[Clip]]:
    """{identity: its usable clips, one for each combination of rights}: what a person's face brings along."""
    people: dict[str, dict[tuple[str, str, str], Clip]] = defaultdict(dict)
    for clip in clips:
        if clip.usable:
            rights = (clip.row.licence, clip.row.consent, clip.row.permitted_use)
            people[clip.row.identity].setdefault(rights, clip)
    return {identity: list(own.values()) for identity, own in people.items()}


def rights_of(clip: Clip, targets: Iterable[Clip], generator_licence: str) -> dict[str, str]:
    """What a reenactment inherits: the rights of the driver's clip and of the target, and the generator's licence."""
    everyone = [clip, *targets]
    return {
        "licence": joined([*(one.row.licence for one in everyone), generator_licence]),
        "consent": joined(one.row.consent for one in everyone),
        "permitted_use": joined(one.row.permitted_use for one in everyone),
    }


def videos_table(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """The rows with every column of the schema, without part and first_row; nullable numbers stay whole."""
    table = pd.DataFrame(list(rows), columns=VIDEOS_SCHEMA.names)
    for name in ("fps_num", "fps_den", "frames", "width", "height", "first_row"):
        table[name] = table[name].astype("Int64")
    return table.sort_values("video", ignore_index=True)


def joined(values: Iterable[str]) -> str:
    """Different values, in order, as one."""
    return " + ".join(sorted(set(values)))


def _ending(result: ItemResult) -> dict[str, str]:
    return {"state": result.state, "reason": result.reason, "detail": result.detail}
