"""What every request passes: bounds, headers, and words for what nobody foresaw."""

import asyncio
import json

from leaderboard.server.observability import Metrics
from leaderboard.server.rate_limit import RateLimit
from leaderboard.server.request_guard import RequestGuard


async def ask(
    app, path: str = "/", body: tuple[bytes, ...] = (), headers=(), query: bytes = b"", pause_seconds: float = 0.0
) -> tuple[int, dict, dict]:
    """(status, headers, JSON) of one request through a guard with room for 100 bytes of upload.

    pause_seconds: before each part of the body; the guard waits for 1 s in all.
    """
    sent, parts = [], [*body, b""]
    guard = RequestGuard(app, metrics=Metrics(), rate_limit=RateLimit(0), max_upload_bytes=100, free_body_seconds=1.0)

    async def receive():
        await asyncio.sleep(pause_seconds)
        part = parts.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(parts)}

    async def send(message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": path, "headers": list(headers), "client": ("10.0.0.1", 1)}
    scope["query_string"] = query
    await guard(scope, receive, send)
    return sent[0]["status"], dict(sent[0]["headers"]), json.loads(sent[1]["body"])


async def reader(scope, receive, send) -> None:
    taken = b""
    while True:
        message = await receive()
        taken += message["body"]
        if not message["more_body"]:
            break
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(len(taken)).encode()})


async def broken(scope, receive, send) -> None:
    raise ZeroDivisionError("secret detail")


def test_a_fault_is_answered_without_its_details_and_with_the_id_of_its_log_line() -> None:
    status, headers, answer = asyncio.run(ask(broken))
    assert status == 500
    assert headers[b"x-request-id"].decode() in answer["error"]
    assert "secret" not in json.dumps(answer)
    assert b"content-security-policy" in headers


def test_an_upload_is_counted_while_it_comes() -> None:
    path = "/api/v1/submissions"
    assert asyncio.run(ask(reader, path, (b"x" * 60, b"x" * 40)))[0::2] == (200, 100)
    assert asyncio.run(ask(reader, path, (b"x" * 60, b"x" * 41)))[0] == 413
    assert asyncio.run(ask(reader, path, (), [(b"content-length", b"101")]))[0] == 413
    assert asyncio.run(ask(reader, path, (), [(b"content-length", b"100")]))[0] == 200


def test_other_requests_than_uploads_have_a_small_limit() -> None:
    assert asyncio.run(ask(reader, "/elsewhere", (b"x" * 65_536,)))[0] == 200
    assert asyncio.run(ask(reader, "/elsewhere", (b"x" * 65_537,)))[0] == 413


def test_a_body_that_trickles_is_not_waited_for() -> None:
    status, headers, answer = asyncio.run(ask(reader, "/submit", (b"x",) * 50, pause_seconds=0.05))
    assert (status, headers[b"connection"]) == (408, b"close")
    assert "did not come in time" in answer["error"]
    assert asyncio.run(ask(reader, "/submit", (b"x",) * 3, pause_seconds=0.02))[0::2] == (200, 3)


def test_an_address_has_a_maximal_length() -> None:
    assert asyncio.run(ask(reader, "/", query=b"q=" + b"x" * 8000))[0] == 200
    status, _, answer = asyncio.run(ask(reader, "/", query=b"q=" + b"x" * 9000))
    assert (status, answer["error"]) == (414, "the address has 9003 bytes; at most 8192")
    assert asyncio.run(ask(reader, "/" + "x" * 9000))[0] == 414
