"""The pages on a server. Each is a pure function of the results and of its address, so that it may be cached."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import resources

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from benchmark import protocols
from leaderboard import tabular
from leaderboard.links import Links
from leaderboard.query import Query
from leaderboard.render import TITLE, Pages, Site
from leaderboard.standing import Standing, Standings
from leaderboard.store import Scored

STATIC = {"board.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml", "sort.js": "text/javascript"}
_DIGEST = 64


def router(
    provider: Callable[[], Sequence[Scored]],
    *,
    title: str = TITLE,
    phases: Sequence[str] = (),
    cards: Sequence[tuple[str, str]] = (),
) -> APIRouter:
    """The routes of the pages. POST /submit is not among them.

    provider: the public results at this moment; the same collection as long as nothing has changed. phases: what the
    form offers; where there are none, the reader writes one. cards: (data set's name, text of its card).
    The form's hidden field repeats `request.state.csrf_token`, where whoever serves the pages has put one.
    """
    pages = APIRouter(include_in_schema=False)
    render = Pages(Site(title, tuple(phases), tuple(cards)))
    standings = Standings()
    files = {name: static(name) for name in STATIC}

    def now() -> Standing:
        return standings.of(provider())

    def missing(what: str, depth: int = 0) -> HTMLResponse:
        return HTMLResponse(render.missing(what, Links(depth)), 404)

    @pages.get("/")
    def table(request: Request) -> HTMLResponse:
        return HTMLResponse(render.table(now(), Query.read(request.query_params), Links()))

    @pages.get("/method/{name}")
    def method(name: str) -> Response:
        digest = name.removesuffix(".json")
        if len(digest) == _DIGEST and name != digest:
            text = tabular.submission_json(now(), digest)
            return missing("There is no such submission.", 1) if text is None else _json(text)
        page = render.method(now(), name, Links(1)) if len(name) == _DIGEST else None
        return missing("There is no such submission, or it is not public.", 1) if page is None else HTMLResponse(page)

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
        return _json(tabular.to_json(tabular.rows(now())))

    @pages.get("/board.csv")
    def board_csv() -> Response:
        return Response(tabular.to_csv(tabular.rows(now())), media_type="text/csv; charset=utf-8")

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


ROBOTS = "User-agent: *\nDisallow: /compare\nDisallow: /submit\n"


def static(name: str) -> bytes:
    """A file that pages refer to."""
    return (resources.files("leaderboard") / "static" / name).read_bytes()


def _json(text: str) -> Response:
    return Response(text, media_type="application/json")
