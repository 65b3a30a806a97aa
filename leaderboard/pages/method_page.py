"""What a submission's page shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmark import protocols
from leaderboard.pages import plots
from leaderboard.ranking.board_state import BoardState
from leaderboard.ranking.boards import Board
from leaderboard.ranking.headline import ALL_GENERATORS
from leaderboard.ranking.records import Cell, Record, newest_scorings
from leaderboard.ranking.views import MethodRow
from leaderboard.submission.submission import reproduce_names

_NEIGHBOURS = 8
_ROLES = (("selection", "Selection"), ("thresholds", "Thresholds"), ("cohorts", "Cohorts"))


@dataclass(frozen=True)
class FigureLine:
    """One cell with its place."""

    board: Board
    view: str  # the generator of the table that it stands in
    cell: Cell
    place: tuple[int, int] | None
    of: int
    note: str
    digits: int
    pooled: float | None
    eer: float | None
    worst: float | None
    dcf: float | None
    cross: float | None  # both videos are cross-reenactments: nothing for a detector of "not its owner" to hold on to


def values(standing: BoardState, digest: str, *, linked: bool) -> dict[str, Any] | None:
    """The template's values; None where there is no such submission. linked: whether comparisons can be linked."""
    every = standing.records_of_submission(digest)
    if not every:
        return None
    records = newest_scorings(every)
    history = standing.records_of_method(records[0].method_key)
    boards = list(dict.fromkeys(standing.board_of(one) for one in records))
    lines = [line for one in records for line in _lines(standing, one)]
    told = records[-1].public_result.submission
    newest = history[-1].digest
    cells = [(one.public_result.protocol, cell) for one in records for cell in one.cells]
    return {
        "record": records[-1],
        "told": told,
        "newer": newest if newest != digest else "",
        "lines": lines,
        "any_dcf": any(line.dcf is not None for line in lines),
        "any_cross": any(line.cross is not None for line in lines),
        "matrices": _matrices(records, boards),
        "plots": _plots(cells),
        "subgroups": _subgroups(cells),
        "roles": _roles(told.training),
        "neighbours": _neighbours(standing, records) if linked else [],
        "history": history[::-1],
        "boards": boards,
        "shipped": set(protocols.names()),
        "reproduce": reproduce_names(told),
    }


def neighbours(standing: BoardState, digest: str) -> list[str]:
    """The submissions that its page offers to compare with."""
    return [row.digest for row in _neighbours(standing, newest_scorings(standing.records_of_submission(digest)))]


def _lines(standing: BoardState, one: Record) -> list[FigureLine]:
    board = standing.board_of(one)
    lines = []
    for cell in one.cells:
        view = standing.view(board, cell.generator)
        row = next((r for r in (*view.rows, *view.not_comparable) if r.digest == one.digest), None)
        ranked = sum(r.place is not None for r in view.rows)
        figures = cell.figures
        lines.append(
            FigureLine(
                board,
                cell.generator if len(board.generators) > 1 else ALL_GENERATORS,
                cell,
                row.place if row else None,
                ranked,
                row.note if row else "superseded",
                2 if one.coarse else 3,
                _value(figures.get("auc_pooled")),
                _value(figures.get("eer")),
                _value(figures.get("worst_decile")),
                _value(figures.get("min_dcf")),
                _value((figures.get("cross_cross") or {}).get("auc_mean")),
            )
        )
    return lines


def _value(figure: Any) -> float | None:
    """A figure, whether it came with an interval or without one."""
    found = figure.get("value") if isinstance(figure, dict) else figure
    return float(found) if isinstance(found, int | float) else None


def _matrices(records: Sequence[Record], boards: Sequence[Board]) -> list[dict[str, Any]]:
    """Train x test, seen and unseen protocols of one kin together."""
    groups: dict[tuple[str, str, str], dict[tuple[str, str], dict[str, Any]]] = {}
    names: dict[tuple[str, str, str], list[str]] = {}
    for one in records:
        board = next(b for b in boards if (b.protocol_digest, b.dataset_digest, b.scorer) == one.board_key)
        key = (board.relation_free_digest, board.dataset_digest, board.scorer)
        names.setdefault(key, []).append(board.protocol)
        for cell in one.cells:
            row = ", ".join(cell.trained_on) or "not declared"
            shade = min(5, max(0, int((cell.value - 0.5) * 12)))
            seen = " seen" if cell.generator in cell.trained_on else ""
            groups.setdefault(key, {})[row, cell.generator] = {
                "value": cell.value,
                "digits": 2 if one.coarse else 3,
                "style": f"h{shade}{seen}",
            }
    found = []
    for key, cells in groups.items():
        columns = sorted({test for _, test in cells})
        rows = [(train, [cells.get((train, test)) for test in columns]) for train in sorted({t for t, _ in cells})]
        found.append({"name": ", ".join(dict.fromkeys(names[key])), "columns": columns, "rows": rows})
    return found


