"""Ingest: reads all listed files. Each clip gets its content hash, its face's track, a state and a reason.

A listed file is a video, or a track in place of one (`nvfair_tools.landmarks.track_files`).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from nvfair_tools.curate.clip_checks.contents import DigestWorker, content_digests
from nvfair_tools.curate.clip_checks.measuring import measured_facts
from nvfair_tools.curate.clip_checks.models import ClipModels
from nvfair_tools.curate.clip_checks.revoked_clips import DETAIL, REVOKED, anonymous_clips, split_by_name
from nvfair_tools.curate.session import Session
from nvfair_tools.governance.decision import Decision
from nvfair_tools.governance.tombstones import RevokedPeople, revoked_people
from nvfair_tools.landmarks.gaps import longest_gap
from nvfair_tools.landmarks.track_files import VERSION as LISTED_TRACK_VERSION
from nvfair_tools.landmarks.track_files import is_track_file, read_track_file
from nvfair_tools.media.decoding import whole_frames
from nvfair_tools.pipeline.items import ItemResult, failed, item_id, ok, rejected
from nvfair_tools.recipe.clip_list import ClipRow
from nvfair_tools.recipe.landmarker_spec import LandmarkerSpec
from nvfair_tools.recipe.permissions import Permissions
from nvfair_tools.recipe.recipe import Policy

VERSION = "2"  # of what is measured and stored for a clip

# Where more frames than this share (and more than two) have a wrong time, the right times cannot be known.
_MAX_REPAIRED_TIMES = 0.05


@dataclass(frozen=True)
class Clip:
    """A listed clip after ingest.

    id: hash of its content. result: how it ended, by the recipe's policy. track_id: id of its track, "" where it has
    none. facts (None where its frames were not read): frames, width, height, fps_num, fps_den, valid_share,
    longest_gap, flags, pose_cost and others, see `TrackWorker.run`.
    """

    id: str
    row: ClipRow
    split: str
    result: ItemResult
    sha256: str = ""
    track_id: str = ""
    facts: Mapping[str, Any] | None = None

    @property
    def usable(self) -> bool:
        """Whether the clip may be part of the data set."""
        return self.result.state == "ok"

    @property
    def fps(self) -> Fraction:
        """The clip's frame rate, which is known only where its frames were read."""
        assert self.facts is not None
        return Fraction(self.facts["fps_num"], self.facts["fps_den"])


def ingest(session: Session, rows: list[ClipRow], splits: Mapping[str, str]) -> list[Clip]:
    """Reads and tracks all listed clips; returns each with its state, in the order of `rows`.

    splits: {identity: split}. Clips of people who have withdrawn are not opened, and have no name in the results.
    Raises NvfairError where people have withdrawn and the key that recognises them is not on this machine.
    """
    policy = session.recipe.policy
    people = revoked_people(session.dataset)
    rows, withdrawn = split_by_name(rows, people)
    refusals = {
        row.where: decision
        for row in rows
        if row.terms is not None and not (decision := session.permissions.of_recording(row)).permitted
    }
    digests = _digests_of_all(session, rows, refusals, people)
    withdrawn += [(row, digests[row.where].facts["person"]) for row in rows if digests[row.where].reason == REVOKED]
    clips = [
        Clip(clip.id, clip.row, splits[clip.listed], rejected(REVOKED, DETAIL)) for clip in anonymous_clips(withdrawn)
    ]
    rows = [row for row in rows if digests[row.where].reason != REVOKED]
    clips += _screened(session.permissions, rows, splits, digests, refusals)
    landmarker = LandmarkerSpec.from_recipe(session.recipe)
    fingerprint = landmarker.fingerprint()
    clips = [_with_track_id(clip, fingerprint, policy) if clip.usable else clip for clip in clips]
    tasks = {
        clip.track_id: TrackTask(
            clip.row.path,
            session.workspace.track_path(clip.track_id),
            policy.truncated,
            face=clip.row.segment.face if clip.row.segment is not None else None,
        )
        for clip in clips
        if clip.usable
    }
    session.runner.link_people((clip.row.identity, "track", clip.track_id) for clip in clips if clip.usable)
    results = session.runner.run_items(
        "track",
        partial(TrackWorker, landmarker, _clip_models(session)),
        tasks,
        outputs={id: task.output.relative_to(session.dataset).as_posix() for id, task in tasks.items()},
    )
    return [_with_track_result(clip, results[clip.track_id], policy) if clip.usable else clip for clip in clips]


