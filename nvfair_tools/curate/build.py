"""A build: the stages of a recipe in order, each of which can also be run by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from nvfair_tools.curate.ingest import Clip, ingest
from nvfair_tools.curate.pairs import Driver, Pair, Target, plan_pairs
from nvfair_tools.curate.portraits import Portrait, portraits
from nvfair_tools.curate.session import Session
from nvfair_tools.curate.shards import FramesAt
from nvfair_tools.curate.tables import Reenactment
from nvfair_tools.curate.video_paths import clip_names
from nvfair_tools.dataset.schema import LANDMARK_COUNT
from nvfair_tools.errors import NvfairError
from nvfair_tools.pipeline.items import ItemResult
from nvfair_tools.recipe.clip_list import read_clip_list
from nvfair_tools.recipe.recipe import Recipe
from nvfair_tools.recipe.splits import assign_splits

STAGES = ("ingest", "plan", "render", "landmarks", "shards")


@dataclass(frozen=True)
class Outcome:
    """How far a build came. generators: what the data set says of each. videos, identities: the finished tables, where
    all stages ran (else None). stray: files in the data set's folder that no row names."""

    clips: list[Clip]
    portraits: Mapping[str, Portrait]
    pairs: list[Pair]
    originals: Mapping[str, ItemResult]
    reenactments: list[Reenactment]
    generators: tuple[dict[str, Any], ...] = ()
    identities: pd.DataFrame | None = None
    videos: pd.DataFrame | None = None
    stray: tuple[str, ...] = ()


def run_build(session: Session, until: str = "shards", *, prune: bool = False) -> Outcome:
    """Runs the stages up to `until`, doing only what is missing or retryable.

    prune: delete videos and portraits in the data set's folder that belong to no row (of an earlier recipe).
    Raises Problems for mistakes in the recipe's lists; an item's failure is a result, not an exception.
    """
    if until not in STAGES:
        raise NvfairError(f"stage {until!r} is unknown", expected=f"one of {', '.join(STAGES)}")
    recipe = session.recipe
    rows = read_clip_list(recipe)
    splits = assign_splits(recipe, rows)
    clips = ingest(session, rows, splits)
    outcome = Outcome(clips, {}, [], {}, [])
    if until == "ingest":
        return outcome
    faces = portraits(session, clips)
    pairs = _pairs(recipe, clips, faces)
    outcome = replace(outcome, portraits=faces, pairs=pairs)
    if until == "plan":
        return outcome
    outcome = _rendered(session, outcome)
    if until == "render":
        return outcome
    outcome = _tracked(session, outcome)
    if until == "landmarks":
        return outcome
    return _finished(session, outcome, prune=prune)


def summary(outcome: Outcome) -> list[tuple[str, str, str, int]]:
    """(what, state, reason, items) of everything that a build dealt with, in the order of its stages."""
    found: Counter[tuple[str, str, str]] = Counter()
    for clip in outcome.clips:
        found["clips", clip.result.state, clip.result.reason] += 1
    for portrait in outcome.portraits.values():
        found["portraits", portrait.result.state, portrait.result.reason] += 1
    for result in outcome.originals.values():
        found["originals", result.state, result.reason] += 1
    if not outcome.reenactments:
        for pair in outcome.pairs:
            found[f"planned {pair.kind}", "", ""] += 1
    for video in outcome.reenactments:
        result = video.render if video.landmarks is None else video.landmarks
        found[f"{video.generator['label']} {video.pair.kind}", result.state, result.reason] += 1
    return [(*key, count) for key, count in found.items()]


def _pairs(recipe: Recipe, clips: list[Clip], faces: Mapping[str, Portrait]) -> list[Pair]:
    given = {portrait.clip for portrait in faces.values() if "single_clip" not in portrait.flags}
    usable = [clip for clip in clips if clip.usable]
    people = {clip.row.identity: clip for clip in usable}
    return plan_pairs(
        [Driver(clip.id, clip.row.identity, clip.row.source, clip.split) for clip in usable if clip.id not in given],
        [
            Target(identity, clip.row.source, clip.split)
            for identity, clip in people.items()
            if faces[identity].result.state == "ok"
        ],
        cross_per_clip=recipe.pairs.cross,
        with_self=recipe.pairs.self_,
        seed=recipe.pairs.seed,
    )


