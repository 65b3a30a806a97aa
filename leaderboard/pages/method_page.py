"""The values that a submission's page shows."""

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
from leaderboard.ranking.redaction import LEFT_OUT
from leaderboard.ranking.views import MethodRow
from leaderboard.submission.submission import reproduce_names
from nvfair_tools.quantities import count_text

_MAX_NEIGHBOURS = 8
_ROLES = (("selection", "Selection"), ("thresholds", "Thresholds"), ("cohorts", "Cohorts"))
_READABLE_FMR = (0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)


@dataclass(frozen=True)
class FigureLine:
    """One line of the page's table of figures: a cell (an entry on one test generator) with its place."""

    board: Board
    view_generator: str  # the generator of the board's view in which the place stands
    cell: Cell
    place: tuple[int, int] | None
    ranked_methods: int
    note: str
    digits: int
    auc_pooled: float | None
    eer: float | None
    worst_decile: float | None
    min_dcf: float | None
    auc_cross_cross: float | None  # both videos are cross-reenactments: detecting "not its owner" does not help there


def method_page_values(state: BoardState, digest: str, *, with_comparisons: bool) -> dict[str, Any] | None:
    """The values of the template `method.html.j2`; None where there is no such submission.

    with_comparisons: whether the page links comparisons with other methods.
    """
    all_records = state.records_of_submission(digest)
    if not all_records:
        return None
    records = newest_scorings(all_records)
    history = state.records_of_method(records[0].method_key)
    boards = list(dict.fromkeys(state.board_of(record) for record in records))
    lines = [line for record in records for line in _figure_lines(state, record)]
    submission = records[-1].public_result.submission
    newest_digest = history[-1].digest
    cells = [(record.public_result.protocol, cell) for record in records for cell in record.cells]
    return {
        "record": records[-1],
        "submission": submission,
        "newer_digest": newest_digest if newest_digest != digest else "",
        "lines": lines,
        "has_min_dcf": any(line.min_dcf is not None for line in lines),
        "has_cross_cross": any(line.auc_cross_cross is not None for line in lines),
        "matrices": _train_test_matrices(records, boards),
        "plots": _plot_values(cells, records[-1].is_untrained),
        "people_left_out": max(record.public_result.figures.get(LEFT_OUT, 0) for record in records),
        "subgroups": _subgroup_tables(cells),
        "roles": _declared_roles(submission.training),
        "neighbours": _neighbours(state, records) if with_comparisons else [],
        "history": history[::-1],
        "boards": boards,
        "shipped_protocols": set(protocols.names()),
        "reproduce_names": reproduce_names(submission),
    }


def neighbour_digests(state: BoardState, digest: str) -> list[str]:
    """The submissions that the page of the submission `digest` offers to compare with."""
    records = newest_scorings(state.records_of_submission(digest))
    return [row.digest for row in _neighbours(state, records)]


def _figure_lines(state: BoardState, record: Record) -> list[FigureLine]:
    board = state.board_of(record)
    lines = []
    for cell in record.cells:
        view = state.view(board, cell.generator)
        rows = (*view.rows, *view.not_comparable)
        row = next((row for row in rows if row.digest == record.digest), None)
        figures = cell.figures
        lines.append(
            FigureLine(
                board=board,
                view_generator=cell.generator if len(board.generators) > 1 else ALL_GENERATORS,
                cell=cell,
                place=row.place if row else None,
                ranked_methods=sum(row.place is not None for row in view.rows),
                note=row.note if row else "superseded",
                digits=2 if record.coarse else 3,
                auc_pooled=_figure_value(figures.get("auc_pooled")),
                eer=_figure_value(figures.get("eer")),
                worst_decile=_figure_value(figures.get("worst_decile")),
                min_dcf=_figure_value(figures.get("min_dcf")),
                auc_cross_cross=_figure_value((figures.get("cross_cross") or {}).get("auc_mean")),
            )
        )
    return lines


def _figure_value(figure: Any) -> float | None:
    """The value of a figure, which is stored as a number or as a dict with its interval."""
    value = figure.get("value") if isinstance(figure, dict) else figure
    return float(value) if isinstance(value, int | float) else None


def _train_test_matrices(records: Sequence[Record], boards: Sequence[Board]) -> list[dict[str, Any]]:
    """Tables of AUC: a row for each set of training generators, a column for each test generator.

    Protocols that differ only in whether generators were seen in training share a table.
    """
    cells_by_table: dict[tuple[str, str, str], dict[tuple[str, str], dict[str, Any]]] = {}
    protocol_names: dict[tuple[str, str, str], list[str]] = {}
    for record in records:
        board = next(board for board in boards if board.key == record.board_key)
        table_key = (board.relation_free_digest, board.dataset_digest, board.scorer)
        protocol_names.setdefault(table_key, []).append(board.protocol)
        for cell in record.cells:
            trained_on = ", ".join(cell.trained_on) or ("nothing" if record.is_untrained else "not declared")
            shade = min(5, max(0, int((cell.value - 0.5) * 12)))
            seen_class = " seen" if cell.generator in cell.trained_on else ""
            cells_by_table.setdefault(table_key, {})[trained_on, cell.generator] = {
                "value": cell.value,
                "digits": 2 if record.coarse else 3,
                "style": f"h{shade}{seen_class}",
            }
    matrices = []
    for table_key, cells in cells_by_table.items():
        columns = sorted({test_generator for _, test_generator in cells})
        row_names = sorted({trained_on for trained_on, _ in cells})
        rows = [(row_name, [cells.get((row_name, column)) for column in columns]) for row_name in row_names]
        name = ", ".join(dict.fromkeys(protocol_names[table_key]))
        matrices.append({"name": name, "columns": columns, "rows": rows})
    return matrices


