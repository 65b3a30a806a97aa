"""The page over HTTP: who is answered, what is refused, and that no video stays."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="the page: pip install 'nvfair-tools[verify]'")
pytest.importorskip("httpx")

from starlette.testclient import TestClient

from benchmark.verification.page.app import create_app
from nvfair_tools.errors import NvfairError

BASE = "http://127.0.0.1:8750"


@pytest.fixture
def client(enrolled: Path) -> Iterator[TestClient]:
    with TestClient(create_app(enrolled, max_bytes=300_000), base_url=BASE, follow_redirects=False) as made:
        yield made


def secret(client: TestClient) -> str:
    field = re.search(r'name="secret" value="([^"]+)"', client.get("/").text)
    assert field is not None
    return field[1]


def post(client: TestClient, content: bytes, *, name: str = "video.mp4", headers: dict | None = None, **fields: str):
    data = {"secret": secret(client), "enrolment": "ann.enrolment", "calibration": "", **fields}
    return client.post("/verify", data=data, files={"video": (name, content)}, headers=headers)


def answer(client: TestClient, address: str) -> str:
    for _ in range(600):
        text = client.get(address).text
        if "http-equiv" not in text:
            return text
        time.sleep(0.1)
    raise AssertionError("no answer in a minute")


def uploads(client: TestClient) -> list[Path]:
    return list(client.app.state.jobs.folder.iterdir())


def test_a_video_is_answered_and_deleted(client: TestClient, enrolled: Path) -> None:
    posted = post(client, (enrolled / "video.mp4").read_bytes(), name="<b>x</b>.mp4")
    assert posted.status_code == 303
    text = answer(client, posted.headers["location"])
    assert "Score only for lab:ann" in text
    assert "cannot prove" in text
    assert "data:image/svg+xml;base64," in text
    assert "<b>x</b>" not in text
    assert uploads(client) == []


@pytest.mark.parametrize("name", ["video.mp4", "../../x.mp4", "x" * 300 + ".mp4", ".mp4", "x.a/b"])
def test_what_is_no_video_is_said_in_words_and_deleted_too(client: TestClient, name: str) -> None:
    posted = post(client, b"this is no video", name=name)
    text = answer(client, posted.headers["location"])
    assert "unreadable" in text
    assert str(client.app.state.jobs.folder) not in text
    assert uploads(client) == []


def test_a_video_that_is_too_large_is_refused_and_not_kept(client: TestClient) -> None:
    posted = post(client, b"x" * 500_000)
    assert posted.status_code == 413
    assert "larger" in posted.text
    assert uploads(client) == []


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8750", "127.0.0.1", "127.0.0.1:1", ""])
def test_another_host_is_not_answered(client: TestClient, host: str) -> None:
    assert client.get("/", headers={"host": host}).status_code == 421


@pytest.mark.parametrize(
    ("headers", "fields"),
    [
        ({}, {"secret": "guessed"}),
        ({}, {"secret": ""}),
        ({"origin": "http://evil.example"}, {}),
        ({"origin": "null"}, {}),
        ({"sec-fetch-site": "cross-site"}, {}),
        ({"sec-fetch-site": "same-site"}, {}),
    ],
)
def test_a_form_from_elsewhere_is_refused(client: TestClient, headers: dict, fields: dict) -> None:
    posted = post(client, b"video", headers=headers, **fields)
    assert posted.status_code == 403
    assert uploads(client) == []


@pytest.mark.parametrize("name", ["../ann.enrolment", "bob.enrolment", "/etc/passwd", "", "enrolled-0.mp4"])
def test_only_files_of_the_folder_can_be_chosen(client: TestClient, name: str) -> None:
    for fields in ({"enrolment": name}, {"calibration": name or "x"}):
        posted = post(client, b"video", **fields)
        assert posted.status_code == 400
        assert "not in the folder" in posted.text


def test_every_answer_carries_the_headers_that_keep_others_out(client: TestClient) -> None:
    for address in ("/", "/style.css", "/answer/none", "/nothing"):
        headers = client.get(address).headers
        assert "script" not in headers["content-security-policy"]
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"
        assert headers["x-frame-options"] == "DENY"
    assert client.get("/answer/none").status_code == 404


def test_too_many_waiting_videos_are_refused(client: TestClient, enrolled: Path) -> None:
    content = (enrolled / "video.mp4").read_bytes()
    statuses = [post(client, content).status_code for _ in range(6)]
    assert statuses[:4] == [303] * 4
    assert 503 in statuses
    assert len(uploads(client)) <= 4


def test_the_folder_of_uploads_goes_with_the_page(enrolled: Path) -> None:
    with TestClient(create_app(enrolled), base_url=BASE) as client:
        folder = client.app.state.jobs.folder
        assert folder.stat().st_mode & 0o077 == 0
    assert not folder.exists()
    with pytest.raises(NvfairError, match="no such folder"):
        create_app(enrolled / "nothing")


def test_an_empty_folder_says_how_to_enrol(tmp_path: Path) -> None:
    with TestClient(create_app(tmp_path), base_url=BASE) as client:
        assert "nvfair enrol" in client.get("/").text
