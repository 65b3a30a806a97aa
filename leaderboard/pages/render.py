"""Renders the board's pages as HTML, from the templates in `leaderboard/templates/pages`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from markupsafe import Markup

from benchmark import protocols
from benchmark.evaluation.published_tables import read_published_tables
from leaderboard.pages import number_format, plots
from leaderboard.pages.links import Links, is_web_address
from leaderboard.pages.method_page import method_page_values
from leaderboard.ranking.board_state import BoardState
from leaderboard.ranking.boards import Board
from leaderboard.ranking.comparison import BoardComparison, Comparison, compare
from leaderboard.ranking.headline import ALL_GENERATORS
from leaderboard.ranking.query import RELATIONS, SORTS, Query, TablePage, choose_board, table_page
from leaderboard.ranking.redaction import ROUNDING_STEP
from leaderboard.ranking.shared_ranks import MIN_PEOPLE
from leaderboard.ranking.views import MethodRow
from leaderboard.settings import DEFAULT_STEP
from nvfair_tools.errors import MissingExtra

DEFAULT_TITLE = "Avatar fingerprinting leaderboard"
_SORT_NAMES = {
    "auc": "AUC",
    "other": "AUC on the other generators",
    "worst": "the worst person's AUC",
    "control": "what is above the best control",
    "method": "name",
    "trained": "training generators",
    "data": "training data",
    "parameters": "size",
    "date": "date",
}
_MAX_CHOICES = 100  # methods that the form of comparisons offers
_MAX_DRAWN_PEOPLE = 40
_MAX_COMPARED_SUBMISSIONS = 100


@dataclass(frozen=True)
class SiteInfo:
    """Values that all pages of a board share. cards: (name of a data set, text of its card)."""

    title: str = DEFAULT_TITLE
    phases: tuple[str, ...] = ()
    cards: tuple[tuple[str, str], ...] = ()


class PageRenderer:
    """Renders pages of a board's state."""

    def __init__(self, site: SiteInfo = SiteInfo()) -> None:
        self.site = site

    @cached_property
    def _environment(self) -> Any:
        try:
            from jinja2 import Environment, FileSystemLoader, StrictUndefined
        except ImportError as error:
            raise MissingExtra("jinja2", "board", str(error)) from error
        environment = Environment(
            loader=FileSystemLoader(Path(__file__).parents[1] / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters.update(
            auc=number_format.format_auc,
            count=number_format.format_count,
            counted=number_format.format_counted,
            difference=number_format.format_difference,
            interval=number_format.format_interval,
            name_count=number_format.format_name_count,
            names=number_format.format_names,
            parameter_count=number_format.format_parameter_count,
            place=number_format.format_place,
        )
        environment.tests["web_address"] = is_web_address
        return environment

    @cached_property
    def _published_tables(self) -> Any:
        return read_published_tables()

    def _render(self, template_name: str, page_name: str, links: Links, **values: Any) -> str:
        template = self._environment.get_template(f"pages/{template_name}.html.j2")
        return template.render(site=self.site, page_name=page_name, links=links, **values)

    def table(self, state: BoardState, query: Query, links: Links) -> str:
        """The front page: the table of the queried board, and figures that others published."""
        page = table_page(state, query)
        board = page.view.board if page else None
        control = page.view.best_control.value if page and page.view.best_control else None

        def sort_changes(column: str) -> dict[str, Any]:
            """The changes of the query by a click on a column's head: sort by it, or turn its order."""
            default_order = SORTS[column].largest_first
            descending = not query.descending if query.sort == column else default_order
            return {"sort": column, "descending": descending, "page": 1}

        def whisker(row: MethodRow) -> Markup:
            return plots.whisker(row.value, row.low, row.high, control)

        return self._render(
            "table",
            "table",
            links,
            state=state,
            query=query,
            table_page=page,
            board=board,
            digits=2 if board and board.coarse else 3,
            sort_changes=sort_changes,
            whisker=whisker,
            has_several_datasets=_has_several_datasets(state),
            relations=[name for name in RELATIONS if any(board.relation == name for board in state.boards)],
            sort_name=_SORT_NAMES[query.sort],
            page_numbers=_page_numbers(page) if page else [],
            generator_views=generator_views,
            published=self._published_tables,
            decimals_of=number_format.decimals_of,
            min_people=MIN_PEOPLE,
        )

    def method(
        self, state: BoardState, digest: str, links: Links, downloadable_files: Collection[str] = ()
    ) -> str | None:
        """A submission's page; None where there is no such submission.

        downloadable_files: names of the files to reproduce it by that the server offers.
        """
        with_comparisons = not links.static or exports_comparisons(state)
        values = method_page_values(state, digest, with_comparisons=with_comparisons)
        if values is None:
            return None
        return self._render("method", "method", links, downloadable_files=downloadable_files, **values)

    def compare(self, state: BoardState, first: str, second: str, links: Links) -> str | None:
        """The comparison of two submissions; None where one of them does not exist."""
        comparison = compare(state, first, second)
        if comparison is None:
            return None
        return self._render(
            "compare",
            "compare",
            links,
            comparison=comparison,
            people_plots=[_people_plot(board, number) for number, board in enumerate(comparison.boards)],
            people_numbers=_people_numbers,
            has_several_datasets=_has_several_datasets(state),
        )

    def choose_comparison(self, state: BoardState, links: Links, problem: str = "") -> str:
        """The form that asks which two submissions to compare. problem: why an earlier choice was not accepted."""
        board = choose_board(state, Query())
        view = state.first_view(board) if board else None
        rows = [*view.rows, *view.not_comparable][:_MAX_CHOICES] if view else []
        choices = [(row.digest, row.method) for row in rows]
        no_comparison: Comparison | None = None
        return self._render("compare", "compare", links, comparison=no_comparison, choices=choices, problem=problem)

    def submit(self, links: Links, csrf_token: str) -> str:
        """The form to submit. csrf_token: the value of the reader's cookie, which the form repeats."""
        return self._render("submit", "submit", links, csrf_token=csrf_token, phases=self.site.phases)

    def outcome(
        self, links: Links, *, problems: Sequence[str] = (), is_free: bool = False, accepted: Any = None
    ) -> str:
        """The page after a form was sent: an accepted submission, or the problems.

        accepted: a `leaderboard.server.accept_submission.AcceptedSubmission`. is_free: whether the problems are in the
        submission itself and cost nothing of the quota, so that it can be corrected and sent again.
        """
        return self._render("outcome", "submit", links, problems=problems, is_free=is_free, accepted=accepted)

    def rules(self, links: Links) -> str:
        """The page that explains how places are given."""
        return self._render(
            "rules", "rules", links, min_people=MIN_PEOPLE, rounding_step=ROUNDING_STEP, answer_step=DEFAULT_STEP
        )

    def data(self, state: BoardState, links: Links) -> str:
        """The page about the data sets and the terms of consent."""
        shipped_protocols = [(name, protocols.load(name).title) for name in protocols.names()]
        datasets = _dataset_summaries(state)
        return self._render(
            "data", "data", links, datasets=datasets, cards=self.site.cards, shipped_protocols=shipped_protocols
        )

    def missing(self, message: str, links: Links) -> str:
        """The page for an address that does not exist."""
        return self._render("missing", "", links, message=message)


def exports_comparisons(state: BoardState) -> bool:
    """Whether an export holds the comparisons of each method with its neighbours: up to 100 submissions."""
    return len(state.submission_digests()) <= _MAX_COMPARED_SUBMISSIONS


def generator_views(board: Board) -> list[str]:
    """The views of a board: all generators together, and each one where there are several."""
    return [ALL_GENERATORS] if len(board.generators) == 1 else [ALL_GENERATORS, *board.generators]


def _has_several_datasets(state: BoardState) -> bool:
    return len({(board.dataset_digest, board.scorer) for board in state.boards}) > 1


def _page_numbers(page: TablePage) -> list[int | None]:
    """Numbers of the pages that a table links: the first, the last, and those near the present one; None for a gap."""
    linked = {1, page.pages, *range(page.page - 2, page.page + 3)}
    numbers: list[int | None] = []
    for number in sorted(number for number in linked if 1 <= number <= page.pages):
        if numbers and numbers[-1] is not None and number - numbers[-1] > 1:
            numbers.append(None)
        numbers.append(number)
    return numbers


def _people_plot(comparison: BoardComparison, number: int) -> Markup:
    people = comparison.people[:_MAX_DRAWN_PEOPLE]
    return plots.paired_plot([(person, first, second) for person, first, second in people], f"pairs-{number}")


def _people_numbers(comparison: BoardComparison) -> Iterable[tuple[str, str, str, str]]:
    for person, first, second in comparison.people:
        difference = number_format.format_difference(first - second, 3)
        yield person, number_format.format_auc(first, 3), number_format.format_auc(second, 3), difference


def _dataset_summaries(state: BoardState) -> list[Mapping[str, Any]]:
    """One summary for each data set, over all its boards."""
    summaries: dict[str, dict[str, Any]] = {}
    for board in state.boards:
        summary = summaries.setdefault(
            board.dataset_digest,
            {
                "name": board.dataset,
                "digest": board.dataset_digest,
                "protocols": [],
                "generators": [],
                "people": 0,
                "coarse": board.coarse,
                "sealed": board.sealed,
                "submission_digests": set(),
            },
        )
        summary["protocols"] = sorted({*summary["protocols"], board.protocol})
        summary["generators"] = sorted({*summary["generators"], *board.generators})
        summary["people"] = max(summary["people"], board.people)
        summary["submission_digests"] |= {records[0].digest for records in board.methods.values()}
    return [{**summary, "submissions": len(summary["submission_digests"])} for summary in summaries.values()]
