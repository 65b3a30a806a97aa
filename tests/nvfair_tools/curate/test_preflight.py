"""The preflight finds what would stop or spoil a build, and nothing else."""

from collections import namedtuple
from pathlib import Path

import pytest

from nvfair_tools.curate.preflight import CheckReport, Finding, check
from tests.nvfair_tools.small_build import write_recipe, write_sources

pytest.importorskip("mediapipe")


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> Path:
    return write_sources(tmp_path_factory.mktemp("sources"), clips=2)


def levels(recipe: Path) -> dict[str, set[str]]:
    """Topics by level."""
    report = check(recipe)
    return {level: {finding.topic for finding in report.at_level(level)} for level in ("ok", "warning", "error")}


def test_a_recipe_that_can_run_has_no_finding_against_it_and_writes_nothing(sources, tmp_path):
    topics = levels(write_recipe(tmp_path / "recipe.yaml", sources))
    assert topics["error"] == topics["warning"] == set()
    assert {"clips", "files", "landmarker", "generator warp-dense", "plan", "disk"} <= topics["ok"]
    assert not (tmp_path / "dataset").exists()


def test_every_generator_is_tried_and_each_failure_reported(sources, tmp_path):
    choices = [
        {"name": "warp-dense"},
        {"name": "warp-desne"},
        {"name": "lia"},
        {"name": "warp-tps", "dtype": "bfloat16"},
    ]
    topics = levels(write_recipe(tmp_path / "recipe.yaml", sources, generators=choices))
    assert topics["error"] == {"generator warp-desne", "generator lia", "generator warp-tps"}
    assert "generator warp-dense" in topics["ok"]


def test_a_missing_model_is_found(sources, tmp_path):
    topics = levels(write_recipe(tmp_path / "recipe.yaml", sources, landmarks={"model": "none.task"}))
    assert topics["error"] == {"landmarker"}


def test_missing_forbidden_and_cut_clips_are_found(tmp_path):
    sources = write_sources(tmp_path / "sources", clips=1, hard=True)
    lines = sources.read_text().splitlines()
    lines = [line for line in lines if line.startswith(("path", "cut", "secret", "gone", "astronaut"))]
    sources.write_text("\n".join(lines) + "\n")
    topics = levels(write_recipe(tmp_path / "recipe.yaml", sources))
    assert topics["error"] == {"files"}
    assert topics["warning"] == {"rights", "clip"}


def test_a_full_disk_is_found_before_it_is_full(sources, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("nvfair_tools.curate.preflight.shutil.disk_usage", lambda path: usage(10, 9, 1))
    assert levels(write_recipe(tmp_path / "recipe.yaml", sources))["error"] == {"disk"}


def test_a_report_is_a_table_in_a_notebook_and_text_elsewhere_with_every_remedy():
    report = CheckReport(
        (
            Finding("ok", "files", "all exist"),
            Finding("error", "generator <lia>", "needs weights", "nvfair weights add FILE"),
        )
    )
    assert not report.passed
    page = report._repr_html_()
    assert "The recipe cannot be built yet: 1 error, 0 warnings" in page
    assert "<td>generator &lt;lia&gt;</td>" in page
    assert "<td>nvfair weights add FILE</td>" in page
    assert repr(report).splitlines()[1:] == [
        "      ok  files: all exist",
        "   error  generator <lia>: needs weights",
        "  to fix it: nvfair weights add FILE",
    ]
    assert CheckReport(report.findings[:1]).passed


def test_an_error_keeps_its_remedy_apart_from_its_message(sources, tmp_path):
    report = check(write_recipe(tmp_path / "recipe.yaml", sources, output="full"))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").touch()
    (finding,) = check(tmp_path / "recipe.yaml").at_level("error")
    assert report.passed
    assert finding.topic == "output"
    assert "something else than a build" in finding.message
    assert finding.remedy == "name another `output` in the recipe"
    assert finding.remedy not in finding.message
