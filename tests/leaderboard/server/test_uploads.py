"""Of a file that nobody may send, next to nothing is read: its sender is asked first."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from leaderboard.server.app import create_app
from leaderboard.server.csrf import COOKIE
from nvfair_tools.dataset import Dataset
from tests.leaderboard.board_process import Board

BOUNDARY = "x-boundary"
CSRF = "c" * 43
CHUNK = 65_536
CHUNKS = 60  # just below the board's 4 MB


class Uploads:
    """An application to which large forms are sent, chunk by chunk."""

    def __init__(self, board: Board) -> None:
        self.token = board.token("ann")
        self.app = create_app(board.settings)

    def send(self, path: str, fields: dict[str, str], *, after: dict[str, str] | None = None, headers=()) -> tuple:
        """(status, text of the answer, chunks that were read) of a form whose file has 4 MB."""
        head = "".join(self._part(name, value) for name, value in fields.items())
        head += self._part("file", "", '; filename="s.zip"')[:-2]
        tail = "\r\n" + "".join(self._part(name, value) for name, value in (after or {}).items())
        chunks = [head.encode(), *[b"z" * CHUNK] * CHUNKS, f"{tail}--{BOUNDARY}--\r\n".encode()]
        sent, read = [], 0

        async def receive() -> dict:
            nonlocal read
            read += 1
            return {"type": "http.request", "body": chunks[read - 1], "more_body": read < len(chunks)}

        async def send(message: dict) -> None:
            sent.append(message)

        scope = {
            "type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"",
            "scheme": "http", "server": ("board", 80), "client": ("10.0.0.1", 1), "http_version": "1.1",
            "headers": [
                (b"content-type", f"multipart/form-data; boundary={BOUNDARY}".encode()), (b"host", b"board"), *headers,
            ],
        }  # fmt: skip
        asyncio.run(self.app(scope, receive, send))
        text = b"".join(message.get("body", b"") for message in sent[1:]).decode()
        return sent[0]["status"], text, read

    @staticmethod
    def _part(name: str, value: str, more: str = "") -> str:
        return f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="{name}"{more}\r\n\r\n{value}\r\n'


@pytest.fixture(scope="module")
def uploads(tmp_path_factory: pytest.TempPathFactory, dataset: Dataset) -> Iterator[Uploads]:
    board = Board(tmp_path_factory.mktemp("uploads") / "board", "sqlite:///board.sqlite", dataset)
    made = Uploads(board)
    yield made
    made.app.state.service.close()


COOKIES = [(b"cookie", f"{COOKIE}={CSRF}".encode())]


@pytest.mark.parametrize(
    ("fields", "after", "headers", "status", "words"),
    [
        ({}, {}, (), 403, "did not come from this board"),
        ({"csrf": CSRF, "token": "nvf_wrong"}, {}, (), 403, "did not come from this board"),
        ({"csrf": CSRF, "token": "nvf_wrong"}, {}, COOKIES, 401, "token is not valid"),
        ({"csrf": CSRF}, {"token": "the right one"}, COOKIES, 401, "token is not valid"),
        (
            {"csrf": CSRF, "token": "the right one", "phase": "none"},
            {},
            COOKIES,
            422,
            "phase &#39;none&#39; is unknown",
        ),
        ({"csrf": CSRF, "token": "the right one", "phase": "over"}, {}, COOKIES, 409, "takes no submissions now"),
    ],
)
def test_a_form_is_refused_before_its_file_is_read(uploads: Uploads, fields, after, headers, status, words) -> None:
    fields, after = (
        {name: uploads.token if value == "the right one" else value for name, value in values.items()}
        for values in (fields, after)
    )
    answer_status, text, chunks_read = uploads.send("/submit", fields, after=after, headers=headers)
    assert (answer_status, words in text) == (status, True), text
    assert chunks_read <= 3


@pytest.mark.parametrize(
    ("token", "phase", "status"), [(None, "development", 401), ("nvf_wrong", "development", 401), ("", "none", 422)]
)
def test_the_api_refuses_before_the_file_is_read(uploads: Uploads, token: str | None, phase: str, status: int) -> None:
    headers = [] if token is None else [(b"authorization", f"Bearer {token or uploads.token}".encode())]
    answer_status, text, chunks_read = uploads.send("/api/v1/submissions", {"phase": phase}, headers=headers)
    assert answer_status == status, text
    assert json.loads(text)["error"]
    assert chunks_read <= 3


def test_a_file_of_a_known_sender_is_read_whole(uploads: Uploads, tmp_path: Path) -> None:
    headers = [(b"authorization", f"Bearer {uploads.token}".encode())]
    status, text, chunks_read = uploads.send("/api/v1/submissions", {"phase": "development"}, headers=headers)
    assert (status, chunks_read) == (422, CHUNKS + 2)
    assert "cannot be unpacked" in text


def test_texts_of_a_form_are_bounded(uploads: Uploads) -> None:
    status, text, chunks_read = uploads.send("/submit", {"csrf": "c" * 200_000, "token": uploads.token})
    assert status in (400, 403)
    assert chunks_read <= 3
    assert len(text) < 10_000


def test_headers_of_a_part_are_bounded(uploads: Uploads) -> None:
    status, text, chunks_read = uploads.send("/submit", {"x" * 200_000: "y"})
    assert (status, chunks_read <= 3) == (400, True), text
