"""The preflight finds what would stop or spoil a build, and nothing else."""

from collections import namedtuple
from pathlib import Path

import pytest

from nvfair_tools.curate.preflight import preflight
from nvfair_tools.recipe.recipe import load_recipe
from tests.nvfair_tools.small_build import write_recipe, write_sources

pytest.importorskip("mediapipe")


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> Path:
    return write_sources(tmp_path_factory.mktemp("sources"), clips=2)


def levels(recipe: Path) -> dict[str, set[str]]:
    """Topics by level."""
    found: dict[str, set[str]] = {"ok": set(), "warning": set(), "error": set()}
    for finding in preflight(load_recipe(recipe)):
        found[finding.level].add(finding.topic)
    return found


def test_a_recipe_that_can_run_has_no_finding_against_it_and_writes_nothing(sources, tmp_path):
    found = levels(write_recipe(tmp_path / "recipe.yaml", sources))
    assert found["error"] == found["warning"] == set()
    assert {"clips", "files", "landmarker", "generator warp-dense", "plan", "disk"} <= found["ok"]
    assert not (tmp_path / "dataset").exists()


def test_every_generator_is_tried_and_each_failure_told(sources, tmp_path):
    choices = [
        {"name": "warp-dense"},
        {"name": "warp-desne"},
        {"name": "lia"},
        {"name": "warp-tps", "dtype": "bfloat16"},
    ]
    found = levels(write_recipe(tmp_path / "recipe.yaml", sources, generators=choices))
    assert found["error"] == {"generator warp-desne", "generator lia", "generator warp-tps"}
    assert "generator warp-dense" in found["ok"]


def test_a_missing_model_is_found(sources, tmp_path):
    found = levels(write_recipe(tmp_path / "recipe.yaml", sources, landmarks={"model": "none.task"}))
    assert found["error"] == {"landmarker"}


def test_missing_forbidden_and_cut_clips_are_found(tmp_path):
    sources = write_sources(tmp_path / "sources", clips=1, hard=True)
    lines = sources.read_text().splitlines()
    kept = [line for line in lines if line.startswith(("path", "cut", "secret", "gone", "astronaut"))]
    sources.write_text("\n".join(kept) + "\n")
    found = levels(write_recipe(tmp_path / "recipe.yaml", sources))
    assert found["error"] == {"files"}
    assert found["warning"] == {"rights", "clip"}


def test_a_full_disk_is_found_before_it_is_full(sources, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("nvfair_tools.curate.preflight.shutil.disk_usage", lambda path: usage(10, 9, 1))
    assert levels(write_recipe(tmp_path / "recipe.yaml", sources))["error"] == {"disk"}
