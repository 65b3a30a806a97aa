"""What the tables of a data set know about it, gathered once for every file that describes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from nvfair_tools.dataset.consents import read_consents
from nvfair_tools.dataset.publication import Publication
from nvfair_tools.dataset.reader import Dataset
from nvfair_tools.dataset.writer import whole_numbers
from nvfair_tools.governance.uses import Consent
from nvfair_tools.leakage.audit import LeakageAudit, audit_tables
from nvfair_tools.media.source_types import ALGORITHM, SOURCE_TYPE_TAG, SOURCE_TYPE_URI
from nvfair_tools.metadata.access import Access, judge_access
from nvfair_tools.metadata.counts import seconds_of
from nvfair_tools.quantities import count_text, duration_text
from nvfair_tools.recipe.known_collections import COLLECTIONS
from nvfair_tools.recipe.public_collection import PublicCollection

# DOIs of published releases that `nvfair import` reads.
_DOI_OF_RELEASE = {"AVAPrintDB": "10.5281/zenodo.20548978"}
KEYWORDS = ("avatar fingerprinting", "talking head", "face reenactment", "synthetic media", "biometrics", "landmarks")


@dataclass(frozen=True)
class Description:
    """A data set and what is known about it.

    dataset: its tables and meta, finished or about to be. audit: what leaks. access: who may get it. publication: what
    its curator states. cautions: what its users must mind, in sentences. consents: what people agreed to, by identity;
    None where nobody was asked use by use.
    """

    dataset: Dataset
    audit: LeakageAudit
    access: Access
    publication: Publication
    cautions: tuple[str, ...]
    consents: Mapping[str, Consent] | None

    @classmethod
    def of(
        cls,
        dataset: Dataset,
        *,
        audit: LeakageAudit | None = None,
        cautions: Iterable[str] | None = None,
        day: date | None = None,
    ) -> Description:
        """Gathers what is known. audit: default, that of the tables and stored landmarks. cautions: default, those of
        dataset.json. day: for which rights are judged; default, today.

        Raises NvfairError where a file of the data set cannot be read.
        """
        dataset = replace(dataset, videos=whole_numbers(dataset.videos))
        return cls(
            dataset,
            audit or audit_tables(dataset.folder, dataset.meta, dataset.identities, dataset.videos),
            judge_access(dataset, day),
            Publication.model_validate(dataset.meta.get("publication", {})),
            tuple(dataset.meta.get("cautions", ()) if cautions is None else cautions),
            read_consents(dataset.folder),
        )

    @property
    def folder(self) -> Path:
        """The folder of the data set."""
        return self.dataset.folder

    @property
    def meta(self) -> Mapping[str, Any]:
        """The content of dataset.json, as far as it is known before its hashes."""
        return self.dataset.meta

    @property
    def identities(self) -> pd.DataFrame:
        """The table of people: one row each."""
        return self.dataset.identities

    @property
    def videos(self) -> pd.DataFrame:
        """The table of videos, whatever became of them."""
        return self.dataset.videos

    @cached_property
    def usable(self) -> pd.DataFrame:
        """The videos whose state is ok."""
        return self.videos[self.videos["state"] == "ok"]

    @property
    def simulated(self) -> bool:
        """Whether the people of the data set do not exist."""
        return self.meta.get("simulated") is True

    @property
    def people(self) -> str:
        """How many people the data set has, and whether they exist."""
        if self.simulated:
            return f"{count_text(len(self.identities), 'simulated person')}, none of whom exists"
        return count_text(len(self.identities), "person")

    @property
    def release(self) -> str:
        """The name of the published release that the data set was read from, "" where it was built or simulated."""
        return str(self.meta.get("release", {}).get("name", ""))

    @cached_property
    def summary(self) -> str:
        """What the data set is, in two sentences, from its counts."""
        real, length = int((self.usable["kind"] == "real").sum()), duration_text(seconds_of(self.usable))
        made = len(self.usable) - real
        return (
            f"{count_text(len(self.usable), 'talking-head video')} ({length}) of {self.people}: "
            f"{count_text(real, 'simulated recording' if self.simulated else 'real recording')}, and "
            f"{count_text(made, 'reenactment')} in which the face of one person is moved by a recording of a person, "
            "the same one or another. Made for research on avatar fingerprinting: verifying who drives a talking "
            "head, whatever face it shows."
        )

    @property
    def abstract(self) -> str:
        """The curator's own description, or else the summary of the counts; it never hides that nobody exists."""
        own = self.publication.description
        if own and self.simulated:
            own += " All of its people are simulated: none of them exists."
        return own or self.summary

    @cached_property
    def collections(self) -> list[PublicCollection]:
        """The public collections whose people are in the data set."""
        sources = set(self.identities["source"])
        return [collection for collection in COLLECTIONS.values() if collection.namespace in sources]

    @cached_property
    def source_dois(self) -> list[str]:
        """The DOIs of the works that the data set was made from, as far as they are known."""
        dois = {collection.doi for collection in self.collections} | {_DOI_OF_RELEASE.get(self.release, "")}
        return sorted(dois - {""})

    @cached_property
    def source_types(self) -> list[str]:
        """IPTC's digital source types of the synthetic content, as URIs; empty where the generators' are not known."""
        terms = {generator.get(SOURCE_TYPE_TAG) for generator in self.meta.get("generators", ())}
        terms |= {ALGORITHM} if self.simulated else set()
        return sorted(f"{SOURCE_TYPE_URI}{term}" for term in terms if term)
