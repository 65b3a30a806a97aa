"""How many videos, clips and people a section leaves out, and how the report says so."""

from __future__ import annotations

import pytest

from benchmark.evaluation.result_rows import Exclusions
from benchmark.evaluation.section_results import count_exclusions
from benchmark.protocols.schema import Missing, Protocol
from benchmark.windows.cutting import SHORT
from benchmark.windows.window_set import read_windows
from nvfair_tools.dataset import Dataset
from tests.benchmark.small_world import World, make

# One generator: toy:02 and toy:03 drive two clips each, on both faces. All of toy:02's are short, and one of toy:03's.
SHORT_VIDEOS = [f"alpha-{face}-clip-{clip}" for face in ("02", "03") for clip in ("02-0", "02-1", "03-1")]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    world = World(people=(1, 1, 2), clips=2, generators=("alpha",))
    return make(tmp_path_factory.mktemp("short"), world, breaks=dict.fromkeys(SHORT_VIDEOS, "short"))


def exclusions_under(data: Dataset, rule: str) -> Exclusions:
    videos = data.videos[data.videos["split"] == "test"]
    protocol = Protocol(name="a", missing=Missing(short_videos=rule))
    return count_exclusions(0, videos, read_windows(data, protocol, videos=videos["video"]), {})


def test_clips_and_people_that_a_rule_leaves_out_are_counted(data: Dataset) -> None:
    exclusions = exclusions_under(data, "exclude")
    assert (exclusions.requested_videos, exclusions.scored_videos) == (8, 2)
    assert exclusions.videos_lost == {SHORT: 6}
    assert exclusions.clips_lost == {SHORT: 3}
    assert exclusions.people_lost == {SHORT: 2}
    assert exclusions.people_without_videos == 1
    assert Exclusions.from_json(exclusions.to_json()) == exclusions


@pytest.mark.parametrize("rule", ["mirror", "repeat-last"])
def test_a_rule_that_fills_short_videos_up_leaves_nobody_out(data: Dataset, rule: str) -> None:
    exclusions = exclusions_under(data, rule)
    assert exclusions.scored_videos == 8
    assert (exclusions.videos_lost, exclusions.clips_lost, exclusions.people_without_videos) == ({}, {}, 0)


def test_an_older_record_without_these_counts_is_read(data: Dataset) -> None:
    content = exclusions_under(data, "exclude").to_json()
    older = {key: value for key, value in content.items() if key not in ("clips_lost", "people_lost")}
    del older["people_without_videos"]
    exclusions = Exclusions.from_json(older)
    assert exclusions.videos_lost == {SHORT: 6}
    assert (exclusions.clips_lost, exclusions.people_lost, exclusions.people_without_videos) == ({}, {}, 0)
