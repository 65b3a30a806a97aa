"""The board as data: one row for each entry and test generator.

Every form in which a board leaves as data comes from these rows: the JSON API's table (`api_page`), board.json and
board.csv. The table on a page (`views`) averages the same cells over a method's entries and generators.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from leaderboard.api_models import RowAnswer, TableAnswer
from leaderboard.ranking.board_state import BoardState
from leaderboard.ranking.records import Cell, Record, newest_scorings
from leaderboard.ranking.redaction import without_people
from leaderboard.submission.untrusted_text import spreadsheet_cell

Order = Literal["auc_mean", "auc_pooled", "method", "created"]


@dataclass(frozen=True)
class TableRow:
    """An entry of a submission on one test generator."""

    record: Record
    cell: Cell

    @property
    def authors(self) -> str:
        """The names of the authors, separated by commas."""
        return ", ".join(self.record.public_result.submission.authors)

    @property
    def trained_on(self) -> str:
        """The names of the generators trained on, separated by commas; empty where none is declared."""
        return ", ".join(self.cell.trained_on)


_SORT_VALUES: dict[str, Callable[[TableRow], Any]] = {
    "auc_mean": lambda row: row.cell.value,
    "auc_pooled": lambda row: row.cell.auc_pooled,
    "method": lambda row: row.record.public_result.submission.method,
    "created": lambda row: row.record.public_result.created,
}


def table_rows(state: BoardState, *, any_scorer: bool = False) -> list[TableRow]:
    """The rows of every entry's newest scoring, in the order in which the entries were first scored.

    any_scorer: the newest by whichever version of the scorer, not the newest by each.
    """
    return [
        TableRow(record, cell)
        for record in newest_scorings(state.records, any_scorer=any_scorer)
        for cell in record.cells
    ]


def api_page(
    state: BoardState,
    *,
    protocol: str = "",
    dataset: str = "",
    generator: str = "",
    sort: Order = "auc_mean",
    descending: bool = True,
    number: int = 1,
    size: int = 50,
) -> TableAnswer:
    """Page `number` (from 1) of the rows that match; an empty filter matches every row.

    Rows without a value in the column `sort` come last in either direction.
    """
    rows = [
        row
        for row in table_rows(state, any_scorer=True)
        if protocol in ("", row.record.public_result.protocol)
        and dataset in ("", row.record.public_result.dataset)
        and generator in ("", row.cell.generator)
    ]
    sort_value = _SORT_VALUES[sort]
    with_value = [row for row in rows if sort_value(row) is not None]
    with_value.sort(key=sort_value, reverse=descending)
    rows = with_value + [row for row in rows if sort_value(row) is None]
    start = (number - 1) * size
    answers = [_row_answer(row) for row in rows[start : start + size]]
    return TableAnswer(total=len(rows), page=number, size=size, rows=answers)


def to_json(state: BoardState) -> str:
    """The text of board.json, with the place of each row."""
    return json.dumps(_records_with_places(state), indent=1, sort_keys=True) + "\n"


def to_csv(state: BoardState) -> str:
    """The text of board.csv, with the rows of board.json.

    A text that a spreadsheet would run as a formula gets an apostrophe in front.
    """
    table = _records_with_places(state)
    out = io.StringIO()
    if table:
        writer = csv.DictWriter(out, list(table[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: spreadsheet_cell(value) for name, value in row.items()} for row in table)
    return out.getvalue()


def submission_json(state: BoardState, digest: str) -> str | None:
    """What may be shown of a submission: its declaration without the contact, and the figures of every result.

    None where there is no such submission.
    """
    records = state.records_of_submission(digest)
    if not records:
        return None
    results = [record.public_result for record in records]
    declaration = results[-1].submission.model_dump(mode="json", exclude={"contact"})
    unnamed = frozenset[str]().union(*(record.unnamed_people for record in records))
    content = {
        "submission": digest,
        "declaration": without_people(declaration, unnamed),
        "results": [
            {
                "entry": result.entry,
                "protocol": result.protocol,
                "protocol_digest": result.protocol_digest,
                "dataset": result.dataset,
                "dataset_digest": result.dataset_digest,
                "scorer": result.scorer,
                "reason": result.reason,
                "created": result.created.isoformat() if result.created else None,
                "figures": result.figures,
            }
            for result in results
        ],
    }
    return json.dumps(content, indent=1, sort_keys=True) + "\n"


def _row_answer(row: TableRow) -> RowAnswer:
    result, cell = row.record.public_result, row.cell
    overlap = {"disjoint": "disjoint", "unknown": "unknown", "sealed": "sealed"}.get(
        row.record.provenance, f"{row.record.overlapping_people} test people"
    )
    return RowAnswer(
        submission=result.digest,
        method=result.submission.method,
        method_digest=result.method_digest,
        authors=row.authors,
        protocol=result.protocol,
        protocol_digest=result.protocol_digest,
        dataset=result.dataset,
        dataset_digest=result.dataset_digest,
        scorer=result.scorer,
        generator=cell.generator,
        trained_on=row.trained_on,
        auc_mean=cell.value,
        auc_mean_low=cell.low,
        auc_mean_high=cell.high,
        auc_pooled=cell.auc_pooled,
        trials=cell.trials,
        overlap=overlap,
        created=result.created,
    )


def _records_with_places(state: BoardState) -> list[dict[str, Any]]:
    """The rows of board.json and board.csv. The contact is left out, because it is private."""
    places: dict[tuple[str, str, str], tuple[int, int] | None] = {}
    for board in state.boards:
        for generator in board.generators:
            view = state.view(board, generator)
            places.update(
                {(board.slug, generator, row.digest): row.place for row in (*view.rows, *view.not_comparable)}
            )
    return [
        _record_with_place(row, places.get((state.board_of(row.record).slug, row.cell.generator, row.record.digest)))
        for row in table_rows(state)
    ]


def _record_with_place(row: TableRow, place: tuple[int, int] | None) -> dict[str, Any]:
    result, cell = row.record.public_result, row.cell
    overlap = {"disjoint": "disjoint", "unknown": "training people unknown", "sealed": "sealed"}.get(
        row.record.provenance, f"trained on {row.record.overlapping_people} test people"
    )
    return {
        "protocol": result.protocol,
        "protocol_digest": result.protocol_digest,
        "dataset_digest": result.dataset_digest,
        "scorer": result.scorer,
        "submission": result.digest,
        "method": result.submission.method,
        "authors": row.authors,
        "kind": row.record.kind,
        "generator": cell.generator,
        "trained_on": row.trained_on or ("nothing" if row.record.is_untrained else "not declared"),
        "training_data": result.submission.training.data,
        "place_first": place[0] if place else None,
        "place_last": place[1] if place else None,
        "auc_mean": cell.value,
        "auc_mean_low": cell.low,
        "auc_mean_high": cell.high,
        "auc_pooled": cell.auc_pooled,
        "trials": cell.trials,
        "overlap": overlap,
        "origin": "scored here",
    }
