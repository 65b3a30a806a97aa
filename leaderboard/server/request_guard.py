"""The outermost middleware: limits of rate and size, security headers, the log line and the metrics of each request."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Iterable

import structlog

from leaderboard.server.asgi import App, Message, Receive, Scope, Send
from leaderboard.server.observability import Metrics
from leaderboard.server.rate_limit import RateLimit, rate_key

_log = structlog.get_logger("http")
_MAX_BODY_BYTES = 64 * 1024  # of a request that is not an upload
_MAX_ADDRESS_BYTES = 8 * 1024  # of a path with its query
# A body must come at a mean rate of 1 kB a second; the first seconds are free.
_FREE_BODY_SECONDS = 30.0
_MIN_BODY_RATE = 1024.0
_UPLOAD_PATHS = ("/submit", "/api/v1/submissions")
_UNLIMITED_PATHS = ("/healthz", "/readyz")
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
SECURITY_HEADERS = (
    # Pages have one style sheet from this server, and no script.
    (
        b"content-security-policy",
        b"default-src 'self'; script-src 'none'; object-src 'none'; "
        b"base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)


class RequestTooLarge(Exception):
    """The body of a request has more bytes than are allowed."""


class RequestTooSlow(Exception):
    """The body of a request comes slower than it may."""


class RequestGuard:
    """ASGI middleware, the outermost.

    rate_limit: requests of one address. max_upload_bytes: of a request's body. free_body_seconds: how long the server
    waits for a body whatever its rate.
    """

    def __init__(
        self,
        app: App,
        *,
        metrics: Metrics,
        rate_limit: RateLimit,
        max_upload_bytes: int,
        free_body_seconds: float = _FREE_BODY_SECONDS,
    ) -> None:
        self._app, self._metrics, self._rate_limit = app, metrics, rate_limit
        self._max_upload_bytes, self._free_body_seconds = max_upload_bytes, free_body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, or answers 408, 413, 414, 429 or 500 itself."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, status, has_begun = time.perf_counter(), 500, False
        request_id = uuid.uuid4().hex[:16]

        async def send_with_headers(message: Message) -> None:
            nonlocal status, has_begun
            if message["type"] == "http.response.start":
                status, has_begun = message["status"], True
                headers = [*message.get("headers", ()), *SECURITY_HEADERS, (b"x-request-id", request_id.encode())]
                message = {**message, "headers": headers}
            await send(message)

        with structlog.contextvars.bound_contextvars(request=request_id):
            try:
                await self._forward(scope, receive, send_with_headers)
            except RequestTooLarge:
                if has_begun:
                    raise
                await _refuse(send_with_headers, 413, "the request is larger than this board takes", close=True)
            except RequestTooSlow:
                if has_begun:
                    raise
                await _refuse(send_with_headers, 408, "the rest of the request did not come in time", close=True)
            except Exception:
                _log.exception("fault", path=scope["path"][:200])
                if has_begun:
                    raise
                error = f"something failed that nobody foresaw; the maintainer's log says what: {request_id}"
                await _refuse(send_with_headers, 500, error)
            finally:
                self._log_request(scope, status, time.perf_counter() - start)

    async def _forward(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on within the limits. Raises RequestTooLarge."""
        is_unlimited = scope["path"] in _UNLIMITED_PATHS
        wait = 0.0 if is_unlimited else self._rate_limit.count_request(rate_key(client_address(scope)))
        if wait:
            await _refuse(send, 429, "too many requests from this address", retry_seconds=wait)
            return
        address_bytes = max(len(scope.get("raw_path") or b""), len(scope["path"])) + len(scope.get("query_string", b""))
        if address_bytes > _MAX_ADDRESS_BYTES:
            await _refuse(send, 414, f"the address has {address_bytes} bytes; at most {_MAX_ADDRESS_BYTES}")
            return
        max_bytes = self._max_upload_bytes if scope["path"] in _UPLOAD_PATHS else _MAX_BODY_BYTES
        declared_bytes = _header(scope["headers"], b"content-length")
        if declared_bytes.isdigit() and int(declared_bytes) > max_bytes:
            raise RequestTooLarge
        received_bytes, waited_seconds, is_complete = 0, 0.0, False

        async def receive_within_limit() -> Message:
            nonlocal received_bytes, waited_seconds, is_complete
            if is_complete:  # what follows is the end of the connection, for which a long answer may wait
                return await receive()
            remaining = self._free_body_seconds + received_bytes / _MIN_BODY_RATE - waited_seconds
            start = time.monotonic()
            try:
                message = await asyncio.wait_for(receive(), max(remaining, 0.0))
            except TimeoutError as error:
                raise RequestTooSlow from error
            waited_seconds += time.monotonic() - start
            is_complete = not message.get("more_body", False)
            received_bytes += len(message.get("body", b""))
            if received_bytes > max_bytes:
                raise RequestTooLarge
            return message

        await self._app(scope, receive_within_limit, send)

    def _log_request(self, scope: Scope, status: int, seconds: float) -> None:
        # The route's pattern and never the path itself, which has endlessly many values.
        route = getattr(scope.get("route"), "path", None) or "other"
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._metrics.requests.labels(method, route, str(status)).inc()
        self._metrics.seconds.labels(method, route).observe(seconds)
        if scope["path"] not in _UNLIMITED_PATHS:
            _log.info(
                "request",
                method=method,
                path=scope["path"][:200],
                status=status,
                ms=round(seconds * 1000, 1),
                address=client_address(scope),
                account=scope.get("state", {}).get("account"),
            )


def client_address(scope: Scope) -> str:
    """The IP address of the caller; behind a proxy that the settings name, the address that the proxy reports."""
    client = scope.get("client")
    return str(client[0]) if client else "unknown"


def _header(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes:
    return next((value for key, value in headers if key == name), b"")


async def _refuse(send: Send, status: int, error: str, *, retry_seconds: float = 0.0, close: bool = False) -> None:
    body = json.dumps({"error": error, "problems": [], "remedy": ""}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if close:  # the rest of the body is not read
        headers.append((b"connection", b"close"))
    if retry_seconds:
        headers.append((b"retry-after", str(int(retry_seconds) + 1).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
