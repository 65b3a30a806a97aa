"""POST /submit: the form of the pages. The same as the API's upload, with the token in a field and an answer to read.

Fields: csrf (see csrf.py), token, phase, private, file.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse

from leaderboard.pages.links import Links
from leaderboard.pages.render import Pages, Site
from leaderboard.server import uploads
from leaderboard.server.api import Door
from leaderboard.server.csrf import FIELD, forged
from leaderboard.server.error_responses import status_of
from leaderboard.server.intake import Refused
from leaderboard.server.service import Service
from nvfair_tools.errors import NvfairError, Problems


def router(service: Service, door: Door) -> APIRouter:
    """The route; the form itself is a page."""
    routes = APIRouter(include_in_schema=False)
    pages = Pages(Site(service.settings.title))

    def answer(status: int, **values: Any) -> HTMLResponse:
        return HTMLResponse(pages.outcome(Links(), **values), status_code=status)

    @routes.post("/submit")
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
            return answer(status_of(error), problems=[str(error)], free=not isinstance(error, Refused))
        return answer(201 if accepted.new else 200, accepted=accepted)

    return routes
