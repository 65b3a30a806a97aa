"""A board whose database cannot be used says so in our words."""

from pathlib import Path

import pytest

from leaderboard.store.results import Store
from nvfair_tools.errors import NvfairError


@pytest.mark.parametrize("url", ["nonsense", "nosuch://x/y", "sqlite:////nowhere/at/all/board.sqlite"])
def test_a_url_that_opens_no_database_is_a_users_mistake(url: str) -> None:
    with pytest.raises(NvfairError, match=r"(?s)cannot be opened.*sqlite:///board\.sqlite"):
        Store(url)


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_text("no database, but long enough to be looked at as one. " * 40)
    before = path.read_bytes()
    with pytest.raises(NvfairError, match="not a database"):
        Store(f"sqlite:///{path}")
    assert path.read_bytes() == before


def test_a_password_is_not_shown() -> None:
    with pytest.raises(NvfairError) as caught:
        Store("nosuch://me:secret@host/board")
    assert "secret" not in str(caught.value)
