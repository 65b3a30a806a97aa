"""What stands in front of the page: only this machine's own browser is answered, and only this page's own forms count.

A web site that the user visits can make the browser send requests to 127.0.0.1. So the name of the host must be this
machine's (a foreign name that resolves to 127.0.0.1 is refused), a form must carry the page's secret, and the browser
must not say that it was sent from elsewhere.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

SECURITY_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; "
        b"frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)


class TooLarge(Exception):
    """The body of a request has more bytes than are allowed; all of them have been read and thrown away."""


class Guard:
    """ASGI middleware. max_bytes: of a request's body."""

    def __init__(self, app: Any, *, max_bytes: int) -> None:
        self._app, self._max_bytes = app, max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes requests on within the limits; answers 421 to other hosts and 413 to bodies that are too large."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *SECURITY_HEADERS]}
            await send(message)

        received = 0

        async def receive_within_limit() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_bytes:
                # The browser shows an answer only once it has sent everything.
                while message["type"] == "http.request" and message.get("more_body"):
                    message = await receive()
                raise TooLarge
            return message

        if not _is_this_machine(scope):
            answer = PlainTextResponse("this page answers on 127.0.0.1 only\n", 421)
            await answer(scope, receive, send_with_headers)
            return
        try:
            await self._app(scope, receive_within_limit, send_with_headers)
        except TooLarge:
            text = f"the video is larger than {self._max_bytes // 1_000_000:,} MB; cut it, or use nvfair verify\n"
            await PlainTextResponse(text, 413)(scope, receive, send_with_headers)


def _is_this_machine(scope: Scope) -> bool:
    hosts = [value.decode("latin-1").lower() for name, value in scope["headers"] if name == b"host"]
    port = scope["server"][1]
    names = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}
    return len(hosts) == 1 and hosts[0] in (names | ({"127.0.0.1", "localhost"} if port == 80 else set()))


class FormSecret:
    """The secret of one run of the page, which every form carries."""

    def __init__(self) -> None:
        self.value = secrets.token_urlsafe(32)

    def is_forged(self, request: Request, field: object) -> bool:
        """Whether a posted form came from elsewhere. field: the form's value."""
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return True
        origin = request.headers.get("origin")
        if origin is not None and origin != f"http://{request.headers.get('host')}":
            return True
        return not isinstance(field, str) or not hmac.compare_digest(field.encode(), self.value.encode())
