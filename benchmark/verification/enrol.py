"""Enrols a person from videos that the person has agreed to."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import numpy as np

from benchmark.methods.method import Method
from benchmark.protocols.schema import Protocol
from benchmark.verification.enrolment import ConsentRecord, EnrolledVideo, Enrolment, LandmarkerIdentity
from benchmark.verification.face_windows import DEFAULT_METHOD, FaceWindows, LoadedMethod, load_method
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.files import make_folder, sha256_of
from nvfair_tools.governance.decision import Item, decide
from nvfair_tools.governance.uses import ANY_PURPOSE, ENROLMENT, PURPOSES, Answer, Consent, Purpose
from nvfair_tools.identity import parse_identity
from nvfair_tools.landmarks.landmarker import Landmarker, create_landmarker
from nvfair_tools.media.errors import MediaError
from nvfair_tools.quantities import count_text

DAYS = 365  # that an enrolment lasts, unless consent ends earlier
_FEW_SECONDS = 30.0


def stated_consent(evidence: str, agreed: date, *, until: date | None = None, scope: Sequence[str] = ()) -> Consent:
    """A consent to enrolment that whoever calls this states, where there is no consent table.

    evidence: where the signed form lies. agreed, until: its first and last day. scope: purposes that it covers, of
    research, education, commercial and any. Raises NvfairError where evidence or scope says nothing.
    """
    if len(evidence.strip()) < 3:
        raise NvfairError(
            f"evidence is {evidence!r}", expected="where the signed form lies, such as 'form 12, folder B'"
        )
    unknown = [purpose for purpose in scope if purpose not in (*PURPOSES, ANY_PURPOSE)]
    if unknown or not scope:
        raise NvfairError(
            f"scope is {', '.join(scope) or 'empty'}", expected=f"some of {', '.join(PURPOSES)}, or {ANY_PURPOSE}"
        )
    if until is not None and until < agreed:
        raise NvfairError(f"the consent ends on {until}, before it begins on {agreed}", remedy="correct one of them")
    answer = Answer("yes", "stated", frozenset(scope), since=agreed, expires=until, evidence=evidence.strip())
    return Consent.of({ENROLMENT: answer}, Answer("unknown"))


def enrol(
    person: str,
    videos: Sequence[str | Path] | str | Path,
    *,
    consent: Consent,
    out: str | Path | None = None,
    method: Method | str | Path = DEFAULT_METHOD,
    protocol: Protocol | str | Path | None = None,
    purpose: Purpose = "research",
    expires: date | None = None,
    on: date | None = None,
    landmarker: Landmarker | None = None,
    largest_face: bool = False,
    device: str = "cpu",
    progress: Callable[[str, float], None] = lambda video, seconds: None,
) -> Enrolment:
    """Enrols a person: embeds the windows of videos that show how the person moves.

        consent = nvfair_tools.read_consent("consent.csv", "lab:ann")
        person = enrol("lab:ann", ["ann-1.mp4", "ann-2.mp4"], consent=consent)

    person: `namespace:id`. videos: files in which the person's own face moves, alone in the picture. consent: what the
    person agreed to; a yes to `enrolment` is needed. out: where the enrolment is written; None keeps it in memory.
    method, protocol: what embeds, and which windows and scoring (see `load_method`). purpose: what it is used for.
    expires: its last day; by default a year, never after the consent's last day. on: today. landmarker: one that is
    open; by default the usual one. largest_face: whether to go on where others are seen too. progress: called with a
    video's name and the seconds of it that are done.

    Raises NvfairError without consent, Problems that names every video that cannot be read, is there twice or has no
    window.
    """
    parse_identity(person)
    on = on or date.today()
    record, last_day = _permission(person, consent, purpose, expires, on)
    paths = [Path(video) for video in ([videos] if isinstance(videos, (str, Path)) else videos)]
    if not paths:
        raise NvfairError("no video to enrol from", expected="one video or more that shows how the person moves")
    if out is not None:
        make_folder(Path(out).absolute().parent)
    loaded = load_method(method, protocol, device)
    owned = landmarker is None
    landmarker = landmarker or create_landmarker()
    try:
        embedded = _embed_all(paths, loaded, landmarker, largest_face, progress)
    finally:
        if owned:
            landmarker.close()
    enrolment = Enrolment(
        id=secrets.token_hex(8),
        person=person,
        method=loaded.identity,
        landmarker=LandmarkerIdentity(landmarker.name, landmarker.version),
        protocol=loaded.protocol,
        consent=record,
        created=on,
        expires=last_day,
        videos=tuple(video for video, _ in embedded),
        embeddings=np.concatenate([rows for _, rows in embedded]),
        video=np.repeat(np.arange(len(embedded)), [len(rows) for _, rows in embedded]),
    )
    return enrolment if out is None else enrolment.save(out)


def quality_notes(enrolment: Enrolment) -> list[str]:
    """What to mind of an enrolment, in sentences; empty where nothing is."""
    notes = []
    if enrolment.seconds < _FEW_SECONDS:
        notes.append(
            f"{enrolment.seconds:.0f} s are little to know a person by: {_FEW_SECONDS:.0f} s or more are better"
        )
    if len(enrolment.videos) < 2:
        notes.append("one video shows one occasion: videos of several days and clothes, moods and cameras are better")
    return notes + [
        f"video {number + 1}: {note}" for number, video in enumerate(enrolment.videos) for note in video.notes
    ]


def _permission(
    person: str, consent: Consent, purpose: Purpose, expires: date | None, on: date
) -> tuple[ConsentRecord, date]:
    """The record of the consent, and the last day of the enrolment. Raises NvfairError where it is not permitted."""
    decision = decide(Item((("person", consent),)), ENROLMENT, purpose=purpose, on=on)
    if not decision.permitted:
        raise NvfairError(
            f"{person} may not be enrolled: {decision.detail}",
            expected=f"a yes to `enrolment` for {purpose}",
            remedy="ask the person; record the answer in the column `enrolment` of the consent table, or state it with "
            "its evidence",
        )
    answer = consent.to(ENROLMENT)
    last_day = min(filter(None, (expires or on + timedelta(days=DAYS), answer.expires)))
    if last_day < on:
        raise NvfairError(f"the enrolment would end on {last_day}, before today, {on}", remedy="name a later day")
    return (
        ConsentRecord(
            basis=answer.basis,
            evidence=answer.evidence,
            agreed=answer.since.isoformat() if answer.since else "",
            expires=answer.expires.isoformat() if answer.expires else "",
            purpose=purpose,
        ),
        last_day,
    )


def _embed_all(
    paths: Sequence[Path],
    loaded: LoadedMethod,
    landmarker: Landmarker,
    largest_face: bool,
    progress: Callable[[str, float], None],
) -> list[tuple[EnrolledVideo, np.ndarray]]:
    """Each video with its embeddings (W, D). Raises Problems."""
    embedded: list[tuple[EnrolledVideo, np.ndarray]] = []
    problems: list[str] = []
    first_of: dict[str, Path] = {}
    for path in paths:
        if not path.is_file():
            problems.append(f"{path}: no such file; correct the path")
            continue
        digest = sha256_of(path)
        if digest in first_of:
            problems.append(f"{path}: the same file as {first_of[digest]}; name it once")
            continue
        first_of[digest] = path
        windows = FaceWindows(
            path,
            loaded,
            landmarker,
            largest_face=largest_face,
            progress=partial(progress, path.name),
        )
        try:
            every = [(window.embedding, window.reason) for window in windows]
        except MediaError as error:
            problems.append(f"{path}: {error.what}; {error.remedy}")
            continue
        if windows.shots.other_face is not None:
            seconds = windows.shots.other_face
            problems.append(f"{path}: from {seconds:.1f} s on the face is shaped otherwise; cut the video (nvfair cut)")
            continue
        if windows.shots.first_cut is not None:
            problems.append(f"{path}: there is a cut at {windows.shots.first_cut:.1f} s; cut the video (nvfair cut)")
            continue
        rows = [embedding for embedding, _ in every if embedding is not None]
        if not rows:
            reasons = sorted({reason for _, reason in every}) or ["shorter than a window"]
            problems.append(
                f"{path}: no window of {loaded.protocol.time.window} frames is whole ({', '.join(reasons)})"
            )
            continue
        notes = list(windows.notes())
        if len(rows) < len(every):
            reasons = sorted({reason for _, reason in every if reason})
            all_windows = count_text(len(every), "window")
            notes.append(f"left out: {len(every) - len(rows)} of {all_windows} ({', '.join(reasons)})")
        embedded.append((EnrolledVideo(digest, windows.seconds, len(rows), tuple(notes)), np.stack(rows)))
    if problems:
        raise Problems("videos to enrol", problems, remedy="replace these videos, or leave them out")
    return embedded
