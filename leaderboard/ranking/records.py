"""Scored entries as a board shows them: redacted, with one cell for each test generator."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from leaderboard.ranking.redaction import ROUNDING_STEP, SEALED, redacted
from leaderboard.store.results import StoredResult
from leaderboard.submission.scoring import UNNAMED

# sealed: on a hidden set whose phases have not closed, where nothing may depend on who the test people are.
Provenance = Literal["disjoint", "overlap", "unknown", "sealed"]
Kind = Literal["method", "baseline", "control"]


@dataclass(frozen=True)
class Cell:
    """One cell of the train × test matrix: the figures of an entry on one test generator.

    entry: the entry's number in its submission. value, low, high: the mean AUC over people with its interval.
    figures: everything that may be shown. auc_by_person, impostor_auc_by_person: AUC of each person as a target, and of
    the pairs in which the person is the impostor; where labels are hidden, or of people who are not named, both may be
    used for ranks only and are never shown.
    """

    entry: int
    trained_on: tuple[str, ...]
    generator: str
    value: float
    low: float | None
    high: float | None
    figures: dict[str, Any]
    auc_by_person: dict[str, float]
    impostor_auc_by_person: dict[str, float]

    @property
    def public_auc_by_person(self) -> dict[str, float]:
        """AUC of each person; empty where labels are hidden."""
        return self.figures.get("per_target", {})

    @property
    def auc_pooled(self) -> float | None:
        """The AUC over the trials of all people together, where the figures have it."""
        return self.figures.get("auc_pooled", {}).get("value")

    @property
    def trials(self) -> int:
        """The number of trials, genuine and impostor together."""
        counts = self.figures.get("trials", {})
        return int(counts.get("genuine", 0) + counts.get("impostor", 0))


@dataclass(frozen=True)
class Record:
    """One scoring of one entry. public_result: the stored result as it may leave the server.

    overlapping_people: how many test people the declaration names as seen in training or another role.
    unnamed_people: those who did not agree to public display; pages name none of them.
    """

    public_result: StoredResult
    cells: tuple[Cell, ...]
    provenance: Provenance
    overlapping_people: int
    unnamed_people: frozenset[str] = frozenset()

    @property
    def method_key(self) -> str:
        """The digest that all submissions of one method share; the submission's own where none is stored."""
        return self.public_result.method_digest or self.public_result.digest

    @property
    def digest(self) -> str:
        """The digest of the submission that the entry belongs to."""
        return self.public_result.digest

    @property
    def board_key(self) -> tuple[str, str, str]:
        """Protocol digest, data set digest and scorer: figures are compared only where all three are equal."""
        return self.public_result.protocol_digest, self.public_result.dataset_digest, self.public_result.scorer

    @property
    def coarse(self) -> bool:
        """Whether the test labels are hidden, so that figures are shown rounded."""
        return self.public_result.feedback != "full"

    @property
    def sealed(self) -> bool:
        """Whether only answers may be shown, because the phases of the hidden set have not closed."""
        return self.public_result.feedback != "full" and self.public_result.sealed

    @property
    def difference_margin(self) -> float:
        """How far from zero the interval of a difference must stay before it counts.

        Hidden labels: one rounding step, so that places do not reveal what the rounding hides.
        """
        return ROUNDING_STEP if self.coarse else 0.0

    @property
    def is_untrained(self) -> bool:
        """Whether the entry was trained on nobody and on no generator: a control, or one whose declaration says so."""
        submission = self.public_result.submission
        generators = submission.entries[self.public_result.entry].trained_on_generators
        declared = submission.training.declaration.training
        return self.kind == "control" or (declared.people == declared.generators == frozenset() and not generators)

    @property
    def kind(self) -> Kind:
        """What the entry counts as; only the maintainer can add baselines and controls.

        A submitter's own word for it is no reason to stand outside the ranks, nor to be the control that others are
        measured by.
        """
        return "method" if self.public_result.phase else self.public_result.submission.kind


def record_of(result: StoredResult) -> Record:
    """Makes the record of a stored result; its figures are redacted where the data set's labels are hidden."""
    public_result = redacted(result)
    entry = result.submission.entries[result.entry]
    cells = []
    for generator, figures in sorted(public_result.figures.get("generators", {}).items()):
        auc_mean = figures["auc_mean"]
        all_figures = {} if public_result.sealed else result.figures["generators"][generator]
        cells.append(
            Cell(
                entry=result.entry,
                trained_on=entry.trained_on_generators,
                generator=generator,
                value=float(auc_mean["value"]),
                low=auc_mean.get("low"),
                high=auc_mean.get("high"),
                figures=figures,
                auc_by_person=all_figures.get("per_target", {}),
                impostor_auc_by_person={
                    person["person"]: person["auc_as_impostor"]
                    for person in all_figures.get("people", ())
                    if person["auc_as_impostor"] is not None
                },
            )
        )
    unnamed = frozenset(result.figures.get(UNNAMED, ()))
    overlap = public_result.figures.get("overlap", "unknown")
    if overlap == SEALED:
        names_people = result.submission.training.declaration.people is not None
        return Record(public_result, tuple(cells), "sealed" if names_people else "unknown", 0, unnamed)
    if isinstance(overlap, str):
        return Record(public_result, tuple(cells), "unknown", 0, unnamed)
    return Record(public_result, tuple(cells), "overlap" if overlap else "disjoint", len(overlap), unnamed)


def newest_scorings(records: Iterable[Record], *, any_scorer: bool = False) -> list[Record]:
    """The newest scoring of each entry on each board, in the order in which the entries were first scored.

    any_scorer: scorings by different versions of the scorer replace each other too.
    """
    newest = {}
    for record in records:
        protocol_digest, dataset_digest, scorer = record.board_key
        board = (protocol_digest, dataset_digest, "" if any_scorer else scorer)
        newest[record.digest, board, record.public_result.entry] = record
    return list(newest.values())
