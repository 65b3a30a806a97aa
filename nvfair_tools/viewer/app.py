"""The viewer's addresses: one page, its scripts, and what they ask for about the data set. Nothing is written."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from nvfair_tools.errors import NvfairError
from nvfair_tools.viewer import thumbnails
from nvfair_tools.viewer.access import LocalAccess
from nvfair_tools.viewer.catalogue import DEFAULT_ORDER, FACETS, LINKED, Choice, Query
from nvfair_tools.viewer.motion import landmarks_of, series_of
from nvfair_tools.viewer.open_set import OpenSet, Watched
from nvfair_tools.viewer.scene import card, is_synthetic, scene

_STATIC = Path(__file__).parent / "static"
PAGE_SIZE = 60
_MOST_PAGE_SIZE = 240
_MOST_CHOICES = 40  # of a facet on the page; a word finds the others
_PORTRAIT_SIDE = 640


def create_app(watched: Watched, token: str) -> LocalAccess:
    """The viewer of a data set's folder as an ASGI application, which answers readers with the token alone."""
    pages = _Pages(watched)
    routes = [
        Route("/", _page),
        Route("/api/set", pages.answer(pages.describe)),
        Route("/api/videos", pages.answer(pages.list_videos)),
        Route("/api/choices", pages.answer(pages.list_choices)),
        Route("/api/video", pages.answer(pages.show_scene)),
        Route("/api/series", pages.answer(pages.series)),
        Route("/landmarks", pages.answer(pages.landmarks)),
        Route("/thumbnail", pages.answer(pages.thumbnail)),
        Route("/portrait", pages.answer(pages.portrait)),
        Route("/media", pages.answer(pages.media)),
        Mount("/static", StaticFiles(directory=_STATIC)),
    ]
    return LocalAccess(Starlette(routes=routes), token)


