"""What the tables of a data set add up to: hours, videos by split and generator, what was left out."""

from __future__ import annotations

import pandas as pd

from nvfair_tools.dataset.schema import SPLITS


def seconds_of(videos: pd.DataFrame) -> float:
    """How long some rows of the videos table last together, in seconds."""
    if videos.empty:
        return 0.0
    return float((videos["frames"] * videos["fps_den"] / videos["fps_num"]).astype(float).sum())


def count_videos(videos: pd.DataFrame) -> pd.DataFrame:
    """Counts usable videos by split, kind and generator: columns split, kind, generator, videos, frames, people."""
    table = videos.assign(generator=videos["generator"].fillna(""), order=videos["split"].map(SPLITS.index))
    groups = table.groupby(["order", "split", "kind", "generator"], sort=True)
    counts = groups.agg(videos=("video", "size"), frames=("frames", "sum"), people=("target", "nunique"))
    return counts.reset_index()


def count_unusable(videos: pd.DataFrame) -> pd.DataFrame:
    """Counts the videos that are not usable: columns kind, state, reason, videos."""
    unusable = videos[videos["state"] != "ok"]
    return unusable.groupby(["kind", "state", "reason"], sort=True).size().rename("videos").reset_index()


def count_rights(identities: pd.DataFrame) -> pd.DataFrame:
    """Counts people by what is known of their rights: columns source, licence, consent, permitted_use, people."""
    groups = identities.groupby(["source", "licence", "consent", "permitted_use"], sort=True)
    return groups.size().rename("people").reset_index()