def _clip_models(session: Session) -> ClipModels | None:
    """The networks of the recipe's checks, so that clips are measured while they are decoded; None without checks."""
    return None if session.recipe.clip_checks is None else ClipModels.from_recipe(session.recipe)


def _with_track_id(clip: Clip, landmarker: str, policy: Policy) -> Clip:
    if clip.row.is_track:
        # No landmarker has seen it, and there is no video that may be cut off.
        id = item_id("track", content=clip.sha256, listed=LISTED_TRACK_VERSION, version=VERSION)
    else:
        id = item_id("track", content=clip.sha256, landmarker=landmarker, truncated=policy.truncated, version=VERSION)
    return replace(clip, track_id=id)


def _with_track_result(clip: Clip, result: ItemResult, policy: Policy) -> Clip:
    if result.state != "ok":
        return replace(clip, result=result)
    return replace(clip, result=apply_policy(result.facts, policy), facts=result.facts)


def apply_policy(facts: Mapping[str, Any], policy: Policy) -> ItemResult:
    """Judges whether a clip that was read is good enough: rejected with the first reason against it, else ok.

    The detail of an ok clip explains its flags.
    """
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
    notes = facts.get("notes", {})
    return ItemResult("ok", detail="; ".join(f"{flag}: {text}" for flag, text in sorted(notes.items())))


def _digests_of_all(
    session: Session, rows: list[ClipRow], refusals: Mapping[str, Decision], revoked: RevokedPeople | None
) -> dict[str, ItemResult]:
    """The hashes of all listed files, by `ClipRow.where`. revoked: people whose files are rejected.

    Files of people who have not agreed are compared with the others, to find copies under another name. Their hashes,
    and those of files of the same size, are computed anew each time and kept nowhere.
    """
    of_segments = {row.where: row.segment.result for row in rows if row.segment is not None}
    rows = [row for row in rows if row.segment is None]
    sizes = {row.where: row.path.stat().st_size for row in rows if os.path.isfile(row.path)} if refusals else {}
    refused_sizes = {size for where, size in sizes.items() if where in refusals}
    aside = {row.where for row in rows if row.where in refusals or sizes.get(row.where) in refused_sizes}
    owners = {row.where: row.identity for row in rows if row.where not in aside}
    paths = {row.where: row.path for row in rows if row.where not in aside}
    digests = content_digests(session, paths, owners, revoked)
    worker = DigestWorker(revoked)
    return of_segments | digests | {row.where: worker.run(row.path) for row in rows if row.where in aside}


def _screened(
    permissions: Permissions,
    rows: list[ClipRow],
    splits: Mapping[str, str],
    digests: Mapping[str, ItemResult],
    refusals: Mapping[str, Decision],
) -> list[Clip]:
    """The clips with their ids, rejected or failed where that is known before any frame is read: missing files, copies
    of another file, and uses that are not permitted. refusals: by `ClipRow.where`, of people in a consent table, of
    whose files nothing becomes part of a clip."""
    people_by_digest: dict[str, set[str]] = {}
    for row in rows:
        people_by_digest.setdefault(digests[row.where].facts.get("sha256", ""), set()).add(row.identity)
    refused_digests = {digests[where].facts.get("sha256", "") for where in refusals}
    first_name: dict[str, str] = {}  # content hash -> name of the first clip with this content
    copies: Counter[str] = Counter()
    clips = []
    for row in rows:
        if row.where in refusals:
            decision = refusals[row.where]
            id = item_id("unread", identity=row.identity, name=row.name)
            clips.append(Clip(id, row, splits[row.identity], rejected(decision.reason, decision.detail)))
            continue
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
            people = people_by_digest[digest]
            if digest in first_name:
                copies[digest] += 1
                clip = replace(clip, id=item_id("clip", content=digest, copy=copies[digest]))
            if len(people) > 1:
                detail = f"the same file is listed for {', '.join(sorted(people))}"
                clip = replace(clip, result=rejected("conflicting_identity", detail))
                if digest in refused_digests:
                    clip = replace(clip, id=item_id("unread", identity=row.identity, name=row.name), sha256="")
            elif digest in first_name:
                clip = replace(clip, result=rejected("duplicate_content", f"the same file as {first_name[digest]}"))
            elif not (decision := permissions.of_recording(row)).permitted:
                clip = replace(clip, result=rejected(decision.reason, decision.detail))
            first_name.setdefault(digest, row.name)
        clips.append(clip)
    return clips


