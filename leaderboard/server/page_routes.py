"""The pages on a server. Each is a pure function of the results and of its address, so that it may be cached."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, Response

from benchmark import protocols
from leaderboard.pages.links import Links
from leaderboard.pages.render import TITLE, Pages, Site
from leaderboard.pages.static_files import STATIC, static
from leaderboard.ranking import table_rows
from leaderboard.ranking.board_state import BoardState, BoardStateCache
from leaderboard.ranking.query import Query
from leaderboard.store.results import StoredResult
from leaderboard.submission.submission import inner_file, reproduce_names
from nvfair_tools.errors import NvfairError

_DIGEST = 64


def router(
    provider: Callable[[], Sequence[StoredResult]],
    *,
    title: str = TITLE,
    phases: Sequence[str] = (),
    cards: Sequence[tuple[str, str]] = (),
    kept: Callable[[str], Path] | None = None,
) -> APIRouter:
    """The routes of the pages. POST /submit is not among them.

    provider: the public results at this moment; the same collection as long as nothing has changed. phases: what the
    form offers; where there are none, the reader writes one. cards: (data set's name, text of its card).
    kept: the folder of a submission's files by its digest, from which those to reproduce it by are given.
    The form's hidden field repeats `request.state.csrf_token`, where whoever serves the pages has put one.
    """
    pages = APIRouter(include_in_schema=False)
    render = Pages(Site(title, tuple(phases), tuple(cards)))
    standings = BoardStateCache()
    files = {name: static(name) for name in STATIC}

    def now() -> BoardState:
        return standings.get(provider())

    def missing(what: str, depth: int = 0) -> HTMLResponse:
        return HTMLResponse(render.missing(what, Links(depth)), 404)

    @pages.get("/")
    def table(request: Request) -> HTMLResponse:
        return HTMLResponse(render.table(now(), Query.from_parameters(request.query_params), Links()))

    @pages.get("/method/{name}")
    def method(name: str) -> Response:
        digest = name.removesuffix(".json")
        if len(digest) == _DIGEST and name != digest:
            text = table_rows.submission_json(now(), digest)
            return missing("There is no such submission.", 1) if text is None else _json(text)
        offered = reproduce_files(now(), name, kept) if kept else {}
        page = render.method(now(), name, Links(1), offered) if len(name) == _DIGEST else None
        return missing("There is no such submission, or it is not public.", 1) if page is None else HTMLResponse(page)

    @pages.get("/files/{digest}/{name:path}")
    def reproduce(digest: str, name: str) -> Response:
        path = reproduce_files(now(), digest, kept).get(name) if kept else None
        if path is None:
            return missing("There is no such file, or it is not public.", 2 + name.count("/"))
        # Strangers' bytes: never shown in the page's own name, whatever they hold.
        return FileResponse(path, media_type="application/octet-stream", filename=path.name)

    @pages.get("/compare")
    def compare(request: Request) -> HTMLResponse:
        asked = request.query_params
        two = [asked.get("a", ""), asked.get("b", "")] if "a" in asked or "b" in asked else asked.getlist("m")
        if not two:
            return HTMLResponse(render.choose_two(now(), Links(), "Tick two entries." if "m" in asked else ""))
        if len(two) != 2 or two[0] == two[1]:
            problem = f"Choose two different entries; {len(set(two))} were chosen."
            return HTMLResponse(render.choose_two(now(), Links(), problem))
        page = render.compare(now(), two[0], two[1], Links())
        if page is None:
            return HTMLResponse(render.choose_two(now(), Links(), "One of the two is not on this board."), 404)
        return HTMLResponse(page)

    @pages.get("/submit")
    def submit(request: Request) -> HTMLResponse:
        return HTMLResponse(render.submit(Links(), getattr(request.state, "csrf_token", "")))

    @pages.get("/rules")
    def rules() -> HTMLResponse:
        return HTMLResponse(render.rules(Links()))

    @pages.get("/data")
    def data() -> HTMLResponse:
        return HTMLResponse(render.data(now(), Links()))

    @pages.get("/board.json")
    def board_json() -> Response:
        return _json(table_rows.to_json(now()))

    @pages.get("/board.csv")
    def board_csv() -> Response:
        return Response(table_rows.to_csv(now()), media_type="text/csv; charset=utf-8")

    @pages.get("/protocol/{name}")
    def protocol(name: str) -> Response:
        known = name.removesuffix(".json")
        if name == known or known not in protocols.names():
            return missing("There is no such protocol.", 1)
        return _json(protocols.load(known).to_json())

    @pages.get("/static/{name}")
    def file(name: str) -> Response:
        if name not in files:
            return missing("There is no such file.", 1)
        return Response(files[name], media_type=STATIC[name], headers={"cache-control": "max-age=300"})

    @pages.get("/favicon.ico")
    def icon() -> Response:
        # Asked for by browsers on pages that name no icon.
        return Response(files["icon.svg"], media_type=STATIC["icon.svg"])

    @pages.get("/robots.txt")
    def robots() -> Response:
        return Response(ROBOTS, media_type="text/plain; charset=utf-8")

    return pages


ROBOTS = "User-agent: *\nDisallow: /compare\nDisallow: /submit\nDisallow: /files\n"


def reproduce_files(standing: BoardState, digest: str, kept: Callable[[str], Path]) -> dict[str, Path]:
    """The files that others may have of a submission on the board: those that its declaration names under `reproduce`.

    Embeddings and scores are not among them, nor anything of a draft. Empty where no files are kept.
    """
    records = standing.records_of_submission(digest)
    if not records:
        return {}
    found = {}
    for name in reproduce_names(records[0].public_result.submission):
        try:
            found[name] = inner_file(kept(digest), name)
        except NvfairError:  # added by `nvfair board add`, which keeps no files
            continue
    return found


def _json(text: str) -> Response:
    return Response(text, media_type="application/json")
