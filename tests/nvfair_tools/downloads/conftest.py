"""A publisher of files on this machine, and the command that asks it."""

import sys
from collections.abc import Iterator

import pytest

from nvfair_tools.cli import main
from tests.nvfair_tools.downloads.publisher import Publisher, serving, zip_of
from tests.nvfair_tools.downloads.recordings import RAVDESS_FILES, video

RAVDESS = "1188976"


@pytest.fixture
def publisher(monkeypatch) -> Iterator[Publisher]:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy", "NVFAIR_SERVERS"):
        monkeypatch.delenv(name, raising=False)
    with serving() as publisher:
        yield publisher


@pytest.fixture
def nvfair(publisher, monkeypatch, capsys):
    """Runs the command; returns (status, what it printed)."""

    def run(*words: object, servers: bool = True) -> tuple[int, str]:
        arguments = [*map(str, words), *(publisher.arguments() if servers else ())]
        monkeypatch.setattr(sys, "argv", ["nvfair", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        captured = capsys.readouterr()
        return int(end.value.code or 0), captured.out + captured.err

    return run


@pytest.fixture
def ravdess_files(publisher):
    """The record, and the files that it shall become."""
    silent = {name.replace("/01-", "/02-"): video(f"silent {name}") for name in RAVDESS_FILES}
    speech = {name: content for name, content in RAVDESS_FILES.items() if "/01-01" in name}
    song = {name: content for name, content in RAVDESS_FILES.items() if "/01-02" in name}
    publisher.add_record(
        RAVDESS,
        {
            "Video_Speech_Actor_01.zip": zip_of(speech | silent),
            "Video_Song_Actor_01.zip": zip_of(song | {"__MACOSX/._Actor_01": b"1"}),
            "Audio_Speech_Actors_01-24.zip": zip_of({"a.wav": b"1"}),
        },
    )
    return RAVDESS_FILES
