"""Errors as HTTP responses: a status and always the same JSON (`api_models.Problem`)."""

from __future__ import annotations

from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.exceptions import StarletteHTTPException as HTTPException
from fastapi.responses import HTMLResponse, JSONResponse, Response
from sqlalchemy.exc import SQLAlchemyError

from leaderboard.pages.links import Links
from leaderboard.pages.render import PageRenderer
from leaderboard.server.accept_submission import PhaseClosed, QuotaUsedUp, SubmittedByOther
from leaderboard.server.limits.disk_space import is_full_database
from leaderboard.store.method_names import NameTaken
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.files import StorageError
from nvfair_tools.quantities import count_text

_log = structlog.get_logger("refusals")
_FULL_DISK_RETRY_SECONDS = 600


def http_status_of(error: NvfairError) -> int:
    """The HTTP status of an error that the caller can correct."""
    if isinstance(error, QuotaUsedUp):
        return 429
    if isinstance(error, StorageError):
        return 507
    return 409 if isinstance(error, (PhaseClosed, SubmittedByOther, NameTaken)) else 422


def install_error_handlers(app: FastAPI, renderer: PageRenderer) -> None:
    """Makes every error response of `app` a `Problem`, and a page where a browser asks for a path that is unknown."""

    async def not_found(request: Request, error: Exception) -> Response:
        path = request.url.path
        if path.startswith("/api/") or "text/html" not in request.headers.get("accept", ""):
            return await _http_error(request, error)
        return HTMLResponse(renderer.missing("There is no such page.", Links(path.count("/") - 1)), 404)

    app.add_exception_handler(404, not_found)
    app.add_exception_handler(NvfairError, _user_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(SQLAlchemyError, _database_error)


async def _user_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, NvfairError)
    retry_seconds = _FULL_DISK_RETRY_SECONDS if isinstance(error, StorageError) else getattr(error, "retry_seconds", 0)
    headers = {"Retry-After": str(retry_seconds)} if retry_seconds else None
    problems = list(error.problems) if isinstance(error, Problems) else []
    message = count_text(len(problems), "problem") if problems else error.what
    return _problem_response(http_status_of(error), message, problems, error.remedy or error.expected, headers)


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return _problem_response(error.status_code, str(error.detail), [], "", dict(error.headers or {}))


async def _validation_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    problems = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
    message = "the request is not as the API's description says"
    return _problem_response(422, message, problems, "see /openapi.json", None)


async def _database_error(request: Request, error: Exception) -> JSONResponse:
    _log.error("database", error=str(error).splitlines()[0])
    if is_full_database(error):
        return await _user_error(request, StorageError())
    message = "the board's database does not answer"
    return _problem_response(503, message, [], "try again in a minute", {"Retry-After": "60"})


def _problem_response(
    status: int, error: str, problems: list[str], remedy: str, headers: dict[str, Any] | None
) -> JSONResponse:
    return JSONResponse({"error": error, "problems": problems, "remedy": remedy}, status, headers)
