"""Ingest: from listed files to clips whose content, length and face are known, each with a state and a reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from nvfair_tools.curate.session import Session
from nvfair_tools.files import sha256_of
from nvfair_tools.media.decoding import whole_frames
from nvfair_tools.pipeline.engines.local import LocalEngine
from nvfair_tools.pipeline.items import ItemResult, failed, item_id, ok, rejected
from nvfair_tools.pipeline.stage import run_stage, single_items
from nvfair_tools.recipe.clip_list import ClipRow
from nvfair_tools.recipe.landmarker_spec import Tracker
from nvfair_tools.recipe.recipe import Policy, Recipe

VERSION = "1"  # of what is measured and stored for a clip


@dataclass(frozen=True)
class Clip:
    """A listed clip after ingest. id: of its content; result: how it ended, by the recipe's policy; track: id of its
    track, "" where it has none. facts (where its frames were read): frames, width, height, fps_num, fps_den,
    valid_share, longest_gap, flags, pose_cost and others, see `TrackWorker.run`."""

    id: str
    row: ClipRow
    split: str
    result: ItemResult
    sha256: str = ""
    track: str = ""
    facts: Mapping[str, Any] | None = None

    @property
    def usable(self) -> bool:
        """Whether it may be part of the data set."""
        return self.result.state == "ok"

    @property
    def fps(self) -> Fraction:
        """Its frame rate; only where its frames were read."""
        assert self.facts is not None
        return Fraction(self.facts["fps_num"], self.facts["fps_den"])


def ingest(session: Session, rows: list[ClipRow], splits: Mapping[str, str]) -> list[Clip]:
    """Every listed clip with its state, in the rows' order."""
    digests = content_digests(session, {row.where: row.path for row in rows})
    clips = _named(session.recipe, rows, splits, digests)
    tracker = Tracker.of(session.recipe)
    landmarker = tracker.id()
    to_track = {
        clip.track: TrackTask(clip.row.path, session.workspace.track(clip.track), session.recipe.policy.truncated)
        for clip in clips
        if clip.usable
        for clip in [_with_track(clip, landmarker, session.recipe.policy)]
    }
    factory = partial(TrackWorker, tracker)
    results = run_stage(
        session.runner,
        "track",
        factory,
        single_items(to_track),
        outputs={id: _inside(session, task.track) for id, task in to_track.items()},
    )
    done = []
    for clip in clips:
        if clip.usable:
            clip = _with_track(clip, landmarker, session.recipe.policy)
            result = results[clip.track]
            facts = result.facts if result.state == "ok" else None
            if facts is not None:
                result = judge(facts, session.recipe.policy)
            clip = replace(clip, result=result, facts=facts)
        done.append(clip)
    return done


def _with_track(clip: Clip, landmarker: str, policy: Policy) -> Clip:
    id = item_id("track", content=clip.sha256, landmarker=landmarker, truncated=policy.truncated, version=VERSION)
    return replace(clip, track=id)


def _inside(session: Session, path: Path) -> str:
    return path.relative_to(session.dataset).as_posix()


def judge(facts: Mapping[str, Any], policy: Policy) -> ItemResult:
    """Whether a clip that was read is good enough; the first reason against it, else ok."""
    if facts["valid"] == 0:
        return rejected("no_face", f"no face in any of {facts['frames']} frames")
    if facts["frames"] < policy.min_frames:
        return rejected("too_short", f"{facts['frames']} frames; the policy asks for {policy.min_frames}")
    if facts["valid_share"] < policy.min_valid_share:
        share = f"a face in {facts['valid_share']:.1%} of frames"
        return rejected("low_valid_share", f"{share}; the policy asks for {policy.min_valid_share:.1%}")
    if facts["longest_gap"] > policy.max_gap + 1e-6:
        gap = f"{facts['longest_gap']:.2f} s without a face"
        return rejected("long_gap", f"{gap}; the policy allows {policy.max_gap:g} s")
    if policy.several_faces == "reject" and "several_faces" in facts["flags"]:
        return rejected("several_faces", "more than one face; the policy rejects such clips")
    return ok()


def content_digests(session: Session, files: Mapping[str, Path]) -> dict[str, ItemResult]:
    """{key: result with the file's sha256} of `files`, key -> path; remembered while size and time of change stay."""
    payloads, keys = {}, {}
    for key, path in files.items():
        try:
            stat = path.stat()
            seen = [stat.st_size, stat.st_mtime_ns]
        except OSError:
            seen = []
        keys[key] = item_id("file", path=str(path), seen=seen)
        payloads[keys[key]] = path
    # The disk sets the pace, so this process reads by itself.
    results = run_stage(session.runner, "read", DigestWorker, single_items(payloads), engine=LocalEngine(0))
    return {key: results[id] for key, id in keys.items()}


