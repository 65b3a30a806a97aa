"""Estimates are the arithmetic that they say they are."""

import json

import pytest

from nvfair_tools.curate.costs.estimate import (
    Cluster,
    estimate_costs,
    read_card_rates,
    rounded_bytes,
    rounded_hours,
)
from nvfair_tools.curate.costs.probe import StageRates
from nvfair_tools.curate.pairs import Driver, Target, plan_pairs
from nvfair_tools.errors import NvfairError
from nvfair_tools.recipe.recipe import Recipe


def recipe(**changes) -> Recipe:
    content = {
        "name": "Costs",
        "output": "unused",
        "sources": [{"csv": "clips.csv"}],
        "rights": {"render_if": ["research"]},
        "generators": [{"name": "warp-dense"}, {"name": "lia", "dtype": "bfloat16", "splits": ["test"]}],
        "features": {"distances": "none"},
    }
    return Recipe.model_validate(content | changes)


def pairs(people: int = 4, clips: int = 5):
    """Half of the people are in the test split: 2 x 2 x 5 pairs there and as many in training."""
    targets = [Target(f"x:{n}", "x", "test" if n % 2 else "train") for n in range(people)]
    drivers = [
        Driver(f"{target.identity}/{clip}", target.identity, "x", target.split)
        for target in targets
        for clip in range(clips)
    ]
    return plan_pairs(drivers, targets)


RATES = StageRates(
    0.36, 0.18, 0.09, 0.018, {"warp-dense": 0.72, "lia": 7.2}, {"warp-dense": 0.036, "lia": 3.6}, "here", (64, 64)
)


def test_hours_here_are_frames_times_seconds_a_frame_over_workers():
    costs = estimate_costs(recipe(), pairs(), 20, 100.0, 25.0, RATES, (1, 2))
    table = {(cost.stage, cost.generator): cost for cost in costs}
    assert list(table) == [
        ("track", ""),
        ("original", ""),
        ("render", "warp-dense"),
        ("render", "lia"),
        ("landmarks", ""),
        ("shard", ""),
    ]
    # 20 clips of 100 frames at 0.36 s by two workers: 360 s.
    assert table["track", ""].hours == pytest.approx(0.1)
    # 40 videos at 0.72 s a frame, and 20 clips' motion at 0.036, by one worker: 2,880 s + 72 s.
    assert table["render", "warp-dense"].hours == pytest.approx(2952 / 3600)
    # The test split alone: 20 videos at 7.2 s and 10 clips at 3.6 s.
    assert table["render", "lia"].videos == 20
    assert table["render", "lia"].hours == pytest.approx(18_000 / 3600)
    assert table["landmarks", ""].videos == 60
    assert table["landmarks", ""].video_seconds == pytest.approx(240)
    assert table["shard", ""].bytes == pytest.approx(80 * 100 * 450)
    assert all(cost.cluster_hours is None for cost in costs)


def test_motions_are_encoded_once_a_tile_of_targets():
    whole, tiled = (
        estimate_costs(recipe(sources_in_memory=size), pairs(), 20, 100.0, 25.0, RATES, (1, 1))[2].hours
        for size in (64, 2)
    )
    assert (tiled - whole) * 3600 == pytest.approx(20 * 100 * 0.036)


def test_a_cluster_is_estimated_where_it_is_known():
    cluster = Cluster(16, 8, {"lia": 250.0}, cores=32)
    costs = estimate_costs(recipe(), pairs(), 20, 100.0, 25.0, RATES, (1, 2), cluster)
    hours = [cost.cluster_hours for cost in costs]
    assert hours[0] == pytest.approx(20 * 100 * 0.36 / (16 * 32) / 3600)
    assert hours[2] is None, "no figure of a card for the warp"
    assert hours[3] == pytest.approx(20 * 100 / 250 / 128 / 3600)
    without_cores = estimate_costs(recipe(), pairs(), 20, 100.0, 25.0, RATES, (1, 2), Cluster(16, 8, {}))
    assert [cost.cluster_hours for cost in without_cores] == [None] * 6
    unmeasured = estimate_costs(recipe(), pairs(), 20, 100.0, 25.0, None, (1, 2), cluster)
    assert [cost.hours for cost in unmeasured] == [None] * 6
    assert [cost.cluster_hours is None for cost in unmeasured] == [True, True, True, False, True, True]


def test_a_cards_figures_are_read_in_the_recipes_number_format(tmp_path):
    lines = [
        {"part": "rates", "measured": "machine", "name": "a card"},
        {"part": "lia", "measured": "all pairs", "dtype": "float32", "frames_per_s": 900.0},
        {"part": "lia", "measured": "all pairs", "dtype": "bfloat16", "frames_per_s": 200.0},
        {"part": "lia", "measured": "all pairs", "dtype": "bfloat16", "frames_per_s": 310.5},
        {"part": "tps", "measured": "all pairs", "dtype": "bfloat16", "frames_per_s": 99.0},
    ]
    path = tmp_path / "gpu.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)) + "\n")
    assert read_card_rates(path, recipe()) == {"lia": 310.5}
    path.write_text("not JSON")
    with pytest.raises(NvfairError, match="no file of results"):
        read_card_rates(path, recipe())
    with pytest.raises(NvfairError, match="cannot be read"):
        read_card_rates(tmp_path / "absent", recipe())


@pytest.mark.parametrize(
    ("hours", "text"),
    [
        (None, "unknown"),
        (0.01, "under a minute"),
        (0.1234, "7.4 min"),
        (1.23, "1.2 h"),
        (71.6, "72 h"),
        (780, "32 days"),
        (98_765, "4,100 days"),
    ],
)
def test_hours_are_rounded_to_what_an_estimate_is_worth(hours, text):
    assert rounded_hours(hours) == text


@pytest.mark.parametrize(("count", "text"), [(0, "0 MB"), (1.26e6, "1.3 MB"), (4.44e10, "44 GB"), (1.56e13, "16 TB")])
def test_bytes_are_rounded_too(count, text):
    assert rounded_bytes(count) == text
