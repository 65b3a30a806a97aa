"""The API keeps to its own description, whatever is asked of it (schemathesis, over a real server)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from nvfair_tools.dataset import Dataset
from tests.leaderboard.board_process import Board, Server

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,"
    "negative_data_rejection,ignored_auth"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, dataset: Dataset) -> Iterator[tuple[str, str]]:
    """(address, token) of a running board."""
    board = Board(tmp_path_factory.mktemp("described") / "board", "sqlite:///board.sqlite", dataset)
    token = board.token("ann")
    server = Server(board)
    yield server.url, token
    server.stop()


def ask(site: tuple[str, str], folder: Path, *, examples: int) -> None:
    """Runs schemathesis; fails with the request that broke the description, and how to repeat it."""
    pytest.importorskip("schemathesis")
    url, token = site
    program = Path(sys.executable).with_name("schemathesis")
    words = [program, "run", f"{url}/openapi.json", "--checks", CHECKS]
    words += ["--max-examples", str(examples), "--seed", "1", "--header", f"Authorization: Bearer {token}"]
    words += ["--phases", "examples,coverage,fuzzing,stateful", "--generation-database", "none"]
    environment = {**os.environ, "NO_COLOR": "1"}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    selected = re.search(r"Selected: (\d+)/(\d+)", done.stdout)
    assert selected is not None, done.stdout
    assert selected[1] == selected[2] != "0"
    generated = re.search(r"(\d+) generated", done.stdout)
    assert generated is not None, done.stdout
    assert int(generated[1]) >= 100


def test_the_description_names_every_route_with_its_answers(site: tuple[str, str]) -> None:
    described = httpx.get(f"{site[0]}/openapi.json").json()
    for path, operations in described["paths"].items():
        for operation in operations.values():
            assert operation["summary"] or operation["description"], path
            success = operation["responses"].get("200") or operation["responses"]["201"]
            assert success["content"], path
    assert set(described["paths"]) >= {
        "/api/v1/submissions",
        "/api/v1/submissions/{digest}",
        "/api/v1/submissions/{digest}/publish",
        "/api/v1/table",
        "/api/v1/phases",
        "/api/v1/account",
        "/healthz",
        "/readyz",
        "/metrics",
    }


@pytest.mark.slow
def test_the_api_keeps_to_its_description(site: tuple[str, str], tmp_path: Path) -> None:
    ask(site, tmp_path, examples=3)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_the_api_keeps_to_its_description_for_long(site: tuple[str, str], tmp_path: Path) -> None:
    ask(site, tmp_path, examples=500)
