"""Rendered pages, kept in memory until the board's results change, and for as long as a new one is being rendered.

A page depends only on the results and on its address. After a change the first reader starts a new rendering and gets,
like all readers meanwhile, the page as it was before: nobody waits for a table of ten thousand rows. While results come
in all the time, a large page is rendered again every few seconds, not at every change.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cachetools import LRUCache

from leaderboard.server.asgi import App, Message, Receive, Scope, Send

_MAX_BYTES = 128 * 2**20  # of all pages together, with their addresses and headers
_PAGE_OVERHEAD_BYTES = 2048  # of the Python objects that hold one page, rounded up
# After a rendering no page is rendered again for this many times its duration: rendering never takes more than a small
# share of the processor from those who only read pages. On a small board a change shows at once.
_PAUSE_FACTOR = 30.0
_MAX_PAUSE_SECONDS = 15.0
_UNCACHED_PATHS = ("/submit", "/files/", "/healthz", "/readyz", "/metrics")


_Key = tuple[str, bytes]  # path and query


@dataclass(frozen=True)
class _Page:
    key: _Key
    version: int
    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    etag: bytes
    route: Any

    @property
    def size(self) -> int:
        """Bytes that the page takes in the cache: the address is a reader's text and counts like the body."""
        headers = sum(len(name) + len(value) for name, value in self.headers)
        return _PAGE_OVERHEAD_BYTES + 4 * len(self.key[0]) + len(self.key[1]) + headers + len(self.body)


class PageCache:
    """ASGI middleware that keeps answers of GET requests without credentials.

    version: gives the version of the results that pages show. max_bytes: of all pages together, their addresses
    included; beyond it the pages that were unread for longest are dropped. pause_factor: how long no page is rendered
    again after a rendering, in units of its duration.
    """

    def __init__(
        self, app: App, version: Callable[[], int], *, max_bytes: int = _MAX_BYTES, pause_factor: float = _PAUSE_FACTOR
    ) -> None:
        self._app, self._version, self._pause_factor = app, version, pause_factor
        self._pages: LRUCache[_Key, _Page] = LRUCache(max_bytes, getsizeof=lambda page: page.size)
        self._pause_until = 0.0
        self._renderings: dict[_Key, asyncio.Task[_Page]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers with the cached page, or passes the request on to the application."""
        if scope["type"] != "http" or not _is_cacheable(scope):
            await self._app(scope, receive, send)
            return
        key = (scope["path"], scope["query_string"])
        page = self._pages.get(key)
        if page is None or page.version != self._version():
            rendering = self._renderings.get(key)
            may_refresh = not self._renderings and time.monotonic() >= self._pause_until
            if rendering is None and (page is None or may_refresh):
                rendering = self._renderings[key] = asyncio.create_task(self._render(key, dict(scope)))
                rendering.add_done_callback(lambda task: self._end_rendering(key, task))
            if page is None:
                assert rendering is not None
                page = await asyncio.shield(rendering)
        scope["route"] = page.route
        await _send_page(page, scope, send)

    async def _render(self, key: _Key, scope: Scope) -> _Page:
        start_time = time.monotonic()
        # Read before rendering: a change during the rendering makes the page outdated, never the reverse.
        version = self._version()
        response_start: Message = {}
        body: list[bytes] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                response_start.update(message)
            elif message["type"] == "http.response.body":
                body.append(message.get("body", b""))

        await self._app(scope, receive, send)
        end_time = time.monotonic()
        self._pause_until = end_time + min(_MAX_PAUSE_SECONDS, self._pause_factor * (end_time - start_time))
        content = b"".join(body)
        etag = b'"' + hashlib.sha256(content).hexdigest()[:32].encode() + b'"'
        headers = (*response_start.get("headers", ()), (b"etag", etag))
        if not any(name.lower() == b"cache-control" for name, _ in headers):
            headers = (*headers, (b"cache-control", b"no-cache"))  # browsers may keep it, but ask again with its tag
        status = response_start.get("status", 500)
        page = _Page(key, version, status, tuple(headers), content, etag, scope.get("route"))
        if page.status == 200 and not any(name.lower() == b"set-cookie" for name, _ in headers):
            self._pages.pop(key, None)
            with contextlib.suppress(ValueError):  # a page that alone is larger than the cache is not kept
                self._pages[key] = page
        return page

    def _end_rendering(self, key: _Key, rendering: asyncio.Task[_Page]) -> None:
        self._renderings.pop(key, None)
        if not rendering.cancelled():
            rendering.exception()  # readers that waited got it; asyncio need not warn that nobody did


def _is_cacheable(scope: Scope) -> bool:
    if scope["method"] != "GET" or scope["path"].startswith(_UNCACHED_PATHS):
        return False
    return not any(name == b"authorization" for name, _ in scope["headers"])


async def _send_page(page: _Page, scope: Scope, send: Send) -> None:
    """Sends the page, or 304 without a body where the browser has the same content already."""
    browser_tags = next((value for name, value in scope["headers"] if name == b"if-none-match"), b"")
    is_unchanged = page.status == 200 and page.etag in browser_tags
    status = 304 if is_unchanged else page.status
    headers = [(name, value) for name, value in page.headers if not is_unchanged or name.lower() != b"content-length"]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if is_unchanged else page.body})