def _plot_values(cells: Sequence[tuple[str, Cell]], is_untrained: bool) -> dict[str, Any]:
    """Plots of (protocol, cell) pairs with the same numbers as tables."""
    curves, strip_rows = [], []
    for protocol, cell in cells:
        trained_on = ", ".join(cell.trained_on) or ("nothing" if is_untrained else "not declared")
        label = f"{protocol}: {trained_on} → {cell.generator}"
        curve, band = cell.figures.get("curve"), cell.figures.get("bands") or {}
        if curve:
            curves.append(
                plots.Curve(
                    label, curve["fmr"], curve["tpr"], band.get("fmr", ()), band.get("low", ()), band.get("high", ())
                )
            )
        if cell.public_auc_by_person:
            strip_rows.append(plots.StripRow(label, sorted(cell.public_auc_by_person.items()), cell.value))
    drawn_curves = curves[: plots.MAX_CURVES]
    people = sorted({person for row in strip_rows for person, _ in row.dots})
    auc_tables = [dict(row.dots) for row in strip_rows]
    strip_numbers = [
        (person, *(f"{table[person]:.3f}" if person in table else "–" for table in auc_tables)) for person in people
    ]
    return {
        "roc": plots.roc_plot(drawn_curves, "roc") if drawn_curves else None,
        "det": plots.det_plot(drawn_curves, "det") if drawn_curves else None,
        "legend": [(curve.label, number) for number, curve in enumerate(drawn_curves)],
        "bands": _band_note(drawn_curves, len(curves)),
        "numbers": [row for curve in drawn_curves for row in _curve_numbers(curve)],
        "strip": plots.strip_plot(strip_rows, "strip") if strip_rows else None,
        "strip_heads": [row.label for row in strip_rows],
        "strip_numbers": strip_numbers,
    }


def _band_note(drawn_curves: Sequence[plots.Curve], curve_count: int) -> str:
    with_band = sum(1 for curve in drawn_curves if any(rate is not None for rate in curve.low))
    if not with_band:
        note = "These results were stored without bands."
    else:
        note = "The bands hold the middle 95 % of the curves of resampled people at each false match rate. "
        note += "They are too narrow where the true match rate is near 1."
        note += "" if with_band == len(drawn_curves) else " Curves without one have too few people for it."
    not_drawn = curve_count - len(drawn_curves)
    return note + (
        f" {count_text(not_drawn, 'more curve is', 'more curves are')} in the JSON file." if not_drawn > 0 else ""
    )


def _curve_numbers(curve: plots.Curve) -> list[tuple[str, str, str, str]]:
    """(label, TPR, low, high) of the curve on a grid of a readable length: the band's own grid, or a fixed one."""
    rows = []
    for number, rate in enumerate(curve.band_fmr or _READABLE_FMR):
        best = max((tpr for fmr, tpr in zip(curve.fmr, curve.tpr, strict=True) if fmr <= rate + 1e-12), default=0.0)
        ends = [band[number] if number < len(band) else None for band in (curve.low, curve.high)]
        low, high = ("–" if end is None else f"{end:.3f}" for end in ends)
        rows.append((f"{curve.label}, {rate:.4g}", f"{best:.3f}", low, high))
    return rows


def _subgroup_tables(cells: Sequence[tuple[str, Cell]]) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """[(attribute, rows of (group, AUC, people))], where results have figures of subgroups of people."""
    tables: dict[str, list[tuple[str, str, str]]] = {}
    for protocol, cell in cells:
        for attribute, groups in (cell.figures.get("subgroups") or {}).items():
            figures_by_group = groups.get("groups", groups) if isinstance(groups, dict) else {}
            for name, group in figures_by_group.items():
                value = _figure_value(group.get("auc", group) if isinstance(group, dict) else group)
                people = group.get("people", "–") if isinstance(group, dict) else "–"
                if value is not None:
                    label = f"{name} ({protocol}, {cell.generator})"
                    tables.setdefault(attribute, []).append((label, f"{value:.3f}", str(people)))
    return list(tables.items())


def _declared_roles(training: Any) -> list[tuple[str, Any, Any]]:
    """(role, people, generators) of selection, thresholds and cohorts, where the submission declares them."""
    roles = [(title, getattr(training, name, None)) for name, title in _ROLES]
    return [(title, role.people, role.generators) for title, role in roles if role and (role.people or role.generators)]


def _neighbours(state: BoardState, records: Sequence[Record]) -> list[MethodRow]:
    """The rows nearest to the submission in the first table that it stands in, and the best control."""
    for record in records:
        view = state.view(state.board_of(record), ALL_GENERATORS)
        rows = [*view.rows, *view.not_comparable]
        position = next((number for number, row in enumerate(rows) if row.digest == record.digest), None)
        if position is None:
            continue
        others = [number for number in range(len(rows)) if number != position]
        others.sort(key=lambda number: (abs(number - position), number))
        nearest = [rows[number] for number in sorted(others[:_MAX_NEIGHBOURS])]
        control = view.best_control
        if control is None or control in nearest or control.digest == record.digest:
            return nearest
        return [*nearest, control]
    return []
