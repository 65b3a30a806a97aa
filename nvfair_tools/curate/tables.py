"""The data set's two tables, made from the results of all stages: identities and videos, each row with its state."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pandas as pd

from nvfair_tools.curate.ingest import Clip
from nvfair_tools.curate.pairs import Pair
from nvfair_tools.curate.portraits import Portrait
from nvfair_tools.dataset.schema import IDENTITIES_SCHEMA, VIDEOS_SCHEMA
from nvfair_tools.governance.decision import Decision
from nvfair_tools.landmarks.track_files import LANDMARKS_ONLY
from nvfair_tools.pipeline.items import ItemResult, rejected

_ROWS_AT_ONCE = 20_000
# Flags of a clip that hold for the videos that it drives too, because they concern its motion.
_MOTION_FLAGS = frozenset(
    (
        "variable_frame_rate",
        "unusual_frame_rate",
        "times_assumed",
        "times_repaired",
        "truncated",
        "deinterlaced",
        "combed",
        "hard_cut",
        "standstill",
        "repeated_frames",
        "frozen",
        "shaky_landmarks",
    )
)


@dataclass(frozen=True)
class Reenactment:
    """A planned reenactment and the results of its stages.

    id: of the video. generator: how the data set describes its generator (label, family, fingerprint, licence,
    motion_mode). path: relative to the data set. landmarks: None where the video was not rendered. quality: the
    rejection by the recipe's limits of quality; None where there is none.
    """

    id: str
    pair: Pair
    generator: Mapping[str, Any]
    path: str
    render: ItemResult
    landmarks: ItemResult | None
    quality: ItemResult | None = None

    @property
    def result(self) -> ItemResult:
        """The result of the last stage that the reenactment passed through."""
        return self.quality or self.landmarks or self.render


def identities_table(clips: Sequence[Clip], portraits: Mapping[str, Portrait]) -> pd.DataFrame:
    """The table of people: one row each, those without a usable clip included (and flagged)."""
    clips_by_person: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        clips_by_person[clip.row.identity].append(clip)
    rows = []
    for identity, person_clips in sorted(clips_by_person.items()):
        row = person_clips[0].row
        usable = [clip for clip in person_clips if clip.usable]
        portrait = portraits.get(identity)
        has_portrait = portrait is not None and portrait.result.state == "ok"
        flags = list(portrait.flags) if portrait is not None else []
        flags += [] if usable else ["no_usable_clip"]
        flags += [LANDMARKS_ONLY] if usable and all(clip.row.is_track for clip in usable) else []
        flags += [] if has_portrait or not usable else ["no_portrait"]
        if portrait is not None and not has_portrait:
            flags.append(f"portrait_{portrait.result.reason}")
        rights_clips = usable or person_clips
        rows.append(
            {
                "identity": identity,
                "source": row.source,
                "split": person_clips[0].split,
                "aliases": list(row.aliases),
                "clips": len(usable),
                "portrait": portrait.path if portrait is not None and has_portrait else None,
                "portrait_clip": (portrait.clip_id or None) if portrait is not None and has_portrait else None,
                "flags": sorted(flags),
                "licence": join_distinct(clip.row.licence for clip in rights_clips),
                "consent": join_distinct(clip.row.consent for clip in rights_clips),
                "permitted_use": join_distinct(clip.row.permitted_use for clip in rights_clips),
                "gender": row.gender or None,
                "age": row.age or None,
                "ethnicity": row.ethnicity or None,
            }
        )
    return pd.DataFrame(rows, columns=IDENTITIES_SCHEMA.names)


def real_video_rows(
    clips: Iterable[Clip], names: Mapping[str, str], originals: Mapping[str, ItemResult], portrait_clips: set[str]
) -> list[dict[str, Any]]:
    """Rows of the videos table for all listed clips, whatever their state.

    names: {clip id: clip name}. originals: {clip id: result of encoding it}. portrait_clips: ids of the clips that
    portraits were taken from.
    """
    rows = []
    for clip in clips:
        original = originals.get(clip.id)
        result = clip.result if clip.result.state != "ok" or original is None else original
        if result.state == "ok":
            result = clip.result  # its detail explains the clip's flags
        facts = clip.facts or {}
        file_facts = original.facts if original is not None and result.state == "ok" else None
        row = clip.row
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
                "width": file_facts["width"] if file_facts is not None else facts.get("width"),
                "height": file_facts["height"] if file_facts is not None else facts.get("height"),
                "path": file_facts["path"] if file_facts is not None else None,
                "sha256": file_facts["sha256"] if file_facts is not None else None,
                **_state_columns(result),
                "flags": sorted(flags),
                "licence": row.licence,
                "consent": row.consent,
                "permitted_use": row.permitted_use,
                "lineage": [clip.sha256] if clip.sha256 else [],
            }
        )
    return rows


def reenactment_rows(
    reenactments: Iterable[Reenactment],
    clips: Mapping[str, Clip],
    names: Mapping[str, str],
    portraits: Mapping[str, Portrait],
) -> Iterator[dict[str, Any]]:
    """Rows of the videos table for all planned reenactments, made one by one.

    clips, names: by clip id. portraits: by identity.
    """
    target_clips = clips_by_rights(clips.values())
    for video in reenactments:
        pair = video.pair
        clip = clips[pair.clip_id]
        assert clip.facts is not None
        file_facts = video.render.facts if video.render.state == "ok" else None
        flags = set(clip.facts["flags"]) & _MOTION_FLAGS
        flags |= set(video.landmarks.facts.get("flags", ())) if video.landmarks else set()
        yield {
            "video": video.id,
            "kind": pair.kind,
            "source": pair.source,
            "split": pair.split,
            "target": pair.target,
            "driver": pair.driver,
            "clip": pair.clip_id,
            "clip_name": names[pair.clip_id],
            "generator": video.generator["label"],
            "generator_family": video.generator["family"],
            "motion_mode": video.generator["motion_mode"],
            "scenario": clip.row.scenario or None,
            "emotion": clip.row.emotion or None,
            "content": clip.row.content or None,
            "fps_num": clip.facts["fps_num"],
            "fps_den": clip.facts["fps_den"],
            "frames": file_facts["frames"] if file_facts is not None else None,
            "width": file_facts["width"] if file_facts is not None else None,
            "height": file_facts["height"] if file_facts is not None else None,
            "path": video.path if file_facts is not None else None,
            "sha256": file_facts["sha256"] if file_facts is not None else None,
            **_state_columns(video.result),
            "flags": sorted(flags),
            **inherited_rights(clip, target_clips[pair.target], video.generator["licence"]),
            "lineage": [portraits[pair.target].id, pair.clip_id, video.generator["fingerprint"]],
        }


def refused_row(
    id: str,
    pair: Pair,
    generator: Mapping[str, Any],
    clip: Clip,
    name: str,
    target_clips: Iterable[Clip],
    decision: Decision,
) -> dict[str, Any]:
    """The row of a reenactment that may not be made: who, by which generator, and why not; no fact of its clip.

    generator: how the data set describes it. clip, name: the driving clip. target_clips: those of the face's person.
    """
    return {
        "video": id,
        "kind": pair.kind,
        "source": pair.source,
        "split": pair.split,
        "target": pair.target,
        "driver": pair.driver,
        "clip": pair.clip_id,
        "clip_name": name,
        "generator": generator["label"],
        "generator_family": generator["family"],
        "motion_mode": generator["motion_mode"],
        **_state_columns(rejected(decision.reason, decision.detail)),
        "flags": [],
        **inherited_rights(clip, target_clips, generator["licence"]),
        "lineage": [],
    }


def clips_by_rights(clips: Iterable[Clip]) -> dict[str, list[Clip]]:
    """Returns {identity: usable clips, one for each combination of rights}: the rights that a person's face carries."""
    first_clips: dict[str, dict[tuple[str, str, str], Clip]] = defaultdict(dict)
    for clip in clips:
        if clip.usable:
            rights = (clip.row.licence, clip.row.consent, clip.row.permitted_use)
            first_clips[clip.row.identity].setdefault(rights, clip)
    return {identity: list(clips_of_rights.values()) for identity, clips_of_rights in first_clips.items()}


