"""POST /submit: the form of the pages. The same as the API's upload, with the token in a field and an answer to read.

Fields: csrf (see csrf.py), token, phase, private, file.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader

from leaderboard import uploads
from leaderboard.api import Door
from leaderboard.csrf import FIELD, forged
from leaderboard.refusals import status_of
from leaderboard.service import Service
from nvfair_tools.errors import NvfairError, Problems


def router(service: Service, door: Door) -> APIRouter:
    """The routes: POST /submit, and a plain GET /submit for boards without pages."""
    pages = APIRouter(include_in_schema=False)
    environment = Environment(loader=PackageLoader("leaderboard"), autoescape=True)

    def answer(status: int, **values: Any) -> HTMLResponse:
        text = environment.get_template("outcome.html.j2").render(title=service.settings.title, **values)
        return HTMLResponse(text, status_code=status)

    @pages.post("/submit")
    async def submit(request: Request) -> HTMLResponse:
        upload = await uploads.Upload.read(request)
        if forged(request, upload.fields.get(FIELD, "")):
            problem = "The form did not come from this board's own page; open it again and send it from there."
            return answer(403, problems=[problem])
        try:
            account = await run_in_threadpool(door.enter, upload.fields.get("token", "").strip(), request)
            door.upload(account)
            accepted = await uploads.receive(
                upload, account, request, settings=service.settings, intake=service.intake, metrics=service.metrics
            )
        except HTTPException as error:
            return answer(error.status_code, problems=[str(error.detail)])
        except Problems as error:
            return answer(422, problems=error.problems, free=True)
        except NvfairError as error:
            return answer(status_of(error), problems=[str(error)], free=True)
        return answer(201 if accepted.new else 200, accepted=accepted)

    @pages.get("/submit")
    def form(request: Request) -> HTMLResponse:
        return answer(200, form=True, phases=list(service.settings.phases), csrf=request.state.csrf_token)

    return pages
