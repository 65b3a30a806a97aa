"""The web application: pages, API, health and numbers in one process."""

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
from leaderboard.pages.render import Pages, Site
from leaderboard.server import api, forms
from leaderboard.server import error_responses as refusals
from leaderboard.server import page_routes as web
from leaderboard.server.csrf import CsrfCookie
from leaderboard.server.page_cache import PageCache
from leaderboard.server.rate_limit import Rate
from leaderboard.server.request_guard import Guard
from leaderboard.server.service import Service
from leaderboard.settings import Settings
from leaderboard.store import schema
from nvfair_tools import __version__
from nvfair_tools.errors import MissingExtra, NvfairError
from nvfair_tools.files import check_writable

_log = structlog.get_logger("app")


def create(settings: Settings) -> FastAPI:
    """The application of a board. It opens the database when it is started, not when it is made."""
    try:
        importlib.import_module("python_multipart")  # FastAPI asks for it only when the first upload comes
    except ImportError as error:
        raise MissingExtra("python-multipart", "board", str(error)) from error
    service = Service.open(settings)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(service.snapshot.refresh)
        fresh = asyncio.create_task(_keep_fresh(service))
        warm = asyncio.create_task(asyncio.to_thread(service.intake.warm))
        try:
            yield
        finally:
            fresh.cancel()
            await asyncio.gather(fresh, warm, return_exceptions=True)
            await asyncio.to_thread(service.close)

    app = FastAPI(
        title=settings.title,
        version=__version__,
        description="Submit embeddings or scores, never code; read what was scored.",
        lifespan=lifespan,
        docs_url=None,  # its script would come from elsewhere; /openapi.json says the same
        redoc_url=None,
    )
    refusals.install(app, Pages(Site(settings.title)))
    door = api.Door(service)
    app.include_router(api.router(service, door))
    _mount_pages(app, service)
    app.include_router(forms.router(service, door))
    _mount_health(app, service)
    app.add_middleware(PageCache, version=lambda: service.snapshot.moment.version)
    app.add_middleware(CsrfCookie, secure=settings.secure_cookies)
    app.add_middleware(
        Guard,
        metrics=service.metrics,
        rate=Rate(settings.rates.requests_per_address),
        upload_bytes=settings.limits.upload_bytes,
    )
    app.state.service = service
    return app


def _mount_pages(app: FastAPI, service: Service) -> None:
    settings = service.settings
    cards = [
        (name, card.read_text(encoding="utf-8"))
        for name, one in settings.datasets.items()
        if (card := one.folder / "README.md").is_file()
    ]
    results = lambda: service.snapshot.moment.results  # noqa: E731
    app.include_router(
        web.router(
            results,
            title=settings.title,
            phases=tuple(settings.phases),
            cards=cards,
            kept=service.intake.submission_files.folder_of,
        )
    )


def _mount_health(app: FastAPI, service: Service) -> None:
    @app.get("/healthz", tags=["health"])
    async def healthz() -> HealthAnswer:
        """Whether the process answers."""
        return HealthAnswer(status="ok")

    @app.get("/readyz", tags=["health"], responses={503: {"model": HealthAnswer}})
    def readyz() -> JSONResponse:
        """Whether it can do its work: database, tables, disk."""
        problems = _unready(service)
        answer = HealthAnswer(status="not ready" if problems else "ok", problems=problems)
        return JSONResponse(answer.model_dump(), 503 if problems else 200)

    @app.get("/metrics", tags=["health"], response_class=Response, responses={200: {"content": {"text/plain": {}}}})
    def metrics() -> Response:
        """Numbers for Prometheus."""
        return Response(service.metrics.text(service.store.engine), media_type="text/plain; version=0.0.4")


def _unready(service: Service) -> list[str]:
    problems = []
    try:
        if schema.database_revision(service.store.engine) != schema.newest_revision():
            problems.append("the database's tables are of another revision")
    except SQLAlchemyError:
        problems.append("the database does not answer")
    try:
        check_writable(service.settings.files)
    except NvfairError:
        problems.append("the folder of submissions cannot be written")
    return problems


async def _keep_fresh(service: Service) -> None:
    while True:
        await asyncio.sleep(service.settings.refresh_seconds)
        try:
            await asyncio.to_thread(service.snapshot.refresh)
        except SQLAlchemyError as error:
            _log.error("database", error=str(error).splitlines()[0])
