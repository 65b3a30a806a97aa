"""Building a data set from a recipe: the stages in order, each of which can also be the last one of a build."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from nvfair_tools.curate.card import write_description
from nvfair_tools.curate.clip_verdicts.verdicts import ClipVerdicts, judge_clips, write_verdicts
from nvfair_tools.curate.dataset_meta import dataset_meta
from nvfair_tools.curate.finding import Finding
from nvfair_tools.curate.footage.cutting import cut_footage
from nvfair_tools.curate.footage.person_check import confirm_people
from nvfair_tools.curate.footage.places import write_places
from nvfair_tools.curate.ingest import Clip, ingest
from nvfair_tools.curate.landmark_tracks import rows_template, track_reenactments
from nvfair_tools.curate.originals import encode_originals
from nvfair_tools.curate.pairs import PairTable
from nvfair_tools.curate.plans.permitted import Refusals, plan_permitted, refusals_of, write_agreements
from nvfair_tools.curate.plans.table import write_plan
from nvfair_tools.curate.portraits import Portrait, make_portraits
from nvfair_tools.curate.session import Session, open_session
from nvfair_tools.curate.shards import StoredFrameFiles, StoredFrames, write_shards
from nvfair_tools.curate.tables import identities_table, real_video_rows, reenactment_rows, videos_table
from nvfair_tools.curate.usability.needs import made_videos, pair_columns, protocol_findings, split_videos
from nvfair_tools.curate.usability.whole_recipe import load_whole_recipe
from nvfair_tools.curate.video_paths import clip_names
from nvfair_tools.dataset.writer import content_digest, finish_dataset, write_tables
from nvfair_tools.errors import NvfairError
from nvfair_tools.leakage.audit_check import AuditCheck
from nvfair_tools.leakage.table_checks import audit_leakage
from nvfair_tools.pipeline.engines.engine import Engine
from nvfair_tools.pipeline.items import ItemResult
from nvfair_tools.pipeline.progress import Reporter
from nvfair_tools.recipe.clip_list import list_clips
from nvfair_tools.recipe.recipe import Recipe
from nvfair_tools.recipe.splits import assign_splits

if TYPE_CHECKING:
    from nvfair_tools.curate.plans.reenactment_table import ReenactmentTable
    from nvfair_tools.curate.rendering_checks.quality import RenderingQuality

STAGES = ("ingest", "plan", "render", "landmarks", "shards")


@dataclass(frozen=True, repr=False)
class BuildOutcome:
    """The results of a build's stages; a notebook shows them as a table of counts.

    folder: the data set's. until: the last stage that ran. portraits: by identity. refused_pairs, refusals: what people
    or licences do not permit. consent_sha256: of the consent table, "" where there is none. originals: {clip id: result
    of encoding it}. generators: how the data set describes each. identities, videos: the finished tables, where all
    stages ran (else None). unused_files: paths in the data set's folder that no row names, of an earlier recipe.
    left_out: files of the recipe's folders that are not used or missing, in sentences. number_formats: a
    sentence for each generator whose number format was chosen. quality, checks: verdicts on renderings and clips, where
    the recipe sets limits. findings: what methods can be trained and tested on.
    """

    folder: Path
    until: str
    clips: list[Clip]
    portraits: Mapping[str, Portrait] = field(default_factory=dict)
    pairs: PairTable = field(default_factory=lambda: PairTable.from_pairs([]))
    refused_pairs: PairTable = field(default_factory=lambda: PairTable.from_pairs([]))
    refusals: Refusals | None = None
    consent_sha256: str = ""
    originals: Mapping[str, ItemResult] = field(default_factory=dict)
    reenactments: ReenactmentTable | tuple[()] = ()
    generators: tuple[dict[str, Any], ...] = ()
    identities: pd.DataFrame | None = None
    videos: pd.DataFrame | None = None
    unused_files: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    number_formats: tuple[str, ...] = ()
    quality: RenderingQuality | None = None
    checks: ClipVerdicts | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether methods can be trained or tested on what is planned, or was made."""
        return not any(finding.level == "error" for finding in self.findings)

    def counts(self) -> pd.DataFrame:
        """Counts what the build dealt with, in the order of its stages: columns what, state, reason, items."""
        items: Counter[tuple[str, str, str]] = Counter()
        for clip in self.clips:
            items["clips", clip.result.state, clip.result.reason] += 1
        for portrait in self.portraits.values():
            items["portraits", portrait.result.state, portrait.result.reason] += 1
        for result in self.originals.values():
            items["originals", result.state, result.reason] += 1
        if not self.reenactments and self.refusals is None:
            for kind, count in self.pairs.count_kinds().items():
                items[f"planned {kind}", "", ""] += count
            for kind, count in self.refused_pairs.count_kinds().items():
                items[f"planned {kind}", "rejected", "not_permitted"] += count
        else:
            items.update(self.reenactments.counts() if self.reenactments else {})
            items.update(self.refusals.counts() if self.refusals is not None else {})
        rows = [(*key, count) for key, count in items.items()]
        return pd.DataFrame(rows, columns=["what", "state", "reason", "items"])

    def flagged(self) -> pd.DataFrame:
        """Counts the usable clips that carry each flag, with one of them: columns flag, clips, example, explanation."""
        clips: dict[str, list[Clip]] = {}
        for clip in self.clips:
            if clip.usable and clip.facts is not None:
                for flag in clip.facts["flags"]:
                    clips.setdefault(flag, []).append(clip)
        rows = [
            (flag, len(of_flag), of_flag[0].row.name, (of_flag[0].facts or {}).get("notes", {}).get(flag, ""))
            for flag, of_flag in sorted(clips.items())
        ]
        return pd.DataFrame(rows, columns=["flag", "clips", "example", "explanation"])

    def leaks(self) -> list[AuditCheck]:
        """The checks of the leakage audit that found a defect; none before the tables are finished."""
        if self.identities is None or self.videos is None:
            return []
        return [check for check in audit_leakage(self.identities, self.videos) if not check.clean]

    def __repr__(self) -> str:
        return f"{self._title()}\n{self.counts().to_string(index=False)}"

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self._title())}</p>{self.counts().to_html(index=False)}"

    def _title(self) -> str:
        return f"Build of {self.folder}, up to {self.until}"


