"""POST /submit: the form of the pages.

It does what the API's upload does, with the token in a field and a page as the answer.

Fields: csrf (see csrf.py), token, phase, private, file. The first two stand before the file, of which nothing is kept
before they are checked.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse

from leaderboard.pages.links import Links
from leaderboard.pages.render import PageRenderer, SiteInfo
from leaderboard.server.accept_submission import SubmissionRefused
from leaderboard.server.csrf import FIELD, is_forged
from leaderboard.server.error_responses import http_status_of
from leaderboard.server.request_auth import RequestAuth
from leaderboard.server.service import Service
from leaderboard.server.uploads import UploadReceiver
from leaderboard.store.accounts import Account
from leaderboard.store.method_names import NameTaken
from nvfair_tools.errors import NvfairError, Problems

_FORGED = "The form did not come from this board's own page; open it again and send it from there."


def form_router(service: Service, auth: RequestAuth, receiver: UploadReceiver) -> APIRouter:
    """The route that takes the form. The form itself is one of the pages."""
    routes = APIRouter(include_in_schema=False)
    renderer = PageRenderer(SiteInfo(service.settings.title))

    def outcome_page(status: int, **values: Any) -> HTMLResponse:
        return HTMLResponse(renderer.outcome(Links(), **values), status_code=status)

    @routes.post("/submit")
    async def submit(request: Request) -> HTMLResponse:
        async def authenticate(fields: dict[str, str]) -> Account:
            if is_forged(request, fields.get(FIELD, "")):
                raise HTTPException(403, _FORGED)
            account = await run_in_threadpool(auth.authenticate, fields.get("token", "").strip(), request)
            auth.count_upload(account)
            return account

        try:
            accepted = await receiver.receive(request, authenticate)
        except HTTPException as error:
            return outcome_page(error.status_code, problems=[str(error.detail)])
        except Problems as error:
            return outcome_page(422, problems=error.problems, is_free=True)
        except NvfairError as error:
            is_free = not isinstance(error, (SubmissionRefused, NameTaken))
            return outcome_page(http_status_of(error), problems=[str(error)], is_free=is_free)
        return outcome_page(201 if accepted.is_new else 200, accepted=accepted)

    return routes
