"""Who may read the page: browsers of this machine that know the token, by this machine's own names.

The page listens on the loopback address alone. The token keeps out other accounts of the machine; the names of the
`Host` header keep out pages of strangers whose name is made to lead to this machine (DNS rebinding).
"""

from __future__ import annotations

import hmac
import html
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_HOSTS = ("127.0.0.1", "localhost")
SECURITY_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; "
        b"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    # Pictures of people stay in the data set's folder: the browser keeps no copy on the disk.
    (b"cache-control", b"no-store"),
)


def new_token() -> str:
    """A token that nobody guesses."""
    return secrets.token_urlsafe(24)


class LocalAccess:
    """ASGI middleware: asks each request for the token and one of this machine's names, and adds security headers.

    A first visit brings the token in the address (`?token=...`); it is answered with a cookie and led to the same
    address without it.
    """

    def __init__(self, app: Any, token: str) -> None:
        self._app, self._token = app, token
        # Cookies do not know ports: each viewer of a machine has a name of its own.
        self._cookie = f"nvfair_view_{token[:8]}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, or answers 403, 405 or 421 itself."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *SECURITY_HEADERS]}
            await send(message)

        answer = self._refusal(scope)
        await (answer or self._app)(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if headers.get("host", "").rpartition(":")[0] not in _HOSTS and headers.get("host") not in _HOSTS:
            return PlainTextResponse("This page has the name 127.0.0.1 or localhost.\n", 421)
        if scope["method"] not in ("GET", "HEAD"):
            return PlainTextResponse("This page is only read.\n", 405, {"allow": "GET, HEAD"})
        query = parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
        token = dict(query).get("token")
        if token is not None and hmac.compare_digest(token.encode(), self._token.encode()):
            rest = urlencode([(name, value) for name, value in query if name != "token"])
            answer = RedirectResponse("/" + (f"?{rest}" if rest else ""), 303)
            # Lax: a link in a terminal that is itself a web page leads here, and no other page reads pictures.
            answer.set_cookie(self._cookie, self._token, httponly=True, samesite="lax", path="/")
            return answer
        if hmac.compare_digest(_cookie(headers.get("cookie", ""), self._cookie).encode(), self._token.encode()):
            return None
        return HTMLResponse(message_page("Open the address that the command printed", _NO_TOKEN), 403)


_NO_TOKEN = (
    "Pictures of people are shown to the person alone who started nvfair view. Its terminal shows an address with a "
    "token; open that address once in this browser, and this one will work too."
)


def message_page(title: str, text: str) -> str:
    """A whole page with a title and a text."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" '
        f'content="light dark"><title>{html.escape(title)}</title></head>'
        f"<body><h1>{html.escape(title)}</h1><p>{html.escape(text)}</p></body></html>"
    )


def _cookie(header: str, name: str) -> str:
    try:
        morsel = SimpleCookie(header).get(name)
    except CookieError:
        return ""
    return morsel.value if morsel else ""
