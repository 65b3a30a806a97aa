"""Whether a data set may be passed on, and what each use of it is permitted: decided as everywhere, for a day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

import pandas as pd

from nvfair_tools.dataset.reader import Dataset
from nvfair_tools.dataset.rights import DatasetRights
from nvfair_tools.governance.decision import Decision
from nvfair_tools.governance.licences import Licence, known_licences, licences_in
from nvfair_tools.governance.uses import PURPOSES, USES, Purpose, Use

# Open: to everybody. Restricted: to some purposes. Closed: not passed on as it is.
Level = Literal["open", "restricted", "closed"]
_DECIDES = ["kind", "target", "driver", "licence", "permitted_use"]


@dataclass(frozen=True)
class UseCount:
    """What may be done with how many videos. refused: {reason: videos}, see `governance.decision.REASONS`."""

    use: Use
    permitted: int
    refused: Mapping[str, int]


@dataclass(frozen=True)
class Access:
    """Who may get a data set. purposes: those for which every video may be passed on. uses: counts for each use, for
    the set's own purpose. licences: those of its usable videos and people, each once."""

    level: Level
    purpose: Purpose
    purposes: tuple[Purpose, ...]
    uses: tuple[UseCount, ...]
    licences: tuple[Licence, ...]

    @property
    def redistribution(self) -> UseCount:
        """The counts of videos that may be passed on, and of those that may not."""
        return self.uses[USES.index("redistribution")]

    def spdx_licences(self) -> list[Licence]:
        """The licences that SPDX lists."""
        return [licence for licence in self.licences if is_spdx(licence)]


def is_spdx(licence: Licence) -> bool:
    """Whether SPDX lists a licence, so that its id has a page there."""
    return licence.id in known_licences() and not licence.id.startswith("LicenseRef-")


def judge_access(dataset: Dataset, day: date | None = None) -> Access:
    """What may be done with a data set's usable videos on a day (default, today), and by whom.

    Raises NvfairError where consent.parquet or the purpose in dataset.json cannot be read.
    """
    usable = dataset.videos[dataset.videos["state"] == "ok"]
    distinct = usable.groupby(_DECIDES, sort=True).size().rename("videos").reset_index()
    judge = DatasetRights(dataset, day)
    uses = tuple(_count_use(use, distinct, judge.decisions(distinct, use)) for use in USES)
    passed_on = uses[USES.index("redistribution")]
    by_purpose = {
        purpose: [
            decision
            for decision in _for_purpose(dataset, purpose, day).decisions(distinct, "redistribution")
            if not decision.permitted
        ]
        for purpose in PURPOSES
    }
    level: Level = "open"
    if usable.empty or passed_on.refused:
        level = "closed"
    elif any(
        refusal.reason == "scope_not_covered" for some in by_purpose.values() for d in some for refusal in d.refusals
    ):
        level = "restricted"
    licences = _licences(dataset, usable)
    purposes = tuple(purpose for purpose in PURPOSES if not by_purpose[purpose] and not usable.empty)
    return Access(level, judge.purpose, purposes, uses, licences)


def _count_use(use: Use, rows: pd.DataFrame, decisions: list[Decision]) -> UseCount:
    refused: Counter[str] = Counter()
    permitted = 0
    for count, decision in zip(rows["videos"].tolist(), decisions, strict=True):
        if decision.permitted:
            permitted += count
        else:
            refused[decision.reason] += count
    return UseCount(use, permitted, dict(sorted(refused.items())))


def _for_purpose(dataset: Dataset, purpose: Purpose, day: date | None) -> DatasetRights:
    governance = {**dataset.meta.get("governance", {}), "purpose": purpose}
    return DatasetRights(replace(dataset, meta={**dataset.meta, "governance": governance}), day)


def _licences(dataset: Dataset, usable: pd.DataFrame) -> tuple[Licence, ...]:
    own = dataset.meta.get("governance", {}).get("licences", {})
    texts = sorted({*usable["licence"], *dataset.identities["licence"]})
    known: dict[tuple[str, str], Licence] = {}
    for text in texts:
        for licence in licences_in(text, own):
            if licence.text:
                known.setdefault((licence.id, "" if is_spdx(licence) else licence.text), licence)
    return tuple(known[key] for key in sorted(known))
