"""The pages on a server. Each depends only on the results and on its address, so that it may be cached."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, Response

from benchmark import protocols
from leaderboard.pages.links import Links
from leaderboard.pages.render import DEFAULT_TITLE, PageRenderer, SiteInfo
from leaderboard.pages.static_site import STATIC_FILES, read_static_file
from leaderboard.ranking import table_rows
from leaderboard.ranking.board_state import BoardState
from leaderboard.ranking.query import Query
from leaderboard.submission.submission import inner_file, reproduce_names
from nvfair_tools.errors import NvfairError

_DIGEST_LENGTH = 64
_ROBOTS = "User-agent: *\nDisallow: /compare\nDisallow: /submit\nDisallow: /files\n"


def page_router(
    current_state: Callable[[], BoardState],
    *,
    title: str = DEFAULT_TITLE,
    phases: Sequence[str] = (),
    cards: Sequence[tuple[str, str]] = (),
    folder_of: Callable[[str], Path] | None = None,
) -> APIRouter:
    """The routes of the pages. POST /submit is not among them.

    current_state: gives the state of the public results. phases: the choices of the form; where there are none, the
    reader writes one. cards: (name of a data set, text of its card). folder_of: gives the folder of a submission's
    files by its digest; without it no files are offered.
    The form's hidden field repeats `request.state.csrf_token`, where a middleware has set it.
    """
    routes = APIRouter(include_in_schema=False)
    renderer = PageRenderer(SiteInfo(title, tuple(phases), tuple(cards)))

    def not_found(message: str, depth: int = 0) -> HTMLResponse:
        return HTMLResponse(renderer.missing(message, Links(depth)), 404)

    @routes.get("/")
    def table(request: Request) -> HTMLResponse:
        return HTMLResponse(renderer.table(current_state(), Query.from_parameters(request.query_params), Links()))

    @routes.get("/method/{name}")
    def method(name: str) -> Response:
        digest = name.removesuffix(".json")
        if len(digest) == _DIGEST_LENGTH and name != digest:
            text = table_rows.submission_json(current_state(), digest)
            return not_found("There is no such submission.", 1) if text is None else _json_response(text)
        downloadable_files = reproduce_files(current_state(), name, folder_of) if folder_of else {}
        page = None
        if len(name) == _DIGEST_LENGTH:
            page = renderer.method(current_state(), name, Links(1), downloadable_files)
        if page is None:
            return not_found("There is no such submission, or it is not public.", 1)
        return HTMLResponse(page)

    @routes.get("/files/{digest}/{name:path}")
    def reproduce(digest: str, name: str) -> Response:
        path = reproduce_files(current_state(), digest, folder_of).get(name) if folder_of else None
        if path is None:
            return not_found("There is no such file, or it is not public.", 2 + name.count("/"))
        # A submitter's bytes are always a download: a browser never shows them as a page of this board.
        return FileResponse(path, media_type="application/octet-stream", filename=path.name)

    @routes.get("/compare")
    def compare(request: Request) -> HTMLResponse:
        parameters = request.query_params
        if "a" in parameters or "b" in parameters:
            digests = [parameters.get("a", ""), parameters.get("b", "")]
        else:
            digests = parameters.getlist("m")
        if not digests:
            problem = "Tick two entries." if "m" in parameters else ""
            return HTMLResponse(renderer.choose_comparison(current_state(), Links(), problem))
        if len(digests) != 2 or digests[0] == digests[1]:
            problem = f"Choose two different entries; {len(set(digests))} were chosen."
            return HTMLResponse(renderer.choose_comparison(current_state(), Links(), problem))
        page = renderer.compare(current_state(), digests[0], digests[1], Links())
        if page is None:
            problem = "One of the two is not on this board."
            return HTMLResponse(renderer.choose_comparison(current_state(), Links(), problem), 404)
        return HTMLResponse(page)

    @routes.get("/submit")
    def submit(request: Request) -> HTMLResponse:
        return HTMLResponse(renderer.submit(Links(), getattr(request.state, "csrf_token", "")))

    @routes.get("/rules")
    def rules() -> HTMLResponse:
        return HTMLResponse(renderer.rules(Links()))

    @routes.get("/data")
    def data() -> HTMLResponse:
        return HTMLResponse(renderer.data(current_state(), Links()))

    @routes.get("/board.json")
    def board_json() -> Response:
        return _json_response(table_rows.to_json(current_state()))

    @routes.get("/board.csv")
    def board_csv() -> Response:
        return Response(table_rows.to_csv(current_state()), media_type="text/csv; charset=utf-8")

    @routes.get("/protocol/{name}")
    def protocol(name: str) -> Response:
        protocol_name = name.removesuffix(".json")
        if name == protocol_name or protocol_name not in protocols.names():
            return not_found("There is no such protocol.", 1)
        return _json_response(protocols.load(protocol_name).to_json())

    @routes.get("/static/{name}")
    def static_file(name: str) -> Response:
        if name not in STATIC_FILES:
            return not_found("There is no such file.", 1)
        headers = {"cache-control": "max-age=300"}
        return Response(read_static_file(name), media_type=STATIC_FILES[name], headers=headers)

    @routes.get("/favicon.ico")
    def icon() -> Response:
        # Browsers ask for it on pages that name no icon.
        return Response(read_static_file("icon.svg"), media_type=STATIC_FILES["icon.svg"])

    @routes.get("/robots.txt")
    def robots() -> Response:
        return Response(_ROBOTS, media_type="text/plain; charset=utf-8")

    return routes


def reproduce_files(state: BoardState, digest: str, folder_of: Callable[[str], Path]) -> dict[str, Path]:
    """The files of a submission that others may download: those that its declaration names under `reproduce`.

    Returns {name: path}. Embeddings, scores and the files of drafts are not among them. Empty where no files are
    stored.
    """
    records = state.records_of_submission(digest)
    if not records:
        return {}
    paths = {}
    for name in reproduce_names(records[0].public_result.submission):
        try:
            paths[name] = inner_file(folder_of(digest), name)
        except NvfairError:  # added by `nvfair board add`, which stores no files
            continue
    return paths


def _json_response(text: str) -> Response:
    return Response(text, media_type="application/json")
