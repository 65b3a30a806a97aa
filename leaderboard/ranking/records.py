"""One stored result as the pages know it: what may be told, and in which kind of list it stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from leaderboard.ranking.redaction import ROUNDING_STEP, redacted
from leaderboard.store.results import StoredResult

Provenance = Literal["disjoint", "overlap", "unknown"]
Kind = Literal["method", "baseline", "control"]


@dataclass(frozen=True)
class Cell:
    """One figure of the train x test matrix: an entry on one test generator.

    figures: everything that may be told. areas: AUC of each person, for ranks alone where the labels are hidden.
    """

    entry: int
    trained_on: tuple[str, ...]
    generator: str
    value: float
    low: float | None
    high: float | None
    figures: dict[str, Any]
    auc_by_person: dict[str, float]

    @property
    def public_auc_by_person(self) -> dict[str, float]:
        """AUC of each person; empty where that is not to be told."""
        return self.figures.get("per_target", {})

    @property
    def trials(self) -> int:
        """Genuine and impostor pairs."""
        counts = self.figures.get("trials", {})
        return int(counts.get("genuine", 0) + counts.get("impostor", 0))


@dataclass(frozen=True)
class Record:
    """A result without what is private. `told`: the result as it may leave the server."""

    public_result: StoredResult
    cells: tuple[Cell, ...]
    provenance: Provenance
    overlapping_people: int  # test people whom the declaration names

    @property
    def method_key(self) -> str:
        """The method: the same for all of its submissions."""
        return self.public_result.method_digest or self.public_result.digest

    @property
    def digest(self) -> str:
        """The submission."""
        return self.public_result.digest

    @property
    def board_key(self) -> tuple[str, str, str]:
        """What figures may be compared within: protocol, data set, scorer."""
        return self.public_result.protocol_digest, self.public_result.dataset_digest, self.public_result.scorer

    @property
    def coarse(self) -> bool:
        """Whether the test labels are hidden."""
        return self.public_result.feedback != "full"

    @property
    def difference_margin(self) -> float:
        """How far from zero a difference must stay to be told: hidden labels are told in steps, differences as well."""
        return ROUNDING_STEP if self.coarse else 0.0

    @property
    def kind(self) -> Kind:
        """What the maintainer calls it. A submitter's own word for it is no reason to stand outside the ranks, nor to
        be the control that others are measured by."""
        return "method" if self.public_result.phase else self.public_result.submission.kind


def record_of(result: StoredResult) -> Record:
    """The record of a stored result."""
    told = redacted(result)
    entry = result.submission.entries[result.entry]
    cells = []
    for generator, figures in sorted(told.figures.get("generators", {}).items()):
        mean = figures["auc_mean"]
        cells.append(
            Cell(
                entry=result.entry,
                trained_on=entry.trained_on_generators,
                generator=generator,
                value=float(mean["value"]),
                low=mean.get("low"),
                high=mean.get("high"),
                figures=figures,
                auc_by_person=result.figures["generators"][generator].get("per_target", {}),
            )
        )
    overlap = told.figures.get("overlap", "unknown")
    if isinstance(overlap, str):
        return Record(told, tuple(cells), "unknown", 0)
    return Record(told, tuple(cells), "overlap" if overlap else "disjoint", len(overlap))