def build(
    recipe: str | Path | Recipe,
    *,
    until: str = "shards",
    reporter: Reporter | None = None,
    engine: Engine | None = None,
    prune: bool = False,
    day: date | None = None,
) -> BuildOutcome:
    """Builds the data set of a recipe: runs its stages, doing only what is missing or retryable.

    recipe: a recipe or the path of its YAML file. until: the last stage to run, one of STAGES. reporter: shows the
    progress; default, bars in a notebook or a terminal. engine: the place where items run; default, that of the
    recipe. prune: delete videos and portraits in the data set's folder that belong to no row (of an earlier recipe).
    day: for which consents are judged; default, today.

    Raises Problems for mistakes in the recipe or its lists, NvfairError where the folder cannot be used. The failure of
    an item is a result, not an exception.
    """
    if until not in STAGES:
        raise NvfairError(f"stage {until!r} is unknown", expected=f"one of {', '.join(STAGES)}")
    recipe = recipe if isinstance(recipe, Recipe) else load_whole_recipe(recipe)
    with open_session(recipe, reporter, engine, day) as session:
        return _run_stages(session, until, prune=prune)


def _run_stages(session: Session, until: str, *, prune: bool) -> BuildOutcome:
    clip_list = list_clips(session.recipe)
    rows = list(clip_list.rows)
    splits = assign_splits(session.recipe, rows)
    clips = confirm_people(session, ingest(session, cut_footage(session, rows), splits))
    checks = judge_clips(session, clips) if session.recipe.clip_checks is not None else None
    clips = clips if checks is None else checks.clips
    outcome = BuildOutcome(
        session.dataset, until, clips, checks=checks, left_out=(*clip_list.left_out, *clip_list.missing)
    )
    if clip_list.consent is not None:
        outcome = replace(outcome, consent_sha256=clip_list.consent.sha256)
    if until == "ingest":
        return outcome
    outcome = _plan(session, outcome)
    if until == "plan":
        return outcome
    outcome = _render(session, outcome)
    if until == "render":
        return outcome
    outcome = _track(session, outcome)
    if until == "landmarks":
        return outcome
    return _write_dataset(session, _judge(session, outcome), prune=prune)


def _plan(session: Session, outcome: BuildOutcome) -> BuildOutcome:
    portraits = make_portraits(session, outcome.clips)
    plan = plan_permitted(session, outcome.clips, portraits)
    if outcome.until == "plan":
        write_plan(session.workspace.plan_path, plan.planned.pairs, session.recipe.generators)
    left_out = (*outcome.left_out, *plan.planned.left_out)
    pairs = plan.planned.pairs
    rendered = [split for choice in session.recipe.generators for split in choice.splits]
    people = Counter({clip.row.identity: clip.split for clip in outcome.clips}.values())
    videos = pair_columns(pairs, pairs.in_splits(rendered))
    findings = tuple(protocol_findings(split_videos(videos, people), session.recipe))
    outcome = replace(outcome, portraits=portraits, pairs=pairs, refused_pairs=plan.refused, left_out=left_out)
    return replace(outcome, findings=findings)


def _render(session: Session, outcome: BuildOutcome) -> BuildOutcome:
    # Only this stage needs the generators' packages.
    from nvfair_tools.curate.plans.reenactment_table import ReenactmentTable
    from nvfair_tools.curate.plans.renderings import plan_renderings
    from nvfair_tools.curate.reenactments import refuse_drivers_without_pixels, render_reenactments
    from nvfair_tools.render.choice import chosen_formats, resolve_generators

    clips = {clip.id: clip for clip in outcome.clips}
    names = clip_names(outcome.clips)
    resolved = resolve_generators(session.recipe, session.workspace.read_formats())
    refusals, permitted = refusals_of(session, outcome.pairs, outcome.refused_pairs, resolved, outcome.clips)
    generators = [resolved[number] for number in permitted]
    session.workspace.keep_formats(chosen_formats(session.recipe, generators))
    refuse_drivers_without_pixels(generators, outcome.pairs, clips)
    originals = encode_originals(session, outcome.clips, names)
    plan = plan_renderings(session, outcome.pairs, generators, clips, names, outcome.portraits)
    choices = [session.recipe.generators[number] for number in permitted]
    write_plan(session.workspace.plan_path, outcome.pairs, choices, plan.ids)
    return replace(
        outcome,
        originals=originals,
        reenactments=ReenactmentTable(plan, render_reenactments(plan)),
        refusals=refusals,
        generators=tuple(generator.describe() for generator in resolved),
        number_formats=tuple(generator.number_format for generator in generators if generator.number_format),
    )


