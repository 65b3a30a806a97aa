"""The board as a static site: the pages of the server as files with relative addresses.

The folder is ready for GitHub Pages, for a static Hugging Face Space, and to be opened from disk. The style sheet and
the other files that pages refer to are read here for the server as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmark import protocols
from leaderboard.pages.links import SHORT_DIGEST, Links, view_file
from leaderboard.pages.method_page import neighbour_digests
from leaderboard.pages.render import DEFAULT_TITLE, PageRenderer, SiteInfo, exports_comparisons, generator_views
from leaderboard.ranking import table_rows
from leaderboard.ranking.board_state import BoardState, board_state
from leaderboard.ranking.boards import Board
from leaderboard.ranking.query import Query, table_page
from leaderboard.store.results import StoredResult
from nvfair_tools.files import write_text

STATIC_FILES = {"board.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml", "sort.js": "text/javascript"}
_ROBOTS = "User-agent: *\nAllow: /\n"


def read_static_file(name: str) -> bytes:
    """The content of the file `name` in `leaderboard/static`; `STATIC_FILES` has the names with their media types."""
    return (Path(__file__).parents[1] / "static" / name).read_bytes()


def export_site(
    results: Iterable[StoredResult], folder: Path, *, title: str = DEFAULT_TITLE, cards: Sequence[tuple[str, str]] = ()
) -> Path:
    """Writes the site to `folder`, with board.json and board.csv; returns the path of its front page.

    Up to 100 submissions it has the comparisons of each method with its neighbours in the table. Pages of an earlier
    export that no longer exist are not deleted: export to a fresh folder where results were withdrawn.
    """
    for path, text in site_files(results, title=title, cards=cards):
        write_text(folder / path, text)
    return folder / "index.html"


def site_files(
    results: Iterable[StoredResult], *, title: str = DEFAULT_TITLE, cards: Sequence[tuple[str, str]] = ()
) -> Iterable[tuple[str, str]]:
    """Yields every file of the site that `export_site` writes, as (path, text)."""
    state = board_state(results)
    renderer = PageRenderer(SiteInfo(title, (), tuple(cards)))
    front_page = table_page(state, Query())
    front_view = (front_page.view.board.slug, front_page.view.generator) if front_page else ("", "")
    yield from _site_files(state, renderer, front_view)


def _site_files(state: BoardState, renderer: PageRenderer, front_view: tuple[str, str]) -> Iterable[tuple[str, str]]:
    """All files of the site as (path, text)."""
    top_links, inner_links = Links(0, True, front_view), Links(1, True, front_view)
    if not state.boards:
        yield "index.html", renderer.table(state, Query(), top_links)
    views = [(board, generator) for board in state.boards for generator in generator_views(board)]
    for board, generator in views:
        yield from _view_files(state, renderer, board, generator, front_view)
    if views and not any(front_view == (board.slug, generator) for board, generator in views):
        raise AssertionError(f"the front page {front_view} is none of the views")
    compared: set[tuple[str, str]] = set()
    for digest in state.submission_digests():
        page, data = renderer.method(state, digest, inner_links), table_rows.submission_json(state, digest)
        assert page is not None
        assert data is not None
        yield f"method/{digest[:SHORT_DIGEST]}.html", page
        yield f"method/{digest[:SHORT_DIGEST]}.json", data
        if exports_comparisons(state):
            compared |= {(digest, neighbour) for neighbour in neighbour_digests(state, digest)}
    for first, second in sorted(compared):
        page = renderer.compare(state, first, second, inner_links)
        assert page is not None
        yield f"compare/{first[:SHORT_DIGEST]}-{second[:SHORT_DIGEST]}.html", page
    yield "compare.html", renderer.choose_comparison(state, top_links)
    yield "submit.html", renderer.submit(top_links, "")
    yield "rules.html", renderer.rules(top_links)
    yield "data.html", renderer.data(state, top_links)
    yield "404.html", renderer.missing("There is no such page.", top_links)
    yield "board.json", table_rows.to_json(state)
    yield "board.csv", table_rows.to_csv(state)
    for name in protocols.names():
        yield f"protocol/{name}.json", protocols.load(name).to_json()
    for name in STATIC_FILES:
        yield f"static/{name}", read_static_file(name).decode()
    yield "robots.txt", _ROBOTS
    yield ".nojekyll", ""
    yield "README.md", _hub_readme(renderer.site.title)


def _view_files(
    state: BoardState, renderer: PageRenderer, board: Board, generator: str, front_view: tuple[str, str]
) -> Iterable[tuple[str, str]]:
    """All pages of the table of one view as (path, text)."""
    number = 1
    while True:
        query = Query(board=board.slug, generator=generator, page=number)
        page = table_page(state, query)
        assert page is not None
        path = view_file(board.slug, generator, number, front_view)
        yield path, renderer.table(state, query, Links(path.count("/"), True, front_view))
        if number >= page.pages:
            return
        number += 1


def _hub_readme(title: str) -> str:
    """The README with the header that makes the folder a static Space of the Hugging Face Hub."""
    yaml_title = title.replace("\\", " ").replace('"', "'").replace("\n", " ")
    return (
        f'---\ntitle: "{yaml_title}"\nemoji: 🎭\ncolorFrom: blue\ncolorTo: indigo\nsdk: static\napp_file: index.html\n'
        "pinned: false\n---\n\nWritten by `nvfair board export`. Open index.html; board.json and board.csv hold "
        "the same as data.\n"
    )
