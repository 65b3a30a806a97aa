"""What the videos of a finished data set may be used for: the decision about each, from its own files alone.

A set that was built with a consent table holds the answers (consent.parquet); they are judged for the day of the
question, so that a consent which has ended since refuses. Of any other set the columns say what is known: its usable
videos may train, and be moved, as its curator declared; about passing on and showing they say yes only by "any", no by
"no publication" and "no display", else nothing. Simulated people permit everything.
"""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nvfair_tools.dataset.consents import read_consents
from nvfair_tools.dataset.reader import Dataset
from nvfair_tools.errors import NvfairError
from nvfair_tools.governance.decision import REASONS, Decision, Item, Material, count_reasons, decide
from nvfair_tools.governance.declared import DECLARED_USES, declared_consent, with_words
from nvfair_tools.governance.licences import licences_in
from nvfair_tools.governance.uses import PURPOSES, SIMULATED, Answer, Consent, Purpose, Use

# What refuses in public and not on the curator's own machine, where nobody was asked use by use.
_NOT_ASKED = frozenset(("consent_unknown", "licence_unknown"))
_NOBODY = Consent.of({}, Answer("unknown", note="the data set has no answer of this person"))
# What pages that show people say where nobody was asked use by use.
NOT_ASKED_NOTE = (
    "Consent was not recorded person by person: nobody was asked whether they may be shown. Pictures here are for your "
    "own eyes; ask before you show them to others (docs/consent.md)."
)


# Why a row of videos.parquet has no video: people or licences, not a failure of anything.
_REFUSALS = (*REASONS, "revoked")


def refused_rows(videos: pd.DataFrame) -> pd.Series:
    """Bool, of each row of a table of videos: whether people or licences are why there is no video to use."""
    return videos["reason"].isin(_REFUSALS) & (videos["state"] == "rejected")


def usable_for(dataset: Dataset, use: Use, day: date | None = None) -> Dataset:
    """The data set without the videos that may not be used so on a day (default, today); a warning counts them."""
    restricted = DatasetRights(dataset, day).restricted_to(use)
    if restricted is not dataset:
        is_refused = (restricted.videos["state"] != dataset.videos["state"]).to_numpy()
        texts = count_reasons(restricted.videos["reason"][is_refused])
        warnings.warn(f"{dataset.folder}: videos that may not be used for {use} are left out: {texts}", stacklevel=2)
    return restricted


class VideoRights:
    """Decides about videos for a day, from what their data set's folder and dataset.json say.

    folder: has consent.parquet where people were asked use by use. meta: the content of dataset.json, of which
    `simulated` and `governance` count. day: default, today. Raises NvfairError where consent.parquet or the purpose
    cannot be read.
    """

    def __init__(self, folder: Path, meta: Mapping[str, Any], day: date | None = None) -> None:
        self.day = date.today() if day is None else day
        self._folder = folder
        self._consents = read_consents(folder)
        self._simulated = meta.get("simulated") is True
        self._governance = meta.get("governance", {})
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
            where=self._folder / "dataset.json",
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


class DatasetRights(VideoRights):
    """Decides about the videos and the people of a data set for a day; see `VideoRights`."""

    def __init__(self, dataset: Dataset, day: date | None = None) -> None:
        super().__init__(dataset.folder, dataset.meta, day)
        self._dataset = dataset

    @property
    def note(self) -> str:
        """What pages that show people of the set say about consent; "" where they were asked, or are simulated."""
        return "" if self.has_consents or self._simulated else NOT_ASKED_NOTE

    def unnamed(self, people: Iterable[str], *, public: bool) -> dict[str, str]:
        """Those of some people whose names and figures of their own are not shown, with the reason in words.

        Such a figure is no picture and no file: the person is asked about `display`, and no licence is. public: on
        pages for everybody. On the curator's own machine everybody is named where nobody was asked use by use.
        """
        if not public and not self.has_consents:
            return {}
        words = dict(zip(self._dataset.identities["identity"], self._dataset.identities["permitted_use"], strict=True))
        refused = {}
        for person in sorted(set(people)):
            item = Item((("person", self._consent(person, str(words.get(person, "")))),))
            decision = decide(item, "display", purpose=self.purpose, on=self.day)
            if not decision.permitted:
                refused[person] = decision.detail
        return refused

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
