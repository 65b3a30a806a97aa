"""A running board for the tests of API, forms and operation."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from leaderboard.client import Client
from nvfair_tools.dataset import Dataset
from tests.leaderboard.board_process import Board, Server, copy_with_method


@dataclass
class Site:
    """A running board with two accounts. ann, bob: their tokens."""

    board: Board
    server: Server
    ann: str
    bob: str

    def client(self, token: str | None = None) -> Client:
        return Client(self.server.url, token)

    def get(self, path: str, token: str | None = None, **options) -> httpx.Response:
        return httpx.get(f"{self.server.url}{path}", headers=bearer(token), timeout=300, **options)

    def post(self, path: str, token: str | None = None, headers: dict | None = None, **options) -> httpx.Response:
        return httpx.post(
            f"{self.server.url}{path}", headers={**bearer(token), **(headers or {})}, timeout=300, **options
        )


def bearer(token: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token is not None else {}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, dataset: Dataset, fresh_url: Callable[[], str]) -> Iterator[Site]:
    board = Board(tmp_path_factory.mktemp("site") / "board", fresh_url(), dataset)
    tokens = board.token("ann"), board.token("bob")
    server = Server(board, "--with-worker")
    yield Site(board, server, *tokens)
    assert server.stop() == 0


@pytest.fixture(scope="module")
def scored(site: Site, valid_submission: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The digest of a public scored submission of Ann's."""
    folder = copy_with_method(valid_submission, tmp_path_factory.mktemp("scored") / "s", "scored in public")
    with site.client(site.ann) as client:
        accepted = client.submit(folder, phase="development")
        done = client.wait_until_scored(accepted.digest, seconds=1200, poll_seconds=0.1)
    assert [job.state for job in done.jobs] == ["done"]
    return accepted.digest
