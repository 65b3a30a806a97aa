"""The local page as a web application, and its server, which listens on 127.0.0.1 and nowhere else."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import python_multipart  # noqa: F401 - Starlette reads forms with it: its absence is named before the first form
from jinja2 import Environment, FunctionLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from benchmark.protocols.shipped import load as load_protocol
from benchmark.verification.calibration import SUFFIX as CALIBRATION_SUFFIX
from benchmark.verification.enrolment import SUFFIX as ENROLMENT_SUFFIX
from benchmark.verification.face_windows import DEFAULT_PROTOCOL
from benchmark.verification.page.guard import FormSecret, Guard
from benchmark.verification.page.jobs import Jobs
from benchmark.verification.results import OUTCOMES, UNCALIBRATED, limits_text, ratio_text
from nvfair_tools.errors import NvfairError
from nvfair_tools.quantities import count_text

HOST = "127.0.0.1"
MAX_BYTES = 2_000_000_000
_FORM_BYTES = 100_000  # of a form besides its video


def create_app(folder: str | Path, *, max_bytes: int = MAX_BYTES) -> Starlette:
    """The application. folder: of the enrolments and calibrations that it offers. max_bytes: of an uploaded video.

    Raises NvfairError where there is no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise NvfairError("no such folder", where=folder, expected="the folder of your enrolments")
    page = _Page(folder)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        page.jobs.close()

    app = Starlette(
        routes=[
            Route("/", page.ask),
            Route("/style.css", page.style),
            Route("/verify", page.take, methods=["POST"]),
            Route("/answer/{id}", page.answer),
        ],
        middleware=[Middleware(Guard, max_bytes=max_bytes + _FORM_BYTES)],
        lifespan=lifespan,
    )
    app.state.jobs = page.jobs
    return app


def serve_page(folder: str | Path, *, port: int = 8750) -> None:
    """Serves the page on http://127.0.0.1:PORT until it is interrupted."""
    import uvicorn

    uvicorn.run(create_app(folder), host=HOST, port=port, log_level="warning")


class _Page:
    def __init__(self, folder: Path) -> None:
        self.folder, self.jobs, self.secret = folder, Jobs(), FormSecret()

    async def ask(self, request: Request) -> Response:
        return self._question()

    async def style(self, request: Request) -> Response:
        return Response(_resource("page.css"), media_type="text/css")

    async def take(self, request: Request) -> Response:
        """Takes the form, and sends the browser to where the answer will be."""
        form = await request.form(max_files=1, max_fields=6)
        try:
            upload = form.get("video")
            if self.secret.is_forged(request, form.get("secret")):
                return self._question("this form is not from this page, or from an earlier run of it: try again", 403)
            if not isinstance(upload, UploadFile) or not upload.filename:
                return self._question("no video was chosen", 400)
            enrolment = self._named(form.get("enrolment"), ENROLMENT_SUFFIX)
            calibration = self._named(form.get("calibration"), CALIBRATION_SUFFIX)
            if enrolment is None or (calibration is None and form.get("calibration")):
                return self._question("this person or calibration is not in the folder any more", 400)
            job = await run_in_threadpool(self.jobs.add, upload.file, upload.filename, enrolment, calibration)
        except NvfairError as error:
            return self._question(error.what, 503)
        except OSError as error:
            return self._question(f"the video cannot be kept: {error.strerror}", 507)
        finally:
            await form.close()
        return RedirectResponse(f"/answer/{job.id}", 303)

    async def answer(self, request: Request) -> Response:
        """The answer; while it is being found, how far it is, in a page that loads itself again."""
        job = self.jobs.get(request.path_params["id"])
        if job is None:
            return self._question("this answer is not kept any more", 404)
        pictures = {
            theme: "data:image/svg+xml;base64," + base64.b64encode(svg).decode() for theme, svg in job.pictures.items()
        }
        result = job.result
        html = _template("answer.html.j2").render(
            job=job,
            result=result,
            pictures=pictures,
            meaning=OUTCOMES[result.outcome] if result else "",
            ratio=ratio_text(result.likelihood_ratio) if result and result.likelihood_ratio else "",
            uncalibrated=UNCALIBRATED,
        )
        return HTMLResponse(html)

    def _question(self, problem: str = "", status: int = 200) -> Response:
        time = load_protocol(DEFAULT_PROTOCOL).time
        html = _template("ask.html.j2").render(
            enrolments=self._names(ENROLMENT_SUFFIX),
            calibrations=self._names(CALIBRATION_SUFFIX),
            folder=self.folder,
            secret=self.secret.value,
            problem=problem,
            limits=limits_text(float(time.window / time.rate), calibrated=bool(self._names(CALIBRATION_SUFFIX))),
        )
        return HTMLResponse(html, status)

    def _names(self, suffix: str) -> list[str]:
        return sorted(path.name for path in self.folder.glob(f"*{suffix}") if path.is_file())

    def _named(self, name: object, suffix: str) -> Path | None:
        """The file of the folder with this name; None where there is none."""
        return self.folder / name if isinstance(name, str) and name in self._names(suffix) else None


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(_resource),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["counted"] = count_text
    return environment


def _template(name: str) -> Any:
    return _environment().get_template(name)


def _resource(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")
