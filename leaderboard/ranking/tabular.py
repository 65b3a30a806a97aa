"""The board as data: one plain row for each figure, as JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from typing import Any

from leaderboard.ranking.boards import BoardState, newest_scorings
from leaderboard.ranking.records import Cell, Record
from leaderboard.submission.untrusted_text import spreadsheet_cell


def rows(standing: BoardState) -> list[dict[str, Any]]:
    """One row for each entry and test generator, newest scorings only. The contact is left out: it is private."""
    places: dict[tuple[str, str, str], tuple[int, int] | None] = {}
    for board in standing.boards:
        for generator in board.generators:
            view = standing.view(board, generator)
            places.update(
                {(board.slug, generator, row.digest): row.place for row in (*view.rows, *view.not_comparable)}
            )
    slugs = {(b.protocol_digest, b.dataset_digest, b.scorer): b.slug for b in standing.boards}
    return [
        _row(one, cell, places.get((slugs[one.board_key], cell.generator, one.digest)))
        for one in newest_scorings(standing.records)
        for cell in one.cells
    ]


def to_json(table: Iterable[dict[str, Any]]) -> str:
    """As JSON."""
    return json.dumps(list(table), indent=1, sort_keys=True) + "\n"


def to_csv(table: list[dict[str, Any]]) -> str:
    """As CSV. A text that a spreadsheet would take for a formula gets an apostrophe before it."""
    out = io.StringIO()
    if table:
        writer = csv.DictWriter(out, list(table[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: spreadsheet_cell(value) for name, value in row.items()} for row in table)
    return out.getvalue()


def submission_json(standing: BoardState, digest: str) -> str | None:
    """All that may be told of a submission: its declaration without the contact, and every result's figures."""
    records = standing.records_of_submission(digest)
    if not records:
        return None
    content = {
        "submission": digest,
        "declaration": records[-1].public_result.submission.model_dump(mode="json", exclude={"contact"}),
        "results": [
            {
                "entry": one.public_result.entry,
                "protocol": one.public_result.protocol,
                "protocol_digest": one.public_result.protocol_digest,
                "dataset": one.public_result.dataset,
                "dataset_digest": one.public_result.dataset_digest,
                "scorer": one.public_result.scorer,
                "reason": one.public_result.reason,
                "created": one.public_result.created.isoformat() if one.public_result.created else None,
                "figures": one.public_result.figures,
            }
            for one in records
        ],
    }
    return json.dumps(content, indent=1, sort_keys=True) + "\n"


def _row(one: Record, cell: Cell, place: tuple[int, int] | None) -> dict[str, Any]:
    told = one.public_result
    pooled = cell.figures.get("auc_pooled", {})
    return {
        "protocol": told.protocol,
        "protocol_digest": told.protocol_digest,
        "dataset_digest": told.dataset_digest,
        "scorer": told.scorer,
        "submission": told.digest,
        "method": told.submission.method,
        "authors": ", ".join(told.submission.authors),
        "kind": one.kind,
        "generator": cell.generator,
        "trained_on": ", ".join(cell.trained_on) or "not declared",
        "training_data": told.submission.training.data,
        "place_first": place[0] if place else None,
        "place_last": place[1] if place else None,
        "auc_mean": cell.value,
        "auc_mean_low": cell.low,
        "auc_mean_high": cell.high,
        "auc_pooled": pooled.get("value"),
        "trials": cell.trials,
        "overlap": {"disjoint": "disjoint", "unknown": "training people unknown"}.get(
            one.provenance, f"trained on {one.overlapping_people} test people"
        ),
        "origin": "scored here",
    }
