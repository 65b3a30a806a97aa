"""Rendered pages, kept until the board changes, and for as long as a fresh one is being made.

A page is a pure function of the results and of its address. After a change the first reader starts a new rendering and
gets, as everybody meanwhile, the page as it was a moment ago: nobody waits for a table of ten thousand rows. While
results come in all the time, a large page is made anew every few seconds, not every time.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_BYTES = 128 * 2**20  # of all pages together
# After a page has been made anew others stay as they are for so many times as long as that took: making pages never
# takes more than a small share of the processor from those who only read them. A small board is fresh at once.
_REST = 30.0
_LONGEST_REST = 15.0  # seconds
_NEVER = ("/submit", "/files/", "/healthz", "/readyz", "/metrics")


@dataclass(frozen=True)
class _Page:
    version: int
    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    tag: bytes
    route: Any


class PageCache:
    """ASGI middleware. `version`: of what the pages show. Only GET without credentials is kept."""

    def __init__(self, app: App, version: Callable[[], int], *, size: int = _BYTES, rest: float = _REST) -> None:
        self._app, self._version, self._size = app, version, size
        self._rest = rest
        self._pages: OrderedDict[tuple[str, bytes], _Page] = OrderedDict()
        self._held, self._rest_until = 0, 0.0
        self._flights: dict[tuple[str, bytes], asyncio.Task[_Page]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers from what is kept, or asks the application."""
        if scope["type"] != "http" or not _cacheable(scope):
            await self._app(scope, receive, send)
            return
        key = (scope["path"], scope["query_string"])
        page = self._pages.get(key)
        if page is None or page.version != self._version():
            flight = self._flights.get(key)
            if flight is None and (page is None or (not self._flights and time.monotonic() >= self._rest_until)):
                flight = self._flights[key] = asyncio.create_task(self._render(key, dict(scope)))
                flight.add_done_callback(lambda done: self._landed(key, done))
            if page is None:
                assert flight is not None
                page = await asyncio.shield(flight)
        else:
            self._pages.move_to_end(key)
        scope["route"] = page.route
        await _answer(page, scope, send)

    async def _render(self, key: tuple[str, bytes], scope: Scope) -> _Page:
        began = time.monotonic()
        version = self._version()  # asked before: what changes meanwhile makes the page old, never the reverse
        start: Message = {}
        body: list[bytes] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            elif message["type"] == "http.response.body":
                body.append(message.get("body", b""))

        await self._app(scope, receive, send)
        ended = time.monotonic()
        self._rest_until = ended + min(_LONGEST_REST, self._rest * (ended - began))
        content = b"".join(body)
        tag = b'"' + hashlib.sha256(content).hexdigest()[:32].encode() + b'"'
        headers = (*start.get("headers", ()), (b"etag", tag))
        if not any(name.lower() == b"cache-control" for name, _ in headers):
            headers = (*headers, (b"cache-control", b"no-cache"))  # may be kept, if it is asked for again by its tag
        page = _Page(version, start.get("status", 500), tuple(headers), content, tag, scope.get("route"))
        if page.status == 200 and not any(name.lower() == b"set-cookie" for name, _ in headers):
            self._keep(key, page)
        return page

    def _keep(self, key: tuple[str, bytes], page: _Page) -> None:
        old = self._pages.pop(key, None)
        self._held += len(page.body) - (len(old.body) if old else 0)
        self._pages[key] = page
        while self._held > self._size and self._pages:
            _, out = self._pages.popitem(last=False)
            self._held -= len(out.body)

    def _landed(self, key: tuple[str, bytes], flight: asyncio.Task[_Page]) -> None:
        self._flights.pop(key, None)
        if not flight.cancelled():
            flight.exception()  # whoever waited has it; nobody else is to be warned of it


def _cacheable(scope: Scope) -> bool:
    if scope["method"] != "GET" or scope["path"].startswith(_NEVER):
        return False
    return not any(name == b"authorization" for name, _ in scope["headers"])


async def _answer(page: _Page, scope: Scope, send: Send) -> None:
    known = next((value for name, value in scope["headers"] if name == b"if-none-match"), b"")
    same = page.status == 200 and page.tag in known
    status = 304 if same else page.status
    headers = [(name, value) for name, value in page.headers if not same or name.lower() != b"content-length"]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if same else page.body})