def _track(session: Session, outcome: BuildOutcome) -> BuildOutcome:
    videos = outcome.reenactments
    assert not isinstance(videos, tuple)
    landmarks = track_reenactments(videos.plan, videos.renderings)
    return replace(outcome, reenactments=replace(videos, landmarks=landmarks))


def _judge(session: Session, outcome: BuildOutcome) -> BuildOutcome:
    """Measures the rendered videos and rejects the bad ones, where the recipe has limits of quality."""
    if session.recipe.quality is None:
        return outcome
    from nvfair_tools.curate.rendering_checks.quality import judge_renderings

    videos = outcome.reenactments
    assert not isinstance(videos, tuple)
    assert videos.landmarks is not None
    quality = judge_renderings(videos.plan, videos.landmarks, outcome.originals)
    return replace(outcome, reenactments=replace(videos, rejections=quality.rejections), quality=quality)


def _write_dataset(session: Session, outcome: BuildOutcome, *, prune: bool) -> BuildOutcome:
    """Writes parts, tables, card and, last, dataset.json; with `prune`, deletes the files that no row names."""
    clips = {clip.id: clip for clip in outcome.clips}
    names = clip_names(outcome.clips)
    identities = identities_table(outcome.clips, outcome.portraits)
    portrait_clips = {portrait.clip_id for portrait in outcome.portraits.values()}
    rows = chain(
        real_video_rows(outcome.clips, names, outcome.originals, portrait_clips),
        reenactment_rows(outcome.reenactments, clips, names, outcome.portraits),
        outcome.refusals.rows(names) if outcome.refusals is not None else (),
    )
    videos = write_shards(session, videos_table(rows), _stored_frames(session, outcome))
    unused_files = _unused_files(session.dataset, videos, identities)
    if prune:
        for path in unused_files:
            (session.dataset / path).unlink()
        _remove_empty_folders(session.dataset)
        unused_files = ()
    meta = dataset_meta(session.recipe, _landmarkers(outcome), outcome.generators, outcome.consent_sha256)
    measures = write_verdicts(session.dataset, outcome.checks)
    if outcome.quality is not None:
        measures.append(outcome.quality.write(session.dataset, videos))
    files = write_tables(session.dataset, identities, videos)
    # Which the card and the files beside it read.
    read_files = [*write_places(session, outcome.clips), *write_agreements(session, outcome.clips)]
    extra_files = write_description(
        session.dataset, meta, identities, videos, outcome.portraits.values(), content_digest(files), session.day
    )
    extra_files += [session.dataset / path for path in identities["portrait"].dropna()]
    extra_files += [*read_files, *measures]
    finish_dataset(session.dataset, identities, videos, meta, extra_files=extra_files, files=files)
    people = Counter({clip.row.identity: clip.split for clip in outcome.clips}.values())
    findings = tuple(protocol_findings(split_videos(made_videos(videos), people), session.recipe))
    return replace(outcome, identities=identities, videos=videos, unused_files=unused_files, findings=findings)


def _stored_frames(session: Session, outcome: BuildOutcome) -> StoredFrameFiles:
    """The files with the frames of all videos that have any, by video id."""
    track_path = session.workspace.track_path
    frames = {
        clip.id: StoredFrames(clip.track_id, track_path(clip.track_id), True) for clip in outcome.clips if clip.track_id
    }
    return StoredFrameFiles(frames, rows_template(session), track_path)


def _landmarkers(outcome: BuildOutcome) -> set[tuple[str, str]]:
    """(name, version) of the landmarkers that found the faces in clips and reenactments."""
    landmarkers = {(clip.facts["detector"], clip.facts["version"]) for clip in outcome.clips if clip.facts is not None}
    return landmarkers | (outcome.reenactments.landmarkers() if outcome.reenactments else set())


def _unused_files(dataset: Path, videos: pd.DataFrame, identities: pd.DataFrame) -> tuple[str, ...]:
    """Videos and portraits that no row names, relative to the data set."""
    used = set(videos["path"].dropna()) | set(identities["portrait"].dropna())
    files = [path for folder in ("videos", "portraits") for path in (dataset / folder).rglob("*") if path.is_file()]
    return tuple(sorted({path.relative_to(dataset).as_posix() for path in files} - used))


def _remove_empty_folders(dataset: Path) -> None:
    """Removes folders without files, whose names may be those of people who are no longer in the data set."""
    folders = [path for name in ("videos", "portraits") for path in (dataset / name).rglob("*") if path.is_dir()]
    for folder in sorted(folders, reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()
