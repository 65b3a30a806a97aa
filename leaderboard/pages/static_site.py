"""The board as a static site: the pages of the server as files, with relative addresses, ready for GitHub Pages, a
static Hugging Face Space, or a folder opened from disk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmark import protocols
from leaderboard.pages.links import SHORT, Links, view_file
from leaderboard.pages.method_page import neighbours
from leaderboard.pages.render import TITLE, Pages, Site, generators_of, small
from leaderboard.pages.static_files import STATIC, static
from leaderboard.ranking import table_rows
from leaderboard.ranking.board_state import BoardState, board_state
from leaderboard.ranking.boards import Board
from leaderboard.ranking.query import Query, table_page
from leaderboard.ranking.redaction import redacted
from leaderboard.store.results import StoredResult
from nvfair_tools.files import write_text

_ROBOTS = "User-agent: *\nAllow: /\n"


def export_site(
    results: Iterable[StoredResult], folder: Path, *, title: str = TITLE, cards: Sequence[tuple[str, str]] = ()
) -> Path:
    """Writes the site to `folder`, with board.json and board.csv; returns the path of its front page.

    Comparisons are written of each method with its neighbours in the table, up to 100 submissions. A page of an
    earlier export that is no longer there stays as it is: export to a fresh folder where results were withdrawn.
    """
    stand = board_state([redacted(result) for result in results])
    pages = Pages(Site(title, (), tuple(cards)))
    front = table_page(stand, Query())
    first = (front.view.board.slug, front.view.generator) if front else ("", "")
    for path, text in _files(stand, pages, first):
        write_text(folder / path, text)
    return folder / "index.html"


def _files(stand: BoardState, pages: Pages, first: tuple[str, str]) -> Iterable[tuple[str, str]]:
    top, inner = Links(0, True, first), Links(1, True, first)
    if not stand.boards:
        yield "index.html", pages.table(stand, Query(), top)
    for board in stand.boards:
        for generator in generators_of(board):
            yield from _views(stand, pages, board, generator, first)
    if stand.boards and not any(first == (b.slug, g) for b in stand.boards for g in generators_of(b)):
        raise AssertionError(f"the front page {first} is none of the views")
    compared: set[tuple[str, str]] = set()
    for digest in stand.submission_digests():
        page, data = pages.method(stand, digest, inner), table_rows.submission_json(stand, digest)
        assert page is not None
        assert data is not None
        yield f"method/{digest[:SHORT]}.html", page
        yield f"method/{digest[:SHORT]}.json", data
        if small(stand):
            compared |= {(digest, other) for other in neighbours(stand, digest)}
    for one, other in sorted(compared):
        page = pages.compare(stand, one, other, inner)
        assert page is not None
        yield f"compare/{one[:SHORT]}-{other[:SHORT]}.html", page
    yield "compare.html", pages.choose_two(stand, top)
    yield "submit.html", pages.submit(top, "")
    yield "rules.html", pages.rules(top)
    yield "data.html", pages.data(stand, top)
    yield "404.html", pages.missing("There is no such page.", top)
    yield "board.json", table_rows.to_json(stand)
    yield "board.csv", table_rows.to_csv(stand)
    for name in protocols.names():
        yield f"protocol/{name}.json", protocols.load(name).to_json()
    for name in STATIC:
        yield f"static/{name}", static(name).decode()
    yield "robots.txt", _ROBOTS
    yield ".nojekyll", ""
    yield "README.md", _space(pages.site.title)


def _views(
    stand: BoardState, pages: Pages, board: Board, generator: str, first: tuple[str, str]
) -> Iterable[tuple[str, str]]:
    number = 1
    while True:
        query = Query(board=board.slug, generator=generator, page=number)
        found = table_page(stand, query)
        assert found is not None
        path = view_file(board.slug, generator, number, first)
        yield path, pages.table(stand, query, Links(path.count("/"), True, first))
        if number >= found.pages:
            return
        number += 1


def _space(title: str) -> str:
    """The header by which the Hugging Face Hub knows a static Space."""
    plain = title.replace("\\", " ").replace('"', "'").replace("\n", " ")
    return (
        f'---\ntitle: "{plain}"\nemoji: 🎭\ncolorFrom: blue\ncolorTo: indigo\nsdk: static\napp_file: index.html\n'
        "pinned: false\n---\n\nWritten by `nvfair board export`. Open index.html; board.json and board.csv hold "
        "the same as data.\n"
    )