def inherited_rights(clip: Clip, target_clips: Iterable[Clip], generator_licence: str) -> dict[str, str]:
    """The rights of a reenactment: those of the driver's clip and of the target, and the generator's licence."""
    rows = [clip.row, *(target_clip.row for target_clip in target_clips)]
    return {
        "licence": join_distinct([*(row.licence for row in rows), generator_licence]),
        "consent": join_distinct(row.consent for row in rows),
        "permitted_use": join_distinct(row.permitted_use for row in rows),
    }


def videos_table(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """The videos table with every column of the schema, part and first_row empty; nullable numbers stay whole.

    rows: taken some thousand at a time, so that they need not be in memory together.
    """
    source = iter(rows)
    pieces = [_videos_piece(list(islice(source, _ROWS_AT_ONCE)))]
    while more := list(islice(source, _ROWS_AT_ONCE)):
        pieces.append(_videos_piece(more))
    return _joined(pieces).sort_values("video", ignore_index=True)


def _videos_piece(rows: list[Mapping[str, Any]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=VIDEOS_SCHEMA.names)
    for name in ("fps_num", "fps_den", "frames", "width", "height", "first_row"):
        table[name] = table[name].astype("Int64")
    return table


def _joined(pieces: list[pd.DataFrame]) -> pd.DataFrame:
    """The rows of all pieces. A column that is empty in one piece gets the type that it has where it is filled."""
    if len(pieces) == 1:
        return pieces[0]
    for name in pieces[0].columns:
        filled = next((piece[name].dtype for piece in pieces if piece[name].notna().any()), None)
        for piece in pieces:
            if filled is not None and piece[name].dtype != filled and piece[name].isna().all():
                piece[name] = piece[name].astype(filled)
    return pd.concat(pieces, ignore_index=True)


def join_distinct(values: Iterable[str]) -> str:
    """Joins the different values, in alphabetical order, with " + "."""
    return " + ".join(sorted(set(values)))


def _state_columns(result: ItemResult) -> dict[str, str]:
    return {"state": result.state, "reason": result.reason, "detail": result.detail}
