"""Cutting the footage of a recipe: rows of the list that are footage become rows of segments, one person in each."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

from nvfair_tools.curate.clip_checks.contents import content_digests
from nvfair_tools.curate.clip_checks.revoked_clips import REVOKED, split_by_name
from nvfair_tools.curate.footage.shot_work import (
    VERSION,
    CutsTask,
    CutsWorker,
    SegmentTask,
    SegmentWorker,
    ShotTask,
    ShotWorker,
    part_span,
)
from nvfair_tools.curate.session import Session
from nvfair_tools.governance.tombstones import RevokedPeople, revoked_people
from nvfair_tools.media.shots import VERSION as SHOTS_VERSION
from nvfair_tools.media.spans import VERSION as SPANS_VERSION
from nvfair_tools.media.spans import Span
from nvfair_tools.pipeline.items import ItemResult, item_id, item_text, ok, rejected
from nvfair_tools.recipe.clip_row import ClipRow, Segment
from nvfair_tools.recipe.landmarker_spec import LandmarkerSpec


@dataclass(frozen=True)
class _File:
    """A file of footage that has been read. sha256: of its content. cuts: result of finding its shots."""

    sha256: str
    cuts: ItemResult

    @property
    def base(self) -> Fraction:
        """Seconds of a tick of the file's times."""
        return Fraction(*self.cuts.facts["base"])


@dataclass(frozen=True)
class _Shot:
    """A shot of a row's file. number: from 1 within the file. span: its frames."""

    row: ClipRow
    file: _File
    number: int
    span: Span


def cut_footage(session: Session, rows: Sequence[ClipRow]) -> list[ClipRow]:
    """Replaces each row of footage by one row a segment, in order of time; other rows stay as they are.

    A segment's row has its video's path, a name with the numbers of its frames, and its place in the footage
    (`ClipRow.segment`), whose result says why a shot gives no clip. Rows that may not be used, or whose file cannot be
    read, stay uncut: the ingest says why.
    """
    people = revoked_people(session.dataset) if any(row.footage is not None for row in rows) else None
    to_cut = [row for row in rows if row.footage is not None and not row.is_track]
    to_cut = [row for row in split_by_name(to_cut, people)[0] if session.permissions.of_recording(row).permitted]
    if not to_cut:
        return list(rows)
    segments = find_segments(session, to_cut, people, store=True)
    return [
        replace(segment, where=f"{segment.where} ({segment.name})")
        for row in rows
        for segment in segments.get(row.where, [row])
    ]


def find_segments(
    session: Session, rows: Sequence[ClipRow], people: RevokedPeople | None = None, *, store: bool
) -> dict[str, list[ClipRow]]:
    """The rows of the segments of each row of footage, by `ClipRow.where`; files that cannot be read are left out.

    people: those who have withdrawn, whose files and segments are refused. store: whether segments are stored as
    videos; without it their rows keep the path of the footage.
    """
    files = _find_shots(session, rows, people)
    segments: dict[str, list[ClipRow]] = {}
    shots: list[_Shot] = []
    for row in rows:
        if (file := files.get(row.path)) is None:
            continue
        segments[row.where] = []
        if file.cuts.state != "ok":
            segments[row.where].append(_uncut(row, file, file.cuts))
        else:
            shots += _shots_of(row, file)
    for row in _segments_of_shots(session, shots, people, store=store):
        segments[row.where].append(row)
    for row in rows:
        if row.where in segments and not segments[row.where]:
            result = rejected("no_shot", f"it has no frame in {_seconds(row)}")
            segments[row.where].append(_uncut(row, files[row.path], result))
    return segments


def _find_shots(session: Session, rows: Sequence[ClipRow], people: RevokedPeople | None) -> dict[Path, _File]:
    """The files that can be read, by path, with the results of finding their shots."""
    owners: dict[Path, set[str]] = defaultdict(set)
    for row in rows:
        owners[row.path].add(row.identity)
    # The content of a file that shows several people is nobody's: when one of them leaves, the others stay.
    sole_owners = {str(path): next(iter(of_path)) for path, of_path in owners.items() if len(of_path) == 1}
    digests = content_digests(session, {str(path): path for path in owners}, sole_owners, people)
    contents = {path: digests[str(path)].facts["sha256"] for path in owners if digests[str(path)].state == "ok"}
    keep = session.recipe.policy.truncated == "keep"
    ids = {
        path: item_id("cuts", content=content, truncated=session.recipe.policy.truncated, version=SHOTS_VERSION)
        for path, content in contents.items()
    }
    session.runner.link_people((owner, "cuts", id) for path, id in ids.items() for owner in sorted(owners[path]))
    results = session.runner.run_items("cuts", CutsWorker, {id: CutsTask(path, keep) for path, id in ids.items()})
    return {path: _File(contents[path], results[id]) for path, id in ids.items()}


def _shots_of(row: ClipRow, file: _File) -> Iterator[_Shot]:
    """The shots of a row's file, those outside its seconds left out."""
    for number, (first, last, tick, stamp, last_tick) in enumerate(file.cuts.facts["shots"], 1):
        start, end = float(tick * file.base), float(last_tick * file.base)
        if row.span is None or (start < row.span[1] and row.span[0] <= end):
            yield _Shot(row, file, number, Span(first, last, start, stamp, file.base))


