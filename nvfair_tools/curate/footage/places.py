"""Writes the table that says where in footage the clips of a data set were cut out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nvfair_tools.curate.footage.cautions import NOT_VERIFIED
from nvfair_tools.curate.footage.person_check import CHECK, LIKENESS
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
