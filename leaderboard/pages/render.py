"""The pages as text: what each shows, and the words that numbers are written in."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from typing import Any

from markupsafe import Markup

from benchmark import protocols
from leaderboard.pages import method_page, plots
from leaderboard.pages.links import Links, web_address
from leaderboard.ranking.board_state import BoardState
from leaderboard.ranking.boards import Board
from leaderboard.ranking.comparison import BoardComparison, Comparison, compare
from leaderboard.ranking.headline import ALL_GENERATORS
from leaderboard.ranking.query import RELATIONS, SORTS, Query, TablePage, choose_board, table_page
from leaderboard.ranking.redaction import ROUNDING_STEP
from leaderboard.ranking.shared_ranks import MIN_PEOPLE
from leaderboard.ranking.views import MethodRow
from nvfair_tools.errors import MissingExtra

TITLE = "Avatar fingerprinting leaderboard"
SORTED_BY = {
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
_CHOICES = 100


@dataclass(frozen=True)
class Site:
    """What is the same on all pages. cards: (data set's name, text of its card)."""

    title: str = TITLE
    phases: tuple[str, ...] = ()
    cards: tuple[tuple[str, str], ...] = ()


class Pages:
    """Renders pages of a standing."""

    def __init__(self, site: Site = Site()) -> None:
        self.site = site

    @cached_property
    def _environment(self) -> Any:
        try:
            from jinja2 import Environment, PackageLoader, StrictUndefined
        except ImportError as error:
            raise MissingExtra("jinja2", "board", str(error)) from error
        environment = Environment(
            loader=PackageLoader("leaderboard"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters.update(
            auc=auc, signed=signed, count=count, size=size, place=place, span=span, web=web_address, named=named
        )
        environment.filters["counted"] = counted
        return environment

    @cached_property
    def _published(self) -> Any:
        return json.loads((resources.files("benchmark") / "published.json").read_text(encoding="utf-8"))

    def _render(self, name: str, here: str, links: Links, **values: Any) -> str:
        template = self._environment.get_template(f"pages/{name}.html.j2")
        return template.render(site=self.site, here=here, links=links, **values)

    def table(self, standing: BoardState, query: Query, links: Links) -> str:
        """The front page: a board's table with what stands beside it."""
        found = table_page(standing, query)
        board = found.view.board if found else None
        digits = 2 if board and board.coarse else 3
        control = found.view.best_control.value if found and found.view.best_control else None

        def turn(column: str) -> dict[str, Any]:
            usual = SORTS[column].largest_first
            return {"sort": column, "descending": not query.descending if query.sort == column else usual, "page": 1}

        def whisker(row: MethodRow) -> Markup:
            return plots.whisker(row.value, row.low, row.high, control)

        boards = standing.boards
        return self._render(
            "table",
            "table",
            links,
            standing=standing,
            query=query,
            found=found,
            board=board,
            digits=digits,
            turn=turn,
            whisker=whisker,
            several=len({(b.dataset_digest, b.scorer) for b in boards}) > 1,
            relations=[name for name in RELATIONS if any(b.relation == name for b in boards)],
            sorted_by=SORTED_BY[query.sort],
            page_numbers=_page_numbers(found) if found else [],
            generators_of=generators_of,
            published=self._published,
            decimals=decimals,
            fewest=MIN_PEOPLE,
        )

    def method(self, standing: BoardState, digest: str, links: Links, offered: Collection[str] = ()) -> str | None:
        """A submission's page; None where there is no such submission. offered: files to reproduce it by that the
        server gives."""
        values = method_page.values(standing, digest, linked=not links.static or small(standing))
        return None if values is None else self._render("method", "method", links, offered=offered, **values)

    def compare(self, standing: BoardState, first: str, second: str, links: Links) -> str | None:
        """Two submissions beside each other; None where one is not there."""
        comparison = compare(standing, first, second)
        if comparison is None:
            return None
        boards = standing.boards
        return self._render(
            "compare",
            "compare",
            links,
            comparison=comparison,
            pairs=[_pairs(meeting, number) for number, meeting in enumerate(comparison.boards)],
            meeting_numbers=_meeting_numbers,
            several=len({(b.dataset_digest, b.scorer) for b in boards}) > 1,
        )

    def choose_two(self, standing: BoardState, links: Links, problem: str = "") -> str:
        """The form that asks which two."""
        board = choose_board(standing, Query())
        view = standing.first_view(board) if board else None
        rows = [*view.rows, *view.not_comparable][:_CHOICES] if view else []
        choices = [(row.digest, row.method) for row in rows]
        nothing: Comparison | None = None
        return self._render("compare", "compare", links, comparison=nothing, choices=choices, problem=problem)

    def submit(self, links: Links, csrf: str) -> str:
        """The form. csrf: what it repeats of the reader's cookie."""
        return self._render("submit", "submit", links, csrf=csrf, phases=self.site.phases)

    def outcome(self, links: Links, *, problems: Sequence[str] = (), free: bool = False, accepted: Any = None) -> str:
        """What became of a form that was sent: `accepted` (leaderboard.server.intake.Accepted), or the problems.

        free: whether the problems are the submission's own, so that sending it again is worth while.
        """
        return self._render("outcome", "submit", links, problems=problems, free=free, accepted=accepted)

    def rules(self, links: Links) -> str:
        """How places are given."""
        return self._render("rules", "rules", links, fewest=MIN_PEOPLE, step=ROUNDING_STEP)

    def data(self, standing: BoardState, links: Links) -> str:
        """The data card with the terms of consent."""
        shipped = [(name, protocols.load(name).title) for name in protocols.names()]
        return self._render("data", "data", links, sets=_sets(standing), cards=self.site.cards, shipped=shipped)

    def missing(self, what: str, links: Links) -> str:
        """There is no such page."""
        return self._render("missing", "", links, what=what)


def small(standing: BoardState) -> bool:
    """Whether an export holds the comparisons of every method with its neighbours."""
    return len(standing.submission_digests()) <= 100


def generators_of(board: Board) -> list[str]:
    """The views of a board: all generators, where there are several, and each."""
    return [ALL_GENERATORS] if len(board.generators) == 1 else [ALL_GENERATORS, *board.generators]


def auc(value: float | None, digits: int) -> str:
    """A rate; a dash where there is none."""
    return "–" if value is None else f"{value:.{digits}f}"


def decimals(table: Sequence[Sequence[float | None]]) -> int:
    """How many decimals a published table was given with, so that all its figures are written alike."""
    return max(len(str(value).partition(".")[2]) for row in table for value in row if value is not None)


def signed(value: float, digits: int) -> str:
    """A difference with its sign."""
    text = f"{value:+.{digits}f}"
    return text.replace("-", "−") if float(text) else f"{0:.{digits}f}"


def count(value: int) -> str:
    """A whole number, in groups of three."""
    return f"{value:,}".replace(",", "\u202f")


def size(value: int | None) -> str:
    """A number of parameters, short."""
    if value is None:
        return "–"
    for limit, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if value >= limit:
            return f"{value / limit:.3g} {letter}"
    return str(value)


def place(ends: tuple[int, int]) -> str:
    """A place: "1" or "1–3"."""
    return str(ends[0]) if ends[0] == ends[1] else f"{ends[0]}–{ends[1]}"


def span(cell: Any, digits: int) -> str:
    """The ends of an interval."""
    return "no interval" if cell.low is None else f"{cell.low:.{digits}f}–{cell.high:.{digits}f}"


def named(names: Sequence[str] | str) -> str:
    """What a declaration lists, or that it does not say."""
    return names if isinstance(names, str) else ", ".join(names) or "none"


def counted(names: Sequence[str] | str, many: str, one: str) -> str:
    """How many a declaration lists, or that it does not say."""
    return names if isinstance(names, str) else f"{count(len(names))} {one if len(names) == 1 else many}"


def _page_numbers(found: TablePage) -> list[int | None]:
    near = {1, found.pages, *range(found.page - 2, found.page + 3)}
    numbers: list[int | None] = []
    for number in sorted(n for n in near if 1 <= n <= found.pages):
        if numbers and numbers[-1] is not None and number - numbers[-1] > 1:
            numbers.append(None)
        numbers.append(number)
    return numbers


def _pairs(meeting: BoardComparison, number: int) -> Markup:
    return plots.pairs([(who, one, other) for who, one, other in meeting.people[:40]], f"pairs-{number}")


def _meeting_numbers(meeting: BoardComparison) -> Iterable[tuple[str, str, str, str]]:
    for who, one, other in meeting.people:
        yield who, auc(one, 3), auc(other, 3), signed(one - other, 3)


def _sets(standing: BoardState) -> list[Mapping[str, Any]]:
    sets: dict[str, dict[str, Any]] = {}
    for board in standing.boards:
        one = sets.setdefault(
            board.dataset_digest,
            {
                "name": board.dataset,
                "digest": board.dataset_digest,
                "protocols": [],
                "generators": [],
                "people": 0,
                "coarse": board.coarse,
                "names": set(),
            },
        )
        one["protocols"] = sorted({*one["protocols"], board.protocol})
        one["generators"] = sorted({*one["generators"], *board.generators})
        one["people"] = max(one["people"], board.people)
        one["names"] |= {mine[0].digest for mine in board.methods.values()}
    return [{**one, "submissions": len(one["names"])} for one in sets.values()]
