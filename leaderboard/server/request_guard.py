"""What every request passes first: how often this address may ask, how much it may send, what the answer must carry,
and the log line and numbers that tell of it."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterable

import structlog

from leaderboard.server.monitoring import Metrics
from leaderboard.server.page_cache import App, Message, Receive, Scope, Send
from leaderboard.server.rate_limit import Rate

_log = structlog.get_logger("http")
_PLAIN_BYTES = 64 * 1024  # of a request that is no upload
_UPLOADS = ("/submit", "/api/v1/submissions")
_UNCOUNTED = ("/healthz", "/readyz")
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
HEADERS = (
    # Pages have one style sheet of our own, and no script.
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


class TooLarge(Exception):
    """More was sent than may be."""


class Guard:
    """ASGI middleware, the outermost."""

    def __init__(self, app: App, *, metrics: Metrics, rate: Rate, upload_bytes: int) -> None:
        self._app, self._metrics, self._rate, self._upload_bytes = app, metrics, rate, upload_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets the request through, or answers 413 or 429 itself."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, status, began = time.perf_counter(), 500, False
        request = uuid.uuid4().hex[:16]

        async def sent(message: Message) -> None:
            nonlocal status, began
            if message["type"] == "http.response.start":
                status, began = message["status"], True
                message = {**message, "headers": [*message.get("headers", ()), *HEADERS, _id(request)]}
            await send(message)

        with structlog.contextvars.bound_contextvars(request=request):
            try:
                await self._through(scope, receive, sent)
            except TooLarge:
                if began:
                    raise
                await _refuse(sent, 413, "the request is larger than this board takes")
            except Exception:
                _log.exception("fault", path=scope["path"][:200])
                if began:
                    raise
                await _refuse(
                    sent, 500, f"something failed that nobody foresaw; the maintainer's log says what: {request}"
                )
            finally:
                self._told(scope, status, time.perf_counter() - start)

    async def _through(self, scope: Scope, receive: Receive, send: Send) -> None:
        wait = 0.0 if scope["path"] in _UNCOUNTED else self._rate.take(address(scope))
        if wait:
            await _refuse(send, 429, "too many requests from this address", seconds=wait)
            return
        most = self._upload_bytes if scope["path"] in _UPLOADS else _PLAIN_BYTES
        declared = _header(scope["headers"], b"content-length")
        if declared.isdigit() and int(declared) > most:
            raise TooLarge
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > most:
                raise TooLarge
            return message

        await self._app(scope, counted, send)

    def _told(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", None) or "other"  # never the address itself: it has no end
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._metrics.requests.labels(method, route, str(status)).inc()
        self._metrics.seconds.labels(method, route).observe(seconds)
        if scope["path"] not in _UNCOUNTED:
            _log.info(
                "request",
                method=method,
                path=scope["path"][:200],
                status=status,
                ms=round(seconds * 1000, 1),
                address=address(scope),
                account=scope.get("state", {}).get("account"),
            )


def address(scope: Scope) -> str:
    """Who asks; behind a proxy that the settings name, who asked it."""
    client = scope.get("client")
    return str(client[0]) if client else "unknown"


def _id(request: str) -> tuple[bytes, bytes]:
    return b"x-request-id", request.encode()


def _header(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes:
    return next((value for key, value in headers if key == name), b"")


async def _refuse(send: Send, status: int, error: str, *, seconds: float = 0.0) -> None:
    body = json.dumps({"error": error, "problems": [], "remedy": ""}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if seconds:
        headers.append((b"retry-after", str(int(seconds) + 1).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