class _Pages:
    """What each address answers; every method takes the newest state of the set and the request."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched
        self._cache = thumbnails.PictureCache()

    def answer(self, method: Callable[[OpenSet, Request], Any]) -> Callable[[Request], Response]:
        """A route that runs in a thread; user errors become JSON with their words (503 where the set is unreadable)."""

        def route(request: Request) -> Response:
            try:
                state = self._watched.current()
            except NvfairError as error:
                return JSONResponse({"error": str(error), "unreadable": True}, 503)
            try:
                content = method(state, request)
            except NvfairError as error:
                return JSONResponse({"error": str(error)}, 404)
            return content if isinstance(content, Response) else JSONResponse(content)

        return route

    def describe(self, state: OpenSet, _request: Request) -> dict[str, Any]:
        """The set's name and size, facets, orders, and how a face is drawn from landmarks."""
        return {
            "name": state.dataset.name,
            "folder": str(state.dataset.folder),
            "videos": len(state.catalogue),
            "people": len(state.dataset.identities),
            "simulated": state.dataset.meta.get("simulated") is True,
            "shows_refused": state.show_refused,
            "facets": FACETS,
            "linked": LINKED,
            "orders": list(state.catalogue.orders),
            "face_lines": thumbnails.face_lines(),
        }

    def list_videos(self, state: OpenSet, request: Request) -> dict[str, Any]:
        """One page of the videos of a query, with the choices of every facet and their counts."""
        query = query_of(request)
        matches = state.catalogue.find(query)
        start = _whole(request, "start", 0)
        size = min(_whole(request, "size", PAGE_SIZE), _MOST_PAGE_SIZE)
        table = state.dataset.videos.iloc[matches.rows[start : start + size]]
        pairs = zip(table.to_dict("records"), state.pictures(table), strict=True)
        return {
            "total": len(state.catalogue),
            "count": len(matches.rows),
            "start": start,
            "size": size,
            "videos": [
                card({str(name): value for name, value in row.items()}, picture, state) for row, picture in pairs
            ],
            "facets": {name: _listed(state.catalogue.choices(query, matches, name)) for name in FACETS},
        }

    def list_choices(self, state: OpenSet, request: Request) -> dict[str, Any]:
        """The choices of one facet that contain a word."""
        query, name = query_of(request), request.query_params.get("facet", "")
        if name not in FACETS:
            raise NvfairError(f"the facet {name!r} is unknown", expected=f"one of {', '.join(FACETS)}")
        word = request.query_params.get("word", "").lower()
        choices = state.catalogue.choices(query, state.catalogue.find(query), name)
        return _listed([choice for choice in choices if word in choice.value.lower()])

    def show_scene(self, state: OpenSet, request: Request) -> dict[str, Any]:
        """The scene of a video."""
        return scene(state, _video(request), query_of(request))

    def series(self, state: OpenSet, request: Request) -> dict[str, Any]:
        """The motion of a video over time."""
        return series_of(state, _video(request))

    def landmarks(self, state: OpenSet, request: Request) -> Response:
        """The landmarks of a video: float32, little endian, x0 y0 x1 y1 ... a frame, NaN where there is no face."""
        landmarks = landmarks_of(state, _video(request))
        return Response(landmarks.astype("<f4").tobytes(), media_type="application/octet-stream")

    def thumbnail(self, state: OpenSet, request: Request) -> Response:
        """The small picture of a video, or its landmarks as a drawing."""
        video = _video(request)
        row = state.row(video)
        path = state.file(row["path"])
        hidden = state.pictures(state.dataset.videos.iloc[[state.number(video)]])[0].hidden
        if path is None or hidden:
            drawing = self._cache.get(
                (video, "landmarks"), lambda: thumbnails.landmark_thumbnail(landmarks_of(state, video))
            )
            return Response(drawing, media_type="image/svg+xml")
        synthetic = is_synthetic(state, row.to_dict())
        picture = self._cache.get(
            (video, path.stat().st_mtime_ns),
            lambda: thumbnails.video_thumbnail(path, thumbnails.first_face(state.folder, row), synthetic=synthetic),
        )
        return Response(picture, media_type="image/jpeg")

    def portrait(self, state: OpenSet, request: Request) -> Response:
        """The portrait of a person as a JPEG, read as the build reads it."""
        person = request.query_params.get("person", "")
        if person not in state.people.index:
            raise NvfairError(f"no person is called {person!r}", where=state.dataset.folder / "identities.parquet")
        path = state.file(state.people.loc[person]["portrait"])
        hidden = state.portrait_picture(person).hidden
        if path is None or hidden:
            raise NvfairError(f"no portrait is shown of {person!r}: {hidden or 'there is no file'}")
        key = (path, path.stat().st_mtime_ns)
        picture = self._cache.get(key, lambda: thumbnails.portrait_picture(path, _PORTRAIT_SIDE))
        return Response(picture, media_type="image/jpeg")

    def media(self, state: OpenSet, request: Request) -> Response:
        """The file of a video, in the ranges that a player asks for."""
        video = _video(request)
        path = state.file(state.row(video)["path"])
        hidden = state.pictures(state.dataset.videos.iloc[[state.number(video)]])[0].hidden
        if path is None or hidden:
            raise NvfairError(f"no video is shown of {video!r}: {hidden or 'there is no file'}")
        return FileResponse(path, media_type=mimetypes.guess_type(path.name)[0] or "application/octet-stream")


def query_of(request: Request) -> Query:
    """The query in an address: a parameter a facet (repeated for several choices), `q` words, `sort` the order."""
    parameters = request.query_params
    choices = {name: parameters.getlist(name) for name in (*FACETS, *LINKED) if name in parameters}
    return Query(choices, parameters.get("q", ""), parameters.get("sort", DEFAULT_ORDER))


async def _page(_request: Request) -> Response:
    return FileResponse(_STATIC / "viewer.html", media_type="text/html; charset=utf-8")


def _listed(choices: list[Choice]) -> dict[str, Any]:
    """The choices that fit on the page (chosen and most frequent ones) in their order; and how many are left out."""
    most = sorted(choices, key=lambda choice: (not choice.chosen, -choice.count))[:_MOST_CHOICES]
    listed = [choice for choice in choices if choice in most]
    return {
        "choices": [[choice.value, choice.count, choice.chosen] for choice in listed],
        "more": len(choices) - len(listed),
    }


def _video(request: Request) -> str:
    return request.query_params.get("video", "")


def _whole(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise HTTPException(400, f"{name} is {text[:40]!r}; expected a whole number")
    return int(text)
