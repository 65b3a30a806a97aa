"""Protection against forged forms (CSRF): only a form of this board's own page is taken.

The form repeats the value of a cookie. Another site can make a browser send the cookie, but can neither read nor set
it. Besides, the browser's own headers say from where a form was sent.

A page with a form takes the value from `request.state.csrf_token` and sends it back as the field `csrf`.
"""

from __future__ import annotations

import hmac
import re
import secrets
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from fastapi import Request

from leaderboard.server.asgi import App, Message, Receive, Scope, Send

COOKIE = "nvfair_csrf"
FIELD = "csrf"
_TOKEN_PATTERN = re.compile(r"[A-Za-z0-9_-]{43}")


class CsrfCookie:
    """ASGI middleware that gives the form's page its value, and the browser the cookie."""

    def __init__(self, app: App, *, secure: bool) -> None:
        self._app, self._secure = app, secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, and adds the cookie to the answer where the browser has none."""
        if scope["type"] != "http" or not scope["path"].startswith("/submit"):
            await self._app(scope, receive, send)
            return
        cookie_token = _cookie_token(scope)
        token = cookie_token or secrets.token_urlsafe(32)
        scope.setdefault("state", {})["csrf_token"] = token

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start" and not cookie_token:
                attributes = "; Path=/submit; HttpOnly; SameSite=Strict" + ("; Secure" if self._secure else "")
                cookie = (b"set-cookie", f"{COOKIE}={token}{attributes}".encode())
                message = {**message, "headers": [*message.get("headers", ()), cookie]}
            await send(message)

        await self._app(scope, receive, send_with_cookie)


def is_forged(request: Request, field: str) -> bool:
    """Whether a posted form came from another site. field: the form's value of `csrf`."""
    fetch_site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    if fetch_site not in ("same-origin", "none"):
        return True
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        return True
    cookie_token = _cookie_token(request.scope)
    return not cookie_token or not hmac.compare_digest(cookie_token.encode(), field.encode())


def _cookie_token(scope: Scope) -> str:
    """The value of the browser's cookie; empty where it has none of the right form."""
    text = "; ".join(value.decode("latin-1") for name, value in scope["headers"] if name == b"cookie")
    try:
        cookie = SimpleCookie(text).get(COOKIE)
    except CookieError:
        return ""
    return cookie.value if cookie and _TOKEN_PATTERN.fullmatch(cookie.value) else ""
