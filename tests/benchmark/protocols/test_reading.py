"""A protocol file that cannot be used is refused with every mistake in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.protocols.reading import parse_protocol, read_protocol
from nvfair_tools.errors import NvfairError, Problems


def test_every_mistake_is_listed_with_its_place() -> None:
    wrong = {"name": "Bad Name", "time": {"fps": "fast", "window": 1}, "colour": "red"}
    with pytest.raises(Problems) as caught:
        parse_protocol(wrong, where="mine.json")
    text = str(caught.value)
    assert len(caught.value.problems) == 4
    for part in ("mine.json", "time.fps", "'fast'", "time.window", "name", "colour"):
        assert part in text


def test_other_versions_and_broken_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NvfairError, match="version 2"):
        parse_protocol({"format_version": 2, "name": "a"})
    path = tmp_path / "broken.json"
    path.write_text("{")
    with pytest.raises(NvfairError, match="not valid JSON"):
        read_protocol(path)
    with pytest.raises(NvfairError, match="no such"):
        read_protocol(tmp_path / "none.json")
