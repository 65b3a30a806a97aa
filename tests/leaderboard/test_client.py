"""What a client says when a board refuses, or when the answer is not a board's."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from leaderboard.client import Client
from nvfair_tools.errors import NvfairError, Problems


@contextmanager
def answering(status: int, content: object, headers: dict[str, str] | None = None) -> Iterator[str]:
    """The address of a server that gives every request this answer; text as it is, anything else as JSON."""
    body = content.encode() if isinstance(content, str) else json.dumps(content).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def message(status: int, content: object, headers: dict[str, str] | None = None) -> str:
    """What the client says of an answer to a request for the table."""
    with answering(status, content, headers) as url, Client(url) as client:
        with pytest.raises(NvfairError) as caught:
            client.get_table()
        assert f"{url}/api/v1/table" in str(caught.value)
        return str(caught.value)


def test_an_answer_is_a_typed_page_of_rows() -> None:
    with answering(200, {"total": 0, "page": 1, "size": 50, "rows": []}) as url, Client(url) as client:
        assert client.get_table().rows == []


def test_problems_of_the_board_come_as_problems() -> None:
    content = {"error": "2 problems", "problems": ["first", "second"], "remedy": "mend them"}
    with answering(422, content) as url, Client(url) as client, pytest.raises(Problems) as caught:
        client.get_table()
    assert caught.value.problems == ("first", "second")
    assert "mend them" in str(caught.value)


@pytest.mark.parametrize(
    ("status", "headers", "remedy"),
    [
        (401, {}, "set NVFAIR_TOKEN to a valid token"),
        (404, {}, "check the digest"),
        (429, {"Retry-After": "7"}, "try again in 7 s"),
    ],
)
def test_a_refusal_without_a_remedy_gets_that_of_its_status(status: int, headers: dict[str, str], remedy: str) -> None:
    text = message(status, {"error": "no", "problems": [], "remedy": ""}, headers)
    assert f"no (status {status})" in text
    assert remedy in text


def test_an_answer_that_is_no_json_says_to_check_the_address() -> None:
    text = message(200, "<html>a parking page</html>")
    assert "not a board's" in text
    assert "check that the address" in text


def test_an_answer_of_another_version_names_the_key_and_says_to_upgrade() -> None:
    text = message(200, {"total": 0, "page": 1, "size": 50})
    assert "rows: Field required" in text
    assert "pip install --upgrade nvfair-tools" in text


@pytest.mark.parametrize("url", ["", "board.example.org", "ftp://board.example.org", "http://\x00"])
def test_an_address_that_is_not_of_a_web_server_is_refused_at_once(url: str) -> None:
    with pytest.raises(NvfairError, match="not the address of a board"):
        Client(url)