def _segments_of_shots(
    session: Session, shots: Sequence[_Shot], people: RevokedPeople | None, *, store: bool
) -> list[ClipRow]:
    """The rows of all segments of the shots, in their order; with `store`, their videos are stored."""
    looked = _look_through(session, shots)
    rows: list[ClipRow] = []
    tasks: dict[str, SegmentTask] = {}
    ids: dict[int, str] = {}  # place in `rows` -> item id
    for shot, result in zip(shots, looked, strict=True):
        if result.state != "ok":
            rows.append(_row(shot, _whole(shot), result))
            continue
        if not result.facts["parts"] and result.facts["frames"]:
            rows.append(_row(shot, _whole(shot), rejected("no_face", f"no face in any of {len(shot.span)} frames")))
        for part in result.facts["parts"]:
            row = _row(shot, part, _judged(shot, part, people))
            assert row.segment is not None
            if store and row.segment.result.state == "ok":
                id = item_id(
                    "segment", content=shot.file.sha256, first=part["first"], last=part["last"], version=SPANS_VERSION
                )
                output = session.workspace.segment_path(id)
                path = output.relative_to(session.dataset).as_posix()
                rate = Fraction(*shot.file.cuts.facts["rate"])
                tasks[id] = SegmentTask(shot.row.path, part_span(part, shot.span), output, path, rate)
                session.runner.link_people([(row.identity, "segment", id)])
                ids[len(rows)] = id
                row = replace(row, path=output)
            rows.append(row)
    if not store:
        return rows
    stored = session.runner.run_items(
        "segment", SegmentWorker, tasks, outputs={id: task.path for id, task in tasks.items()}
    )
    for place, id in ids.items():
        segment = rows[place].segment
        if segment is not None and stored[id].state != "ok":
            rows[place] = replace(rows[place], segment=replace(segment, result=stored[id]))
    return rows


def _look_through(session: Session, shots: Sequence[_Shot]) -> list[ItemResult]:
    """The results of looking for the person in each shot."""
    landmarker = LandmarkerSpec.from_recipe(session.recipe)
    fingerprint, longest_gap = landmarker.fingerprint(), session.recipe.policy.max_gap
    tasks: dict[str, ShotTask] = {}
    ids = []
    for shot in shots:
        rule, span = shot.row.footage, shot.span
        assert rule is not None
        ids.append(
            item_id(
                "shot",
                content=shot.file.sha256,
                first=span.first,
                last=span.last,
                seconds=shot.row.span,
                follow=rule.follow,
                max_seconds=rule.max_seconds,
                longest_gap=longest_gap,
                landmarker=fingerprint,
                version=VERSION,
            )
        )
        tasks[ids[-1]] = ShotTask(shot.row.path, span, shot.row.span, rule, longest_gap)
    session.runner.link_people((shot.row.identity, "shot", id) for shot, id in zip(shots, ids, strict=True))
    results = session.runner.run_items("shot", partial(ShotWorker, landmarker), tasks)
    return [results[id] for id in ids]


def _judged(shot: _Shot, part: Mapping[str, Any], people: RevokedPeople | None) -> ItemResult:
    """Whether a part may become a clip: "ok" with the digest that stands for its content, or why not."""
    rule = shot.row.footage
    assert rule is not None
    seconds = part["end"] - part["start"]
    if seconds < rule.min_seconds - 1e-6:
        return rejected("too_short", f"{seconds:.2f} s of one person; `footage` asks for {rule.min_seconds:g} s")
    digest = segment_digest(shot.file.sha256, part["first"], part["last"], rule.follow)
    if people is not None and (person := people.number_of_content(digest)) is not None:
        return rejected(REVOKED, person=person)
    return ok(sha256=digest)


def segment_digest(footage: str, first: int, last: int, follow: str) -> str:
    """What stands for a segment's content in ids and in lineages: a hash of the footage's, the frames, and whom it
    follows. footage: SHA-256 of the file."""
    text = item_text("segment of footage", content=footage, first=first, last=last, follow=follow, version=VERSION)
    return hashlib.sha256(text).hexdigest()


def _whole(shot: _Shot) -> dict[str, Any]:
    """A shot as a part without a person."""
    span = shot.span
    end = span.time + len(span) / float(Fraction(*shot.file.cuts.facts["rate"]))
    return {"first": span.first, "last": span.last, "start": span.time, "end": end}


def _row(shot: _Shot, part: Mapping[str, Any], result: ItemResult) -> ClipRow:
    first, last = part["first"], part["last"]
    face = part.get("face")
    segment = Segment(
        shot.row.path,
        shot.row.name,
        shot.file.sha256,
        shot.number,
        first,
        last,
        part["start"],
        part["end"],
        result,
        part.get("others", 0),
        part.get("others_share", 0.0),
        None if face is None else tuple(face),
        None if face is None else part_span(part, shot.span),
    )
    return replace(shot.row, name=segment_name(shot.row.name, first, last), segment=segment)


def _uncut(row: ClipRow, file: _File, result: ItemResult) -> ClipRow:
    """The row of footage that gives no segment at all."""
    start, end = row.span or (0.0, 0.0)
    return replace(row, segment=Segment(row.path, row.name, file.sha256, 0, 0, -1, start, end, result))


def segment_name(name: str, first: int, last: int) -> str:
    """The name of a segment: that of its file with the numbers of its frames."""
    folder, _, file = name.rpartition("/")
    stem, _, suffix = file.rpartition(".")
    stem, suffix = (stem, f".{suffix}") if stem else (file, "")
    return f"{folder}{'/' if folder else ''}{stem}_{first:06d}-{last:06d}{suffix}"


def _seconds(row: ClipRow) -> str:
    return "the file" if row.span is None else f"seconds {row.span[0]:g} to {row.span[1]:g}"