def _named(
    recipe: Recipe, rows: list[ClipRow], splits: Mapping[str, str], digests: Mapping[str, ItemResult]
) -> list[Clip]:
    """Clips with their ids and with what is known before any frame is read: absence, copies, rights."""
    owners: dict[str, set[str]] = {}
    for row in rows:
        owners.setdefault(digests[row.where].facts.get("sha256", ""), set()).add(row.identity)
    first: dict[str, str] = {}
    copies: Counter[str] = Counter()
    clips = []
    for row in rows:
        result = digests[row.where]
        digest = result.facts.get("sha256", "")
        clip = Clip(
            item_id("clip", content=digest) if digest else item_id("unread", identity=row.identity, name=row.name),
            row,
            splits[row.identity],
            result if result.state != "ok" else ok(),
            digest,
        )
        if digest:
            shared = owners[digest]
            if digest in first:
                copies[digest] += 1
                clip = replace(clip, id=item_id("clip", content=digest, copy=copies[digest]))
            if len(shared) > 1:
                told = f"the same file is listed for {', '.join(sorted(shared))}"
                clip = replace(clip, result=rejected("conflicting_identity", told))
            elif digest in first:
                clip = replace(clip, result=rejected("duplicate_content", f"the same file as {first[digest]}"))
            elif row.permitted_use not in recipe.rights.render_if:
                told = f"permitted use is {row.permitted_use!r}; the recipe renders {recipe.rights.render_if}"
                clip = replace(clip, result=rejected("use_not_permitted", told))
            first.setdefault(digest, row.name)
        clips.append(clip)
    return clips


class DigestWorker:
    """Reads files' content hashes."""

    def prepare(self, shared: None) -> None:
        """Nothing is shared."""

    def run(self, prepared: None, path: Path) -> ItemResult:
        """facts: sha256 of the file's content."""
        if not path.is_file():
            return failed("missing_file", "there is no such file", retryable=True)
        return ok(sha256=sha256_of(path))


@dataclass(frozen=True)
class TrackTask:
    """A clip to read: its file, where its track goes, and what a file that is cut off means.

    rows: None to keep the whole track; else only what a part holds of it (see `frame_store`), with the mesh where True.
    """

    path: Path
    track: Path
    truncated: str
    rows: bool | None = None


class TrackWorker:
    """Decodes clips in full and follows the face."""

    def __init__(self, tracker: Tracker) -> None:
        self._landmarker = tracker.make()
        self._recogniser = None
        if tracker.recogniser is not None:
            from nvfair_tools.curate.clip_checks.same_person import Recogniser
            from nvfair_tools.faces.insight import pack_folder

            named = tracker.recogniser
            self._recogniser = Recogniser(named if isinstance(named, Path) else pack_folder(named))

    def prepare(self, shared: None) -> None:
        """Nothing is shared."""

    def run(self, prepared: None, task: TrackTask) -> ItemResult:
        """Writes the track. facts: frames, width, height, fps_num, fps_den, codec, valid, valid_share, longest_gap
        (seconds), duration (seconds), flags, pose_cost (see `pose_costs`), detector, version, bytes, path."""
        from nvfair_tools.curate.frame_store import rows_of_track, save_rows
        from nvfair_tools.faces.frontality import pose_costs
        from nvfair_tools.landmarks.track import save_track
        from nvfair_tools.landmarks.tracking import track_frames
        from nvfair_tools.media import MediaError, probe

        info = probe(task.path)
        if info.fps is None:
            raise MediaError("corrupt", task.path, "it states no frame rate")
        if info.problem and not (info.problem == "truncated" and task.truncated == "keep"):
            return failed(info.problem, f"after {info.frames} whole frames", retryable=False)
        frames = whole_frames(task.path, keep_truncated=bool(info.problem))
        track = track_frames(frames, self._landmarker, (info.width, info.height))
        if self._recogniser is not None:
            from nvfair_tools.curate.clip_checks.same_person import flag_identity

            track = flag_identity(task.path, track, self._recogniser)
        flags = set(track.flags)
        flags |= {"truncated"} if info.problem else set()
        flags |= {"variable_frame_rate"} if info.variable_frame_rate else set()
        track = replace(track, flags=tuple(sorted(flags)))
        if task.rows is None:
            save_track(task.track, track)
        else:
            save_rows(task.track, rows_of_track(track, mesh=task.rows))
        costs = pose_costs(track.mesh)
        return ok(
            frames=len(track),
            width=track.size[0],
            height=track.size[1],
            fps_num=info.fps.numerator,
            fps_den=info.fps.denominator,
            codec=info.codec,
            valid=int(track.valid.sum()),
            valid_share=float(track.valid.mean()),
            longest_gap=longest_gap(track.valid, track.time, float(1 / info.fps)),
            duration=float(track.time[-1] - track.time[0] + 1 / info.fps),
            flags=sorted(flags),
            pose_cost=float(np.nanmin(costs)) if track.valid.any() else None,
            detector=track.detector,
            version=track.version,
            path=_relative_to_dataset(task.track),
            bytes=task.track.stat().st_size,
        )


def _relative_to_dataset(track: Path) -> str:
    return Path(*track.parts[track.parts.index(".build") :]).as_posix()


def longest_gap(valid: np.ndarray, time: np.ndarray, interval: float) -> float:
    """Longest time in seconds without a face: from the first frame without one to the next frame with one.

    valid: bool (T,). time: seconds (T,). interval: of one frame, which ends a gap that reaches the clip's end.
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[True], np.asarray(valid, dtype=bool), [True]])))
    times = np.append(time, time[-1] + interval) if len(time) else np.zeros(1)
    starts, ends = edges[0::2], edges[1::2]
    return float(np.max(times[ends] - times[starts], initial=0.0))


def counts(clips: Iterable[Clip]) -> Counter[tuple[str, str]]:
    """How many clips ended in each state and reason."""
    return Counter((clip.result.state, clip.result.reason) for clip in clips)
