"""What the videos of a finished data set may be used for: the decision about each, from its own files alone.

A set that was built with a consent table holds the answers (consent.parquet); they are judged for the day of the
question, so that a consent which has ended since refuses. Of any other set the columns say what is known: its usable
videos may train, and be moved, as its curator declared; about passing on and showing they say yes only by "any", no by
"no publication" and "no display", else nothing. Simulated people permit everything.
"""

from __future__ import annotations

import warnings
from collections.abc import Hashable
from dataclasses import replace
from datetime import date
from functools import cached_property

import numpy as np
import pandas as pd

from nvfair_tools.dataset.consents import read_consents
from nvfair_tools.dataset.reader import Dataset
from nvfair_tools.errors import NvfairError
from nvfair_tools.governance.decision import Decision, Item, Material, decide
from nvfair_tools.governance.declared import DECLARED_USES, declared_consent, with_words
from nvfair_tools.governance.licences import licences_in
from nvfair_tools.governance.uses import PURPOSES, SIMULATED, Answer, Consent, Purpose, Use

# What refuses in public and not on the curator's own machine, where nobody was asked use by use.
_NOT_ASKED = frozenset(("consent_unknown", "licence_unknown"))
_NOBODY = Consent.of({}, Answer("unknown", note="the data set has no answer of this person"))


def usable_for(dataset: Dataset, use: Use, day: date | None = None) -> Dataset:
    """The data set without the videos that may not be used so on a day (default, today); a warning counts them."""
    restricted = DatasetRights(dataset, day).restricted_to(use)
    if restricted is not dataset:
        is_refused = (restricted.videos["state"] != dataset.videos["state"]).to_numpy()
        counts = restricted.videos["reason"][is_refused].value_counts().sort_index()
        texts = ", ".join(f"{count:,} {reason}" for reason, count in counts.items())
        warnings.warn(f"{dataset.folder}: videos that may not be used for {use} are left out: {texts}", stacklevel=2)
    return restricted


class DatasetRights:
    """Decides about the videos of a data set for a day.

    day: default, today. Raises NvfairError where consent.parquet or the purpose in dataset.json cannot be read.
    """

    def __init__(self, dataset: Dataset, day: date | None = None) -> None:
        self._dataset = dataset
        self.day = date.today() if day is None else day
        self._consents = read_consents(dataset.folder)
        self._simulated = dataset.meta.get("simulated") is True
        self._governance = dataset.meta.get("governance", {})
        self._known: dict[Hashable, Decision] = {}

    @property
    def has_consents(self) -> bool:
        """Whether the set says what each person agreed to, use by use."""
        return self._consents is not None

    @cached_property
    def purpose(self) -> Purpose:
        """The purpose that the set was made for; research where it does not say."""
        stated = self._governance.get("purpose", "research")
        for purpose in PURPOSES:
            if purpose == stated:
                return purpose
        raise NvfairError(
            f"the purpose {stated!r} is unknown",
            where=self._dataset.folder / "dataset.json",
            expected=f"one of {', '.join(PURPOSES)}",
        )

    def decisions(self, videos: pd.DataFrame, use: Use) -> list[Decision]:
        """The decision about each row of a table of videos."""
        columns = [videos[name].tolist() for name in ("kind", "target", "driver", "licence", "permitted_use")]
        return [self._decide(use, *map(str, row)) for row in zip(*columns, strict=True)]

    def permitted(self, videos: pd.DataFrame, use: Use) -> np.ndarray:
        """Bool (N,): whether each row of a table of videos may be used."""
        return np.array([decision.permitted for decision in self.decisions(videos, use)], bool)

    def hidden(self, videos: pd.DataFrame) -> list[str]:
        """Why no picture of each video is in pages on this machine, in words; "" where there may be.

        Where nobody was asked use by use, the curator's own pages show what no word forbids; `decisions` says that it
        is not for the public.
        """
        return [
            ""
            if decision.permitted
            or (not self.has_consents and {refusal.reason for refusal in decision.refusals} <= _NOT_ASKED)
            else decision.detail
            for decision in self.decisions(videos, "display")
        ]

    def restricted_to(self, use: Use) -> Dataset:
        """The data set in which videos that may not be used so are rejected, with the reason, and so not usable."""
        usable = self._dataset.usable()
        refused = {
            place: decision
            for place, decision in zip(usable.index, self.decisions(usable, use), strict=True)
            if not decision.permitted
        }
        if not refused:
            return self._dataset
        videos = self._dataset.videos.copy()
        places = list(refused)
        videos.loc[places, "state"] = "rejected"
        videos.loc[places, "reason"] = [decision.reason for decision in refused.values()]
        videos.loc[places, "detail"] = [decision.detail for decision in refused.values()]
        return replace(self._dataset, videos=videos)

    def _decide(self, use: Use, kind: str, target: str, driver: str, licence: str, permitted_use: str) -> Decision:
        key = (use, kind == "real", target, driver, licence, permitted_use)
        if not self.has_consents:
            key = (use, kind == "real", "", "", licence, permitted_use)
        if key not in self._known:
            licences = licences_in(licence, self._governance.get("licences", {}))
            declared = frozenset(() if self.has_consents else DECLARED_USES)
            # The column joins the licences of all parts. They are asked about every use but the roles'.
            material = Material("generator", licences, declared)
            face, motion = self._consent(target, permitted_use), self._consent(driver, permitted_use)
            if kind == "real":
                item = Item.recording(face, replace(material, part="clip"))
            else:
                item = Item.reenactment(face, motion, [material])
            self._known[key] = decide(item, use, purpose=self.purpose, on=self.day)
        return self._known[key]

    def _consent(self, person: str, permitted_use: str) -> Consent:
        if self._consents is not None:
            return with_words(self._consents.get(person, _NOBODY), permitted_use)
        return with_words(SIMULATED, permitted_use) if self._simulated else declared_consent(permitted_use)
