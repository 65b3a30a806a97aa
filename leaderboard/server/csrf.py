"""Forms of our own pages only. The page's form repeats what its cookie says; another site can make a browser send the
cookie, but cannot read it, nor set it, and the browser itself says where a form came from.

A page with a form takes the value from `request.state.csrf_token` and sends it back as the field `csrf`.
"""

from __future__ import annotations

import hmac
import re
import secrets
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from fastapi import Request

from leaderboard.server.page_cache import App, Message, Receive, Scope, Send

COOKIE = "nvfair_csrf"
FIELD = "csrf"
_FORM = re.compile(r"[A-Za-z0-9_-]{43}")


class CsrfCookie:
    """ASGI middleware: gives the form's page its value, and the browser the cookie."""

    def __init__(self, app: App, *, secure: bool) -> None:
        self._app, self._secure = app, secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on."""
        if scope["type"] != "http" or not scope["path"].startswith("/submit"):
            await self._app(scope, receive, send)
            return
        known = _cookie(scope)
        token = known or secrets.token_urlsafe(32)
        scope.setdefault("state", {})["csrf_token"] = token

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start" and not known:
                rest = "; Path=/submit; HttpOnly; SameSite=Strict" + ("; Secure" if self._secure else "")
                cookie = (b"set-cookie", f"{COOKIE}={token}{rest}".encode())
                message = {**message, "headers": [*message.get("headers", ()), cookie]}
            await send(message)

        await self._app(scope, receive, sent)


def forged(request: Request, field: str) -> bool:
    """Whether a posted form came from elsewhere. `field`: what it sent as `csrf`."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    if site not in ("same-origin", "none"):
        return True
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        return True
    cookie = _cookie(request.scope)
    return not cookie or not hmac.compare_digest(cookie.encode(), field.encode())


def _cookie(scope: Scope) -> str:
    """The browser's value; empty where it has none that we could have given."""
    text = "; ".join(value.decode("latin-1") for name, value in scope["headers"] if name == b"cookie")
    try:
        cookie = SimpleCookie(text).get(COOKIE)
    except CookieError:
        return ""
    return cookie.value if cookie and _FORM.fullmatch(cookie.value) else ""
