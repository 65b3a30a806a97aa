"""The table as plain rows: filtered, sorted, a page at a time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from leaderboard.api_models import RowAnswer, TableAnswer
from leaderboard.ranking.redaction import redacted
from leaderboard.store.results import StoredResult

Order = Literal["auc_mean", "auc_pooled", "method", "created"]


class Lines:
    """Makes the table's lines; those of a result are made once, because results never change."""

    def __init__(self) -> None:
        self._made: dict[tuple[int, str], tuple[RowAnswer, ...]] = {}
        self._of: tuple[StoredResult, ...] | None = None
        self._lines: list[RowAnswer] = []

    def of(self, results: tuple[StoredResult, ...]) -> list[RowAnswer]:
        """Every line of the table, in the order in which results were made; the newest of an entry stands for it."""
        if results is self._of:
            return self._lines
        newest: dict[tuple[str, int, str, str], StoredResult] = {}
        for result in results:
            newest[result.digest, result.entry, result.protocol_digest, result.dataset_digest] = result
        made = {}
        for result in newest.values():
            key = result.id, result.feedback
            made[key] = self._made.get(key) or tuple(_rows(redacted(result)))
        self._made = made
        self._of, self._lines = results, [row for rows in made.values() for row in rows]
        return self._lines


def page(
    lines: list[RowAnswer],
    *,
    protocol: str = "",
    dataset: str = "",
    generator: str = "",
    sort: Order = "auc_mean",
    descending: bool = True,
    number: int = 1,
    size: int = 50,
) -> TableAnswer:
    """Page `number` (from 1) of the lines that fit; empty filters fit all."""
    wanted = [
        row
        for row in lines
        if (not protocol or row.protocol == protocol)
        and (not dataset or row.dataset == dataset)
        and (not generator or row.generator == generator)
    ]
    known = [row for row in wanted if getattr(row, sort) is not None]
    known.sort(key=lambda row: getattr(row, sort), reverse=descending)
    ordered = known + [row for row in wanted if getattr(row, sort) is None]
    start = (number - 1) * size
    return TableAnswer(total=len(ordered), page=number, size=size, rows=ordered[start : start + size])


def _rows(result: StoredResult) -> Iterable[RowAnswer]:
    entry = result.submission.entries[result.entry]
    overlap = result.figures.get("overlap", "unknown")
    for generator, figures in result.figures["generators"].items():
        mean: dict[str, Any] = figures.get("auc_mean", {})
        trials = figures.get("trials", {})
        yield RowAnswer.model_construct(
            submission=result.digest,
            method=result.submission.method,
            method_digest=result.method_digest,
            authors=", ".join(result.submission.authors),
            protocol=result.protocol,
            protocol_digest=result.protocol_digest,
            dataset=result.dataset,
            dataset_digest=result.dataset_digest,
            scorer=result.scorer,
            generator=generator,
            trained_on=", ".join(entry.trained_on_generators),
            auc_mean=mean.get("value"),
            auc_mean_low=mean.get("low"),
            auc_mean_high=mean.get("high"),
            auc_pooled=figures.get("auc_pooled", {}).get("value"),
            trials=trials.get("genuine", 0) + trials.get("impostor", 0),
            overlap=overlap if isinstance(overlap, str) else f"{len(overlap)} test people" if overlap else "disjoint",
            created=result.created,
        )
