"""Authentication of requests by their token, for the API and for the form, with the rate limits of tokens."""

from __future__ import annotations

from fastapi import HTTPException, Request

from leaderboard.server.rate_limit import RateLimit, rate_key
from leaderboard.server.request_guard import client_address
from leaderboard.server.service import Service
from leaderboard.store.accounts import Account, authenticate


class RequestAuth:
    """Finds the account of a request's token, and counts requests, uploads and wrong tokens."""

    def __init__(self, service: Service) -> None:
        rates = service.settings.rates
        self._engine = service.store.engine
        self._requests, self._uploads = RateLimit(rates.requests_per_token), RateLimit(rates.uploads_per_token)
        self._wrong_tokens = RateLimit(rates.failed_tokens_per_address)

    def authenticate(self, token: str, request: Request) -> Account:
        """The account of `token`.

        Raises HTTPException: 401 where the token is not valid, 429 where there were too many requests or wrong tokens.
        """
        account = authenticate(self._engine, token)
        if account is None:
            # Only wrong tokens are counted and refused: those of a stranger behind the same proxy, or of a program with
            # an old token, keep nobody out who has a valid one. Nobody guesses 256 random bits; the limit says so.
            wait = self._wrong_tokens.count_request(rate_key(client_address(request.scope)))
            _check_limit(wait, "too many wrong tokens from this address")
            raise HTTPException(
                401, "the token is not valid: unknown, expired or revoked", {"WWW-Authenticate": "Bearer"}
            )
        request.state.account = account.name
        _check_limit(self._requests.count_request(account.token_id), "too many requests with this token")
        return account

    def count_upload(self, account: Account) -> None:
        """Counts an upload. Raises HTTPException (429) where there were too many."""
        _check_limit(self._uploads.count_request(account.token_id), "too many uploads with this token")


def _check_limit(wait_seconds: float, error: str) -> None:
    if wait_seconds:
        raise HTTPException(429, error, {"Retry-After": str(int(wait_seconds) + 1)})