def _rendered(session: Session, outcome: Outcome) -> Outcome:
    from nvfair_tools.curate.originals import originals
    from nvfair_tools.curate.reenactments import plan_renderings, render
    from nvfair_tools.render.choice import chosen_generators

    by_id = {clip.id: clip for clip in outcome.clips}
    names = clip_names(outcome.clips)
    generators = chosen_generators(session.recipe)
    written = originals(session, outcome.clips, names)
    planned = plan_renderings(session, outcome.pairs, generators, by_id, names, outcome.portraits)
    return replace(
        outcome,
        originals=written,
        reenactments=render(session, planned, by_id),
        generators=tuple(generator.told() for generator in generators),
    )


def _tracked(session: Session, outcome: Outcome) -> Outcome:
    from nvfair_tools.curate.landmark_tracks import landmarks

    tracks = {clip.id: clip.track for clip in outcome.clips}
    rendered = {
        video.id: (video.path, tracks[video.pair.clip]) for video in outcome.reenactments if video.render.state == "ok"
    }
    results = landmarks(session, rendered)
    return replace(
        outcome, reenactments=[replace(video, landmarks=results.get(video.id)) for video in outcome.reenactments]
    )


def _finished(session: Session, outcome: Outcome, *, prune: bool) -> Outcome:
    from nvfair_tools.curate.card import write_card
    from nvfair_tools.curate.landmark_tracks import rows_ids
    from nvfair_tools.curate.shards import with_places
    from nvfair_tools.curate.tables import identities_table, real_rows, synthetic_rows, videos_table
    from nvfair_tools.dataset.writer import finish_dataset

    by_id = {clip.id: clip for clip in outcome.clips}
    names = clip_names(outcome.clips)
    identities = identities_table(outcome.clips, outcome.portraits)
    portrait_clips = {portrait.clip for portrait in outcome.portraits.values()}
    rows = real_rows(outcome.clips, names, outcome.originals, portrait_clips)
    rows += synthetic_rows(outcome.reenactments, by_id, names, outcome.portraits)
    videos = videos_table(rows)
    workspace = session.workspace
    stored = rows_ids(session, dict.fromkeys(video.id for video in outcome.reenactments))
    frames = {id: FramesAt(clip.track, workspace.track(clip.track), True) for id, clip in by_id.items() if clip.track}
    frames |= {video: FramesAt(id, workspace.track(id), False) for video, id in stored.items()}
    videos = with_places(session, videos, frames)
    stray = _stray_files(session.dataset, videos, identities)
    if prune:
        for path in stray:
            (session.dataset / path).unlink()
        stray = ()
    meta = _meta(session, outcome)
    extra = write_card(session.dataset, meta, identities, videos)
    extra += [session.dataset / path for path in identities["portrait"].dropna()]
    finish_dataset(session.dataset, identities, videos, meta, extra_files=extra)
    return replace(outcome, identities=identities, videos=videos, stray=stray)


def _stray_files(dataset: Path, videos: pd.DataFrame, identities: pd.DataFrame) -> tuple[str, ...]:
    """Files of an earlier recipe that no row names."""
    wanted = set(videos["path"].dropna()) | set(identities["portrait"].dropna())
    found = [path for top in ("videos", "portraits") for path in (dataset / top).rglob("*") if path.is_file()]
    return tuple(sorted({path.relative_to(dataset).as_posix() for path in found} - wanted))


def _meta(session: Session, outcome: Outcome) -> dict[str, Any]:
    found = {(clip.facts["detector"], clip.facts["version"]) for clip in outcome.clips if clip.facts is not None}
    found |= {
        (video.landmarks.facts["detector"], video.landmarks.facts["version"])
        for video in outcome.reenactments
        if video.landmarks is not None and video.landmarks.state == "ok"
    }
    return meta_of(session.recipe, found, outcome.generators)


def meta_of(
    recipe: Recipe, landmarkers: Iterable[tuple[str, str]], generators: Iterable[Mapping[str, Any]]
) -> dict[str, Any]:
    """What dataset.json says of how a data set was made. landmarkers: (name, version) of those that found its faces."""
    from nvfair_tools import __version__
    from nvfair_tools.landmarks.scheme import SCHEME_126

    return {
        "name": recipe.name,
        "synthetic": True,
        "simulated": recipe.simulated,
        "landmarks": {
            "scheme": SCHEME_126.name,
            "scheme_version": SCHEME_126.version,
            "points": LANDMARK_COUNT,
            "landmarkers": sorted(f"{detector} {version}" for detector, version in landmarkers),
        },
        "features": {
            "distances": recipe.features.distances,
            "scale": recipe.features.scale,
            "mesh": recipe.features.mesh,
        },
        "generators": [dict(generator) for generator in generators],
        "recipe": recipe.digest(),
        "tools": {"nvfair_tools": __version__},
    }
