"""What people type wrong most often is answered with what they meant."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.nvfair_tools.cli.command_calls import Call

# Words ({name} is a path of the tests), the status, and what the answer must say.
MISTAKES = {
    "no generator": ("train {dataset} {out}", 2, "Choose from alpha, beta."),
    "a misspelt generator": ("train {dataset} {out} -g alhpa", 1, "did you mean 'alpha'?"),
    "a misspelt protocol": (
        "evaluate {dataset} --checkpoint {checkpoint} --protocol nvfair-unsen --out {out}",
        1,
        "did you mean 'nvfair-unseen'?",
    ),
    "a misspelt network": ("train {dataset} {out} -g alpha --method temporal-cn", 1, "did you mean 'temporal-cnn'?"),
    "the new folder left out": ("dataset merge {dataset} {dataset}", 2, "nvfair dataset merge OUT DATASET DATASET"),
    "the person last": ("revoke {dataset} toy:00", 2, "the person comes first: nvfair revoke toy:00"),
    "the video first": ("verify {video} {enrolment}", 1, "this file is no enrolment"),
    "an enrolment for a calibration": (
        "verify {enrolment} {video} --calibration {enrolment}",
        1,
        "this file is no calibration",
    ),
    "a folder of recordings for a recipe": ("build {videos}", 2, "nvfair new recipe NAME --from VIDEOS"),
    "a huge file for a recipe": ("check {huge}", 1, "this is no recipe: it has 900 MB"),
    "an address without https": ("submit push {submission} --url board.example.org", 1, "such as https://host"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_typical_mistake_is_answered_with_what_was_meant(name, places, tmp_path, monkeypatch):
    with open(tmp_path / "huge.yaml", "wb") as file:
        file.truncate(900_000_000)
    monkeypatch.delenv("NVFAIR_TOKEN", raising=False)
    line, status, text = MISTAKES[name]
    known = {**places, "out": tmp_path / "out", "huge": tmp_path / "huge.yaml"}
    call = Call([word.format(**{key: str(path) for key, path in known.items()}) for word in line.split()])
    assert call.status == status, call
    assert text in call.errors, call
    assert not (tmp_path / "out").exists()


def test_names_with_blanks_and_letters_of_any_language_are_as_good_as_others(places, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(places["dataset"], "Lü mière 数据")
    call = Call(["dataset", "merge", "neue Menge é", "Lü mière 数据", str(places["dataset"])])
    assert call.status == 0, call
    assert Path("neue Menge é", "dataset.json").is_file()
    (tmp_path / "clips" / "ann").mkdir(parents=True)
    (tmp_path / "clips" / "ann" / "a.mp4").touch()
    call = Call(["new", "recipe", "my clips é", "--from", "clips", "--dry-run"])
    assert call.status == 0, call


def test_what_several_checks_of_a_preflight_say_stands_below_each(places, tmp_path):
    (tmp_path / "list.csv").write_text("path;identity\na.mp4;x:ann\n")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "name: clips\noutput: out\nsources: [{csv: list.csv}]\nrights: {render_if: [research]}\n"
        "generators: [{name: warp-dense}]\n"
    )
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "other.txt").touch()
    lines = Call(["build", str(recipe)]).errors.splitlines()
    reasons = [line for line in lines if line.startswith("  - ")]
    assert f"for {len(reasons)} reasons" in lines[0], lines