@dataclass(frozen=True)
class TrackTask:
    """The files of one video to read and track.

    video: its file, or a listed track. output: the file to write. truncated: "fail" or "keep", what happens with a
    file that is cut off. content: what the output holds: the whole "track", or only its "frame rows", with or without
    the full mesh (see `frame_store`). face: box of the followed face in the first frame; None: the largest face.
    """

    video: Path
    output: Path
    truncated: str
    content: Literal["track", "frame rows", "frame rows with mesh"] = "track"
    face: tuple[float, float, float, float] | None = None


class TrackWorker:
    """Decodes whole videos and tracks the face in them. checks: measures them too, for the recipe's checks of clips."""

    def __init__(self, spec: LandmarkerSpec, checks: ClipModels | None = None) -> None:
        self._landmarker = spec.create()
        self._checks, self._recogniser = checks, spec.load_recogniser()
        self._models = None if checks is None else checks.load()

    def close(self) -> None:
        """Frees the models of its landmarker."""
        self._landmarker.close()

    def run(self, task: TrackTask) -> ItemResult:
        """Writes the task's output. facts: frames, width, height, fps_num, fps_den, codec, valid, valid_share,
        longest_gap (seconds), duration (seconds), flags, notes (what `probe` says about the file, by flag), pose_cost
        (see `pose_costs`), detector, version, bytes, path, and checks (`measured_facts`) where clips are measured.
        """
        from nvfair_tools.curate.frame_store import frame_rows, save_frame_rows
        from nvfair_tools.faces.frontality import pose_costs
        from nvfair_tools.landmarks.track import save_track
        from nvfair_tools.landmarks.tracking import track_frames
        from nvfair_tools.media import MediaError, probe

        if is_track_file(task.video):
            return store_listed_track(task)
        info = probe(task.video)
        if info.fps is None:
            raise MediaError("no_frame_rate", task.video, "its one frame has no duration, and no rate is stated")
        if info.problem and not (info.problem == "truncated" and task.truncated == "keep"):
            return failed(info.problem, info.problem_text, retryable=False)
        if info.repaired_times > max(2, _MAX_REPAIRED_TIMES * info.frames):
            text = f"the times of {info.repaired_times} of {info.frames} frames go back or stand still"
            remedy = "export it at a constant rate (ffmpeg -i OLD -fps_mode cfr NEW), and see whether it plays rightly"
            return failed("unusable_times", f"{text}; to fix it: {remedy}", retryable=False)
        frames = whole_frames(task.video, keep_truncated=bool(info.problem))
        meter = None if self._models is None else self._models.meter(info.frames)
        face = None if task.face is None else np.array(task.face)
        track = track_frames(frames, self._landmarker, (info.width, info.height), face=face, observer=meter)
        if self._recogniser is not None:
            from nvfair_tools.curate.clip_checks.same_person import flag_identity

            track = flag_identity(task.video, track, self._recogniser)
        flags = {*track.flags, *info.notes, *(("truncated",) if info.problem else ())}
        track = replace(track, flags=tuple(sorted(flags)))
        if task.content == "track":
            save_track(task.output, track)
        else:
            save_frame_rows(task.output, frame_rows(track, mesh=task.content == "frame rows with mesh"))
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
            notes=dict(info.notes),
            pose_cost=float(np.nanmin(costs)) if track.valid.any() else None,
            detector=track.detector,
            version=track.version,
            path=_relative_to_dataset(task.output),
            bytes=task.output.stat().st_size,
            **({} if self._checks is None else {"checks": measured_facts(meter, track, self._checks.method)}),
        )


def store_listed_track(task: TrackTask) -> ItemResult:
    """Writes a listed track as the track of its clip, with the facts of `TrackWorker.run`.

    Raises TrackFileError where the file cannot be used.
    """
    from nvfair_tools.landmarks.track import save_track

    listed = read_track_file(task.video)
    flags = sorted(listed.notes)
    track = replace(listed.track, flags=tuple(flags))
    save_track(task.output, track)
    return ok(
        frames=len(track),
        width=track.size[0],
        height=track.size[1],
        fps_num=listed.fps.numerator,
        fps_den=listed.fps.denominator,
        codec="",
        valid=int(track.valid.sum()),
        valid_share=float(track.valid.mean()),
        longest_gap=longest_gap(track.valid, track.time, float(1 / listed.fps)),
        duration=float(track.time[-1] + 1 / listed.fps),
        flags=flags,
        notes=dict(listed.notes),
        pose_cost=None,  # it gives no portrait
        detector=track.detector,
        version=track.version,
        path=_relative_to_dataset(task.output),
        bytes=task.output.stat().st_size,
    )


def _relative_to_dataset(track: Path) -> str:
    return Path(*track.parts[track.parts.index(".build") :]).as_posix()
