"""`nvfair cut` killed at any moment is completed by the next call, with the same bytes."""

import signal
from pathlib import Path

import pytest

from nvfair_tools.curate.footage.proposals import propose_segments
from nvfair_tools.pipeline.items import ItemResult
from nvfair_tools.pipeline.progress import Silent
from nvfair_tools.recipe.footage_rule import FootageRule
from tests.mediapipe_here import skip_without_landmarker
from tests.nvfair_tools.curate.footage.films import write_film
from tests.nvfair_tools.curate.footage.killed import cut_until, kill_at
from tests.nvfair_tools.small_build import file_hashes

skip_without_landmarker()
pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")


class Counting(Silent):
    """Counts the items that each stage runs."""

    def __init__(self) -> None:
        self.ran = 0

    def end_item(self, result: ItemResult) -> None:
        self.ran += 1


def state_of(folder: Path) -> dict[str, str]:
    """Hashes of the list, the sheet and the pictures, and of what a killed run may have left beside them; the names of
    what it may have left in .build."""
    files = {path.relative_to(folder).as_posix() for path in (folder / ".build").rglob("*") if path.is_file()}
    return file_hashes(folder) | {name: "" for name in files if "journal" not in name}


@pytest.mark.slow
@pytest.mark.parametrize("kills", [1, pytest.param(20, marks=pytest.mark.soak)])
def test_cutting_that_was_killed_ends_alike(tmp_path, kills):
    film = write_film(tmp_path / "film.mp4")
    lines = cut_until(0, film, tmp_path / "whole", kill=False)
    expected = state_of(tmp_path / "whole")
    assert {"segments.csv", "index.html"} < expected.keys()
    assert sum(name.startswith("pictures/") for name in expected) == 3
    items = []
    for number in range(kills):
        folder = tmp_path / f"killed-{number}"
        kill_at(1 + (lines - 1) * (2 * number + 1) // (2 * kills), film, folder)
        assert state_of(folder) != expected
        reporter = Counting()
        propose_segments([film], folder, FootageRule(min_seconds=0.8), workers=0, reporter=reporter)
        assert state_of(folder) == expected, number
        items.append(reporter.ran)
    if kills > 1:
        assert items[-1] < items[0]  # what was recorded before the later kills was not done again
