"""The preflight finds what would stop or spoil a build, and nothing else."""

from collections import namedtuple
from pathlib import Path

import pytest

from nvfair_tools.curate.finding import Finding
from nvfair_tools.curate.preflight import CheckReport, check
from nvfair_tools.recipe.recipe import ClipSource, load_recipe
from tests.mediapipe_here import skip_without_landmarker
from tests.nvfair_tools.small_build import write_recipe, write_sources

skip_without_landmarker()


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
    recipe = write_recipe(tmp_path / "recipe.yaml", sources, generators=choices)
    topics = levels(recipe)
    assert topics["error"] == {"generator warp-desne", "generator lia", "generator warp-tps"}
    assert "generator warp-dense" in topics["ok"]
    messages = [finding.message for finding in check(recipe).at_level("error")]
    assert [message.partition(" ")[0] for message in messages] == ["generators.1", "generators.2", "generators.3"]


def test_a_missing_model_is_found(sources, tmp_path):
    topics = levels(write_recipe(tmp_path / "recipe.yaml", sources, landmarks={"model": "none.task"}))
    assert topics["error"] == {"landmarker"}
    (tmp_path / "page.onnx").write_text("<!DOCTYPE html>")
    for key in ("detector", "recogniser"):
        topics = levels(write_recipe(tmp_path / "recipe.yaml", sources, landmarks={key: "page.onnx"}))
        assert topics["error"] == {"landmarker"}, key


def test_missing_forbidden_and_cut_clips_are_found(tmp_path):
    sources = write_sources(tmp_path / "sources", clips=1, hard=True)
    lines = sources.read_text().splitlines()
    lines = [line for line in lines if line.startswith(("path", "cut", "secret", "gone", "astronaut"))]
    sources.write_text("\n".join(lines) + "\n")
    topics = levels(write_recipe(tmp_path / "recipe.yaml", sources))
    assert topics["error"] == {"files"}
    assert topics["warning"] == {"rights", "clip"}


def test_empty_files_files_not_used_and_near_names_are_in_the_report(tmp_path):
    sources = write_sources(tmp_path / "sources", clips=1)
    (tmp_path / "sources" / "empty.mp4").touch()
    (tmp_path / "sources" / "Upper.MP4").write_bytes(b"x")
    (tmp_path / "sources" / "lfs.mp4").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    (tmp_path / "sources" / "page.mp4").write_bytes(b"\n <!DOCTYPE html><html>Quota exceeded")
    header = sources.read_text().splitlines()[0].split(",")
    for name in ("empty.mp4", "upper.mp4", "lfs.mp4", "page.mp4"):
        values = {"path": name, "identity": "museum:hopper", "split": "train", "permitted_use": "research"}
        values["gender"] = "female"
        with open(sources, "a") as file:
            file.write(",".join(values.get(column, "") for column in header) + "\n")
    report = check(write_recipe(tmp_path / "recipe.yaml", sources))
    messages = [finding.message for finding in report.at_level("error")]
    assert messages == [
        "1 of 6 do not exist, such as upper.mp4 (there is Upper.MP4)",
        "1 of 6 are empty, such as empty.mp4",
        "2 of 6 are no videos, such as lfs.mp4 (a Git LFS pointer; run `git lfs pull`), "
        "page.mp4 (a web page; download the file itself)",
    ]


def test_files_of_a_folder_that_are_not_used_are_in_the_report(tmp_path):
    write_sources(tmp_path / "sources", clips=1)
    (tmp_path / "sources" / "clips.csv").unlink()
    (tmp_path / "sources" / "hopper" / "me.jpg").touch()
    (tmp_path / "sources" / "hopper" / ".DS_Store").touch()
    source = {"folder": "sources", "source": "friends"}
    source["defaults"] = {"licence": "CC0", "consent": "yes", "permitted_use": "research"}
    path = write_recipe(tmp_path / "recipe.yaml", tmp_path, splits={"by": "shares", "shares": {"train": 1}})
    recipe = load_recipe(path).model_copy(update={"sources": [ClipSource.model_validate(source)]})
    report = check(recipe)
    findings = [finding for finding in report.findings if finding.topic == "not used"]
    assert [finding.level for finding in findings] == ["warning", "ok"]
    assert "hopper/me.jpg" in findings[0].message
    assert "hopper/.DS_Store" in findings[1].message


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
