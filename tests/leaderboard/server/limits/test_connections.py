"""Connections that ask nothing, ask half, or do not read are closed, and one address holds a bounded number."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

import uvicorn

from leaderboard.server.limits.connections import bounded_protocol
from leaderboard.server.rate_limit import rate_key
from tests.waiting import free_port, wait_until

PAGE = b"x" * 30_000_000
REQUEST = b"GET / HTTP/1.1\r\nhost: board\r\n\r\n"


async def page(scope, receive, send) -> None:
    body = PAGE if scope["path"] == "/large" else b"hello"
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@dataclass
class Connector:
    """Opens connections to a server, which are closed with `opened`."""

    server: uvicorn.Server
    port: int
    opened: ExitStack

    def __call__(self, buffer_bytes: int = 0) -> socket.socket:
        connection = self.opened.enter_context(socket.socket())
        if buffer_bytes:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        connection.connect(("127.0.0.1", self.port))
        connection.settimeout(60)
        return connection

    def open_connections(self) -> int:
        """How many the server holds."""
        return len(self.server.server_state.connections)


@contextmanager
def serving(*, keep_alive: int = 5, **bounds) -> Iterator[Connector]:
    """A uvicorn server with bounded connections in a thread; gives what connects to it."""
    port = free_port()
    config = uvicorn.Config(
        page, port=port, http=bounded_protocol(**bounds), timeout_keep_alive=keep_alive, lifespan="off", log_config=None
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    with ExitStack() as opened:
        connect = Connector(server, port, opened)
        try:
            yield connect
        finally:
            server.should_exit = True
            thread.join(10)


def seconds_until_closed(connection: socket.socket) -> float:
    """How long it takes until the server ends the connection."""
    start = time.monotonic()
    try:
        while connection.recv(65_536):
            pass
    except ConnectionError:
        pass
    return time.monotonic() - start


def test_a_connection_without_a_whole_request_is_closed_soon() -> None:
    with serving(per_address=0, header_seconds=0.5) as connect:
        silent, half, trickling = (connect() for _ in range(3))
        half.sendall(REQUEST[:-2])
        trickling.sendall(REQUEST[:10])
        for n in range(10, 14):  # a byte now and then does not buy time
            time.sleep(0.1)
            with suppress(ConnectionError):
                trickling.sendall(REQUEST[n : n + 1])
        for connection in (silent, half, trickling):
            assert seconds_until_closed(connection) < 30
        answered = connect()
        answered.sendall(REQUEST)
        assert answered.recv(1000).startswith(b"HTTP/1.1 200")
        answered.sendall(REQUEST[:-2])  # half a second request on the same connection
        assert seconds_until_closed(answered) < 30


def test_whole_requests_on_one_connection_are_answered_for_longer_than_a_head_may_take() -> None:
    with serving(per_address=0, header_seconds=2.0) as connect:
        connection = connect()
        for _ in range(4):
            connection.sendall(REQUEST)
            answer = b""
            while not answer.endswith(b"hello"):
                answer += connection.recv(1000) or b"closed hello"
            assert answer.startswith(b"HTTP/1.1 200")
            time.sleep(0.6)


def test_one_address_holds_a_bounded_number_of_connections_and_gets_them_back() -> None:
    with serving(per_address=3, header_seconds=30) as connect:
        held = [connect() for _ in range(3)]
        wait_until(lambda: connect.open_connections() == 3, 60)
        refused = connect()
        answer = refused.recv(1000)
        assert answer.startswith(b"HTTP/1.1 503")
        assert answer.endswith(b"too many connections are open; close others")
        assert seconds_until_closed(refused) < 30
        for connection in held:
            connection.close()
        wait_until(lambda: connect.open_connections() == 0, 60)
        again = connect()
        again.sendall(REQUEST)
        assert again.recv(1000).startswith(b"HTTP/1.1 200")


def test_a_proxys_connections_are_not_counted_as_one_address() -> None:
    with serving(per_address=1, proxies=["127.0.0.1"], header_seconds=30) as connect:
        held = [connect() for _ in range(3)]
        wait_until(lambda: connect.open_connections() == 3, 60)
        held[-1].sendall(REQUEST)
        assert held[-1].recv(1000).startswith(b"HTTP/1.1 200")


def test_a_client_that_does_not_read_its_answer_is_let_go() -> None:
    with serving(per_address=0, keep_alive=1) as connect:
        connection = connect(buffer_bytes=4096)
        connection.sendall(REQUEST.replace(b"/ ", b"/large "))
        wait_until(lambda: connect.open_connections() == 1, 60)
        wait_until(lambda: connect.open_connections() == 0, 60)
        received = 0
        try:
            while data := connection.recv(1 << 20):
                received += len(data)
        except ConnectionError:
            pass
        assert received < len(PAGE)  # the server gave up, and kept no memory for it


def test_an_ipv6_customer_is_one_caller_and_an_ipv4_address_is_the_same_in_both_forms() -> None:
    assert rate_key("2001:db8::1") == rate_key("2001:db8:0:0:ffff::2") != rate_key("2001:db8:0:1::1")
    assert rate_key("::ffff:10.0.0.1") == rate_key("10.0.0.1") == "10.0.0.1"
    assert rate_key("fe80::1%eth0") == rate_key("fe80::2")
    assert rate_key("unknown") == "unknown"
