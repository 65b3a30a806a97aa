"""What a data set says of the footage that it was cut from: a table of places, and what its users must mind."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nvfair_tools.curate.footage.person_check import CHECK, CONFIRMED, LIKENESS, NOT_VERIFIED, OTHER_PERSON
from nvfair_tools.curate.ingest import Clip
from nvfair_tools.curate.session import Session
from nvfair_tools.dataset.segments import SEGMENTS_FILE, write_segments


def write_places(session: Session, clips: Sequence[Clip]) -> list[Path]:
    """Writes the table of the clips that were cut from footage; returns the file, none where there is no such clip.

    A file of an earlier recipe is deleted.
    """
    rows = [
        {
            "video": clip.id,
            "identity": clip.row.identity,
            "footage": place.name,
            "footage_sha256": place.sha256,
            "shot": place.shot,
            "first_frame": place.first,
            "last_frame": place.last,
            "start": place.start,
            "end": place.end,
            "others": place.others,
            "others_share": place.others_share,
            "person": (clip.facts or {}).get(CHECK, NOT_VERIFIED),
            "likeness": (clip.facts or {}).get(LIKENESS),
        }
        for clip in clips
        if (place := clip.row.segment) is not None
    ]
    if not rows:
        (session.dataset / SEGMENTS_FILE).unlink(missing_ok=True)
        return []
    return [write_segments(session.dataset, rows)]


def footage_cautions(clips: Sequence[Clip]) -> list[str]:
    """Sentences on a data set that was cut from footage; none for any other."""
    of_footage = [clip for clip in clips if clip.row.segment is not None]
    if not of_footage:
        return []
    usable = [clip for clip in of_footage if clip.usable]
    confirmed = sum((clip.facts or {}).get(CHECK) == CONFIRMED for clip in usable)
    others = sum(clip.row.segment is not None and clip.row.segment.others > 0 for clip in usable)
    wrong = sum(clip.result.reason == OTHER_PERSON for clip in of_footage)
    files = len({clip.row.segment.sha256 for clip in of_footage if clip.row.segment is not None})
    texts = [
        f"{len(usable)} clips were cut out of {files} file{'s' * (files != 1)} of footage; `{SEGMENTS_FILE}` says "
        "where each begins and ends. Clips of one file may follow each other within seconds."
    ]
    if unverified := len(usable) - confirmed:
        texts.append(
            f"Identity was not verified: of {unverified} of these clips nothing but the list says whom they show."
        )
    if confirmed:
        texts.append(f"{confirmed} clips show the person of their label, by a face recogniser; {wrong} were rejected.")
    if others:
        texts.append(f"{others} clips show other people's faces as well, who may not have agreed to anything.")
    return texts
