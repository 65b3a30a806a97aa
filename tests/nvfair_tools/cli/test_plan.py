"""`nvfair plan`: what a recipe asks for and costs, before anything is read."""

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from nvfair_tools.cli.curate.plan import plan
from tests.mediapipe_here import skip_without_landmarker
from tests.nvfair_tools.small_build import write_recipe

skip_without_landmarker()


@pytest.fixture
def recipe(tmp_path, monkeypatch) -> Path:
    """Three people with two listed clips each; none of the files is there."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with open(tmp_path / "clips.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "identity", "split", "gender", "permitted_use"))
        for person, gender in (("ann", "female"), ("bea", "female"), ("cid", "male")):
            for clip in range(2):
                writer.writerow((f"{person}-{clip}.mp4", f"x:{person}", "test", gender, "research"))
    return write_recipe(
        tmp_path / "recipe.yaml", tmp_path / "clips.csv", pairs={"cross_per_clip": 1, "faces_per_driver": 2}
    )


def run(*arguments: object) -> str:
    result = CliRunner().invoke(plan, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_plan_is_explained_before_any_clip_is_there(recipe, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    options = ("--clip-seconds", 4, "--fps", 25, "--nodes", 16, "--gpus", 8)
    output = run(recipe, "--explain", *options)
    assert "12 pairs: 6 self, 6 cross" in output
    assert "cross-reenactments a driver: 2 to 2, 2.0 on average" in output
    assert "driver female, unknown, unknown, face male, unknown, unknown" in output
    assert "unknown" in output.split("all", 1)[1], "no card was measured"
    (stored,) = (tmp_path / "home").rglob("probes/*.json")
    rates = json.loads(stored.read_text())
    assert all(rates[stage] > 0 for stage in ("track", "original", "landmarks", "shard"))
    assert rates["render"]["warp-dense"] > 0
    # A figure that no machine gives shows that the second run reads what the first has measured.
    stored.write_text(json.dumps(rates | {"render": {"warp-dense": 3600.0}}))
    assert "50 days" in run(recipe, "--explain", *options), "12 videos of 100 frames at an hour each"
    assert "50 days" not in run(recipe, "--explain", "--probe-again", *options)


def test_pairs_that_people_or_licences_refuse_are_counted(recipe):
    from datetime import date

    from nvfair_tools.curate.costs.explanation import refusal_lines
    from nvfair_tools.curate.plans.rule import plan_listed_clips
    from nvfair_tools.recipe.clip_list import list_clips
    from nvfair_tools.recipe.recipe import load_recipe
    from nvfair_tools.recipe.splits import assign_splits

    def lines() -> list[str]:
        loaded = load_recipe(recipe)
        rows = list(list_clips(loaded).rows)
        pairs = plan_listed_clips(loaded, rows, assign_splits(loaded, rows)).pairs
        return refusal_lines(loaded, rows, pairs, date(2026, 1, 2))

    assert lines() == []
    clips = recipe.parent / "clips.csv"
    clips.write_text(clips.read_text().replace("x:cid,test,male,research", "x:cid,test,male,viewing only"))
    # Cid's two clips drive two faces each, and each of the others meets Cid's face once.
    (line,) = lines()
    assert "refuse 6 of the 12 pairs on 2026-01-02" in line
    assert "2 clips may not drive, 1 person may not be shown" in line


def test_clips_of_unknown_length_are_asked_for(recipe):
    result = CliRunner().invoke(plan, [str(recipe), "--explain"])
    assert "--clip-seconds" in str(result.exception)


def test_two_plans_are_compared(recipe, tmp_path):
    assert "12 planned videos" in run(recipe, "--table", tmp_path / "old.parquet")
    recipe.write_text(recipe.read_text().replace("cross_per_clip: 1", "cross_per_clip: 2"))
    output = run(recipe, "--diff", tmp_path / "old.parquet")
    assert "6 added, 0 removed, 12 the same" in output
    assert "compared by listed names" in output
    result = CliRunner().invoke(plan, [str(recipe), "--diff", str(tmp_path)])
    assert "no plan is here" in str(result.exception)


def test_a_draw_by_content_is_not_compared_with_one_by_names(recipe, tmp_path):
    run(recipe, "--table", tmp_path / "old.parquet")
    recipe.write_text(recipe.read_text().replace("faces_per_driver: 2", "seed: 1"))
    result = CliRunner().invoke(plan, [str(recipe), "--diff", str(tmp_path / "old.parquet")])
    assert "drawn by the content" in str(result.exception)
