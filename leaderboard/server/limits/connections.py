"""Bounds of open connections: how long one may stay without a request, and how many one address may hold.

A connection costs its sender nothing and the server a file descriptor and memory, so none may stay for long that asks
nothing, sends half a request, or does not read its answer.
"""

from __future__ import annotations

import asyncio
import resource
from collections import Counter
from collections.abc import Collection

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from leaderboard.server.rate_limit import rate_key

_HEADER_SECONDS = 10.0
_MAX_CONNECTIONS = 8192
_RESERVED_FILES = 256  # file descriptors that the server needs for other things than connections
_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-type: text/plain\r\ncontent-length: 43\r\n"
    b"retry-after: 10\r\n\r\ntoo many connections are open; close others"
)


def bounded_protocol(
    *, per_address: int, proxies: Collection[str] = (), header_seconds: float = _HEADER_SECONDS
) -> type[H11Protocol]:
    """Makes uvicorn's protocol of a connection, within bounds; connections of all its instances are counted together.

    per_address: connections of one address (0: no limit). proxies: addresses that this limit leaves out, because they
    send the requests of everybody. header_seconds: time for the head of a request to come, from the opening of the
    connection or from the first byte after an earlier request.
    """
    open_connections: Counter[str] = Counter()
    max_connections = min(_MAX_CONNECTIONS, max(1, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - _RESERVED_FILES))

    class BoundedProtocol(H11Protocol):
        """One connection of a client."""

        _counted_as: str | None = None
        _header_timer: asyncio.TimerHandle | None = None
        _unread_bytes = 0

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            address = self.client[0] if self.client else "unknown"
            self._counted_as = "a proxy" if address in proxies else rate_key(address)
            open_connections[self._counted_as] += 1
            is_over_limit = per_address and address not in proxies and open_connections[self._counted_as] > per_address
            if is_over_limit or open_connections.total() > max_connections:
                transport.write(_FULL)
                transport.close()
                return
            self._start_header_timer()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_header_timer()
            if self._counted_as is not None:
                open_connections[self._counted_as] -= 1
                if not open_connections[self._counted_as]:
                    del open_connections[self._counted_as]
                self._counted_as = None
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            if self.transport.is_closing():
                return
            super().data_received(data)
            if self.conn.their_state is not h11.IDLE:
                self._stop_header_timer()
            elif self._header_timer is None:
                self._start_header_timer()

        def timeout_keep_alive_handler(self) -> None:
            """Closes an idle connection; one whose client reads its last answer slowly stays, one that stalls ends."""
            unread_bytes = self.transport.get_write_buffer_size()
            if not unread_bytes:
                super().timeout_keep_alive_handler()
            elif unread_bytes == self._unread_bytes:
                self.transport.abort()
            else:
                self._unread_bytes = unread_bytes
                self.timeout_keep_alive_task = self.loop.call_later(
                    self.timeout_keep_alive, self.timeout_keep_alive_handler
                )

        def _start_header_timer(self) -> None:
            self._header_timer = self.loop.call_later(header_seconds, self._end_late_head)

        def _end_late_head(self) -> None:
            # A close would wait until the client has read an earlier answer.
            (self.transport.abort if self.transport.get_write_buffer_size() else self.transport.close)()

        def _stop_header_timer(self) -> None:
            if self._header_timer is not None:
                self._header_timer.cancel()
                self._header_timer = None

    return BoundedProtocol
