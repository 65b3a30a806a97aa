"""The preflight finds what would stop or spoil a build, and nothing else."""

from collections import namedtuple
from pathlib import Path

import pytest
from click.testing import CliRunner

from nvfair_tools.cli import cli
from nvfair_tools.curate.finding import Finding
from nvfair_tools.curate.preflight import CheckReport, check
from nvfair_tools.errors import Problems
from nvfair_tools.recipe.recipe import ClipSource, load_recipe
from tests.mediapipe_here import skip_without_landmarker
from tests.nvfair_tools.small_build import write_recipe, write_sources

skip_without_landmarker()


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> Path:
    return write_sources(tmp_path_factory.mktemp("sources"), clips=3)


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
        {"name": "lia"},
        {"name": "warp-tps", "dtype": "bfloat16"},
    ]
    recipe = write_recipe(tmp_path / "recipe.yaml", sources, generators=choices)
    topics = levels(recipe)
    assert topics["error"] == {"generator lia", "generator warp-tps"}
    assert "generator warp-dense" in topics["ok"]
    messages = [finding.message for finding in check(recipe).at_level("error")]
    assert [message.partition(" ")[0] for message in messages] == ["generators.1", "generators.2"]


def test_a_misspelt_generator_is_named_beside_a_wrong_key_and_beside_a_wrong_row(sources, tmp_path):
    generators = [{"name": "warp-desne"}, {"name": "warp-dense", "mode": "relativ"}]
    with pytest.raises(Problems) as caught:
        check(write_recipe(tmp_path / "recipe.yaml", sources, generators=generators))
    assert caught.value.problems == (
        "generators.1.mode: found 'relativ'; expected one of absolute, relative; did you mean `relative`?",
        "generators.0.name: no generator is called 'warp-desne'; did you mean `warp-dense`?",
    )
    # The schema is right, the list of clips is wrong, and so is a generator's setting.
    (tmp_path / "clips.csv").write_text(sources.read_text().replace("train", "trian"))
    lists = [{"csv": "clips.csv", "defaults": {"licence": "public domain", "consent": "not needed"}}]
    choices = [{"name": "warp-tps", "settings": {"mouht": "pasted"}}]
    with pytest.raises(Problems) as caught:
        check(write_recipe(tmp_path / "recipe.yaml", sources, sources=lists, generators=choices))
    assert "clips.csv row 2: split 'trian' is unknown; did you mean 'train'?" in caught.value.problems
    assert caught.value.problems[-1].startswith("generator warp-tps: generators.0 (warp-tps)")
    assert "mouht" in caught.value.problems[-1]


def test_a_wrong_root_is_named_in_full_and_so_is_the_place_of_a_missing_file(sources, tmp_path):
    lists = [{"csv": str(sources), "root": "elsewhere", "defaults": {"licence": "CC0", "consent": "yes"}}]
    with pytest.raises(Problems, match=f"{tmp_path}/elsewhere: `root` is 'elsewhere', and there is no such folder"):
        check(write_recipe(tmp_path / "recipe.yaml", sources, sources=lists))
    (tmp_path / "elsewhere").mkdir()
    (finding,) = [
        finding
        for finding in check(write_recipe(tmp_path / "recipe.yaml", sources, sources=lists)).at_level("error")
        if finding.topic == "files"
    ]
    assert f"looked for at {tmp_path}/elsewhere/astronaut/astronaut-0.mp4" in finding.remedy


def protocol_findings(path: Path) -> dict[str, list[str]]:
    """What the check says about protocols: {level: messages with their remedies}."""
    findings = [finding for finding in check(path).findings if finding.topic == "protocols"]
    return {level: [str(f) for f in findings if f.level == level] for level in ("ok", "warning", "error")}


def test_what_training_and_testing_lack_is_said_before_the_build(sources, tmp_path):
    usable = protocol_findings(write_recipe(tmp_path / "recipe.yaml", sources))
    assert usable["error"] == usable["warning"] == []
    assert "2 faces are driven by several people" in usable["ok"][0]
    # One person in each split: nobody is left to drive anybody's face.
    shares = {"by": "shares", "shares": {"train": 0.5, "validation": 0, "test": 0.5}}
    apart = protocol_findings(write_recipe(tmp_path / "recipe.yaml", sources, splits=shares))
    (error,) = apart["error"]
    assert "nobody drives the face of another (train: 1 person, test: 1 person)" in error
    assert "4 people of one source give each split two by these shares" in error
    assert "no face is driven by two people in the split train (1 person)" in apart["warning"][0]
    assert "no test face has two videos by its own person" in apart["warning"][1]
    # No clip may be used at all.
    refused = protocol_findings(write_recipe(tmp_path / "recipe.yaml", sources, rights={"render_if": ["commercial"]}))
    assert refused["error"][0].startswith("protocols: no synthetic video comes out")
    # In the split test alone: both labels are there.
    (tmp_path / "clips.csv").write_text(sources.read_text().replace("train", "test"))
    rows = [{"csv": "clips.csv", "root": str(sources.parent), "defaults": {"licence": "CC0", "consent": "yes"}}]
    tested = protocol_findings(write_recipe(tmp_path / "recipe.yaml", sources, sources=rows))
    assert tested["error"] == tested["warning"] == []
    assert "2 faces have genuine and impostor videos, 2 people; no interval is printed" in tested["ok"][1]
    # Without cross-reenactments there is no impostor.
    selfish = protocol_findings(
        write_recipe(tmp_path / "recipe.yaml", sources, sources=rows, pairs={"cross_per_clip": 0})
    )
    assert "2 people, 0 videos of another's face" in selfish["warning"][0]
    assert selfish["error"] == []  # nvfair's protocols need impostors on the same face; same-driver does not
    # Of two clips, one gives the portrait.
    lines = (tmp_path / "clips.csv").read_text().splitlines()
    (tmp_path / "clips.csv").write_text("\n".join(line for line in lines if "-2.mp4" not in line))
    few = protocol_findings(write_recipe(tmp_path / "recipe.yaml", sources, sources=rows))
    assert "a portrait picture and two clips, or with three clips" in few["warning"][0]


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
    assert topics["warning"] == {"rights", "clip", "protocols"}


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
    monkeypatch.setattr("nvfair_tools.curate.costs.room.shutil.disk_usage", lambda path: usage(10, 9, 1))
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


def test_a_set_of_which_nothing_can_be_used_ends_with_status_1_and_says_why(sources, tmp_path):
    recipe = tmp_path / "recipe.yaml"
    write_recipe(recipe, sources, workers=0, rights={"render_if": ["commercial"]})
    result = CliRunner().invoke(cli, ["build", str(recipe), "--quiet"])
    assert "no synthetic video comes out" in str(result.exception), "refused before any work"
    result = CliRunner().invoke(cli, ["build", str(recipe), "--quiet", "--no-preflight"])
    assert result.exit_code == 1
    assert "protocols: no synthetic video comes out, so no method can be trained or tested" in result.output
    assert "finished" in result.output, "what there is was written all the same"
    # Each person in a split of their own: said when the pairs are planned, before anything is rendered.
    shares = {"by": "shares", "shares": {"train": 0.5, "validation": 0, "test": 0.5}}
    write_recipe(recipe, sources, workers=0, splits=shares)
    result = CliRunner().invoke(cli, ["plan", str(recipe), "--quiet"])
    assert result.exit_code == 1
    assert "nobody drives the face of another (train: 1 person, test: 1 person)" in result.output
    assert "4 people of one source give each split two" in result.output
