"""Which videos of a data set may be passed on today; governance decides (docs/consent.md)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import pandas as pd

from nvfair_tools.dataset.reader import Dataset
from nvfair_tools.dataset.rights import DatasetRights
from nvfair_tools.errors import NvfairError
from nvfair_tools.governance.decision import REASONS
from nvfair_tools.governance.uses import Purpose, Use
from nvfair_tools.quantities import count_text

USE: Use = "redistribution"


@dataclass(frozen=True)
class PermittedVideos:
    """The usable videos that may be passed on. refused: how many may not, by reason. day, purpose: of the decision."""

    videos: pd.DataFrame
    refused: Mapping[str, int]
    day: date
    purpose: Purpose


def permitted_videos(dataset: Dataset, day: date | None = None) -> PermittedVideos:
    """Decides about every usable video of a data set, for a day (default: today)."""
    rights = DatasetRights(dataset, day)
    usable = dataset.usable().sort_values("video")
    decisions = rights.decisions(usable, USE)
    refused = Counter(decision.reason for decision in decisions if not decision.permitted)
    videos = usable[[decision.permitted for decision in decisions]]
    return PermittedVideos(videos, dict(sorted(refused.items())), rights.day, rights.purpose)


def check_permitted(dataset: Dataset, judged: PermittedVideos, remedy: str) -> None:
    """Raises NvfairError, with the number of videos by reason, where any may not be passed on."""
    if judged.refused:
        count = sum(judged.refused.values())
        raise NvfairError(
            f"{count:,} of {count_text(count + len(judged.videos), 'video')} may not be passed on, as of {judged.day} "
            f"for {judged.purpose}: {reasons_text(judged.refused)}",
            where=dataset.folder,
            expected="a yes to redistribution from everybody in a video, and licences that permit it (docs/consent.md)",
            remedy=remedy,
        )


def reasons_text(counts: Mapping[str, int]) -> str:
    """Counts of refused videos by reason, in words."""
    return ", ".join(f"{count:,} {reason} ({REASONS.get(reason, reason)})" for reason, count in counts.items())
