"""The JSON API: /api/v1. Described at /openapi.json."""

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
from leaderboard.ranking.board_state import BoardStateCache
from leaderboard.server import api_submissions as submissions
from leaderboard.server import uploads
from leaderboard.server.rate_limit import Rate
from leaderboard.server.request_guard import address
from leaderboard.server.service import Service
from leaderboard.store.accounts import Account, authenticate
from leaderboard.store.tables import utc_now

_bearer = HTTPBearer(auto_error=False, description="a token of `nvfair board admin token create`")
_Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
_Digest = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="the submission's digest")]
_Number = Annotated[int, Query(ge=1, le=100_000)]
_Size = Annotated[int, Query(ge=1, le=200)]
_Filter = Annotated[str, Query(max_length=80)]


def _refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": Problem} for status in statuses}


class Door:
    """Who comes in: tokens are looked up here, for the API and for the form."""

    def __init__(self, service: Service) -> None:
        rates = service.settings.rates
        self._engine = service.store.engine
        self._requests, self._uploads = Rate(rates.requests_per_token), Rate(rates.uploads_per_token)
        self._failed = Rate(rates.failed_tokens_per_address)

    def enter(self, token: str, request: Request) -> Account:
        """The account of `token`. Raises HTTPException: 401, or 429 where there were too many."""
        caller = address(request.scope)
        _wait(self._failed.wait(caller), "too many wrong tokens from this address")
        account = authenticate(self._engine, token)
        if account is None:
            self._failed.take(caller)
            raise HTTPException(
                401, "the token is not valid: unknown, expired or revoked", {"WWW-Authenticate": "Bearer"}
            )
        request.state.account = account.name
        _wait(self._requests.take(account.token_id), "too many requests with this token")
        return account

    def upload(self, account: Account) -> None:
        """Counts an upload. Raises HTTPException (429) where there were too many."""
        _wait(self._uploads.take(account.token_id), "too many uploads with this token")


def router(service: Service, door: Door) -> APIRouter:
    """The routes."""
    settings, engine = service.settings, service.store.engine
    api = APIRouter(prefix="/api/v1", responses=_refusals(413, 422, 429))
    states = BoardStateCache()

    def account(credentials: _Credentials, request: Request) -> Account:
        if credentials is None:
            raise HTTPException(
                401, "this needs a token: Authorization: Bearer nvf_...", {"WWW-Authenticate": "Bearer"}
            )
        return door.enter(credentials.credentials, request)

    def anybody(credentials: _Credentials, request: Request) -> Account | None:
        return None if credentials is None else door.enter(credentials.credentials, request)

    Known = Annotated[Account, Depends(account)]
    Maybe = Annotated[Account | None, Depends(anybody)]

    @api.get("/phases", tags=["board"])
    def phases() -> list[PhaseAnswer]:
        """The rounds of submissions."""
        return [
            PhaseAnswer(
                name=name,
                dataset=one.dataset,
                feedback=settings.datasets[one.dataset].feedback,
                opens=one.opens,
                closes=one.closes,
                open=one.open_at(utc_now()),
                total=one.total,
                per_day=one.per_day,
            )
            for name, one in settings.phases.items()
        ]

    @api.get("/table", tags=["board"], response_model=TableAnswer)
    async def table(
        protocol: _Filter = "",
        dataset: _Filter = "",
        generator: _Filter = "",
        sort: table_rows.Order = "auc_mean",
        descending: bool = True,
        page: _Number = 1,
        size: _Size = 50,
    ) -> Response:
        """The table: one row for each method and test generator."""
        state = await asyncio.to_thread(states.get, service.snapshot.moment.results)
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

    @api.get("/account", tags=["submissions"], responses=_refusals(401))
    def whoami(known: Known) -> AccountAnswer:
        """Your name and quotas."""
        quotas = {name: QuotaAnswer.from_quota(quota) for name, quota in service.intake.quotas(known).items()}
        return AccountAnswer(name=known.name, quotas=quotas)

    @api.post(
        "/submissions",
        tags=["submissions"],
        status_code=201,
        response_model=AcceptedAnswer,
        responses={
            **_refusals(400, 401, 409),
            200: {"model": AcceptedAnswer, "description": "These files are here already; nothing was counted."},
        },
        openapi_extra={
            "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": uploads.FIELDS}}}
        },
    )
    async def submit(known: Known, request: Request, response: Response) -> AcceptedAnswer:
        """Submit: the files are checked at once; 422 lists every problem and costs nothing. Scoring follows."""
        door.upload(known)
        upload = await uploads.Upload.read(request)
        accepted = await uploads.receive(
            upload, known, request, settings=settings, intake=service.intake, metrics=service.metrics
        )
        response.status_code = 201 if accepted.new else 200
        return AcceptedAnswer(
            digest=accepted.digest,
            method=accepted.method,
            phase=accepted.phase,
            state=accepted.state,
            new=accepted.new,
            private=accepted.private,
            quota=QuotaAnswer.from_quota(accepted.quota),
        )

    @api.get("/submissions", tags=["submissions"], responses=_refusals(401))
    def mine(known: Known, page: _Number = 1, size: _Size = 50) -> SubmissionsAnswer:
        """Your submissions, the newest first."""
        return submissions.mine(engine, known, page=page, size=size)

    @api.get("/submissions/{digest}", tags=["submissions"], responses=_refusals(401, 404))
    def one(digest: _Digest, maybe: Maybe) -> SubmissionAnswer:
        """A submission: yours with its jobs, or a public one's results."""
        answer = submissions.one(engine, digest, maybe)
        if answer is None:
            raise HTTPException(404, "there is no such submission")
        return answer

    @api.post("/submissions/{digest}/publish", tags=["submissions"], responses=_refusals(401, 404))
    def publish(digest: _Digest, known: Known, request: Request) -> SubmissionAnswer:
        """Make your draft public, for good."""
        if not submissions.publish(engine, digest, known, address=address(request.scope)):
            raise HTTPException(404, "there is no such submission")
        answer = submissions.one(engine, digest, known)
        assert answer is not None
        return answer

    return api


def _wait(seconds: float, error: str) -> None:
    if seconds:
        raise HTTPException(429, error, {"Retry-After": str(int(seconds) + 1)})
