"""The web application: pages, API, health and metrics in one process."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError

from leaderboard.api_models import HealthAnswer
from leaderboard.pages.render import PageRenderer, SiteInfo
from leaderboard.server.api import api_router
from leaderboard.server.csrf import CsrfCookie
from leaderboard.server.error_responses import install_error_handlers
from leaderboard.server.forms import form_router
from leaderboard.server.limits.disk_space import database_folder, disk_problems
from leaderboard.server.page_cache import PageCache
from leaderboard.server.page_routes import page_router
from leaderboard.server.rate_limit import RateLimit
from leaderboard.server.request_auth import RequestAuth
from leaderboard.server.request_guard import RequestGuard
from leaderboard.server.service import Service
from leaderboard.server.uploads import UploadReceiver
from leaderboard.settings import Settings
from leaderboard.store import schema
from leaderboard.store.private_files import readable_by_others
from nvfair_tools import __version__
from nvfair_tools.errors import MissingExtra

_log = structlog.get_logger("app")


def create_app(settings: Settings) -> FastAPI:
    """The application of a board. It reads results and starts child processes when it is started, not when created.

    Raises NvfairError where the database or the folder of files cannot be opened.
    """
    try:
        importlib.import_module("python_multipart")  # FastAPI asks for it only at the first upload
    except ImportError as error:
        raise MissingExtra("python-multipart", "board", str(error)) from error
    service = Service.open(settings)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(service.snapshot.refresh)
        refreshing = asyncio.create_task(_refresh_regularly(service))
        starting_child = asyncio.create_task(asyncio.to_thread(service.acceptor.start_child))
        try:
            yield
        finally:
            refreshing.cancel()
            await asyncio.gather(refreshing, starting_child, return_exceptions=True)
            await asyncio.to_thread(service.close)

    app = FastAPI(
        title=settings.title,
        version=__version__,
        description="Submit embeddings or scores, never code; read what was scored.",
        lifespan=lifespan,
        docs_url=None,  # its script would come from another site; /openapi.json says the same
        redoc_url=None,
        # A redirect names the host that the request names, which a stranger may choose; no page needs one.
        redirect_slashes=False,
    )
    install_error_handlers(app, PageRenderer(SiteInfo(settings.title)))
    auth = RequestAuth(service)
    receiver = UploadReceiver(settings, service.acceptor, service.metrics)
    app.include_router(api_router(service, auth, receiver))
    _mount_pages(app, service)
    app.include_router(form_router(service, auth, receiver))
    _mount_health(app, service)
    # Of the middleware the last one added is the outermost.
    app.add_middleware(PageCache, version=lambda: service.snapshot.current.version)
    app.add_middleware(CsrfCookie, secure=settings.secure_cookies)
    app.add_middleware(
        RequestGuard,
        metrics=service.metrics,
        rate_limit=RateLimit(settings.rates.requests_per_address),
        max_upload_bytes=settings.limits.upload_bytes,
    )
    app.state.service = service
    return app


def _mount_pages(app: FastAPI, service: Service) -> None:
    settings = service.settings
    cards = [
        (name, card.read_text(encoding="utf-8"))
        for name, dataset in settings.datasets.items()
        # The card of a hidden set says who and what is in it.
        if dataset.feedback == "full" and (card := dataset.folder / "README.md").is_file()
    ]
    routes = page_router(
        service.board_state,
        title=settings.title,
        phases=tuple(settings.phases),
        cards=cards,
        folder_of=service.acceptor.submission_files.folder_of,
    )
    app.include_router(routes)


def _mount_health(app: FastAPI, service: Service) -> None:
    @app.get("/healthz", tags=["health"])
    async def healthz() -> HealthAnswer:
        """Whether the server process answers requests."""
        return HealthAnswer(status="ok")

    @app.get("/readyz", tags=["health"], responses={503: {"model": HealthAnswer}})
    def readyz() -> JSONResponse:
        """Whether the server can do its work: database, tables and disk."""
        problems = _readiness_problems(service)
        answer = HealthAnswer(status="not ready" if problems else "ok", problems=problems)
        return JSONResponse(answer.model_dump(), 503 if problems else 200)

    @app.get("/metrics", tags=["health"], response_class=Response, responses={200: {"content": {"text/plain": {}}}})
    def metrics() -> Response:
        """Metrics in the text format of Prometheus."""
        text = service.metrics.prometheus_text(service.store.engine)
        return Response(text, media_type="text/plain; version=0.0.4")


def _readiness_problems(service: Service) -> list[str]:
    problems = []
    try:
        if schema.database_revision(service.store.engine) != schema.newest_revision():
            problems.append("the database's tables are of another revision")
    except SQLAlchemyError:
        problems.append("the database does not answer")
    settings = service.settings
    folders = {settings.files, database_folder(settings.store) or settings.files}
    for folder in sorted(folders):
        problems += disk_problems(folder, settings.limits.free_disk_bytes)
    return list(dict.fromkeys(problems)) + readable_by_others(settings)


async def _refresh_regularly(service: Service) -> None:
    while True:
        await asyncio.sleep(service.settings.refresh_seconds)
        try:
            await asyncio.to_thread(service.snapshot.refresh)
        except SQLAlchemyError as error:
            _log.error("database", error=str(error).splitlines()[0])