def _plots(cells: Sequence[tuple[str, Cell]]) -> dict[str, Any]:
    curves, dots = [], []
    for protocol, cell in cells:
        trained = ", ".join(cell.trained_on) or "not declared"
        label = f"{protocol}: {trained} → {cell.generator}"
        curve, band = cell.figures.get("curve"), cell.figures.get("bands") or {}
        if curve:
            curves.append(
                plots.Curve(
                    label, curve["fmr"], curve["tpr"], band.get("fmr", ()), band.get("low", ()), band.get("high", ())
                )
            )
        if cell.public_auc_by_person:
            dots.append(plots.Dots(label, sorted(cell.public_auc_by_person.items()), cell.value))
    shown = curves[: plots.COLOURS]
    people = sorted({who for row in dots for who, _ in row.dots})
    tables = [dict(row.dots) for row in dots]
    return {
        "roc": plots.roc(shown, "roc") if shown else None,
        "det": plots.det(shown, "det") if shown else None,
        "legend": [(one.label, number) for number, one in enumerate(shown)],
        "bands": _about_bands(shown, len(curves)),
        "numbers": [row for one in shown for row in _curve_numbers(one)],
        "strip": plots.strip(dots, "strip") if dots else None,
        "strip_heads": [row.label for row in dots],
        "strip_numbers": [(who, *(f"{table[who]:.3f}" if who in table else "–" for table in tables)) for who in people],
    }


def _about_bands(shown: Sequence[plots.Curve], total: int) -> str:
    banded = sum(1 for one in shown if any(v is not None for v in one.low))
    if not banded:
        words = "These results were stored without bands."
    else:
        words = "The bands are 95 % at each false match rate, by resampling people."
        words += "" if banded == len(shown) else " Curves without one have too few people for it."
    return words + (f" {total - len(shown)} more curves are in the JSON file." if total > len(shown) else "")


def _curve_numbers(one: plots.Curve) -> list[tuple[str, str, str, str]]:
    """The curve on a grid that can be read: the band's own, or a plain one."""
    grid = one.band_fmr or (0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
    rows = []
    for number, rate in enumerate(grid):
        best = max((t for f, t in zip(one.fmr, one.tpr, strict=True) if f <= rate + 1e-12), default=0.0)
        ends = [band[number] if number < len(band) else None for band in (one.low, one.high)]
        low, high = ("–" if end is None else f"{end:.3f}" for end in ends)
        rows.append((f"{one.label}, {rate:.4g}", f"{best:.3f}", low, high))
    return rows


def _subgroups(cells: Sequence[tuple[str, Cell]]) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """Tables of groups of people, where a result has them: attribute -> group -> {value, people}."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    for protocol, cell in cells:
        for attribute, groups in (cell.figures.get("subgroups") or {}).items():
            inner = groups.get("groups", groups) if isinstance(groups, dict) else {}
            for name, group in inner.items():
                value = _value(group.get("auc", group) if isinstance(group, dict) else group)
                people = group.get("people", "–") if isinstance(group, dict) else "–"
                if value is not None:
                    label = f"{name} ({protocol}, {cell.generator})"
                    found.setdefault(attribute, []).append((label, f"{value:.3f}", str(people)))
    return list(found.items())


def _roles(training: Any) -> list[tuple[str, Any, Any]]:
    """What selection, thresholds and cohorts have seen besides, where a declaration tells it."""
    roles = [(words, getattr(training, name, None)) for name, words in _ROLES]
    return [(words, one.people, one.generators) for words, one in roles if one and (one.people or one.generators)]


def _neighbours(standing: BoardState, records: Sequence[Record]) -> list[MethodRow]:
    """Those around it in the first table it stands in, and the best control."""
    for one in records:
        board = standing.board_of(one)
        view = standing.view(board, ALL_GENERATORS)
        rows = [*view.rows, *view.not_comparable]
        at = next((n for n, row in enumerate(rows) if row.digest == one.digest), None)
        if at is None:
            continue
        nearest = sorted((n for n in range(len(rows)) if n != at), key=lambda n: (abs(n - at), n))[:_NEIGHBOURS]
        found = [rows[n] for n in sorted(nearest)]
        control = view.best_control
        return found if control is None or control in found or control.digest == one.digest else [*found, control]
    return []
