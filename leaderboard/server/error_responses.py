"""How a refusal is told over HTTP: its status, and always the same JSON."""

from __future__ import annotations

from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.exceptions import StarletteHTTPException as HTTPException
from fastapi.responses import HTMLResponse, JSONResponse, Response
from sqlalchemy.exc import SQLAlchemyError

from leaderboard.pages.links import Links
from leaderboard.pages.render import Pages
from leaderboard.server.intake import PhaseClosed, QuotaUsed, Taken
from nvfair_tools.errors import NvfairError, Problems

_log = structlog.get_logger("refusals")


def status_of(error: NvfairError) -> int:
    """The HTTP status of an error that its cause can mend."""
    if isinstance(error, QuotaUsed):
        return 429
    return 409 if isinstance(error, (PhaseClosed, Taken)) else 422


def install(app: FastAPI, pages: Pages) -> None:
    """Makes every refusal of `app` a `Problem`, and a page where a browser asked for one that is not there."""

    async def absent(request: Request, error: Exception) -> Response:
        path = request.url.path
        if path.startswith("/api/") or "text/html" not in request.headers.get("accept", ""):
            return await _http(request, error)
        return HTMLResponse(pages.missing("There is no such page.", Links(path.count("/") - 1)), 404)

    app.add_exception_handler(404, absent)
    app.add_exception_handler(NvfairError, _told)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(SQLAlchemyError, _database)


async def _told(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, NvfairError)
    seconds = getattr(error, "seconds", 0)
    headers = {"Retry-After": str(seconds)} if seconds else None
    problems = list(error.problems) if isinstance(error, Problems) else []
    what = f"{len(problems)} problem{'s' if len(problems) != 1 else ''}" if problems else error.what
    remedy = error.remedy or error.expected
    return _answer(status_of(error), what, problems, remedy, headers)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return _answer(error.status_code, str(error.detail), [], "", dict(error.headers or {}))


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    problems = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
    return _answer(422, "the request is not as the API's description says", problems, "see /openapi.json", None)


async def _database(request: Request, error: Exception) -> JSONResponse:
    _log.error("database", error=str(error).splitlines()[0])
    return _answer(503, "the board's database does not answer", [], "try again in a minute", {"Retry-After": "60"})


def _answer(status: int, error: str, problems: list[str], remedy: str, headers: dict[str, Any] | None) -> JSONResponse:
    return JSONResponse({"error": error, "problems": problems, "remedy": remedy}, status, headers)
