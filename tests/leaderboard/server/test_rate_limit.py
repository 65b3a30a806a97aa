"""Callers may ask so often, and no more; the limits of a running server."""

from pathlib import Path

import httpx

from leaderboard.server.rate_limit import RateLimit
from nvfair_tools.dataset import Dataset
from tests.leaderboard.board_process import Board, Server


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_empties_and_refills_steadily() -> None:
    clock = Clock()
    rate = RateLimit(6, clock)
    assert [rate.count_request("a") for _ in range(6)] == [0] * 6
    assert rate.count_request("a") == 10.0
    assert rate.count_request("b") == 0  # another caller has another bucket
    clock.now = 9.9
    assert 0 < rate.count_request("a") < 0.2
    clock.now = 10.1
    assert rate.count_request("a") == 0
    assert rate.count_request("a") > 9


def test_no_limit_means_none_and_asking_takes_nothing() -> None:
    assert all(RateLimit(0).count_request("a") == 0 for _ in range(1000))
    rate = RateLimit(1, Clock())
    assert [rate.seconds_until_allowed("a") for _ in range(5)] == [0] * 5
    assert rate.count_request("a") == 0
    assert rate.seconds_until_allowed("a") == 60


def test_a_server_counts_by_token_by_address_and_wrong_tokens(tmp_path: Path, dataset: Dataset) -> None:
    rates = {
        "requests_per_token": 3,
        "requests_per_address": 30,
        "failed_tokens_per_address": 2,
        "uploads_per_token": 1,
    }
    board = Board(tmp_path / "board", "sqlite:///board.sqlite", dataset, rates=rates)
    headers = [{"Authorization": f"Bearer {board.token(name)}"} for name in ("ann", "bob")]
    server = Server(board)
    try:
        answers_to_ann = [httpx.get(f"{server.url}/api/v1/account", headers=headers[0]) for _ in range(4)]
        assert [answer.status_code for answer in answers_to_ann] == [200, 200, 200, 429]
        assert int(answers_to_ann[-1].headers["retry-after"]) > 0
        sent = [httpx.post(f"{server.url}/api/v1/submissions", headers=headers[1], files={"file": b"x"}) for _ in "ab"]
        assert [answer.status_code for answer in sent] == [422, 429]
        wrong = {"Authorization": "Bearer nvf_wrong"}
        guesses = [httpx.get(f"{server.url}/api/v1/account", headers=wrong).status_code for _ in range(3)]
        assert guesses == [401, 401, 429]
        carl = {"Authorization": f"Bearer {board.token('carl')}"}
        assert httpx.get(f"{server.url}/api/v1/account", headers=carl).status_code == 200  # guesses lock nobody out
        answers = [httpx.get(f"{server.url}/").status_code for _ in range(40)]
        assert set(answers) == {200, 429}
        assert answers[0] == 200
        assert httpx.get(f"{server.url}/healthz").status_code == 200  # monitoring is not limited
    finally:
        server.stop()
