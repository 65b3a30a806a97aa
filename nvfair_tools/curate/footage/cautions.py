"""What the card says to mind of a data set that was cut from footage."""

from __future__ import annotations

import pandas as pd

from nvfair_tools.quantities import count_text

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
        f"{count_text(len(usable), 'clip was', 'clips were')} cut out of {count_text(files, 'file')} of footage; "
        "`segments.parquet` says where each begins and ends. Clips of one file may follow each other within seconds."
    ]
    if unverified := len(usable) - confirmed:
        texts.append(
            f"Identity was not verified: of {unverified} of these clips nothing but the list says whom they show."
        )
    if confirmed:
        texts.append(
            f"{count_text(confirmed, 'clip shows', 'clips show')} the person of the label, by a face recogniser; "
            f"rejected: {wrong:,}."
        )
    if others := int((usable["others"] > 0).sum()):
        texts.append(
            f"{count_text(others, 'clip shows', 'clips show')} other people's faces as well, who may not have agreed "
            "to anything."
        )
    return texts
