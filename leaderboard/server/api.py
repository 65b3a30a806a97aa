"""The JSON API under /api/v1. Its description is at /openapi.json."""

# No annotations as text here: FastAPI reads those of the routes, whose names live in a function.

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from leaderboard.api_models import (
    AcceptedAnswer,
    AccountAnswer,
    PhaseAnswer,
    Problem,
    QuotaAnswer,
    SubmissionAnswer,
    SubmissionsAnswer,
    TableAnswer,
)
from leaderboard.ranking import table_rows
from leaderboard.server import api_submissions, uploads
from leaderboard.server.request_auth import RequestAuth
from leaderboard.server.request_guard import client_address
from leaderboard.server.service import Service
from leaderboard.store.accounts import Account
from leaderboard.store.tables import utc_now

_bearer = HTTPBearer(auto_error=False, description="a token of `nvfair board admin token create`")
_Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
_Digest = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="the submission's digest")]
_PageNumber = Annotated[int, Query(ge=1, le=100_000)]
_PageSize = Annotated[int, Query(ge=1, le=200)]
_Filter = Annotated[str, Query(max_length=80)]


def _problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": Problem} for status in statuses}


def api_router(service: Service, auth: RequestAuth, receiver: uploads.UploadReceiver) -> APIRouter:
    """The routes of the API."""
    settings, engine = service.settings, service.store.engine
    api = APIRouter(prefix="/api/v1", responses=_problem_responses(413, 422, 429))

    def required_account(credentials: _Credentials, request: Request) -> Account:
        if credentials is None:
            raise HTTPException(
                401, "this needs a token: Authorization: Bearer nvf_...", {"WWW-Authenticate": "Bearer"}
            )
        return auth.authenticate(credentials.credentials, request)

    def optional_account(credentials: _Credentials, request: Request) -> Account | None:
        return None if credentials is None else auth.authenticate(credentials.credentials, request)

    RequiredAccount = Annotated[Account, Depends(required_account)]
    OptionalAccount = Annotated[Account | None, Depends(optional_account)]

    @api.get("/phases", tags=["board"])
    def phases() -> list[PhaseAnswer]:
        """The rounds of submissions, with their times and quotas."""
        return [
            PhaseAnswer(
                name=name,
                dataset=phase.dataset,
                feedback=settings.datasets[phase.dataset].feedback,
                opens=phase.opens,
                closes=phase.closes,
                open=phase.open_at(utc_now()),
                total=phase.total,
                per_day=phase.per_day,
            )
            for name, phase in settings.phases.items()
        ]

    @api.get("/table", tags=["board"], response_model=TableAnswer)
    async def table(
        protocol: _Filter = "",
        dataset: _Filter = "",
        generator: _Filter = "",
        sort: table_rows.Order = "auc_mean",
        descending: bool = True,
        page: _PageNumber = 1,
        size: _PageSize = 50,
    ) -> Response:
        """The table: one row for each method and test generator."""
        state = await asyncio.to_thread(service.board_state)
        answer = await asyncio.to_thread(
            table_rows.api_page,
            state,
            protocol=protocol,
            dataset=dataset,
            generator=generator,
            sort=sort,
            descending=descending,
            number=page,
            size=size,
        )
        return Response(answer.model_dump_json(), media_type="application/json")

    @api.get("/account", tags=["submissions"], responses=_problem_responses(401))
    def whoami(account: RequiredAccount) -> AccountAnswer:
        """Your account's name, and its quota in each phase."""
        quotas = {name: QuotaAnswer.from_quota(quota) for name, quota in service.acceptor.quotas(account).items()}
        return AccountAnswer(name=account.name, quotas=quotas)

    @api.post(
        "/submissions",
        tags=["submissions"],
        status_code=201,
        response_model=AcceptedAnswer,
        responses={
            **_problem_responses(400, 401, 409, 507),
            200: {"model": AcceptedAnswer, "description": "These files are here already; nothing was counted."},
        },
        openapi_extra={
            "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": uploads.FORM_SCHEMA}}}
        },
    )
    async def submit(account: RequiredAccount, request: Request, response: Response) -> AcceptedAnswer:
        """Submit: the files are checked at once; 422 lists every problem and costs nothing. Scoring follows."""
        auth.count_upload(account)

        async def authenticate(_fields: dict[str, str]) -> Account:
            return account

        accepted = await receiver.receive(request, authenticate)
        response.status_code = 201 if accepted.is_new else 200
        return AcceptedAnswer(
            digest=accepted.digest,
            method=accepted.method,
            phase=accepted.phase,
            state=accepted.state,
            new=accepted.is_new,
            private=accepted.private,
            quota=QuotaAnswer.from_quota(accepted.quota),
            left_out=list(accepted.left_out),
        )

    @api.get("/submissions", tags=["submissions"], responses=_problem_responses(401))
    def list_own_submissions(
        account: RequiredAccount, page: _PageNumber = 1, size: _PageSize = 50
    ) -> SubmissionsAnswer:
        """Your submissions, the newest first."""
        return api_submissions.list_own_submissions(engine, account, page=page, size=size)

    @api.get("/submissions/{digest}", tags=["submissions"], responses=_problem_responses(401, 404))
    def get_submission(digest: _Digest, account: OptionalAccount) -> SubmissionAnswer:
        """A submission: yours with its jobs, or a public one's results."""
        answer = api_submissions.get_submission(engine, digest, account)
        if answer is None:
            raise HTTPException(404, "there is no such submission")
        return answer

    @api.post("/submissions/{digest}/publish", tags=["submissions"], responses=_problem_responses(401, 404))
    def publish(digest: _Digest, account: RequiredAccount, request: Request) -> SubmissionAnswer:
        """Make your draft public, for good."""
        if not api_submissions.publish_submission(engine, digest, account, address=client_address(request.scope)):
            raise HTTPException(404, "there is no such submission")
        answer = api_submissions.get_submission(engine, digest, account)
        assert answer is not None
        return answer

    return api
