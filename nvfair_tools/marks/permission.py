"""Whether a video may be passed on: what its data set says, or its own tags where it lies in none."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

from nvfair_tools.dataset import Dataset
from nvfair_tools.dataset.rights import DatasetRights
from nvfair_tools.governance.decision import Item, Material, decide
from nvfair_tools.governance.declared import DECLARED_USES, declared_consent
from nvfair_tools.governance.licences import licences_in

_REMEDY = "a consent table can say yes, or permitted use 'any' (docs/consent.md)"


class PublicationPermission:
    """Answers for the videos in a folder. day: for which consents are judged; default, today.

    Raises NvfairError where the folder lies in a data set that cannot be read.
    """

    def __init__(self, folder: Path, day: date | None = None) -> None:
        self._day = date.today() if day is None else day
        self._refusals: dict[Path, str] = {}
        self._dataset_folder = _dataset_around(folder)
        if self._dataset_folder is not None:
            dataset = Dataset.open(self._dataset_folder)
            videos = dataset.videos[dataset.videos["path"].notna()]
            decisions = DatasetRights(dataset, self._day).decisions(videos, "redistribution")
            for path, decision in zip(videos["path"], decisions, strict=True):
                self._refusals[(self._dataset_folder / path).resolve()] = decision.detail

    def problem(self, video: Path, tags: Mapping[str, str]) -> str:
        """Why a video may not be passed on, in words; "" where it may. tags: its own."""
        if self._dataset_folder is None:
            detail = self._refused_by_tags(tags)
        else:
            detail = self._refusals.get(video.resolve(), "it is no video of the data set around it")
        return f"it may not be passed on: {detail}; {_REMEDY}" if detail else ""

    def _refused_by_tags(self, tags: Mapping[str, str]) -> str:
        person = declared_consent(tags.get("permitted_use", ""))
        material = Material("clip", licences_in(tags.get("licence", ""), {}), frozenset(DECLARED_USES))
        item = Item.recording(person, material)
        return decide(item, "redistribution", purpose="research", on=self._day).detail


def _dataset_around(folder: Path) -> Path | None:
    """The data set that a folder is, or lies in; None where there is none."""
    place = folder.resolve()
    return next((path for path in (place, *place.parents) if (path / "dataset.json").is_file()), None)
