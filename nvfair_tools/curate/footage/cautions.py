"""What the card says to mind of a data set that was cut from footage."""

from __future__ import annotations

import pandas as pd

# Values of the column `person`, and the reason of a rejected clip.
CONFIRMED, OTHER, NOT_VERIFIED = "confirmed", "another person", "not verified"
OTHER_PERSON = "other_person"


def footage_cautions(segments: pd.DataFrame | None, videos: pd.DataFrame) -> list[str]:
    """Sentences on the clips that were cut from footage; none where there are none.

    segments, videos: tables of the data set.
    """
    if segments is None or segments.empty:
        return []
    by_video = videos.set_index("video")
    state = by_video["state"].reindex(segments["video"]).to_numpy()
    wrong = int((by_video["reason"].reindex(segments["video"]) == OTHER_PERSON).sum())
    usable = segments[state == "ok"]
    confirmed = int((usable["person"] == CONFIRMED).sum())
    files = segments["footage_sha256"].nunique()
    texts = [
        f"{len(usable)} clips were cut out of {files} file{'s' * (files != 1)} of footage; `segments.parquet` says "
        "where each begins and ends. Clips of one file may follow each other within seconds."
    ]
    if unverified := len(usable) - confirmed:
        texts.append(
            f"Identity was not verified: of {unverified} of these clips nothing but the list says whom they show."
        )
    if confirmed:
        texts.append(f"{confirmed} clips show the person of their label, by a face recogniser; {wrong} were rejected.")
    if others := int((usable["others"] > 0).sum()):
        texts.append(f"{others} clips show other people's faces as well, who may not have agreed to anything.")
    return texts
